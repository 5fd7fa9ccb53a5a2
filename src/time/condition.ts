import type { Condition, Day } from '../config/document.ts';
import type { Calendar } from './calendar.ts';
import { type DayNumber, dayOf, isoDate, msPerDay, msPerMinute, parseDate, weekday } from './date.ts';
import { type Spans, spansOf } from './spans.ts';
import { Zone } from './zone.ts';

/** One condition of a `When`, ready to be asked. */
export interface CompiledCondition {
  holds(instant: number): boolean;
  /** In words, why it holds or does not: `2026-11-04 is a public holiday in RU (…)`. */
  explain(instant: number): string;
  /**
   * When it holds in [from, to): exactly the instants for which `holds` is true.
   * @param offset how far the condition's own clocks are ahead of UTC, where they do not change nearby
   */
  spans(from: number, to: number, offset?: number): Spans;
}

/**
 * Keys must all hold, values of one key are alternatives. `days` and `dates` ask for the day on which a time range *starts*: the night from
 * Friday to Saturday, `22:00-05:59`, is Friday's.
 *
 * When the clocks change, a range is neither left out nor held twice: it lasts from the first moment at which the wall clock shows its
 * start to the first at which it shows its end; one that falls into the skipped hour as a whole is held right after it.
 */
export function compileCondition(condition: Condition, calendar: Calendar, defaultZone: string): CompiledCondition {
  const zone = Zone.of(condition.timezone ?? defaultZone);
  const { days, time } = condition;
  const dates = condition.dates && new Set(condition.dates.map(parseDate));
  const ranges = time?.map(parseRange) ?? [wholeDay];
  const period = condition.period && {
    from: zone.instantOf(parseLocal(condition.period.from)),
    to: zone.instantOf(parseLocal(condition.period.to) + msPerMinute),
  };

  const isOneOfTheDays = (day: DayNumber) => !days || days.some((kind) => calendar.is(kind, day));
  const isOneOfTheDates = (day: DayNumber) => !dates || dates.has(day);
  const isInPeriod = (instant: number) => !period || (period.from <= instant && instant < period.to);

  /** The days whose range the instant is in: today, or yesterday by a range over midnight. */
  function startDays(instant: number): DayNumber[] {
    const today = dayOf(zone.wallAt(instant));
    const found: DayNumber[] = [];
    for (const range of ranges) {
      if (contains(zone, range, today, instant)) found.push(today);
      if (range.end > msPerDay && contains(zone, range, today - 1, instant)) found.push(today - 1);
    }
    return found;
  }

  /**
   * The clocks show a time of a range. Not the same as being in it when they have changed: it can be held at another time than its own, and be over
   * although they show its time again.
   */
  const showsWithin = (wall: number): boolean =>
    ranges.some(({ start, end }) =>
      [wall - dayOf(wall) * msPerDay, wall - (dayOf(wall) - 1) * msPerDay].some((time) => start <= time && time < end),
    );

  /** How the clocks have changed within the last day. */
  const turned = (instant: number) => (zone.offsetAt(instant) > zone.offsetAt(instant - msPerDay) ? 'forward' : 'back');

  const holds = (instant: number) =>
    isInPeriod(instant) && startDays(instant).some((day) => isOneOfTheDays(day) && isOneOfTheDates(day));

  function explain(instant: number): string {
    const wall = zone.wallAt(instant);
    const today = dayOf(wall);
    const started = startDays(instant);
    const now = () => {
      const shown = new Date(wall).toISOString().slice(11, 16);
      return `${shown} (${zone.name}${showsWithin(wall) === started.length > 0 ? '' : `, the clocks were set ${turned(instant)}`})`;
    };
    if (period && !isInPeriod(instant)) return `${isoDate(today)} ${now()} is not ${periodText(condition)}`;

    if (started.length === 0) return `${now()} is not within ${time?.join(', ')}`;
    const day = started.find((day) => isOneOfTheDays(day) && isOneOfTheDates(day)) ?? (started[0] as DayNumber);
    const date = day === today ? isoDate(day) : `${isoDate(day)}, on which the range began,`;
    if (!isOneOfTheDates(day)) return `${date} is not ${condition.dates?.join(', ')}`;
    const matching = days?.find((kind) => calendar.is(kind, day));
    if (days && !matching) return `${date} (${nature(day, calendar)}) is not among ${days.join(', ')}`;

    const reasons = [
      ...(matching ? [`${date} is ${describe[matching](day, calendar)}`] : dates ? [`it is ${date}`] : []),
      ...(time ? [`${now()} is within ${time.join(', ')}`] : []),
      ...(period ? [`it is ${periodText(condition)}`] : []),
    ];
    return reasons.join(' and ');
  }

  function spans(from: number, to: number, offset?: number): Spans {
    if (offset === undefined) return sampled(from, to);
    const begin = Math.max(from, period?.from ?? from);
    const end = Math.min(to, period?.to ?? to);
    const found: [number, number][] = [];
    // Yesterday's range may reach over midnight; other ranges of yesterday end before the first day begins.
    for (let day = dayOf(from + offset) - 1; day <= dayOf(to - 1 + offset); day++) {
      if (!isOneOfTheDays(day) || !isOneOfTheDates(day)) continue;
      const midnight = day * msPerDay - offset;
      for (const range of ranges)
        found.push([Math.max(begin, midnight + range.start), Math.min(end, midnight + range.end)]);
    }
    return spansOf(found);
  }

  /** Asks `holds` once between any two moments at which its answer could change. */
  function sampled(from: number, to: number): Spans {
    const moments = new Set([from, ...zone.changes(from, to), period?.from ?? from, period?.to ?? from]);
    for (let day = dayOf(zone.wallAt(from)) - 2; day <= dayOf(zone.wallAt(to)) + 2; day++) {
      for (const range of [...ranges, wholeDay]) {
        const start = zone.instantOf(day * msPerDay + range.start);
        moments.add(start);
        moments.add(zone.instantOf(day * msPerDay + range.end));
        moments.add(start + range.end - range.start);
      }
    }
    const inside = [...moments].filter((moment) => from <= moment && moment < to).sort((a, b) => a - b);
    return spansOf(
      inside.flatMap((moment, index): [number, number][] => (holds(moment) ? [[moment, inside[index + 1] ?? to]] : [])),
    );
  }

  return { holds, explain, spans };
}

/** Wall times from the start of a day, in milliseconds; `end` is exclusive, and past midnight greater than a day. */
interface Range {
  readonly start: number;
  readonly end: number;
}

const wholeDay: Range = { start: 0, end: msPerDay };

function parseRange(text: string): Range {
  const [start = 0, last = 0] = text.split('-').map(parseClock);
  const end = last + msPerMinute;
  return { start, end: last < start ? end + msPerDay : end };
}

function parseClock(text: string): number {
  const [hours = 0, minutes = 0] = text.split(':').map(Number);
  return (hours * 60 + minutes) * msPerMinute;
}

/** `2026-10-01T10:00` as a wall time. */
const parseLocal = (text: string): number => Date.parse(`${text}:00Z`);

function contains(zone: Zone, range: Range, day: DayNumber, instant: number): boolean {
  const start = zone.instantOf(day * msPerDay + range.start);
  if (instant < start) return false;
  const end = zone.instantOf(day * msPerDay + range.end);
  return instant < (end > start ? end : start + range.end - range.start);
}

const weekdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const;
const weekdayName = (day: DayNumber): string => weekdays[weekday(day)] as string;
const aWeekday = (day: DayNumber) => `a ${weekdayName(day)}`;

function holidayText(day: DayNumber, calendar: Calendar): string {
  const name = calendar.holidayName(day);
  return name ? `a public holiday in ${calendar.country} (${name})` : "a holiday in the company's calendar";
}

const describe: Readonly<Record<Day, (day: DayNumber, calendar: Calendar) => string>> = {
  mon: aWeekday,
  tue: aWeekday,
  wed: aWeekday,
  thu: aWeekday,
  fri: aWeekday,
  sat: aWeekday,
  sun: aWeekday,
  workdays: (day, calendar) =>
    calendar.isOwnWorkday(day) ? "a workday in the company's calendar" : `a workday (${weekdayName(day)})`,
  weekend: (day) => `a weekend day (${weekdayName(day)})`,
  holidays: holidayText,
  preholidays: () => 'the working day before a holiday',
};

/** What kind of day it is, for one that is not among those that were asked for. */
function nature(day: DayNumber, calendar: Calendar): string {
  if (!calendar.isHoliday(day)) return weekdayName(day);
  return `${weekdayName(day)}, ${holidayText(day, calendar)}`;
}

const periodText = ({ period }: Condition): string => `between ${period?.from} and ${period?.to}`;
