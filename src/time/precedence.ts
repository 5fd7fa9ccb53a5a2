import type { Clock, TimerId } from './clock.ts';

/** Milliseconds. What one urgent thing leads to comes as a message, which is given so long to arrive. */
const followsWithinMs = 1;
/** Whoever gives way does so for no longer than this, however busy the node is. */
const patienceMs = 50;

/**
 * What somebody waits for goes before what nobody waits for. All calls of a node share one thread, and a call that ends leaves much to be done: the other
 * party is hung up, the record is made, told, and stored. The agent whom it has made available has his next caller meanwhile, who hears music for as long
 * as that takes. So those who see to him say so, and the rest gives way until his phone is on its way to ring.
 */
export class Precedence {
  readonly #clock: Clock;
  #urgent = 0;
  /** Those who give way. */
  readonly #waiting = new Set<() => void>();
  /** Runs when nothing is urgent any more, for what follows from it, and while some who gave way still do. */
  #after: TimerId | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something urgent has begun. @returns to be called when it is done; may be called more often */
  begin(): () => void {
    this.#urgent++;
    this.#clock.clearTimeout(this.#after);
    this.#after = undefined;
    let isDone = false;
    return () => {
      if (isDone) return;
      isDone = true;
      if (--this.#urgent === 0) this.#after = this.#clock.setTimeout(() => this.#over(), followsWithinMs);
    };
  }

  /** Resolves when nothing urgent is under way: at once, or within `patienceMs`. */
  async clear(): Promise<void> {
    if (this.#urgent === 0 && this.#after === undefined) return;
    await new Promise<void>((resolve) => {
      const goOn = () => {
        this.#clock.clearTimeout(timer);
        this.#waiting.delete(goOn);
        resolve();
      };
      const timer = this.#clock.setTimeout(goOn, patienceMs);
      this.#waiting.add(goOn);
    });
  }

  /** One after the other, each in a turn of the event loop of its own: what has become urgent meanwhile is not held up by all of them. */
  #over(): void {
    this.#after = undefined;
    const [next] = this.#waiting;
    next?.();
    if (this.#waiting.size > 0) this.#after = this.#clock.setTimeout(() => this.#over(), 0);
  }
}
