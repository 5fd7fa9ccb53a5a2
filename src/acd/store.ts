import type { PbxVersion } from '../config/version.ts';
import type { RedisCommands } from '../redis/connection.ts';
import { Keys } from '../redis/keys.ts';
import { dayOf, msPerDay } from '../time/date.ts';
import type { Random } from '../time/random.ts';
import { Zone } from '../time/zone.ts';
import { rosterOf } from './roster.ts';
import * as scripts from './store-scripts.ts';

export type { AgentState, Explanation, OfferReason, OfferStep, QueuedCaller } from './store-scripts.ts';

/** What came of an offer that nobody took. */
export type MissedOutcome = 'noAnswer' | 'busy' | 'refused' | 'unreachable';

/** A status, and what it counts as: a custom one is based on one of the three. */
export interface AgentStatus {
  readonly name: string;
  readonly base: 'online' | 'break' | 'offline';
}

/** A caller's request to wait for a group, from the version of the configuration that his call goes by. Times in ms; 0: without limit. */
export interface QueueRequest {
  readonly call: string;
  readonly group: string;
  /** Normalised; empty when hidden. */
  readonly number: string;
  readonly ringMs: number;
  readonly maxWaitMs: number;
  readonly maxLength: number;
  readonly wrapUpMs: number;
  /** He waits when nobody is free; else he is only offered to those who are. */
  readonly waits: boolean;
  /** The member who last talked to this number today is tried first. */
  readonly familiar: boolean;
  /** The place that he had before: of a callback, of a caller whom Redis lost. */
  readonly place?: string;
}

export type Enqueued =
  /** `place` gives the position back later; `since` is the moment that it stands for, ms since 1970. */
  | { readonly outcome: 'offered' | 'waiting'; readonly place: string; readonly since: number }
  /** The queue is as long as it may be. */
  | { readonly outcome: 'full' }
  /** The group has no members, or nobody is free and he does not wait. */
  | { readonly outcome: 'nobody' }
  /** Redis does not know the group: it has lost its data, or has not been told yet. */
  | { readonly outcome: 'unknown-group' };

export type Answered =
  | {
      readonly outcome: 'connected';
      readonly waitedMs: number;
      readonly story: readonly scripts.OfferStep[];
      /** Who else was being rung, and is free again. */
      readonly losers: readonly string[];
    }
  /** Another answered first, or the offer had expired: the agent must not get him. */
  | { readonly outcome: 'gone' };

export interface Left {
  readonly waitedMs: number;
  readonly story: readonly scripts.OfferStep[];
}

/** What a node has of a PBX, for `sync`. */
export interface NodeTruth {
  readonly callers: readonly string[];
  readonly calls: readonly {
    readonly agent: string;
    readonly call: string;
    readonly talks: boolean;
    readonly group?: string;
    readonly wrapUpMs: number;
  }[];
  /** Calls whose change is on its way: whatever Redis has of them stays. */
  readonly unsure: readonly string[];
}

/** A call offered to an agent, for the node that has the caller. */
export interface Offer {
  readonly call: string;
  readonly agent: string;
  /** Fencing token: what is said of an offer with another token is not believed. */
  readonly token: number;
  readonly ringMs: number;
  readonly why: scripts.OfferReason;
}

const figureNames = [
  'entered',
  'offered',
  'answered',
  'answeredInTime',
  'abandoned',
  'elsewhere',
  'queueTimeout',
  'nobodyAnswered',
  'queueFull',
  'lost',
  'noAnswer',
  'busy',
  'refused',
  'unreachable',
  'expired',
  'waitedMs',
  'talkMs',
  'ended',
] as const;

/** Of the day, but for `waiting` and `ringing`, which are of now. */
export type GroupFigures = Readonly<Record<(typeof figureNames)[number] | 'waiting' | 'ringing', number>>;

/** How many milliseconds an agent rests after an offer that came to nothing; for no answer the group's `excludeNoAnswer` says it. */
export const pauses = {
  /** §4.4.3: a phone that is busy is left alone for 10 s at least. */
  busy: 10_000,
  unreachable: 10_000,
  /** Short: he does not want this call, the next one he may. */
  refused: 5000,
  /** For how long one who refused a call is not offered that one again, whatever round it is. */
  refusedAgain: 20_000,
} as const;

/** Longer than any announcement before a conversation, milliseconds: a node that dies meanwhile is found out by its silence. */
const announcementMs = 600_000;

/** For how long one who drops out of a queue may ring again and have his place back (2-call-behaviour §4), milliseconds. */
export const placeKeptMs = 60_000;

/** How long a node may be silent before others take what it had. With a beat a second a dead node is found within five. */
export const nodeTtlMs = 4000;

/**
 * The live state of queues and agents, shared by all nodes: a typed function for each script. A script changes everything that belongs together and gives
 * whoever became available his next caller in the same step, so that there is no moment in which one waits while the other is free.
 *
 * All functions reject with `RedisDownError` while Redis is away.
 */
export class AcdStore {
  readonly #redis: RedisCommands;
  readonly #random: Random;
  readonly #now: () => number | '';

  /** @param now the time in tests, as milliseconds since 1970; without it the Redis server's */
  constructor(redis: RedisCommands, random: Random, now?: () => number) {
    this.#redis = redis;
    this.#random = random;
    this.#now = now ?? (() => '');
  }

  /** Tells Redis who is in which group. Nothing happens to those of whom it says what was known. In pieces, so that Redis serves others between. */
  async configure(pbx: PbxVersion): Promise<void> {
    const { groups, agents } = rosterOf(pbx);
    await this.#run(scripts.configureGroups, pbx.id, JSON.stringify(groups), JSON.stringify(agents.map(([id]) => id)));
    for (let at = 0; at < agents.length; at += 100) {
      await this.#run(scripts.configureAgents, pbx.id, JSON.stringify(agents.slice(at, at + 100)));
    }
  }

  async enqueue(pbx: string, node: string, request: QueueRequest): Promise<Enqueued> {
    const { call, group, number, ...rest } = request;
    const [outcome, place, since] = await this.#run(
      scripts.enqueue,
      pbx,
      call,
      node,
      group,
      number,
      JSON.stringify(rest),
    );
    return place === undefined || since === undefined
      ? ({ outcome } as Enqueued)
      : ({ outcome, place, since } as Enqueued);
  }

  /**
   * The agent's phone has answered. Exactly one answer of all for a caller gets `connected`. `unknown`: Redis does not have the caller. He has left, or
   * it has lost its data; the node that has him knows which.
   */
  async answer(
    pbx: string,
    { call, agent, token }: Pick<Offer, 'call' | 'agent' | 'token'>,
  ): Promise<Answered | { readonly outcome: 'unknown' }> {
    const [outcome, waitedMs, story, losers] = await this.#run(scripts.answer, pbx, call, agent, token);
    return outcome === 'connected' ? { outcome, waitedMs, story, losers } : { outcome };
  }

  /**
   * The agent's phone has answered, and he hears an announcement before he talks. The caller is his for as long as that may take; whoever else was being
   * rung is free again. Then `answer` or `miss`. `unknown`: as with `answer`.
   */
  pickUp(
    pbx: string,
    { call, agent, token }: Pick<Offer, 'call' | 'agent' | 'token'>,
  ): Promise<'held' | 'gone' | 'unknown'> {
    return this.#run(scripts.pickUp, pbx, call, agent, token, announcementMs);
  }

  /**
   * @param noAnswerMs for how long one who did not answer is excluded
   * @returns whether others ring for the caller now, or he waits; `over`: he did not want to wait; `gone`: the offer did not stand any more
   */
  miss(
    pbx: string,
    { call, agent, token }: Pick<Offer, 'call' | 'agent' | 'token'>,
    outcome: MissedOutcome,
    noAnswerMs: number,
  ): Promise<'ringing' | 'waiting' | 'over' | 'gone'> {
    const pauseMs = outcome === 'noAnswer' ? noAnswerMs : pauses[outcome];
    const againMs = outcome === 'refused' ? pauses.refusedAgain : 0;
    return this.#run(scripts.miss, pbx, call, agent, token, outcome, pauseMs, againMs);
  }

  /** @param keepMs for how long the place is kept for the same number. Undefined: he was not in a queue */
  async leave(pbx: string, call: string, why: 'abandoned' | 'elsewhere', keepMs: number): Promise<Left | undefined> {
    const [outcome, waitedMs, story] = await this.#run(scripts.leave, pbx, call, why, keepMs);
    return outcome === 'gone' ? undefined : { waitedMs, story };
  }

  /**
   * An agent is occupied by a call that no queue gave him; once more with `talks` when he begins to talk.
   * @param how.ifFree only if he is in no call and is not being offered any. False: he is, and nothing has changed
   */
  async beginCall(
    pbx: string,
    node: string,
    agent: string,
    call: string,
    { talks = false, incoming = false, ifFree = false } = {},
  ): Promise<boolean> {
    const flag = (set: boolean) => (set ? 1 : 0);
    const said = await this.#run(scripts.beginCall, pbx, agent, call, node, flag(talks), flag(incoming), flag(ifFree));
    return said === 'occupied';
  }

  /** False: he had no such call. */
  async endCall(pbx: string, agent: string, call: string): Promise<boolean> {
    return (await this.#run(scripts.endCall, pbx, agent, call)) === 'ended';
  }

  /** @param ageMs how long ago he set it: a later one is kept. False: there is a later one */
  async setStatus(pbx: string, agent: string, { name, base }: AgentStatus, ageMs = 0): Promise<boolean> {
    return (await this.#run(scripts.setStatus, pbx, agent, name, base, ageMs)) === 'set';
  }

  /** After-call work for so long from now; 0 ends it. */
  async setWrapUp(pbx: string, agent: string, forMs: number): Promise<void> {
    await this.#run(scripts.setWrapUp, pbx, agent, forMs);
  }

  /** Their registrations have changed. */
  async refresh(pbx: string, agents: readonly string[]): Promise<void> {
    for (let at = 0; at < agents.length; at += 100) {
      await this.#run(scripts.refreshAgents, pbx, JSON.stringify(agents.slice(at, at + 100)));
    }
  }

  async agents(pbx: string, ids: readonly string[]): Promise<scripts.AgentState[]> {
    const states: scripts.AgentState[] = [];
    for (let at = 0; at < ids.length; at += 200) {
      states.push(...(await this.#run(scripts.listAgents, pbx, JSON.stringify(ids.slice(at, at + 200)))));
    }
    return states;
  }

  /** In the order in which they will be served. */
  queue(pbx: string, group: string, limit = 100): Promise<scripts.QueuedCaller[]> {
    return this.#run(scripts.listQueue, pbx, group, limit);
  }

  /** `position` counts those who wait without being offered to anybody, from 1; 0 while somebody is being rung for him. Undefined: he does not wait. */
  async position(
    pbx: string,
    call: string,
  ): Promise<{ readonly position: number; readonly size: number; readonly since: number } | undefined> {
    const [outcome, position, size, since] = await this.#run(scripts.position, pbx, call);
    return outcome === 'gone' ? undefined : { position, size, since };
  }

  /** Undefined: he does not wait. */
  explain(pbx: string, call: string): Promise<scripts.Explanation | undefined> {
    return this.#run(scripts.explain, pbx, call);
  }

  async figures(pbx: string, group: string): Promise<GroupFigures> {
    const [waiting = 0, ringing = 0, ...day] = await this.#run(
      scripts.dayFigures,
      pbx,
      group,
      JSON.stringify(figureNames),
    );
    const named = Object.fromEntries(figureNames.map((name, i) => [name, day[i] ?? 0]));
    return { ...named, waiting, ringing } as GroupFigures;
  }

  /**
   * A node begins. `present`: it is known already, so Redis has what it had.
   * @param nodeId what runs of the same node have in common; `run` what they have not
   */
  async join(pbx: PbxVersion, nodeId: string, run: string, at: number): Promise<'joined' | 'present'> {
    const { next, last } = midnights(pbx, at);
    const keys = new Keys(pbx.id);
    return this.#run(
      scripts.join,
      pbx.id,
      this.nodeName(pbx.id, nodeId, run),
      keys.acdNode(`${nodeId}/`),
      nodeTtlMs,
      next,
      last,
    );
  }

  /** How a node is called in the ACD of a PBX: the channel on which it is told of offers. */
  nodeName(pbx: string, nodeId: string, run: string): string {
    return new Keys(pbx).acdNode(`${nodeId}/${run}`);
  }

  /**
   * A node lives; what is due is done: dead nodes, timers, midnight.
   * @param at ms since 1970 by the node's own clock, to tell the next midnight
   * @returns in how many ms something is due again; undefined: Redis does not know the node
   */
  async beat(pbx: PbxVersion, node: string, at: number): Promise<number | undefined> {
    const { next, last } = midnights(pbx, at);
    const [outcome, ms] = await this.#run(scripts.beat, pbx.id, node, nodeTtlMs, next, last, placeKeptMs);
    return outcome === 'unknown' ? undefined : ms;
  }

  /**
   * Makes Redis agree with what a node really has. Undefined: Redis does not know the node.
   * @returns the offers that are out for its callers, and the callers that Redis does not have
   */
  async sync(
    pbx: string,
    node: string,
    truth: NodeTruth,
  ): Promise<{ readonly offers: readonly Offer[]; readonly missing: readonly string[] } | undefined> {
    const [outcome, ...found] = await this.#run(
      scripts.sync,
      pbx,
      node,
      JSON.stringify(Object.fromEntries(truth.callers.map((call) => [call, 1]))),
      JSON.stringify(
        truth.calls.map(({ agent, call, talks, group = '', wrapUpMs }) => [agent, call, talks, group, wrapUpMs]),
      ),
      JSON.stringify(truth.unsure),
    );
    if (outcome === 'unknown') return undefined;
    const offers: Offer[] = [];
    const missing: string[] = [];
    for (const { call, agent, token, ringMs, why } of found) {
      if (agent === undefined || token === undefined || ringMs === undefined || why === undefined) missing.push(call);
      else offers.push({ call, agent, token, ringMs, why });
    }
    return { offers, missing };
  }

  #run<Arguments extends readonly unknown[], Reply>(
    run: (redis: RedisCommands, pbx: string, now: number | '', chance: number, ...args: Arguments) => Promise<Reply>,
    pbx: string,
    ...args: Arguments
  ): Promise<Reply> {
    return run(this.#redis, pbx, this.#now(), this.#random.next(), ...args);
  }
}

/** The midnight to come and the one that was, by the wall clock of the PBX. */
function midnights(pbx: PbxVersion, at: number): { readonly next: number; readonly last: number } {
  const zone = Zone.of(pbx.document.pbx.timezone);
  const today = dayOf(zone.wallAt(at)) * msPerDay;
  return { next: zone.instantOf(today + msPerDay), last: zone.instantOf(today) };
}
