import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Throttle } from '../../src/redis/index.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { somePbx, startTestRedis, type TestRedis } from '../support/redis.ts';

const limits = { limit: 3, window: 60, block: 600 };
let redis: TestRedis;
let pbx: string;
let clock: FakeClock;
let throttle: Throttle;

beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  pbx = somePbx();
  clock = new FakeClock();
  throttle = new Throttle(await redis.connect(), () => clock.now());
});

const fail = (address = '127.0.0.1') => throttle.fail(pbx, address, limits);

describe('Throttle', () => {
  it('blocks an address at the limit, and another not at all', async () => {
    expect(await fail()).toEqual({ state: 'counted', failures: 1 });
    expect(await fail()).toEqual({ state: 'counted', failures: 2 });
    expect(await throttle.blockedUntil(pbx, '127.0.0.1')).toBeUndefined();
    const until = clock.now() + 600_000;
    expect(await fail()).toEqual({ state: 'blocked', until, failures: 3 });
    expect(await throttle.blockedUntil(pbx, '127.0.0.1')).toBe(until);
    expect(await throttle.blockedUntil(pbx, '127.0.0.2')).toBeUndefined();
    expect(await fail('127.0.0.2')).toEqual({ state: 'counted', failures: 1 });
  });

  it('does not prolong a block by what comes during it', async () => {
    for (let i = 0; i < 3; i++) await fail();
    const until = clock.now() + 600_000;
    clock.advance(300_000);
    expect(await fail()).toEqual({ state: 'blocked', until, failures: 4 });
  });

  it('begins anew after the window and after the block', async () => {
    await fail();
    await fail();
    clock.advance(60_000);
    expect(await fail()).toEqual({ state: 'counted', failures: 1 });
    await fail();
    await fail();
    clock.advance(600_000);
    expect(await throttle.blockedUntil(pbx, '127.0.0.1')).toBeUndefined();
    expect(await fail()).toEqual({ state: 'counted', failures: 1 });
  });

  it('counts failures that come to several nodes at once, and reaches the limit exactly once', async () => {
    const nodes = [throttle, new Throttle(await redis.connect(), () => clock.now())];
    const states = await Promise.all(
      Array.from({ length: 20 }, (_, i) => nodes[i % 2]?.fail(pbx, '127.0.0.1', { ...limits, limit: 10 })),
    );
    expect(states.map((state) => state?.failures).sort((a = 0, b = 0) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
    expect(states.filter((state) => state?.state === 'blocked' && state.failures === 10)).toHaveLength(1);
  });

  it('forgets in the end', async () => {
    await fail();
    const connection = await redis.connect();
    const [key = ''] = await connection.use((client) => client.keys(`*${pbx}*`));
    expect(await connection.use((client) => client.pttl(key))).toBeGreaterThan(600_000);
    expect(await connection.use((client) => client.pttl(key))).toBeLessThanOrEqual(660_000);
  });
});
