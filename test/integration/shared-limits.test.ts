import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Keys, type RedisConnection, SharedLimits } from '../../src/redis/index.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { pbxOf } from '../support/pbx.ts';
import { redisAway, somePbx, startTestRedis, type TestRedis } from '../support/redis.ts';
import { passive, Switchboard } from '../support/switchboard.ts';
import { eventually } from '../support/wait.ts';

const log = pino({ level: 'silent' });
let redis: TestRedis;
let connection: RedisConnection;
let clock: FakeClock;
let id: string;
const open: SharedLimits[] = [];

beforeAll(async () => {
  redis = await startTestRedis();
  connection = await redis.connect();
});
afterAll(() => redis.stop());
beforeEach(() => {
  clock = new FakeClock();
  id = somePbx();
});
afterEach(() => {
  for (const limits of open.splice(0)) limits.close();
});

function node(run: string, over: RedisConnection = connection) {
  const limits = new SharedLimits({ redis: over, clock, log, run, now: () => clock.now() });
  open.push(limits);
  return limits;
}

/** Lines of a trunk, or calls of a PBX: one is as the other. */
const what = 'trunk-lines:operator';
const limitOf = (limit: number) => ({ take: (node: SharedLimits) => node.take(id, what, limit) });

const taken = () => connection.use((client) => client.zcard(new Keys(id).limit(what)));

describe('what there is a limited number of', () => {
  it('are counted over all nodes', async () => {
    const { take } = limitOf(3);
    const [a, b] = [node('a'), node('b')];
    const all = await Promise.all([take(a), take(b), take(a), take(b), take(a)]);
    expect(all.filter((taken) => taken !== undefined).length).toBe(3);
    expect(a.held(id, what) + b.held(id, what)).toBe(3);
    all.find((taken) => taken !== undefined)?.();
    await eventually('one that is free', taken, (count) => count === 2);
    expect(await take(b)).toBeDefined();
    expect(await take(a)).toBeUndefined();
  });

  it('are given back once, however often that is said', async () => {
    const { take } = limitOf(2);
    const one = node('a');
    const first = await take(one);
    await take(one);
    first?.();
    first?.();
    await eventually('one', taken, (count) => count === 1);
    expect(await take(one)).toBeDefined();
    expect(await take(one)).toBeUndefined();
  });

  it('of a node that has died come back within 15 seconds, those of a living one stay', async () => {
    const { take } = limitOf(2);
    const [dead, living] = [node('dead'), node('living')];
    await take(dead);
    await take(living);
    dead.close();
    for (let i = 0; i < 15; i++) {
      await clock.advance(1000);
      await settle();
      await taken();
    }
    expect(await take(living)).toBeDefined();
    expect(await take(living)).toBeUndefined();
  });

  it('are taken again when Redis has lost its data', async () => {
    const { take } = limitOf(2);
    const one = node('a');
    await take(one);
    await connection.use((client) => client.flushall());
    await clock.advance(5000);
    await eventually('it again', taken, (count) => count === 1);
    const other = node('b');
    expect(await take(other)).toBeDefined();
    expect(await take(other)).toBeUndefined();
  });

  it('each node counts its own while Redis is away', async () => {
    const { take } = limitOf(2);
    const one = node('a', redisAway);
    const first = await take(one);
    expect(await take(one)).toBeDefined();
    expect(await take(one)).toBeUndefined();
    first?.();
    expect(await take(one)).toBeDefined();
  });

  it('0 is no limit, and costs Redis nothing', async () => {
    const { take } = limitOf(0);
    const one = node('a');
    const all = await Promise.all(Array.from({ length: 20 }, () => take(one)));
    expect(all.every((line) => line !== undefined)).toBe(true);
    expect(one.held(id, what)).toBe(20);
    expect(await taken()).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('is counted apart from everything else: calls, lines of other trunks, other PBXs', async () => {
    const [one, other] = [node('a'), node('b')];
    const limits = [
      [id, 'calls'],
      [id, 'trunk-lines:operator'],
      [id, 'trunk-lines:another'],
      [`${id}-2`, 'calls'],
    ] as const;
    for (const [pbx, which] of limits) {
      expect(await one.take(pbx, which, 1), `${pbx} ${which}`).toBeDefined();
      expect(await other.take(pbx, which, 1), `${pbx} ${which}`).toBeUndefined();
    }
  });
});

it('calls of a PBX are let in up to maxCalls on all nodes together', async () => {
  const line = '74950000001';
  const pbx = pbxOf({
    pbx: { id: 'acme', domains: ['acme.example'], maxCalls: 2 },
    numbers: [{ number: line, scheme: 'main', source: { passive: 'line@acme.example' } }],
    schemes: [{ id: 'main', steps: [{ play: 'builtin:music', wait: true }] }],
  });
  const boards = ['a', 'b'].map((run) => {
    const limits = node(run);
    const callLimit = { take: () => limits.take(id, 'calls', pbx.document.pbx.maxCalls) };
    return new Switchboard(pbx, { callLimit });
  });
  const [one, other] = boards as [Switchboard, Switchboard];
  /** @returns whether it was let in, and so answered */
  const arrives = async (at: Switchboard) => {
    const call = await at.call(passive(line), '79031112233', line);
    const [response] = await eventually(
      'a decision',
      () => call.responses,
      ({ length }) => length > 0,
    );
    return { call, response };
  };
  const first = await arrives(one);
  expect(await arrives(other)).toMatchObject({ response: '200' });
  for (const board of boards) expect(await arrives(board)).toMatchObject({ response: '503' });
  expect(one.records).toMatchObject([{ reason: 'tooManyCalls', outcome: 'missed' }]);
  first.call.dialog.hangUp();
  await eventually(
    'room for one',
    () => connection.use((client) => client.zcard(new Keys(id).limit('calls'))),
    (count) => count === 1,
  );
  expect(await arrives(other)).toMatchObject({ response: '200' });
  for (const board of boards) await board.inbound.stop();
});
