import type { Logger } from 'pino';
import type { Group } from '../config/document.ts';
import type { PbxVersion } from '../config/version.ts';
import { type RedisConnection, RedisDownError } from '../redis/connection.ts';
import { Keys } from '../redis/keys.ts';
import type { Clock, TimerId } from '../time/clock.ts';
import type { WaitingNow } from './announcements.ts';
import { type EstimatorState, type MemberAtWork, WaitEstimator } from './estimate.ts';
import type { AcdStore, AgentState } from './store.ts';

/** How long what was learnt may be in memory alone, milliseconds. */
const keptWithinMs = 30_000;
/** For how long one look at the members of a group serves all who ask, milliseconds: many callers are due at once. */
const lookMs = 1000;

/**
 * The estimators of all groups, each taught by the callers of this node and asked for them. What they know is kept in Redis, so that a restart does not
 * make them begin anew; of several nodes each learns from its own callers, and the latest to write is the one that is remembered.
 */
export class WaitEstimates {
  readonly #store: Pick<AcdStore, 'agents'>;
  readonly #redis: RedisConnection;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #estimators = new Map<string, Map<string, WaitEstimator>>();
  readonly #looks = new Map<string, { readonly at: number; readonly states: Promise<readonly AgentState[]> }>();
  readonly #unkept = new Set<string>();
  #timer: TimerId | undefined;

  constructor(options: {
    readonly store: Pick<AcdStore, 'agents'>;
    readonly redis: RedisConnection;
    readonly clock: Clock;
    readonly log: Logger;
  }) {
    this.#store = options.store;
    this.#redis = options.redis;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** Takes up what was known when a node of this PBX last wrote it. While Redis is away everything begins anew. */
  async load(pbx: string): Promise<void> {
    if (this.#estimators.has(pbx)) return;
    const groups = new Map<string, WaitEstimator>();
    this.#estimators.set(pbx, groups);
    try {
      const kept = await this.#redis.use((client) => client.hgetall(new Keys(pbx).waitEstimates()));
      for (const [group, state] of Object.entries(kept)) {
        if (!groups.has(group)) groups.set(group, new WaitEstimator(JSON.parse(state) as EstimatorState));
      }
    } catch (error) {
      // The connection has reported it. Anything else is no reason not to start: announcements are silent until there is history.
      if (!(error instanceof RedisDownError)) this.#log.warn({ err: error, pbx }, 'waiting times could not be read');
    }
  }

  forget(pbx: string): void {
    this.#estimators.delete(pbx);
    this.#unkept.delete(pbx);
  }

  of(pbx: string, group: string): WaitEstimator {
    const groups = this.#estimators.get(pbx) ?? new Map<string, WaitEstimator>();
    this.#estimators.set(pbx, groups);
    const estimator = groups.get(group) ?? new WaitEstimator();
    groups.set(group, estimator);
    return estimator;
  }

  /** Something has happened in the group. */
  learn(pbx: string, group: string, lesson: (estimator: WaitEstimator) => void): void {
    lesson(this.of(pbx, group));
    this.#unkept.add(pbx);
    this.#timer ??= this.#clock.setTimeout(() => {
      this.#timer = undefined;
      void this.#keep();
    }, keptWithinMs);
  }

  /** How it stands with a caller at a position. @throws RedisDownError */
  async situation(pbx: PbxVersion, { id, members, wrapUp }: Group, position: number): Promise<WaitingNow> {
    const states = await this.#look(
      pbx.id,
      id,
      members.map(({ employee }) => employee),
    );
    const now = this.#clock.now();
    const atWork = states.flatMap((state) => memberAtWork(state, now) ?? []);
    const question = { position, members: atWork, wrapUpMs: wrapUp * 1000, now };
    return { now, position, membersAtWork: atWork.length, prediction: this.of(pbx.id, id).predict(question) };
  }

  /** Keeps what is not kept yet. */
  async close(): Promise<void> {
    this.#clock.clearTimeout(this.#timer);
    await this.#keep();
  }

  #look(pbx: string, group: string, members: readonly string[]): Promise<readonly AgentState[]> {
    const key = `${pbx}\n${group}`;
    const now = this.#clock.monotonic();
    const known = this.#looks.get(key);
    if (known && now - known.at < lookMs) return known.states;
    const states = this.#store.agents(pbx, members);
    this.#looks.set(key, { at: now, states });
    // A look that failed is nobody else's answer.
    states.catch(() => this.#looks.delete(key));
    return states;
  }

  async #keep(): Promise<void> {
    const pbxs = [...this.#unkept];
    this.#unkept.clear();
    for (const pbx of pbxs) {
      const states = [...(this.#estimators.get(pbx) ?? [])].flatMap(([group, { state }]) => [
        group,
        JSON.stringify(state),
      ]);
      if (states.length === 0) continue;
      try {
        await this.#redis.use((client) => client.hset(new Keys(pbx).waitEstimates(), ...states));
      } catch (error) {
        if (!(error instanceof RedisDownError)) throw error;
        this.#unkept.add(pbx);
      }
    }
  }
}

/** What a member does, for the estimate; undefined: he is not at work. */
export function memberAtWork(state: AgentState, now: number): MemberAtWork | undefined {
  const { unavailable, calls, wrapUpUntil, excludedUntil } = state;
  switch (unavailable) {
    case undefined:
      return { doing: 'free' };
    case 'inCall':
      return { doing: 'call', since: Math.min(now, ...Object.values(calls).map(({ since }) => since)) };
    case 'reserved':
      return { doing: 'call', since: now };
    case 'wrapUp':
      return { doing: 'wrapUp', until: wrapUpUntil };
    case 'excluded':
      return { doing: 'wrapUp', until: excludedUntil };
    case 'unregistered':
    case 'break':
    case 'offline':
      return undefined;
  }
}
