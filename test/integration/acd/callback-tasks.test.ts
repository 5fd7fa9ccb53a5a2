import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CallbackTasks, type MissedCall } from '../../../src/acd/callback-tasks.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { somePbx, startTestRedis, type TestRedis } from '../../support/redis.ts';

let redis: TestRedis;
let pbx: string;
let clock: FakeClock;
let tasks: CallbackTasks;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  pbx = somePbx();
  clock = new FakeClock();
  tasks = new CallbackTasks(await redis.connect(), () => clock.now());
});

const number = '79990000001';
const missed = (more: Partial<MissedCall> = {}): MissedCall => ({
  ...{
    origin: 'group',
    number,
    call: 'c1',
    group: 'sales',
    since: clock.now() - 90_000,
    maxAttempts: 3,
    intervalMs: 60_000,
  },
  ...more,
});
const leaseMs = 120_000;
const take = () => tasks.take(pbx, leaseMs, 10);

/** §4.4.6.2.1 and §4.6.5.7 of the manual, 2-call-behaviour §9. */
describe('callback tasks', () => {
  it('one for a number at a time; another group that missed the same call joins it', async () => {
    expect(await tasks.add(pbx, missed(), 5000)).toMatchObject({ outcome: 'added' });
    expect(await tasks.add(pbx, missed(), 0)).toMatchObject({ outcome: 'exists' });
    expect(await tasks.add(pbx, missed({ group: 'help' }), 0)).toMatchObject({ outcome: 'joined' });
    expect(await tasks.add(pbx, missed({ call: 'c2', group: 'third' }), 0)).toMatchObject({ outcome: 'exists' });
    expect(await tasks.add(pbx, missed({ number: '79990000002' }), 1000)).toMatchObject({ outcome: 'added' });
    expect((await tasks.list(pbx)).map((task) => [task.number, task.groups, task.dueAt - clock.now()])).toEqual([
      ['79990000002', ['sales'], 1000],
      [number, ['sales', 'help'], 5000],
    ]);
    expect(await tasks.list('another')).toEqual([]);
  });

  it('keep the moment at which the client began to wait, and his place', async () => {
    const since = clock.now() - 90_000;
    await tasks.add(pbx, missed({ place: 'his place' }), 0);
    clock.advance(3_600_000);
    expect(await take()).toMatchObject([{ number, since, place: 'his place', attempts: 0, createdAt: since + 90_000 }]);
  });

  it('are due when it is time, and given to one node alone', async () => {
    await tasks.add(pbx, missed(), 5000);
    clock.advance(4999);
    expect(await take()).toEqual([]);
    clock.advance(1);
    const other = new CallbackTasks(await redis.connect(), () => clock.now());
    const taken = await Promise.all([take(), other.take(pbx, leaseMs, 10), take()]);
    expect(taken.flat()).toHaveLength(1);
  });

  it('are tried again after the interval, as often as the PBX wants', async () => {
    await tasks.add(pbx, missed(), 0);
    for (const [attempts, then] of [
      [0, 'again'],
      [1, 'again'],
      [2, 'exhausted'],
    ] as const) {
      const [task] = await take();
      expect(task?.attempts).toBe(attempts);
      clock.advance(30_000);
      expect(await tasks.report(pbx, task ?? { number, lease: 0 }, 'failed')).toBe(then);
      clock.advance(59_999);
      expect(await take()).toEqual([]);
      clock.advance(1);
    }
    expect(await tasks.list(pbx)).toEqual([]);
    expect(await tasks.add(pbx, missed({ call: 'c2' }), 0)).toMatchObject({ outcome: 'added' });
  });

  it('are done when the two have talked', async () => {
    await tasks.add(pbx, missed(), 0);
    const [task] = await take();
    expect(await tasks.report(pbx, task ?? { number, lease: 0 }, 'talked')).toBe('done');
    expect(await tasks.list(pbx)).toEqual([]);
  });

  it('are cancelled when the client gets through meanwhile, also during an attempt', async () => {
    await tasks.add(pbx, missed(), 0);
    const [task] = await take();
    expect(await tasks.cancel(pbx, number, 'client')).toBe(true);
    expect(await tasks.cancel(pbx, number, 'client')).toBe(false);
    expect(await tasks.report(pbx, task ?? { number, lease: 0 }, 'failed')).toBe('gone');
    clock.advance(leaseMs + 60_000);
    expect(await take()).toEqual([]);
    // A later attempt for another missed call is not touched by what an old holder says.
    await tasks.add(pbx, missed({ call: 'c2' }), 0);
    expect(await tasks.report(pbx, task ?? { number, lease: 0 }, 'talked')).toBe('gone');
    expect(await take()).toHaveLength(1);
    expect(await tasks.report(pbx, task ?? { number, lease: 0 }, 'talked')).toBe('gone');
    expect(await tasks.list(pbx)).toHaveLength(1);
  });

  it('of a node that died go to another when the lease is over, and the first is not believed any more', async () => {
    await tasks.add(pbx, missed(), 0);
    const [first] = await take();
    clock.advance(leaseMs - 1);
    expect(await take()).toEqual([]);
    clock.advance(1);
    const [second] = await take();
    expect(second?.attempts).toBe(0);
    expect(await tasks.report(pbx, first ?? { number, lease: 0 }, 'talked')).toBe('gone');
    expect(await tasks.report(pbx, second ?? { number, lease: 0 }, 'failed')).toBe('again');
  });

  it('are taken in the order in which they are due, as many as are wanted', async () => {
    for (let i = 0; i < 5; i++) await tasks.add(pbx, missed({ number: `7999000001${i}` }), 5000 - i * 1000);
    clock.advance(5000);
    const order = [
      ...(await tasks.take(pbx, leaseMs, 3)).map((task) => task.number),
      ...(await tasks.take(pbx, leaseMs, 3)).map((task) => task.number),
    ];
    expect(order).toEqual([4, 3, 2, 1, 0].map((i) => `7999000001${i}`));
  });

  it('survive a restart of Redis', async () => {
    await tasks.add(pbx, missed(), 0);
    const connection = await redis.connect();
    const up = new Promise((resolve) => connection.on('up', () => resolve(undefined)));
    await redis.kill();
    await up;
    const again = new CallbackTasks(connection, () => clock.now());
    expect(await again.take(pbx, leaseMs, 10)).toMatchObject([{ number }]);
  });
});
