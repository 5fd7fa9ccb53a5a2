import type { Clock, TimerId } from './clock.ts';

interface Due {
  readonly id: number;
  readonly at: number;
  readonly fn: () => void;
}

/** A clock that stands still until told, for simulations and tests: it then steps from one due timer to the next, and never jumps over one. */
export class SimulatedClock implements Clock {
  #now: number;
  #nextId = 1;
  readonly #start: number;
  readonly #timers = new Map<number, Due>();

  constructor(start: number | string = '2026-11-02T09:00:00Z') {
    this.#now = typeof start === 'string' ? Date.parse(start) : start;
    this.#start = this.#now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now - this.#start;
  }

  setTimeout(fn: () => void, ms: number): TimerId {
    const id = this.#nextId++;
    this.#timers.set(id, { id, at: this.#now + Math.max(0, ms), fn });
    return id;
  }

  clearTimeout(id: TimerId): void {
    this.#timers.delete(id);
  }

  /** How many timers are armed: zero at the end of a test means that nothing was left behind. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Runs every timer due within `ms`, those that these create included, each at its own time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let due = this.#takeDue(end); due; due = this.#takeDue(end)) {
      this.#now = due.at;
      due.fn();
    }
    this.#now = end;
  }

  /** As `advance`, but lets promise callbacks run between two timers. */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let due = this.#takeDue(end); due; due = this.#takeDue(end)) {
      this.#now = due.at;
      due.fn();
      await settle();
    }
    this.#now = end;
  }

  #takeDue(end: number): Due | undefined {
    let first: Due | undefined;
    for (const timer of this.#timers.values()) {
      if (timer.at <= end && (!first || timer.at < first.at || (timer.at === first.at && timer.id < first.id)))
        first = timer;
    }
    if (first) this.#timers.delete(first.id);
    return first;
  }
}

/** Lets all promise callbacks that are ready run. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
