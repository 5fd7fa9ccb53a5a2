import type { Clock, TimerId } from '../time/clock.ts';

/** What has been asked was not answered in time. */
export class NoAnswerError extends Error {
  constructor() {
    super('it does not answer');
    this.name = 'NoAnswerError';
  }
}

interface Waiting {
  looks: number;
  readonly reject: (error: NoAnswerError) => void;
}

const looksPerLimit = 4;

/**
 * How long a server may take to answer. A timer of its own for each command would blame the server for what this process did: when the event loop has been
 * held up, by three hundred callers who hang up at once, timers run before the answers are read that came meanwhile. So all commands share one timer,
 * which looks four times in a limit: a look that comes late counts as one, and judges only when what has arrived has been read.
 */
export class AnswerTime {
  readonly #lookMs: number;
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiting>();
  #timer: TimerId | undefined;

  /** @param limitMs no command is given up earlier, and none a quarter later, unless this process is held up */
  constructor(limitMs: number, clock: Clock) {
    this.#lookMs = limitMs / looksPerLimit;
    this.#clock = clock;
  }

  /** @throws NoAnswerError; what `answer` rejects with otherwise */
  limit<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const one = { looks: 0, reject };
      this.#waiting.add(one);
      const isOver = () => this.#waiting.delete(one);
      answer.then(isOver, isOver);
      answer.then(resolve, reject);
      this.#await();
    });
  }

  #await(): void {
    // Sockets are read between a timer and what it sets for at once.
    this.#timer ??= this.#clock.setTimeout(() => setImmediate(() => this.#look()), this.#lookMs);
  }

  #look(): void {
    this.#timer = undefined;
    for (const one of this.#waiting) {
      one.looks++;
      // The first may have come right after it was asked.
      if (one.looks <= looksPerLimit) continue;
      this.#waiting.delete(one);
      one.reject(new NoAnswerError());
    }
    if (this.#waiting.size > 0) this.#await();
  }
}
