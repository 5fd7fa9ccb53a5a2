import { z } from 'zod';
import { byType } from './choice.ts';
import { object } from './object.ts';
import { type Immutable, IsoDate, isDate, TimeZone } from './values.ts';

/** A moment in time, in the PBX's time zone. The meaning lives in `src/time`; here is only the form. */

export const Day = z.enum([
  'mon',
  'tue',
  'wed',
  'thu',
  'fri',
  'sat',
  'sun',
  'workdays',
  'weekend',
  'holidays',
  'preholidays',
]);
export type Day = z.output<typeof Day>;

/** `09:00-18:59`: the last minute is included; the end before the start is a range over midnight. */
export const TimeRange = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$/, {
  error: 'must be a time range, written as "09:00-18:59"',
});

/** Local wall-clock time, to the minute. */
const LocalDateTime = z
  .string()
  .refine((value) => /T([01]\d|2[0-3]):[0-5]\d$/.test(value) && isDate(value.slice(0, -6)), {
    error: 'must be a date and time that exist, written as "2026-10-01T10:00"',
  });

const Period = object({ from: LocalDateTime, to: LocalDateTime }).refine(({ from, to }) => from <= to, {
  error: 'must not end before it starts',
  path: ['to'],
});

/** Keys must all hold; the values of one key are alternatives. At least one of the first four keys is there. */
export const Condition = object({
  days: z.array(Day).min(1).exactOptional(),
  dates: z.array(IsoDate).min(1).exactOptional(),
  time: z.array(TimeRange).min(1).exactOptional(),
  period: Period.exactOptional(),
  timezone: TimeZone.exactOptional(),
}).refine(({ days, dates, time, period }) => Boolean(days ?? dates ?? time ?? period), {
  error: 'says no time: it needs "days", "dates", "time" or "period", or write "always"',
});
export type Condition = Immutable<z.output<typeof Condition>>;

const Conditions = {
  object: Condition.transform((condition) => [condition]),
  array: z.array(Condition).min(1),
} as const;

/** Any of the conditions holds, or always. */
export const Schedule = byType('a time', { string: z.literal('always'), ...Conditions }).meta({ id: 'schedule' });
export type Schedule = 'always' | readonly Condition[];

/** As `Schedule`; `otherwise` is for the last branch of a block alone. */
export const When = byType('a time', { string: z.enum(['always', 'otherwise']), ...Conditions }).meta({
  id: 'when',
  description: 'A moment in time, in the time zone of the PBX.',
});
export type When = 'always' | 'otherwise' | readonly Condition[];
