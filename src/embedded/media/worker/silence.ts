import type { SilenceLimits } from '../../../media/port.ts';
import type { Clock } from '../../../time/clock.ts';

/** Notices that nothing comes any more from a peer who should send. */
export class SilenceWatch {
  readonly #clock: Clock;
  readonly #tell: (ms: number) => void;
  #limits: SilenceLimits = { firstMs: 0, thenMs: 0 };
  /** Of the last packet, or since when there could have been one; milliseconds, monotonic. */
  #sinceMs = 0;
  #heard = false;
  #told = false;

  /** @param tell how long the silence has lasted */
  constructor(clock: Clock, tell: (ms: number) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  expect(limits: SilenceLimits): void {
    this.#limits = limits;
    this.#begin(this.#clock.monotonic());
  }

  /** A packet has come. */
  heard(nowMs: number): void {
    this.#heard = true;
    this.#begin(nowMs);
  }

  /** Called a few times a second. @param due the peer is to send */
  check(due: boolean): void {
    const now = this.#clock.monotonic();
    // A silence that was agreed on is none, also when it is over.
    if (!due) return this.#begin(now);
    const limit = this.#heard ? this.#limits.thenMs : this.#limits.firstMs;
    const ms = now - this.#sinceMs;
    if (this.#told || limit === 0 || ms < limit) return;
    this.#told = true;
    this.#tell(Math.round(ms));
  }

  #begin(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#told = false;
  }
}
