import type { Clock } from '../time/clock.ts';

/** A time that a machine has set. */
export interface Timer {
  readonly ms: number;
  /** When it would be over, milliseconds since 1970. */
  readonly due: number;
  readonly fire: () => void;
}

/** Told of what a machine does with its times. */
export interface TimerWatch {
  set(timer: Timer): void;
  cleared(timer: Timer): void;
}

/**
 * A clock that never moves and never fires by itself: which of two things came first in a call, a key or the end of a time, is decided by whoever
 * replays it. (A `SimulatedClock` would decide it by their milliseconds, and a real timer is late.)
 */
export class ReplayClock implements Clock {
  readonly #watch: TimerWatch;
  readonly #start: number;
  readonly #pending = new Set<Timer>();
  #now: number;

  constructor(start: number, watch: TimerWatch) {
    this.#start = start;
    this.#now = start;
    this.#watch = watch;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now - this.#start;
  }

  set(now: number): void {
    this.#now = now;
  }

  setTimeout(fire: () => void, ms: number): Timer {
    const timer = { ms, due: this.#now + ms, fire };
    this.#pending.add(timer);
    this.#watch.set(timer);
    return timer;
  }

  clearTimeout(timer: Timer): void {
    if (this.#pending.delete(timer)) this.#watch.cleared(timer);
  }

  /** In the order in which they were set. */
  get pending(): readonly Timer[] {
    return [...this.#pending];
  }

  /** The time is over. */
  fire(timer: Timer): void {
    if (this.#pending.delete(timer)) timer.fire();
  }
}
