import { afterEach, describe, expect, it } from 'vitest';
import { CallbackTasks } from '../../../src/acd/callback-tasks.ts';
import type { PbxVersion } from '../../../src/config/version.ts';
import { parseRedisUrl, RedisConnection } from '../../../src/redis/index.ts';
import { Desk, group, staff } from '../../support/acd/desk.ts';
import { Station } from '../../support/acd/station.ts';
import { pbxOf } from '../../support/pbx.ts';
import { somePbx } from '../../support/redis.ts';
import { type RedisServers, startRedisCluster, startRedisSentinel } from '../../support/redis-servers.ts';
import { eventually } from '../../support/wait.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function connect(servers: RedisServers): Promise<RedisConnection> {
  const connection = await RedisConnection.open(parseRedisUrl(servers.url));
  cleanups.push(() => connection.close());
  return connection;
}

async function open(servers: RedisServers, pbx: PbxVersion, name: string): Promise<Station> {
  const station = await Station.open(await connect(servers), pbx, name);
  cleanups.push(() => station.close());
  return station;
}

const office = () =>
  pbxOf({
    pbx: { id: somePbx(), domains: ['acme.example'] },
    employees: staff(['anna', 'boris']),
    groups: [group('sales', ['anna', 'boris'])],
  });

describe('the ACD on a Redis Cluster', () => {
  it('runs every script in the one slot of its PBX', async () => {
    const servers = await startRedisCluster();
    cleanups.push(() => servers.stop());
    const redis = await connect(servers);
    for (const algorithm of ['random', 'all', 'longestIdle']) {
      const at = await Desk.open(redis, [group('sales', ['anna', 'boris'], { algorithm })], staff(['anna', 'boris']));
      const { store, pbx, node } = at;
      await at.call('c1', { number: '79990000001', maxWaitMs: 60_000 });
      const [agent = ''] = await at.ringing('c1');
      expect(await store.pickUp(pbx.id, await at.offer('c1', agent))).toBe('held');
      await at.answer('c1', agent);
      await at.call('c2');
      await at.miss('c2', 'refused', 0, (await at.ringing('c2'))[0]);
      expect(await store.explain(pbx.id, 'c2')).toMatchObject({ group: 'sales' });
      expect(await store.position(pbx.id, 'c2')).toMatchObject({ size: 1 });
      await at.status('anna', 'break');
      await store.setWrapUp(pbx.id, 'boris', 1000);
      await store.beginCall(pbx.id, node, 'boris', 'own', { talks: true });
      await store.refresh(pbx.id, ['anna', 'boris']);
      await at.later(3000);
      await at.leave('c2', 60_000);
      expect(await store.sync(pbx.id, node, { callers: [], calls: [], unsure: [] })).toEqual({
        offers: [],
        missing: [],
      });
      expect((await at.figures()).answered).toBe(1);
      const tasks = new CallbackTasks(redis);
      await tasks.add(
        pbx.id,
        {
          ...{ origin: 'group', number: '79990000001', call: 'c2', group: 'sales', since: 0 },
          ...{ maxAttempts: 1, intervalMs: 1000 },
        },
        0,
      );
      const [task] = await tasks.take(pbx.id, 1000, 1);
      expect(await tasks.report(pbx.id, task ?? { number: '', lease: 0 }, 'failed')).toBe('exhausted');
      expect(await tasks.cancel(pbx.id, '79990000001', 'client')).toBe(false);
      expect(await tasks.list(pbx.id)).toEqual([]);
    }
  });

  it('tells nodes of their offers', async () => {
    const servers = await startRedisCluster();
    cleanups.push(() => servers.stop());
    const pbx = office();
    const [one, two] = [await open(servers, pbx, 'one'), await open(servers, pbx, 'two')];
    await two.node.beginCall('anna', 'own');
    await two.node.beginCall('boris', 'own');
    const visitor = await one.enter();
    await two.node.endCall('boris', 'own');
    const offer = await visitor.offer();
    expect(offer.agent).toBe('boris');
    expect((await one.node.answer(offer)).outcome).toBe('connected');
  });
});

describe('the ACD after a fail-over by Sentinel', () => {
  it('goes on with everybody who waits, rings or talks', async () => {
    const servers = await startRedisSentinel();
    cleanups.push(() => servers.stop());
    const pbx = office();
    const [one, two] = [await open(servers, pbx, 'one'), await open(servers, pbx, 'two')];
    const talking = await one.enter();
    const conversation = await talking.offer();
    await one.node.answer(conversation);
    const ringing = await two.enter();
    const offer = await ringing.offer();
    const waiting = [await one.enter(), await two.enter(), await one.enter()];
    // What the replica has not got yet would be lost with the master, places and all: that is the case of `interleavings`.
    const redis = await connect(servers);
    await redis.use(async (client) => {
      await client.set('all-before-this', 'replicated');
      expect(await client.wait(1, 10_000)).toBe(1);
    });
    await servers.kill(0);
    const order = () => one.store.queue(pbx.id, 'sales').catch(() => []);
    const queue = await eventually('everybody in the new master', order, (found) => found.length === 4);
    expect(queue.map(({ call }) => call)).toEqual([ringing.call, ...waiting.map(({ call }) => call)]);
    expect((await two.node.answer(offer)).outcome).toBe('connected');
    await one.node.endCall(conversation.agent, conversation.call);
    for (const [i, visitor] of waiting.entries()) {
      const next = await visitor.offer();
      const { node } = i === 1 ? two : one;
      expect((await node.answer(next)).outcome).toBe('connected');
      await node.endCall(next.agent, next.call);
    }
    await two.node.endCall(offer.agent, offer.call);
    await eventually(
      'nothing left behind',
      () => one.remains(),
      (left) => left.length === 0,
    );
  });
});
