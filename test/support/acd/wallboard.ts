import { isDeepStrictEqual } from 'node:util';
import { AgentChange, QueueChange } from '../../../src/acd/changes.ts';
import type { AcdStore, AgentState, QueuedCaller } from '../../../src/acd/store.ts';
import { readEvents } from '../../../src/events/scripts.ts';
import type { RedisCommands } from '../../../src/redis/connection.ts';

export interface WallboardOptions {
  readonly redis: RedisCommands;
  readonly store: AcdStore;
  readonly pbx: string;
  readonly employees: readonly string[];
  readonly groups: readonly string[];
  /** Of any group, now. */
  readonly isMember: (employee: string) => boolean;
}

/**
 * A client of the events: it reads the lists once, and then goes by what it is told alone, as `docs/api.md` says. When the log has lost something it reads
 * the lists anew.
 */
export class Wallboard {
  readonly agents = new Map<string, AgentState>();
  readonly queues = new Map<string, QueuedCaller[]>();
  /** How many events it has gone by, and how often it had to begin anew. */
  readonly figures = { events: 0, resets: 0 };
  readonly #options: WallboardOptions;
  #cursor: string | undefined;

  constructor(options: WallboardOptions) {
    this.#options = options;
  }

  /** Takes in what it has been told since. */
  async follow(): Promise<void> {
    const { redis, pbx } = this.#options;
    for (;;) {
      if (this.#cursor === undefined) await this.#begin();
      const [outcome, found] = await readEvents(redis, pbx, this.#cursor ?? '', 100);
      if (outcome === 'gone') {
        this.#cursor = undefined;
        continue;
      }
      for (const { cursor, type, data } of found) {
        const [before, number] = [this.#cursor ?? '', cursor].map((one) => Number(one.split('-')[1] ?? 0));
        if (number !== (before ?? 0) + 1) throw new Error(`event ${cursor} follows ${this.#cursor}`);
        this.#cursor = cursor;
        this.#hear(type, JSON.parse(data));
      }
      if (found.length < 100) return;
    }
  }

  /** @throws when it does not show what the lists say */
  async agrees(): Promise<void> {
    await this.follow();
    const { agents, queues } = await this.#lists();
    for (const agent of agents) {
      const known = this.agents.get(agent.employee);
      const isMember = this.#options.isMember(agent.employee);
      same(`agent ${agent.employee}`, known && standing(known, isMember), standing(agent, isMember));
    }
    for (const [group, queue] of queues)
      same(`queue of ${group}`, this.queues.get(group)?.map(place), queue.map(place));
  }

  async #begin(): Promise<void> {
    const { redis, pbx } = this.#options;
    const [outcome, cursor] = await readEvents(redis, pbx, '0-0-none', 1);
    if (outcome === 'events') throw new Error('a log that knows what it has never had');
    const { agents, queues } = await this.#lists();
    this.figures.resets++;
    this.#cursor = cursor;
    this.agents.clear();
    for (const agent of agents) this.agents.set(agent.employee, agent);
    for (const [group, queue] of queues) this.queues.set(group, queue);
  }

  async #lists() {
    const { store, pbx, employees, groups } = this.#options;
    const queues = new Map<string, QueuedCaller[]>();
    for (const group of groups) queues.set(group, await store.queue(pbx, group, 1000));
    return { agents: await store.agents(pbx, employees), queues };
  }

  #hear(type: string, data: unknown): void {
    this.figures.events++;
    if (type === 'agent') {
      const { agent } = AgentChange.parse(data);
      this.agents.set(agent.employee, agent);
    } else if (type === 'queue') this.#move(QueueChange.parse(data));
  }

  #move({ what, group, caller, position }: ReturnType<typeof QueueChange.parse>): void {
    const queue = this.queues.get(group) ?? [];
    this.queues.set(group, queue);
    const at = queue.findIndex(({ call }) => call === caller.call);
    if (what === 'left') {
      if (at < 0) throw new Error(`${caller.call} leaves ${group}, where he is not`);
      queue.splice(at, 1);
    } else if (what === 'joined') {
      if (at >= 0) throw new Error(`${caller.call} joins ${group}, where he is`);
      queue.splice((position ?? 0) - 1, 0, caller);
    } else {
      if (at < 0) throw new Error(`${caller.call} is ${what} in ${group}, where he is not`);
      queue[at] = caller;
    }
  }
}

/**
 * Registrations are known of as far as they count: nobody is woken at the end of that of one who is in no group, and one who has registered without the ACD
 * having been told, because a node died in that moment, is offered no calls.
 */
function unavailability({ unavailable, isFree }: AgentState, isMember: boolean) {
  if (unavailable === undefined) return isMember && !isFree ? 'unregistered' : isMember ? undefined : 'away';
  return isMember || !['unregistered', 'offline', 'break'].includes(unavailable) ? unavailable : 'away';
}

const standing = (agent: AgentState, isMember: boolean) => ({
  unavailable: unavailability(agent, isMember),
  status: agent.status,
  base: agent.base,
  statusAt: agent.statusAt,
  wrapUpUntil: agent.wrapUpUntil,
  excludedUntil: agent.excludedUntil,
  calls: Object.entries(agent.calls)
    .map(([call, { talkSince }]) => [call, talkSince])
    .sort(),
  offered: agent.reservation?.call,
});

const place = ({ call, offers }: QueuedCaller) => [call, ...Object.keys(offers).sort()];

function same(what: string, shown: unknown, real: unknown): void {
  if (isDeepStrictEqual(shown, real)) return;
  throw new Error(`${what}: the events say ${JSON.stringify(shown)}, the list says ${JSON.stringify(real)}`);
}
