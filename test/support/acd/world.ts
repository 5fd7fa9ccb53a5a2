import { once } from 'node:events';
import pino from 'pino';
import { Dispatcher } from '../../../src/acd/dispatcher.ts';
import type { AcdNode, CallerEvents, OverReason } from '../../../src/acd/node.ts';
import { AcdStore, type MissedOutcome, type Offer, type QueueRequest } from '../../../src/acd/store.ts';
import type { PbxVersion } from '../../../src/config/version.ts';
import type { RedisConnection } from '../../../src/redis/connection.ts';
import { Keys } from '../../../src/redis/keys.ts';
import type { ChannelListener } from '../../../src/redis/subscriber.ts';
import { Precedence } from '../../../src/time/precedence.ts';
import type { Random } from '../../../src/time/random.ts';
import { FakeClock, settle } from '../fake-clock.ts';
import { seededRandom } from '../seeded-random.ts';
import { ReferenceAcd } from './reference.ts';
import { Wallboard } from './wallboard.ts';
import { compare, Wire } from './wire.ts';

/** What happens, and how often one to the other. */
const weights = {
  arrive: 10,
  answer: 14,
  pickUp: 2,
  decline: 4,
  hangUp: 12,
  abandon: 3,
  status: 2,
  wrapUp: 1,
  direct: 2,
  register: 2,
  unregister: 1,
  reconfigure: 0.2,
  time: 14,
  message: 40,
  request: 60,
  reply: 60,
  kill: 0.12,
  loss: 0.12,
} as const;
type Deed = keyof typeof weights;

const dayMs = 86_400_000;

/** A caller and what he sees. */
class SimCaller implements CallerEvents {
  readonly request: QueueRequest;
  readonly host: Host;
  readonly #world: World;
  state: 'entering' | 'waiting' | 'talking' | 'over' = 'entering';
  /** Whom he has been connected to: never more than one. */
  readonly connected: string[] = [];

  constructor(world: World, host: Host, request: QueueRequest) {
    this.#world = world;
    this.host = host;
    this.request = request;
  }

  offered(offer: Offer): void {
    this.#world.ring(this, offer);
  }

  withdrawn({ token }: Pick<Offer, 'token'>): void {
    this.#world.stopRing({ call: this.request.call, token });
  }

  over(_: OverReason): void {
    this.#world.ended(this);
  }
}

const ringOf = ({ call, token }: Pick<Offer, 'call' | 'token'>) => `${call} ${token}`;

/** One agent's phone that rings. */
interface Ring {
  readonly caller: SimCaller;
  readonly offer: Offer;
  timer: unknown;
  /** The phone has answered, and the reply of the ACD is awaited. */
  isAnswering: boolean;
}

/** A conversation with a caller of a queue, or (without one) a call of the agent's own. */
interface Conversation {
  readonly agent: string;
  readonly call: string;
  readonly host: Host;
  readonly caller: SimCaller | undefined;
  /** Which disturbance was the last when it began. */
  readonly since: number;
}

/** One node of the engine. */
interface Host {
  readonly name: string;
  readonly dispatcher: Dispatcher;
  readonly wire: Wire;
  readonly node: AcdNode;
  readonly inbox: string[];
  listener: ChannelListener | undefined;
  alive: boolean;
}

/** What Redis may go back to. */
interface Older {
  readonly dump: ReadonlyMap<string, Buffer>;
  readonly reference: ReferenceAcd;
}

export interface WorldOptions {
  readonly redis: RedisConnection;
  /** Two versions of the same PBX, which take turns. */
  readonly versions: readonly [PbxVersion, PbxVersion];
  readonly seed: number;
  readonly nodes: number;
}

export interface WorldFigures {
  scripts: number;
  callers: number;
  connected: number;
  deaths: number;
  losses: number;
  syncs: number;
  /** That those who watch were told of, and went by. */
  events: number;
}

/**
 * Three nodes of the engine with their callers, the agents' phones, and a real Redis, in which everything happens in an order drawn by chance: what is
 * said between nodes and Redis is under way for any time, nodes die, Redis loses its connections, its data, or goes back to older data. The same seed is
 * the same story. Everything that runs in Redis is compared with `ReferenceAcd`.
 */
export class World {
  readonly clock = new FakeClock();
  readonly figures: WorldFigures = { scripts: 0, callers: 0, connected: 0, deaths: 0, losses: 0, syncs: 0, events: 0 };
  /** By call and token. */
  readonly rings = new Map<string, Ring>();
  readonly conversations = new Map<string, Conversation>();
  readonly #options: WorldOptions;
  readonly #random: Random;
  readonly #listener: ReturnType<RedisConnection['listener']>;
  readonly #registered = new Map<string, number>();
  readonly #keys: Keys;
  readonly #wallboard: Wallboard;
  readonly #heard: [string, string][] = [];
  reference: ReferenceAcd;
  hosts: Host[] = [];
  callers = new Set<SimCaller>();
  #pbx: PbxVersion;
  #marks = new Map<string, () => void>();
  #markCount = 0;
  #callCount = 0;
  #disturbances = 0;
  /** Calls that were answered when Redis had lost them: it hears of the conversation with the next beat only, and may offer the agent another call till then. */
  readonly #unheard = new Set<string>();
  #older: Older | undefined;
  readonly #errors: unknown[] = [];

  private constructor(options: WorldOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#listener = options.redis.listener();
    this.#pbx = options.versions[0];
    this.#keys = new Keys(this.#pbx.id);
    this.reference = new ReferenceAcd(this.#registered);
    const { redis, versions } = options;
    const distinct = (ids: readonly string[]) => [...new Set(ids)];
    this.#wallboard = new Wallboard({
      redis,
      store: new AcdStore(redis, seededRandom(options.seed), () => this.clock.now()),
      pbx: this.#pbx.id,
      employees: distinct(versions.flatMap(({ document }) => document.employees.map(({ id }) => id))),
      groups: distinct(versions.flatMap(({ document }) => document.groups.map(({ id }) => id))),
      isMember: (id) => (this.reference.members.get(id)?.groups.length ?? 0) > 0,
    });
  }

  static async open(options: WorldOptions): Promise<World> {
    const world = new World(options);
    await world.#listen();
    for (const account of world.#accounts()) await world.#register(account);
    for (let i = 0; i < options.nodes; i++) await world.#begin(`node-${i}`);
    return world;
  }

  async close(): Promise<void> {
    for (const host of this.hosts) host.dispatcher.close();
    this.#listener.disconnect();
  }

  /** Lets chance do so many things. */
  async run(deeds: number): Promise<void> {
    for (let i = 0; i < deeds; i++) {
      await this.#do(this.#draw());
      await settle();
      this.#rethrow();
    }
  }

  /** Everything that is under way arrives, the time goes on so far that every node has beaten, and then what is real and what Redis has must be the same. */
  async quiet(): Promise<void> {
    for (const host of this.hosts) if (host.alive) this.#mend(host);
    await this.#drain();
    for (let i = 0; i < 3; i++) {
      this.clock.advance(600);
      await this.#drain();
    }
    await this.#agree();
  }

  async #agree(): Promise<void> {
    this.#checkAgreement();
    // What is due by now is due with the next beat.
    for (const { alive, node } of this.hosts) if (alive) this.#let(node.catchUp());
    await this.#drain();
    await this.#wallboard.agrees();
    this.figures.events = this.#wallboard.figures.events;
  }

  /** No more callers: everybody who waits is served in the end, and nothing is left over. */
  async finish(): Promise<void> {
    while (this.hosts.some(({ alive }) => !alive)) await this.quiet();
    await this.quiet();
    for (const account of this.#accounts()) {
      await this.#register(account);
      this.#let(this.#host().node.registrationChanged(account));
    }
    for (const { id } of this.#pbx.document.employees)
      this.#let(this.#host().node.setStatus(id, { name: 'online', base: 'online' }));
    await this.#drain();
    for (let i = 0; i < 2000 && [...this.callers].some(({ state }) => state !== 'talking'); i++) {
      for (const ring of [...this.rings.values()]) this.#answer(ring);
      await this.#drain();
      for (const conversation of [...this.conversations.values()]) this.#end(conversation);
      await this.#drain();
      this.clock.advance(500);
      await this.#drain();
    }
    const left = [...this.callers].filter(({ state }) => state !== 'talking');
    if (left.length > 0) throw new Error(`callers who are never served: ${left.map(({ request }) => request.call)}`);
    for (const conversation of [...this.conversations.values()]) this.#end(conversation);
    await this.#drain();
    await this.#agree();
    const { callers, agents } = this.reference;
    const stuck = [...agents].filter(([, { calls, reservation }]) => calls.size > 0 || reservation);
    if (callers.size > 0 || stuck.length > 0)
      throw new Error(`left in Redis: callers ${[...callers.keys()]}, agents ${stuck.map(([id]) => id)}`);
  }

  /** Called by a caller when he is offered to an agent. */
  ring(caller: SimCaller, offer: Offer): void {
    if (caller.state === 'talking' || caller.state === 'over') return;
    if (this.rings.has(ringOf(offer))) throw new Error(`offer ${offer.token} comes twice`);
    const ring: Ring = { caller, offer, timer: undefined, isAnswering: false };
    this.rings.set(ringOf(offer), ring);
    // His phone is busy: with a call of which Redis cannot know yet.
    if ([...this.conversations.values()].some(({ agent }) => agent === offer.agent)) return this.#miss(ring, 'busy');
    ring.timer = this.clock.setTimeout(() => {
      if (!ring.isAnswering) this.#miss(ring, 'noAnswer');
    }, offer.ringMs);
  }

  stopRing(offer: Pick<Offer, 'call' | 'token'>): void {
    const ring = this.rings.get(ringOf(offer));
    if (!ring || ring.isAnswering) return;
    this.clock.clearTimeout(ring.timer);
    this.rings.delete(ringOf(offer));
  }

  /** A caller is in no queue any more. */
  ended(caller: SimCaller): void {
    caller.state = 'over';
    this.#stopRings(caller);
    this.callers.delete(caller);
  }

  #stopRings(caller: SimCaller): void {
    for (const ring of [...this.rings.values()]) if (ring.caller === caller) this.stopRing(ring.offer);
  }

  #draw(): Deed {
    const able = (Object.entries(weights) as [Deed, number][]).filter(([deed]) => this.#isPossible(deed));
    let at = this.#random.next() * able.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [deed, weight] of able) {
      at -= weight;
      if (at < 0) return deed;
    }
    return 'time';
  }

  #isPossible(deed: Deed): boolean {
    switch (deed) {
      case 'message':
        return this.hosts.some(({ inbox }) => inbox.length > 0);
      case 'request':
        return this.hosts.some(({ wire }) => wire.requests.length > 0);
      case 'reply':
        return this.hosts.some(({ wire }) => wire.replies.length > 0);
      case 'answer':
      case 'pickUp':
      case 'decline':
        return this.#ringing().length > 0;
      case 'hangUp':
        return this.conversations.size > 0;
      case 'abandon':
        return this.callers.size > 0;
      case 'kill':
        return this.hosts.filter(({ alive }) => alive).length > 1;
      default:
        return true;
    }
  }

  async #do(deed: Deed): Promise<void> {
    const random = this.#random;
    switch (deed) {
      case 'arrive':
        return this.#arrive();
      case 'answer':
        return this.#answer(pick(random, this.#ringing()));
      case 'pickUp':
        return this.#pickUp(pick(random, this.#ringing()));
      case 'decline':
        return this.#miss(pick(random, this.#ringing()), pick(random, ['noAnswer', 'busy', 'refused', 'unreachable']));
      case 'hangUp':
        return this.#end(pick(random, [...this.conversations.values()]));
      case 'abandon':
        return this.#abandon(pick(random, [...this.callers]));
      case 'status': {
        const base = pick(random, ['online', 'online', 'break', 'offline'] as const);
        return this.#let(this.#host().node.setStatus(this.#employee(), { name: base, base }));
      }
      case 'wrapUp': {
        const { dispatcher } = this.#host();
        return this.#let(dispatcher.store.setWrapUp(this.#pbx.id, this.#employee(), random.below(2) * 7000));
      }
      case 'direct':
        return this.#direct();
      case 'register':
      case 'unregister': {
        const account = pick(random, this.#accounts());
        await this.#register(account, deed === 'register' ? 1000 * (5 + random.below(120)) : 0);
        return this.#let(this.#host().node.registrationChanged(account));
      }
      case 'reconfigure': {
        this.#pbx = this.#options.versions[this.#pbx === this.#options.versions[0] ? 1 : 0];
        for (const { alive, dispatcher } of this.hosts) if (alive) this.#let(dispatcher.add(this.#pbx));
        return;
      }
      case 'time': {
        const scale = pick(random, [10, 10, 100, 100, 1000, 8000]);
        this.clock.advance(random.below(scale));
        return;
      }
      case 'message': {
        const host = pick(
          random,
          this.hosts.filter(({ inbox }) => inbox.length > 0),
        );
        const message = host.inbox.shift() as string;
        host.listener?.(message);
        // Now and then one comes twice, the second time later than others.
        if (random.below(20) === 0) host.inbox.push(message);
        return;
      }
      case 'request':
        return this.#carry(
          pick(
            random,
            this.hosts.filter(({ wire }) => wire.requests.length > 0),
          ),
        );
      case 'reply':
        pick(
          random,
          this.hosts.filter(({ wire }) => wire.replies.length > 0),
        )
          .wire.replies.shift()
          ?.deliver();
        return;
      case 'kill':
        return this.#kill(
          pick(
            random,
            this.hosts.filter(({ alive }) => alive),
          ),
        );
      case 'loss':
        return this.#loss();
    }
  }

  #arrive(): void {
    const random = this.#random;
    const host = this.#host();
    const group = pick(random, this.#pbx.document.groups);
    const request: QueueRequest = {
      call: `call-${this.#callCount++}`,
      group: group.id,
      number: random.below(4) === 0 ? '' : `7495000000${random.below(10)}`,
      ringMs: group.ringTime * 1000,
      maxWaitMs: group.hold.queue ? group.hold.maxWait * 1000 : 0,
      maxLength: group.hold.maxLength,
      wrapUpMs: group.wrapUp * 1000,
      waits: group.hold.queue,
      familiar: group.familiar,
    };
    const caller = new SimCaller(this, host, request);
    this.callers.add(caller);
    this.figures.callers++;
    this.#let(
      host.node.enqueue(request, caller).then(
        ({ outcome }) => {
          if (outcome !== 'offered' && outcome !== 'waiting') this.ended(caller);
          else if (caller.state === 'entering') caller.state = 'waiting';
        },
        () => this.ended(caller),
      ),
    );
  }

  /** The agent has answered another call in this moment, and what Redis says of it is still on its way: nobody has two ears. */
  #isOnThePhone(ring: Ring): boolean {
    const { agent } = ring.offer;
    return [...this.rings.values()].some((other) => other !== ring && other.offer.agent === agent && other.isAnswering);
  }

  #answer(ring: Ring): void {
    if (ring.isAnswering || this.#isOnThePhone(ring)) return;
    const { offer, caller } = ring;
    this.clock.clearTimeout(ring.timer);
    ring.isAnswering = true;
    this.#let(
      caller.host.node.answer(offer).then(({ outcome }) => {
        this.rings.delete(ringOf(offer));
        if (outcome === 'gone') return;
        if (caller.state === 'over') return caller.host.node.endCall(offer.agent, offer.call);
        this.#connect(caller, offer);
      }),
    );
  }

  #pickUp(ring: Ring): void {
    if (this.#isOnThePhone(ring)) return;
    const { offer, caller } = ring;
    ring.isAnswering = true;
    this.clock.clearTimeout(ring.timer);
    const isHeard = this.#random.below(4) > 0;
    this.#let(
      caller.host.node.pickUp(offer).then((isHis) => {
        ring.isAnswering = false;
        if (!isHis || caller.state === 'over') {
          this.rings.delete(ringOf(offer));
          return;
        }
        for (const other of [...this.rings.values()])
          if (other.caller === caller && other !== ring) this.stopRing(other.offer);
        return isHeard ? this.#answer(ring) : this.#miss(ring, 'noAnswer');
      }),
    );
  }

  #miss(ring: Ring, outcome: MissedOutcome): void {
    const { offer, caller } = ring;
    this.stopRing(offer);
    this.#let(caller.host.node.miss(offer, outcome, this.#random.below(3) * 4000));
  }

  #connect(caller: SimCaller, { agent, call }: Offer): void {
    if (caller.state === 'talking') throw new Error(`${call} is connected to ${caller.connected} and to ${agent}`);
    caller.connected.push(agent);
    caller.state = 'talking';
    this.#stopRings(caller);
    this.callers.delete(caller);
    this.figures.connected++;
    const since = this.#disturbances;
    for (const other of this.conversations.values()) {
      if (other.agent === agent && other.caller && other.since === since)
        throw new Error(`${agent} talks to ${other.call} and is given ${call}`);
    }
    const known = this.#unheard.has(call) ? -1 : since;
    this.conversations.set(`${agent}\n${call}`, { agent, call, host: caller.host, caller, since: known });
  }

  #end(conversation: Conversation): void {
    const { agent, call, host } = conversation;
    this.conversations.delete(`${agent}\n${call}`);
    this.#let(host.node.endCall(agent, call));
  }

  /** An agent rings somebody himself. */
  #direct(): void {
    const [host, agent, call] = [this.#host(), this.#employee(), `own-${this.#callCount++}`];
    const conversation: Conversation = { agent, call, host, caller: undefined, since: this.#disturbances };
    const ifFree = this.#random.below(2) === 0;
    this.conversations.set(`${agent}\n${call}`, conversation);
    this.#let(
      host.node.beginCall(agent, call, { talks: true, incoming: this.#random.below(2) === 0, ifFree }).then((isHis) => {
        if (!isHis) this.conversations.delete(`${agent}\n${call}`);
      }),
    );
  }

  #abandon(caller: SimCaller): void {
    const why = this.#random.below(3) === 0 ? 'elsewhere' : 'abandoned';
    this.ended(caller);
    this.#let(caller.host.node.leave(caller.request.call, why, why === 'abandoned' ? 60_000 : 0));
  }

  /** `kill -9`: its calls end with it, what it had sent may arrive or not. It starts again later. */
  async #kill(host: Host): Promise<void> {
    this.figures.deaths++;
    this.#disturbances++;
    host.alive = false;
    host.dispatcher.close();
    const reached = this.#random.below(host.wire.requests.length + 1);
    for (const request of host.wire.requests.splice(0, reached)) await this.#carryOut(request);
    host.wire.drop();
    host.inbox.length = 0;
    host.listener = undefined;
    for (const ring of [...this.rings.values()]) {
      if (ring.caller.host !== host) continue;
      this.clock.clearTimeout(ring.timer);
      this.rings.delete(ringOf(ring.offer));
    }
    for (const caller of [...this.callers]) if (caller.host === host) this.ended(caller);
    for (const [key, conversation] of [...this.conversations])
      if (conversation.host === host) this.conversations.delete(key);
    const after = this.#random.below(15_000);
    this.clock.setTimeout(() => {
      this.hosts = this.hosts.filter((one) => one !== host);
      this.#let(this.#begin(host.name));
    }, after);
  }

  /** Redis is away for a while, and comes back with its data, with older data, or without any. */
  async #loss(): Promise<void> {
    this.figures.losses++;
    this.#disturbances++;
    for (const { alive, wire, inbox } of this.hosts) {
      if (!alive) continue;
      await wire.cut(this.#random.below(wire.requests.length + 1), (request) => this.#carryOut(request));
      inbox.length = 0;
    }
    const kind = this.#random.below(4);
    if (kind === 0) await this.#forget();
    else if (kind === 1 && this.#older) await this.#goBack(this.#older);
    this.#older = undefined;
    for (const host of this.hosts)
      this.clock.setTimeout(() => this.#mend(host), pick(this.#random, [0, 100, 2000, 12_000]));
  }

  #mend(host: Host): void {
    if (!host.alive || host.wire.up) return;
    host.wire.mend();
    // The connection that listens is another: it has been away as well.
    host.listener?.(undefined);
  }

  async #forget(): Promise<void> {
    await this.#options.redis.use((client) => client.del(...this.#keys.acd()));
    this.#registered.clear();
    this.reference = new ReferenceAcd(this.#registered);
    for (const account of this.#accounts()) if (this.#random.below(4) > 0) await this.#register(account);
  }

  /** As after a fail-over: the last changes have not reached the replica. */
  async #goBack(older: Older): Promise<void> {
    for (const [key, dump] of older.dump) {
      if (key === this.#keys.bindings()) continue;
      await this.#options.redis.use((client) => client.restore(key, 0, dump, 'REPLACE'));
    }
    const left = this.#keys.acd().filter((key) => !older.dump.has(key) && key !== this.#keys.bindings());
    if (left.length > 0) await this.#options.redis.use((client) => client.del(...left));
    this.reference = older.reference;
  }

  async #save(): Promise<void> {
    const dump = new Map<string, Buffer>();
    for (const key of this.#keys.acd()) {
      const bytes = await this.#options.redis.use((client) => client.dumpBuffer(key));
      if (bytes) dump.set(key, bytes);
    }
    this.#older = { dump, reference: this.reference.clone() };
  }

  async #begin(name: string): Promise<void> {
    const { redis, seed } = this.#options;
    const wire = new Wire(redis);
    const random = seededRandom(seed * 31 + this.figures.deaths * 7 + this.hosts.length + 1);
    const listeners: ChannelListener[] = [];
    const dispatcher = new Dispatcher({
      redis: wire,
      subscriber: {
        subscribe: (_, listener) => {
          listeners.push(listener);
          return () => undefined;
        },
      },
      clock: this.clock,
      precedence: new Precedence(this.clock),
      random,
      log: pino(
        { level: 'error' },
        { write: (line: string) => void this.#errors.push(new Error(`a node logged: ${line}`)) },
      ),
      nodeId: name,
      now: () => this.clock.now(),
    });
    const added = dispatcher.add(this.#pbx);
    const node = dispatcher.node(this.#pbx.id) as AcdNode;
    const host: Host = { name, dispatcher, wire, node, inbox: [], listener: listeners[0], alive: true };
    this.hosts.push(host);
    this.#let(added);
    host.listener?.(undefined);
  }

  async #carry(host: Host): Promise<void> {
    const request = host.wire.requests.shift();
    if (!request) return;
    host.wire.replies.push(request);
    await this.#carryOut(request);
  }

  async #carryOut(request: Wire['requests'][number]): Promise<void> {
    const nodesBefore = this.reference.nodes.size;
    const carried = await request.carryOut();
    this.figures.scripts++;
    if (carried.name === 'sync') this.figures.syncs++;
    const [, , ...args] = carried.argv;
    if (process.env.ACD_TRACE)
      console.log(
        this.figures.scripts,
        this.clock.now(),
        carried.name,
        JSON.stringify(args),
        JSON.stringify(carried.reply),
      );
    if (carried.name === 'answer' && String(carried.reply) === 'unknown') this.#unheard.add(String(args[0]));
    await this.#mark();
    const heard = this.#heard.splice(0);
    compare(
      this.reference,
      carried,
      heard.map(([channel, message]) => [channel, JSON.parse(message)]),
    );
    // A beat is many steps: one who came before may have been offered to another until the last of them.
    if (carried.name !== 'beat') this.#checkOrder(heard.map(([, message]) => JSON.parse(message)));
    const violations = this.reference.violations();
    if (violations.length > 0) throw new Error(`after ${carried.name}: ${violations.join('; ')}`);
    // A node that lives has been taken for dead.
    if (this.reference.nodes.size < nodesBefore) this.#disturbances++;
    for (const [channel, message] of heard)
      this.hosts.find(({ alive, wire, node }) => alive && wire.up && node.name === channel)?.inbox.push(message);
    if (this.#random.below(200) === 0) await this.#save();
  }

  /** First come, first served: nobody who waits, whom this agent might have been offered and who came earlier, is passed over. */
  #checkOrder(messages: readonly { type: string; call: string; agent: string; why: string }[]): void {
    for (const { type, call, agent } of messages) {
      const taken = this.reference.callers.get(call);
      if (type !== 'offer' || !taken) continue;
      const groups = this.reference.members.get(agent)?.groups.map(({ id }) => id) ?? [];
      const passed = this.reference
        .waiting()
        .find(
          (other) => groups.includes(other.group) && other.place < taken.place && !this.reference.refuses(other, agent),
        );
      if (passed) throw new Error(`${agent} is offered ${call}, but ${passed.call} came before`);
    }
  }

  /** Waits until everything that Redis has published so far has been heard. */
  async #mark(): Promise<void> {
    const mark = `mark-${this.#markCount++}`;
    const heard = new Promise<void>((resolve) => this.#marks.set(mark, resolve));
    await this.#options.redis.use((client) => client.publish(this.#keys.acdNode('mark'), mark));
    await heard;
  }

  async #listen(): Promise<void> {
    const listener = this.#listener;
    if (listener.status !== 'ready') await once(listener, 'ready');
    listener.on('pmessage', (_pattern: string, channel: string, message: string) => {
      if (channel !== this.#keys.acdNode('mark')) return this.#heard.push([channel, message]);
      this.#marks.get(message)?.();
      this.#marks.delete(message);
    });
    await listener.psubscribe(this.#keys.acdNode('*').replace(/[[\]{}]/g, '?'));
  }

  /** Everything that is under way arrives. */
  async #drain(): Promise<void> {
    for (let isQuiet = false; !isQuiet; ) {
      isQuiet = true;
      for (const host of this.hosts) {
        while (host.wire.requests.length > 0 || host.wire.replies.length > 0 || host.inbox.length > 0) {
          isQuiet = false;
          await this.#carry(host);
          host.wire.replies.shift()?.deliver();
          const message = host.inbox.shift();
          if (message !== undefined) host.listener?.(message);
          await settle();
          this.#rethrow();
        }
      }
    }
  }

  /** What is real, and what Redis has of nodes that live. */
  #checkAgreement(): void {
    const alive = new Set(this.hosts.filter((host) => host.alive).map(({ node }) => node.name));
    const same = (what: string, real: Iterable<string>, stored: Iterable<string>) => {
      const [ours, theirs] = [[...real].sort(), [...stored].sort()];
      const [extra, missing] = [
        theirs.filter((one) => !ours.includes(one)),
        ours.filter((one) => !theirs.includes(one)),
      ];
      if (extra.length > 0 || missing.length > 0)
        throw new Error(`${what}: Redis alone has [${extra}], the nodes alone have [${missing}]`);
    };
    const { callers, agents } = this.reference;
    const waiting = [...callers.values()].filter(({ node }) => alive.has(node));
    same(
      'callers',
      [...this.callers].map(({ request }) => request.call),
      waiting.map(({ call }) => call),
    );
    same(
      'offers',
      [...this.rings.values()].map(({ offer: { call, agent, token } }) => `${call}/${agent}/${token}`),
      waiting.flatMap(({ call, offers }) => [...offers].map(([agent, { token }]) => `${call}/${agent}/${token}`)),
    );
    same(
      'calls',
      [...this.conversations.values()].map(({ agent, call }) => `${agent}/${call}`),
      [...agents].flatMap(([agent, { calls }]) =>
        [...calls].filter(([, { node }]) => alive.has(node)).map(([call]) => `${agent}/${call}`),
      ),
    );
  }

  #ringing = (): Ring[] => [...this.rings.values()].filter(({ isAnswering }) => !isAnswering);

  #host(): Host {
    return pick(
      this.#random,
      this.hosts.filter(({ alive }) => alive),
    );
  }

  #employee = (): string => pick(this.#random, this.#pbx.document.employees).id;

  #accounts = (): string[] =>
    this.#pbx.document.employees.flatMap(({ accounts }) => accounts.map(({ user, domain }) => `${user}@${domain}`));

  /** As the registrar would do it. @param forMs 0: the registration ends */
  async #register(account: string, forMs = dayMs): Promise<void> {
    const until = this.clock.now() + forMs;
    const bindings = this.#keys.bindings();
    if (forMs > 0) {
      this.#registered.set(account, until);
      await this.#options.redis.use((client) => client.hset(bindings, account, JSON.stringify([{ expiresAt: until }])));
    } else {
      this.#registered.delete(account);
      await this.#options.redis.use((client) => client.hdel(bindings, account));
    }
  }

  /** Goes its way; what Redis cannot do while it is away is none of the test's business, anything else is. */
  #let(work: Promise<unknown> | undefined): void {
    work?.catch((error: unknown) => {
      if (error instanceof Error && error.name === 'RedisDownError') return;
      this.#errors.push(error);
    });
  }

  #rethrow(): void {
    if (this.#errors.length > 0) throw this.#errors[0];
  }
}

function pick<T>(random: Random, from: readonly T[]): T {
  const one = from[random.below(from.length)];
  if (one === undefined) throw new Error('nothing to pick from');
  return one;
}
