import { createRequire } from 'node:module';
import type Holidays from 'date-holidays';
import { type DayNumber, parseDate } from './date.ts';
import { remember } from './remember.ts';

/**
 * The public holidays of a country in a year, with their names in its own language. Days that only some people have off (banks,
 * schools), observances, and days that are half free do not count.
 *
 * The tables of all countries are large: they are read (150 ms) when the first condition asks for a holiday, and a PBX that has none
 * never reads them. A year is computed once (some milliseconds).
 * @param country ISO 3166-1 alpha-2; one that is not in the tables has no holidays
 */
export const publicHolidays = (country: string, year: number): ReadonlyMap<DayNumber, string> =>
  remember(years, `${country}${year}`, () => compute(country, year));

const years = new Map<string, ReadonlyMap<DayNumber, string>>();
const countries = new Map<string, Holidays>();
let tables: typeof Holidays | undefined;

function compute(country: string, year: number): ReadonlyMap<DayNumber, string> {
  // Synchronous, because a guard of a running machine asks; the package's default export is the class itself.
  tables ??= createRequire(import.meta.url)('date-holidays') as typeof Holidays;
  const All = tables;
  const calendar = remember(countries, country, () => new All(country));
  const days = new Map<DayNumber, string>();
  for (const { type, date, start, end, name } of calendar.getHolidays(year)) {
    if (type !== 'public') continue;
    const first = parseDate(date.slice(0, 10));
    for (let day = first; day < first + wholeDays(start, end); day++) if (!days.has(day)) days.set(day, name);
  }
  return days;
}

const hour = 3_600_000;

/** A day of 23 hours, when the clocks change, is whole. */
const wholeDays = (start: Date, end: Date): number =>
  Math.floor((end.getTime() - start.getTime() + hour) / (24 * hour));
