import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Desk, group } from '../../support/acd/desk.ts';
import { startTestRedis, type TestRedis } from '../../support/redis.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

const three = ['anna', 'boris', 'clara'];
const desk = async (algorithm: string, members: readonly string[] = three, chance?: () => number) =>
  Desk.open(await redis.connect(), [group('sales', members, { algorithm })], undefined, chance ? { chance } : {});

/** Who is rung one after the other when nobody answers. */
async function rounds(at: Desk, call: string, count: number): Promise<string[]> {
  const rung: string[] = [];
  for (let i = 0; i < count; i++) {
    const ringing = await at.ringing(call);
    rung.push(ringing.join('+'));
    for (const agent of ringing) await at.miss(call, 'noAnswer', 0, agent);
  }
  return rung;
}

/** Order of choice by the names of the configuration (2-call-behaviour §4, §4.4.6.2 of the manual). */
describe('the algorithms of a group', () => {
  it('sequential: in the order of the list, from the top each time', async () => {
    const at = await desk('sequential', ['boris', 'anna', 'clara']);
    expect(await at.talk('c1', 1000)).toBe('boris');
    expect(await at.talk('c2', 1000)).toBe('boris');
    await at.call('c3');
    await at.call('c4');
    expect([await at.ringing('c3'), await at.ringing('c4')]).toEqual([['boris'], ['anna']]);
    expect(await rounds(at, 'c3', 3)).toEqual(['boris', 'clara', 'boris']);
  });

  it('random: each of those who are available as likely as the other', async () => {
    let chance = 0;
    const at = await desk('random', three, () => chance);
    const rung = new Map<string, number>();
    for (let i = 0; i < 60; i++) {
      chance = (i + 0.5) / 60;
      await at.call('c');
      const [agent = ''] = await at.ringing('c');
      rung.set(agent, (rung.get(agent) ?? 0) + 1);
      await at.leave('c');
    }
    expect(Object.fromEntries(rung)).toEqual({ anna: 20, boris: 20, clara: 20 });
    // And of two when the third is taken.
    chance = 0.49;
    await at.store.beginCall(at.pbx.id, at.node, 'anna', 'own');
    await at.call('c1');
    expect(await at.ringing('c1')).toEqual(['boris']);
    await at.leave('c1');
    chance = 0.51;
    await at.call('c2');
    expect(await at.ringing('c2')).toEqual(['clara']);
  });

  it('random: nobody twice in a round', async () => {
    const at = await desk('random');
    await at.call('c');
    expect((await rounds(at, 'c', 3)).sort()).toEqual(three);
    expect((await rounds(at, 'c', 3)).sort()).toEqual(three);
  });

  it('priorityParallel: all of the best priority at once, then the next priority, then from the best again', async () => {
    const at = await desk('priorityParallel', ['anna:2', 'boris:1', 'clara:1', 'dmitri:3']);
    await at.call('c');
    expect(await rounds(at, 'c', 4)).toEqual(['boris+clara', 'anna', 'dmitri', 'boris+clara']);
  });

  it('priorityParallel: the next priority waits until the last of the better one has missed', async () => {
    const at = await desk('priorityParallel', ['anna:2', 'boris:1', 'clara:1']);
    await at.call('c');
    await at.miss('c', 'busy', 0, 'boris');
    expect(await at.ringing('c')).toEqual(['clara']);
    await at.miss('c', 'busy', 0, 'clara');
    expect(await at.ringing('c')).toEqual(['anna']);
  });

  it('all: everyone at once, and whoever becomes available rings along', async () => {
    const at = await desk('all');
    await at.store.beginCall(at.pbx.id, at.node, 'clara', 'own');
    await at.call('c');
    expect(await at.ringing('c')).toEqual(['anna', 'boris']);
    await at.end('clara', 'own');
    expect(await at.ringing('c')).toEqual(three);
  });

  it('all: the losers of one caller ring for the next, all of them', async () => {
    const at = await desk('all');
    await at.call('c1');
    await at.call('c2');
    expect(await at.ringing('c2')).toEqual([]);
    const answered = await at.answer('c1', 'boris');
    expect(answered.outcome === 'connected' && [...answered.losers].sort()).toEqual(['anna', 'clara']);
    expect(await at.ringing('c2')).toEqual(['anna', 'clara']);
  });

  it('priorityParallel: one of a better priority who becomes available rings along, one of a worse does not', async () => {
    const at = await desk('priorityParallel', ['anna:1', 'boris:2', 'clara:3']);
    for (const agent of ['anna', 'clara']) await at.store.beginCall(at.pbx.id, at.node, agent, 'own');
    await at.call('c');
    for (const agent of ['clara', 'anna']) await at.end(agent, 'own');
    expect(await at.ringing('c')).toEqual(['anna', 'boris']);
  });

  it('longestIdle: whose last conversation ended earliest, ringing does not count', async () => {
    const at = await desk('longestIdle');
    for (const expected of ['anna', 'boris', 'clara', 'anna'])
      expect(await at.talk(expected + at.clock.now(), 1000)).toBe(expected);
    // A call of his own counts as well.
    await at.store.beginCall(at.pbx.id, at.node, 'boris', 'own', { talks: true });
    at.clock.advance(1000);
    await at.end('boris', 'own');
    await at.call('c');
    expect(await rounds(at, 'c', 3)).toEqual(['clara', 'anna', 'boris']);
  });

  it('leastTalkTime: least total talk time today', async () => {
    const at = await desk('leastTalkTime');
    for (const [length, expected] of [
      [30_000, 'anna'],
      [10_000, 'boris'],
      [20_000, 'clara'],
      [15_000, 'boris'],
      [1000, 'clara'],
    ] as const)
      expect(await at.talk(`c${at.clock.now()}`, length)).toBe(expected);
    await at.call('c');
    expect(await rounds(at, 'c', 3)).toEqual(['clara', 'boris', 'anna']);
  });

  it('fewestAnswered: fewest incoming calls answered today, those of no group too, those dialled not', async () => {
    const at = await desk('fewestAnswered');
    const own = async (agent: string, incoming: boolean) => {
      await at.store.beginCall(at.pbx.id, at.node, agent, 'own', { talks: true, incoming });
      await at.end(agent, 'own');
    };
    await own('anna', true);
    await own('anna', true);
    await own('boris', true);
    for (let i = 0; i < 5; i++) await own('clara', false);
    await at.call('c');
    expect(await rounds(at, 'c', 3)).toEqual(['clara', 'boris', 'anna']);
  });

  it('longestIdleByPriority: the longest idle of the best priority', async () => {
    const at = await desk('longestIdleByPriority', ['anna:2', 'boris:1', 'clara:1', 'dmitri:2']);
    expect(await at.talk('c1', 1000)).toBe('boris');
    await at.call('c');
    expect(await rounds(at, 'c', 4)).toEqual(['clara', 'boris', 'anna', 'dmitri']);
  });

  it('a change of algorithm counts at once', async () => {
    const at = await desk('sequential');
    expect(await at.talk('c1', 1000)).toBe('anna');
    await at.configure([group('sales', three, { algorithm: 'longestIdle' })]);
    expect(await at.talk('c2', 1000)).toBe('boris');
  });

  it('says why an agent was chosen', async () => {
    const at = await desk('longestIdle');
    await at.call('c1');
    for (const agent of ['boris', 'clara']) await at.store.beginCall(at.pbx.id, at.node, agent, 'own');
    await at.call('c2');
    const first = await at.answer('c1');
    expect(
      first.outcome === 'connected' && first.story.map(({ agent, why, outcome }) => [agent, why, outcome]),
    ).toEqual([['anna', 'longestIdle', 'answered']]);
    await at.end('boris', 'own');
    const second = await at.answer('c2');
    expect(second.outcome === 'connected' && second.story.map(({ why }) => why)).toEqual(['nextFree']);
  });
});
