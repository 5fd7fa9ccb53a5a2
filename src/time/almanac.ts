import type { Condition, Day, When } from '../config/document.ts';
import type { CompiledCondition } from './condition.ts';
import { type DayNumber, dayOf, msPerDay, parseDate, weekday, yearOf } from './date.ts';
import { remember } from './remember.ts';
import { difference, intersection, type Spans, union } from './spans.ts';
import type { Timetable } from './when.ts';
import { Zone } from './zone.ts';

/** How many years are looked at: within twelve years every date falls on every day of the week. */
export const years = 12;

/** A `When`, and the zone of whom it is for, if that is not the PBX's. */
export interface ZonedWhen {
  readonly when: When;
  readonly timezone?: string | undefined;
}

/** Days, by the clocks of the PBX, on which all the conditions of a frame hold at the same hours. */
export interface DayClass {
  /** In order; the first stands for all. */
  readonly days: readonly DayNumber[];
  /** When the first one begins, and when it ends: 23 or 25 hours where the clocks change. */
  readonly from: number;
  readonly to: number;
  /** Named by a date or by an end of a period; the others are as the calendar has them. */
  readonly named: boolean;
  /** Clocks change nearby. */
  readonly change: boolean;
  /** Offsets of the zones in use, where their clocks do not change nearby. */
  readonly offsets: ReadonlyMap<string, number>;
}

/**
 * What is to be known of all the days of the coming years, for questions about all times: does this condition ever hold, do these leave
 * a gap. From 1 January of the current year, so that the answers do not change from day to day, over `years`; besides, all days that the
 * conditions in question name.
 *
 * Days are not asked one by one. What can be told apart by the conditions in question (the day of the week, whether it is a holiday if any
 * asks for holidays, whether the clocks change) makes classes of days, a dozen or some dozens, and one day of each is looked at, by the
 * very definition that calls are routed by (`condition.ts`): the answers are exact.
 */
export class Almanac {
  readonly timetable: Timetable;
  readonly now: number;
  readonly first: DayNumber;
  /** Exclusive. */
  readonly last: DayNumber;
  readonly #frames = new Map<string, Frame>();
  readonly #classes = new Map<string, readonly DayClass[]>();
  readonly #kinds = new Map<Day, Uint8Array>();

  constructor(timetable: Timetable, now: number) {
    this.timetable = timetable;
    this.now = now;
    const year = yearOf(dayOf(now));
    this.first = parseDate(`${year}-01-01`);
    this.last = parseDate(`${year + years}-01-01`);
  }

  /** The common ground on which these can be compared. */
  frame(whens: readonly ZonedWhen[]): Frame {
    const features = featuresOf(whens, this.timetable.timezone);
    const key = JSON.stringify([...Object.values(features)].map((part) => [...part]));
    return remember(this.#frames, key, () => new Frame(this, this.#classesFor(features)));
  }

  #classesFor({ zones, kinds, dates, periods, reach }: Features): readonly DayClass[] {
    const [back = 0, ahead = 0] = reach;
    const base = remember(this.#classes, JSON.stringify([[...zones], [...kinds], reach]), () =>
      this.#group([...zones], [...kinds], back, ahead),
    );
    if (dates.size === 0 && periods.size === 0) return base;

    const named = new Set([...dates].flatMap((date) => around(parseDate(date))));
    const cuts = [...periods].flatMap((period) => period.split('/').map((end) => dayOf(Date.parse(`${end}:00Z`))));
    for (const cut of cuts) for (const day of around(cut)) named.add(day);
    // Of a period that is over, or far ahead, a year shows what holds in it.
    for (const period of periods) {
      const [from = 0, to = 0] = period.split('/').map((end) => dayOf(Date.parse(`${end}:00Z`)));
      if (to >= this.first && from < this.last) continue;
      for (let day = from; day <= Math.min(to, from + 400); day++) named.add(day);
    }
    // Between two ends of periods the days of one class are alike.
    const ends = [...cuts, Number.POSITIVE_INFINITY].sort((a, b) => a - b);
    const parts = base.flatMap((one) => {
      const left = one.days.filter((day) => !named.has(day));
      const groups = Map.groupBy(left, (day) => ends.findIndex((end) => day < end));
      return [...groups.values()].map((days) => this.#class(days, [...zones]));
    });
    const single = [...named]
      .sort((a, b) => a - b)
      .map((day): DayClass => {
        const offsets = new Map<string, number>();
        let change = false;
        for (const name of zones) {
          const offset = steadyOffset(Zone.of(name), day * msPerDay - 3 * msPerDay, day * msPerDay + 4 * msPerDay);
          if (offset === undefined) change = true;
          else offsets.set(name, offset);
        }
        return { days: [day], ...this.#bounds(day), named: true, change, offsets };
      });
    return [...parts, ...single];
  }

  #bounds(day: DayNumber): { readonly from: number; readonly to: number } {
    const zone = Zone.of(this.timetable.timezone);
    return { from: zone.instantOf(day * msPerDay), to: zone.instantOf((day + 1) * msPerDay) };
  }

  #group(zones: readonly string[], kinds: readonly Day[], back: number, ahead: number): readonly DayClass[] {
    const clocks = zones.map((name) => this.#clocksOf(name, zones));
    const flags = kinds.map((kind) => remember(this.#kinds, kind, () => this.#daysOf(kind)));
    const alike = new Partition(this.last - this.first);
    alike.split((index) => weekday(this.first + index));
    for (const { pattern } of clocks) alike.split((index) => pattern[index] ?? 0);
    for (const flag of flags) {
      alike.split((index) => {
        let near = 0;
        for (let at = index + margin - back; at <= index + margin + ahead; at++) near = near * 2 + (flag[at] ?? 0);
        return near;
      });
    }
    const found = Map.groupBy(
      Array.from({ length: alike.classes.length }, (_, index) => this.first + index),
      (day) => alike.classes[day - this.first],
    );
    return [...found.values()].map((days) => this.#class(days, zones));
  }

  /** @param days not empty, in the years of the almanac */
  #class(days: readonly DayNumber[], zones: readonly string[]): DayClass {
    const day = days[0] as number;
    const offsets = new Map<string, number>();
    for (const name of zones) {
      const offset = this.#clocksOf(name, zones).offsets[day - this.first];
      if (offset !== undefined) offsets.set(name, offset);
    }
    return { days, ...this.#bounds(day), named: false, change: offsets.size < zones.length, offsets };
  }

  /** Of several zones a day of one looks at days of another. */
  #clocksOf(name: string, zones: readonly string[]): ZoneDays {
    const near = zones.length > 1 ? margin : 0;
    const key = `${this.timetable.timezone} ${name} ${near} ${this.first}`;
    if (zoneDays.size > mostZoneDays) zoneDays.clear();
    return remember(zoneDays, key, () => this.#zoneDays(name, near));
  }

  #daysOf(kind: Day): Uint8Array {
    const { calendar } = this.timetable;
    const flags = new Uint8Array(this.last - this.first + 2 * margin);
    for (let index = 0; index < flags.length; index++)
      flags[index] = calendar.is(kind, this.first - margin + index) ? 1 : 0;
    return flags;
  }

  /**
   * What a zone's clocks do on each day, in a number that is the same for days on which they do the same.
   * @param near how many days before and after a day count as near it
   */
  #zoneDays(name: string, near: number): ZoneDays {
    const zone = Zone.of(name);
    const count = this.last - this.first;
    const begin = (this.first - margin) * msPerDay;
    const changes = zone.changes(begin, (this.last + margin) * msPerDay);
    const numbers = new Map<string, number>();
    const offsets: (number | undefined)[] = [];
    const pattern: number[] = [];
    let offset = zone.offsetAt(begin);
    let next = 0;
    for (let index = 0; index < count; index++) {
      const { from, to } = this.#bounds(this.first + index);
      for (; (changes[next] ?? to) <= from; next++) offset = zone.offsetAt(changes[next] as number);
      const close = changes.filter((change) => change > from - near * msPerDay && change < to + near * msPerDay);
      const steady = close.length === 0 && to - from === msPerDay;
      offsets.push(steady ? offset : undefined);
      const what = steady
        ? near > 0 && offset
        : [to - from, ...close.flatMap((change) => [change - from, zone.offsetAt(change - 1), zone.offsetAt(change)])];
      pattern.push(numberOf(numbers, String(what)));
    }
    return { offsets, pattern };
  }
}

/** Things by number that are alike in all that has been asked about them. */
class Partition {
  /** By thing: the number of its class. */
  readonly classes: Uint32Array;
  #count = 1;

  constructor(size: number) {
    this.classes = new Uint32Array(size);
  }

  split(by: (index: number) => number): void {
    const numbers = new Map<number, number>();
    for (let index = 0; index < this.classes.length; index++) {
      const both = by(index) * this.#count + (this.classes[index] as number);
      let number = numbers.get(both);
      if (number === undefined) {
        number = numbers.size;
        numbers.set(both, number);
      }
      this.classes[index] = number;
    }
    this.#count = numbers.size;
  }
}

interface ZoneDays {
  /** Undefined where the clocks change nearby. */
  readonly offsets: readonly (number | undefined)[];
  readonly pattern: readonly number[];
}

/** What clocks do is the same for all PBXs, and takes a tenth of a second to find out. */
const zoneDays = new Map<string, ZoneDays>();
const mostZoneDays = 200;

/** Days before and after the years in question that their first and last days look at. */
const margin = 3;

const around = (day: DayNumber): DayNumber[] => [day - 2, day - 1, day, day + 1, day + 2];

const numberOf = (numbers: Map<string, number>, text: string): number => remember(numbers, text, () => numbers.size);

function steadyOffset(zone: Zone, from: number, to: number): number | undefined {
  return zone.changes(from, to).length === 0 ? zone.offsetAt(from) : undefined;
}

/** By what the conditions can tell days apart. */
interface Features {
  readonly zones: ReadonlySet<string>;
  readonly kinds: ReadonlySet<Day>;
  readonly dates: ReadonlySet<string>;
  /** `from/to`, as written. */
  readonly periods: ReadonlySet<string>;
  /** How many days back and ahead they look from a day of the PBX's clocks. */
  readonly reach: readonly [number, number];
}

const calendarKinds: ReadonlySet<Day> = new Set(['holidays', 'workdays', 'weekend', 'preholidays']);

function featuresOf(whens: readonly ZonedWhen[], own: string): Features {
  const zones = new Set([own]);
  const kinds = new Set<Day>();
  const dates = new Set<string>();
  const periods = new Set<string>();
  let overMidnight = false;
  for (const { when, timezone } of whens) {
    if (typeof when === 'string') continue;
    for (const condition of when) {
      zones.add(condition.timezone ?? timezone ?? own);
      for (const kind of condition.days ?? []) if (calendarKinds.has(kind)) kinds.add(kind);
      for (const date of condition.dates ?? []) dates.add(date);
      if (condition.period) periods.add(`${condition.period.from}/${condition.period.to}`);
      overMidnight ||= isOverMidnight(condition);
    }
  }
  const reach: [number, number] = zones.size > 1 ? [2, 2] : overMidnight ? [1, 0] : [0, 0];
  return { zones, kinds, dates, periods, reach };
}

const isOverMidnight = ({ time }: Condition): boolean =>
  time?.some((range) => range.slice(6) < range.slice(0, 5)) ?? false;

/** The classes of days that some conditions can tell apart, and the times at which each holds. */
export class Frame {
  readonly almanac: Almanac;
  readonly classes: readonly DayClass[];
  readonly always: TimeSet;
  readonly #known = new Map<string, TimeSet>();

  constructor(almanac: Almanac, classes: readonly DayClass[]) {
    this.almanac = almanac;
    this.classes = classes;
    this.always = new TimeSet(
      this,
      classes.map(({ from, to }) => [0, to - from]),
    );
  }

  /** @param when one of those that the frame was made for */
  timesOf({ when, timezone = this.almanac.timetable.timezone }: ZonedWhen): TimeSet {
    if (typeof when === 'string') return this.always;
    return remember(this.#known, `${timezone} ${JSON.stringify(when)}`, () => {
      const compiled = when.map((condition) => ({
        zone: condition.timezone ?? timezone,
        condition: this.almanac.timetable.condition(condition, timezone),
      }));
      return new TimeSet(
        this,
        this.classes.map((one) =>
          compiled.reduce<Spans>((all, { zone, condition }) => union(all, timesOn(one, condition, zone)), []),
        ),
      );
    });
  }
}

const timesOn = ({ from, to, offsets }: DayClass, condition: CompiledCondition, zone: string): Spans =>
  condition.spans(from, to, offsets.get(zone)).map((instant) => instant - from);

/** A set of times: for each class of its frame the milliseconds since the day began. */
export class TimeSet {
  readonly frame: Frame;
  readonly byClass: readonly Spans[];

  constructor(frame: Frame, byClass: readonly Spans[]) {
    this.frame = frame;
    this.byClass = byClass;
  }

  get isEmpty(): boolean {
    return this.byClass.every(({ length }) => length === 0);
  }

  and(other: TimeSet): TimeSet {
    return this.#with(other, intersection);
  }

  or(other: TimeSet): TimeSet {
    return this.#with(other, union);
  }

  without(other: TimeSet): TimeSet {
    return this.#with(other, difference);
  }

  /** Without days that are named and lie before the years of the almanac. */
  get fromNowOn(): TimeSet {
    const { classes, almanac } = this.frame;
    return new TimeSet(
      this.frame,
      this.byClass.map((spans, index) => ((classes[index]?.days[0] ?? 0) < almanac.first ? [] : spans)),
    );
  }

  #with(other: TimeSet, of: (a: Spans, b: Spans) => Spans): TimeSet {
    return new TimeSet(
      this.frame,
      this.byClass.map((spans, index) => of(spans, other.byClass[index] ?? [])),
    );
  }
}
