import type { Condition, When } from '../config/document.ts';
import { Calendar, type CalendarOptions } from './calendar.ts';
import { type CompiledCondition, compileCondition } from './condition.ts';
import { remember } from './remember.ts';

/** A `When` of the configuration, ready to be asked at any instant (milliseconds since 1970). */
export interface CompiledWhen {
  /** Costs about a microsecond. */
  holds(instant: number): boolean;
  /** Why it holds or does not, as the rest of a sentence that begins with «because». */
  explain(instant: number): string;
}

/** The days and clocks of one PBX. Compiles each `When` of its document. */
export class Timetable {
  readonly calendar: Calendar;
  readonly timezone: string;
  readonly #compiled = new Map<string, WeakMap<object, CompiledWhen>>();

  /** @param options as in `pbx` of the document */
  constructor({ timezone, country, calendar }: TimetableOptions) {
    this.timezone = timezone;
    this.calendar = new Calendar({ country, ...calendar });
  }

  /**
   * @param timezone of the one whose schedule it is (an employee), if it is not the PBX's; a condition's own `timezone` beats it
   */
  when(when: When, timezone: string = this.timezone): CompiledWhen {
    if (when === 'always') return always;
    if (when === 'otherwise') return otherwise;
    const ofZone = remember(this.#compiled, timezone, () => new WeakMap());
    return remember(ofZone, when, () => anyOf(when.map((one) => this.condition(one, timezone))));
  }

  /** One condition of a `When`. */
  condition(condition: Condition, timezone: string = this.timezone): CompiledCondition {
    return compileCondition(condition, this.calendar, timezone);
  }
}

export interface TimetableOptions {
  readonly timezone: string;
  readonly country: string;
  readonly calendar: Omit<CalendarOptions, 'country'>;
}

const always: CompiledWhen = { holds: () => true, explain: () => 'it is for any time' };
const otherwise: CompiledWhen = { holds: () => true, explain: () => 'it is for any other time' };

function anyOf(conditions: readonly CompiledCondition[]): CompiledWhen {
  const [only] = conditions;
  if (only && conditions.length === 1) return only;
  return {
    holds: (instant) => conditions.some((condition) => condition.holds(instant)),
    explain: (instant) => {
      const met = conditions.find((condition) => condition.holds(instant));
      return met ? met.explain(instant) : conditions.map((condition) => condition.explain(instant)).join(', ');
    },
  };
}
