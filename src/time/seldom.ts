import type { Clock } from './clock.ts';

/** As many different things are kept in mind; then it begins anew. */
const MOST = 1000;

/** Whoever says one and the same thing over and over floods log and events: it is said once in so long. */
export class Seldom {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #everyMs: number;
  readonly #last = new Map<string, number>();

  constructor(clock: Pick<Clock, 'monotonic'>, everyMs: number) {
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  /** Whether it is to be said now, which it then counts as. */
  may(thing: string): boolean {
    const now = this.#clock.monotonic();
    const last = this.#last.get(thing);
    if (last !== undefined && now - last < this.#everyMs) return false;
    if (this.#last.size >= MOST) this.#last.clear();
    this.#last.set(thing, now);
    return true;
  }
}
