import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRedisUrl, RedisConnection, RedisRegistrations, Throttle } from '../../src/redis/index.ts';

/**
 * A cluster of one node refuses what a real one refuses: a script that touches keys of two slots, and a key that it did not declare in a slot
 * that is not its own.
 */
let directory: string;
let server: ChildProcess;
let port: number;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'km-cluster-'));
  // redis-server cannot choose a port itself, and needs a second one 10000 above (here: one that is free as well).
  const [first, second] = await Promise.all([freePort(), freePort()]);
  port = first;
  server = spawn(
    'redis-server',
    [
      '--port',
      `${first}`,
      '--cluster-port',
      `${second}`,
      '--bind',
      '127.0.0.1',
      '--cluster-enabled',
      'yes',
      // What CLUSTER SLOTS tells clients; a node that has met no other does not know its own address.
      '--cluster-announce-ip',
      '127.0.0.1',
      '--save',
      '',
    ],
    { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  for await (const line of createInterface({ input: server.stdout as NodeJS.ReadableStream })) {
    if (/ready to accept connections/i.test(line)) break;
  }
  const client = new Redis({ port, lazyConnect: true, enableReadyCheck: false });
  await client.connect();
  await client.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16383);
  while (!String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok')) await pause(20);
  await client.quit();
});

afterAll(async () => {
  server.kill('SIGKILL');
  await once(server, 'exit');
  await rm(directory, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}

describe('on a Redis Cluster', () => {
  it('scripts run, each PBX in its slot', async () => {
    const redis = await RedisConnection.open(parseRedisUrl(`redis+cluster://127.0.0.1:${port}`));
    try {
      const registrations = new RedisRegistrations(redis);
      const throttle = new Throttle(redis);
      for (const pbx of ['acme', 'demo', 'third']) {
        await registrations.bind(
          pbx,
          'a',
          {
            callId: 'c',
            cseq: 1,
            contacts: [{ key: 'k', uri: 'sip:a@127.0.0.1', expires: 60, q: 1 }],
            receivedFrom: { protocol: 'udp', address: '127.0.0.1', port: 5060 },
            path: [],
            node: 'n',
          },
          { max: 5, beyond: 'refuse' },
        );
        expect(await registrations.count(pbx)).toBe(1);
        expect(await registrations.list(pbx)).toHaveLength(1);
        expect(await registrations.sweep(pbx)).toBe(0);
        expect(await registrations.remove(pbx, 'a', 'k')).toBe(true);
        await throttle.fail(pbx, '127.0.0.1', { limit: 5, window: 60, block: 60 });
        expect(await throttle.blockedUntil(pbx, '127.0.0.1')).toBeUndefined();
      }
    } finally {
      await redis.close();
    }
  });
});
