import type { Call } from '../call/call.ts';
import type { Clock, TimerId } from '../time/clock.ts';
import type { SimulatedMedia } from './media.ts';
import type { Command } from './script.ts';
import type { SimulatedIncomingInvite } from './sip.ts';

/** How long a caller lets himself be kept who has nothing left to do, milliseconds. */
export const patienceMs = 3_600_000;

export interface CallerOptions {
  readonly script: readonly Command[];
  readonly invite: SimulatedIncomingInvite;
  readonly media: SimulatedMedia;
  readonly clock: Clock;
  /** Undefined once it is over. */
  readonly call: () => Call | undefined;
}

/**
 * The caller with his script. Keys and the fax tone wait until the block that he is in takes them, the keys of one `press` each by itself; `wait` and
 * `hangup` are a matter of time alone. After the script he is silent, and after an hour he hangs up.
 */
export class SimulatedCaller {
  readonly #options: CallerOptions;
  #left: Command[];
  #waiting: TimerId | undefined;
  #patience: TimerId;

  constructor(options: CallerOptions) {
    this.#options = options;
    this.#left = [...options.script];
    this.#patience = options.clock.setTimeout(() => this.#giveUp(), patienceMs);
  }

  /** What he did not come to. */
  get left(): readonly Command[] {
    return this.#left;
  }

  /** He will hang up whatever happens, without having to press anything first. */
  get willHangUp(): boolean {
    const next = this.#left.find((command) => command.do !== 'wait');
    return next?.do === 'hangup';
  }

  /** Does the next thing, if its time has come. */
  act(): boolean {
    const [next] = this.#left;
    if (!next || this.#waiting !== undefined) return false;
    switch (next.do) {
      case 'wait':
        this.#waiting = this.#options.clock.setTimeout(() => {
          this.#waiting = undefined;
          this.#left.shift();
        }, next.seconds * 1000);
        return true;
      case 'press':
        return this.#press(next.keys);
      case 'fax': {
        const endpoint = this.#endpoint;
        if (!endpoint || !this.#options.call()?.scheme?.takes.faxTone) return false;
        this.#left.shift();
        endpoint.faxTone();
        return true;
      }
      case 'hangup':
        this.#left.shift();
        this.#options.invite.hangUp();
        return true;
    }
  }

  /** The call is over. */
  stop(): void {
    this.#options.clock.clearTimeout(this.#patience);
    this.#options.clock.clearTimeout(this.#waiting);
  }

  #press(keys: string): boolean {
    const endpoint = this.#endpoint;
    const call = this.#options.call();
    // While a message is recorded, keys are the mailbox's.
    if (!endpoint || !(call?.message || call?.scheme?.takes.digit)) return false;
    if (keys.length > 1) this.#left[0] = { do: 'press', keys: keys.slice(1) };
    else this.#left.shift();
    endpoint.press(keys.charAt(0));
    return true;
  }

  /** What hears him; there is none before he is answered. */
  get #endpoint() {
    const { invite, media } = this.#options;
    return invite.answered ? media.endpointFor(invite.sdp) : undefined;
  }

  #giveUp(): void {
    const why = 'the call does not end by itself: after an hour the caller hangs up';
    this.#options.call()?.timeline.trace({ state: 'caller', event: 'gaveUp', why });
    this.#options.invite.hangUp();
  }
}
