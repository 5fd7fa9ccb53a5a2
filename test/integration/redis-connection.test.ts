import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRedisUrl, RedisConnection, RedisDownError } from '../../src/redis/index.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

const next = (connection: RedisConnection, event: 'up' | 'down') =>
  new Promise<unknown>((resolve) => {
    const off = connection.on(event, (payload) => {
      off();
      resolve(payload);
    });
  });

async function timed(run: Promise<unknown>): Promise<{ error: unknown; ms: number }> {
  const begun = performance.now();
  const error = await run.catch((reason) => reason);
  return { error, ms: performance.now() - begun };
}

describe('RedisConnection', () => {
  it('opened by URL, on a socket', async () => {
    const connection = await RedisConnection.open(
      parseRedisUrl(`unix://:${redis.server.password}@${redis.server.socket}`),
    );
    expect(await connection.use((client) => client.ping())).toBe('PONG');
    await connection.close();
    await expect(connection.use((client) => client.ping())).rejects.toThrow(RedisDownError);
  });

  it('to where nobody listens says so in the given time, without the password', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const { port } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    const opening = RedisConnection.open(parseRedisUrl(`redis://u:hunter2@127.0.0.1:${port}`), { first: 300 });
    const { error, ms } = await timed(opening);
    expect(error).toMatchObject({
      code: 'redis-unreachable',
      message: expect.stringMatching(/ECONNREFUSED/),
      hint: expect.stringContaining('REDIS_URL'),
    });
    expect(String(error)).not.toContain('hunter2');
    expect(ms).toBeLessThan(2000);
  });

  it('passes on what Redis replies as an error, and stays up', async () => {
    const connection = await redis.connect();
    await connection.use((client) => client.set('text', 'x'));
    await expect(connection.use((client) => client.incr('text'))).rejects.toMatchObject({ name: 'ReplyError' });
    expect(connection.up).toBe(true);
  });

  it('waits for a server that hangs once, then fails at once, and is up again when it answers', async () => {
    const connection = await redis.connect({ command: 300 });
    process.kill(redis.server.pid, 'SIGSTOP');
    try {
      const down = next(connection, 'down');
      const first = await timed(connection.use((client) => client.ping()));
      expect(first.error).toBeInstanceOf(RedisDownError);
      expect(first.ms).toBeGreaterThanOrEqual(290);
      expect(await down).toEqual({ why: 'it does not answer' });
      const second = await timed(connection.use((client) => client.ping()));
      expect(second.error).toBeInstanceOf(RedisDownError);
      expect(second.ms).toBeLessThan(100);
    } finally {
      process.kill(redis.server.pid, 'SIGCONT');
    }
    await next(connection, 'up');
    expect(await connection.use((client) => client.ping())).toBe('PONG');
  });

  it('does not blame the server when it was itself that was held up: what has been answered meanwhile counts', async () => {
    const connection = await redis.connect({ command: 100 });
    const replies = Promise.all(Array.from({ length: 300 }, () => connection.use((client) => client.ping())));
    const until = performance.now() + 500;
    while (performance.now() < until);
    expect(new Set(await replies)).toEqual(new Set(['PONG']));
    expect(connection.up).toBe(true);
  });
});
