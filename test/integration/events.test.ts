import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EventFeed, EventLog } from '../../src/events/index.ts';
import type { EventLogLimits } from '../../src/events/log.ts';
import { addEvents } from '../../src/events/scripts.ts';
import { Keys, type RedisConnection, RedisSubscriber } from '../../src/redis/index.ts';
import { systemClock } from '../../src/time/clock.ts';
import { systemRandom } from '../../src/time/random.ts';
import { somePbx, startTestRedis, type TestRedis } from '../support/redis.ts';
import { eventually } from '../support/wait.ts';

let server: TestRedis;
let redis: RedisConnection;
let feed: EventFeed;
let subscriber: RedisSubscriber;
const opened: EventLog[] = [];

beforeAll(async () => {
  server = await startTestRedis();
  redis = await server.connect();
  subscriber = new RedisSubscriber(redis);
  feed = new EventFeed(redis, subscriber);
});
afterAll(async () => {
  await Promise.all(opened.map((log) => log.close()));
  subscriber.close();
  await server.stop();
});

const silent = pino({ level: 'silent' });

function publisher(node: string, limits: Partial<EventLogLimits> = {}, connection = redis): EventLog {
  const log = new EventLog({ redis: connection, node, clock: systemClock, random: systemRandom, log: silent, limits });
  opened.push(log);
  return log;
}

/** Everything after the cursor, once there are so many; `n` of each. */
async function told(pbx: string, cursor: string, count: number): Promise<{ ns: unknown[]; cursor: string }> {
  const batch = await eventually(
    `${count} events`,
    () => feed.after(pbx, cursor, 10_000),
    (answer) => answer.outcome === 'gone' || answer.events.length >= count,
  );
  if (batch.outcome === 'gone') throw new Error('gone');
  return {
    ns: batch.events.map(({ data }) => (JSON.parse(data) as { n: unknown }).n),
    cursor: batch.events.at(-1)?.cursor ?? cursor,
  };
}

const gone = (cursor: unknown) => ({ outcome: 'gone', cursor });

describe('the log of a PBX', () => {
  it('begins empty, and tells from there on', async () => {
    const pbx = somePbx();
    expect(await feed.after(pbx, undefined, 10)).toEqual(gone(''));
    expect(await feed.after(pbx, '', 10)).toEqual({ outcome: 'events', events: [] });
    const log = publisher('a');
    log.publish(pbx, 'call', { n: 1 });
    log.publish(pbx, 'queue', { n: 2 });
    await told(pbx, '', 2);
    const batch = await feed.after(pbx, '', 10);
    if (batch.outcome === 'gone') throw new Error('gone');
    expect(batch.events.map(({ type }) => type)).toEqual(['call', 'queue']);
    expect(JSON.parse(batch.events[0]?.data ?? '')).toMatchObject({ type: 'call', node: 'a', n: 1 });
    expect(batch.events.map(({ cursor }) => cursor.split('-')[1])).toEqual(['1', '2']);
  });

  it('is kept for a day from its newest event, an hour more or less', async () => {
    const pbx = somePbx();
    const events = new Keys(pbx).events();
    const day = 86_400_000;
    const put = async (at: number) => {
      const batch = [{ tag: `at-${at}`, type: 'call', data: '{}' }];
      await addEvents(redis, pbx, { now: at, after: '', broken: false, repeated: false, keep: '', batch });
      return redis.use((client) => client.pttl(events));
    };
    const end = await put(0);
    expect(end).toBeGreaterThan(day - 60_000);
    await redis.use((client) => client.pexpire(events, day - 3_000_000));
    // Not put off for each event.
    expect(await put(3_000_000)).toBeLessThanOrEqual(day - 3_000_000);
    expect(await put(3_600_000)).toBeGreaterThan(day - 60_000);
    // A log that was lost has its end from its first event.
    await redis.use((client) => client.del(events));
    expect(await put(3_700_000)).toBeGreaterThan(day - 60_000);
  });

  it('keeps the order of each node, and numbers the events of all without a gap', async () => {
    const pbx = somePbx();
    const [a, b] = [publisher('a', { batch: 7 }), publisher('b', { batch: 3 })];
    for (let n = 0; n < 500; n++) {
      a.publish(pbx, 'call', { n: `a${n}` });
      b.publish(pbx, 'call', { n: `b${n}` });
    }
    const { ns, cursor } = await told(pbx, '', 1000);
    for (const node of ['a', 'b']) {
      expect(ns.filter((n) => String(n).startsWith(node))).toEqual(Array.from({ length: 500 }, (_, n) => node + n));
    }
    expect(cursor.split('-')[1]).toBe('1000');
  });

  it('tells those who watch, once the subscription has begun', async () => {
    const pbx = somePbx();
    const woken = { count: 0 };
    const off = feed.watch(pbx, () => woken.count++);
    await eventually(
      'the subscription',
      () => woken.count,
      (count) => count === 1,
    );
    publisher('a').publish(pbx, 'call', { n: 1 });
    await eventually(
      'the message',
      () => woken.count,
      (count) => count === 2,
    );
    off();
  });

  it('forgets the oldest, and says so', async () => {
    const pbx = somePbx();
    const log = publisher('a', { keep: 10 });
    log.publish(pbx, 'call', { n: 0 });
    const { cursor: early } = await told(pbx, '', 1);
    for (let n = 1; n < 1000; n++) log.publish(pbx, 'call', { n });
    const newest = await eventually(
      'the last event',
      () => feed.after(pbx, undefined, 1),
      ({ outcome }) => outcome === 'gone',
    ).then(() =>
      eventually(
        'all',
        () => feed.after(pbx, undefined, 1),
        (batch) => batch.outcome === 'gone' && batch.cursor.split('-')[1] === '1000',
      ),
    );
    expect(await feed.after(pbx, early, 10)).toEqual(newest);
    expect(await feed.after(pbx, '', 10)).toEqual(newest);
  });

  it.each(['nonsense', '1-1-x', '99999999999999999999-1-x', '1-1-', 'a=b'])('does not know %s', async (cursor) => {
    const pbx = somePbx();
    publisher('a').publish(pbx, 'call', { n: 1 });
    const { cursor: last } = await told(pbx, '', 1);
    expect(await feed.after(pbx, cursor, 10)).toEqual(gone(last));
  });
});

describe('when Redis forgets', () => {
  it('all of it: a new epoch begins, and nobody goes on from the old one', async () => {
    const pbx = somePbx();
    const log = publisher('a');
    for (let n = 0; n < 3; n++) log.publish(pbx, 'call', { n });
    const { cursor } = await told(pbx, '', 3);
    await redis.use((client) => client.del(new Keys(pbx).events()));
    for (let n = 0; n < 5; n++) log.publish(pbx, 'call', { n });
    await told(pbx, '', 5);
    expect((await feed.after(pbx, cursor, 10)).outcome).toBe('gone');
  });

  it('the last events: others that took their numbers are not taken for them', async () => {
    const pbx = somePbx();
    const [a, b] = [publisher('a'), publisher('b')];
    b.publish(pbx, 'call', { n: 'b1' });
    const { cursor: first } = await told(pbx, '', 1);
    a.publish(pbx, 'call', { n: 'a1' });
    a.publish(pbx, 'call', { n: 'a2' });
    const { cursor } = await told(pbx, first, 2);
    // A replica that was promoted without the last writes.
    const id = (text: string) => text.split('-').slice(0, 2).join('-');
    const key = new Keys(pbx).events();
    await redis.use(async (client) => {
      const [entry] = await client.xrange(key, id(first), id(first));
      await client.del(key);
      await client.xadd(key, entry?.[0] ?? '', ...(entry?.[1] ?? []));
    });
    b.publish(pbx, 'call', { n: 'b2' });
    b.publish(pbx, 'call', { n: 'b3' });
    expect((await told(pbx, first, 2)).ns).toEqual(['b2', 'b3']);
    expect((await feed.after(pbx, cursor, 10)).outcome, 'the reader of what was lost').toBe('gone');
    // The publisher of what was lost finds out, and so does everybody else.
    a.publish(pbx, 'call', { n: 'a3' });
    await eventually(
      'a new epoch',
      () => feed.after(pbx, first, 10),
      ({ outcome }) => outcome === 'gone',
    );
  });
});

describe('while Redis is away', () => {
  it('events wait, and are told once and in their order', async () => {
    const away = await startTestRedis();
    try {
      const connection = await away.connect();
      const log = publisher('a', { pauseMs: 10 }, connection);
      const pbx = somePbx();
      const own = new EventFeed(connection, subscriber);
      let n = 0;
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 50; i++) log.publish(pbx, 'call', { n: n++ });
        const back = Promise.withResolvers<void>();
        const off = connection.on('up', () => back.resolve());
        // Killed with commands under way; the private server is started again with its data.
        process.kill(away.server.pid, 'SIGKILL');
        for (let i = 0; i < 50; i++) log.publish(pbx, 'call', { n: n++ });
        await back.promise;
        off();
      }
      const batch = await eventually(
        'all events',
        () => own.after(pbx, '', 10_000).catch(() => undefined),
        (answer) => answer?.outcome === 'events' && answer.events.length >= n,
      );
      expect(batch?.outcome === 'events' && batch.events.map(({ data }) => JSON.parse(data).n)).toEqual(
        Array.from({ length: n }, (_, i) => i),
      );
      await log.close();
    } finally {
      await away.stop();
    }
  });

  it('more than can wait are thrown away, and the readers are told to begin anew', async () => {
    const away = await startTestRedis();
    try {
      const connection = await away.connect();
      const log = publisher('a', { waiting: 10, pauseMs: 10 }, connection);
      const pbx = somePbx();
      const own = new EventFeed(connection, subscriber);
      log.publish(pbx, 'call', { n: 0 });
      const first = await eventually(
        'the first',
        () => own.after(pbx, '', 10),
        (answer) => answer.outcome === 'events' && answer.events.length === 1,
      );
      const cursor = first.outcome === 'events' ? (first.events[0]?.cursor ?? '') : '';
      const [down, back] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      connection.on('down', () => down.resolve());
      connection.on('up', () => back.resolve());
      process.kill(away.server.pid, 'SIGKILL');
      await down.promise;
      for (let n = 1; n < 100; n++) log.publish(pbx, 'call', { n });
      await back.promise;
      log.publish(pbx, 'call', { n: 100 });
      await eventually(
        'a new epoch',
        () => own.after(pbx, cursor, 10).catch(() => undefined),
        (answer) => answer?.outcome === 'gone',
      );
      await log.close();
    } finally {
      await away.stop();
    }
  });
});
