import { PauseWatch } from '../../../media/pause-watch.ts';
import type { SilenceLimits } from '../../../media/port.ts';
import type { Clock } from '../../../time/clock.ts';

/** How long it has lasted, milliseconds. */
export interface SilenceListener {
  silent(ms: number): void;
  paused(ms: number): void;
  resumed(): void;
}

/** Notices that nothing comes any more from a peer who should send, and every pause of one who need not. */
export class SilenceWatch {
  readonly #clock: Clock;
  readonly #listener: SilenceListener;
  readonly #pause: PauseWatch;
  #limits: SilenceLimits = { firstMs: 0, thenMs: 0, pauseMs: 0 };
  /** Of the last packet, or since when there could have been one; milliseconds, monotonic. */
  #sinceMs = 0;
  #heard = false;
  #told = false;

  constructor(clock: Clock, listener: SilenceListener) {
    this.#clock = clock;
    this.#listener = listener;
    this.#pause = new PauseWatch(
      (ms) => listener.paused(ms),
      () => listener.resumed(),
    );
  }

  expect(limits: SilenceLimits): void {
    const now = this.#clock.monotonic();
    this.#limits = limits;
    this.#begin(now);
    this.#pause.expect(limits.pauseMs, now);
  }

  /** A packet has come. */
  heard(nowMs: number): void {
    this.#heard = true;
    this.#begin(nowMs);
    this.#pause.heard(nowMs);
  }

  /** Called a few times a second. @param due the peer is to send */
  check(due: boolean): void {
    const now = this.#clock.monotonic();
    this.#pause.check(now);
    // A silence that was agreed on is none, also when it is over.
    if (!due) return this.#begin(now);
    const limit = this.#heard ? this.#limits.thenMs : this.#limits.firstMs;
    const ms = now - this.#sinceMs;
    if (this.#told || limit === 0 || ms < limit) return;
    this.#told = true;
    this.#listener.silent(Math.round(ms));
  }

  #begin(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#told = false;
  }
}
