import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Keys, type RedisConnection } from '../../src/redis/index.ts';
import { TrunkLines } from '../../src/trunks/lines.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { pbxOf } from '../support/pbx.ts';
import { redisAway, somePbx, startTestRedis, type TestRedis } from '../support/redis.ts';
import { eventually } from '../support/wait.ts';

const log = pino({ level: 'silent' });
let redis: TestRedis;
let connection: RedisConnection;
let clock: FakeClock;
let id: string;
const open: TrunkLines[] = [];

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
  for (const lines of open.splice(0)) lines.close();
});

function node(run: string, over: RedisConnection = connection) {
  const lines = new TrunkLines({ redis: over, clock, log, run, now: () => clock.now() });
  open.push(lines);
  return lines;
}

const trunkOf = (limit: number) => {
  const pbx = pbxOf({
    pbx: { id, domains: ['acme.example'] },
    trunks: [{ id: 'operator', host: '192.0.2.1', lines: limit }],
  });
  const trunk = pbx.trunk('operator');
  if (!trunk) throw new Error('no trunk');
  return { take: (lines: TrunkLines) => lines.take(pbx, trunk), pbx };
};

const taken = () => connection.use((client) => client.zcard(new Keys(id).trunkLines('operator')));

describe('lines of a trunk', () => {
  it('are counted over all nodes', async () => {
    const { take } = trunkOf(3);
    const [a, b] = [node('a'), node('b')];
    const all = await Promise.all([take(a), take(b), take(a), take(b), take(a)]);
    expect(all.filter((line) => line !== undefined).length).toBe(3);
    expect(a.held(id, 'operator') + b.held(id, 'operator')).toBe(3);
    all.find((line) => line !== undefined)?.();
    await eventually('a line that is free', taken, (count) => count === 2);
    expect(await take(b)).toBeDefined();
    expect(await take(a)).toBeUndefined();
  });

  it('are given back once, however often that is said', async () => {
    const { take } = trunkOf(2);
    const lines = node('a');
    const first = await take(lines);
    await take(lines);
    first?.();
    first?.();
    await eventually('one line', taken, (count) => count === 1);
    expect(await take(lines)).toBeDefined();
    expect(await take(lines)).toBeUndefined();
  });

  it('of a node that has died come back within 15 seconds, those of a living one stay', async () => {
    const { take } = trunkOf(2);
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
    const { take } = trunkOf(2);
    const lines = node('a');
    await take(lines);
    await connection.use((client) => client.flushall());
    await clock.advance(5000);
    await eventually('the line again', taken, (count) => count === 1);
    const other = node('b');
    expect(await take(other)).toBeDefined();
    expect(await take(other)).toBeUndefined();
  });

  it('each node counts its own while Redis is away', async () => {
    const { take } = trunkOf(2);
    const lines = node('a', redisAway);
    const first = await take(lines);
    expect(await take(lines)).toBeDefined();
    expect(await take(lines)).toBeUndefined();
    first?.();
    expect(await take(lines)).toBeDefined();
  });

  it('0 is no limit, and costs Redis nothing', async () => {
    const { take } = trunkOf(0);
    const lines = node('a');
    const all = await Promise.all(Array.from({ length: 20 }, () => take(lines)));
    expect(all.every((line) => line !== undefined)).toBe(true);
    expect(lines.held(id, 'operator')).toBe(20);
    expect(await taken()).toBe(0);
    expect(clock.pending).toBe(0);
  });
});
