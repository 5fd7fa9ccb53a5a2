import { z } from 'zod';
import { type Script, script } from '../redis/script.ts';

/** Milliseconds since 1970 from a test's clock, or '' for the server's. */
type Now = number | '';
type Value = string | number;

/**
 * One script of `scripts/`, by the names and types of what follows the two arguments that all take: the time, and a number drawn by chance. They
 * declare the same keys.
 */
const acdScript =
  <Arguments extends readonly Value[]>(name: string) =>
  <Reply>(reply: z.ZodType<Reply>): Script<readonly [Now, number, ...Arguments], Reply> =>
    script<readonly [Now, number, ...Arguments], Reply>(new URL(`scripts/${name}.lua`, import.meta.url), {
      keys: (k, ..._) => k.acd(),
      args: (...args) => args,
      reply,
    });

/** Why an offer was made to this agent: the algorithm that chose him, or what came before any algorithm. */
export const Why = z.enum([
  'familiar',
  'nextFree',
  'again',
  'sequential',
  'random',
  'priorityParallel',
  'all',
  'longestIdle',
  'leastTalkTime',
  'fewestAnswered',
  'longestIdleByPriority',
]);
export type OfferReason = z.output<typeof Why>;

/** Lua's JSON has no empty list. */
const list = <T extends z.ZodType>(of: T) =>
  z.union([z.array(of), z.strictObject({}).transform((): z.output<T>[] => [])]);
const record = <T extends z.ZodType>(of: T) =>
  z.union([z.record(z.string(), of), z.tuple([]).transform((): Record<string, z.output<T>> => ({}))]);

const StoryStep = z.object({
  at: z.number(),
  agent: z.string(),
  why: Why,
  outcome: z.string().exactOptional(),
});
/** One offer in the story of a waiting caller. `at` in ms since 1970; without `outcome` it was taken back, or is still out. */
export type OfferStep = z.output<typeof StoryStep>;

const json = <T extends z.ZodType>(of: T) => z.string().transform((text) => of.parse(JSON.parse(text)));
const Story = json(list(StoryStep));

export const enqueue = acdScript<[call: string, node: string, group: string, number: string, request: string]>(
  'enqueue',
)(
  z.union([
    z.tuple([z.enum(['offered', 'waiting']), z.string(), z.number()]),
    z.tuple([z.enum(['full', 'nobody', 'unknown-group'])]),
  ]),
);

export const answer = acdScript<[call: string, agent: string, token: number]>('answer')(
  z.union([
    z.tuple([z.literal('connected'), z.number(), Story, z.array(z.string())]),
    z.tuple([z.enum(['gone', 'unknown'])]),
  ]),
);

export const pickUp = acdScript<[call: string, agent: string, token: number, leaseMs: number]>('pick-up')(
  z.enum(['held', 'gone', 'unknown']),
);

export const miss = acdScript<
  [call: string, agent: string, token: number, outcome: string, pauseMs: number, againMs: number]
>('miss')(z.enum(['ringing', 'waiting', 'over', 'gone']));

export const leave = acdScript<[call: string, why: string, keepMs: number]>('leave')(
  z.union([z.tuple([z.literal('left'), z.number(), Story]), z.tuple([z.literal('gone')])]),
);

export const beginCall = acdScript<
  [agent: string, call: string, node: string, talks: 0 | 1, incoming: 0 | 1, ifFree: 0 | 1]
>('begin-call')(z.enum(['occupied', 'busy']));

export const endCall = acdScript<[agent: string, call: string]>('end-call')(z.enum(['ended', 'gone']));

export const setStatus = acdScript<[agent: string, status: string, base: string, ageMs: Value]>('set-status')(
  z.enum(['set', 'older']),
);

export const setWrapUp = acdScript<[agent: string, forMs: number]>('set-wrap-up')(z.literal('set'));

export const refreshAgents = acdScript<[agents: string]>('refresh-agents')(z.number());

export const configureGroups = acdScript<[groups: string, agents: string]>('configure-groups')(z.array(z.string()));

export const configureAgents = acdScript<[agents: string]>('configure-agents')(z.number());

export const join = acdScript<[node: string, prefix: string, ttlMs: number, midnight: number, dayStart: number]>(
  'join',
)(z.enum(['joined', 'present']));

export const beat = acdScript<[node: string, ttlMs: number, midnight: number, dayStart: number, keepMs: number]>(
  'beat',
)(z.union([z.tuple([z.literal('unknown')]), z.tuple([z.literal('alive'), z.number()])]));

const OutstandingOffer = z.object({
  call: z.string(),
  agent: z.string().exactOptional(),
  token: z.number().exactOptional(),
  ringMs: z.number().exactOptional(),
  why: Why.exactOptional(),
});

export const sync = acdScript<[node: string, callers: string, calls: string, unsure: string]>('sync')(
  z.union([z.tuple([z.literal('unknown')]), z.tuple([z.literal('synced')], json(OutstandingOffer))]),
);

/** What keeps an employee from calls, as the scripts find it out. */
const unavailable = ['inCall', 'reserved', 'unregistered', 'break', 'offline', 'wrapUp', 'excluded'] as const;

export const AgentState = z.object({
  employee: z.string(),
  /** Absent: he is available. */
  unavailable: z.enum(unavailable).exactOptional(),
  status: z.string(),
  base: z.enum(['online', 'break', 'offline']),
  statusAt: z.number().default(0),
  calls: record(
    z.object({ since: z.number(), talkSince: z.number().exactOptional(), group: z.string().exactOptional() }),
  ),
  reservation: z.object({ call: z.string(), group: z.string() }).exactOptional(),
  reachableUntil: z.number().default(0),
  wrapUpUntil: z.number().default(0),
  excludedUntil: z.number().default(0),
  excludedFor: z.string().default(''),
  lastEnd: z.number().default(0),
  talkToday: z.number().default(0),
  answeredToday: z.number().default(0),
  /** He stands in the index of those who can be offered a call. */
  isFree: z.boolean(),
});
/** The facts of an employee, and what follows from them now. Moments in ms since 1970 (0: never), lengths in ms. */
export type AgentState = z.output<typeof AgentState>;

export const listAgents = acdScript<[agents: string]>('list-agents')(z.array(json(AgentState)));

export const QueuedCaller = z.object({
  call: z.string(),
  number: z.string(),
  node: z.string(),
  /** When he joined; a place that he got back keeps its first moment. */
  since: z.number(),
  /** The fencing token of each offer, by employee. Empty: nobody is being rung for him. */
  offers: record(z.number()),
});
export type QueuedCaller = z.output<typeof QueuedCaller>;

export const listQueue = acdScript<[group: string, limit: number]>('list-queue')(z.array(json(QueuedCaller)));

export const position = acdScript<[call: string]>('position')(
  z.union([
    z.tuple([z.enum(['waiting', 'offered']), z.number(), z.number(), z.number()]),
    z.tuple([z.literal('gone')]),
  ]),
);

const Standing = z.object({
  employee: z.string(),
  why: z.enum(['available', 'ringing', 'refusedThisCall', ...unavailable]),
  /** After what he is excluded. */
  pause: z.string().exactOptional(),
  untilThen: z.number().exactOptional(),
  /** What came of the offer in this round. */
  tried: z.string().exactOptional(),
  /** When he took somebody who came later, because he had refused this one. */
  tookLaterCallerAt: z.number().exactOptional(),
});

const Explanation = z.object({
  group: z.string(),
  algorithm: z.string(),
  since: z.number(),
  position: z.number(),
  endsAt: z.number(),
  offers: list(StoryStep),
  members: list(Standing),
});
/** Why a caller still waits. Moments in ms since 1970. */
export type Explanation = z.output<typeof Explanation>;

export const explain = acdScript<[call: string]>('explain')(
  z.union([z.literal('').transform(() => undefined), json(Explanation)]),
);

export const dayFigures = acdScript<[group: string, names: string]>('day-figures')(z.array(z.number()));
