import pino from 'pino';
import { Dispatcher } from '../../../src/acd/dispatcher.ts';
import type { AcdNode, CallerEvents, OverReason } from '../../../src/acd/node.ts';
import type { AcdStore, Offer, QueueRequest } from '../../../src/acd/store.ts';
import type { PbxVersion } from '../../../src/config/version.ts';
import type { RedisConnection } from '../../../src/redis/connection.ts';
import { RedisSubscriber } from '../../../src/redis/subscriber.ts';
import { type Clock, systemClock } from '../../../src/time/clock.ts';
import { Precedence } from '../../../src/time/precedence.ts';
import { systemRandom } from '../../../src/time/random.ts';
import type { FakeClock } from '../fake-clock.ts';
import { Inbox } from '../wait.ts';

type Heard =
  | { readonly type: 'offered'; readonly offer: Offer }
  | { readonly type: 'withdrawn'; readonly token: number }
  | { readonly type: 'over'; readonly reason: OverReason };

/** A caller in a queue of a real node, and what he is told. */
export class Visitor implements CallerEvents {
  readonly call: string;
  readonly heard: Inbox<Heard>;
  #read = 0;

  constructor(call: string) {
    this.call = call;
    this.heard = new Inbox(call);
  }

  offered(offer: Offer): void {
    this.heard.push({ type: 'offered', offer });
  }

  withdrawn({ token }: Pick<Offer, 'token'>): void {
    this.heard.push({ type: 'withdrawn', token });
  }

  over(reason: OverReason): void {
    this.heard.push({ type: 'over', reason });
  }

  /** The next offer that has not been looked at yet. */
  async offer(): Promise<Offer> {
    const { item, index } = await this.heard.find('an offer', ({ type }) => type === 'offered', this.#read);
    this.#read = index + 1;
    return (item as Extract<Heard, { type: 'offered' }>).offer;
  }

  withdrawal = (token: number) =>
    this.heard.find('the withdrawal', (one) => one.type === 'withdrawn' && one.token === token);

  end = async (): Promise<OverReason> =>
    ((await this.heard.find('the end', ({ type }) => type === 'over')).item as Extract<Heard, { type: 'over' }>).reason;
}

/** A node of the engine as far as the ACD is concerned, on a real Redis. With a fake clock that is also the time in Redis. */
export class Station {
  readonly node: AcdNode;
  readonly store: AcdStore;
  readonly dispatcher: Dispatcher;
  readonly pbx: PbxVersion;
  readonly #subscriber: RedisSubscriber;
  #calls = 0;
  readonly #name: string;

  private constructor(
    name: string,
    pbx: PbxVersion,
    dispatcher: Dispatcher,
    subscriber: RedisSubscriber,
    node: AcdNode,
  ) {
    this.#name = name;
    this.pbx = pbx;
    this.dispatcher = dispatcher;
    this.store = dispatcher.store;
    this.#subscriber = subscriber;
    this.node = node;
  }

  static async open(redis: RedisConnection, pbx: PbxVersion, name = 'one', fake?: FakeClock): Promise<Station> {
    const subscriber = new RedisSubscriber(redis);
    const clock: Clock = fake ?? systemClock;
    const dispatcher = new Dispatcher({
      ...{ redis, subscriber, clock, precedence: new Precedence(clock), random: systemRandom, nodeId: name },
      log: pino({ level: 'silent' }),
      ...(fake ? { now: () => fake.now() } : {}),
    });
    return new Station(name, pbx, dispatcher, subscriber, await dispatcher.add(pbx));
  }

  close(): void {
    this.dispatcher.close();
    this.#subscriber.close();
  }

  async enter(more: Partial<QueueRequest> = {}): Promise<Visitor> {
    const visitor = new Visitor(`${this.#name}-${this.#calls++}`);
    await this.node.enqueue(
      {
        ...{ call: visitor.call, group: 'sales', number: '', ringMs: 20_000, maxWaitMs: 0, maxLength: 0, wrapUpMs: 0 },
        ...{ waits: true, familiar: false, ...more },
      },
      visitor,
    );
    return visitor;
  }

  /** What is left of anybody: empty when no agent is stuck and no ghost is in a queue. */
  async remains(): Promise<string[]> {
    const { employees, groups } = this.pbx.document;
    const ids = employees.map(({ id }) => id);
    const agents = await this.store.agents(this.pbx.id, ids);
    const callers = (await Promise.all(groups.map(({ id }) => this.store.queue(this.pbx.id, id)))).flat();
    return [
      ...callers.map(({ call }) => `${call} waits`),
      ...agents.flatMap(({ employee, reservation, calls }) => [
        ...(reservation ? [`${employee} is reserved for ${reservation.call}`] : []),
        ...Object.keys(calls).map((call) => `${employee} is in ${call}`),
      ]),
    ];
  }
}
