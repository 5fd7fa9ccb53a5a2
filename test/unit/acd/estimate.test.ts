import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MemberAtWork, type Prediction, WaitEstimator, type WaitQuestion } from '../../../src/acd/estimate.ts';
import { logNormal } from '../../support/queue-simulation.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const second = 1000;
const minute = 60 * second;
const now = 1_800_000_000_000;

/** An estimator that has seen calls of three minutes in the mean. */
function experienced(calls = 100): WaitEstimator {
  const estimator = new WaitEstimator();
  const length = logNormal(3 * minute, 1);
  const random = seededRandom(7);
  for (let i = 0; i < calls; i++) estimator.handled(length(random));
  return estimator;
}

const talking = (count: number, forMs = minute): MemberAtWork[] =>
  Array.from({ length: count }, () => ({ doing: 'call', since: now - forMs }));

const ask = (question: Partial<WaitQuestion> = {}): WaitQuestion => ({
  position: 3,
  members: talking(5),
  wrapUpMs: 10 * second,
  now,
  ...question,
});

const expected = ({ range }: Prediction): number => range?.expectedMs ?? Number.NaN;

describe('what is expected', () => {
  it('is what the exponential law says when calls and patience are exponential: Σ 1 ÷ (members × rate + ahead × hang-ups)', () => {
    const estimator = new WaitEstimator();
    const random = seededRandom(3);
    const meanMs = 3 * minute;
    for (let i = 0; i < 3000; i++) estimator.handled(-Math.log(1 - random.next()) * meanMs);
    // One hang-up for each ten minutes of waiting.
    for (let i = 0; i < 600; i++) {
      estimator.answered(8 * minute, 0);
      estimator.abandoned(2 * minute);
    }
    const members = 10;
    const position = 20;
    let law = 0;
    for (let ahead = 0; ahead < position; ahead++) law += 1 / (members / meanMs + ahead / (10 * minute));
    const said = expected(estimator.predict(ask({ position, members: talking(members), wrapUpMs: 0 })));
    // The law is that of somebody with endless patience; those who get an answer have waited a little less.
    expect(said / law).toBeGreaterThan(0.88);
    expect(said / law).toBeLessThan(1.02);
  });

  it('knows how long the present calls have lasted: with calls that are all alike, those that began long ago end soon', () => {
    const estimator = new WaitEstimator();
    for (let i = 0; i < 200; i++) estimator.handled(3 * minute);
    const early = expected(estimator.predict(ask({ members: talking(5, 20 * second) })));
    const late = expected(estimator.predict(ask({ members: talking(5, 160 * second) })));
    expect(late).toBeLessThan(early / 2);
  });

  it('is next to nothing for the first when somebody is free, and waits for the end of after-call work', () => {
    const estimator = experienced();
    const free = expected(estimator.predict(ask({ position: 1, members: [{ doing: 'free' }, ...talking(4)] })));
    expect(free).toBeLessThan(5 * second);
    const wrapUp: MemberAtWork = { doing: 'wrapUp', until: now + 30 * second };
    const soon = expected(estimator.predict(ask({ position: 1, members: [wrapUp, ...talking(1, 0)] })));
    expect(soon).toBeGreaterThan(10 * second);
    expect(soon).toBeLessThan(40 * second);
  });

  it('counts the ringing: a caller has waited until the answer', () => {
    const quick = experienced();
    const slow = experienced();
    for (let i = 0; i < 50; i++) {
      quick.answered(minute, 0);
      slow.answered(minute, 10 * second);
    }
    const difference = expected(slow.predict(ask())) - expected(quick.predict(ask()));
    expect(difference).toBeCloseTo(10 * second, -2);
  });

  it('is shorter the sooner people hang up, but one who misdialled proves nothing', () => {
    const patient = experienced();
    const hasty = experienced();
    const misdialled = experienced();
    for (let i = 0; i < 50; i++) {
      for (const estimator of [patient, hasty, misdialled]) estimator.answered(2 * minute, 0);
      hasty.abandoned(minute);
      misdialled.abandoned(2 * second);
    }
    const far = ask({ position: 10 });
    expect(expected(hasty.predict(far))).toBeLessThan(expected(patient.predict(far)) * 0.9);
    expect(expected(misdialled.predict(far))).toBe(expected(patient.predict(far)));
  });

  it('grows with the position, shrinks with the members at work, and lies within its range', () => {
    const estimator = experienced();
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 2, max: 40 }),
        fc.integer({ min: 0, max: 20 * minute }),
        fc.integer({ min: 0, max: 2 * minute }),
        (position, count, forMs, wrapUpMs) => {
          const question = ask({ position, members: talking(count, forMs), wrapUpMs });
          const { range } = estimator.predict(question);
          if (!range) throw new Error('nothing was predicted');
          expect(range.fromMs).toBeGreaterThanOrEqual(0);
          expect(range.fromMs).toBeLessThanOrEqual(range.expectedMs);
          expect(range.expectedMs).toBeLessThanOrEqual(range.toMs);
          const behind = expected(estimator.predict({ ...question, position: position + 1 }));
          // Solved in steps of about a 16th of the wait: not exact, and far behind one place makes little difference.
          expect(behind).toBeGreaterThan(range.expectedMs * 0.99);
          const more = expected(estimator.predict({ ...question, members: talking(count + 1, forMs) }));
          expect(more).toBeLessThan(range.expectedMs * 1.01);
        },
      ),
      { seed: 1, numRuns: 200 },
    );
  });

  it('is the same from what was kept, as JSON', () => {
    const estimator = experienced();
    for (let i = 0; i < 30; i++) {
      const { range } = estimator.predict(ask());
      estimator.answered(80 * second, 4 * second, range && { range, atMs: 0 });
      if (i % 5 === 0) estimator.abandoned(90 * second);
    }
    const kept = JSON.stringify(estimator.state);
    expect(kept.length).toBeLessThan(2000);
    const other = new WaitEstimator(JSON.parse(kept));
    expect(other.predict(ask())).toEqual(estimator.predict(ask()));
    expect(other.accuracy).toEqual(estimator.accuracy);
  });

  it('one call of two hours does not spoil the day', () => {
    const estimator = experienced(200);
    const before = expected(estimator.predict(ask()));
    estimator.handled(2 * 60 * minute);
    expect(expected(estimator.predict(ask())) / before).toBeLessThan(1.1);
  });
});

describe('silence', () => {
  it('without anybody at work, without history, with a single member', () => {
    expect(experienced().predict(ask({ members: [] }))).toEqual({ silent: 'nobodyAtWork' });
    expect(experienced(10).predict(ask())).toEqual({ silent: 'noHistory' });
    expect(experienced().predict(ask({ members: talking(1) })).silent).toBe('fewMembers');
  });

  it('when the range would be so wide that it says nothing', () => {
    const estimator = new WaitEstimator();
    for (let i = 0; i < 60; i++) estimator.handled(i % 3 === 0 ? 40 * minute : 30 * second);
    const { silent, range } = estimator.predict(ask({ position: 1, members: talking(2) }));
    expect(silent).toBe('tooWide');
    expect(range && range.toMs - range.fromMs).toBeGreaterThan(4 * minute);
  });

  it('when what was predicted has lately been as wrong as the waits are long, until it is right again', () => {
    const estimator = experienced();
    const tell = (actual: (predicted: number) => number) => {
      const { range } = estimator.predict(ask());
      if (!range) throw new Error('nothing was predicted');
      estimator.answered(actual(range.expectedMs), 0, { range, atMs: 0 });
    };
    expect(estimator.predict(ask()).silent).toBeUndefined();
    for (let i = 0; i < 60; i++) tell((predicted) => predicted * (i % 2 === 0 ? 0.01 : 0.02));
    expect(estimator.predict(ask()).silent).toBe('inaccurate');
    expect(estimator.accuracy?.relativeError).toBeGreaterThan(1);
    expect(estimator.accuracy?.biasMs).toBeGreaterThan(0);
    for (let i = 0; i < 300; i++) tell((predicted) => predicted);
    expect(estimator.predict(ask()).silent).toBeUndefined();
  });
});

describe('accuracy', () => {
  it('is unknown before anybody was answered who had a prediction', () => {
    const estimator = experienced();
    estimator.answered(minute, 0);
    expect(estimator.accuracy).toBeUndefined();
  });

  it('measures error, bias and how many were answered within the range', () => {
    const estimator = experienced();
    const { range } = estimator.predict(ask());
    if (!range) throw new Error('nothing was predicted');
    estimator.answered(range.expectedMs + 20 * second, 0, { range, atMs: 0 });
    // Predicted when he had waited for half a minute already.
    estimator.answered(range.toMs + 60 * second + 30 * second, 0, { range, atMs: 30 * second });
    const late = range.toMs + 60 * second - range.expectedMs;
    const { measured, absoluteErrorMs, biasMs, coverage } = estimator.accuracy ?? {};
    expect(measured).toBe(2);
    // The older one counts 99 %.
    const mean = (20 * second * 0.99 + late) / 1.99;
    expect(absoluteErrorMs).toBeCloseTo(mean, 3);
    expect(biasMs).toBeCloseTo(-mean, 3);
    expect(coverage).toBeCloseTo(0.99 / 1.99, 6);
  });

  it('moves the prediction towards what happens', () => {
    const estimator = experienced();
    const before = expected(estimator.predict(ask()));
    for (let i = 0; i < 200; i++) {
      const { range } = estimator.predict(ask());
      if (range) estimator.answered(before * 1.5, 0, { range, atMs: 0 });
    }
    const after = expected(estimator.predict(ask()));
    expect(after / before).toBeGreaterThan(1.35);
    expect(after / before).toBeLessThan(1.65);
  });
});
