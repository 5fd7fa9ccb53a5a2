import type { Clock, TimerId } from '../../../time/clock.ts';
import type { SipRequest, SipResponse } from '../message/index.ts';
import { hasOption } from './core.ts';
import type { Dialog } from './dialog.ts';

/** RFC 4028 §5: nobody may ask for a shorter interval. */
export const MIN_SE = 90;

/** The value of a Session-Expires header, RFC 4028 §4. */
export interface SessionExpires {
  readonly seconds: number;
  /** Who sends the refreshes: the sender of the request in which this stands, or its receiver. */
  readonly refresher: 'uac' | 'uas' | undefined;
}

/** Requests that agree on a session interval, and refresh it. */
export const refreshesSession = (method: string): boolean => method === 'INVITE' || method === 'UPDATE';

export function sessionExpires(message: SipRequest | SipResponse): SessionExpires | undefined {
  const match = /^(\d{1,9})(?:\s*;.*?\brefresher\s*=\s*(uac|uas))?/i.exec(message.headers.get('Session-Expires') ?? '');
  if (!match) return undefined;
  const refresher = match[2]?.toLowerCase();
  return { seconds: Number(match[1]), refresher: refresher === 'uac' || refresher === 'uas' ? refresher : undefined };
}

/** Whether a request asks for an interval that is too short; the answer is 422 with our Min-SE (§9). */
export const intervalTooSmall = (request: SipRequest): boolean =>
  refreshesSession(request.method) &&
  hasOption(request, 'Supported', 'timer') &&
  (sessionExpires(request)?.seconds ?? MIN_SE) < MIN_SE;

/** Accepts in our 2xx the interval that the peer proposed, unless the application has said something itself (§9). */
export function acceptSession(request: SipRequest, response: SipResponse): void {
  const proposed = sessionExpires(request);
  const { headers } = response;
  if (!proposed || headers.has('Session-Expires') || !hasOption(request, 'Supported', 'timer')) return;
  const { seconds, refresher = 'uac' } = proposed;
  headers.append('Session-Expires', `${seconds};refresher=${refresher}`);
  if (refresher === 'uac' && !hasOption(response, 'Require', 'timer')) headers.append('Require', 'timer');
}

/** Keeps sessions alive, or ends them when the peer no longer does: one timer for each dialog that agreed on an interval. */
export class Sessions {
  readonly #clock: Clock;
  readonly #refresh: (dialog: Dialog) => void;
  readonly #expired: (dialog: Dialog) => void;

  constructor(clock: Clock, refresh: (dialog: Dialog) => void, expired: (dialog: Dialog) => void) {
    this.#clock = clock;
    this.#refresh = refresh;
    this.#expired = expired;
  }

  /**
   * A 2xx to INVITE or UPDATE says anew whether there is an interval and who refreshes.
   * @param role ours in this transaction
   */
  agreed(dialog: Dialog, response: SipResponse, role: 'uac' | 'uas'): void {
    dialog.session?.stop();
    dialog.session = undefined;
    const terms = sessionExpires(response);
    if (!terms || dialog.phase === 'ended') return;
    dialog.session = new SessionTimer({
      clock: this.#clock,
      seconds: terms.seconds,
      ours: (terms.refresher ?? 'uac') === role,
      refresh: () => this.#refresh(dialog),
      expired: () => this.#expired(dialog),
    });
  }
}

/** The interval of one session. RFC 4028 §10: refreshed at half time; without a refresh ended shortly before it is over. */
export class SessionTimer {
  readonly seconds: number;
  /** Whether we are to refresh. */
  readonly ours: boolean;
  readonly #clock: Clock;
  readonly #refresh: () => void;
  readonly #expired: () => void;
  #timer: TimerId;

  constructor(options: { clock: Clock; seconds: number; ours: boolean; refresh: () => void; expired: () => void }) {
    this.seconds = options.seconds;
    this.ours = options.ours;
    this.#clock = options.clock;
    this.#refresh = options.refresh;
    this.#expired = options.expired;
    const ms = this.seconds * 1000;
    if (this.ours) this.#refreshAtHalf(ms);
    else this.#wait(ms - this.#margin, () => this.#expired());
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  /** What must be left for the BYE to arrive before the peer ends the session itself. */
  get #margin(): number {
    return Math.min(32_000, (this.seconds * 1000) / 3);
  }

  /** A refresh that fails is tried again at half of what is left. */
  #refreshAtHalf(left: number): void {
    const half = left / 2;
    if (half < this.#margin / 2) return this.#wait(Math.max(0, left - this.#margin / 2), () => this.#expired());
    this.#wait(half, () => {
      this.#refreshAtHalf(half);
      this.#refresh();
    });
  }

  #wait(ms: number, then: () => void): void {
    this.#timer = this.#clock.setTimeout(then, ms);
  }
}
