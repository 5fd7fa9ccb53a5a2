import { fileURLToPath } from 'node:url';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AcdNode, type OverReason } from '../../../src/acd/node.ts';
import { AcdStore, type Offer } from '../../../src/acd/store.ts';
import type { PbxVersion } from '../../../src/config/version.ts';
import { Precedence } from '../../../src/time/precedence.ts';
import { systemRandom } from '../../../src/time/random.ts';
import { group, staff } from '../../support/acd/desk.ts';
import { Station } from '../../support/acd/station.ts';
import { Wire } from '../../support/acd/wire.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { pbxOf } from '../../support/pbx.ts';
import { Program } from '../../support/process.ts';
import { somePbx, startTestRedis, type TestRedis } from '../../support/redis.ts';
import { eventually } from '../../support/wait.ts';

/** One redis-server for this file alone: it is killed. */
let redis: TestRedis;
const stations: Station[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(() => {
  for (const station of stations.splice(0)) station.close();
});
afterAll(() => redis.stop());

const members = ['anna', 'boris', 'clara'];
const documentOf = (algorithm: string, of: readonly string[] = members) => ({
  pbx: { id: somePbx(), domains: ['acme.example'] },
  employees: staff(of),
  groups: [group('sales', of, { algorithm })],
});

async function open(pbx: PbxVersion, name = 'one', clock?: FakeClock): Promise<Station> {
  const station = await Station.open(await redis.connect(), pbx, name, clock);
  stations.push(station);
  return station;
}

/** A node whose time is moved by hand. */
async function calm(algorithm: string, of: readonly string[] = members): Promise<Station & { clock: FakeClock }> {
  const clock = new FakeClock();
  return Object.assign(await open(pbxOf(documentOf(algorithm, of)), 'one', clock), { clock });
}

/** So much later, in steps in which all that Redis has to say is heard. */
async function later(station: Station & { clock: FakeClock }, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 500) {
    await station.clock.advanceAsync(Math.min(500, left));
    // Whoever asks gets the next beat: what was under way is done then.
    await station.node.catchUp();
  }
}

const clean = (station: Station) =>
  eventually(
    'nothing left behind',
    () => station.remains(),
    (left) => left.length === 0,
  );

describe('a node that is killed', () => {
  it('leaves no agent stuck and no ghost in a queue for longer than 5 s; its callers may have their places back', async () => {
    const document = documentOf('sequential');
    const station = await open(pbxOf(document));
    const script = fileURLToPath(new URL('../../support/acd/node-process.ts', import.meta.url));
    const { socket, password } = redis.server;
    const doomed = await Program.start(process.execPath, [script, socket, password, JSON.stringify(document)]);
    await doomed.lines.find('ready', (line) => line === 'ready');
    const before = await station.remains();
    expect(before).toHaveLength(5);
    const own = await station.enter();
    await doomed.stop('SIGKILL');
    const killed = performance.now();
    // Freed agents get who waits at once: no one has to ask for it.
    const offer = await own.offer();
    await eventually(
      'only the own caller',
      () => station.remains(),
      (left) => left.length === 2,
    );
    expect(performance.now() - killed).toBeLessThan(5000);
    await station.node.answer(offer);
    await station.node.endCall(offer.agent, offer.call);
    expect(await station.remains()).toEqual([]);
    expect(await station.store.figures(station.pbx.id, 'sales')).toMatchObject({ lost: 2, answered: 2 });
    // He whom it had in the queue rings again, and stands before one who came later.
    for (const agent of members) await station.store.setStatus(station.pbx.id, agent, { name: 'break', base: 'break' });
    const other = await station.enter();
    const back = await station.enter({ number: '79990000003' });
    expect((await station.store.queue(station.pbx.id, 'sales')).map(({ call }) => call)).toEqual([
      back.call,
      other.call,
    ]);
  });

  it('and started again gives up at once what its former run had', async () => {
    const document = documentOf('sequential');
    const former = await open(pbxOf(document), 'one');
    const visitor = await former.enter();
    await visitor.offer();
    const witness = await open(pbxOf(document), 'two');
    expect(await witness.remains()).toHaveLength(2);
    former.close();
    await open(pbxOf(document), 'one');
    const begun = performance.now();
    await clean(witness);
    expect(performance.now() - begun).toBeLessThan(2000);
  });
});

describe('Redis killed and started again', () => {
  const restart = async () => {
    const { pid } = redis.server;
    await redis.kill();
    await eventually(
      'another redis-server',
      () => redis.server.pid,
      (now) => now !== pid,
    );
  };

  it.each(['with its data', 'without its data'])(
    '%s: who waits goes on waiting in his place, who talks goes on talking',
    async (how) => {
      const document = documentOf('sequential');
      const [one, two] = [await open(pbxOf(document), 'one'), await open(pbxOf(document), 'two')];
      await two.node.setStatus('clara', { name: 'break', base: 'break' });
      const talking = await one.enter();
      const conversation = await talking.offer();
      await one.node.answer(conversation);
      const ringing = await two.enter();
      const offer = await ringing.offer();
      const first = await one.enter();
      const second = await two.enter();
      if (how === 'without its data') {
        const connection = await redis.connect();
        await connection.use((client) => client.flushall());
      }
      await restart();
      const order = () => one.store.queue(one.pbx.id, 'sales').catch(() => []);
      const queue = await eventually('three callers', order, (found) => found.length === 3);
      expect(queue.map(({ call }) => call)).toEqual([ringing.call, first.call, second.call]);
      const [anna] = await eventually(
        'the conversation',
        () => one.store.agents(one.pbx.id, ['anna']).catch(() => []),
        ([state]) => Object.keys(state?.calls ?? {}).length === 1,
      );
      expect(anna?.unavailable).toBe('inCall');
      // What a person has set is not lost either: the node remembers it.
      await eventually(
        'the status',
        () => one.store.agents(one.pbx.id, ['clara']),
        ([state]) => state?.base === 'break',
      );
      // Without its data the phone that rang is silent, and rings anew for whoever is put back first.
      if (how === 'without its data') await ringing.withdrawal(offer.token);
      await one.node.endCall(conversation.agent, conversation.call);
      const left = [
        {
          node: two.node,
          call: ringing.call,
          next: how === 'with its data' ? Promise.resolve(offer) : ringing.offer(),
        },
        { node: one.node, call: first.call, next: first.offer() },
        { node: two.node, call: second.call, next: second.offer() },
      ];
      while (left.length > 0) {
        const given = await Promise.race(left.map(({ next }) => next));
        const [served] = left.splice(
          left.findIndex(({ call }) => call === given.call),
          1,
        );
        expect((await served?.node.answer(given))?.outcome).toBe('connected');
        await served?.node.endCall(given.agent, given.call);
      }
      await clean(one);
    },
  );

  it('an agent who answers while it is away gets his caller, and Redis learns of it', async () => {
    const station = await open(pbxOf(documentOf('sequential')));
    const visitor = await station.enter();
    const offer = await visitor.offer();
    const { pid } = redis.server;
    process.kill(pid, 'SIGKILL');
    expect((await station.node.answer(offer)).outcome).toBe('connected');
    const remains = () => station.remains().catch(() => []);
    const left = await eventually('the conversation', remains, ([first]) => first?.includes(' is in ') ?? false);
    expect(left).toEqual([`anna is in ${visitor.call}`]);
    await station.node.endCall('anna', visitor.call);
    await clean(station);
  });

  it('an agent who answers the moment it comes back without its data gets his caller too', async () => {
    const station = await open(pbxOf(documentOf('sequential')));
    const visitor = await station.enter();
    const offer = await visitor.offer();
    const connection = await redis.connect();
    await connection.use((client) => client.flushall());
    expect((await station.node.answer(offer)).outcome).toBe('connected');
    const left = await eventually(
      'the conversation',
      () => station.remains(),
      ([first]) => first !== undefined,
    );
    expect(left).toEqual([`anna is in ${visitor.call}`]);
    await station.node.endCall('anna', visitor.call);
    await clean(station);
  });

  it('who leaves while it is away is no ghost when it is back', async () => {
    const station = await open(pbxOf(documentOf('sequential', ['anna'])));
    const [first, second] = [await station.enter(), await station.enter()];
    await first.offer();
    process.kill(redis.server.pid, 'SIGKILL');
    await station.node.leave(first.call, 'abandoned', 0);
    expect((await second.offer()).agent).toBe('anna');
    await station.node.leave(second.call, 'abandoned', 0);
    await clean(station);
  });

  it('away for good: who waits is let go after 10 s', async () => {
    const station = await calm('sequential', ['anna']);
    const [first, second] = [await station.enter(), await station.enter()];
    station.node.redisDown();
    station.clock.advance(9999);
    expect(second.heard.items).toEqual([]);
    // That another connection is back, which only listens, changes nothing.
    await station.node.catchUp();
    station.clock.advance(1);
    expect(await Promise.all([first.end(), second.end()])).toEqual(['redisAway', 'redisAway']);
    await station.node.redisUp();
    await clean(station);
  });
});

describe('a phone', () => {
  it('that rings for ever, with a node that does not notice: the offer ends 5 s after the last ring', async () => {
    const station = await calm('sequential', ['anna', 'boris']);
    const visitor = await station.enter({ ringMs: 10_000 });
    const offer = await visitor.offer();
    await later(station, 15_000);
    await visitor.withdrawal(offer.token);
    expect(await visitor.offer()).toMatchObject({ agent: 'boris' });
    expect((await station.store.agents(station.pbx.id, ['anna']))[0]?.unavailable).toBeUndefined();
    expect((await station.node.answer(offer)).outcome).toBe('gone');
    await station.node.leave(visitor.call, 'abandoned', 0);
    expect(await station.remains()).toEqual([]);
  });

  it('that is picked up while an offer to another is still on its way: that is taken back on the same way', async () => {
    const station = await calm('all', ['anna', 'boris']);
    const visitor = await station.enter();
    const [hers, his] = [await visitor.offer(), await visitor.offer()];
    // As far as this node knows nobody has: it would not take back what it has not heard of yet.
    expect(await station.store.pickUp(station.pbx.id, hers)).toBe('held');
    await visitor.withdrawal(his.token);
    expect((await station.node.answer(hers)).outcome).toBe('connected');
    await station.node.endCall('anna', visitor.call);
    expect(await station.remains()).toEqual([]);
  });

  it.each(['the answer first', 'the refusal first'])(
    'that declines at the instant of the answer of another: %s',
    async (order) => {
      const station = await calm('all', ['anna', 'boris']);
      const [first, second] = [await station.enter(), await station.enter()];
      const [hers, his] = [await first.offer(), await first.offer()];
      const answer = () => station.node.answer(hers);
      const refuse = () => station.node.miss(his, 'refused', 0);
      const done = order === 'the answer first' ? [answer(), refuse()] : [refuse(), answer()];
      const outcomes = (await Promise.all(done)).map((one) => (typeof one === 'string' ? one : one.outcome));
      expect(outcomes).toContain('connected');
      // His refusal came too late to count: he rings for the next. Or it counted, and he rests first.
      if (order === 'the refusal first') await later(station, 5000);
      expect((await second.offer()).agent).toBe('boris');
      await station.node.endCall('anna', first.call);
      await station.node.leave(second.call, 'abandoned', 0);
      expect(await station.remains()).toEqual([]);
    },
  );

  it('that answers at the instant of the answer of another gets nobody', async () => {
    const station = await calm('all', ['anna', 'boris']);
    const visitor = await station.enter();
    const offers = [await visitor.offer(), await visitor.offer()];
    const answers = await Promise.all(offers.map((offer) => station.node.answer(offer)));
    expect(answers.map(({ outcome }) => outcome)).toEqual(['connected', 'gone']);
    await station.node.endCall('anna', visitor.call);
    expect(await station.remains()).toEqual([]);
  });
});

/** A node whose scripts are carried to Redis when the test says so, one after the other, and which hears no more than it is told here. */
async function slow(algorithm: string, of: readonly string[]) {
  const pbx = pbxOf(documentOf(algorithm, of));
  const connection = await redis.connect();
  const clock = new FakeClock();
  const wire = new Wire(connection);
  const store = new AcdStore(connection, systemRandom, () => clock.now());
  const node = new AcdNode(pbx, {
    store: new AcdStore(wire, systemRandom, () => clock.now()),
    ...{ clock, precedence: new Precedence(clock), log: pino({ level: 'silent' }), nodeId: 'one', run: 'run' },
  });
  /** @param between what happens after Redis has done it, before the node hears of it */
  const carry = async (between?: () => Promise<void>) => {
    const request = wire.requests.shift();
    if (!request) throw new Error('the node asks for nothing more');
    await request.carryOut();
    await between?.();
    request.deliver();
    await settle();
  };
  const arrive = async () => {
    while (wire.requests.length > 0) await carry();
  };
  const over: OverReason[] = [];
  const offered: string[] = [];
  /** Somebody calls, and is offered to whom there is. */
  const enter = async (waits: boolean) => {
    const request = { call: 'c', group: 'sales', number: '', ringMs: 20_000, maxWaitMs: 0, maxLength: 0, wrapUpMs: 0 };
    const events = {
      offered: (one: Offer) => offered.push(one.agent),
      withdrawn: () => undefined,
      over: (why: OverReason) => over.push(why),
    };
    void node.enqueue({ ...request, waits, familiar: false }, events);
    await arrive();
  };
  const agent = async (id: string) => (await store.agents(pbx.id, [id]))[0];
  const queue = () => store.queue(pbx.id, 'sales');
  const offer = async (id: string) => ({ call: 'c', agent: id, token: (await queue())[0]?.offers[id] ?? 0 });
  void node.start();
  await arrive();
  return { node, over, offered, carry, arrive, enter, agent, offer, queue };
}

describe('a node that says what it has while something is on its way', () => {
  it('does not leave a caller in the queue whose wait was over', async () => {
    const { node, over, carry, arrive, enter, agent, offer, queue } = await slow('sequential', ['anna', 'boris']);
    // Boris talks; Anna alone is rung for one who does not wait for another.
    void node.beginCall('boris', 'own', { talks: true });
    await enter(false);
    void node.miss(await offer('anna'), 'noAnswer', 10_000);
    void node.endCall('boris', 'own');
    await arrive();
    // It is over, and the node has not heard of it when it says whom it has: so he is put back, and Boris is free for him.
    void node.catchUp();
    while (over.length === 0) {
      await carry(async () => {
        if ((await queue()).length > 0)
          node.told(JSON.stringify({ type: 'over', call: 'c', reason: 'nobodyAnswered' }));
      });
    }
    await arrive();
    expect(await queue()).toEqual([]);
    expect(await agent('boris')).toMatchObject({ isFree: true });
    node.stop();
  });

  it('is told of an offer that it has missed, also while another agent asks for that caller', async () => {
    const { node, offered, carry, arrive, enter } = await slow('sequential', ['anna', 'boris']);
    await enter(true);
    // That anna is to be rung was told while the node could not hear it; boris answers for an offer that is over.
    void node.catchUp();
    const refused = node.answer({ call: 'c', agent: 'boris', token: 1 });
    await carry();
    expect(offered).toEqual([]);
    await arrive();
    expect(await refused).toEqual({ outcome: 'gone' });
    expect(offered).toEqual(['anna']);
    node.stop();
  });

  it('does not give up the call of one who has just got his caller, when another was refused him', async () => {
    const { node, carry, arrive, enter, agent, offer } = await slow('all', ['anna', 'boris']);
    await enter(true);
    const [hers, his] = [await offer('anna'), await offer('boris')];
    void node.pickUp(hers);
    await arrive();
    const refused = node.answer(his);
    void node.catchUp();
    const connected = node.answer(hers);
    await carry();
    expect(await refused).toEqual({ outcome: 'gone' });
    await arrive();
    expect((await connected).outcome).toBe('connected');
    expect(Object.keys((await agent('anna'))?.calls ?? {})).toEqual(['c']);
    node.stop();
  });
});

describe('a caller who hangs up at the instant of the answer', () => {
  it.each(['the answer first', 'the hang-up first'])('%s: the agent is free, and no one waits', async (order) => {
    const station = await calm('sequential', ['anna']);
    const [first, second] = [await station.enter(), await station.enter()];
    const offer = await first.offer();
    const answer = () => station.node.answer(offer);
    const leave = () => station.node.leave(first.call, 'abandoned', 0);
    const [answered] =
      order === 'the answer first'
        ? await Promise.all([answer(), leave()])
        : (await Promise.all([leave(), answer()])).toReversed();
    expect(answered).toEqual({ outcome: 'gone' });
    expect((await second.offer()).agent).toBe('anna');
    await station.node.leave(second.call, 'abandoned', 0);
    expect(await station.remains()).toEqual([]);
  });

  it('and while he is still entering', async () => {
    const station = await calm('sequential', ['anna']);
    const entering = station.enter();
    await station.node.leave('one-0', 'abandoned', 0);
    await entering;
    expect(await station.remains()).toEqual([]);
    expect(station.node.waiting).toBe(0);
  });
});

describe('messages', () => {
  it('that come twice or too late ring nobody twice', async () => {
    const station = await calm('sequential', ['anna', 'boris']);
    const visitor = await station.enter();
    const offer = await visitor.offer();
    const message = JSON.stringify({ type: 'offer', ...offer });
    station.node.told(message);
    await station.node.miss(offer, 'noAnswer', 0);
    station.node.told(message);
    const next = await visitor.offer();
    expect(next.agent).toBe('boris');
    // A withdrawal overtakes its offer.
    station.node.told(JSON.stringify({ type: 'withdraw', call: visitor.call, agent: 'anna', token: 1 }));
    station.node.told(JSON.stringify({ type: 'offer', ...offer, token: 1 }));
    expect(visitor.heard.items.filter(({ type }) => type === 'offered')).toHaveLength(2);
    await station.node.answer(next);
    station.node.told(JSON.stringify({ type: 'offer', ...next, token: next.token + 1 }));
    await station.node.endCall('boris', visitor.call);
    expect(await station.remains()).toEqual([]);
  });

  it('that are lost are made up for by the next sync', async () => {
    const document = documentOf('sequential', ['anna']);
    const clock = new FakeClock();
    const deaf = await open(pbxOf(document), 'one', clock);
    const other = await open(pbxOf(document), 'two', clock);
    await other.node.beginCall('anna', 'own');
    const visitor = await deaf.enter();
    const tell = deaf.node.told.bind(deaf.node);
    deaf.node.told = () => undefined;
    await other.node.endCall('anna', 'own');
    await deaf.node.catchUp();
    deaf.node.told = tell;
    expect((await visitor.offer()).agent).toBe('anna');
    await deaf.node.leave(visitor.call, 'abandoned', 0);
    expect(await deaf.remains()).toEqual([]);
  });
});
