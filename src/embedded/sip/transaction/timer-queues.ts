import type { Clock, TimerId } from '../../../time/clock.ts';
import type { TimerName } from './machine.ts';

/** Whoever runs a machine. */
export interface TimerOwner {
  fired(timer: Timer): void;
}

/** A timer of one transaction, armed or not: a link in the queue of those that take as long as it does. */
export class Timer {
  readonly name: TimerName;
  readonly owner: TimerOwner;
  /** The next timer of the same owner. */
  sibling: Timer | undefined;
  /** @internal Kept by the queue: when it falls due on the monotonic clock, and its place. */
  at = 0;
  queue: Queue | undefined = undefined;
  before: Timer | undefined = undefined;
  after: Timer | undefined = undefined;

  constructor(name: TimerName, owner: TimerOwner, sibling: Timer | undefined) {
    this.name = name;
    this.owner = owner;
    this.sibling = sibling;
  }
}

/**
 * The timers of all transactions. There are few different lengths (T1 and its doubles, T4, 64·T1) and very many transactions, so
 * each length has a queue, in which the last to be armed is the last to fall due, and only the head of a queue has a timer of the
 * clock. Arming and stopping cost the same however many are armed.
 */
export class TimerQueues {
  readonly #clock: Clock;
  readonly #queues = new Map<number, Queue>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  arm(timer: Timer, ms: number): void {
    let queue = this.#queues.get(ms);
    if (!queue) {
      queue = new Queue(this.#clock, ms);
      this.#queues.set(ms, queue);
    }
    queue.add(timer);
  }

  stop(timer: Timer): void {
    timer.queue?.remove(timer);
  }
}

class Queue {
  readonly #clock: Clock;
  readonly #ms: number;
  #head: Timer | undefined;
  #tail: Timer | undefined;
  #alarm: TimerId | undefined;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#ms = ms;
  }

  add(timer: Timer): void {
    timer.queue = this;
    timer.at = this.#clock.monotonic() + this.#ms;
    timer.before = this.#tail;
    if (this.#tail) this.#tail.after = timer;
    else this.#head = timer;
    this.#tail = timer;
    this.#watchHead();
  }

  /** The alarm is left to ring for the next in the queue, too early, which costs less than to set it anew each time. */
  remove(timer: Timer): void {
    const { before, after } = timer;
    if (before) before.after = after;
    else this.#head = after;
    if (after) after.before = before;
    else this.#tail = before;
    timer.queue = timer.before = timer.after = undefined;
    if (this.#head) return;
    this.#clock.clearTimeout(this.#alarm);
    this.#alarm = undefined;
  }

  #watchHead(): void {
    if (!this.#head || this.#alarm !== undefined) return;
    const ms = Math.max(0, this.#head.at - this.#clock.monotonic());
    this.#alarm = this.#clock.setTimeout(() => this.#ring(), ms);
  }

  #ring(): void {
    this.#alarm = undefined;
    const now = this.#clock.monotonic();
    try {
      for (let due = this.#head; due && due.at <= now; due = this.#head) {
        this.remove(due);
        due.owner.fired(due);
      }
    } finally {
      // Whatever one of them threw, the others are still waited for.
      this.#watchHead();
    }
  }
}
