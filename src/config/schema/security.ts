import { z } from 'zod';
import { byType } from './choice.ts';
import { object } from './object.ts';
import { Country, count, type Immutable, IpRange, Mask } from './values.ts';

/** From where accounts may register and call (§4.6.1.3). */
const IpAccess = object({
  mode: z.enum(['any', 'list', 'country']).default('any'),
  list: z.array(IpRange).default([]),
  countries: z.array(Country).default([]),
}).superRefine(({ mode, list, countries }, context) => {
  const needed =
    mode === 'list' && list.length === 0
      ? 'list'
      : mode === 'country' && countries.length === 0
        ? 'countries'
        : undefined;
  if (!needed) return;
  const params = { code: 'missing-key', hint: `Add "${needed}", or write "mode": "any".` };
  context.addIssue({
    code: 'custom',
    message: `Mode "${mode}" with an empty "${needed}" lets nobody in`,
    path: ['mode'],
    params,
  });
});

/** §4.6.3.1 */
const Outgoing = byType('directions', { string: z.enum(['all', 'country']), array: z.array(Mask) });

/** Of calls to the telephone network; 0 = no limit. */
const limits = (concurrent: number, callsPerMinute: number, minutesPerDay: number) => ({
  concurrent: count(0).default(concurrent).describe('Calls at the same time; 0 = no limit.'),
  callsPerMinute: count(0).default(callsPerMinute).describe('Calls begun in a minute; 0 = no limit.'),
  minutesPerDay: count(0).default(minutesPerDay).describe('Minutes of conversation in a day; 0 = no limit.'),
});

/**
 * Against toll fraud. Nobody who dials by hand comes near those of an employee, a stolen password does in an hour. Companies differ by a thousand times in what
 * they call: theirs are for them to set.
 */
const Limits = object({
  ...limits(0, 0, 0),
  employee: object(limits(20, 120, 480))
    .prefault({})
    .describe('Of each employee.'),
});

export const Security = object({
  ipAccess: IpAccess.prefault({}),
  outgoing: Outgoing.default('all'),
  limits: Limits.prefault({}).describe('Of calls to the telephone network, of the whole PBX.'),
  transferToExternal: z.boolean().default(true),
  ignoreDtmf: z.boolean().default(false),
  pickup: object({
    group: z.boolean().default(true),
    employee: z.boolean().default(true),
    blf: z.boolean().default(true),
  }).prefault({}),
  tls: z.boolean().default(false),
  srtp: z.boolean().default(false),
});
export type Security = Immutable<z.output<typeof Security>>;

/** §4.6.4.1 */
export const Conference = object({
  maxParticipants: count(2, 1000).default(8).describe('In one that is made by `#*`; a room has its seats.'),
  maxTotal: count(2, 10_000).default(30).describe('In all conferences together, rooms too.'),
});
export type Conference = Immutable<z.output<typeof Conference>>;
