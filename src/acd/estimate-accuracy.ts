/** What was predicted to a caller, milliseconds from the moment of the prediction to the answer. */
export interface WaitRange {
  /** As often too long as too short. */
  readonly expectedMs: number;
  /** Between these eight callers of ten are answered: one of ten before, one of ten after. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** How good the predictions have lately been, for metrics. All of it forgets: about the last 100 answered callers count. */
export interface Accuracy {
  /** Answered callers who had a prediction, since the beginning. */
  readonly measured: number;
  /** Mean of |predicted − actual|. */
  readonly absoluteErrorMs: number;
  /** That mean as a share of the mean wait: 1 is as bad as having said «at once» to everybody. */
  readonly relativeError: number;
  /** Mean of predicted − actual: positive when callers were answered earlier than predicted. */
  readonly biasMs: number;
  /** Share of callers answered within the predicted range; 0.8 is meant. */
  readonly coverage: number;
}

/** The part of it that is kept. */
export interface AccuracyState {
  readonly measured: number;
  readonly weight: number;
  readonly error: number;
  readonly bias: number;
  readonly covered: number;
  readonly actual: number;
  readonly centre: number;
  readonly below: number;
  readonly above: number;
}

export const unmeasured: AccuracyState = {
  measured: 0,
  weight: 0,
  error: 0,
  bias: 0,
  covered: 0,
  actual: 0,
  centre: 1,
  below: 1,
  above: 1,
};

const KEPT = 0.99;
/** Share of callers that shall be answered before the range, and after it. */
const OUTSIDE = 0.1;
/** Steps of the correction: small against chance, large enough to follow a morning. */
const CENTRE_STEP = 0.02;
const RANGE_STEP = 0.05;
const LARGEST_CORRECTION = 2;
const LARGEST_RANGE = 3;

/** What was predicted: after the correction of then, and by the model alone. */
export interface Predicted extends WaitRange {
  readonly model: WaitRange;
  readonly position: number;
}

/** Takes one answered caller into account. */
export function measured(state: AccuracyState, predicted: Predicted, actualMs: number): AccuracyState {
  const { expectedMs, fromMs, toMs, model, position } = predicted;
  // Against the correction of now, not of then: else each step would act only after those who wait have been answered, and swing.
  const now = corrected(model, position, state);
  const within = actualMs >= fromMs && actualMs <= toMs;
  const one = (former: number, value: number) => former * KEPT + value;
  return {
    measured: state.measured + 1,
    weight: one(state.weight, 1),
    error: one(state.error, Math.abs(expectedMs - actualMs)),
    bias: one(state.bias, expectedMs - actualMs),
    covered: one(state.covered, within ? 1 : 0),
    actual: one(state.actual, actualMs),
    centre: stepped(
      state.centre,
      (CENTRE_STEP / position) * (actualMs > now.expectedMs ? 0.5 : -0.5),
      LARGEST_CORRECTION,
    ),
    below: stepped(
      state.below,
      (RANGE_STEP / position) * (actualMs < now.fromMs ? 1 - OUTSIDE : -OUTSIDE),
      LARGEST_RANGE,
    ),
    above: stepped(
      state.above,
      (RANGE_STEP / position) * (actualMs > now.toMs ? 1 - OUTSIDE : -OUTSIDE),
      LARGEST_RANGE,
    ),
  };
}

/**
 * Moves a range to where experience wants it. The model cannot know that members go to lunch, take calls of other groups or let the phone ring; but
 * it sees how often it was too low. Each answered caller moves the centre a small step towards the median and each end towards its decile
 * (stochastic approximation of a quantile; for the ends: Gibbs and Candès, “Adaptive Conformal Inference under Distribution Shift”, 2021).
 */
export function corrected(model: WaitRange, position: number, { centre, below, above }: AccuracyState): Predicted {
  const { expectedMs, fromMs, toMs } = model;
  const expected = expectedMs * centre;
  return {
    model,
    position,
    expectedMs: expected,
    fromMs: Math.max(0, expected - (expectedMs - fromMs) * centre * below),
    toMs: expected + (toMs - expectedMs) * centre * above,
  };
}

export function accuracyOf({ measured, weight, error, bias, covered, actual }: AccuracyState): Accuracy | undefined {
  if (weight === 0) return undefined;
  return {
    measured,
    absoluteErrorMs: error / weight,
    relativeError: error / Math.max(actual, 1),
    biasMs: bias / weight,
    coverage: covered / weight,
  };
}

const stepped = (value: number, step: number, limit: number): number =>
  Math.min(Math.max(value * Math.exp(step), 1 / limit), limit);
