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
  /** Those that are armed, by id. */
  readonly #timers = new Map<number, Due>();
  /** A binary heap, the next due one first; cleared timers stay in it until they come up. */
  #heap: Due[] = [];

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
    const due = { id: this.#nextId++, at: this.#now + Math.max(0, ms), fn };
    this.#timers.set(due.id, due);
    this.#push(due);
    return due.id;
  }

  clearTimeout(id: TimerId): void {
    this.#timers.delete(id);
    if (this.#heap.length > 2 * this.#timers.size + 64) this.#sweep();
  }

  /** How many timers are armed: zero at the end of a test means that nothing was left behind. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Goes to the next timer, however far, and runs it. False: there is none. */
  step(): boolean {
    return this.#runNext(Number.POSITIVE_INFINITY);
  }

  /** Runs every timer due within `ms`, those that these create included, each at its own time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    while (this.#runNext(end));
    this.#now = end;
  }

  /** As `advance`, but lets promise callbacks run between two timers. */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    while (this.#runNext(end)) await settle();
    this.#now = end;
  }

  #runNext(end: number): boolean {
    const due = this.#takeDue(end);
    if (!due) return false;
    this.#now = due.at;
    due.fn();
    return true;
  }

  #takeDue(end: number): Due | undefined {
    for (let first = this.#heap[0]; first && first.at <= end; first = this.#heap[0]) {
      this.#pop();
      if (this.#timers.delete(first.id)) return first;
    }
    return undefined;
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let at = heap.push(due) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as Due;
      if (!isBefore(due, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = due;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (let below = 1; below < heap.length; below = 2 * at + 1) {
      if (below + 1 < heap.length && isBefore(heap[below + 1] as Due, heap[below] as Due)) below++;
      const child = heap[below] as Due;
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
  }

  /** Most timers of calls are cleared long before they are due. */
  #sweep(): void {
    this.#heap = [];
    for (const due of this.#timers.values()) this.#push(due);
  }
}

/** Equal times in the order of setting. */
const isBefore = (one: Due, other: Due): boolean => one.at < other.at || (one.at === other.at && one.id < other.id);

/** Lets all promise callbacks that are ready run. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * As `settle`, without a turn of the event loop: what is asked of the system is not answered meanwhile. From within a promise callback the next tick is
 * the moment in which no other is left.
 */
export const promisesSettle = (): Promise<void> =>
  new Promise((resolve) => queueMicrotask(() => process.nextTick(resolve)));
