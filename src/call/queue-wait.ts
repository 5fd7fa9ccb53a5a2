import { announcement, type Heard } from '../acd/announcements.ts';
import type { QueuePlace } from '../acd/distributor.ts';
import type { Group } from '../config/document.ts';
import { delay } from '../time/clock.ts';
import type { Call } from './call.ts';

/**
 * What a caller hears while he waits in the queue of a group (§4.4.3, §4.4.6.2): what a step has started to its end, the enqueue message, the offer of a
 * callback; then music, and now and then how long it will take. It begins when nobody is available for him, and goes on while members are rung, until it is
 * ended: whatever is being said is broken off then.
 */
export class QueueWait {
  readonly #call: Call;
  readonly #group: Group;
  readonly #place: QueuePlace;
  readonly #askForCallback: (() => void) | undefined;
  readonly #over = new AbortController();
  /** Set while somebody has picked up who does not talk to him yet: nothing new is said. */
  #hush: PromiseWithResolvers<void> | undefined;

  /** @param askForCallback he has pressed 1; undefined: he is not offered that */
  constructor(call: Call, group: Group, place: QueuePlace, askForCallback: (() => void) | undefined) {
    this.#call = call;
    this.#group = group;
    this.#place = place;
    this.#askForCallback = askForCallback;
    void this.#run();
  }

  /** Somebody has picked up, and is told who calls. @returns nothing came of it: he goes on waiting */
  hush(): () => void {
    const hush = Promise.withResolvers<void>();
    this.#hush = hush;
    return () => {
      this.#hush = undefined;
      this.#music();
      hush.resolve();
    };
  }

  end(): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    this.#call.keys = undefined;
  }

  async #run(): Promise<void> {
    // Gone before the queue knows it: what he was hearing is over, and nothing follows.
    const signal = AbortSignal.any([this.#over.signal, this.#call.caller.gone]);
    try {
      await this.#message(signal);
      await this.#offerCallback(signal);
      signal.throwIfAborted();
      await this.#announce(signal);
    } catch (error) {
      if (!signal.aborted)
        this.#call.log.error({ err: error, group: this.#group.id }, 'a waiting caller hears nothing');
    }
  }

  async #message(signal: AbortSignal): Promise<void> {
    const { audio } = this.#call;
    const { enqueueMessage } = this.#group.hold;
    await audio.startedIsOver(signal);
    signal.throwIfAborted();
    if (enqueueMessage === null) return audio.answer();
    this.#note('play', { audio: enqueueMessage });
    await audio.play(enqueueMessage, signal);
  }

  async #offerCallback(signal: AbortSignal): Promise<void> {
    if (!this.#askForCallback) return;
    await this.#hush?.promise;
    signal.throwIfAborted();
    this.#call.keys = (digit) => {
      if (digit !== '1') return false;
      if (!this.#hush) this.#askForCallback?.();
      return true;
    };
    await this.#call.audio.play('builtin:callback-offer', signal);
  }

  async #announce(signal: AbortSignal): Promise<void> {
    const { clock } = this.#call.services;
    const { announce: rules, hold } = this.#group;
    signal.throwIfAborted();
    this.#note('wait', hold.music === null ? {} : { audio: hold.music });
    let plays = false;
    let heard: Heard | undefined;
    for (;;) {
      await this.#hush?.promise;
      const situation = rules.waitTime || rules.position ? await this.#place.situation() : undefined;
      signal.throwIfAborted();
      // While somebody is rung for him, or Redis is away, there is nothing to say.
      const next = situation && !this.#hush ? announcement(rules, heard, situation) : undefined;
      heard = next?.heard ?? heard;
      if (next && next.say.length > 0) {
        plays = false;
        await this.#call.audio.say(next.say, signal);
        signal.throwIfAborted();
      }
      if (!plays && !this.#hush) this.#music();
      plays = true;
      if (!rules.waitTime && !rules.position) return;
      const at = next ? next.nextAt : clock.now() + rules.every * 1000;
      if (at === undefined) return;
      await delay(clock, Math.max(0, at - clock.now()), signal);
    }
  }

  #music(): void {
    void this.#call.audio.waitForAnswer(this.#group.hold.music ?? undefined);
  }

  #note(event: 'play' | 'wait', detail: Readonly<Record<string, unknown>>): void {
    const { id } = this.#group;
    const why = 'nobody of the group is available';
    this.#call.timeline.aside({ state: queueState(id), event, detail: { ...detail, group: id }, why });
  }
}

/** Where a call is that waits for a group: in no scheme, whatever the names of schemes are. */
export const queueState = (group: string): string => `@queue/${group}`;
