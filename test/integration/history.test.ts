import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Database, DatabaseDownError } from '../../src/database/port.ts';
import { type History, type HistoryFilter, HistoryStore, startHistory } from '../../src/history/index.ts';
import type { CallRecord } from '../../src/history/record.ts';
import { HistoryStream } from '../../src/history/stream.ts';
import { HistoryWriter } from '../../src/history/writer.ts';
import type { RedisConnection } from '../../src/redis/index.ts';
import { type Clock, systemClock } from '../../src/time/clock.ts';
import { systemRandom } from '../../src/time/random.ts';
import { someCall, someParticipant } from '../support/calls.ts';
import { startTestDatabase } from '../support/database.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { somePbx, startTestRedis, type TestRedis } from '../support/redis.ts';

const log = pino({ level: 'silent' });
let redis: TestRedis;
let database: Database;
let stopDatabase: () => Promise<void>;
let pbx: string;
let directory: string;
const running: History[] = [];

beforeAll(async () => {
  [redis, { database, stop: stopDatabase }] = await Promise.all([startTestRedis(), startTestDatabase()]);
});
afterAll(async () => {
  await redis.stop();
  await stopDatabase();
});
beforeEach(async () => {
  pbx = somePbx();
  directory = await mkdtemp(join(tmpdir(), 'km-spool-'));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((history) => history.close()));
  await rm(directory, { recursive: true, force: true });
});

async function start(
  options: { database?: Database; connection?: RedisConnection; clock?: Clock } = {},
): Promise<History> {
  const history = startHistory({
    redis: options.connection ?? (await redis.connect()),
    database: options.database ?? database,
    directory,
    node: 'test',
    pbxs: () => [pbx],
    alone: false,
    clock: options.clock ?? systemClock,
    random: systemRandom,
    log,
  });
  running.push(history);
  return history;
}

/** A database that is away while `isAway()`, and tells when somebody asked in vain. */
function unreliable(isAway: () => boolean, onRefusal: () => void = () => undefined): Database {
  const guard = <T>(run: () => Promise<T>): Promise<T> => {
    if (!isAway()) return run();
    onRefusal();
    return Promise.reject(new DatabaseDownError('away'));
  };
  return {
    query: (text, values) => guard(() => database.query(text, values)),
    script: (text) => guard(() => database.script(text)),
    transaction: (run) => guard(() => database.transaction(run)),
    close: () => Promise.resolve(),
  };
}

const store = () => new HistoryStore(database);
const ids = async (filter: HistoryFilter = {}) =>
  (await store().query(pbx, filter, { limit: 1000 })).items.map(({ id }) => id);
const keysOf = async (connection: RedisConnection) => connection.use((client) => client.keys(`*${pbx}*`));
const down = (connection: RedisConnection) => new Promise<void>((resolve) => connection.on('down', () => resolve()));
const up = (connection: RedisConnection) => new Promise<void>((resolve) => connection.on('up', () => resolve()));

describe('a finished call', () => {
  it('comes back from the database as it was recorded, and leaves nothing in Redis', async () => {
    const history = await start();
    const call = someCall({
      pbx,
      fromName: 'Иван «Ё»',
      participants: [someParticipant({ id: 'a' }), someParticipant({ id: 'b' })],
    });
    await history.record(call);
    await history.settled();
    expect(await history.pending()).toBe(0);
    expect(await history.store.get(pbx, call.id)).toEqual(call);
    expect(await history.store.get(somePbx(), call.id)).toBeUndefined();
    expect(await keysOf(await redis.connect())).toEqual([]);
    expect(await readdir(directory)).toEqual([]);
  });

  it('is stored once, however often it is delivered', async () => {
    const history = await start();
    const call = someCall({ pbx });
    await Promise.all([history.record(call), history.record(call), history.record(call)]);
    await history.settled();
    await history.record(call);
    await history.settled();
    expect(await ids()).toEqual([call.id]);
    const [row] = await database.query('select count(*)::int from call_participants where pbx = $1', [pbx]);
    expect(row).toEqual([1]);
  });

  it('with hostile text is stored', async () => {
    const history = await start();
    const call = someCall({ pbx, from: "'); drop table calls; --", fromName: 'a\u0000\ud83d', to: '%_\\' });
    await history.record(call);
    await history.settled();
    expect(await history.store.get(pbx, call.id)).toMatchObject({
      from: "'); drop table calls; --",
      fromName: 'a\ufffd',
    });
    expect(await ids({ to: '%_\\' })).toEqual([call.id]);
    expect(await ids({ to: '%%%' })).toEqual([]);
  });
});

describe('several writers', () => {
  it('store every call exactly once', async () => {
    const nodes = await Promise.all([start(), start(), start(), start()]);
    const calls = Array.from({ length: 600 }, () => someCall({ pbx }));
    await Promise.all(calls.map((call, i) => nodes[i % nodes.length]?.record(call)));
    await Promise.all(nodes.map((node) => node.settled()));
    expect((await ids()).sort()).toEqual(calls.map(({ id }) => id).sort());
    expect(await keysOf(await redis.connect())).toEqual([]);
  });

  it('take over what a dead one had taken, after a while and not before', async () => {
    const connection = await redis.connect();
    const dead = new HistoryStream(connection, 'dead');
    const calls = [someCall({ pbx }), someCall({ pbx })];
    await dead.add(pbx, calls);
    expect(await dead.take(pbx, 30_000, 10)).toHaveLength(2); // and it dies before it has stored them
    const heir = new HistoryStream(connection, 'heir');
    expect(await heir.take(pbx, 30_000, 10)).toEqual([]);
    const entries = await heir.take(pbx, 0, 10);
    expect(entries.map(({ record }) => record)).toEqual(calls);
    await heir.done(pbx, entries);
    expect(await keysOf(connection)).toEqual([]);
  });

  it('find at their start what waits for a PBX that is not configured any more', async () => {
    const connection = await redis.connect();
    const gone = somePbx();
    const call = someCall({ pbx: gone });
    await new HistoryStream(connection, 'dead').add(gone, [call]);
    const stream = new HistoryStream(connection, 'heir');
    expect(await stream.waitingPbxs()).toContain(gone);
    const writer = new HistoryWriter({ stream, store: store(), clock: systemClock, log, pbxs: () => [] });
    await writer.start(true);
    await writer.idle();
    await writer.stop();
    expect(await store().get(gone, call.id)).toEqual(call);
  });
});

describe('while the database is away', () => {
  it('calls wait in Redis, and are stored when it is back', async () => {
    let isAway = true;
    const clock = new FakeClock();
    let refused: () => void;
    const tried = new Promise<void>((resolve) => {
      refused = resolve;
    });
    const history = await start({
      database: unreliable(
        () => isAway,
        () => refused(),
      ),
      clock,
    });
    const calls = Array.from({ length: 5 }, () => someCall({ pbx }));
    for (const call of calls) await history.record(call);
    await tried;
    await clock.advanceAsync(200);
    expect(await history.pending()).toBe(5);
    expect(await ids()).toEqual([]);
    isAway = false;
    await clock.advanceAsync(100);
    await history.settled();
    expect((await ids()).sort()).toEqual(calls.map(({ id }) => id).sort());
  });

  it('nothing is lost when the engine stops meanwhile', async () => {
    const history = await start({ database: unreliable(() => true) });
    const call = someCall({ pbx });
    await history.record(call);
    await history.close();
    const connection = await redis.connect();
    const entries = await new HistoryStream(connection, 'next').take(pbx, 0, 10);
    expect(entries.map(({ record }) => record)).toEqual([call]);
  });
});

describe('a record that cannot be stored', () => {
  it('is put aside with the reason, and does not hold up the others', async () => {
    const connection = await redis.connect();
    const stream = new HistoryStream(connection, 'writer');
    const good = [someCall({ pbx }), someCall({ pbx })];
    // The schema lets numbers through that the column does not.
    const bad = someCall({ pbx, duration: 2 ** 40 });
    await stream.add(pbx, [good[0], bad, good[1]] as CallRecord[]);
    await connection.use((client) => client.xadd(`km:{${pbx}}:history`, '*', 'record', 'no JSON'));
    const writer = new HistoryWriter({ stream, store: store(), clock: systemClock, log, pbxs: () => [] });
    writer.tell(pbx);
    await writer.idle();
    await writer.stop();
    expect((await ids()).sort()).toEqual(good.map(({ id }) => id).sort());
    expect(await keysOf(connection)).toEqual([`km:{${pbx}}:history-rejected`]);
    const rejected = await connection.use((client) => client.xrange(`km:{${pbx}}:history-rejected`, '-', '+'));
    expect(rejected.map(([, fields]) => fields[3])).toEqual(
      expect.arrayContaining([expect.stringContaining('integer'), 'not a call record']),
    );
  });
});

describe('while Redis is away', () => {
  it('calls wait on the disk, and are handed on when it is back', async () => {
    const connection = await redis.connect();
    const history = await start({ connection });
    const calls = Array.from({ length: 30 }, () => someCall({ pbx }));
    const lost = down(connection);
    await redis.kill();
    await lost;
    const back = up(connection);
    await Promise.all(calls.map((call) => history.record(call)));
    await back;
    await history.settled();
    expect((await ids()).sort()).toEqual(calls.map(({ id }) => id).sort());
    expect(await readdir(directory)).toEqual([]);
  });

  it('a killed engine leaves them on the disk for the next one', async () => {
    const call = someCall({ pbx });
    const torn = JSON.stringify(someCall({ pbx })).slice(0, 100);
    await writeFile(join(directory, 'left.jsonl'), `${JSON.stringify(call)}\n${torn}`);
    const history = await start();
    await history.settled();
    expect(await ids()).toEqual([call.id]);
    expect(await readdir(directory)).toEqual([]);
  });

  it('records of a closed connection are on the disk before `record` resolves', async () => {
    const connection = await redis.connect();
    const history = await start({ connection });
    await connection.close();
    const call = someCall({ pbx });
    await history.record(call);
    const [name = ''] = await readdir(directory);
    expect(JSON.parse(await readFile(join(directory, name), 'utf8'))).toEqual(call);
  });

  it('with calls ending all the time loses none', async () => {
    const connection = await redis.connect();
    const history = await start({ connection });
    const calls: CallRecord[] = [];
    for (let round = 0; round < 3; round++) {
      const lost = down(connection);
      const pending: Promise<void>[] = [];
      for (let i = 0; i < 40; i++) {
        if (i === 20) process.kill(redis.server.pid, 'SIGKILL');
        const call = someCall({ pbx });
        calls.push(call);
        pending.push(history.record(call));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all([lost, ...pending]);
      if (!connection.up) await up(connection);
    }
    await history.settled();
    expect((await ids()).sort()).toEqual(calls.map(({ id }) => id).sort());
  });
});

describe('HistoryStore.query', () => {
  const minute = (n: number) => new Date(Date.UTC(2026, 10, 2, 9, n)).toISOString();
  const sales = someParticipant({ id: 'sales', kind: 'group', address: '', outcome: 'noAnswer', talk: 0 });
  const ivanovMissed = someParticipant({ id: 'ivanov', group: 'sales', outcome: 'noAnswer', talk: 0 });
  const calls = {
    answered: { start: minute(1), from: '74951112233', to: '100' },
    missedBySales: {
      start: minute(2),
      from: '79161234567',
      outcome: 'missed',
      participants: [sales, ivanovMissed],
      code: 1111,
    },
    inMenu: { start: minute(3), outcome: 'missed', stage: 'menu', participants: [], reason: 'callerHungUp' },
    secondTry: { start: minute(4), participants: [sales, ivanovMissed, someParticipant({ id: 'ivanov' })] },
    outgoing: {
      start: minute(5),
      direction: 'out',
      employee: 'petrov',
      from: '451',
      to: '79169999999',
      line: 'office',
      participants: [someParticipant({ id: '79169999999', kind: 'number', address: '79169999999' })],
    },
    failed: {
      start: minute(6),
      direction: 'out',
      employee: 'ivanov',
      to: '79160000000',
      outcome: 'failed',
      reason: 'busy',
      participants: [],
    },
    internal: { start: minute(7), direction: 'internal', employee: 'petrov', from: '452', to: '451' },
  } satisfies Record<string, Partial<CallRecord>>;
  const names = Object.keys(calls);

  beforeEach(async () => {
    const records = Object.entries(calls).map(([id, changes]) =>
      someCall({ pbx, ...(changes as Partial<CallRecord>), id }),
    );
    expect(await store().insert(records)).toBe(records.length);
    await store().insert([someCall({ pbx: somePbx(), id: 'of another PBX' })]);
  });

  it.each<[string, HistoryFilter, string[]]>([
    ['everything, the latest first', {}, [...names].reverse()],
    [
      'a period, its end excluded',
      { since: new Date(minute(2)), until: new Date(minute(4)) },
      ['inMenu', 'missedBySales'],
    ],
    ['a direction', { direction: ['out'] }, ['failed', 'outgoing']],
    ['several outcomes', { outcome: ['missed', 'failed'] }, ['failed', 'inMenu', 'missedBySales']],
    ['a stage', { stage: ['menu'] }, ['inMenu']],
    ['a reason', { code: [1121] }, ['failed']],
    ['a part of the caller’s number', { from: '916123' }, ['missedBySales']],
    ['a number as people write it', { from: '+7 (916) 123-45-67' }, ['missedBySales']],
    ['a part of what was dialled', { to: '7916' }, ['failed', 'outgoing']],
    ['any number of the call', { number: '7916' }, ['failed', 'outgoing', 'missedBySales']],
    ['a line', { line: ['office'] }, ['outgoing']],
    ['who called', { employee: ['petrov'] }, ['internal', 'outgoing']],
    ['a participant', { participant: ['sales'] }, ['secondTry', 'missedBySales']],
    ['a participant who called', { participant: ['petrov'] }, ['internal', 'outgoing']],
    ['a participant by number', { participant: ['79169999999'] }, ['outgoing']],
    ['any of two participants', { participant: ['sales', '79169999999'] }, ['outgoing', 'secondTry', 'missedBySales']],
    ['both of two participants', { participant: ['sales', 'ivanov'], match: 'all' }, ['secondTry', 'missedBySales']],
    ['who missed it', { missedBy: ['sales'] }, ['secondTry', 'missedBySales']],
    ['who missed it: not he who answered at the second attempt', { missedBy: ['ivanov'] }, ['missedBySales']],
    ['nobody missed it, it ended in the menu', { missedBy: ['nobody'], outcome: ['missed'] }, ['inMenu']],
    ['missed by both', { missedBy: ['sales', 'ivanov'], match: 'all' }, ['missedBySales']],
    ['things that do not go together', { direction: ['out'], participant: ['sales'] }, []],
  ])('finds %s', async (_, filter, found) => {
    expect(await ids(filter)).toEqual(found);
  });

  it('pages by cursor, through equal times and while calls are added', async () => {
    await store().insert(Array.from({ length: 5 }, (_, i) => someCall({ pbx, id: `same-${i}`, start: minute(8) })));
    const seen: string[] = [];
    let cursor: string | undefined;
    for (let page = 0; ; page++) {
      const { items, next } = await store().query(pbx, {}, { limit: 5, ...(cursor ? { cursor } : {}) });
      seen.push(...items.map(({ id }) => id));
      if (page === 0) await store().insert([someCall({ pbx, id: 'later', start: minute(9) })]);
      if (next === null) break;
      cursor = next;
    }
    expect(seen).toEqual(['same-4', 'same-3', 'same-2', 'same-1', 'same-0', ...[...names].reverse()]);
  });

  it('refuses a cursor that it did not make', async () => {
    for (const cursor of ['', 'x', Buffer.from('["yesterday","a"]').toString('base64url')]) {
      await expect(store().query(pbx, {}, { limit: 5, cursor })).rejects.toThrow('cursor');
    }
  });
});
