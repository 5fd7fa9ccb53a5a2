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
 * - what members do after that: a call each mean handling time (a Poisson process from the first release on);
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
  #ring: Mean;
  #accuracy: AccuracyState;

  /** @param state as `state` of a former one; none at the beginning */
  constructor(state?: EstimatorState) {
    this.#handling = new HandlingTimes(state?.handling);
    this.#patience = state?.patience ?? { hangUps: 0, waitedMs: 0 };
    this.#ring = state?.ring ?? { weight: 0, total: 0 };
    this.#accuracy = state?.accuracy ?? unmeasured;
  }

  /** A member was busy with a call of this group: from the offer that he answered to the end of his after-call work. */
  handled(busyMs: number): void {
    if (busyMs > 0) this.#handling.add(busyMs);
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
    this.#ring = { weight: this.#ring.weight * RING_KEPT + 1, total: this.#ring.total * RING_KEPT + ringMs };
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

  predict({ position, members, now }: WaitQuestion): Prediction {
    if (members.length === 0) return { silent: 'nobodyAtWork' };
    if (this.#handling.weight < LEAST_CALLS) return { silent: 'noHistory' };
    const range = corrected(this.#model(position, members, now), this.#accuracy);
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
  #model(position: number, members: readonly MemberAtWork[], now: number): WaitRange {
    const handling = this.#handling;
    const { meanMs, variation } = handling;
    const hangUpsPerMs = (this.#patience.hangUps + 0.5) / (this.#patience.waitedMs + 0.5 * UNKNOWN_PATIENCE_MS);
    const releases = members.map((member) => firstRelease(member, now, handling));
    const found = { early: Number.NaN, middle: Number.NaN, late: Number.NaN };
    let step = Math.max(FINEST_STEP_MS, (meanMs * position) / members.length / 16);
    let former = { at: 0, early: -Infinity, middle: -Infinity, late: -Infinity };
    let later = 0;
    let gaveUp = 0;
    let releasedBefore = releases.reduce((total, chance) => total + chance(0), 0);
    for (let at = 0; Number.isNaN(found.late) && at < HORIZON_MS; at += step) {
      let released = 0;
      let variance = 0;
      for (const chance of releases) {
        const p = chance(at);
        released += p;
        variance += p * (1 - p);
      }
      if (at > 0) {
        const elapsed = at - former.at;
        later += ((releasedBefore + released) / 2 / meanMs) * elapsed;
        const ahead = Math.max(0, position - 1 - releasedBefore - later - gaveUp);
        gaveUp += ahead * -Math.expm1(-hangUpsPerMs * elapsed);
      }
      releasedBefore = released;
      variance += variation * later + gaveUp;
      const moved = released + later + gaveUp;
      const deviation = Math.sqrt(variance);
      const goal = position - 0.5 + (moved > 0 ? variance / moved / 6 : 0);
      const margin = {
        at,
        early: moved + DECILE * deviation - goal,
        middle: moved - goal,
        late: moved - DECILE * deviation - goal,
      };
      for (const which of ['early', 'middle', 'late'] as const) {
        if (Number.isNaN(found[which]) && margin[which] >= 0) {
          const [low, high] = [former[which], margin[which]];
          found[which] = low === -Infinity ? at : former.at + ((at - former.at) * -low) / (high - low);
        }
      }
      former = margin;
      step *= STEP_GROWTH;
    }
    return this.#tilted(found, hangUpsPerMs);
  }

  #tilted(found: { early: number; middle: number; late: number }, hangUpsPerMs: number): WaitRange {
    const [early, middle, late] = [found.early, found.middle, found.late].map((ms) => (Number.isNaN(ms) ? HORIZON_MS : ms));
    const [fromMs = 0, expectedMs = 0, toMs = 0] = [early, middle, late];
    const deviation = (toMs - fromMs) / (2 * DECILE);
    const scale = expectedMs > 0 ? deviation ** 2 / expectedMs : 0;
    const shorter = 1 + hangUpsPerMs * scale;
    const ringMs = this.#ring.weight > 0 ? this.#ring.total / this.#ring.weight : 0;
    return {
      fromMs: fromMs / shorter + ringMs,
      expectedMs: expectedMs / shorter + ringMs,
      toMs: toMs / shorter + ringMs,
    };
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
  readonly ring: Mean;
  readonly accuracy: AccuracyState;
}

interface Patience {
  readonly hangUps: number;
  /** All waiting together, of those who hung up and those who did not. */
  readonly waitedMs: number;
}

interface Mean {
  readonly weight: number;
  readonly total: number;
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
const FINEST_STEP_MS = 1_000;
const STEP_GROWTH = 1.04;
const HORIZON_MS = 4 * 3_600_000;

const waitedOn = ({ hangUps, waitedMs }: Patience, ms: number, hungUp: 0 | 1): Patience => ({
  hangUps: hangUps * PATIENCE_KEPT + hungUp,
  waitedMs: waitedMs * PATIENCE_KEPT + ms,
});

/** The chance that a member becomes free within `w` ms. */
function firstRelease(member: MemberAtWork, now: number, handling: HandlingTimes): (w: number) => number {
  switch (member.doing) {
    case 'free':
      return () => 1;
    case 'wrapUp':
      return (w) => (now + w >= member.until ? 1 : 0);
    case 'call': {
      const age = Math.max(0, now - member.since);
      const longer = handling.longerThan(age);
      return (w) => 1 - handling.longerThan(age + w) / longer;
    }
  }
}
