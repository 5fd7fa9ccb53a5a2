import { AcdStore, type MissedOutcome, type QueueRequest } from '../../../src/acd/store.ts';
import type { PbxVersion } from '../../../src/config/version.ts';
import type { RedisConnection } from '../../../src/redis/connection.ts';
import { Keys } from '../../../src/redis/keys.ts';
import type { Random } from '../../../src/time/random.ts';
import { FakeClock } from '../fake-clock.ts';
import { employee, pbxOf } from '../pbx.ts';
import { somePbx } from '../redis.ts';
import { seededRandom } from '../seeded-random.ts';

export const names = ['anna', 'boris', 'clara', 'dmitri'] as const;

interface DeskOptions {
  readonly clock?: FakeClock;
  readonly timezone?: string;
  /** What `Random.next` says. */
  readonly chance?: () => number;
}

/** Employees with a phone contact, who can always be reached. */
export const staff = (ids: readonly string[] = names, more: Record<string, unknown> = {}) =>
  ids.map((id, i) => employee(id, `10${i}`, { contacts: [{ phone: `7925000000${i}` }], ...more }));

/** A group of these, all with priority 1 unless it is said: `anna:2`. */
export const group = (id: string, members: readonly string[] = names, more: Record<string, unknown> = {}) => ({
  id,
  name: id,
  extension: `5${id.length}${id.charCodeAt(0) % 10}`,
  algorithm: 'sequential',
  members: members.map((member) => {
    const [name, priority = '1'] = member.split(':');
    return { employee: name, priority: Number(priority) };
  }),
  ...more,
});

/** The ACD's store in a test: one node, a clock that is moved, and short words for what it does. */
export class Desk {
  readonly clock: FakeClock;
  readonly store: AcdStore;
  readonly redis: RedisConnection;
  readonly node: string;
  pbx: PbxVersion;

  private constructor(redis: RedisConnection, pbx: PbxVersion, clock: FakeClock, random: Random) {
    this.redis = redis;
    this.pbx = pbx;
    this.clock = clock;
    this.store = new AcdStore(redis, random, () => clock.now());
    this.node = this.store.nodeName(pbx.id, 'node', 'run');
  }

  static async open(
    redis: RedisConnection,
    groups: readonly ReturnType<typeof group>[],
    employees: readonly Record<string, unknown>[] = staff(),
    { clock = new FakeClock(), timezone = 'Europe/Moscow', chance }: DeskOptions = {},
  ): Promise<Desk> {
    const pbx = pbxOf({ pbx: { id: somePbx(), domains: ['acme.example'], timezone }, groups, employees });
    const random = seededRandom();
    const desk = new Desk(redis, pbx, clock, chance ? { ...random, next: chance } : random);
    await desk.store.join(pbx, 'node', 'run', clock.now());
    await desk.store.configure(pbx);
    await desk.beat();
    return desk;
  }

  /** A second version of the same PBX. */
  async configure(
    groups: readonly ReturnType<typeof group>[],
    employees: readonly Record<string, unknown>[] = staff(),
  ) {
    const { id, timezone } = this.pbx.document.pbx;
    this.pbx = pbxOf({ pbx: { id, domains: ['acme.example'], timezone }, groups, employees });
    await this.store.configure(this.pbx);
  }

  async beat(): Promise<number | undefined> {
    return this.store.beat(this.pbx, this.node, this.clock.now());
  }

  /** So much later, with the beats that there are meanwhile. */
  async later(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 1000) {
      this.clock.advance(Math.min(1000, left));
      await this.beat();
    }
  }

  /** @returns the outcome */
  async call(call: string, more: Partial<QueueRequest> = {}) {
    const request: QueueRequest = {
      ...{ call, group: 'sales', number: '', ringMs: 20_000, maxWaitMs: 0, maxLength: 0, wrapUpMs: 0, waits: true },
      ...{ familiar: false, ...more },
    };
    return (await this.store.enqueue(this.pbx.id, this.node, request)).outcome;
  }

  /** Who is being rung for a caller. */
  async ringing(call: string): Promise<string[]> {
    return Object.keys(await this.#offers(call)).sort();
  }

  async #offers(call: string): Promise<Readonly<Record<string, number>>> {
    for (const { id } of this.pbx.document.groups) {
      for (const caller of await this.store.queue(this.pbx.id, id)) if (caller.call === call) return caller.offers;
    }
    return {};
  }

  /** The offer that is out for these two. */
  async offer(call: string, agent: string) {
    const token = (await this.#offers(call))[agent];
    if (token === undefined) throw new Error(`${call} is not offered to ${agent}`);
    return { call, agent, token };
  }

  /** The one who is rung for him answers; without one given it must be one alone. */
  async answer(call: string, agent?: string): Promise<Awaited<ReturnType<AcdStore['answer']>>> {
    return this.store.answer(this.pbx.id, await this.#one(call, agent));
  }

  async miss(call: string, outcome: MissedOutcome, noAnswerMs = 0, agent?: string) {
    return this.store.miss(this.pbx.id, await this.#one(call, agent), outcome, noAnswerMs);
  }

  async #one(call: string, agent?: string) {
    const ringing = await this.ringing(call);
    if (agent === undefined && ringing.length !== 1)
      throw new Error(`for ${call} there ring ${ringing.join() || 'none'}`);
    return this.offer(call, agent ?? (ringing[0] as string));
  }

  /** A whole conversation: the caller comes, one answers, and so much later it is over. */
  async talk(call: string, ms: number, more: Partial<QueueRequest> = {}): Promise<string> {
    await this.call(call, more);
    const [agent = ''] = await this.ringing(call);
    await this.answer(call, agent);
    this.clock.advance(ms);
    await this.end(agent, call);
    return agent;
  }

  async end(agent: string, call: string): Promise<boolean> {
    return this.store.endCall(this.pbx.id, agent, call);
  }

  async leave(call: string, keepMs = 0) {
    return this.store.leave(this.pbx.id, call, 'abandoned', keepMs);
  }

  async state(agent: string) {
    const [state] = await this.store.agents(this.pbx.id, [agent]);
    if (!state) throw new Error(`no ${agent}`);
    return state;
  }

  /** What keeps him from calls; undefined: nothing. */
  async unavailable(agent: string) {
    return (await this.state(agent)).unavailable;
  }

  async status(agent: string, base: 'online' | 'break' | 'offline', name: string = base) {
    return this.store.setStatus(this.pbx.id, agent, { name, base });
  }

  /** As the registrar does it, which then tells the ACD. */
  async register(account: string, forMs: number): Promise<void> {
    const key = new Keys(this.pbx.id).bindings();
    const bindings = JSON.stringify([{ expiresAt: this.clock.now() + forMs }]);
    await this.redis.use((client) => (forMs > 0 ? client.hset(key, account, bindings) : client.hdel(key, account)));
    await this.store.refresh(this.pbx.id, [account.slice(0, account.indexOf('@'))]);
  }

  /** Those who wait, offered or not, in order. */
  async order(group = 'sales'): Promise<string[]> {
    return (await this.store.queue(this.pbx.id, group)).map(({ call }) => call);
  }

  figures = (group = 'sales') => this.store.figures(this.pbx.id, group);
}
