import type { Day } from '../config/document.ts';
import { type DayNumber, parseDate, weekday, yearOf } from './date.ts';
import { publicHolidays } from './holidays.ts';

export interface CalendarOptions {
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  /** The company's own days, as ISO dates. */
  readonly holidays?: readonly string[];
  readonly workdays?: readonly string[];
  readonly preholidays?: readonly string[];
}

/**
 * Which days are worked, are holidays, or are the eve of one. The company's own lists beat the country: a Saturday that is worked is no
 * weekend, and a public holiday that is worked is none.
 */
export class Calendar {
  readonly country: string;
  readonly #holidays: ReadonlySet<DayNumber>;
  readonly #workdays: ReadonlySet<DayNumber>;
  readonly #preholidays: ReadonlySet<DayNumber>;

  constructor({ country, holidays = [], workdays = [], preholidays = [] }: CalendarOptions) {
    this.country = country;
    this.#holidays = new Set(holidays.map(parseDate));
    this.#workdays = new Set(workdays.map(parseDate));
    this.#preholidays = new Set(preholidays.map(parseDate));
  }

  /** The day is of that kind. */
  is(kind: Day, day: DayNumber): boolean {
    switch (kind) {
      case 'workdays':
        return this.isWorkday(day);
      case 'weekend':
        return this.isWeekend(day);
      case 'holidays':
        return this.isHoliday(day);
      case 'preholidays':
        return this.isPreholiday(day);
      default:
        return weekday(day) === weekdays.indexOf(kind);
    }
  }

  isHoliday(day: DayNumber): boolean {
    if (this.#holidays.has(day)) return true;
    return !this.#workdays.has(day) && publicHolidays(this.country, yearOf(day)).has(day);
  }

  /** Monday to Friday without holidays, and the company's own working days. */
  isWorkday(day: DayNumber): boolean {
    if (this.#workdays.has(day)) return true;
    return weekday(day) < 5 && !this.isHoliday(day);
  }

  /** Saturday and Sunday, if they are not worked. */
  isWeekend(day: DayNumber): boolean {
    return weekday(day) >= 5 && !this.#workdays.has(day);
  }

  /** The working day right before a holiday, and the company's own such days. */
  isPreholiday(day: DayNumber): boolean {
    if (this.#preholidays.has(day)) return true;
    return this.isWorkday(day) && !this.isHoliday(day) && this.isHoliday(day + 1);
  }

  /** What the public holiday is called, in the language of the country. */
  holidayName(day: DayNumber): string | undefined {
    return publicHolidays(this.country, yearOf(day)).get(day);
  }

  isOwnWorkday(day: DayNumber): boolean {
    return this.#workdays.has(day);
  }
}

/** From 0 = Monday. */
const weekdays: readonly Day[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
