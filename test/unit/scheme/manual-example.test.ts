import { describe, expect, it } from 'vitest';
import { manualExample } from '../../support/manual-example.ts';
import { pbxOf } from '../../support/pbx.ts';
import { SchemeCall, type Script } from '../../support/scheme-call.ts';

/**
 * The names of the tests are what the text of the example promises. Its queue times of 20 seconds are the groups' (step 7: `hold.maxWait`), so the world
 * of this test takes 20 seconds to give up.
 */
const pbx = pbxOf(manualExample());

const noon = '2026-11-02T09:00:00Z'; // a Monday, 12:00 in Moscow
const nobody: Script = {
  audio: { welcome: 12, wrong: 4, night: 6 },
  calls: { clients: { fails: 20, reason: 'queueTimeout' }, sales: { fails: 20, reason: 'queueTimeout' } },
};
const call = (at = noon, script = nobody) => new SchemeCall(pbx, 'main', { at, script });

describe('the worked example of §4.4.2.1', () => {
  it.each([
    ['a working day at 09:00', '2026-11-02T06:00:00Z', 'welcome'],
    ['a working day at 18:59:59', '2026-11-02T15:59:59Z', 'welcome'],
    ['a working day at 19:00', '2026-11-02T16:00:00Z', 'night'],
    ['a Saturday', '2026-11-07T09:00:00Z', 'night'],
    ['a public holiday', '2026-11-04T09:00:00Z', 'night'],
  ])('the caller hears the right greeting on %s', async (_, at, greeting) => {
    const caller = await call(at).settle();
    expect(caller.world.story).toEqual(['0 answer', `0 play ${greeting}`]);
    await caller.hangUp();
  });

  it('the greeting is played to its end', async () => {
    const caller = call();
    await caller.wait(12);
    expect(caller.run.state).toBe('main/workdays:waiting');
    await caller.hangUp();
  });

  it('1: the group «Клиентский отдел»; no answer within 20 seconds: a voice message', async () => {
    const caller = call();
    await caller.wait(3);
    await caller.press('1');
    await caller.toEnd();
    expect(caller.world.story).toEqual([
      '0 answer',
      '0 play welcome',
      '3 cut play welcome',
      '3 ring clients',
      '23 greeting',
      '26 message',
    ]);
    expect(caller.world.mailboxes).toEqual([{ to: ['example@example.ru'] }]);
  });

  it('1, and somebody answers', async () => {
    const caller = call(noon, { ...nobody, calls: { clients: { answers: 4, talks: 120 } } });
    await caller.press('1');
    expect(await caller.toEnd()).toEqual({ reason: 'calleeHungUp', failure: undefined });
    expect(caller.path()).toEqual([
      'branch main/workdays',
      'play main/workdays:0',
      'digit main/workdays/1',
      'branch main/workdays/1',
      'queue main/workdays/1:0',
      'connect main/workdays/1:0',
    ]);
  });

  it('2: «Отдел продаж» for 20 seconds, then a certain employee for 60, then a voice message', async () => {
    const caller = call();
    await caller.press('2');
    await caller.toEnd();
    expect(caller.world.story.slice(3)).toEqual(['0 ring sales', '20 ring sidorov', '80 greeting', '83 message']);
  });

  it('a fax is received and sent to petrov@host.ru', async () => {
    const caller = call();
    await caller.wait(2);
    caller.run.faxTone();
    await caller.toEnd();
    expect(caller.world.faxes).toEqual([['petrov@host.ru']]);
  });

  it('no key: «Клиентский отдел», and without an answer a voice message', async () => {
    const caller = call();
    await caller.toEnd();
    expect(caller.world.story.slice(2)).toEqual(['22 ring clients', '42 greeting', '45 message']);
  });

  it('a wrong key: another greeting and a voice message', async () => {
    const caller = call();
    await caller.press('7');
    await caller.toEnd();
    expect(caller.world.story.slice(3)).toEqual(['0 play wrong', '4 greeting', '7 message']);
  });

  it('outside working hours: a greeting, then a fax for the default address', async () => {
    const caller = call('2026-11-02T20:00:00Z');
    expect(await caller.toEnd()).toMatchObject({ reason: 'schemeEnded' });
    expect(caller.world.story).toEqual(['0 answer', '0 play night', '6 fax']);
    expect(caller.world.faxes).toEqual([[]]);
  });
});
