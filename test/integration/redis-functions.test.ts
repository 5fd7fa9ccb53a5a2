import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseRedisUrl, RedisConnection } from '../../src/redis/index.ts';
import { script } from '../../src/redis/script.ts';
import { somePbx, startTestRedis, type TestRedis } from '../support/redis.ts';
import { startRedisCluster, startRedisSentinel } from '../support/redis-servers.ts';
import { temporaryFolder } from '../support/temp.ts';
import { eventually } from '../support/wait.ts';

/** Scripts are functions of libraries, which servers must have. */

let redis: TestRedis;
const cleanups: (() => unknown)[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
});
afterAll(() => redis.stop());

let versions = 0;
/** A version of the engine that no other test has, whose one script adds so much to a number. */
async function version(step: number) {
  const folder = await temporaryFolder('scripts');
  cleanups.push(() => folder[Symbol.asyncDispose]());
  const path = join(folder.path, 'add.lua');
  const header = '-- add — add to a number.\n-- KEYS     number\n-- ARGV     of\n-- RETURNS  the sum\n';
  await writeFile(path, `${header}return redis.call('INCRBY', KEYS[1], ${step}) -- ${++versions}\n`);
  const add = script(pathToFileURL(path), {
    keys: (k) => [k.events()],
    args: (of: string) => [of],
    reply: z.number(),
  });
  return (connection: RedisConnection, pbx: string) => add(connection, pbx, '');
}

const librariesOf = (connection: RedisConnection): Promise<number> =>
  connection.use(async (client) => ((await client.call('FUNCTION', 'LIST')) as unknown[]).length);
const calls = async (connection: RedisConnection, name: string): Promise<number> => {
  const stats = await connection.use((client) => client.info('commandstats'));
  return Number(new RegExp(`^cmdstat_${name}:calls=(\\d+)`, 'm').exec(stats)?.[1] ?? 0);
};

describe('a library', () => {
  it('is loaded when it is first called, once for many calls, and not again', async () => {
    const [add, connection, pbx] = [await version(1), await redis.connect(), somePbx()];
    const loads = () => calls(connection, 'function\\|load');
    const before = await loads();
    const sums = await Promise.all(Array.from({ length: 20 }, () => add(connection, pbx)));
    expect(sums.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect((await loads()) - before).toBe(1);
    expect(await add(connection, pbx)).toBe(21);
    expect((await loads()) - before).toBe(1);
  });

  it('is loaded by two nodes at once', async () => {
    const [add, pbx] = [await version(1), somePbx()];
    const [one, other] = await Promise.all([redis.connect(), redis.connect()]);
    expect((await Promise.all([add(one, pbx), add(other, pbx)])).toSorted()).toEqual([1, 2]);
  });

  it('is loaded again when somebody has thrown all of them away', async () => {
    const [add, connection, pbx] = [await version(1), await redis.connect(), somePbx()];
    await add(connection, pbx);
    await connection.use((client) => client.call('FUNCTION', 'FLUSH'));
    expect(await add(connection, pbx)).toBe(2);
  });

  it('stands beside those of other versions: each node calls its own', async () => {
    const [old, recent] = [await version(1), await version(10)];
    const [connection, pbx] = [await redis.connect(), somePbx()];
    const before = await librariesOf(connection);
    const sums: number[] = [];
    for (const add of [old, recent, old, recent]) sums.push(await add(connection, pbx));
    expect(sums).toEqual([1, 11, 12, 22]);
    expect((await librariesOf(connection)) - before).toBe(2);
  });
});

describe('with several servers', () => {
  it('each master of a cluster gets the library', async () => {
    const cluster = await startRedisCluster(3);
    cleanups.push(() => cluster.stop());
    const [add, connection] = [await version(1), await RedisConnection.open(parseRedisUrl(cluster.url))];
    cleanups.push(() => connection.close());
    for (const pbx of ['acme', 'demo', 'third', 'fourth', 'fifth', 'sixth']) expect(await add(connection, pbx)).toBe(1);
    const counts = await Promise.all(
      connection.servers().map(async (server) => ((await server.call('FUNCTION', 'LIST')) as unknown[]).length),
    );
    expect(counts).toEqual([1, 1, 1]);
  });

  it('a master that Sentinel has put in the place of another has it, or gets it', async () => {
    const servers = await startRedisSentinel();
    cleanups.push(() => servers.stop());
    const [add, connection] = [await version(1), await RedisConnection.open(parseRedisUrl(servers.url))];
    cleanups.push(() => connection.close());
    expect(await add(connection, 'acme')).toBe(1);
    await connection.use((client) => client.wait(1, 10_000));
    await servers.kill(0);
    const sum = await eventually(
      'an answer of the new master',
      () => add(connection, 'acme').catch(() => 0),
      (found) => found > 0,
    );
    expect(sum).toBe(2);
  });
});
