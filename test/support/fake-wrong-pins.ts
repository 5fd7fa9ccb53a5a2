import type { PinLimits, WrongPins } from '../../src/call/open-mailbox.ts';
import type { Clock } from '../../src/time/clock.ts';

/** Wrong PINs as `redis/throttle.ts` counts them, within one window. */
export class FakeWrongPins implements WrongPins {
  /** What the next questions fail with. */
  away: Error | undefined;
  readonly #clock: Clock;
  readonly #counts = new Map<string, { failures: number; until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async fail(pbx: string, key: string, { limit, block }: PinLimits): Promise<void> {
    if (this.away) throw this.away;
    const of = `${pbx} ${key}`;
    const known = this.#counts.get(of);
    const count = known && !(known.until > 0 && known.until <= this.#clock.now()) ? known : { failures: 0, until: 0 };
    count.failures++;
    if (count.failures >= limit) count.until = this.#clock.now() + block * 1000;
    this.#counts.set(of, count);
  }

  async blockedUntil(pbx: string, key: string): Promise<number | undefined> {
    if (this.away) throw this.away;
    const until = this.#counts.get(`${pbx} ${key}`)?.until ?? 0;
    return until > this.#clock.now() ? until : undefined;
  }
}
