import type { Leg } from '../dial/leg.ts';
import { errorText } from '../errors.ts';
import type { Call, CallServices } from './call.ts';
import { holdMusic } from './conversation.ts';
import type { Commands } from './in-call-keys.ts';
import type { Talk, TalkSide } from './recording.ts';

/** `#0` of the employees among those who talk (§4.6.5.2): the other one sends a fax, and then they talk on. */
export interface InCallFax {
  readonly commands: Readonly<Partial<Record<TalkSide, Commands>>>;
  /** Resolves when no fax is being received: an employee who hangs up meanwhile does not break it off. */
  over(): Promise<void>;
}

/** @param received told how many pages a fax has brought */
export function inCallFax(
  talk: Talk,
  legs: Readonly<Record<TalkSide, Leg>>,
  services: Pick<CallServices, 'fax' | 'sounds'>,
  log: Call['log'],
  received: (pages: number) => void,
): InCallFax {
  const { pbx } = talk;
  let underWay: Promise<void> | undefined;

  const receive = async (side: TalkSide, employee: string) => {
    const [own, other] = side === 'caller' ? (['caller', 'callee'] as const) : (['callee', 'caller'] as const);
    // The machine has its leg for itself; he hears meanwhile what one hears who is put on hold.
    const music = legs[own].endpoint.play(holdMusic(services.sounds, pbx), { loop: true });
    const number = other === 'caller' ? talk.from : talk[other].contact;
    const pages = await services.fax.receiveWhileTalking({ talk, leg: legs[other], number, employee, log });
    await music.stop();
    received(pages);
    const sound = pages > 0 ? 'builtin:beep' : 'builtin:error-tone';
    if (!legs[own].ended) legs[own].endpoint.play(services.sounds.audio(pbx, sound));
  };
  const commandsOf = (side: TalkSide, employee: string): Commands =>
    new Map([
      [
        '#0',
        () => {
          underWay ??= receive(side, employee)
            .catch((error: unknown) => log.error({ err: error }, `a fax failed: ${errorText(error)}`))
            .finally(() => {
              underWay = undefined;
            });
        },
      ],
    ]);
  const allowed = pbx.document.fax.inCall && !pbx.document.security.ignoreDtmf;
  const sides = allowed ? (['caller', 'callee'] as const) : [];
  return {
    commands: Object.fromEntries(
      sides.flatMap((side) => {
        const { employee } = talk[side];
        return employee === undefined ? [] : [[side, commandsOf(side, employee)]];
      }),
    ),
    over: async () => underWay,
  };
}

/** The commands of several parts. */
export function allCommands(
  ...parts: readonly Readonly<Partial<Record<TalkSide, Commands>>>[]
): Readonly<Partial<Record<TalkSide, Commands>>> {
  const of = (side: TalkSide) => {
    const entries = parts.flatMap((part) => [...(part[side] ?? [])]);
    return entries.length === 0 ? {} : { [side]: new Map(entries) };
  };
  return { ...of('caller'), ...of('callee') };
}
