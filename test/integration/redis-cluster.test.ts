import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRedisUrl, RedisConnection, RedisRegistrations, Throttle } from '../../src/redis/index.ts';
import { type RedisServers, startRedisCluster } from '../support/redis-servers.ts';

let cluster: RedisServers;
beforeAll(async () => {
  cluster = await startRedisCluster();
});
afterAll(() => cluster.stop());

describe('on a Redis Cluster', () => {
  it('scripts run, each PBX in its slot', async () => {
    const redis = await RedisConnection.open(parseRedisUrl(cluster.url));
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
