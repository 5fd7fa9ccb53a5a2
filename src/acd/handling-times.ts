/**
 * How long members are busy with a call of a group: a histogram of constant size that forgets. Its bins are a quarter of an octave wide, from 5 s to
 * 4.5 h, so that a call of two hours is one entry far away and not a mean that is wrong for the rest of the day.
 *
 * Handling times are close to log-normal (Brown et al., “Statistical Analysis of a Telephone Call Center”, JASA 100, 2005, §4.3). What few calls
 * say is therefore smoothed with a log-normal of their own centre and spread, which counts as much as `SMOOTHING` calls: it gives the tail, where the
 * history is empty, a sensible shape, and is outvoted wherever there is history.
 */
export class HandlingTimes {
  readonly #counts: number[];
  #fitted: Curve | undefined;

  /** @param counts as `counts` of another, or none */
  constructor(counts: readonly number[] = []) {
    this.#counts = Array.from({ length: BINS }, (_, bin) => counts[bin] ?? 0);
  }

  /** One call more. O(1): the number of bins is fixed. */
  add(ms: number): void {
    for (let bin = 0; bin < BINS; bin++) this.#counts[bin] = (this.#counts[bin] ?? 0) * KEPT;
    const bin = Math.floor(position(ms));
    this.#counts[bin] = (this.#counts[bin] ?? 0) + 1;
    this.#fitted = undefined;
  }

  /** How many calls it remembers, older ones in part. */
  get weight(): number {
    return sum(this.#counts);
  }

  /** What is to be kept of it. */
  get counts(): readonly number[] {
    return this.#counts;
  }

  /** Robust mean, ms: the longest per cent (with few calls, the longest one) counts no more than where it begins. */
  get meanMs(): number {
    return this.#curve().meanMs;
  }

  /** Square of the coefficient of variation: 0 for calls that are all alike, 1 for exponential ones. */
  get variation(): number {
    return this.#curve().variation;
  }

  /** Share of calls that last longer than `ms`; never 0. */
  longerThan(ms: number): number {
    const { survival } = this.#curve();
    const at = position(ms);
    const bin = Math.floor(at);
    const upper = survival[bin] ?? 1;
    const lower = survival[bin + 1] ?? upper;
    return upper + (lower - upper) * (at - bin);
  }

  #curve(): Curve {
    this.#fitted ??= curveOf(this.#counts);
    return this.#fitted;
  }
}

interface Curve {
  /** At the lower edge of each bin, and at the upper one of the last. */
  readonly survival: readonly number[];
  readonly meanMs: number;
  readonly variation: number;
}

const BINS = 52;
const SHORTEST_MS = 5_000;
const BINS_PER_OCTAVE = 4;
/** The weight of a call after the next one: an effective memory of some 300 calls. */
const KEPT = 1 - 1 / 300;
const SMOOTHING = 8;
/** For groups whose calls are all alike so far: their spread is not known yet. */
const LEAST_SPREAD = 0.35;
/** The share of the longest calls whose length does not count. */
const CUT = 0.01;
const TINY = 1e-6;

/** Bin and place within it, as one number within [0, BINS). */
function position(ms: number): number {
  if (ms <= SHORTEST_MS) return 0;
  return Math.min(Math.log2(ms / SHORTEST_MS) * BINS_PER_OCTAVE, BINS - TINY);
}

const edge = (bin: number): number => SHORTEST_MS * 2 ** (bin / BINS_PER_OCTAVE);

function curveOf(counts: readonly number[]): Curve {
  const weight = sum(counts);
  const centre = sum(counts.map((count, bin) => count * logMiddle(bin))) / weight;
  const spread = Math.sqrt(sum(counts.map((count, bin) => count * (logMiddle(bin) - centre) ** 2)) / weight);
  const sigma = Math.max(spread, LEAST_SPREAD);
  const survival: number[] = [];
  let longer = weight;
  for (let bin = 0; bin <= BINS; bin++) {
    const smooth = normalTail((Math.log(edge(bin)) - centre) / sigma);
    survival.push(bin === 0 ? 1 : Math.max((longer + SMOOTHING * smooth) / (weight + SMOOTHING), TINY));
    longer -= counts[bin] ?? 0;
  }
  const cut = Math.max(CUT, 1.5 / (weight + SMOOTHING));
  let mean = edge(0);
  let square = edge(0) ** 2;
  for (let bin = 0; bin < BINS; bin++) {
    const [from = 1, to = 1] = [survival[bin], survival[bin + 1]];
    if (from <= cut) break;
    const share = to >= cut ? 1 : (from - cut) / (from - to);
    const end = edge(bin) + (edge(bin + 1) - edge(bin)) * share;
    const middle = (from + Math.max(to, cut)) / 2;
    mean += (end - edge(bin)) * middle;
    square += (end ** 2 - edge(bin) ** 2) * middle;
  }
  return { survival, meanMs: mean, variation: Math.max(0, square / mean ** 2 - 1) };
}

const logMiddle = (bin: number): number => Math.log(SHORTEST_MS) + ((bin + 0.5) / BINS_PER_OCTAVE) * Math.LN2;

/** Share of a standard normal above `z` (Abramowitz and Stegun 26.2.17, error below 10⁻⁷). */
function normalTail(z: number): number {
  if (z < 0) return 1 - normalTail(-z);
  const t = 1 / (1 + 0.2316419 * z);
  const polynomial = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * polynomial;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
