import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LimitedCall, LimitReached } from '../../src/dial/outgoing/limits.ts';
import { Keys, type RedisConnection } from '../../src/redis/index.ts';
import { type LimitMet, OutgoingLimits } from '../../src/trunks/outgoing-limits.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { employee, pbxOf } from '../support/pbx.ts';
import { passTime, redisAway, somePbx, startTestRedis, type TestRedis } from '../support/redis.ts';
import { eventually } from '../support/wait.ts';

const log = pino({ level: 'silent' });
let redis: TestRedis;
let connection: RedisConnection;
let clock: FakeClock;
let id: string;
const open: OutgoingLimits[] = [];

beforeAll(async () => {
  redis = await startTestRedis();
  connection = await redis.connect();
});
afterAll(() => redis.stop());
beforeEach(() => {
  // Noon in Moscow.
  clock = new FakeClock('2026-11-26T09:00:00Z');
  id = somePbx();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((limits) => limits.close()));
});

function node(run: string, over: RedisConnection = connection) {
  const limits = new OutgoingLimits({ redis: over, clock, log, run, now: () => clock.now() });
  open.push(limits);
  return limits;
}

const pbxWith = (limits: Record<string, unknown>, ofAnna: Record<string, unknown> = {}) =>
  pbxOf({
    pbx: { id, domains: ['acme.example'], timezone: 'Europe/Moscow' },
    employees: [employee('anna', '401', { outgoing: { limits: ofAnna } }), employee('boris', '402')],
    security: { limits },
  });

const none = { concurrent: 0, callsPerMinute: 0, minutesPerDay: 0 };
/** Of the PBX alone. */
const ofPbx = (limits: Record<string, number>) => ({ ...none, ...limits, employee: none });

interface Dialled {
  readonly call: LimitedCall;
  /** It was cut off. */
  cut: boolean;
}

async function dial(
  limits: OutgoingLimits,
  pbx: ReturnType<typeof pbxWith>,
  who?: string,
  number = '74957890000',
): Promise<Dialled | LimitReached> {
  const state = { cut: false };
  const begun = await limits.begin({
    pbx,
    employee: who,
    number,
    exhausted: () => {
      state.cut = true;
    },
  });
  if ('reached' in begun) return begun.reached;
  return Object.assign(state, { call: begun });
}

async function talks(limits: OutgoingLimits, pbx: ReturnType<typeof pbxWith>, who?: string): Promise<Dialled> {
  const dialled = await dial(limits, pbx, who);
  if (!('call' in dialled)) throw new Error(`refused: ${dialled.limit}`);
  dialled.call.answered();
  return dialled;
}

const pass = (ms: number) => passTime(clock, connection, ms);

const talked = (who = '') =>
  connection.use(async (client) => Number(await client.hget(new Keys(id).outgoing(who)[2], 'ms')));
const going = (who = '') => connection.use((client) => client.zcard(new Keys(id).outgoing(who)[0]));

describe('calls at the same time', () => {
  it('are counted over all nodes', async () => {
    const pbx = pbxWith(ofPbx({ concurrent: 3 }));
    const [a, b] = [node('a'), node('b')];
    const all = await Promise.all([a, b, a, b, a].map((one) => dial(one, pbx)));
    const begun = all.filter((one) => 'call' in one);
    expect(begun).toHaveLength(3);
    expect(all.filter((one) => !('call' in one))).toEqual(Array(2).fill({ limit: 'concurrent', max: 3 }));
    begun[0]?.call.over();
    begun[0]?.call.over();
    await eventually('a call less', going, (count) => count === 2);
    expect(await dial(b, pbx)).toHaveProperty('call');
    expect(await dial(a, pbx)).toMatchObject({ limit: 'concurrent' });
  });

  it('of one employee do not keep another from calling; what a call was refused for counts nowhere', async () => {
    const pbx = pbxWith({ ...none, concurrent: 3, employee: { ...none, concurrent: 1 } }, { concurrent: 2 });
    const limits = node('a');
    await dial(limits, pbx, 'anna');
    await dial(limits, pbx, 'anna');
    // Her own limit stands in for that of all.
    expect(await dial(limits, pbx, 'anna')).toEqual({ limit: 'concurrent', max: 2, employee: 'anna' });
    expect(await dial(limits, pbx, 'boris')).toHaveProperty('call');
    expect(await dial(limits, pbx, 'boris')).toEqual({ limit: 'concurrent', max: 1, employee: 'boris' });
    expect(await going()).toBe(3);
    expect(await dial(limits, pbx)).toEqual({ limit: 'concurrent', max: 3 });
  });

  it('of a node that has died count no more after 15 seconds, those of a living one do', async () => {
    const pbx = pbxWith(ofPbx({ concurrent: 2 }));
    const [dead, living] = [node('dead'), node('living')];
    const lost = new OutgoingLimits({
      redis: connection,
      clock: new FakeClock(),
      log,
      run: 'dead',
      now: () => clock.now(),
    });
    await dial(lost, pbx);
    await dial(living, pbx);
    expect(await dial(dead, pbx)).toMatchObject({ limit: 'concurrent' });
    await pass(16_000);
    expect(await dial(living, pbx)).toHaveProperty('call');
    expect(await dial(living, pbx)).toMatchObject({ limit: 'concurrent' });
  });

  it('are counted again when Redis has lost its data', async () => {
    const pbx = pbxWith(ofPbx({ concurrent: 1 }));
    await dial(node('a'), pbx);
    await connection.use((client) => client.flushall());
    await pass(5000);
    expect(await dial(node('b'), pbx)).toMatchObject({ limit: 'concurrent' });
  });
});

describe('calls in a minute', () => {
  it('are those of the last sixty seconds, over all nodes; refused ones are none', async () => {
    const pbx = pbxWith(ofPbx({ callsPerMinute: 2 }));
    const [a, b] = [node('a'), node('b')];
    const first = await dial(a, pbx);
    if ('call' in first) first.call.over();
    await pass(30_000);
    await dial(b, pbx);
    expect(await dial(a, pbx)).toEqual({ limit: 'callsPerMinute', max: 2 });
    expect(await dial(b, pbx)).toEqual({ limit: 'callsPerMinute', max: 2 });
    await pass(30_000);
    expect(await dial(a, pbx)).toHaveProperty('call');
    expect(await dial(b, pbx)).toEqual({ limit: 'callsPerMinute', max: 2 });
  });
});

describe('minutes in a day', () => {
  const pbx = () => pbxWith({ ...none, minutesPerDay: 10, employee: { ...none, minutesPerDay: 2 } });

  it('are what was talked, and not what rang; calls that go on count as they go', async () => {
    const of = pbx();
    const [a, b] = [node('a'), node('b')];
    await dial(a, of, 'anna');
    await pass(60_000);
    expect(await talked('anna')).toBe(0);
    const { call } = await talks(a, of, 'anna');
    await pass(90_000);
    expect(await talked('anna')).toBeGreaterThanOrEqual(85_000);
    call.over();
    await eventually(
      'the rest to be told',
      () => talked('anna'),
      (ms) => ms === 90_000,
    );
    expect(await talked()).toBe(90_000);
    const rest = await talks(b, of, 'anna');
    await pass(30_000);
    rest.call.over();
    await eventually(
      'the rest to be told',
      () => talked('anna'),
      (ms) => ms === 120_000,
    );
    expect(await dial(a, of, 'anna')).toEqual({ limit: 'minutesPerDay', max: 2, employee: 'anna' });
    expect(await dial(b, of, 'boris')).toHaveProperty('call');
  });

  it('used up while they talk: the call is cut off, on whatever node; one that rings is not', async () => {
    const of = pbx();
    const [a, b] = [node('a'), node('b')];
    const [one, two, other] = [await talks(a, of, 'anna'), await talks(b, of, 'anna'), await talks(b, of, 'boris')];
    const ringing = await dial(a, of, 'anna');
    await pass(55_000);
    expect([one.cut, two.cut]).toEqual([false, false]);
    await pass(11_000);
    expect([one.cut, two.cut, other.cut]).toEqual([true, true, false]);
    expect(ringing).toMatchObject({ cut: false });
  });

  it('begin anew at midnight of the PBX', async () => {
    // In Moscow 23:56.
    clock = new FakeClock('2026-11-26T20:56:00Z');
    const of = pbx();
    const limits = node('a');
    const { call } = await talks(limits, of, 'anna');
    await pass(120_000);
    call.over();
    await pass(119_000);
    expect(await dial(limits, of, 'anna')).toMatchObject({ limit: 'minutesPerDay' });
    await pass(1000);
    expect(await dial(limits, of, 'anna')).toHaveProperty('call');
  });
});

describe('while Redis is away', () => {
  it('each node goes by what it knows itself', async () => {
    const limits = node('a', redisAway);
    const pbx = pbxWith({ ...none, callsPerMinute: 3, employee: { ...none, concurrent: 1, minutesPerDay: 1 } });
    const { call } = await talks(limits, pbx, 'anna');
    expect(await dial(limits, pbx, 'anna')).toMatchObject({ limit: 'concurrent', employee: 'anna' });
    await pass(50_000);
    call.over();
    const second = await talks(limits, pbx, 'anna');
    await pass(20_000);
    expect(second.cut).toBe(true);
    second.call.over();
    expect(await dial(limits, pbx, 'anna')).toMatchObject({ limit: 'minutesPerDay', employee: 'anna' });
    await dial(limits, pbx);
    await dial(limits, pbx);
    expect(await dial(limits, pbx)).toEqual({ limit: 'callsPerMinute', max: 3 });
  });
});

describe('a limit that is met', () => {
  it('is told once a minute, and counted each time', async () => {
    const pbx = pbxWith({ ...none, employee: { ...none, concurrent: 1 } });
    const limits = node('a');
    const met: LimitMet[] = [];
    limits.events.on('met', (one) => met.push(one));
    await dial(limits, pbx, 'anna');
    for (let i = 0; i < 3; i++) await dial(limits, pbx, 'anna');
    await dial(limits, pbx, 'boris');
    await dial(limits, pbx, 'boris');
    const told = (who: string) => ({ pbx: id, number: '74957890000', limit: 'concurrent', max: 1, employee: who });
    expect(met).toEqual([told('anna'), told('boris')]);
    await pass(60_000);
    await dial(limits, pbx, 'anna');
    expect(met.at(-1)).toEqual(told('anna'));
    expect(met).toHaveLength(3);
    expect(limits.refused.get(`${id}/concurrent`)).toBe(5);
  });
});

it('emergency numbers are never refused', async () => {
  const pbx = pbxWith(ofPbx({ concurrent: 1 }));
  const limits = node('a');
  await dial(limits, pbx);
  expect(await dial(limits, pbx, 'anna', '112')).toHaveProperty('call');
  expect(await dial(limits, pbx)).toMatchObject({ limit: 'concurrent' });
});

it('without limits nothing is asked of Redis, and no timer runs', async () => {
  const limits = node('a');
  const pbx = pbxWith(ofPbx({}));
  await talks(limits, pbx, 'anna');
  expect(clock.pending).toBe(0);
  expect(await connection.use((client) => client.keys(`*{${id}}*`))).toEqual([]);
});

it('the defaults bound an employee, and not a company', async () => {
  const pbx = pbxWith({});
  const limits = node('a');
  for (let calls = 0; calls < 20; calls++) expect(await dial(limits, pbx, 'anna')).toHaveProperty('call');
  expect(await dial(limits, pbx, 'anna')).toEqual({ limit: 'concurrent', max: 20, employee: 'anna' });
  for (let calls = 0; calls < 200; calls++) expect(await dial(limits, pbx)).toHaveProperty('call');
  const boris = await dial(limits, pbx, 'boris');
  for (let calls = 1; calls < 120; calls++) {
    const one = await dial(limits, pbx, 'boris');
    if ('call' in one) one.call.over();
    await eventually(
      'its end to be counted',
      () => going('boris'),
      (count) => count === 1,
    );
  }
  expect(boris).toHaveProperty('call');
  expect(await dial(limits, pbx, 'boris')).toEqual({ limit: 'callsPerMinute', max: 120, employee: 'boris' });
});
