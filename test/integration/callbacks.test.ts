import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CallbackTasks } from '../../src/acd/callback-tasks.ts';
import { Dispatcher } from '../../src/acd/dispatcher.ts';
import { GroupCallbacks } from '../../src/acd/group-callbacks.ts';
import { QueueDistributor } from '../../src/acd/queue-distributor.ts';
import { WaitEstimates } from '../../src/acd/wait-estimates.ts';
import { RedisRegistrations, RedisSubscriber } from '../../src/redis/index.ts';
import { systemClock } from '../../src/time/clock.ts';
import { Precedence } from '../../src/time/precedence.ts';
import { systemRandom } from '../../src/time/random.ts';
import { employee, pbxOf } from '../support/pbx.ts';
import { somePbx, startTestRedis, type TestRedis } from '../support/redis.ts';
import { passive, Switchboard } from '../support/switchboard.ts';
import { eventually } from '../support/wait.ts';

/** Clients who are to be called back, kept by a real Redis. */

const client = '79031112233';
const line = '74950000001';
const log = pino({ level: 'silent' });
const undo: (() => unknown)[] = [];
let redis: TestRedis;

beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(async () => {
  for (const action of undo.splice(0).toReversed()) await action();
});
afterAll(() => redis.stop());

const pbxNamed = (id: string) =>
  pbxOf({
    pbx: { id, domains: ['acme.example'] },
    numbers: [{ number: line, scheme: 'main', source: { passive: 'line@acme.example' } }],
    trunks: [{ id: 'operator', host: 'operator.example', pstn: true }],
    schemes: [{ id: 'main', steps: [{ forward: { group: 'sales' } }] }],
    employees: [employee('anna', '401')],
    groups: [{ id: 'sales', extension: '450', members: [{ employee: 'anna' }], callback: { onHangup: true } }],
    callback: { group: { attempts: 2, interval: 60, ringTime: 30 } },
  });

describe('tasks', () => {
  async function nodes() {
    const pbx = pbxNamed(somePbx());
    const time = { now: 1_800_000_000_000 };
    const node = async () => {
      const connection = await redis.connect();
      const subscriber = new RedisSubscriber(connection);
      undo.push(() => subscriber.close());
      const tasks = new CallbackTasks(connection, () => time.now);
      return { tasks, callbacks: new GroupCallbacks(tasks, subscriber) };
    };
    const [{ tasks, callbacks: one }, { callbacks: other }] = await Promise.all([node(), node()]);
    expect(
      await one.ask(pbx, { origin: 'group', number: client, call: 'c', group: 'sales', since: time.now, line }),
    ).toBe(true);
    return { pbx, time, tasks, one, other };
  }

  it('belong to one node, for as long as it says that it lives; then another gets them, and the first is not believed', async () => {
    const { pbx, time, tasks, one, other } = await nodes();
    const [mine] = await one.take(pbx.id, 10);
    if (!mine) throw new Error('nothing was due');
    expect(mine).toMatchObject({ number: client, line, groups: ['sales'], attempts: 0 });
    expect(await other.take(pbx.id, 10)).toEqual([]);
    time.now += 50_000;
    expect(await one.holds(pbx.id, mine)).toBe(true);
    time.now += 50_000;
    expect(await other.take(pbx.id, 10)).toEqual([]);
    time.now += 11_000;
    const [theirs] = await other.take(pbx.id, 10);
    expect(theirs).toMatchObject({ number: client });
    expect(await one.holds(pbx.id, mine)).toBe(false);
    await one.over(pbx.id, mine, 'talked');
    expect(await tasks.list(pbx.id)).toHaveLength(1);
  });

  it('come again after the interval, as often as attempts were made; those in which the client was not dialled do not count', async () => {
    const { pbx, time, tasks, one } = await nodes();
    for (const { outcome, attempts } of [
      { outcome: 'postponed', attempts: [0] },
      { outcome: 'failed', attempts: [1] },
      { outcome: 'postponed', attempts: [1] },
      { outcome: 'failed', attempts: [] },
    ] as const) {
      const [task] = await one.take(pbx.id, 10);
      if (!task) throw new Error(`nothing was due before ${outcome}`);
      await one.over(pbx.id, task, outcome);
      expect((await tasks.list(pbx.id)).map((left) => left.attempts)).toEqual(attempts);
      time.now += 59_000;
      expect(await one.take(pbx.id, 10)).toEqual([]);
      time.now += 1000;
    }
  });

  it('are cancelled when the client gets through', async () => {
    const { pbx, tasks, one, other } = await nodes();
    const [task] = await one.take(pbx.id, 10);
    if (!task) throw new Error('nothing was due');
    other.reached(pbx, client);
    await eventually(
      'no task',
      () => tasks.list(pbx.id),
      (left) => left.length === 0,
    );
    expect(await one.holds(pbx.id, task)).toBe(false);
  });

  it('that are taken away are told of at once to the node that is at work on them, and to nobody else', async () => {
    const { pbx, tasks, one } = await nodes();
    const told: (string | undefined)[] = [];
    const unwatch = one.watch(pbx.id, client, (by) => told.push(by));
    const others = one.watch(pbx.id, '79990000000', (by) => by !== undefined && told.push(`another's ${by}`));
    await eventually(
      'the subscription',
      () => told,
      ({ length }) => length === 1,
    );
    expect(await tasks.cancel(pbx.id, client, 'user')).toBe(true);
    await eventually(
      'the message',
      () => told,
      ({ length }) => length === 2,
    );
    expect(told).toEqual([undefined, 'user']);
    unwatch();
    others();
  });

  it('by request stand beside no other: the first one stays', async () => {
    const { pbx, tasks, one } = await nodes();
    const asked = { origin: 'request', number: client, call: null, group: 'sales', since: 0 } as const;
    expect(await one.add(pbx, asked)).toMatchObject({ outcome: 'exists', task: { origin: 'group', call: 'c' } });
    await tasks.cancel(pbx.id, client, 'user');
    expect(await one.add(pbx, { ...asked, callerId: line })).toMatchObject({
      outcome: 'added',
      task: { origin: 'request', call: null, callerId: line, dueAt: expect.any(Number) },
    });
    expect(await one.add(pbx, { ...asked, group: 'other' })).toMatchObject({ outcome: 'exists' });
  });
});

it('a client who hangs up in the queue is called back when a member is there', async () => {
  const pbx = pbxNamed('acme');
  const connection = await redis.connect();
  const subscriber = new RedisSubscriber(connection);
  const precedence = new Precedence(systemClock);
  const dispatcher = new Dispatcher({
    ...{ redis: connection, subscriber, clock: systemClock, precedence, random: systemRandom, log, nodeId: 'a' },
  });
  const estimates = new WaitEstimates({ store: dispatcher.store, redis: connection, clock: systemClock, log });
  undo.push(async () => {
    dispatcher.close();
    await estimates.close();
    subscriber.close();
  });
  const acd = await dispatcher.add(pbx);
  const tasks = new CallbackTasks(connection);
  const callbacks = new GroupCallbacks(tasks, subscriber);
  const groups = new QueueDistributor({ node: () => acd, estimates, clock: systemClock, precedence });
  const board = new Switchboard(pbx, { groups, callbacks });
  const runner = board.callbacks(callbacks);
  undo.push(() => runner.close());
  callbacks.events.on('asked', () => void runner.look(pbx));
  const queue = () => dispatcher.store.queue(pbx.id, 'sales');
  const sent = (to: string) => board.sip.sent.filter(({ request }) => request.target.uri.includes(to)).length;

  const caller = await board.call(passive(line), client, line);
  const [first] = await eventually('a caller who waits', queue, (waiting) => waiting.length === 1);
  await eventually(
    'an answer',
    () => caller.responses.at(-1),
    (response) => response === '200',
  );
  caller.dialog.hangUp();
  const [callback] = await eventually(
    'his callback in the queue',
    queue,
    ([one]) => one !== undefined && one.call !== first?.call,
  );
  expect(callback).toMatchObject({ number: client, since: first?.since });
  expect(board.sip.sent).toEqual([]);

  await new RedisRegistrations(connection).bind(
    pbx.id,
    'anna@acme.example',
    {
      ...{ callId: 'anna', cseq: 1, path: [], node: 'a' },
      contacts: [{ key: 'anna', uri: 'sip:anna@127.0.0.1', expires: 300, q: 1 }],
      receivedFrom: { protocol: 'udp', address: '127.0.0.1', port: 5060 },
    },
    { max: 10, beyond: 'dropOldest' },
  );
  await acd.registrationChanged('anna@acme.example');
  await eventually(
    'a ringing member',
    () => sent('anna'),
    (count) => count === 1,
  );
  const anna = board.sip.to('anna').answers();
  await eventually(
    'a client who is rung',
    () => sent('operator.example'),
    (count) => count === 1,
  );
  board.sip.to('operator.example').answers();
  await eventually(
    'no task',
    () => tasks.list(pbx.id),
    (left) => left.length === 0,
  );
  anna.hangUp();
  const records = await eventually(
    'two records',
    () => board.records,
    ({ length }) => length === 2,
  );
  expect(records).toMatchObject([
    { direction: 'in', outcome: 'missed' },
    { direction: 'out', outcome: 'answered', employee: 'anna', callback: { call: first?.call, attempt: 1 } },
  ]);
  expect(sent('anna')).toBe(1);
});
