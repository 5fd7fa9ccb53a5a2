import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AgentChange } from '../../../src/acd/changes.ts';
import { AcdStore, pauses } from '../../../src/acd/store.ts';
import { readEvents } from '../../../src/events/scripts.ts';
import { Desk, group, staff } from '../../support/acd/desk.ts';
import { employee } from '../../support/pbx.ts';
import { startTestRedis, type TestRedis } from '../../support/redis.ts';
import { seededRandom } from '../../support/seeded-random.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

const alone = async (more: Record<string, unknown> = {}) =>
  Desk.open(await redis.connect(), [group('sales', ['anna'])], staff(['anna'], more));

/** Availability is computed from facts; each of them keeps an agent from calls, and lets the next caller through the moment it is over. */
describe('an agent is available', () => {
  it('when he is reachable: registered, or by a phone', async () => {
    const at = await Desk.open(
      await redis.connect(),
      [group('sales', ['anna'])],
      [employee('anna', '101', { contacts: [{ sip: 'anna@acme.example' }] })],
    );
    expect(await at.unavailable('anna')).toBe('unregistered');
    expect(await at.call('c', { waits: false })).toBe('nobody');
    expect(await at.call('c1')).toBe('waiting');
    await at.register('anna@acme.example', 60_000);
    expect(await at.ringing('c1')).toEqual(['anna']);
    await at.answer('c1');
    await at.end('anna', 'c1');
    // His registration ends; that nobody has said so does not matter.
    at.clock.advance(60_001);
    expect(await at.unavailable('anna')).toBe('unregistered');
    expect(await at.call('c2')).toBe('waiting');
    await at.register('anna@acme.example', 60_000);
    expect(await at.ringing('c2')).toEqual(['anna']);
    await at.miss('c2', 'refused');
    await at.register('anna@acme.example', 0);
    expect(await at.unavailable('anna')).toBe('unregistered');
  });

  it('when one of several contacts that his group may ring can be reached', async () => {
    const contacts = [{ sip: 'anna@acme.example', active: false }, { sip: 'boris@acme.example' }];
    const at = await Desk.open(
      await redis.connect(),
      [group('sales', ['anna'])],
      [employee('anna', '101', { contacts }), employee('boris', '102')],
    );
    await at.register('anna@acme.example', 60_000);
    expect(await at.unavailable('anna')).toBe('unregistered');
    await at.register('boris@acme.example', 60_000);
    await at.store.refresh(at.pbx.id, ['anna']);
    expect(await at.unavailable('anna')).toBeUndefined();
  });

  it('when his status lets him take calls, unless the PBX does not ask for it', async () => {
    const at = await alone();
    for (const base of ['break', 'offline'] as const) {
      await at.status('anna', base, `custom ${base}`);
      expect(await at.unavailable('anna')).toBe(base);
      expect((await at.state('anna')).status).toBe(`custom ${base}`);
      expect(await at.call('c')).toBe('waiting');
      // A status of his own that is based on online counts as online.
      await at.status('anna', 'online', 'back office');
      expect(await at.ringing('c')).toEqual(['anna']);
      await at.leave('c');
    }
    const other = await alone({ respectStatus: false });
    await other.status('anna', 'offline');
    expect(await other.call('c')).toBe('offered');
  });

  it('keeps the latest status, whatever comes later from one who was away', async () => {
    const at = await alone();
    await at.status('anna', 'break');
    at.clock.advance(1000);
    expect(await at.store.setStatus(at.pbx.id, 'anna', { name: 'online', base: 'online' }, 500)).toBe(true);
    expect(await at.store.setStatus(at.pbx.id, 'anna', { name: 'break', base: 'break' }, 900)).toBe(false);
    expect(await at.unavailable('anna')).toBeUndefined();
  });

  it('when he has no call of any kind', async () => {
    const at = await alone();
    await at.store.beginCall(at.pbx.id, at.node, 'anna', 'dials');
    await at.store.beginCall(at.pbx.id, at.node, 'anna', 'waits on line two', { talks: true });
    expect(await at.call('c')).toBe('waiting');
    await at.end('anna', 'dials');
    expect(await at.unavailable('anna')).toBe('inCall');
    await at.end('anna', 'waits on line two');
    expect(await at.ringing('c')).toEqual(['anna']);
  });

  it('when nobody is being offered to him, by any group', async () => {
    const at = await Desk.open(await redis.connect(), [group('sales', ['anna']), group('help', ['anna'])]);
    expect(await at.call('c1')).toBe('offered');
    expect(await at.unavailable('anna')).toBe('reserved');
    expect(await at.call('c2', { group: 'help' })).toBe('waiting');
    expect(await at.call('c3', { group: 'help', waits: false })).toBe('nobody');
    expect(await at.store.beginCall(at.pbx.id, at.node, 'anna', 'own', { ifFree: true })).toBe(false);
    await at.leave('c1');
    expect(await at.ringing('c2')).toEqual(['anna']);
  });

  it('when he is not in after-call work, which he may end or prolong', async () => {
    const at = await alone();
    await at.talk('c1', 5000, { wrapUpMs: 30_000 });
    expect(await at.unavailable('anna')).toBe('wrapUp');
    expect(await at.call('c2')).toBe('waiting');
    await at.later(29_999);
    expect(await at.ringing('c2')).toEqual([]);
    await at.later(1);
    expect(await at.ringing('c2')).toEqual(['anna']);
    await at.answer('c2');
    await at.end('anna', 'c2');
    await at.store.setWrapUp(at.pbx.id, 'anna', 60_000);
    expect(await at.call('c3')).toBe('waiting');
    await at.store.setWrapUp(at.pbx.id, 'anna', 0);
    expect(await at.ringing('c3')).toEqual(['anna']);
  });

  it('after-call work follows a conversation of the queue, not a call of his own', async () => {
    const at = await alone();
    await at.store.beginCall(at.pbx.id, at.node, 'anna', 'own', { talks: true });
    await at.end('anna', 'own');
    expect(await at.unavailable('anna')).toBeUndefined();
  });
});

/** Three pauses, one for each way in which an offer may come to nothing (peers: one delay for all is what hurts elsewhere). */
describe('after an offer that came to nothing an agent rests', () => {
  it.each([
    ['noAnswer', 7000],
    ['busy', pauses.busy],
    ['refused', pauses.refused],
    ['unreachable', pauses.unreachable],
  ] as const)('%s: %i ms, for every group', async (outcome, pauseMs) => {
    const at = await Desk.open(await redis.connect(), [group('sales', ['anna']), group('help', ['anna'])]);
    await at.call('c1');
    expect(await at.miss('c1', outcome, 7000)).toBe('waiting');
    expect(await at.state('anna')).toMatchObject({
      unavailable: 'excluded',
      excludedFor: outcome,
      excludedUntil: at.clock.now() + pauseMs,
    });
    expect(await at.call('c2', { group: 'help' })).toBe('waiting');
    await at.later(pauseMs - 1);
    expect(await at.unavailable('anna')).toBe('excluded');
    await at.later(1);
    // Longest first; but who refused a caller is not given the same one at once.
    expect(await at.ringing(outcome === 'refused' ? 'c2' : 'c1')).toEqual(['anna']);
  });

  it('no pause when excludeNoAnswer is 0, and the longer of two counts', async () => {
    const at = await alone();
    await at.call('c');
    await at.miss('c', 'noAnswer', 0);
    expect(await at.ringing('c')).toEqual(['anna']);
    await at.miss('c', 'noAnswer', 60_000);
    const { excludedUntil } = await at.state('anna');
    await at.status('anna', 'break');
    expect((await at.state('anna')).excludedUntil).toBe(excludedUntil);
  });

  it('which setting his status to online ends at once', async () => {
    const at = await alone();
    await at.call('c');
    await at.miss('c', 'noAnswer', 300_000);
    expect(await at.unavailable('anna')).toBe('excluded');
    await at.status('anna', 'online');
    expect(await at.unavailable('anna')).toBe('reserved');
    expect(await at.ringing('c')).toEqual(['anna']);
  });

  it('one who refused a caller is not offered him again for a while, but others are', async () => {
    const at = await alone();
    await at.call('c1');
    await at.miss('c1', 'refused');
    await at.call('c2');
    await at.later(pauses.refused);
    expect([await at.ringing('c1'), await at.ringing('c2')]).toEqual([[], ['anna']]);
    const why = await at.store.explain(at.pbx.id, 'c1');
    expect(why?.members[0]).toMatchObject({ employee: 'anna', tried: 'refused', tookLaterCallerAt: at.clock.now() });
    await at.leave('c2');
    expect((await at.store.explain(at.pbx.id, 'c1'))?.members[0]).toMatchObject({ why: 'refusedThisCall' });
    await at.later(pauses.refusedAgain - pauses.refused);
    expect(await at.ringing('c1')).toEqual(['anna']);
  });
});

describe('a reservation', () => {
  it('is not believed with another token', async () => {
    const at = await alone();
    await at.call('c');
    const old = await at.offer('c', 'anna');
    await at.miss('c', 'noAnswer');
    const now = await at.offer('c', 'anna');
    expect(now.token).toBeGreaterThan(old.token);
    expect(await at.store.answer(at.pbx.id, old)).toEqual({ outcome: 'gone' });
    expect(await at.store.miss(at.pbx.id, old, 'noAnswer', 0)).toBe('gone');
    expect(await at.store.pickUp(at.pbx.id, old)).toBe('gone');
    expect((await at.store.answer(at.pbx.id, now)).outcome).toBe('connected');
  });

  it('grows with the time: no token comes twice, not even when Redis has lost its data', async () => {
    const at = await alone();
    await at.call('c');
    const { token } = await at.offer('c', 'anna');
    await at.redis.use(async (client) => client.del(...(await client.keys(`*{${at.pbx.id}}*`))));
    at.clock.advance(1000);
    await at.store.join(at.pbx, 'node', 'run', at.clock.now());
    await at.store.configure(at.pbx);
    await at.call('c');
    expect((await at.offer('c', 'anna')).token).toBeGreaterThan(token);
  });

  it('ends by itself when its node says nothing: the agent is free, the caller looks on', async () => {
    const at = await Desk.open(await redis.connect(), [group('sales', ['anna', 'boris'])]);
    await at.call('c', { ringMs: 10_000 });
    const offer = await at.offer('c', 'anna');
    await at.later(14_999);
    expect(await at.ringing('c')).toEqual(['anna']);
    await at.later(1);
    expect(await at.ringing('c')).toEqual(['boris']);
    expect(await at.unavailable('anna')).toBeUndefined();
    expect(await at.store.answer(at.pbx.id, offer)).toEqual({ outcome: 'gone' });
  });

  it('of one who has picked up and hears an announcement lasts until he talks; everybody else is free', async () => {
    const at = await Desk.open(await redis.connect(), [group('sales', ['anna', 'boris'], { algorithm: 'all' })]);
    await at.call('c1', { maxWaitMs: 30_000 });
    const [hers, his] = [await at.offer('c1', 'anna'), await at.offer('c1', 'boris')];
    expect(await at.store.pickUp(at.pbx.id, hers)).toBe('held');
    expect(await at.store.pickUp(at.pbx.id, his)).toBe('gone');
    expect(await at.store.answer(at.pbx.id, his)).toEqual({ outcome: 'gone' });
    await at.call('c2');
    expect(await at.ringing('c2')).toEqual(['boris']);
    await at.later(60_000);
    expect((await at.store.answer(at.pbx.id, hers)).outcome).toBe('connected');
  });
});

describe('what is told of an agent', () => {
  /** As those who watch know him: what the last event of him says. */
  const told = async (at: Desk, id: string) => {
    const [outcome, found] = await readEvents(at.redis, at.pbx.id, '', 1000);
    if (outcome === 'gone') throw new Error('the log has lost its beginning');
    const agents = found.filter(({ type }) => type === 'agent').map(({ data }) => AgentChange.parse(JSON.parse(data)));
    return agents.findLast(({ agent }) => agent.employee === id)?.agent;
  };

  it('is what the list says, also when the clock of Redis has gone back and he was only looked at since', async () => {
    const at = await Desk.open(
      await redis.connect(),
      [group('sales', ['anna'], { familiar: true })],
      [employee('anna', '101', { contacts: [{ sip: 'anna@acme.example' }] })],
    );
    const known = { number: '79250000001', familiar: true };
    await at.register('anna@acme.example', 10_000);
    await at.talk('c1', 1000, known);
    await at.call('c2');
    await at.miss('c2', 'noAnswer', 20_000);
    const before = at.clock.now();
    await at.later(10_000);
    expect((await told(at, 'anna'))?.unavailable).toBe('unregistered');
    // After a fail-over: the new server's clock is behind. His familiar caller comes, so he is looked at.
    const behind = new AcdStore(at.redis, seededRandom(), () => before);
    const request = {
      call: 'c3',
      group: 'sales',
      ringMs: 20_000,
      maxWaitMs: 0,
      maxLength: 0,
      wrapUpMs: 0,
      waits: true,
    };
    expect((await behind.enqueue(at.pbx.id, at.node, { ...request, ...known })).outcome).toBe('waiting');
    await at.later(1000);
    expect(await told(at, 'anna')).toEqual(await at.state('anna'));
  });
});
