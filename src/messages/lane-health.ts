import type { Random } from '../time/random.ts';
import type { Patience } from './courier.ts';

/** The pause after `count` attempts in a row that came to nothing, milliseconds: doubled each time, a fifth more or less by chance. */
export function pauseAfter(count: number, first: number, longest: number, random: Random): number {
  const pause = Math.min(longest, first * 2 ** Math.min(count - 1, 30));
  return Math.round(pause * (0.8 + 0.4 * random.next()));
}

/**
 * Whether anything can be sent by one way for one PBX, as this node has found: a mail server that is away is away for all letters. While it is, one letter at a
 * time tries whether it is back, with growing pauses; then all go.
 */
export class LaneHealth {
  /** The settings that this was found with. */
  settings: string | undefined;
  /** Why nothing can be sent; undefined: as far as is known, it can. */
  why: string | undefined;
  #failures = 0;
  #until = 0;
  readonly #patience: Patience;
  readonly #random: Random;

  constructor(patience: Patience, random: Random) {
    this.#patience = patience;
    this.#random = random;
  }

  /** When the next attempt is to be made, ms since 1970; of one that works, undefined. */
  get until(): number | undefined {
    return this.why === undefined ? undefined : this.#until;
  }

  /** How many may be tried at once now. */
  room(atOnce: number, now: number): number {
    if (this.why === undefined) return atOnce;
    return now >= this.#until ? 1 : 0;
  }

  /** @returns whether it was away */
  works(): boolean {
    const wasAway = this.why !== undefined;
    this.why = undefined;
    this.#failures = 0;
    return wasAway;
  }

  /** @returns whether that, or this reason of it, is new */
  isAway(why: string, now: number, retryAfterMs?: number): boolean {
    const isNew = this.why !== why;
    // Several that were under way at once have met the same outage.
    if (this.why === undefined || now >= this.#until) {
      const { first, longestAway } = this.#patience;
      this.#failures++;
      const pause = pauseAfter(this.#failures, first, longestAway, this.#random);
      // One that says "at once" and goes on refusing is not to be asked without a pause.
      this.#until = now + (retryAfterMs === undefined ? pause : Math.max(first, retryAfterMs));
    }
    this.why = why;
    return isNew;
  }

  /** There are other settings: what was found does not hold any more. */
  forget(): void {
    this.works();
  }
}
