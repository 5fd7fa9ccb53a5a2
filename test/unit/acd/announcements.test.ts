import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnnounceRules, announcement, type Heard, type WaitingNow } from '../../../src/acd/announcements.ts';
import type { Prediction } from '../../../src/acd/estimate.ts';

const minute = 60_000;
const start = 1_800_000_000_000;
const both: AnnounceRules = { position: true, waitTime: true, every: 30 };

const within = (fromMinutes: number, toMinutes: number): Extract<Prediction, { range: unknown }> => {
  const range = {
    fromMs: fromMinutes * minute,
    toMs: toMinutes * minute,
    expectedMs: ((fromMinutes + toMinutes) / 2) * minute,
  };
  return { range: { ...range, model: range, position: 1 } };
};

const situation = (now: Partial<WaitingNow> = {}): WaitingNow => ({
  now: start,
  position: 4,
  membersAtWork: 3,
  prediction: within(2.4, 4.2),
  ...now,
});

/** Tells a caller what there is to tell, one situation after the other, each when it is due. */
function tell(rules: AnnounceRules, ...situations: Partial<WaitingNow>[]) {
  let heard: Heard | undefined;
  return situations.map((now, i) => {
    const said = announcement(rules, heard, situation({ now: start + i * rules.every * 1000, ...now }));
    heard = said.heard;
    return said.say;
  });
}

const thanks = { prompt: 'queue-thanks' };
const wait = (minutes: number, to?: number) => [
  { fragment: 'queue-wait' },
  to === undefined ? { minutes } : { minutes, to },
];
const place = (ordinal: number) => [{ fragment: 'queue-position' }, { ordinal }];

describe('what is said', () => {
  it('on entry: place and wait, as a range of whole minutes that holds the predicted one', () => {
    expect(tell(both, {})).toEqual([[...place(4), ...wait(2, 5)]]);
  });

  it('nothing that was not asked for', () => {
    expect(tell({ ...both, waitTime: false }, {})).toEqual([place(4)]);
    expect(tell({ ...both, position: false }, {})).toEqual([wait(2, 5)]);
    expect(announcement({ position: false, waitTime: false, every: 30 }, undefined, situation())).toEqual({
      say: [],
      heard: undefined,
      nextAt: undefined,
    });
  });

  it('that he is the next, in other words than a number', () => {
    expect(tell({ ...both, waitTime: false }, { position: 1 })).toEqual([[{ prompt: 'queue-first' }]]);
  });

  it('less than a minute, one figure when both ends are the same, steps of five above ten', () => {
    const only = { ...both, position: false };
    expect(tell(only, { prediction: within(0.2, 0.8) })).toEqual([
      [{ fragment: 'queue-wait' }, { fragment: 'less-than' }, { minutes: 1 }],
    ]);
    expect(tell(only, { prediction: within(0.5, 2.5) })).toEqual([
      [{ fragment: 'queue-wait' }, { fragment: 'less-than' }, { minutes: 3 }],
    ]);
    expect(tell(only, { prediction: within(3, 3) })).toEqual([wait(3)]);
    expect(tell(only, { prediction: within(12, 18) })).toEqual([wait(10, 20)]);
    expect(tell(only, { prediction: within(9, 11) })).toEqual([wait(9, 15)]);
  });

  it('no wait of more than an hour, and none that the estimator does not stand by', () => {
    expect(tell(both, { prediction: within(20, 61) })).toEqual([place(4)]);
    expect(tell(both, { prediction: { ...within(1, 9), silent: 'tooWide' } })).toEqual([place(4)]);
    expect(tell({ ...both, position: false }, { prediction: { silent: 'noHistory' } })).toEqual([[]]);
  });

  it('thanks from the second time on, when there is something to be thankful for', () => {
    expect(tell({ ...both, waitTime: false }, {}, { position: 3 }, { position: 5 })).toEqual([
      place(4),
      [...place(3), thanks],
      [],
    ]);
  });
});

describe('when', () => {
  it('every `every` seconds, however often it is asked', () => {
    const first = announcement(both, undefined, situation());
    expect(first.nextAt).toBe(start + 30_000);
    const early = announcement(both, first.heard, situation({ now: start + 29_999, position: 3 }));
    expect(early).toEqual({ say: [], heard: first.heard, nextAt: start + 30_000 });
    const due = announcement(both, first.heard, situation({ now: start + 30_000, position: 3 }));
    expect(due.say).not.toEqual([]);
    expect(due.nextAt).toBe(start + 60_000);
  });
});

describe('a longer wait than he has heard', () => {
  const only = { ...both, position: false };

  it('is not said without a reason', () => {
    expect(tell(only, { prediction: within(2, 4) }, { prediction: within(3, 6) })[1]).toEqual([]);
  });

  it('is said, as such, when fewer members are at work or somebody came before him', () => {
    const longer = [{ prompt: 'queue-longer' }, ...wait(3, 6), thanks];
    const first = { prediction: within(2, 4) };
    expect(tell(only, first, { prediction: within(3, 6), membersAtWork: 2 })[1]).toEqual(longer);
    expect(tell(only, first, { prediction: within(3, 6), position: 5 })[1]).toEqual(longer);
  });

  it('begins no later than the former range, whatever its end', () => {
    expect(tell(only, { prediction: within(2, 5) }, { prediction: within(3, 4) })[1]).toEqual([...wait(2, 4), thanks]);
  });

  it('never comes without its warning, and no place further back is ever said', () => {
    const step = fc.record({
      position: fc.integer({ min: 1, max: 12 }),
      membersAtWork: fc.integer({ min: 1, max: 5 }),
      from: fc.double({ min: 0, max: 20, noNaN: true }),
      width: fc.double({ min: 0, max: 10, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 2, maxLength: 12 }), (steps) => {
        const said = tell(
          both,
          ...steps.map(({ from, width, ...rest }) => ({ ...rest, prediction: within(from, from + width) })),
        );
        let longest = Number.POSITIVE_INFINITY;
        let furthest = Number.POSITIVE_INFINITY;
        for (const words of said) {
          for (const word of words) {
            if ('minutes' in word) {
              const to = word.to ?? word.minutes;
              const warned = words.some((other) => 'prompt' in other && other.prompt === 'queue-longer');
              if (to > longest) expect(warned).toBe(true);
              longest = to;
            }
            if ('ordinal' in word) {
              expect(word.ordinal).toBeLessThanOrEqual(furthest);
              furthest = word.ordinal;
            }
          }
        }
      }),
      { seed: 1 },
    );
  });
});
