import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { pino } from 'pino';
import { AcdNode, type CallerEvents } from '../../src/acd/node.ts';
import { AcdStore, type NodeTruth, type QueueRequest } from '../../src/acd/store.ts';
import type { PbxVersion } from '../../src/config/version.ts';
import { startPrivateRedis } from '../../src/embedded/redis/index.ts';
import { RedisConnection } from '../../src/redis/connection.ts';
import { socketAddress } from '../../src/redis/index.ts';
import { Keys } from '../../src/redis/keys.ts';
import { RedisSubscriber } from '../../src/redis/subscriber.ts';
import { systemClock } from '../../src/time/clock.ts';
import { Precedence } from '../../src/time/precedence.ts';
import { systemRandom } from '../../src/time/random.ts';
import { employee, pbxOf } from '../support/pbx.ts';
import type { Figure } from './figure.ts';

const agents = 10_000;
const groups = 500;
/** Of each agent. */
const groupsOfAgent = 2;
const waiting = 10_000;
/** How many commands are under way at once, as from many calls of several nodes. */
const parallel = 64;

/**
 * The scripts of the ACD on one redis-server, at the size of a large installation in a single PBX: all agents talk, callers wait in every queue. One dispatch
 * is one script in which an agent's call ends and the caller who has waited longest for him is reserved for him and told to his node.
 */
export async function run(): Promise<Figure[]> {
  const directory = await mkdtemp(join(tmpdir(), 'km-bench-'));
  const log = pino({ level: 'silent' });
  const server = await startPrivateRedis({ directory, log });
  const redis = await RedisConnection.open(socketAddress(server.socket, server.password), { command: 60_000 });
  try {
    return await measure(redis);
  } finally {
    await redis.close();
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(redis: RedisConnection): Promise<Figure[]> {
  const figures: Figure[] = [];
  const note = (name: string, value: number, unit: string) => figures.push({ name, value, unit });
  const pbx = largePbx();
  const store = new AcdStore(redis, systemRandom);
  await store.join(pbx, 'node', 'run', Date.now());
  const name = store.nodeName(pbx.id, 'node', 'run');
  // A node says every second that it lives, whatever else it does.
  const alive = setInterval(() => void store.beat(pbx, name, Date.now()), 1000);
  try {
    // What one connection and one server do at best, for comparison.
    const ping = await rate(20_000, () => redis.use((client) => client.eval('return 1', 0)));
    note('baseline: scripts that do nothing', ping, '/s');

    note('a configuration of 10,000 agents taken over', await lasts(() => store.configure(pbx)), 'ms');
    const ids = pbx.document.employees.map(({ id }) => id);

    // Every agent talks to somebody, so that whoever comes now waits.
    const groupOf = (i: number) => `group-${i % groups}`;
    const calls = await Promise.all(
      ids.map(async (_, i) => {
        const call = `first-${i}`;
        await store.enqueue(pbx.id, name, request(call, groupOf(i)));
        return call;
      }),
    );
    const offers = new Map<string, { readonly call: string; readonly agent: string; readonly token: number }>();
    await collect(store, pbx, offers);
    await all([...offers.values()], (offer) => store.answer(pbx.id, offer));
    const before = await memory(redis, pbx.id);
    const begun = performance.now();
    await all(
      Array.from({ length: waiting }, (_, i) => i),
      (i) => store.enqueue(pbx.id, name, request(`waits-${i}`, groupOf(i))),
    );
    note('callers taken into a queue', (waiting / (performance.now() - begun)) * 1000, '/s');
    note('Redis: memory of a waiting caller', (await memory(redis, pbx.id)) / waiting - before / waiting, 'bytes');
    note('agents who talk', calls.length - (await free(store, pbx)), '');

    const position = await rate(10_000, (i) => store.position(pbx.id, `waits-${(i * 7919) % waiting}`));
    note('positions told', position, '/s');
    const truth = await truthOf(store, pbx);
    note(
      'a node with 10,000 callers and as many calls compared with Redis (sync)',
      await lasts(() => store.sync(pbx.id, name, truth)),
      'ms',
    );

    // The end of a call gives its agent the next caller in the same script.
    const talking = [...offers.values()];
    const cpu = await cpuSeconds(redis);
    const end = ({ agent, call }: { readonly agent: string; readonly call: string }) =>
      store.endCall(pbx.id, agent, call);
    note('dispatches: a call ends, the next caller is reserved', await timed(talking, end), '/s');
    const each = ((await cpuSeconds(redis)) - cpu) / talking.length;
    note('the same, by the processor time of redis-server alone', 1 / each, '/s');
    offers.clear();
    await collect(store, pbx, offers);
    note('callers who were dispatched', offers.size, '');
    note('answers', await timed([...offers.values()], (offer) => store.answer(pbx.id, offer)), '/s');
    note('Redis: memory of an agent', (await memory(redis, pbx.id)) / agents, 'bytes');
  } finally {
    clearInterval(alive);
  }
  note('engine: memory of a waiting caller', await memoryOfCaller(redis), 'bytes');
  return figures;
}

function largePbx(): PbxVersion {
  const employees = Array.from({ length: agents }, (_, i) =>
    employee(`agent-${i}`, `${100_000 + i}`, { contacts: [{ phone: `7925${1_000_000 + i}` }], accounts: [] }),
  );
  return pbxOf({
    pbx: { id: 'large', domains: ['acme.example'] },
    employees,
    groups: Array.from({ length: groups }, (_, g) => ({
      id: `group-${g}`,
      name: `group-${g}`,
      extension: `${10_000 + g}`,
      algorithm: 'longestIdle',
      members: Array.from({ length: (agents / groups) * groupsOfAgent }, (_, i) => ({
        employee: `agent-${(g + i * groups + (i % groupsOfAgent)) % agents}`,
      })),
    })),
  });
}

const request = (call: string, group: string): QueueRequest => ({
  ...{
    call,
    group,
    number: `7916${call.length}${call.slice(-5)}`,
    ringMs: 600_000,
    maxWaitMs: 3_600_000,
    maxLength: 0,
  },
  ...{ wrapUpMs: 0, waits: true, familiar: false },
});

type OutOffers = Map<string, { readonly call: string; readonly agent: string; readonly token: number }>;

/** The offers that are out, by agent. */
async function collect(store: AcdStore, pbx: PbxVersion, offers: OutOffers): Promise<void> {
  for (const { id } of pbx.document.groups) {
    for (const { call, offers: out } of await store.queue(pbx.id, id, 1000))
      for (const [agent, token] of Object.entries(out)) offers.set(agent, { call, agent, token });
  }
}

async function free(store: AcdStore, pbx: PbxVersion): Promise<number> {
  const states = await store.agents(
    pbx.id,
    pbx.document.employees.map(({ id }) => id),
  );
  return states.filter(({ unavailable }) => unavailable === undefined).length;
}

async function truthOf(store: AcdStore, pbx: PbxVersion): Promise<NodeTruth> {
  const callers = Array.from({ length: waiting }, (_, i) => `waits-${i}`);
  const states = await store.agents(
    pbx.id,
    pbx.document.employees.map(({ id }) => id),
  );
  const calls = states.flatMap(({ employee: agent, calls: his }) =>
    Object.keys(his).map((call) => ({ agent, call, talks: true, wrapUpMs: 0 })),
  );
  return { callers, calls, unsure: [] };
}

/** Bytes of all keys of the ACD. */
async function memory(redis: RedisConnection, pbx: string): Promise<number> {
  let bytes = 0;
  for (const key of new Keys(pbx).acd())
    bytes += Number((await redis.use((client) => client.call('MEMORY', 'USAGE', key, 'SAMPLES', '0'))) ?? 0);
  return bytes;
}

/** What the server has used of its one core: what counts when the machine does other things as well. */
async function cpuSeconds(redis: RedisConnection): Promise<number> {
  const info = await redis.use((client) => client.info('cpu'));
  const of = (name: string) => Number(new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1]);
  return of('used_cpu_sys') + of('used_cpu_user');
}

/** With so many under way at once. */
async function all<T>(items: readonly T[], run: (item: T, i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (let i = next++; i < items.length; i = next++) await run(items[i] as T, i);
    }),
  );
}

async function timed<T>(items: readonly T[], run: (item: T) => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await all(items, run);
  return (items.length / (performance.now() - begun)) * 1000;
}

const rate = (count: number, run: (i: number) => Promise<unknown>): Promise<number> =>
  timed(
    Array.from({ length: count }, (_, i) => i),
    run,
  );

async function lasts(run: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await run();
  return performance.now() - begun;
}

/** What a node keeps for each caller whom it has in a queue, in the heap of the engine. */
async function memoryOfCaller(redis: RedisConnection): Promise<number> {
  const pbx = pbxOf({
    pbx: { id: 'small', domains: ['acme.example'] },
    employees: [employee('anna', '101')],
    groups: [{ id: 'group-0', name: 'group-0', extension: '501', members: [{ employee: 'anna' }] }],
  });
  const node = new AcdNode(pbx, {
    ...{ store: new AcdStore(redis, systemRandom), clock: systemClock, log: pino({ level: 'silent' }) },
    ...{ precedence: new Precedence(systemClock), nodeId: 'node', run: 'run' },
  });
  const subscriber = new RedisSubscriber(redis);
  subscriber.subscribe(node.name, (message) => message && node.told(message));
  await node.start();
  const nothing = () => undefined;
  const events: CallerEvents = { offered: nothing, withdrawn: nothing, over: nothing };
  await settledHeap();
  const before = await settledHeap();
  await all(
    Array.from({ length: waiting }, (_, i) => i),
    (i) => node.enqueue(request(`call-${i}`, 'group-0'), events),
  );
  const bytes = (await settledHeap()) - before;
  node.stop();
  subscriber.close();
  return bytes / waiting;
}

async function settledHeap(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 3; i++) {
    collect();
    await pause(50);
  }
  return process.memoryUsage().heapUsed;
}
