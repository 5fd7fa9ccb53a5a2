import type { DayClass, TimeSet } from './almanac.ts';
import { type DayNumber, dayOf, isoDate, msPerDay, msPerMinute, weekday } from './date.ts';
import { difference, type Spans, spansOf } from './spans.ts';

/**
 * A set of times for people: what of an ordinary week is in it, then the days that differ from it.
 * `Sat 10:00–Mon 09:00, and on public holidays 09:00–18:00 (2027-01-01 …)`. Ends are the first minute after. Not for an empty set.
 */
export function timesText(set: TimeSet): string {
  const ordinary = ordinaryWeek(set.frame.classes);
  const weekly = weekText(ordinary.map((index) => set.byClass[index] ?? []));
  const special = specialText(set, ordinary);
  return [weekly, ...special].filter((part) => part !== '').join(', and ') || 'at no time';
}

/** For each weekday its most frequent class. */
function ordinaryWeek(classes: readonly DayClass[]): readonly number[] {
  const week: number[] = [];
  for (const [index, one] of classes.entries()) {
    const on = weekday(one.days[0] ?? 0);
    const best = classes[week[on] ?? -1];
    if (!one.named && (!best || best.days.length < one.days.length)) week[on] = index;
  }
  return week;
}

const names = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;
const minutesPerDay = msPerDay / msPerMinute;

/** A span of an ordinary week, in minutes. */
interface WeekSpan {
  readonly start: number;
  readonly length: number;
}

function weekText(days: readonly Spans[]): string {
  const spans = weekSpans(days);
  if (spans.length === 0) return '';
  if (spans.length === 1 && spans[0]?.length === 7 * minutesPerDay) return 'at any time';
  // The same hours on several days are told once.
  const alike = Map.groupBy(spans, ({ start, length }) => `${start % minutesPerDay} ${length}`);
  return listed([...alike.values()].map(groupText));
}

/** With those that go on after Sunday midnight in one piece. */
function weekSpans(days: readonly Spans[]): WeekSpan[] {
  const pairs: [number, number][] = [];
  for (const [on, spans] of days.entries()) {
    for (let i = 0; i < spans.length; i += 2) {
      const [from = 0, to = 0] = spans.slice(i, i + 2).map((ms) => ms / msPerMinute);
      pairs.push([on * minutesPerDay + from, on * minutesPerDay + to]);
    }
  }
  const flat = spansOf(pairs);
  const found: WeekSpan[] = [];
  for (let i = 0; i < flat.length; i += 2)
    found.push({ start: flat[i] as number, length: (flat[i + 1] as number) - (flat[i] as number) });
  const [first] = found;
  const last = found.at(-1);
  if (first && last && first !== last && first.start === 0 && last.start + last.length === 7 * minutesPerDay)
    return [...found.slice(1, -1), { start: last.start, length: last.length + first.length }];
  return found;
}

function groupText(spans: readonly WeekSpan[]): string {
  const [{ start, length } = { start: 0, length: 0 }] = spans;
  const on = spans.map((span) => Math.floor(span.start / minutesPerDay)).sort((a, b) => a - b);
  const end = (start % minutesPerDay) + length;
  const whole = start % minutesPerDay === 0 && end % minutesPerDay === 0;
  if (spans.length === 1 && end > minutesPerDay) {
    const last = names[(Math.floor(start / minutesPerDay) + Math.floor((end - (whole ? 1 : 0)) / minutesPerDay)) % 7];
    const first = names[on[0] ?? 0];
    if (whole) return `${first}–${last} all day`;
    return `${first} ${clock(start)}–${last} ${clock(end)}`;
  }
  const when = spans.length === 7 ? 'every day' : runs(on);
  if (whole && end === minutesPerDay) return `${when} all day`;
  return `${when} ${clock(start)}–${end === minutesPerDay ? '24:00' : clock(end)}`;
}

/** `Mon–Fri`, `Mon, Wed` */
function runs(days: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const day of days) {
    const last = parts.at(-1);
    if (last && last[1] === day - 1) last[1] = day;
    else parts.push([day, day]);
  }
  return parts
    .map(([from, to]) => {
      if (from === to) return names[from];
      return to === from + 1 ? `${names[from]}, ${names[to]}` : `${names[from]}–${names[to]}`;
    })
    .join(', ');
}

const clock = (minute: number): string => {
  const ofDay = minute % minutesPerDay;
  return `${String(Math.floor(ofDay / 60)).padStart(2, '0')}:${String(ofDay % 60).padStart(2, '0')}`;
};

interface Special {
  readonly day: DayNumber;
  readonly days: readonly DayNumber[];
  readonly hours: string;
}

/** Days that have more than the ordinary week of their weekday. */
function specialText(set: TimeSet, ordinary: readonly number[]): string[] {
  const { classes, almanac } = set.frame;
  const { calendar } = almanac.timetable;
  const today = dayOf(almanac.now);
  const kinds = new Map<string, Special[]>();
  for (const [index, one] of classes.entries()) {
    const usual = set.byClass[ordinary[weekday(one.days[0] ?? 0)] ?? -1] ?? [];
    const more = difference(set.byClass[index] ?? [], usual);
    if (more.length === 0) continue;
    const day = one.days.find((each) => each >= today) ?? (one.days[0] as DayNumber);
    const kind = one.change
      ? 'when the clocks change'
      : calendar.isHoliday(day)
        ? 'on holidays'
        : calendar.isPreholiday(day)
          ? 'on days before holidays'
          : calendar.isHoliday(day - 1)
            ? 'on days after holidays'
            : 'on other days';
    const special = { day, days: one.days, hours: dayText(more) };
    kinds.set(kind, [...(kinds.get(kind) ?? []), special]);
  }
  // A change of the clocks is worth a word only where nothing else is wrong.
  if (kinds.size > 1 || ordinary.some((index) => (set.byClass[index] ?? []).length > 0))
    kinds.delete('when the clocks change');
  return [...kinds].map(([kind, all]) => kindText(kind, all));
}

function kindText(kind: string, all: readonly Special[]): string {
  const hours = new Set(all.map((one) => one.hours));
  const [only = ''] = hours.size === 1 ? hours : [''];
  const first = all.reduce((a, b) => (a.day <= b.day ? a : b));
  const single = all.length === 1 && first.days.length === 1;
  if (single) return `on ${isoDate(first.day)}${only}`;
  return `${kind}${only} (such as ${isoDate(first.day)}${hours.size === 1 ? '' : first.hours})`;
}

/** ` 09:00–18:00`; of a whole day nothing. */
function dayText(spans: Spans): string {
  if (spans.length === 2 && spans[0] === 0 && (spans[1] as number) >= msPerDay - 3 * 3_600_000) return '';
  const parts: string[] = [];
  for (let i = 0; i < spans.length; i += 2) {
    const [from = 0, to = 0] = spans.slice(i, i + 2).map((ms) => ms / msPerMinute);
    parts.push(`${clock(from)}–${to >= minutesPerDay ? '24:00' : clock(to)}`);
  }
  return ` ${listed(parts)}`;
}

const most = 3;
const listed = (parts: readonly string[]): string =>
  parts.length <= most + 1
    ? parts.join(', ')
    : `${parts.slice(0, most).join(', ')} and ${parts.length - most} more times`;
