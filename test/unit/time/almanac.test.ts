import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Condition } from '../../../src/config/document.ts';
import { Almanac, type ZonedWhen } from '../../../src/time/almanac.ts';
import { dayOf, isoDate, msPerDay, msPerMinute, parseDate } from '../../../src/time/date.ts';
import { difference, intersection, type Spans, spansOf, union } from '../../../src/time/spans.ts';
import { Timetable } from '../../../src/time/when.ts';

const now = Date.parse('2026-11-25T12:00:00Z');
const calendars = [
  { timezone: 'Europe/Moscow', country: 'RU' },
  { timezone: 'Europe/Berlin', country: 'DE' },
  { timezone: 'America/New_York', country: 'US' },
  // Half an hour of summer time.
  { timezone: 'Australia/Lord_Howe', country: 'AU' },
  // The clocks change at midnight.
  { timezone: 'America/Havana', country: 'CU' },
].map((options) => ({
  ...options,
  calendar: {
    holidays: ['2026-12-30', '2027-03-29'],
    workdays: ['2026-11-28', '2027-03-27'],
    preholidays: ['2027-03-26'],
  },
}));
const almanacs = calendars.map((options) => new Almanac(new Timetable(options), now));

const clock = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom(0, 0, 15, 30, 59))
  .map(([hour, minute]) => `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`);
const range = fc.tuple(clock, clock).map(([from, to]) => `${from}-${to}`);
const day = fc.constantFrom(
  ...(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun', 'workdays', 'weekend', 'holidays', 'preholidays'] as const),
);
const date = fc.constantFrom('2026-12-31', '2027-03-28', '2027-03-14', '2027-10-31', '2026-11-28', '2020-02-29');
const moment = fc.constantFrom(
  '2027-03-28T02:30',
  '2026-12-31T10:00',
  '2027-01-03T00:00',
  '2019-05-01T09:00',
  '2028-06-01T18:00',
);
const period = fc.tuple(moment, moment).map(([a, b]) => (a <= b ? { from: a, to: b } : { from: b, to: a }));

const condition: fc.Arbitrary<Condition> = fc.record(
  {
    time: fc.array(range, { minLength: 1, maxLength: 2 }),
    days: fc.array(day, { minLength: 1, maxLength: 3 }),
    dates: fc.array(date, { minLength: 1, maxLength: 2 }),
    period,
    timezone: fc.constantFrom('Asia/Vladivostok', 'Europe/Berlin', 'America/New_York', 'Pacific/Apia'),
  },
  { requiredKeys: ['time'] },
);
/** Mostly what schemes are made of. */
const usual: fc.Arbitrary<Condition> = fc.record(
  { time: fc.array(range, { minLength: 1, maxLength: 2 }), days: fc.array(day, { minLength: 1, maxLength: 3 }) },
  { requiredKeys: ['time'] },
);
const zoned: fc.Arbitrary<ZonedWhen> = fc
  .tuple(
    fc.array(fc.oneof({ weight: 2, arbitrary: usual }, condition), { minLength: 1, maxLength: 2 }),
    fc.option(fc.constantFrom('Asia/Tokyo', 'America/Havana'), { nil: undefined, freq: 5 }),
  )
  .map(([when, timezone]) => ({ when, timezone }));

/** Days that are worth a look at: changes of clocks, holidays, dates of the conditions above, and any other. */
const sampled = fc.oneof(
  fc
    .constantFrom('2027-03-28', '2027-03-14', '2027-10-31', '2027-11-07', '2027-04-04', '2026-10-04', '2027-03-27')
    .map(parseDate),
  fc.constantFrom('2026-12-30', '2027-01-01', '2026-12-31', '2027-01-02', '2028-06-01', '2026-11-28').map(parseDate),
  fc.integer({ min: parseDate('2026-01-01'), max: parseDate('2037-12-31') }),
);

describe('an almanac', () => {
  it('knows minute by minute what the conditions say, on each day, for all days of a class by one', () => {
    const property = fc.property(
      fc.constantFrom(...almanacs),
      fc.array(zoned, { minLength: 1, maxLength: 3 }),
      fc.array(sampled, { minLength: 1, maxLength: 3 }),
      (almanac, whens, days) => {
        const frame = almanac.frame(whens);
        for (const one of days) {
          const index = frame.classes.findIndex((of) => of.days.includes(one));
          expect(index, isoDate(one)).toBeGreaterThanOrEqual(0);
          const from = startOf(almanac, one);
          const to = startOf(almanac, one + 1);
          for (const when of whens) {
            const compiled = almanac.timetable.when(when.when, when.timezone);
            const spans = frame.timesOf(when).byClass[index] as Spans;
            for (let at = from; at < to; at += msPerMinute)
              if (contains(spans, at - from) !== compiled.holds(at))
                throw new Error(`${isoDate(one)} +${(at - from) / msPerMinute} min: ${!compiled.holds(at)}`);
          }
        }
      },
    );
    fc.assert(property, { numRuns: 60 });
  }, 60_000);

  it('has each day of its years in exactly one class, and the days that are named', () => {
    const property = fc.property(fc.constantFrom(...almanacs), fc.array(zoned, { maxLength: 3 }), (almanac, whens) => {
      const days = almanac.frame(whens).classes.flatMap((one) => one.days);
      expect(new Set(days).size).toBe(days.length);
      const all = new Set(days);
      for (let one = almanac.first; one < almanac.last; one++) if (!all.has(one)) throw new Error(isoDate(one));
    });
    fc.assert(property, { numRuns: 10 });
  });

  it('needs few days for all', () => {
    const [moscow, berlin] = almanacs;
    const office: ZonedWhen = { when: [{ days: ['workdays'], time: ['09:00-17:59'] }] };
    const hours: ZonedWhen = { when: [{ days: ['mon'], time: ['09:00-17:59'] }] };
    expect(moscow?.frame([hours]).classes.length).toBe(7);
    expect(berlin?.frame([hours]).classes.length).toBe(9);
    expect(moscow?.frame([office]).classes.length).toBeLessThan(20);
  });

  it('does not look at the tables of holidays when nobody asks for one', () => {
    const nowhere = new Timetable({ ...calendars[0], timezone: 'UTC', country: 'RU', calendar: {} });
    nowhere.calendar.is = (kind) => {
      throw new Error(`asked for ${kind}`);
    };
    const frame = new Almanac(nowhere, now).frame([{ when: [{ time: ['09:00-17:59'] }] }]);
    expect(frame.classes).toHaveLength(7);
  });
});

function startOf(almanac: Almanac, one: number): number {
  // By the definition of a day rather than by the code under test: the first minute with that date.
  const format = new Intl.DateTimeFormat('sv', { timeZone: almanac.timetable.timezone, dateStyle: 'short' });
  let low = (one - 1) * msPerDay;
  let high = (one + 1) * msPerDay;
  while (high - low > msPerMinute) {
    const middle = Math.floor((low + high) / 2 / msPerMinute) * msPerMinute;
    if (dayOf(Date.parse(`${format.format(middle)}T00:00Z`)) < one) low = middle;
    else high = middle;
  }
  return high;
}

const contains = (spans: Spans, at: number): boolean => {
  for (let i = 0; i < spans.length; i += 2)
    if ((spans[i] as number) <= at && at < (spans[i + 1] as number)) return true;
  return false;
};

describe('spans', () => {
  const pairs = fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 30 })), { maxLength: 6 });

  it('are sets', () => {
    const property = fc.property(pairs, pairs, (one, other) => {
      const [a, b] = [spansOf(one), spansOf(other)];
      for (const spans of [a, b, union(a, b), intersection(a, b), difference(a, b)])
        expect(spans.every((end, index) => index === 0 || end > (spans[index - 1] as number))).toBe(true);
      for (let at = -1; at <= 31; at++) {
        const [inA, inB] = [contains(a, at), contains(b, at)];
        expect(inA).toBe(one.some(([from, to]) => from <= at && at < to));
        expect(contains(union(a, b), at)).toBe(inA || inB);
        expect(contains(intersection(a, b), at)).toBe(inA && inB);
        expect(contains(difference(a, b), at)).toBe(inA && !inB);
      }
    });
    fc.assert(property, { numRuns: 500 });
  }, 30_000);
});
