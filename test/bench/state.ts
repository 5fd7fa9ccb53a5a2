import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { startHistory } from '../../src/history/index.ts';
import type { RedisConnection } from '../../src/redis/index.ts';
import { type BindResult, RedisRegistrations } from '../../src/redis/index.ts';
import { systemClock } from '../../src/time/clock.ts';
import { systemRandom } from '../../src/time/random.ts';
import { someCall, someParticipant } from '../support/calls.ts';
import { startTestDatabase } from '../support/database.ts';
import { somePbx, startTestRedis } from '../support/redis.ts';
import type { Figure } from './figure.ts';

const inFlight = 64;

/** What Redis and the database bear: one process, one connection, both beside it on this machine. */
export async function run(): Promise<Figure[]> {
  const redis = await startTestRedis();
  try {
    const connection = await redis.connect();
    const incr = await rate(20_000, (i) => connection.use((client) => client.incr(`bench-${i % 1000}`)));
    return [
      { name: 'baseline: Redis INCR', value: incr, unit: 'commands/s' },
      ...(await registrations(connection)),
      ...(await history(connection)),
    ];
  } finally {
    await redis.stop();
  }
}

async function registrations(connection: RedisConnection): Promise<Figure[]> {
  const store = new RedisRegistrations(connection);
  const pbx = somePbx();
  const accounts = 1000;
  const bind = (i: number): Promise<BindResult> =>
    store.bind(
      pbx,
      `account-${i % accounts}@acme.example`,
      {
        callId: `call-${i % accounts}`,
        cseq: i + 1,
        contacts: [{ key: 'desk', uri: 'sip:account@192.0.2.7:5060;ob', expires: 3600, q: 1 }],
        userAgent: 'a phone of some make',
        receivedFrom: { protocol: 'udp', address: '192.0.2.7', port: 5060 },
        path: [],
        node: 'bench',
      },
      { max: 10, beyond: 'refuse' },
    );
  const first = await rate(accounts, bind);
  const refreshed = await rate(20_000, (i) => bind(accounts + i));
  const looked = await rate(20_000, (i) => store.contacts(pbx, `account-${i % accounts}@acme.example`));
  return [
    { name: 'bindings made', value: first, unit: 'registrations/s' },
    { name: 'bindings refreshed', value: refreshed, unit: 'registrations/s' },
    { name: 'contacts looked up', value: looked, unit: 'look-ups/s' },
  ];
}

async function history(connection: RedisConnection): Promise<Figure[]> {
  const { database, stop } = await startTestDatabase();
  const directory = await mkdtemp(join(tmpdir(), 'km-bench-'));
  const pbx = somePbx();
  const log = startHistory({
    redis: connection,
    database,
    directory,
    node: 'bench',
    pbxs: () => [pbx],
    alone: true,
    clock: systemClock,
    random: systemRandom,
    log: pino({ level: 'silent' }),
  });
  try {
    const count = 5000;
    const calls = Array.from({ length: count }, (_, i) =>
      someCall({
        pbx,
        start: new Date(Date.UTC(2026, 0, 1) + i * 1000).toISOString(),
        participants: [someParticipant({ id: 'sales', kind: 'group' }), someParticipant({ id: `employee-${i % 20}` })],
      }),
    );
    const begun = performance.now();
    const accepted = await rate(count, (i) => log.record(calls[i] as (typeof calls)[number]));
    await log.settled();
    const stored = count / ((performance.now() - begun) / 1000);
    const missing = count - Number((await database.query('select count(*)::int from calls'))[0]?.[0]);
    const pages = await rate(
      200,
      (i) => log.store.query(pbx, { participant: [`employee-${i % 20}`] }, { limit: 50 }),
      1,
    );
    return [
      { name: 'records taken from calls', value: accepted, unit: 'records/s' },
      { name: 'records in the embedded database', value: Math.round(stored), unit: 'records/s' },
      { name: 'records missing', value: missing, unit: 'records' },
      { name: 'history pages of 50, by participant', value: pages, unit: 'pages/s' },
    ];
  } finally {
    await log.close();
    await stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Whole runs a second, with some under way at a time. */
async function rate(count: number, run: (i: number) => Promise<unknown>, width = inFlight): Promise<number> {
  let next = 0;
  const begun = performance.now();
  const lane = async () => {
    while (next < count) await run(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
  return Math.round(count / ((performance.now() - begun) / 1000));
}
