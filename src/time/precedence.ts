import type { Clock, TimerId } from './clock.ts';

/** Milliseconds. What one urgent thing leads to comes as a message, which is given so long to arrive. */
const followsWithinMs = 1;
/** Whoever gives way does so for no longer than this, however busy the node is. */
const patienceMs = 50;
/** Milliseconds. A call that has come or gone leaves what can be put in order so long after, and no sooner: most of its work is done then. */
const restAfterMs = 5;

/**
 * What somebody waits for goes before what nobody waits for. All calls of a node share one thread, and a call that ends leaves much to be done: the other
 * party is hung up, the record is made, told, and stored. The agent whom it has made available has his next caller meanwhile, who hears music for as long
 * as that takes. So those who see to him say so, and the rest gives way until his phone is on its way to ring.
 */
export class Precedence {
  readonly #clock: Clock;
  readonly #rest: (() => void) | undefined;
  #urgent = 0;
  /** Those who give way. */
  readonly #waiting = new Set<() => void>();
  /** Runs when nothing is urgent any more, for what follows from it, and while some who gave way still do. */
  #after: TimerId | undefined;
  #resting = false;

  /** @param rest what may be done when nobody waits: it gives way as well, and comes a moment after each of those who do */
  constructor(clock: Clock, rest?: () => void) {
    this.#clock = clock;
    this.#rest = rest;
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
    this.#restLater();
    await this.#clear();
  }

  async #clear(): Promise<void> {
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

  #restLater(): void {
    const rest = this.#rest;
    if (!rest || this.#resting) return;
    this.#resting = true;
    this.#clock.setTimeout(async () => {
      await this.#clear();
      this.#resting = false;
      rest();
    }, restAfterMs);
  }

  /** One after the other, each in a turn of the event loop of its own: what has become urgent meanwhile is not held up by all of them. */
  #over(): void {
    this.#after = undefined;
    const [next] = this.#waiting;
    next?.();
    if (this.#waiting.size > 0) this.#after = this.#clock.setTimeout(() => this.#over(), 0);
  }
}
