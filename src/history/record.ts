import { z } from 'zod';
import { type EndReason, endReasons } from '../end-reason.ts';

/**
 * The record of one finished call, from its first INVITE to its last BYE: what history shows, reports count and replay re-runs. Written once, when
 * the call has ended. The schema is the type's only source, because records cross a stream, a file and an upgrade of the engine on
 * their way to the database: a field that is added later needs a default here.
 *
 * Times of day are ISO 8601 in UTC, lengths are whole seconds; `figures.ts` derives them from timestamps. What does not apply is null.
 */
const Seconds = z.int().nonnegative();
const Instant = z.iso.datetime({ precision: 3 });
const Reason = z.enum(Object.keys(endReasons) as [EndReason, ...EndReason[]]);

/** Where a call can be; the first four are the stages at which a call is missed (4-call-data R6). */
export const callStages = ['number', 'menu', 'group', 'employee', 'conversation'] as const;
export type CallStage = (typeof callStages)[number];

/** `in`: arrived on a number of the PBX; `out`: by an employee to a number outside; `internal`: between employees (R1). */
export const callDirections = ['in', 'out', 'internal'] as const;
export type CallDirection = (typeof callDirections)[number];

/**
 * `answered`: a conversation took place. `missed`: somebody of ours was wanted and nobody talked, refusals by screening included.
 * `failed`: a call of ours did not reach the other side. `technical`: it ended in what is no conversation by design (R3), see `Technical`.
 */
export const callOutcomes = ['answered', 'missed', 'failed', 'technical'] as const;
export type CallOutcome = (typeof callOutcomes)[number];

/** What a call without a conversation came to, where that has a name of its own (R3). */
export const technicalEnds = ['menuReturn', 'voicemail', 'blacklist', 'wrongInput', 'fax'] as const;
export type TechnicalEnd = (typeof technicalEnds)[number];

/** How one attempt to reach somebody went. `elsewhere`: another device or member took the call, or the caller went away. */
export const attemptOutcomes = [
  'answered',
  'noAnswer',
  'busy',
  'declined',
  'unavailable',
  'pickedUp',
  'elsewhere',
  'failed',
] as const;
export type AttemptOutcome = (typeof attemptOutcomes)[number];

/**
 * Somebody who was asked to take the call, in the order of asking: one entry for each attempt, so that a group's tooltip can tell who was
 * tried how often (R16). A group has an entry of its own beside those of its members.
 */
export const Participant = z.object({
  kind: z.enum(['employee', 'group', 'number', 'trunk', 'room']),
  /** The id in the configuration; the number itself for `number`. */
  id: z.string(),
  name: z.string(),
  /** What was rung: an account's address, a phone number. Empty for a group. */
  address: z.string(),
  /** The group on whose behalf a member was rung. */
  group: z.string().nullable(),
  /** When the ringing began; for a group, when the call entered it. */
  start: Instant,
  /** Ringing; for a group, the waiting from entry until the attempt that was answered. */
  ring: Seconds,
  /** Conversation, with the time on hold. */
  talk: Seconds,
  hold: Seconds,
  outcome: z.enum(attemptOutcomes),
  reason: Reason,
});
export type Participant = z.infer<typeof Participant>;

/** One decision on the way through the scheme, as the simulator prints it. `t`: seconds from the start, with milliseconds. */
export const PathStep = z.object({
  t: z.number().nonnegative(),
  state: z.string(),
  event: z.string(),
  detail: z.record(z.string(), z.unknown()).optional(),
  why: z.string().optional(),
});
export type PathStep = z.infer<typeof PathStep>;

const Address = z.object({ user: z.string(), host: z.string(), display: z.string().optional() });

/** What was known of the call when it came, and decided from (`call/decide.ts`): enough to decide again. */
export const Arrival = z.object({
  /** Who sent it, as far as that could be vouched for. */
  by: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('account'), employee: z.string(), account: z.string() }),
    z.object({ kind: z.literal('trunk'), trunk: z.string() }),
    z.object({ kind: z.literal('passive'), number: z.string() }),
  ]),
  /** The Request-URI. */
  user: z.string(),
  host: z.string(),
  /** The user of the To header, where it is another. */
  to: z.string().optional(),
  from: Address,
  /** P-Asserted-Identity. */
  asserted: Address.optional(),
  /** The caller asked not to be shown. */
  hidden: z.literal(true).optional(),
});
export type Arrival = z.infer<typeof Arrival>;

const At = z.int().describe('Milliseconds from the start.');
const InState = z.string().describe('The state that waited for it.');

/**
 * What the outside did to the scheme, `FromOutside` with its time: enough to run the same call through it again. Short, because every call has some. The
 * digits of a password are never kept, only whether it was right; nor is what parties press who talk to each other.
 */
export const CallInput = z.union([
  z.tuple([At, z.literal('begin')]),
  z.tuple([At, z.literal('digit'), z.string()]),
  z.tuple([At, z.literal('password'), z.boolean().describe('Right.')]),
  z.tuple([At, z.literal('timer'), z.number().describe('Milliseconds that were over.')]),
  z.tuple([At, z.literal('done'), InState]),
  z.tuple([At, z.literal('failed'), InState, z.string().describe('Why.')]),
  z.tuple([At, z.literal('forwarded'), InState, z.enum(['connected', 'failed', 'ended']), Reason]),
  z.tuple([
    At,
    z.literal('forwarded'),
    InState,
    z.literal('scheme'),
    Reason,
    z.string().describe('Which scheme goes on with the call.'),
  ]),
  z.tuple([At, z.literal('connected'), InState]),
  z.tuple([At, z.literal('recording'), InState]),
  z.tuple([At, z.literal('fax')]),
  z.tuple([At, z.literal('hangup')]),
]);
export type CallInput = z.infer<typeof CallInput>;

export const Transfer = z.object({
  at: Instant,
  kind: z.enum(['blind', 'consultative']),
  by: z.string(),
  from: z.string(),
  to: z.string(),
});
export type Transfer = z.infer<typeof Transfer>;
export const Pickup = z.object({ at: Instant, by: z.string(), from: z.string() });

/** Records of the first engines have objects here, of digits and the hangup alone: nothing can be run again with these. */
function withoutOldInputs(inputs: unknown): unknown {
  return Array.isArray(inputs) && inputs.every((input) => !Array.isArray(input)) ? [] : inputs;
}

export const CallRecord = z.object({
  id: z.string().min(1),
  pbx: z.string().min(1),
  start: Instant,
  end: Instant,
  direction: z.enum(callDirections),
  /** The caller's number, normalised, or a SIP address; empty when hidden. */
  from: z.string(),
  /** The caller's name, if the call or the address book gave one. */
  fromName: z.string().nullable(),
  /** The employee who called, for `out` and `internal`. */
  employee: z.string().nullable(),
  /** Our number, trunk or SIP line that the call came in or went out through. */
  line: z.string().nullable(),
  /** As dialled. */
  to: z.string(),
  outcome: z.enum(callOutcomes),
  technical: z.enum(technicalEnds).nullable(),
  /** `wait + talk` (R13). */
  duration: Seconds,
  /** Everything before and between conversations. */
  wait: Seconds,
  /** The parts of `wait`, each rounded on its own, so that their sum may differ by a second (R14). */
  waitMenu: Seconds,
  waitGroup: Seconds,
  waitEmployee: Seconds,
  /** Conversation, hold included. */
  talk: Seconds,
  hold: Seconds,
  /** Was in the queue of at least one group (R9). */
  queued: z.boolean(),
  stage: z.enum(callStages),
  reason: Reason,
  /** The reason's number in `endReasons`, which integrations know (R19). */
  code: z.int(),
  endedBy: z.enum(['caller', 'callee', 'engine']),
  participants: z.array(Participant).readonly(),
  pickups: z.array(Pickup).readonly(),
  transfers: z.array(Transfer).readonly(),
  /** Ids of the recordings of this call. */
  recordings: z.array(z.string()).readonly(),
  /** Ids of the voice messages that the caller left. */
  voicemails: z.array(z.string()).readonly().default([]),
  /** The scheme that the call entered first, and the version of the configuration that it ran on to its end. */
  scheme: z.string().nullable(),
  configVersion: z.string(),
  arrival: Arrival.nullable().default(null),
  /** Set on a call that a group made to call a client back: the call that was missed (null: somebody asked for it), which group, the how-manieth attempt. */
  callback: z
    .object({ call: z.string().nullable(), group: z.string(), attempt: z.int().positive() })
    .nullable()
    .default(null),
  path: z.array(PathStep).readonly(),
  inputs: z.preprocess(withoutOldInputs, z.array(CallInput)).readonly(),
  /** More happened than `inputs`, `path` or `participants` tell: there were too many. */
  cut: z.boolean().default(false),
  /** The engine that carried the call. */
  node: z.string(),
});
export type CallRecord = z.infer<typeof CallRecord>;
