import { connect } from 'node:net';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../src/config/secret.ts';
import type { PbxVersion } from '../../src/config/version.ts';
import { EventFeed, EventLog } from '../../src/events/index.ts';
import { type HttpServer, startHttp } from '../../src/http/index.ts';
import * as schemas from '../../src/http/schemas.ts';
import { RedisDownError, RedisSubscriber } from '../../src/redis/index.ts';
import { systemClock } from '../../src/time/clock.ts';
import { systemRandom } from '../../src/time/random.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { Away, FakeNode } from '../support/http-ports.ts';
import { pbxOf } from '../support/pbx.ts';
import { somePbx, startTestRedis, type TestRedis } from '../support/redis.ts';
import { EventClient, type SeenEvent } from '../support/sse.ts';
import { eventually } from '../support/wait.ts';

const pbx = (id: string): PbxVersion => pbxOf({ pbx: { id, domains: [`${id}.example`] } });

let logged: { level: number; msg: string }[];
const log = pino({ level: 'debug' }, { write: (line: string) => logged.push(JSON.parse(line)) });
const servers: HttpServer[] = [];
const clients: EventClient[] = [];

beforeEach(() => {
  logged = [];
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await Promise.all(servers.splice(0).map((server) => server.close()));
  expect(logged.filter(({ level }) => level >= 50)).toEqual([]);
});

async function serve(
  options: Partial<Parameters<typeof startHttp>[0]> & Pick<Parameters<typeof startHttp>[0], 'ports'>,
) {
  const server = await startHttp({
    listen: { host: '127.0.0.1', port: 0 },
    token: undefined,
    clock: systemClock,
    log,
    ...options,
  });
  servers.push(server);
  return server;
}

async function open(server: HttpServer, query = '', options: Parameters<typeof EventClient.open>[1] = {}) {
  const client = await EventClient.open(`${server.url}/api/events${query}`, options);
  clients.push(client);
  return client;
}

const told = (events: readonly SeenEvent[]) => events.map(({ data }) => data.n);

describe('the stream of events', () => {
  let node: FakeNode;
  let clock: FakeClock;
  beforeEach(() => {
    node = new FakeNode(pbx('acme'), pbx('demo'));
    clock = new FakeClock();
  });
  const publish = (of: string, type: string, n: number) => node.events.publish(of, type, { type, n });

  it('begins with what to read anew, and tells from there on', async () => {
    publish('acme', 'call', 0);
    const client = await open(await serve({ ports: node.ports, clock }));
    await client.count('reset', 2);
    expect(client.named('reset').map(({ data }) => data)).toEqual([
      { pbx: 'acme', why: 'new' },
      { pbx: 'demo', why: 'new' },
    ]);
    publish('acme', 'call', 1);
    publish('demo', 'config', 2);
    await client.count('config', 1);
    expect(client.named('call', 'config')).toMatchObject([
      { event: 'call', data: { pbx: 'acme', seq: 2, type: 'call', n: 1 }, id: 'acme=1-2-t,demo=' },
      { event: 'config', data: { pbx: 'demo', seq: 1, type: 'config', n: 2 }, id: 'acme=1-2-t,demo=1-1-t' },
    ]);
  });

  it.each(['header', 'parameter'])('goes on where the client says that it stopped: as a %s', async (how) => {
    for (let n = 1; n <= 250; n++) publish('acme', 'call', n);
    const server = await serve({ ports: node.ports, clock });
    const id = 'acme=1-20-t';
    const client =
      how === 'header'
        ? await open(server, '?pbx=acme', { lastEventId: id })
        : await open(server, `?pbx=acme&after=${id}`);
    await client.count('call', 230);
    expect(told(client.named('call'))).toEqual(Array.from({ length: 230 }, (_, i) => i + 21));
    expect(client.named('reset')).toEqual([]);
  });

  it('says when what was missed is gone', async () => {
    for (let n = 1; n <= 10; n++) publish('acme', 'call', n);
    node.events.logs.get('acme')?.splice(0, 5);
    const server = await serve({ ports: node.ports, clock });
    const client = await open(server, '?pbx=acme', { lastEventId: 'acme=1-3-t' });
    await client.count('reset', 1);
    publish('acme', 'call', 11);
    await client.count('call', 1);
    expect(client.events.items).toMatchObject([
      { event: 'reset', data: { pbx: 'acme', why: 'gone' } },
      { event: 'call', data: { n: 11 } },
    ]);
  });

  it('tells only of the PBXs and types that were asked for, and goes on past the others', async () => {
    const client = await open(await serve({ ports: node.ports, clock }), '?pbx=acme&types=call,node');
    await client.count('reset', 1);
    for (const type of ['config', 'call', 'registration', 'node']) publish('acme', type, 1);
    publish('demo', 'call', 2);
    publish('acme', 'registration', 3);
    await client.count('node', 1);
    expect(client.events.items.map(({ event, data }) => [event, data.pbx])).toEqual([
      ['reset', 'acme'],
      ['call', 'acme'],
      ['node', 'acme'],
    ]);
    await clock.advanceAsync(15_000);
    // A sign of life says how far the client is, so that it is not sent back to what it did not want.
    await eventually(
      'the sign of life',
      () => client.lastEventId,
      (id) => id === 'acme=1-5-t',
    );
    expect(client.comments).toEqual(['still here']);
  });

  it('finds what no wake-up told of', async () => {
    const client = await open(await serve({ ports: node.ports, clock }), '?pbx=acme');
    await client.count('reset', 1);
    node.events.logs.set('acme', [{ number: 1, type: 'call', data: '{"type":"call","n":1}' }]);
    await clock.advanceAsync(15_000);
    expect(told(await client.count('call', 1))).toEqual([1]);
  });

  it('follows a PBX that the configuration gets later', async () => {
    const client = await open(await serve({ ports: node.ports, clock }));
    await client.count('reset', 2);
    node.pbxs.push(pbx('late'));
    node.pbxs.shift();
    await clock.advanceAsync(15_000);
    await client.count('reset', 3);
    publish('late', 'call', 1);
    publish('acme', 'call', 2);
    expect(await client.count('call', 1)).toMatchObject([{ data: { pbx: 'late' } }]);
    expect(client.lastEventId).not.toContain('acme');
  });

  it('says that Redis is away, and resumes without a gap', async () => {
    const client = await open(await serve({ ports: node.ports, clock }), '?pbx=acme');
    await client.count('reset', 1);
    publish('acme', 'call', 1);
    await client.count('call', 1);
    node.fails = new Away('Redis');
    publish('acme', 'call', 2);
    await client.count('paused', 1);
    await clock.advanceAsync(5000);
    node.fails = undefined;
    await clock.advanceAsync(1000);
    await client.count('call', 2);
    expect(client.events.items.map(({ event, data }) => [event, data.n ?? data.why])).toEqual([
      ['reset', 'new'],
      ['call', 1],
      ['paused', 'Redis cannot be reached now'],
      ['resumed', undefined],
      ['call', 2],
    ]);
  });

  it('may be asked for while Redis is away', async () => {
    node.fails = new Away('Redis');
    const client = await open(await serve({ ports: node.ports, clock }), '?pbx=acme');
    await client.count('paused', 1);
    node.fails = undefined;
    await clock.advanceAsync(1000);
    expect((await client.count('reset', 1))[0]?.data).toEqual({ pbx: 'acme', why: 'new' });
  });

  it('breaks off when something is wrong, and the log says what', async () => {
    const client = await open(await serve({ ports: node.ports, clock }), '?pbx=acme');
    await client.count('reset', 1);
    node.fails = new Error('a bug');
    publish('acme', 'call', 1);
    await client.closed;
    const found = logged.findIndex(({ level, msg }) => level === 50 && msg === 'stream of events broke off');
    expect(found).toBeGreaterThanOrEqual(0);
    logged.splice(found, 1);
  });

  it('drops a client that takes nothing, without keeping anything for it', async () => {
    const server = await serve({ ports: node.ports, clock });
    let reads = 0;
    const after = node.events.after.bind(node.events);
    node.events.after = (...of) => {
      reads++;
      return after(...of);
    };
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1').pause();
    socket.write('GET /api/events?pbx=acme HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    await eventually(
      'the stream',
      () => node.events.watchers,
      (count) => count === 1,
    );
    const long = 'x'.repeat(10_000);
    for (let n = 0; n < 5000; n++) node.events.publish('acme', 'call', { n, long });
    // 50 MB of events: what the kernel takes is taken, and then nothing more is read.
    const stuck = await eventually(
      'the client to be full',
      async () => {
        const before = reads;
        await new Promise((resolve) => setImmediate(resolve));
        return { reads, before };
      },
      (found) => found.reads === found.before && found.reads > 1,
    );
    expect(stuck.reads).toBeLessThan(50);
    await clock.advanceAsync(30_000);
    await eventually(
      'the end',
      () => node.events.watchers,
      (count) => count === 0,
    );
    expect(logged).toContainEqual(
      expect.objectContaining({ level: 40, msg: 'a client that takes no events was dropped' }),
    );
    expect(clock.pending).toBe(0);
    socket.destroy();
  });

  it('a client that is slow gets everything in its own time', async () => {
    const server = await serve({ ports: node.ports, clock });
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1').pause();
    socket.write('GET /api/events?pbx=acme HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    await eventually(
      'the stream',
      () => node.events.watchers,
      (count) => count === 1,
    );
    const long = 'x'.repeat(10_000);
    for (let n = 0; n < 2000; n++) node.events.publish('acme', 'call', { n, long });
    await clock.advanceAsync(20_000);
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += String(chunk).replaceAll(/x+/g, '');
    });
    socket.resume();
    await eventually(
      'the last event',
      () => text,
      (all) => all.includes('"n":1999,'),
    );
    expect([...text.matchAll(/"n":(\d+)/g)].map(([, n]) => Number(n))).toEqual(
      Array.from({ length: 2000 }, (_, n) => n),
    );
    socket.destroy();
  });

  it('leaves nothing behind when the client goes', async () => {
    const client = await open(await serve({ ports: node.ports, clock }));
    await client.count('reset', 2);
    await client.close();
    await eventually(
      'the end',
      () => node.events.watchers,
      (count) => count === 0,
    );
    await eventually(
      'the timers',
      () => clock.pending,
      (count) => count === 0,
    );
  });

  it('ends when the node stops, so that its clients go to another', async () => {
    const server = await serve({ ports: node.ports });
    const client = await open(server);
    await client.count('reset', 2);
    await server.close();
    await client.closed;
    expect(node.events.watchers).toBe(0);
  });

  it.each([
    ['?pbx=nobody', 404, 'no-such-pbx'],
    ['?types=call,nonsense', 400, 'bad-request'],
    ['?since=1', 400, 'bad-request'],
  ])('%s is refused: %i', async (query, status, code) => {
    const response = await fetch(`${(await serve({ ports: node.ports })).url}/api/events${query}`);
    expect([response.status, schemas.Failure.parse(await response.json()).code]).toEqual([status, code]);
  });

  it('is refused for more PBXs than a header can name', async () => {
    for (let n = 0; n < 50; n++) node.pbxs.push(pbx(`pbx${n}`));
    const response = await fetch(`${(await serve({ ports: node.ports })).url}/api/events`);
    expect([response.status, schemas.Failure.parse(await response.json()).code]).toEqual([400, 'too-many-pbxs']);
  });

  it('needs the token, as everything else', async () => {
    const server = await serve({ ports: node.ports, token: new Secret('Long-enough-1') });
    expect((await fetch(`${server.url}/api/events`)).status).toBe(401);
    await open(server, '', { token: 'Long-enough-1' });
  });
});

describe('with a real Redis', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startTestRedis();
  });
  afterAll(() => redis.stop());

  /** A node that serves the events of all, and has some of its own. */
  async function node(name: string, ...pbxs: string[]) {
    const connection = await redis.connect();
    const subscriber = new RedisSubscriber(connection);
    const events = new EventLog({ redis: connection, node: name, clock: systemClock, random: systemRandom, log });
    const feed = new EventFeed(connection, subscriber);
    const ports = {
      ...new FakeNode(...pbxs.map(pbx)).ports,
      events: feed,
      awayBackend: (error: unknown) => (error instanceof RedisDownError ? 'Redis' : undefined),
    };
    const server = await serve({ ports });
    return { server, events, close: () => events.close().then(() => subscriber.close()) };
  }

  it('each node tells the events of all, in the same order', async () => {
    const id = somePbx();
    const [a, b] = [await node('a', id), await node('b', id)];
    const [atA, atB] = [await open(a.server), await open(b.server)];
    await Promise.all([atA.count('reset', 1), atB.count('reset', 1)]);
    for (let n = 0; n < 100; n++) (n % 3 === 0 ? a : b).events.publish(id, 'call', { n });
    const [fromA, fromB] = await Promise.all([atA.count('call', 100), atB.count('call', 100)]);
    expect(told(fromB)).toEqual(told(fromA));
    expect(told(fromA).toSorted((x, y) => x - y)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(fromA.map(({ data }) => data.seq)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
    await Promise.all([a.close(), b.close()]);
  });

  it('a client goes on at another node', async () => {
    const id = somePbx();
    const [a, b] = [await node('a', id), await node('b', id)];
    const first = await open(a.server);
    await first.count('reset', 1);
    for (let n = 0; n < 10; n++) a.events.publish(id, 'call', { n });
    await first.count('call', 10);
    await first.close();
    for (let n = 10; n < 20; n++) a.events.publish(id, 'call', { n });
    const second = await open(b.server, '', { lastEventId: first.lastEventId });
    expect(told(await second.count('call', 10))).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    expect(second.named('reset')).toEqual([]);
    await Promise.all([a.close(), b.close()]);
  });

  it('Redis is killed under it: it says so, and goes on without a gap', async () => {
    const id = somePbx();
    const one = await node('a', id);
    const client = await open(one.server);
    await client.count('reset', 1);
    one.events.publish(id, 'call', { n: 0 });
    await client.count('call', 1);
    await redis.kill();
    for (let n = 1; n < 50; n++) one.events.publish(id, 'call', { n });
    expect(told(await client.count('call', 50))).toEqual(Array.from({ length: 50 }, (_, n) => n));
    expect(client.named('reset')).toHaveLength(1);
    expect(client.named('paused').length).toBe(client.named('resumed').length);
    await one.close();
  });

  it('a client that drops and comes again at random sees every event once, in order', async () => {
    const two = [await node('a', 'both-a', 'both-b'), await node('b', 'both-a', 'both-b')] as const;
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          do: fc.constant('publish' as const),
          at: fc.nat(1),
          pbx: fc.constantFrom('both-a', 'both-b'),
          count: fc.integer({ min: 1, max: 250 }),
        }),
      },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('drop' as const), back: fc.nat(1), seen: fc.nat(300) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const published: Record<string, number> = { 'both-a': 0, 'both-b': 0 };
        const seen: SeenEvent[] = [];
        let client = await EventClient.open(`${two[0].server.url}/api/events`);
        await client.count('reset', 2);
        const start = client.lastEventId;
        let last = start;
        for (const one of steps) {
          if (one.do === 'publish') {
            for (let i = 0; i < one.count; i++) {
              two[one.at as 0 | 1].events.publish(one.pbx, 'call', { n: (published[one.pbx] ?? 0) + i, by: one.at });
            }
            published[one.pbx] = (published[one.pbx] ?? 0) + one.count;
          } else {
            // In the middle of what it is being told, or before anything has come.
            await client.close();
            seen.push(
              ...client.named('call', 'reset').filter(({ event, data }) => event === 'call' || data.why !== 'new'),
            );
            last = client.lastEventId;
            client = await EventClient.open(`${two[one.back as 0 | 1].server.url}/api/events`, { lastEventId: last });
          }
        }
        const total = Object.values(published).reduce((sum, count) => sum + count, 0);
        await eventually(
          'all events',
          () => seen.length + client.named('call').length,
          (count) => count >= total,
        );
        await client.close();
        seen.push(...client.named('call', 'reset').filter(({ event, data }) => event === 'call' || data.why !== 'new'));
        expect(seen.filter(({ event }) => event === 'reset')).toEqual([]);
        for (const id of ['both-a', 'both-b']) {
          const mine = seen.filter(({ data }) => data.pbx === id);
          const seqs = mine.map(({ data }) => data.seq);
          expect(seqs).toEqual(seqs.map((_, i) => (seqs[0] ?? 0) + i));
          expect(told(mine).toSorted((x, y) => x - y)).toEqual(Array.from({ length: published[id] ?? 0 }, (_, n) => n));
          for (const by of [0, 1]) {
            const ofNode = told(mine.filter(({ data }) => data.by === by));
            expect(ofNode).toEqual(ofNode.toSorted((x, y) => x - y));
          }
        }
      }),
      { numRuns: 25 },
    );
    await Promise.all(two.map((one) => one.close()));
  });
});
