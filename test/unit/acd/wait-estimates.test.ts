import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { AgentState } from '../../../src/acd/store.ts';
import { memberAtWork, WaitEstimates } from '../../../src/acd/wait-estimates.ts';
import { RedisDownError } from '../../../src/redis/connection.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { employee, pbxOf } from '../../support/pbx.ts';

const now = 1_000_000;

const state = (changes: Partial<AgentState> = {}): AgentState => ({
  employee: 'anna',
  status: 'online',
  statusAt: 0,
  base: 'online',
  calls: {},
  reachableUntil: 0,
  wrapUpUntil: 0,
  excludedUntil: 0,
  excludedFor: '',
  lastEnd: 0,
  talkToday: 0,
  answeredToday: 0,
  isFree: false,
  ...changes,
});

describe('what a member does, for the estimate', () => {
  it.each([
    { is: 'available', facts: {}, doing: { doing: 'free' } },
    {
      is: 'in two calls: the first one counts',
      facts: { unavailable: 'inCall', calls: { a: { since: now - 5000 }, b: { since: now - 9000 } } },
      doing: { doing: 'call', since: now - 9000 },
    },
    { is: 'being rung', facts: { unavailable: 'reserved' }, doing: { doing: 'call', since: now } },
    {
      is: 'in after-call work',
      facts: { unavailable: 'wrapUp', wrapUpUntil: 7 },
      doing: { doing: 'wrapUp', until: 7 },
    },
    {
      is: 'resting because he did not answer',
      facts: { unavailable: 'excluded', excludedUntil: 8 },
      doing: { doing: 'wrapUp', until: 8 },
    },
    { is: 'without a phone', facts: { unavailable: 'unregistered' }, doing: undefined },
    { is: 'at a break', facts: { unavailable: 'break' }, doing: undefined },
    { is: 'not at work', facts: { unavailable: 'offline' }, doing: undefined },
  ] as const)('$is', ({ facts, doing }) => {
    expect(memberAtWork(state(facts as Partial<AgentState>), now)).toEqual(doing);
  });
});

describe('the situation of a caller', () => {
  const pbx = pbxOf({
    employees: [employee('anna', '401')],
    groups: [{ id: 'sales', members: [{ employee: 'anna' }] }],
  });
  const group = pbx.group('sales');
  if (!group) throw new Error('no group');

  const estimates = (agents: () => Promise<AgentState[]>, clock: FakeClock) =>
    // Nothing is kept in this test, so there is no Redis.
    new WaitEstimates({ store: { agents }, redis: undefined as never, clock, log: pino({ level: 'silent' }) });

  it('is looked up once for all who ask within a second', async () => {
    let looks = 0;
    const clock = new FakeClock();
    const of = estimates(async () => {
      looks++;
      return [state()];
    }, clock);
    const first = await Promise.all([1, 2, 3].map((position) => of.situation(pbx, group, position)));
    expect(first.map(({ position, membersAtWork }) => [position, membersAtWork])).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
    expect(looks).toBe(1);
    clock.advance(1000);
    await of.situation(pbx, group, 1);
    expect(looks).toBe(2);
  });

  it('is asked for again after a look that failed', async () => {
    let isDown = true;
    const of = estimates(async () => {
      if (isDown) throw new RedisDownError(new Error('away'));
      return [state({ unavailable: 'offline', base: 'offline' })];
    }, new FakeClock());
    await expect(of.situation(pbx, group, 1)).rejects.toThrow(RedisDownError);
    await settle();
    isDown = false;
    expect(await of.situation(pbx, group, 1)).toMatchObject({
      membersAtWork: 0,
      prediction: { silent: 'nobodyAtWork' },
    });
  });
});
