import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { describe, expect, it } from 'vitest';
import type { Condition, When } from '../../../src/config/document.ts';
import { Timetable } from '../../../src/time/when.ts';

const noDays = { holidays: [], workdays: [], preholidays: [] };
const moscow = new Timetable({ timezone: 'Europe/Moscow', country: 'RU', calendar: noDays });
const berlin = new Timetable({ timezone: 'Europe/Berlin', country: 'DE', calendar: noDays });

const at = (local: string, zone = 'Europe/Moscow') =>
  Temporal.PlainDateTime.from(local).toZonedDateTime(zone).epochMilliseconds;
const holds = (when: When, local: string) => moscow.when(when).holds(at(local));

describe('When', () => {
  it.each<[string, When, string, boolean]>([
    ['always', 'always', '2026-11-02T03:00', true],
    ['otherwise', 'otherwise', '2026-11-02T03:00', true],
    ['a weekday', [{ days: ['mon'] }], '2026-11-02T00:00', true],
    ['another weekday', [{ days: ['tue', 'sun'] }], '2026-11-02T12:00', false],
    ['one of several days', [{ days: ['tue', 'mon'] }], '2026-11-02T12:00', true],
    ['a workday', [{ days: ['workdays'] }], '2026-11-02T12:00', true],
    ['a public holiday is no workday', [{ days: ['workdays'] }], '2026-11-04T12:00', false],
    ['a holiday', [{ days: ['holidays'] }], '2026-11-04T12:00', true],
    ['a holiday ends at midnight', [{ days: ['holidays'] }], '2026-11-05T00:00', false],
    ['the day before a holiday', [{ days: ['preholidays'] }], '2026-11-03T12:00', true],
    ['the weekend', [{ days: ['weekend'] }], '2026-11-01T23:59:59', true],
    ['a date', [{ dates: ['2026-12-31'] }], '2026-12-31T00:00', true],
    ['the day after a date', [{ dates: ['2026-12-31'] }], '2027-01-01T00:00', false],
    ['the first minute', [{ time: ['09:00-18:59'] }], '2026-11-02T09:00', true],
    ['before the first minute', [{ time: ['09:00-18:59'] }], '2026-11-02T08:59:59', false],
    ['the last minute', [{ time: ['09:00-18:59'] }], '2026-11-02T18:59:59.999', true],
    ['after the last minute', [{ time: ['09:00-18:59'] }], '2026-11-02T19:00', false],
    ['the second range', [{ time: ['09:00-12:59', '14:00-17:59'] }], '2026-11-02T14:30', true],
    ['the break', [{ time: ['09:00-12:59', '14:00-17:59'] }], '2026-11-02T13:30', false],
    ['the whole day', [{ time: ['00:00-23:59'] }], '2026-11-02T23:59:59', true],
    ['a single minute', [{ time: ['09:00-09:00'] }], '2026-11-02T09:00:59', true],
    ['over midnight, evening', [{ time: ['22:00-05:59'] }], '2026-11-02T22:00', true],
    ['over midnight, morning', [{ time: ['22:00-05:59'] }], '2026-11-02T05:59:59', true],
    ['over midnight, day', [{ time: ['22:00-05:59'] }], '2026-11-02T06:00', false],
    ['the night of Friday is Friday’s', [{ days: ['fri'], time: ['22:00-05:59'] }], '2026-11-07T03:00', true],
    ['the night before Friday is not', [{ days: ['fri'], time: ['22:00-05:59'] }], '2026-11-06T03:00', false],
    ['a date with a night', [{ dates: ['2026-12-31'], time: ['20:00-02:59'] }], '2027-01-01T02:59', true],
    ['keys must all hold', [{ days: ['mon'], dates: ['2026-11-03'] }], '2026-11-02T12:00', false],
    ['any of the conditions', [{ days: ['sun'] }, { time: ['12:00-12:59'] }], '2026-11-02T12:30', true],
    [
      'before a period',
      [{ period: { from: '2026-10-01T10:00', to: '2026-10-31T18:00' } }],
      '2026-10-01T09:59:59',
      false,
    ],
    ['a period begins', [{ period: { from: '2026-10-01T10:00', to: '2026-10-31T18:00' } }], '2026-10-01T10:00', true],
    ['a period ends', [{ period: { from: '2026-10-01T10:00', to: '2026-10-31T18:00' } }], '2026-10-31T18:00:59', true],
    ['after a period', [{ period: { from: '2026-10-01T10:00', to: '2026-10-31T18:00' } }], '2026-10-31T18:01', false],
    [
      'in Vladivostok it is evening',
      [{ time: ['18:00-20:59'], timezone: 'Asia/Vladivostok' }],
      '2026-11-02T12:00',
      true,
    ],
    ['there it is Tuesday already', [{ days: ['tue'], timezone: 'Asia/Vladivostok' }], '2026-11-02T18:00', true],
  ])('%s', (_, when, local, expected) => {
    expect(holds(when, local)).toBe(expected);
  });

  it("takes the zone of the schedule's owner, and a condition's own zone before it", () => {
    const noon: When = [{ time: ['12:00-12:59'] }];
    const utcNoon = Date.parse('2026-11-02T12:30:00Z');
    expect(moscow.when(noon, 'UTC').holds(utcNoon)).toBe(true);
    expect(moscow.when(noon).holds(utcNoon)).toBe(false);
    expect(moscow.when([{ time: ['12:00-12:59'], timezone: 'UTC' }], 'Asia/Tokyo').holds(utcNoon)).toBe(true);
  });
});

/** All minutes of the local day around a change at which the condition holds, as [from, minutes] in UTC. */
function spans(condition: Condition, day: string): [string, number][] {
  const when = berlin.when([condition]);
  const start = Date.parse(`${day}T00:00Z`) - 12 * 3_600_000;
  const found: [string, number][] = [];
  let open: [string, number] | undefined;
  for (let instant = start; instant < start + 48 * 3_600_000; instant += 60_000) {
    if (!when.holds(instant)) open = undefined;
    else if (open) open[1]++;
    else {
      open = [new Date(instant).toISOString().slice(5, 16), 1];
      found.push(open);
    }
  }
  return found;
}

describe('a change of the clocks neither skips nor doubles a range', () => {
  // Berlin, 2026-03-29: 02:00 becomes 03:00 at 01:00 UTC.
  it.each<[string, [string, number][]]>([
    ['01:00-03:59', [['03-29T00:00', 120]]],
    ['02:00-02:29', [['03-29T01:00', 30]]], // wholly in the skipped hour: right after it
    ['02:30-03:09', [['03-29T01:00', 10]]],
    ['01:30-02:29', [['03-29T00:30', 30]]],
    ['22:00-02:29', [['03-28T21:00', 240]]],
  ])('forward: %s', (time, expected) => {
    expect(spans({ dates: [time.startsWith('22') ? '2026-03-28' : '2026-03-29'], time: [time] }, '2026-03-29')).toEqual(
      expected,
    );
  });

  // Berlin, 2026-10-25: 03:00 becomes 02:00 at 01:00 UTC.
  it.each<[string, [string, number][]]>([
    ['01:00-03:59', [['10-24T23:00', 240]]],
    ['02:00-02:29', [['10-25T00:00', 30]]],
    ['01:30-02:29', [['10-24T23:30', 60]]],
    ['02:30-03:29', [['10-25T00:30', 120]]],
  ])('back: %s', (time, expected) => {
    expect(spans({ dates: ['2026-10-25'], time: [time] }, '2026-10-25')).toEqual(expected);
  });

  it('leaves no gap and no overlap between two ranges that divide the day', () => {
    const clock = (minute: number) =>
      `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
    const property = fc.property(
      fc.constantFrom('2026-10-25', '2026-03-29', '2026-06-01'),
      fc.integer({ min: 1, max: 1439 }),
      fc.integer({ min: -720, max: 2160 }),
      (day, cut, minute) => {
        // A range wholly inside the skipped hour is the one that has to overlap its neighbour.
        fc.pre(!(day === '2026-03-29' && cut > 120 && cut <= 180));
        const first = berlin.when([{ time: [`00:00-${clock(cut - 1)}`] }]);
        const second = berlin.when([{ time: [`${clock(cut)}-23:59`] }]);
        const instant = Date.parse(`${day}T00:00Z`) + minute * 60_000;
        expect([first.holds(instant), second.holds(instant)].filter(Boolean)).toHaveLength(1);
      },
    );
    fc.assert(property, { numRuns: 2000 });
  });
});

describe('explain', () => {
  it.each<[When, string, string]>([
    ['always', '2026-11-04T10:15', 'it is for any time'],
    ['otherwise', '2026-11-04T10:15', 'it is for any other time'],
    [[{ days: ['holidays'] }], '2026-11-04T10:15', '2026-11-04 is a public holiday in RU (День народного единства)'],
    [[{ days: ['mon'] }], '2026-11-02T10:15', '2026-11-02 is a Monday'],
    [
      [{ days: ['workdays'], time: ['09:00-18:59'] }],
      '2026-11-02T10:15',
      '2026-11-02 is a workday (Monday) and 10:15 (Europe/Moscow) is within 09:00-18:59',
    ],
    [
      [{ days: ['workdays'] }],
      '2026-11-04T10:15',
      '2026-11-04 (Wednesday, a public holiday in RU (День народного единства)) is not among workdays',
    ],
    [[{ time: ['09:00-18:59'] }], '2026-11-02T19:15', '19:15 (Europe/Moscow) is not within 09:00-18:59'],
    [
      [{ days: ['fri'], time: ['22:00-05:59'] }],
      '2026-11-07T03:00',
      '2026-11-06, on which the range began, is a Friday and 03:00 (Europe/Moscow) is within 22:00-05:59',
    ],
    [[{ dates: ['2026-12-31'] }], '2026-11-02T12:00', '2026-11-02 is not 2026-12-31'],
    [
      [{ days: ['sat'] }, { time: ['00:00-05:59'] }],
      '2026-11-02T12:00',
      '2026-11-02 (Monday) is not among sat, 12:00 (Europe/Moscow) is not within 00:00-05:59',
    ],
    [
      [{ period: { from: '2026-10-01T10:00', to: '2026-10-31T18:00' } }],
      '2026-10-15T12:00',
      'it is between 2026-10-01T10:00 and 2026-10-31T18:00',
    ],
  ])('%j at %s: %s', (when, local, words) => {
    expect(moscow.when(when).explain(at(local))).toBe(words);
  });

  // «03:00 is within 02:10-02:20» was no reason that anybody could follow.
  it.each<[When, string, string]>([
    [
      [{ time: ['02:10-02:20'] }],
      '2026-03-29T03:05+02:00',
      '03:05 (Europe/Berlin, the clocks were set forward) is within 02:10-02:20',
    ],
    [[{ time: ['02:10-02:20'] }], '2026-10-25T02:15+02:00', '02:15 (Europe/Berlin) is within 02:10-02:20'],
    [
      [{ time: ['02:10-02:20'] }],
      '2026-10-25T02:15+01:00',
      '02:15 (Europe/Berlin, the clocks were set back) is not within 02:10-02:20',
    ],
    [
      [{ time: ['02:30-04:59'] }],
      '2026-10-25T02:10+01:00',
      '02:10 (Europe/Berlin, the clocks were set back) is within 02:30-04:59',
    ],
    [[{ time: ['22:00-05:59'] }], '2026-10-25T02:15+01:00', '02:15 (Europe/Berlin) is within 22:00-05:59'],
  ])('%j at %s, where the clocks change: %s', (when, instant, words) => {
    expect(berlin.when(when).explain(Date.parse(instant))).toBe(words);
  });
});
