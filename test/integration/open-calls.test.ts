import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../../src/database/port.ts';
import { HistoryStore } from '../../src/history/index.ts';
import type { OpenCall } from '../../src/history/open-call.ts';
import { OpenCalls } from '../../src/history/open-calls.ts';
import type { CallRecord } from '../../src/history/record.ts';
import { HistoryStream } from '../../src/history/stream.ts';
import type { RedisConnection } from '../../src/redis/index.ts';
import { Keys } from '../../src/redis/keys.ts';
import { someCall, someParticipant } from '../support/calls.ts';
import { startTestDatabase } from '../support/database.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { somePbx, startTestRedis, type TestRedis } from '../support/redis.ts';

/** Calls that go on are known in Redis; those of a node that has died get their records from another. */

const log = pino({ level: 'silent' });
const began = Date.parse('2026-11-02T09:00:00.000Z');
let redis: TestRedis;
let connection: RedisConnection;
let database: Database;
let stopDatabase: () => Promise<void>;
let pbx: string;
/** Of the Redis server. */
let now: number;
const nodes: Node[] = [];

beforeAll(async () => {
  redis = await startTestRedis();
  connection = await redis.connect();
  ({ database, stop: stopDatabase } = await startTestDatabase());
});
afterAll(async () => {
  await redis.stop();
  await stopDatabase();
});
beforeEach(() => {
  pbx = somePbx();
  now = began;
});
afterEach(async () => {
  await Promise.all(nodes.splice(0).map(({ calls }) => calls.close()));
});

/** One that dies is one whose clock stands still. */
interface Node {
  readonly name: string;
  readonly clock: FakeClock;
  readonly calls: OpenCalls;
  readonly lost: CallRecord[];
}

async function node(id: string, options: { run?: string; alone?: boolean } = {}): Promise<Node> {
  const name = `${id}-${options.run ?? '0a1b'}`;
  const clock = new FakeClock(new Date(now).toISOString());
  const lost: CallRecord[] = [];
  const calls = new OpenCalls({
    redis: connection,
    node: id,
    name,
    alone: options.alone ?? false,
    pbxs: () => [pbx],
    onAdded: () => undefined,
    onLost: (record) => lost.push(record),
    clock,
    log,
    now: () => now,
  });
  const made = { name, clock, calls, lost };
  nodes.push(made);
  await calls.settled();
  return made;
}

/** The time goes on for these nodes; the others are dead. */
async function pass(seconds: number, ...alive: readonly Node[]): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    now += 1000;
    await Promise.all(
      alive.map(async ({ clock, calls }) => {
        await clock.advance(1000);
        await calls.settled();
      }),
    );
  }
}

/** An employee has talked since the third second. */
function talking(id: string): OpenCall {
  const start = new Date(began).toISOString();
  const participant = someParticipant({ id: 'anna', start, ring: 3, talk: 0, reason: 'lost' });
  return {
    record: someCall({
      pbx,
      id,
      start,
      end: new Date(began + 3000).toISOString(),
      reason: 'lost',
      talk: 0,
      participants: [participant],
    }),
    marks: [
      { at: began, stage: 'employee' },
      { at: began + 3000, stage: 'conversation' },
    ],
    asking: [{ participant: 0, state: 'talking', since: began + 3000 }],
    heldSince: null,
  };
}

const keptOf = ({ name }: Node) => connection.use((client) => client.hgetall(new Keys(pbx).openCalls(name)[1]));
const kept = async (one: Node) => Object.keys(await keptOf(one)).sort();
const stream = () => new HistoryStream(connection, 'reader');
const written = async () => (await stream().take(pbx, 0, 1000)).map(({ record }) => record?.id).sort();

describe('a node that dies', () => {
  it('has its calls recorded by another, once, as long as it was heard of', async () => {
    const [dead, first, second] = [await node('dead'), await node('first'), await node('second')];
    await pass(20, dead, first, second);
    for (const id of ['a', 'b', 'c']) dead.calls.keep(pbx, id, () => talking(id));
    await dead.calls.settled();
    first.calls.keep(pbx, 'mine', () => talking('mine'));
    await pass(3, dead, first, second);
    await pass(15, first, second);
    expect([...first.lost, ...second.lost].map(({ id }) => id).sort()).toEqual(['a', 'b', 'c']);
    expect(await written()).toEqual(['a', 'b', 'c']);
    expect(await kept(dead)).toEqual([]);
    expect(await kept(first)).toEqual(['mine']);
    const [record] = [...first.lost, ...second.lost];
    expect(record).toMatchObject({
      reason: 'lost',
      outcome: 'answered',
      end: '2026-11-02T09:00:23.000Z',
      talk: 20,
      wait: 3,
      duration: 23,
      participants: [{ id: 'anna', ring: 3, talk: 20 }],
    });
    expect(record?.path.at(-1)).toMatchObject({ t: 23, event: 'hangup', detail: { reason: 'lost' } });
  });

  it('is not waited for when it comes back as another run of itself', async () => {
    const dead = await node('pbx', { run: 'aaaa' });
    const neighbour = await node('pbx-1', { run: 'bbbb' });
    dead.calls.keep(pbx, 'a', () => talking('a'));
    neighbour.calls.keep(pbx, 'b', () => talking('b'));
    await Promise.all([dead.calls.settled(), neighbour.calls.settled()]);
    const again = await node('pbx', { run: 'cccc' });
    expect(again.lost.map(({ id }) => id)).toEqual(['a']);
    expect(await written()).toEqual(['a']);
    expect(await kept(neighbour)).toEqual(['b']);
  });

  it('had the Redis for itself: whoever starts on its data knows that it is dead', async () => {
    const dead = await node('old name');
    dead.calls.keep(pbx, 'a', () => talking('a'));
    await dead.calls.settled();
    const next = await node('new name', { alone: true });
    expect(next.lost.map(({ id }) => id)).toEqual(['a']);
  });

  it('has hundreds of calls recorded, in pieces', async () => {
    const dead = await node('pbx', { run: 'aaaa' });
    const ids = Array.from({ length: 1000 }, (_, i) => `call-${String(i).padStart(4, '0')}`);
    for (const id of ids) dead.calls.keep(pbx, id, () => talking(id));
    await dead.calls.settled();
    const again = await node('pbx', { run: 'cccc' });
    expect(again.lost.map(({ id }) => id).sort()).toEqual(ids);
    expect(await connection.use((client) => client.exists(new Keys(pbx).openCalls('x')[0]))).toBe(0);
  });
});

describe('a node that lives', () => {
  it('is not taken for dead, nor is anybody while Redis has only just come back', async () => {
    const [quiet, other] = [await node('quiet'), await node('other')];
    quiet.calls.keep(pbx, 'a', () => talking('a'));
    await quiet.calls.settled();
    await pass(30, quiet, other);
    expect(other.lost).toEqual([]);

    const late = await node('late');
    now += 60_000;
    await pass(14, late);
    expect(late.lost).toEqual([]);
    await pass(6, late);
    expect(late.lost.map(({ id }) => id)).toEqual(['a']);
  });

  it('takes a call off with its record, and one that history does not want without', async () => {
    const one = await node('one');
    for (const id of ['recorded', 'unwanted', 'on']) one.calls.keep(pbx, id, () => talking(id));
    await one.calls.settled();
    expect(await kept(one)).toEqual(['on', 'recorded', 'unwanted']);
    one.calls.ends(pbx, 'recorded');
    await new HistoryStream(connection, one.name).add(pbx, [someCall({ pbx, id: 'recorded' })]);
    expect(await kept(one)).toEqual(['on', 'unwanted']);
    one.calls.over(pbx, 'unwanted');
    await pass(1, one);
    expect(await kept(one)).toEqual(['on']);
    expect(await written()).toEqual(['recorded']);
  });

  it('tells with the next beat what a call has become', async () => {
    const one = await node('one');
    let text = talking('a');
    one.calls.keep(pbx, 'a', () => text);
    await one.calls.settled();
    text = { ...text, heldSince: began + 5000 };
    one.calls.keep(pbx, 'a', () => text);
    await pass(1, one);
    expect(JSON.parse((await keptOf(one)).a ?? '{}')).toMatchObject({ heldSince: began + 5000 });
  });

  it('tells everything anew to a Redis that has lost it', async () => {
    const one = await node('one');
    one.calls.keep(pbx, 'a', () => talking('a'));
    await one.calls.settled();
    await connection.use((client) => client.flushall());
    await pass(2, one);
    expect(await kept(one)).toEqual(['a']);
  });

  it('has the last word on a call, if it was taken for dead and was not', async () => {
    const lost = someCall({ pbx, id: 'a', reason: 'lost', participants: [someParticipant({ id: 'anna' })] });
    const real = someCall({ pbx, id: 'a', reason: 'callerHungUp', talk: 120 });
    const store = new HistoryStore(database);
    await store.insert([lost]);
    await store.insert([real]);
    await store.insert([lost]);
    expect(await store.get(pbx, 'a')).toEqual(real);
    const [row] = await database.query('select count(*)::int from call_participants where pbx = $1', [pbx]);
    expect(row).toEqual([1]);
  });
});
