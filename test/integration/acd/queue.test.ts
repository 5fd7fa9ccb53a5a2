import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeTtlMs } from '../../../src/acd/store.ts';
import { Desk, group, staff } from '../../support/acd/desk.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { startTestRedis, type TestRedis } from '../../support/redis.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

const desk = async (members: readonly string[] = ['anna'], more: Record<string, unknown> = {}) =>
  Desk.open(await redis.connect(), [group('sales', members, more), group('help', members)]);

describe('a queue', () => {
  it('is first come, first served', async () => {
    const at = await desk();
    for (const call of ['c3', 'c1', 'c2']) {
      await at.call(call);
      at.clock.advance(10);
    }
    for (const call of ['c3', 'c1', 'c2']) {
      expect(await at.ringing(call)).toEqual(['anna']);
      await at.answer(call);
      await at.end('anna', call);
    }
  });

  it('keeps the order of those who came in the same millisecond', async () => {
    const at = await desk();
    const calls = Array.from({ length: 12 }, (_, i) => `c${12 - i}`);
    for (const call of calls) await at.call(call);
    expect(await at.order()).toEqual(calls);
  });

  it('gives an agent of several groups the caller who has waited longest in all of them', async () => {
    const at = await desk();
    await at.store.beginCall(at.pbx.id, at.node, 'anna', 'own');
    await at.call('c1', { group: 'help' });
    at.clock.advance(1);
    await at.call('c2');
    at.clock.advance(1);
    await at.call('c3', { group: 'help' });
    await at.end('anna', 'own');
    for (const call of ['c1', 'c2', 'c3']) {
      expect(await at.ringing(call)).toEqual(['anna']);
      await at.answer(call);
      await at.end('anna', call);
    }
  });

  it('of several agents who become available at once the algorithm chooses, not chance', async () => {
    const at = await desk(['anna', 'boris', 'clara'], { algorithm: 'longestIdle' });
    for (const call of ['t1', 't2', 't3']) await at.talk(call, 1000);
    // Now boris has been idle longer than clara: they ring for a caller of another group, who leaves.
    await at.configure([
      group('sales', ['anna', 'boris', 'clara'], { algorithm: 'longestIdle' }),
      group('help', ['clara', 'boris'], { algorithm: 'all' }),
    ]);
    await at.store.beginCall(at.pbx.id, at.node, 'anna', 'own');
    await at.call('h', { group: 'help' });
    expect(await at.ringing('h')).toEqual(['boris', 'clara']);
    await at.call('c');
    await at.leave('h');
    expect(await at.ringing('c')).toEqual(['boris']);
  });

  it('offers a caller to the next member the moment one has missed, and begins anew when all have been tried', async () => {
    const at = await desk(['anna', 'boris']);
    await at.call('c');
    expect(await at.miss('c', 'noAnswer')).toBe('ringing');
    expect(await at.ringing('c')).toEqual(['boris']);
    expect(await at.miss('c', 'noAnswer')).toBe('ringing');
    expect(await at.ringing('c')).toEqual(['anna']);
    // One who does not wait is tried once with each.
    await at.leave('c');
    await at.call('d', { waits: false });
    await at.miss('d', 'noAnswer');
    expect(await at.miss('d', 'noAnswer')).toBe('over');
    expect(await at.unavailable('boris')).toBeUndefined();
  });

  it('ends at maxWait, to the millisecond, also while somebody is being rung', async () => {
    const at = await desk(['anna']);
    await at.call('c1', { maxWaitMs: 8000 });
    await at.call('c2', { maxWaitMs: 8000 });
    await at.later(7999);
    expect(await at.order()).toEqual(['c1', 'c2']);
    await at.later(1);
    expect(await at.order()).toEqual([]);
    expect(await at.unavailable('anna')).toBeUndefined();
    expect(await at.figures()).toMatchObject({ queueTimeout: 2, waiting: 0, ringing: 0 });
  });

  it('says when the next thing is due', async () => {
    const at = await desk(['anna']);
    await at.call('c', { maxWaitMs: 2500, ringMs: 60_000 });
    expect(await at.beat()).toBe(2500);
    at.clock.advance(2400);
    expect(await at.beat()).toBe(100);
  });

  it('is full at maxLength; those who are being offered do not count', async () => {
    const at = await desk(['anna']);
    expect(await at.call('c1', { maxLength: 2 })).toBe('offered');
    expect(await at.call('c2', { maxLength: 2 })).toBe('waiting');
    expect(await at.call('c3', { maxLength: 2 })).toBe('waiting');
    expect(await at.call('c4', { maxLength: 2 })).toBe('full');
    expect(await at.figures()).toMatchObject({ entered: 3, queueFull: 1 });
    await at.leave('c3');
    expect(await at.call('c5', { maxLength: 2 })).toBe('waiting');
  });

  it('is not there for a group without members, or one that Redis does not know', async () => {
    const at = await Desk.open(await redis.connect(), [group('sales', [])]);
    expect(await at.call('c')).toBe('nobody');
    expect(await at.call('c', { group: 'stranger' })).toBe('unknown-group');
  });

  it('tells each where he stands', async () => {
    const at = await desk(['anna']);
    const since = at.clock.now();
    for (const call of ['c1', 'c2', 'c3']) await at.call(call);
    at.clock.advance(5000);
    const position = (call: string) => at.store.position(at.pbx.id, call);
    expect(await position('c1')).toEqual({ position: 0, size: 2, since });
    expect(await position('c2')).toEqual({ position: 1, size: 2, since });
    expect(await position('c3')).toEqual({ position: 2, size: 2, since });
    expect(await position('c4')).toBeUndefined();
  });

  it('a caller is in one queue at a time', async () => {
    const at = await desk(['anna']);
    await at.call('c');
    await at.call('c', { group: 'help' });
    expect([await at.order('sales'), await at.order('help')]).toEqual([[], ['c']]);
    expect(await at.ringing('c')).toEqual(['anna']);
  });

  it('one answer of all connects, and a caller who has left is offered to nobody', async () => {
    const at = await desk(['anna', 'boris'], { algorithm: 'all' });
    await at.call('c');
    const offers = [await at.offer('c', 'anna'), await at.offer('c', 'boris')];
    const answers = await Promise.all(offers.map((offer) => at.store.answer(at.pbx.id, offer)));
    expect(answers.map(({ outcome }) => outcome).sort()).toEqual(['connected', 'unknown']);
    await at.call('d');
    const [ringing = ''] = await at.ringing('d');
    const offer = await at.offer('d', ringing);
    expect(await at.leave('d')).toMatchObject({ waitedMs: 0 });
    expect(await at.store.answer(at.pbx.id, offer)).toEqual({ outcome: 'unknown' });
    expect(await at.unavailable(ringing)).toBeUndefined();
    expect(await at.leave('d')).toBeUndefined();
  });
});

describe('a place', () => {
  it('outlives the leg: who rings again within 60 s has it back, known by his number', async () => {
    const at = await desk(['anna']);
    await at.call('busy');
    const since = at.clock.now();
    await at.call('c1', { number: '79990000001' });
    await at.call('c2', { number: '79990000002' });
    await at.leave('c1', 60_000);
    await at.later(59_000);
    await at.call('c3', { number: '79990000003' });
    await at.call('c1 again', { number: '79990000001', maxLength: 1 });
    expect(await at.order()).toEqual(['busy', 'c1 again', 'c2', 'c3']);
    expect(await at.store.position(at.pbx.id, 'c1 again')).toMatchObject({ position: 1, since });
    // Once.
    await at.call('c1 thrice', { number: '79990000001' });
    expect((await at.order()).at(-1)).toBe('c1 thrice');
  });

  it('is gone after 60 s, in another group, and for a hidden number', async () => {
    const at = await desk(['anna']);
    await at.call('busy');
    for (const [call, number] of [
      ['late', '79990000001'],
      ['elsewhere', '79990000002'],
      ['hidden', ''],
    ] as const) {
      await at.call(call, { number });
      await at.leave(call, 60_000);
    }
    await at.call('c', { number: '79990000009' });
    await at.call('other', { group: 'help' });
    await at.call('elsewhere again', { number: '79990000002', group: 'help' });
    expect(await at.order('help')).toEqual(['other', 'elsewhere again']);
    await at.call('hidden again');
    await at.later(60_000);
    await at.call('late again', { number: '79990000001' });
    expect((await at.order()).slice(1)).toEqual(['c', 'hidden again', 'late again']);
  });

  it('is kept for the callers of a node that died', async () => {
    const at = await desk(['anna']);
    const other = at.store.nodeName(at.pbx.id, 'other', 'run');
    await at.store.join(at.pbx, 'other', 'run', at.clock.now());
    await at.call('busy');
    await at.store.enqueue(at.pbx.id, other, {
      ...{ call: 'c1', group: 'sales', number: '79990000001', ringMs: 1000, maxWaitMs: 0, maxLength: 0, wrapUpMs: 0 },
      ...{ waits: true, familiar: false },
    });
    await at.call('c2');
    await at.later(nodeTtlMs + 1000);
    expect(await at.order()).toEqual(['busy', 'c2']);
    expect(await at.figures()).toMatchObject({ lost: 1 });
    await at.call('c1 again', { number: '79990000001' });
    expect(await at.order()).toEqual(['busy', 'c1 again', 'c2']);
  });

  it('may be given: a callback stands where the client stood', async () => {
    const at = await desk(['anna']);
    await at.call('busy');
    const request = { group: 'sales', number: '79990000001', ringMs: 1000, maxWaitMs: 0, maxLength: 0, wrapUpMs: 0 };
    const more = { waits: true, familiar: false };
    const first = await at.store.enqueue(at.pbx.id, at.node, { call: 'c1', ...request, ...more });
    await at.call('c2');
    await at.leave('c1');
    const place = 'place' in first ? first.place : '';
    await at.later(300_000);
    await at.store.enqueue(at.pbx.id, at.node, { call: 'callback', ...request, ...more, place });
    expect(await at.order()).toEqual(['busy', 'callback', 'c2']);
  });
});

describe('the familiar agent', () => {
  const number = '79990000001';
  const at = async () => {
    const desk = await Desk.open(await redis.connect(), [
      group('sales', ['anna', 'boris', 'clara']),
      group('help', ['anna', 'boris']),
    ]);
    await desk.store.beginCall(desk.pbx.id, desk.node, 'anna', 'own');
    expect(await desk.talk('first', 1000, { number })).toBe('boris');
    await desk.end('anna', 'own');
    return desk;
  };

  it('who talked to this caller today is offered him first; is he not available, the algorithm goes on', async () => {
    const desk = await at();
    await desk.call('c1', { number, familiar: true });
    expect(await desk.ringing('c1')).toEqual(['boris']);
    await desk.call('c2', { number, familiar: true });
    expect(await desk.ringing('c2')).toEqual(['anna']);
    await desk.miss('c1', 'noAnswer');
    expect(await desk.ringing('c1')).toEqual(['clara']);
  });

  it('not where the group does not want it, for another number, or in another group', async () => {
    const desk = await at();
    for (const more of [
      { number },
      { number: '79990000002', familiar: true },
      { number, familiar: true, group: 'help' },
    ]) {
      await desk.call('c', more);
      expect(await desk.ringing('c')).toEqual(['anna']);
      await desk.leave('c');
    }
  });

  it('not when he is a member no more, though of another group', async () => {
    const desk = await at();
    await desk.configure([group('sales', ['anna', 'clara']), group('help', ['anna', 'boris'])]);
    await desk.call('c', { number, familiar: true });
    expect(await desk.ringing('c')).toEqual(['anna']);
  });
});

describe('why a caller still waits', () => {
  it('is said for each member', async () => {
    const at = await Desk.open(
      await redis.connect(),
      [group('sales', ['anna', 'boris', 'clara', 'dmitri'])],
      [
        ...staff(['anna', 'boris', 'clara']),
        { ...staff(['dmitri'])[0], extension: '199', contacts: [{ sip: 'dmitri@acme.example' }] },
      ],
    );
    await at.talk('before', 1000, { wrapUpMs: 30_000 });
    await at.status('boris', 'break');
    await at.call('c', { maxWaitMs: 60_000 });
    await at.miss('c', 'noAnswer', 20_000);
    const now = at.clock.now();
    expect(await at.store.explain(at.pbx.id, 'c')).toEqual({
      ...{ group: 'sales', algorithm: 'sequential', since: now, position: 1, endsAt: now + 60_000 },
      offers: [{ at: now, agent: 'clara', why: 'sequential', outcome: 'noAnswer' }],
      members: [
        { employee: 'anna', why: 'wrapUp', untilThen: now + 30_000 },
        { employee: 'boris', why: 'break' },
        { employee: 'clara', why: 'excluded', pause: 'noAnswer', untilThen: now + 20_000, tried: 'noAnswer' },
        { employee: 'dmitri', why: 'unregistered' },
      ],
    });
    await at.status('boris', 'online');
    expect((await at.store.explain(at.pbx.id, 'c'))?.members[1]).toEqual({ employee: 'boris', why: 'ringing' });
    expect(await at.store.explain(at.pbx.id, 'nobody')).toBeUndefined();
  });
});

describe('the figures of the day', () => {
  it('count what happened to the callers of a group', async () => {
    const at = await desk(['anna']);
    await at.call('c1', { wrapUpMs: 1000 });
    at.clock.advance(3000);
    await at.answer('c1');
    at.clock.advance(10_000);
    await at.end('anna', 'c1');
    await at.later(1000);
    await at.call('c2');
    await at.miss('c2', 'busy');
    await at.leave('c2');
    await at.call('c3');
    expect(await at.figures()).toMatchObject({
      ...{ entered: 3, offered: 2, answered: 1, abandoned: 1, busy: 1, noAnswer: 0, waitedMs: 3000, talkMs: 10_000 },
      ...{ ended: 1, waiting: 1, ringing: 0 },
    });
    expect(await at.state('anna')).toMatchObject({ talkToday: 10_000, answeredToday: 1 });
  });

  it.each([
    ['Europe/Moscow', '2026-11-02T20:59:58Z'],
    ['Asia/Kamchatka', '2026-11-02T11:59:58Z'],
    // The night in which the clocks go back: its day has 25 hours.
    ['Europe/Berlin', '2026-10-25T22:59:58Z'],
  ])('begin anew at midnight in %s', async (timezone, before) => {
    const clock = new FakeClock(before);
    const at = await Desk.open(
      await redis.connect(),
      [group('sales', ['anna', 'boris'], { algorithm: 'leastTalkTime' })],
      undefined,
      {
        ...{ clock, timezone },
      },
    );
    await at.talk('c1', 1000, { number: '79990000001' });
    await at.beat();
    expect(await at.state('anna')).toMatchObject({ talkToday: 1000, answeredToday: 1 });
    await at.call('over midnight');
    expect(await at.ringing('over midnight')).toEqual(['boris']);
    await at.answer('over midnight');
    await at.later(1000);
    expect(await at.state('anna')).toMatchObject({ talkToday: 0, answeredToday: 0 });
    expect(await at.figures()).toMatchObject({ entered: 0, answered: 0, talkMs: 0 });
    // What was talked before midnight counts for yesterday.
    clock.advance(5000);
    await at.end('boris', 'over midnight');
    expect((await at.state('boris')).talkToday).toBe(5000);
    // anna is first again, and nobody is familiar any more.
    await at.call('c2', { number: '79990000001', familiar: true });
    expect((await at.answer('c2')) as object).toMatchObject({ story: [{ agent: 'anna', why: 'leastTalkTime' }] });
    await at.later(10_000);
    expect(await at.figures()).toMatchObject({ answered: 1 });
    // And so the next day.
    await at.end('anna', 'c2');
    expect(await at.state('anna')).toMatchObject({ talkToday: 10_000, answeredToday: 1 });
    clock.advance(86_400_000);
    await at.beat();
    for (const agent of ['anna', 'boris'])
      expect(await at.state(agent)).toMatchObject({ talkToday: 0, answeredToday: 0 });
  });

  it('are not begun anew by a node whose clock is behind', async () => {
    const at = await Desk.open(await redis.connect(), [group('sales', ['anna'])], undefined, {
      clock: new FakeClock('2026-11-02T20:59:58Z'),
    });
    at.clock.advance(5000);
    await at.store.beat(at.pbx, at.node, at.clock.now() - 10_000);
    await at.talk('c', 1000);
    await at.store.beat(at.pbx, at.node, at.clock.now() - 10_000);
    expect(await at.figures()).toMatchObject({ answered: 1 });
    await at.beat();
    expect(await at.figures()).toMatchObject({ answered: 0 });
  });
});

describe('a new version of the configuration', () => {
  it('changes nothing for those of whom it says the same', async () => {
    const at = await desk(['anna', 'boris']);
    await at.call('c');
    await at.configure([group('sales', ['anna', 'boris', 'clara']), group('help', ['anna', 'boris'])]);
    expect(await at.ringing('c')).toEqual(['anna']);
    expect((await at.store.answer(at.pbx.id, await at.offer('c', 'anna'))).outcome).toBe('connected');
  });

  it('gives a new member the caller who waits, and takes a former one out', async () => {
    const at = await desk(['anna']);
    await at.call('c1');
    await at.call('c2');
    await at.configure([group('sales', ['boris']), group('help', [])]);
    expect([await at.ringing('c1'), await at.ringing('c2')]).toEqual([['anna'], ['boris']]);
    await at.miss('c1', 'noAnswer');
    expect(await at.ringing('c1')).toEqual([]);
    await at.answer('c2');
    await at.end('boris', 'c2');
    expect(await at.ringing('c1')).toEqual(['boris']);
  });

  it('frees those who ring for a group that is gone', async () => {
    const at = await desk(['anna']);
    await at.call('c1');
    await at.call('c2');
    await at.configure([group('help', ['anna'])]);
    expect(await at.store.queue(at.pbx.id, 'sales')).toEqual([]);
    expect(await at.unavailable('anna')).toBeUndefined();
  });

  it('leaves nothing of an employee who is gone', async () => {
    const at = await desk(['anna', 'boris']);
    await at.status('boris', 'break');
    await at.configure([group('sales', ['anna'])], staff(['anna']));
    const stored = await at.redis.use((client) => client.hkeys(`km:{${at.pbx.id}}:acd-agents`));
    expect(stored).not.toContain('boris');
    await at.configure([group('sales', ['anna', 'boris'])]);
    expect(await at.unavailable('boris')).toBeUndefined();
  });
});
