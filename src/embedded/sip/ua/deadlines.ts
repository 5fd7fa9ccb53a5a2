import type { Clock, TimerId } from '../../../time/clock.ts';

/** Things that all may take equally long, with one timer for all of them: adding and deleting cost nothing worth a thought. */
export class Deadlines<T> {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #expired: (item: T) => void;
  /** In the order of adding, which is that of falling due. */
  readonly #due = new Map<T, number>();
  #timer: TimerId | undefined;

  constructor(clock: Clock, ms: number, expired: (item: T) => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#expired = expired;
  }

  get size(): number {
    return this.#due.size;
  }

  /** Starts its time, or starts it anew. */
  add(item: T): void {
    this.#due.delete(item);
    this.#due.set(item, this.#clock.monotonic() + this.#ms);
    this.#timer ??= this.#clock.setTimeout(() => this.#check(), this.#ms);
  }

  delete(item: T): void {
    this.#due.delete(item);
  }

  clear(): void {
    this.#due.clear();
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #check(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    for (const [item, at] of this.#due) {
      if (at > now) {
        this.#timer ??= this.#clock.setTimeout(() => this.#check(), at - now);
        return;
      }
      this.#due.delete(item);
      this.#expired(item);
    }
  }
}
