import {
  type Accuracy,
  type AccuracyState,
  accuracyOf,
  corrected,
  measured,
  type Predicted,
  unmeasured,
  type WaitRange,
} from './estimate-accuracy.ts';
import { HandlingTimes } from './handling-times.ts';

/**
 * How long a caller will wait in the queue of one group. Pure: told what happens in the group, asked from a caller's position and from what the
 * members at work are doing.
 *
 * The caller at position p is answered when p members have become free, less those ahead of him who gave up meanwhile. With D(w) for the places that
 * the queue is expected to move within w, the wait is the w at which D(w) reaches p. D is the sum of
 *
 * - for each member the chance that his present call ends within w, *given how long it has lasted*: 1 − S(a + w) / S(a), S being the share of calls
 *   that last longer (`handling-times.ts`). Call lengths are not exponential; a member who has talked for long tells something;
 * - what members do after that: the next call, of the same distribution, and so on (a renewal process, solved numerically);
 * - callers ahead who give up: α for each one still waiting, α being hang-ups per time waited, over answered and lost callers alike
 *   (the maximum-likelihood estimate under censoring).
 *
 * With exponential calls this is QLm, Σ 1/(cμ + iα) over the places ahead, the best predictor by queue length for queues with abandonment in
 * Ibrahim and Whitt, “Real-Time Delay Estimation in Overloaded Multiserver Queues with Abandonments”, Management Science 55 (2009); a constant α in place of
 * their QLap's hazard by age, because it needs one number. Predictors from the delays of others (LES, HOL), app_queue's and Kazoo's among them, are late
 * by a whole wait whenever the load changes.
 *
 * The spread of D, member by member, gives the deciles of the wait, normal with a correction for the skewness of small counts. A wait that ends by an
 * answer is shorter than the one of somebody with endless patience: with an exponential patience the distribution of waits is tilted by e^(−αw), for a
 * gamma distribution of scale θ a division by 1 + αθ. Finally the range is corrected by what was measured of former ones (`estimate-accuracy.ts`).
 *
 * It says nothing without history, without members, with one member (his next call decides everything), when the range is too wide to be of use, and when
 * its own errors have lately been as large as the waits themselves. `docs/expected-wait.md` has the simulation that it is tested with.
 */
export class WaitEstimator {
  readonly #handling: HandlingTimes;
  #patience: Patience;
  #ring: Moments;
  #accuracy: AccuracyState;

  /** @param state as `state` of a former one; none at the beginning */
  constructor(state?: EstimatorState) {
    this.#handling = new HandlingTimes(state?.handling);
    this.#patience = state?.patience ?? { hangUps: 0, waitedMs: 0 };
    this.#ring = state?.ring ?? { weight: 0, total: 0, squares: 0 };
    this.#accuracy = state?.accuracy ?? unmeasured;
  }

  /** A member has had a call of this group, `callMs` from its offer to its end, without the after-call work. */
  handled(callMs: number): void {
    if (callMs > 0) this.#handling.add(callMs);
  }

  /**
   * A caller was answered.
   *
   * @param waitedMs in the queue, the ringing of the answered offer included
   * @param ringMs of the answered offer
   * @param predicted what `predict` said first about him, and how long he had waited by then
   */
  answered(waitedMs: number, ringMs: number, predicted?: { readonly range: Predicted; readonly atMs: number }): void {
    this.#patience = waitedOn(this.#patience, waitedMs, 0);
    this.#ring = {
      weight: this.#ring.weight * RING_KEPT + 1,
      total: this.#ring.total * RING_KEPT + ringMs,
      squares: this.#ring.squares * RING_KEPT + ringMs ** 2,
    };
    if (predicted) this.#accuracy = measured(this.#accuracy, predicted.range, Math.max(0, waitedMs - predicted.atMs));
  }

  /** A caller hung up while he waited. One who did so at once had misdialled or heard what he wanted: it says nothing about patience. */
  abandoned(waitedMs: number): void {
    if (waitedMs >= MISDIALLED_MS) this.#patience = waitedOn(this.#patience, waitedMs, 1);
  }

  /** A caller left the queue neither by an answer nor of his own: `maxWait` was over, he chose another way, the queue was dissolved. */
  left(waitedMs: number): void {
    this.#patience = waitedOn(this.#patience, waitedMs, 0);
  }

  predict(question: WaitQuestion): Prediction {
    const { members } = question;
    if (members.length === 0) return { silent: 'nobodyAtWork' };
    if (this.#handling.weight < LEAST_CALLS) return { silent: 'noHistory' };
    const range = corrected(this.#model(question), question.position, this.#accuracy);
    const silent = this.#whySilent(range, members.length);
    return silent ? { range, silent } : { range };
  }

  /** Undefined until the first answered caller who had a prediction. */
  get accuracy(): Accuracy | undefined {
    return accuracyOf(this.#accuracy);
  }

  /** Everything it knows, about 60 numbers: JSON that a new one is made from. */
  get state(): EstimatorState {
    return {
      handling: this.#handling.counts,
      patience: this.#patience,
      ring: this.#ring,
      accuracy: this.#accuracy,
    };
  }

  #whySilent({ expectedMs, fromMs, toMs }: WaitRange, members: number): Silence | undefined {
    if (members < LEAST_MEMBERS) return 'fewMembers';
    if (toMs - fromMs > Math.max(NARROW_MS, expectedMs * WIDEST)) return 'tooWide';
    const accuracy = this.accuracy;
    if (accuracy && accuracy.measured >= LEAST_MEASURED && accuracy.relativeError > LARGEST_ERROR) return 'inaccurate';
    return undefined;
  }

  /** The wait by the model alone, before correction: D(w) step by step until its late decile has reached the caller. */
  #model({ position, members, wrapUpMs, now }: WaitQuestion): WaitRange {
    const handling = this.#handling;
    const cycleMs = handling.meanMs + wrapUpMs;
    const variation = handling.variation * (handling.meanMs / cycleMs) ** 2;
    const hangUpsPerMs = (this.#patience.hangUps + 0.5) / (this.#patience.waitedMs + 0.5 * UNKNOWN_PATIENCE_MS);
    const freeWithin = members.map((member) => firstRelease(member, now, wrapUpMs, handling));
    // ∫ of the exponential law over the places: near enough to choose steps by.
    const roughlyMs = Math.log1p((position * hangUpsPerMs * cycleMs) / members.length) / hangUpsPerMs;
    const step = Math.max(FINEST_STEP_MS, roughlyMs / STEPS_TO_EXPECTED);
    const passed = new Crossings(3);
    /** Releases within each step, and the chance that a call begun with one of them has ended k steps later. */
    const releases: number[] = [];
    const endedAfter: number[] = [];
    let released = 0;
    let gaveUp = 0;
    for (let k = 0; k < MOST_STEPS && !passed.complete; k++) {
      const at = k * step;
      endedAfter.push(k * step < wrapUpMs ? 0 : 1 - handling.longerThan(k * step - wrapUpMs));
      const ahead = Math.max(0, position - 1 - released - gaveUp);
      if (k > 0) gaveUp += ahead * -Math.expm1(-hangUpsPerMs * step);
      let first = 0;
      let variance = 0;
      for (const within of freeWithin) {
        const chance = within(at);
        first += chance;
        variance += chance * (1 - chance);
      }
      let again = 0;
      for (let i = 0; i < k; i++) again += (releases[i] ?? 0) * (endedAfter[k - i] ?? 0);
      releases.push(Math.max(0, first + again - released));
      released = first + again;
      variance += variation * again + gaveUp;
      const moved = released + gaveUp;
      const deviation = Math.sqrt(variance);
      const missing = position - 0.5 + (moved > 0 ? variance / moved / 6 : 0) - moved;
      passed.see(at, [missing - DECILE * deviation, missing, missing + DECILE * deviation]);
    }
    const [early = 0, middle = 0, late = 0] = passed.instants(MOST_STEPS * step);
    const spread = (late - early) / (2 * DECILE);
    const shorter = 1 + hangUpsPerMs * (middle > 0 ? spread ** 2 / middle : 0);
    const ring = this.#ring.weight > 0 ? this.#ring : { weight: 1, total: 0, squares: 0 };
    const ringMs = ring.total / ring.weight;
    const ringVariance = Math.max(0, ring.squares / ring.weight - ringMs ** 2);
    const expectedMs = middle / shorter + ringMs;
    // Both ends move away with what the ringing adds to the spread.
    const end = (ms: number) => Math.hypot(ms / shorter - middle / shorter, DECILE * Math.sqrt(ringVariance));
    return { expectedMs, fromMs: Math.max(0, expectedMs - end(early)), toMs: expectedMs + end(late) };
  }
}

/** What a member who is at work (logged in, not at a break) does. Instants are milliseconds since 1970. */
export type MemberAtWork =
  | { readonly doing: 'free' }
  /** Has a call, of this group or another: since it was offered to him. */
  | { readonly doing: 'call'; readonly since: number }
  | { readonly doing: 'wrapUp'; readonly until: number };

export interface WaitQuestion {
  /** 1 = the next to be answered. */
  readonly position: number;
  readonly members: readonly MemberAtWork[];
  /** After-call work that follows each call of the group. */
  readonly wrapUpMs: number;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** A range that may be announced, unless `silent` says why not; with a range it is still worth measuring. */
export type Prediction =
  | { readonly range: Predicted; readonly silent?: Silence }
  | { readonly range?: never; readonly silent: 'noHistory' | 'nobodyAtWork' };

export type Silence = 'noHistory' | 'nobodyAtWork' | 'fewMembers' | 'tooWide' | 'inaccurate';

/** Small, of constant size, nothing but numbers. */
export interface EstimatorState {
  readonly handling: readonly number[];
  readonly patience: Patience;
  readonly ring: Moments;
  readonly accuracy: AccuracyState;
}

interface Patience {
  readonly hangUps: number;
  /** All waiting together, of those who hung up and those who did not. */
  readonly waitedMs: number;
}

interface Moments {
  readonly weight: number;
  readonly total: number;
  readonly squares: number;
}

const LEAST_CALLS = 15;
const LEAST_MEMBERS = 2;
const LEAST_MEASURED = 20;
const LARGEST_ERROR = 1;
/** A range no wider than this is worth saying. */
const NARROW_MS = 240_000;
/** Above it: no wider than this many times the expected wait. */
const WIDEST = 1.5;
const MISDIALLED_MS = 5_000;
const PATIENCE_KEPT = 1 - 1 / 300;
const RING_KEPT = 1 - 1 / 50;
/** Until somebody has hung up: half a hang-up in half of this. */
const UNKNOWN_PATIENCE_MS = 1_200_000;
/** z of the normal distribution's upper decile. */
const DECILE = 1.2816;
const FINEST_STEP_MS = 500;
/** How finely the expected wait is divided, and when the model gives up: far beyond what may be said. */
const STEPS_TO_EXPECTED = 16;
const MOST_STEPS = 320;

const waitedOn = ({ hangUps, waitedMs }: Patience, ms: number, hungUp: 0 | 1): Patience => ({
  hangUps: hangUps * PATIENCE_KEPT + hungUp,
  waitedMs: waitedMs * PATIENCE_KEPT + ms,
});

/** Finds for several falling curves, seen step by step, where each first reaches zero. */
class Crossings {
  readonly #instants: (number | undefined)[];
  #former: { readonly at: number; readonly values: readonly number[] } | undefined;

  constructor(curves: number) {
    this.#instants = Array.from({ length: curves }, () => undefined);
  }

  see(at: number, values: readonly number[]): void {
    for (const [curve, value] of values.entries()) {
      if (value > 0 || this.#instants[curve] !== undefined) continue;
      const before = this.#former?.values[curve];
      const back = before === undefined ? 0 : (-value / (before - value)) * (at - (this.#former?.at ?? at));
      this.#instants[curve] = at - back;
    }
    this.#former = { at, values };
  }

  get complete(): boolean {
    return this.#instants.every((instant) => instant !== undefined);
  }

  /** @param never for curves that have not reached it */
  instants(never: number): number[] {
    return this.#instants.map((instant) => instant ?? never);
  }
}

/** The chance that a member becomes free within `w` ms. */
function firstRelease(
  member: MemberAtWork,
  now: number,
  wrapUpMs: number,
  handling: HandlingTimes,
): (w: number) => number {
  switch (member.doing) {
    case 'free':
      return () => 1;
    case 'wrapUp':
      return (w) => (now + w >= member.until ? 1 : 0);
    case 'call': {
      const age = Math.max(0, now - member.since);
      const longer = handling.longerThan(age);
      return (w) => (w < wrapUpMs ? 0 : 1 - handling.longerThan(age + w - wrapUpMs) / longer);
    }
  }
}
