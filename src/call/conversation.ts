import type { Logger } from 'pino';
import type { PbxVersion } from '../config/version.ts';
import type { Leg } from '../dial/leg.ts';
import type { EndReason } from '../end-reason.ts';
import { errorText } from '../errors.ts';
import type { AudioSource, Playback } from '../media/port.ts';
import type { Clock } from '../time/clock.ts';
import type { DirectMedia } from './direct-media.ts';
import { type Commands, InCallKeys } from './in-call-keys.ts';
import type { Sounds } from './sounds.ts';

/** Whose BYE it was; `engine`: ours, by command, or because a part of the engine failed. */
export type EndedBy = 'caller' | 'callee' | 'engine';

export interface ConversationEnd<S> {
  /** Or who talks on in place of one of the two. */
  readonly by: EndedBy | S;
  /** How long either had the other on hold, milliseconds. */
  readonly heldMs: number;
}

/** Others who may come to be in a conversation, because one of the two calls them. `S`: of one of whom somebody else takes the place. */
export interface Company<S> {
  /**
   * The two are together now, and their keys go so.
   * @param moved is to be called when they are not any more, or are again: music of one who is held is for the other
   */
  begins(passes: { readonly passDtmf: boolean; readonly passPeersDtmf: boolean }, moved: () => void): void;
  /** One has pressed a key. True: it was for the company. */
  key(side: 'caller' | 'callee', digit: string): boolean;
  /** The two are not together: nothing of one is for the other. */
  readonly isApart: boolean;
  /** One holds, or does not any more. */
  holds(side: 'caller' | 'callee', held: boolean): void;
  /** One has gone. True: the conversation goes on without him. */
  left(side: 'caller' | 'callee'): boolean;
  /** Resolves when it does not go on any more, of those that have, or goes on with somebody else. */
  readonly over: Promise<EndedBy | S>;
}

/**
 * Two parties talk: their audio is bridged, until one of them hangs up, or somebody else takes his place; the other one is still there then. One who is put on hold hears
 * music. Never rejects: whatever goes wrong ends the conversation.
 *
 * @param music what the held one hears
 * @param held told when one puts the other on hold, and when nobody does any more
 * @param company who else may come to be in it
 * @param direct takes their audio past the media server, where that may be
 * @param commands what each may command by keys, which the other side does not get then
 */
export async function converse<S = never>(
  caller: Leg,
  callee: Leg,
  {
    music,
    clock,
    log,
    held: tell,
    commands = {},
    direct,
    company,
  }: {
    readonly music: readonly AudioSource[];
    readonly clock: Clock;
    readonly log: Pick<Logger, 'warn'>;
    readonly held: (held: boolean) => void;
    readonly commands?: { readonly caller?: Commands; readonly callee?: Commands };
    readonly direct?: Pick<DirectMedia, 'takeBack'> | undefined;
    readonly company?: Company<S>;
  },
): Promise<ConversationEnd<S>> {
  const { promise: ended, resolve } = Promise.withResolvers<EndedBy | S>();
  const hold = { since: 0, holders: 0, total: 0 };
  const off: (() => void)[] = [];
  const moved: (() => void)[] = [];
  const now = () => clock.now();

  const side = (leg: Leg, other: Leg, name: 'caller' | 'callee') => {
    let playing: Playback | undefined;
    const send = async (digits: string) => {
      if (company?.isApart) return;
      // Only the media server knows in which form the other one wants it.
      if (direct) await direct.takeBack();
      await other.endpoint.sendDtmf(digits).catch(() => undefined);
    };
    const noteHold = () => {
      const held = leg.held && !leg.ended && !company?.isApart;
      if (held === (playing !== undefined)) return;
      if (held) {
        playing = other.endpoint.play(music, { loop: true });
        if (hold.holders++ > 0) return;
        hold.since = now();
      } else {
        void playing?.stop();
        playing = undefined;
        if (--hold.holders > 0) return;
        hold.total += now() - hold.since;
      }
      tell(held);
    };
    moved.push(noteHold);
    const own = commands[name];
    const keys = own && new InCallKeys(own, clock, (digits) => void send(digits));
    off.push(
      () => keys?.close(),
      leg.on('ended', ({ by }) => {
        // By command it is over for all; one whom nothing is heard of has left.
        const isCut = by === 'local' && leg.cutFor === undefined;
        if (isCut || !company?.left(name)) resolve(by === 'local' ? 'engine' : name);
      }),
      leg.on('digit', ({ digit, via }) => {
        // The bridge carries what came in the media, unless it may be a command; a digit by INFO has to be sent on.
        if (company?.key(name, digit)) return;
        if (keys) keys.press(digit);
        else if (via === 'info') void send(digit);
      }),
      leg.on('hold', ({ held }) => {
        company?.holds(name, held);
        noteHold();
      }),
    );
    if (leg.ended) resolve(leg.ended.by === 'local' ? 'engine' : name);
  };
  side(caller, callee, 'caller');
  side(callee, caller, 'callee');

  const passes = { passDtmf: commands.caller === undefined, passPeersDtmf: commands.callee === undefined };
  company?.begins(passes, () => {
    for (const note of moved) note();
  });
  void company?.over.then(resolve);
  await caller.endpoint.bridge(callee.endpoint, passes).catch((error: unknown) => {
    // One of them may just have hung up.
    if (!caller.ended && !callee.ended) log.warn({ error: errorText(error) }, 'the two parties cannot be connected');
    resolve('engine');
  });
  const by = await ended;
  for (const remove of off) remove();
  if (hold.holders > 0) hold.total += now() - hold.since;
  return { by, heldMs: hold.total };
}

/** Why the conversation is over. @param ended why the call was ended, where it was ended from outside */
export function reasonOfEnd(by: EndedBy, ended: EndReason | undefined): EndReason {
  switch (by) {
    case 'callee':
      return 'calleeHungUp';
    case 'caller':
      return 'callerHungUp';
    case 'engine':
      return ended ?? 'networkFailure';
  }
}

/** What one who is put on hold hears. */
export const holdMusic = (sounds: Sounds, pbx: PbxVersion): readonly AudioSource[] =>
  sounds.audio(pbx, pbx.document.defaults.group.holdMusic ?? 'builtin:music');
