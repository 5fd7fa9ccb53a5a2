import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CallbackTasks } from '../../src/acd/callback-tasks.ts';
import { Dispatcher } from '../../src/acd/dispatcher.ts';
import type { GroupCall, MemberOffer, QueuePlace } from '../../src/acd/distributor.ts';
import { GroupCallbacks } from '../../src/acd/group-callbacks.ts';
import { QueueDistributor } from '../../src/acd/queue-distributor.ts';
import { WaitEstimates } from '../../src/acd/wait-estimates.ts';
import type { PbxVersion } from '../../src/config/version.ts';
import { Leg } from '../../src/dial/leg.ts';
import { type RingResult, type RingStopped, stopOf } from '../../src/dial/ring.ts';
import type { EndReason } from '../../src/end-reason.ts';
import { RedisRegistrations, RedisSubscriber } from '../../src/redis/index.ts';
import { systemClock } from '../../src/time/clock.ts';
import { Precedence } from '../../src/time/precedence.ts';
import { systemRandom } from '../../src/time/random.ts';
import { FakeEndpoint } from '../support/fake-media.ts';
import { FakeDialog } from '../support/fake-sip.ts';
import { employee, pbxOf } from '../support/pbx.ts';
import { somePbx, startTestRedis, type TestRedis } from '../support/redis.ts';
import { eventually } from '../support/wait.ts';

/** Callers of two nodes in queues that a real Redis holds; the phones are the test's. */

let redis: TestRedis;
const undo: (() => unknown)[] = [];

beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(async () => {
  for (const action of undo.splice(0).toReversed()) await action();
});
afterAll(() => redis.stop());

const log = pino({ level: 'silent' });

/** One engine, as far as the ACD is concerned. */
async function node(pbx: PbxVersion, nodeId: string) {
  const connection = await redis.connect();
  const subscriber = new RedisSubscriber(connection);
  const precedence = new Precedence(systemClock);
  const dispatcher = new Dispatcher({
    ...{ redis: connection, subscriber, clock: systemClock, precedence, random: systemRandom, log, nodeId },
  });
  const estimates = new WaitEstimates({ store: dispatcher.store, redis: connection, clock: systemClock, log });
  const acd = await dispatcher.add(pbx);
  undo.push(async () => {
    dispatcher.close();
    await estimates.close();
    subscriber.close();
  });
  const distributor = new QueueDistributor({ node: () => acd, estimates, clock: systemClock, precedence });
  const registrations = new RedisRegistrations(connection);
  let cseq = 0;
  return {
    acd,
    store: dispatcher.store,
    estimates,
    connection,
    subscriber,
    /** His phone registers, or is switched off. */
    async registers(id: string, expires = 300): Promise<void> {
      const account = `${id}@acme.example`;
      await registrations.bind(
        pbx.id,
        account,
        {
          callId: id,
          cseq: ++cseq,
          contacts: [{ key: id, uri: `sip:${id}@127.0.0.1`, expires, q: 1 }],
          receivedFrom: { protocol: 'udp', address: '127.0.0.1', port: 5060 },
          path: [],
          node: nodeId,
        },
        { max: 10, beyond: 'dropOldest' },
      );
      await acd.registrationChanged(account);
    },
    call: (id: string, options: Partial<Pick<GroupCall, 'callerNumber'>> & { readonly group?: string } = {}) =>
      new Caller(pbx, distributor, id, options),
  };
}

/** A phone of a member while it rings. */
interface Ringing {
  readonly employee: string;
  readonly offer: MemberOffer;
  readonly stopped: RingStopped | undefined;
  /** @returns his dialog */
  answers(): FakeDialog;
  fails(reason: EndReason): void;
}

class Caller {
  readonly ringing: Ringing[] = [];
  readonly places: QueuePlace[] = [];
  readonly result: Promise<RingResult>;
  readonly #gone = new AbortController();
  readonly #stop = new AbortController();

  constructor(
    pbx: PbxVersion,
    distributor: QueueDistributor,
    callId: string,
    { callerNumber = '79031112233', group = 'sales' }: { readonly callerNumber?: string; readonly group?: string },
  ) {
    const found = pbx.group(group);
    if (!found) throw new Error(`no group ${group}`);
    this.result = distributor.distribute(
      {
        pbx,
        group: found,
        callId,
        callerNumber,
        gone: this.#gone.signal,
        ring: (id, _limitMs, signal, offer) => this.#ring(id, signal, offer),
        events: { waiting: (place) => void this.places.push(place) },
      },
      AbortSignal.any([this.#gone.signal, this.#stop.signal]),
    );
  }

  hangsUp(): void {
    this.#gone.abort();
  }

  /** The phone that rings as the nth for him, from 1. */
  async rings(nth = 1): Promise<Ringing> {
    await eventually(
      `ring ${nth}`,
      () => this.ringing.length,
      (count) => count >= nth,
    );
    return this.ringing[nth - 1] as Ringing;
  }

  async waits(times = 1): Promise<QueuePlace> {
    await eventually(
      'waiting',
      () => this.places.length,
      (count) => count >= times,
    );
    return this.places[times - 1] as QueuePlace;
  }

  #ring(id: string, signal: AbortSignal, offer: MemberOffer | undefined): Promise<RingResult> {
    if (!offer) throw new Error('a queue tells of its offers');
    const { promise, resolve } = Promise.withResolvers<RingResult>();
    this.ringing.push({
      employee: id,
      offer,
      get stopped() {
        return signal.aborted ? stopOf(signal) : undefined;
      },
      answers: () => {
        const dialog = new FakeDialog();
        resolve({ outcome: 'answered', leg: new Leg(dialog, new FakeEndpoint(id, { callId: 'test' })) });
        return dialog;
      },
      fails: (reason) => resolve({ outcome: 'failed', reason }),
    });
    signal.addEventListener('abort', () => resolve({ outcome: 'failed', reason: stopOf(signal).endReason }));
    return promise;
  }
}

function company(group: Record<string, unknown> = {}, more: Record<string, unknown> = {}): PbxVersion {
  const members = ['anna', 'boris', 'clara'].map((id) => ({ employee: id }));
  return pbxOf({
    pbx: { id: somePbx(), domains: ['acme.example'] },
    defaults: { group: { excludeNoAnswer: 60 } },
    employees: ['anna', 'boris', 'clara'].map((id, i) =>
      employee(id, `40${i}`, { contacts: [{ sip: `${id}@acme.example` }] }),
    ),
    groups: [
      { id: 'sales', members, ...group },
      { id: 'support', members },
    ],
    ...more,
  });
}

const outcome = async (caller: Caller) => {
  const result = await caller.result;
  return result.outcome === 'answered' ? 'answered' : result.reason;
};

describe('a caller and the members', () => {
  it('is offered to one after the other, and each who fails him rests for what he did', async () => {
    const one = await node(company(), 'n1');
    await one.registers('anna');
    await one.registers('boris');
    const caller = one.call('c1');
    const anna = await caller.rings();
    expect([anna.employee, anna.offer.why]).toEqual(['anna', 'the first one available in the list']);
    anna.fails('noAnswer');
    const boris = await caller.rings(2);
    expect(boris.employee).toBe('boris');
    boris.fails('declined');
    await caller.waits();
    const states = await one.store.agents(one.acd.pbx.id, ['anna', 'boris', 'clara']);
    expect(states.map(({ unavailable, excludedFor }) => [unavailable, excludedFor])).toEqual([
      ['excluded', 'noAnswer'],
      ['excluded', 'refused'],
      ['unregistered', ''],
    ]);
    caller.hangsUp();
    expect(await outcome(caller)).toBe('callerHungUp');
  });

  it('is offered to whoever registers, at once', async () => {
    const one = await node(company(), 'n1');
    const caller = one.call('c1');
    await caller.waits();
    const begun = performance.now();
    await one.registers('clara');
    const clara = await caller.rings();
    expect(performance.now() - begun).toBeLessThan(500);
    expect(clara.employee).toBe('clara');
    clara.answers();
    expect(await outcome(caller)).toBe('answered');
  });

  it('keeps a phone available that registers again in time, though nobody is told of that', async () => {
    const pbx = company();
    const one = await node(pbx, 'n1');
    await one.registers('anna', 1);
    const registrations = new RedisRegistrations(one.connection);
    await registrations.bind(
      pbx.id,
      'anna@acme.example',
      {
        callId: 'anna',
        cseq: 100,
        contacts: [{ key: 'anna', uri: 'sip:anna@127.0.0.1', expires: 300, q: 1 }],
        receivedFrom: { protocol: 'udp', address: '127.0.0.1', port: 5060 },
        path: [],
        node: 'n1',
      },
      { max: 10, beyond: 'dropOldest' },
    );
    const known = async () => (await one.store.agents(pbx.id, ['anna']))[0];
    const expires = (await known())?.reachableUntil ?? 0;
    await eventually(
      'the first registration to be over',
      () => Date.now(),
      (now) => now > expires + 100,
    );
    expect((await known())?.unavailable).toBeUndefined();
    expect((await one.call('c1').rings()).employee).toBe('anna');
  });

  it('all ring; the first who answers has him, the others stop as answered elsewhere and are free at once, without a pause', async () => {
    const one = await node(company({ algorithm: 'all' }), 'n1');
    for (const id of ['anna', 'boris', 'clara']) await one.registers(id);
    const caller = one.call('c1');
    await caller.rings(3);
    const [anna, boris, clara] = caller.ringing;
    const dialogs = [anna?.answers(), boris?.answers()];
    expect(await outcome(caller)).toBe('answered');
    expect(clara?.stopped?.sip).toMatchObject({ cause: 200, text: 'Call completed elsewhere' });
    await eventually(
      'one of the two to be hung up',
      () => dialogs.filter((dialog) => dialog?.byeReason?.cause === 200).length,
      (count) => count === 1,
    );
    const free = await eventually(
      'two to be free',
      () => one.store.agents(one.acd.pbx.id, ['anna', 'boris', 'clara']),
      (states) => states.filter(({ isFree }) => isFree).length === 2,
    );
    expect(free.map(({ excludedFor }) => excludedFor)).toEqual(['', '', '']);
  });

  it('belongs to the one who picked up while he hears an announcement, though the ringing time is over', async () => {
    const one = await node(company({ algorithm: 'all', ringTime: 1, hold: { maxWait: 1 } }), 'n1');
    for (const id of ['anna', 'boris']) await one.registers(id);
    const caller = one.call('c1');
    await caller.rings(2);
    const [anna, boris] = caller.ringing;
    expect(await anna?.offer.pickUp()).toBe(true);
    expect(boris?.stopped?.endReason).toBe('pickedUp');
    expect(await boris?.offer.pickUp()).toBe(false);
    const free = async () => (await one.store.agents(one.acd.pbx.id, ['boris']))[0]?.isFree;
    expect(await free()).toBe(true);
    // Longer than he may wait and than the offer would have stood; the beats of the node have seen that twice.
    const begun = Date.now();
    await eventually(
      'the wait to be over',
      () => Date.now() - begun,
      (ms) => ms > 2500,
    );
    anna?.answers();
    expect(await outcome(caller)).toBe('answered');
    expect(caller.ringing.length).toBe(2);
  });

  it('waits on when the one who picked up hangs up meanwhile, until his time is over', async () => {
    const one = await node(company({ hold: { maxWait: 1 } }), 'n1');
    await one.registers('anna');
    const caller = one.call('c1');
    const anna = await caller.rings();
    expect(await anna.offer.pickUp()).toBe(true);
    anna.fails('noAnswer');
    await caller.waits();
    expect(await outcome(caller)).toBe('queueTimeout');
  });

  it('who cancels in the moment of the answer is connected to nobody, and the member is free for the next', async () => {
    const one = await node(company(), 'n1');
    await one.registers('anna');
    const caller = one.call('c1');
    const anna = await caller.rings();
    const dialog = anna.answers();
    caller.hangsUp();
    expect(await outcome(caller)).toBe('callerHungUp');
    await eventually(
      'anna to be hung up',
      () => dialog.byeReason,
      (reason) => reason?.cause === 487,
    );
    const next = one.call('c2', { callerNumber: '79030000002' });
    expect((await next.rings()).employee).toBe('anna');
  });

  it('gets his place back when he rings again, and the member who talked to him today first', async () => {
    const one = await node(company({ familiar: true, hold: { enqueueMessage: null } }), 'n1');
    const first = one.call('c1', { callerNumber: '79030000001' });
    const { since } = await first.waits();
    const second = one.call('c2', { callerNumber: '79030000002' });
    await second.waits();
    first.hangsUp();
    await first.result;
    const again = one.call('c3', { callerNumber: '79030000001' });
    const place = await again.waits();
    expect(place.since).toBe(since);
    expect(await place.situation()).toMatchObject({ position: 1, membersAtWork: 0 });

    await one.registers('boris');
    const dialog = (await again.rings()).answers();
    expect(await outcome(again)).toBe('answered');
    dialog.hangUp();
    (await second.rings()).answers().hangUp();
    await one.registers('anna');
    await eventually(
      'both to be free',
      () => one.store.agents(one.acd.pbx.id, ['anna', 'boris']),
      (states) => states.every(({ isFree }) => isFree),
    );
    const later = await one.call('c4', { callerNumber: '79030000001' }).rings();
    expect([later.employee, later.offer.why]).toEqual(['boris', 'talked to this caller today']);
  });
});

describe('two nodes', () => {
  it('never ring one member twice: not for another group, and not in a direct call', async () => {
    const pbx = company();
    const [one, two] = [await node(pbx, 'n1'), await node(pbx, 'n2')];
    await one.registers('anna');
    const caller = one.call('c1');
    const anna = await caller.rings();
    const other = two.call('c2', { group: 'support', callerNumber: '79030000002' });
    await other.waits();
    expect(await two.acd.beginCall('anna', 'direct', { ifFree: true })).toBe(false);
    anna.answers();
    await caller.result;
    expect(await two.acd.beginCall('anna', 'direct', { ifFree: true })).toBe(false);
    expect(other.ringing).toEqual([]);
  });

  it('offer nothing to one who is in a call that no queue gave him, on whichever node, until it is over', async () => {
    const pbx = company();
    const [one, two] = [await node(pbx, 'n1'), await node(pbx, 'n2')];
    await one.registers('anna');
    expect(await two.acd.beginCall('anna', 'direct', { ifFree: true })).toBe(true);
    const caller = one.call('c1');
    await caller.waits();
    await two.acd.endCall('anna', 'direct');
    expect((await caller.rings()).offer.why).toBe('became available, and this caller has waited longest');
  });

  it('learn how long calls take, and remember it over a restart', async () => {
    const pbx = company();
    const one = await node(pbx, 'n1');
    await one.registers('anna');
    for (let i = 0; i < 16; i++) {
      const caller = one.call(`c${i}`);
      const dialog = (await caller.rings()).answers();
      await caller.result;
      dialog.hangUp();
    }
    await one.estimates.close();
    const two = await node(pbx, 'n2');
    await two.estimates.load(pbx.id);
    expect(two.estimates.of(pbx.id, 'sales').state).toEqual(one.estimates.of(pbx.id, 'sales').state);
    const group = pbx.group('sales');
    if (!group) throw new Error('no group');
    const { membersAtWork, prediction } = await two.estimates.situation(pbx, group, 1);
    expect(membersAtWork).toBe(1);
    expect(prediction.range?.expectedMs).toBeGreaterThanOrEqual(0);
  });

  it('treat callers as if the queue were full while there is no Redis', async () => {
    const one = await node(company(), 'n1');
    await one.connection.close();
    expect(await outcome(one.call('c1'))).toBe('serviceUnavailable');
  });
});

describe('a callback that was asked for', () => {
  it('is kept once for a number, in the place that the caller had, until he gets through', async () => {
    const pbx = company({ callback: { onPress1: true } }, { callback: { group: { attempts: 3, interval: 600 } } });
    const one = await node(pbx, 'n1');
    const tasks = new CallbackTasks(one.connection);
    const callbacks = new GroupCallbacks(tasks, one.subscriber);
    const caller = one.call('c1');
    const { place, since } = await caller.waits();
    if (place === undefined) throw new Error('he has no place');
    const asked = { origin: 'group', number: '79031112233', call: 'c1', group: 'sales', since, place } as const;
    expect(await callbacks.ask(pbx, asked)).toBe(true);
    expect(await callbacks.ask(pbx, { ...asked, call: 'c2', since: since + 1 })).toBe(true);
    expect(await tasks.list(pbx.id)).toMatchObject([
      { number: '79031112233', call: 'c1', groups: ['sales'], since, place, maxAttempts: 3, intervalMs: 600_000 },
    ]);
    callbacks.reached(pbx, '79031112233');
    await eventually(
      'the task to be gone',
      () => tasks.list(pbx.id),
      (list) => list.length === 0,
    );
    caller.hangsUp();
    await caller.result;
  });

  it('cannot be kept without Redis, and the caller is told so', async () => {
    const pbx = company();
    const one = await node(pbx, 'n1');
    const callbacks = new GroupCallbacks(new CallbackTasks(one.connection), one.subscriber);
    await one.connection.close();
    expect(
      await callbacks.ask(pbx, { origin: 'group', number: '79031112233', call: 'c1', group: 'sales', since: 0 }),
    ).toBe(false);
  });
});
