import { beforeEach, describe, expect, it } from 'vitest';
import type { CancelledBy } from '../../../src/acd/callback-tasks.ts';
import type { DueCallback, DueCallbacks } from '../../../src/acd/group-callbacks.ts';
import type { CallbackRunner } from '../../../src/call/callback-runner.ts';
import { settle } from '../../support/fake-clock.ts';
import { FakeQueue } from '../../support/fake-queue.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { Switchboard } from '../../support/switchboard.ts';

/** A client is called back: a member of the group first, then the client (§4.4.6.2.1, §4.6.5.7). */

const client = '79031112233';
const line = '74950000001';

class FakeDue implements DueCallbacks {
  tasks: DueCallback[] = [];
  stands = true;
  readonly told: string[] = [];
  readonly watchers = new Set<{ readonly number: string; readonly gone: (by: CancelledBy | undefined) => void }>();

  async take(_pbx: string, limit: number): Promise<readonly DueCallback[]> {
    return this.tasks.splice(0, limit);
  }

  async holds(): Promise<boolean> {
    return this.stands;
  }

  async over(_pbx: string, { number }: DueCallback, outcome: string): Promise<boolean> {
    return this.told.push(`${number} ${outcome}`) > 0;
  }

  async drop(_pbx: string, { number }: DueCallback): Promise<boolean> {
    return this.told.push(`${number} dropped`) > 0;
  }

  watch(_pbx: string, number: string, gone: (by: CancelledBy | undefined) => void): () => void {
    const watcher = { number, gone };
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  /** The task is taken away. */
  async cancel(by: CancelledBy): Promise<void> {
    this.stands = false;
    for (const { gone } of [...this.watchers]) gone(by);
    await settle();
  }
}

const pbx = (callback: Record<string, unknown> = {}, more: Record<string, unknown> = {}) =>
  pbxOf({
    numbers: [
      { number: line, source: { trunk: 'operator' } },
      { number: '74950000002', source: { trunk: 'operator' } },
    ],
    trunks: [{ id: 'operator', host: 'operator.example', pstn: true, lines: 2 }],
    employees: [employee('anna', '401'), employee('boris', '402')],
    groups: ['sales', 'support'].map((id, i) => ({
      id,
      extension: `45${i}`,
      members: [{ employee: 'anna' }, { employee: 'boris' }],
      callback: { onHangup: true, ...callback },
    })),
    ...more,
  });

const task = (more: Partial<DueCallback> = {}): DueCallback => ({
  origin: 'group',
  number: client,
  call: 'the missed call',
  groups: ['sales'],
  since: 1000,
  place: 'the place',
  line,
  maxAttempts: 7,
  intervalMs: 900_000,
  createdAt: 2000,
  attempts: 0,
  lease: 1,
  ...more,
});

let queue: FakeQueue;
let due: FakeDue;
let board: Switchboard;
let runner: CallbackRunner;

async function isDue(one: DueCallback = task(), of = pbx()): Promise<void> {
  due.tasks.push(one);
  board = new Switchboard(of, { groups: queue });
  runner = board.callbacks(due);
  await runner.look(of);
  await settle();
}

/** Everything is over, and nothing is left. */
function isQuiet(): boolean {
  runner.close();
  return board.quiet && due.watchers.size === 0 && board.trunks.taken('operator') === 0;
}

const memberHears = () => {
  const playing = board.media.endpoints[0]?.playing;
  return (playing?.sources ?? []).map((source) => ('file' in source ? source.file : 'tone'));
};

async function annaPicksUp() {
  await queue.offers('anna');
  const dialog = board.sip.to('anna').answers();
  await settle();
  return dialog;
}

beforeEach(() => {
  queue = new FakeQueue();
  due = new FakeDue();
});

describe('calling back', () => {
  it('stands in the place of the client, rings a member, then the client, and connects the two', async () => {
    await isDue();
    expect(queue.calls).toMatchObject([{ callerNumber: client, place: 'the place', group: { id: 'sales' } }]);
    expect(board.sip.sent).toEqual([]);
    await queue.offers('anna');
    expect(board.sip.to('anna').request.from.user).toBe(client);
    expect(board.sip.sent).toHaveLength(1);
    const anna = board.sip.to('anna').answers();
    await settle();
    expect(memberHears()).toEqual(['call-from', `phone ${client}`]);
    board.media.endpoints[0]?.playing?.end('finished');
    await settle();
    expect(memberHears()).toEqual(['ring-back']);

    const out = board.sip.to('operator.example');
    expect(out.request.target.uri).toContain(client);
    expect(out.request.from.user).toBe(line);
    expect(due.told).toEqual([]);
    out.answers();
    await settle();
    expect(memberHears()).toEqual([]);
    expect(board.media.endpoints[0]?.bridgedTo).toBe(board.media.endpoints[1]);
    expect(due.told).toEqual([`${client} talked`]);
    expect(board.inbound.live.of('acme')).toHaveLength(1);
    await board.clock.advanceAsync(65_000);

    anna.hangUp();
    await settle();
    expect(out.dialog.ended?.by).toBe('local');
    expect(board.records).toMatchObject([
      {
        direction: 'out',
        outcome: 'answered',
        employee: 'anna',
        to: client,
        line,
        talk: 65,
        reason: 'callerHungUp',
        endedBy: 'caller',
        arrival: null,
        callback: { call: 'the missed call', group: 'sales', attempt: 1 },
      },
    ]);
    expect(due.told).toHaveLength(1);
    expect(isQuiet()).toBe(true);
  });

  it.each([
    { what: 'its own number', callback: { callerId: '74950000002' }, rules: [], shown: '74950000002' },
    {
      what: 'the number of a rule',
      callback: { callerId: line, autoCallerId: true },
      rules: [{ type: 'prefix', match: '7903', callerId: '74950000002' }],
      shown: '74950000002',
    },
    {
      what: 'no rule when it is not set so',
      callback: {},
      rules: [{ type: 'prefix', match: '7903', callerId: '74950000002' }],
      shown: line,
    },
  ])('shows $what', async ({ callback, rules, shown }) => {
    await isDue(task(), pbx(callback, { callerIdRules: rules }));
    await annaPicksUp();
    expect(board.sip.to('operator.example').request.from.user).toBe(shown);
    await board.inbound.stop();
    expect(isQuiet()).toBe(true);
  });
});

describe('a client who is not reached', () => {
  it.each([
    { status: 486, reason: 'busy' },
    { status: 404, reason: 'doesNotExist' },
    { status: 603, reason: 'declined' },
  ])('$reason: counts, and the member is let go', async ({ status, reason }) => {
    await isDue(task({ attempts: 2 }));
    const anna = await annaPicksUp();
    board.sip.to('operator.example').refuses(status);
    await settle();
    expect(memberHears()).toEqual(['builtin:error-tone']);
    board.media.endpoints[0]?.playing?.end('finished');
    await settle();
    expect(anna.ended?.by).toBe('local');
    expect(due.told).toEqual([`${client} failed`]);
    expect(board.records).toMatchObject([{ outcome: 'failed', reason, employee: 'anna', callback: { attempt: 3 } }]);
    expect(isQuiet()).toBe(true);
  });

  it('is rung for ringTime', async () => {
    await isDue();
    await annaPicksUp();
    const out = board.sip.to('operator.example');
    out.rings();
    await board.clock.advanceAsync(29_000);
    expect(out.cancelled).toBeUndefined();
    await board.clock.advanceAsync(1000);
    expect(out.cancelled).toBeDefined();
    board.media.endpoints[0]?.playing?.end('finished');
    await settle();
    expect(due.told).toEqual([`${client} failed`]);
    expect(board.records).toMatchObject([{ outcome: 'failed', reason: 'noAnswer' }]);
    expect(isQuiet()).toBe(true);
  });

  it('is rung no more when the member hangs up', async () => {
    await isDue();
    const anna = await annaPicksUp();
    anna.hangUp();
    await settle();
    expect(board.sip.to('operator.example').cancelled).toBeDefined();
    expect(due.told).toEqual([`${client} failed`]);
    expect(board.records).toMatchObject([{ outcome: 'failed', reason: 'callerHungUp', endedBy: 'caller' }]);
    expect(isQuiet()).toBe(true);
  });

  it('nobody is rung for a number that may not be dialled', async () => {
    await isDue(task(), pbx({}, { security: { outgoing: ['7812*'] } }));
    expect(queue.calls).toEqual([]);
    expect(due.told).toEqual([`${client} failed`]);
    expect(board.records).toMatchObject([{ outcome: 'failed', reason: 'directionBarred' }]);
    expect(isQuiet()).toBe(true);
  });
});

describe('nobody of the group', () => {
  it('does not count; the next group that missed him is asked', async () => {
    await isDue(task({ groups: ['sales', 'support'], attempts: 1 }));
    expect(queue.calls.map(({ group }) => group.id)).toEqual(['support']);
    await queue.fails('operatorsUnavailable');
    expect(queue.calls.map(({ group }) => group.id)).toEqual(['support', 'sales']);
    await queue.fails('queueTimeout');
    expect(due.told).toEqual([`${client} postponed`]);
    expect(board.records).toEqual([]);
    expect(isQuiet()).toBe(true);
  });

  it('drops the task when no group of it calls back any more', async () => {
    await isDue(task({ groups: ['gone'] }));
    expect(due.told).toEqual([`${client} dropped`]);
    expect(isQuiet()).toBe(true);
  });
});

describe('a client who gets through meanwhile', () => {
  it('is found out before a member is disturbed', async () => {
    await isDue();
    due.stands = false;
    await queue.offers('anna');
    expect(board.sip.sent).toEqual([]);
    expect(due.told).toEqual([]);
    expect(board.records).toEqual([]);
    expect(isQuiet()).toBe(true);
  });

  it('is found out while the callback waits', async () => {
    await isDue();
    due.stands = false;
    await board.clock.advanceAsync(20_000);
    expect(board.inbound.live.size).toBe(0);
    expect(due.told).toEqual([]);
    expect(isQuiet()).toBe(true);
  });
});

describe('a task that is taken away', () => {
  it.each([
    { by: 'client', reason: 'pickedUp' },
    { by: 'user', reason: 'userCommand' },
  ] as const)('ends the ringing of the member at once: by the $by', async ({ by, reason }) => {
    await isDue();
    await queue.offers('anna');
    await due.cancel(by);
    expect(board.sip.to('anna').cancelled).toBeDefined();
    expect(board.records).toMatchObject([{ outcome: 'failed', reason, endedBy: 'engine' }]);
    expect(due.told).toEqual([]);
    expect(isQuiet()).toBe(true);
  });

  it('ends the ringing of the client at once', async () => {
    await isDue();
    const anna = await annaPicksUp();
    await due.cancel('user');
    expect(board.sip.to('operator.example').cancelled).toBeDefined();
    expect(anna.ended?.by).toBe('local');
    expect(board.records).toMatchObject([{ outcome: 'failed', reason: 'userCommand', endedBy: 'engine' }]);
    expect(due.told).toEqual([]);
    expect(isQuiet()).toBe(true);
  });

  it('takes the callback out of the queue', async () => {
    await isDue();
    await due.cancel('client');
    expect(board.inbound.live.size).toBe(0);
    expect(isQuiet()).toBe(true);
  });

  it('does not end a conversation: another task of that number is meant', async () => {
    await isDue();
    const anna = await annaPicksUp();
    board.sip.to('operator.example').answers();
    await settle();
    await due.cancel('client');
    await board.clock.advanceAsync(60_000);
    expect(anna.ended).toBeUndefined();
    anna.hangUp();
    await settle();
    expect(board.records).toMatchObject([{ outcome: 'answered', talk: 60 }]);
    expect(isQuiet()).toBe(true);
  });

  it('is left alone when it was another one, or nobody knows', async () => {
    await isDue();
    for (const { gone } of due.watchers) gone(undefined);
    await settle();
    expect(board.inbound.live.size).toBe(1);
    await due.cancel('client');
    expect(isQuiet()).toBe(true);
  });
});

describe('a callback that no group has missed', () => {
  const others = {
    schemes: [{ id: 'main', steps: [{ play: 'builtin:welcome' }], missed: { callback: { group: 'support' } } }],
    callback: { menu: { attempts: 2, interval: 60, ringTime: 10 } },
  };
  const menu = task({ origin: 'menu', groups: ['support'], callerId: '74950000002' });
  const silent = { onHangup: false };

  it('from a voice menu: its group, its number, its time to ring', async () => {
    await isDue(menu, pbx({ ...silent, callerId: line, autoCallerId: true }, others));
    expect(queue.calls.map(({ group }) => group.id)).toEqual(['support']);
    await annaPicksUp();
    const out = board.sip.to('operator.example');
    expect(out.request.from.user).toBe('74950000002');
    out.rings();
    await board.clock.advanceAsync(9999);
    expect(out.cancelled).toBeUndefined();
    await board.clock.advanceAsync(1);
    expect(out.cancelled).toBeDefined();
    board.media.endpoints[0]?.playing?.end('finished');
    await settle();
    expect(due.told).toEqual([`${client} failed`]);
    expect(isQuiet()).toBe(true);
  });

  it('from a voice menu that calls back no more is dropped', async () => {
    await isDue(menu, pbx(silent));
    expect(due.told).toEqual([`${client} dropped`]);
    expect(isQuiet()).toBe(true);
  });

  it('by request: of any group, and without a missed call', async () => {
    const { place: _, line: __, ...rest } = task({ origin: 'request', call: null });
    await isDue(rest, pbx({ ...silent, callerId: '74950000002' }));
    expect(queue.calls).toHaveLength(1);
    await annaPicksUp();
    expect(board.sip.to('operator.example').request.from.user).toBe('74950000002');
    await board.inbound.stop();
    expect(board.records).toMatchObject([{ callback: { call: null, group: 'sales', attempt: 1 } }]);
    expect(isQuiet()).toBe(true);
  });
});

it('a node that stops leaves the task to another', async () => {
  await isDue();
  const anna = await annaPicksUp();
  await board.inbound.stop();
  await settle();
  expect(anna.ended?.by).toBe('local');
  expect(board.sip.to('operator.example').cancelled).toBeDefined();
  expect(due.told).toEqual([]);
  expect(board.records).toMatchObject([{ reason: 'shutdown', endedBy: 'engine' }]);
  expect(isQuiet()).toBe(true);
});

it('looks for what is due every 5 s', async () => {
  const of = pbx();
  board = new Switchboard(of, { groups: queue });
  runner = board.callbacks(due);
  due.tasks.push(task());
  await board.clock.advanceAsync(5000);
  expect(queue.calls).toHaveLength(1);
  await board.inbound.stop();
  expect(isQuiet()).toBe(true);
});
