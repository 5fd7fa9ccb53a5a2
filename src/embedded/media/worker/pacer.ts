import type { Clock, TimerId } from '../../../time/clock.ts';

export interface Paced {
  /** Called every 20 ms. @param dueMs the deadline on the monotonic clock; the call itself may come later */
  tick(dueMs: number): void;
}

/** Each member is served every fourth slot of 5 ms: the packets of many endpoints spread out instead of leaving in one burst. */
const SLOT_MS = 5;
const PHASES = 4;
/** After a longer standstill (a suspended machine) the frames of that time are given up instead of sent at once. */
const LONGEST_BACKLOG_MS = 200;

/**
 * The heartbeat of all audio that one worker sends: one timer for all endpoints, none while nobody plays. Deadlines are multiples of 5 ms on
 * the monotonic clock, so a late timer delays one frame and shifts none: over an hour nothing drifts.
 */
export class Pacer {
  readonly #clock: Clock;
  readonly #phases: readonly Set<Paced>[] = Array.from({ length: PHASES }, () => new Set<Paced>());
  #slot = 0;
  #timer: TimerId | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(member: Paced): void {
    if (this.#phases.some((phase) => phase.has(member))) return;
    const emptiest = this.#phases.reduce((a, b) => (b.size < a.size ? b : a));
    emptiest.add(member);
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    else this.#slot = Math.floor(this.#clock.monotonic() / SLOT_MS) + 1;
    this.#arm();
  }

  remove(member: Paced): void {
    for (const phase of this.#phases) phase.delete(member);
  }

  /** Ends the timer; members are not called any more. */
  stop(): void {
    for (const phase of this.#phases) phase.clear();
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #run(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    if (now - this.#slot * SLOT_MS > LONGEST_BACKLOG_MS) this.#slot = Math.floor(now / SLOT_MS);
    for (; this.#slot * SLOT_MS <= now; this.#slot++) {
      for (const member of this.#phaseOf(this.#slot)) member.tick(this.#slot * SLOT_MS);
    }
    this.#arm();
  }

  #arm(): void {
    for (let slot = this.#slot; slot < this.#slot + PHASES; slot++) {
      if (this.#phaseOf(slot).size === 0) continue;
      // A timer counts whole milliseconds; rounded up it does not fire before the deadline.
      const wait = Math.ceil(slot * SLOT_MS - this.#clock.monotonic());
      this.#timer = this.#clock.setTimeout(() => this.#run(), Math.max(0, wait));
      return;
    }
    this.#timer = undefined;
  }

  #phaseOf(slot: number): Set<Paced> {
    return this.#phases[slot % PHASES] as Set<Paced>;
  }
}
