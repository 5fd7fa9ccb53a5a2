import { describe, expect, it } from 'vitest';
import type { PbxVersion } from '../../src/config/version.ts';
import { CallRecord } from '../../src/history/record.ts';
import { serialised } from '../../src/history/stream.ts';
import { replay } from '../../src/replay/replay.ts';
import { settle } from '../support/fake-clock.ts';
import { employee, pbxOf } from '../support/pbx.ts';
import { line, recordOf } from '../support/recorded-call.ts';
import { SchemeCall, type Script } from '../support/scheme-call.ts';
import { passive, Switchboard } from '../support/switchboard.ts';

const at = '2026-11-02T09:00:00Z';
const caller = '79161234567';

const company = (scheme: Record<string, unknown>, more: Record<string, unknown> = {}): PbxVersion =>
  pbxOf({
    numbers: [{ number: line, scheme: 'main', source: { passive: 'line@acme.example' } }],
    employees: [employee('ivanov', '451', { email: 'ivanov@acme.example' }), employee('petrov', '452')],
    groups: [{ id: 'sales', extension: '505' }],
    schemes: [{ id: 'main', ...scheme }],
    ...more,
  });

const greeting = { play: 'builtin:greeting', wait: true };
const to = (id: string, more: object = {}) => ({ steps: [{ forward: { employee: id }, ...more }] });
const hangup = { steps: [{ hangup: true }] };
const menu = { steps: [greeting], menu: { '1': to('ivanov'), '2': to('petrov') } };
const answered = { calls: { ivanov: { answers: 4, talks: 30 }, petrov: { answers: 4, talks: 30 } } } satisfies Script;

/** A call through a PBX; what the caller does is told by `act`. */
async function recorded(
  pbx: PbxVersion,
  act: (call: SchemeCall) => Promise<unknown> = async () => undefined,
  script: Script = answered,
): Promise<CallRecord> {
  const call = new SchemeCall(pbx, 'main', { script, at, caller });
  await act(call);
  await call.toEnd();
  return recordOf(pbx, call, { at, caller });
}

/** Presses these keys two seconds after the beginning of the call. */
const pressing = (keys: string) => async (call: SchemeCall) => {
  await call.wait(2);
  await call.press(keys);
};

describe('the same', () => {
  const pbx = company(menu);

  it('on the version that was used', async () => {
    const call = await recorded(pbx, pressing('1'));
    expect(await replay(call, { used: pbx })).toEqual({ call, verdict: 'same', heard: [] });
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>?]>([
    ['another key goes elsewhere', { ...menu, menu: { '1': to('ivanov'), '2': to('ivanov') } }],
    [
      'the schedule has a name of its own',
      {
        branches: [
          { when: { days: ['workdays'] }, ...menu },
          { when: 'otherwise', ...hangup },
        ],
      },
    ],
    [
      'a branch for other times comes before it',
      {
        branches: [
          { when: { days: ['weekend'] }, ...hangup },
          { when: 'otherwise', ...menu },
        ],
      },
    ],
    [
      'the scheme has another name',
      menu,
      {
        numbers: [{ number: line, scheme: 'new', source: { passive: 'line@acme.example' } }],
        schemes: [{ id: 'new', ...menu }],
      },
    ],
    ['nobody presses for longer', menu, { defaults: { menu: { inputTimeout: 30 } } }],
    ['he is rung for long enough', { ...menu, menu: { '1': to('ivanov', { timeout: 5 }) } }],
    ['there is a rule for those who press nothing', { ...menu, rules: { noInput: to('petrov') } }],
  ])('though %s', async (_, scheme, more) => {
    const call = await recorded(pbx, pressing('1'));
    expect(await replay(call, { used: pbx, other: company(scheme, more) })).toEqual({
      call,
      verdict: 'same',
      heard: [],
    });
  });

  it.each<[string, object[], string[]]>([
    ['another greeting', [{ play: 'builtin:closed', wait: true }], ['builtin:closed']],
    ['no greeting', [], []],
  ])('but for what the caller hears: %s', async (_, steps, now) => {
    const call = await recorded(pbx, pressing('1'));
    const found = await replay(call, { used: pbx, other: company({ ...menu, steps }) });
    expect(found).toEqual({ call, verdict: 'same', heard: [{ t: 0, was: ['builtin:greeting'], now }] });
  });

  it('when a prompt came in before the phone rings', async () => {
    const before = company({ steps: [greeting, { forward: { employee: 'ivanov' } }] });
    const call = await recorded(before);
    const steps = [greeting, { play: 'builtin:closed', wait: true }, { forward: { employee: 'ivanov' } }];
    expect(await replay(call, { used: before, other: company({ steps }) })).toMatchObject({
      verdict: 'same',
      heard: [{ was: ['builtin:greeting'], now: ['builtin:greeting', 'builtin:closed'] }],
    });
  });

  it('while a longer key is possible now, if nothing came in meanwhile', async () => {
    const call = await recorded(pbx, pressing('1'), { calls: { ivanov: { answers: 20, talks: 5 } } });
    const other = company({ ...menu, menu: { '1': to('ivanov'), '12': to('petrov') } });
    expect(await replay(call, { used: pbx, other })).toMatchObject({ verdict: 'same' });
  });
});

describe('elsewhere', () => {
  const pbx = company(menu);
  const verdict = async (
    scheme: Record<string, unknown>,
    more?: Record<string, unknown>,
    act = pressing('1'),
    script?: Script,
  ) => replay(await recorded(pbx, act, script), { used: pbx, other: company(scheme, more) });

  it('another one is rung', async () => {
    expect(await verdict({ ...menu, menu: { '1': to('petrov') } })).toMatchObject({
      verdict: 'elsewhere',
      diverged: {
        t: 2,
        state: 'main/1:0',
        was: { event: 'ring', detail: { employee: 'ivanov' } },
        now: { event: 'ring', detail: { employee: 'petrov' } },
      },
    });
  });

  it('the key is none any more', async () => {
    expect(await verdict({ ...menu, menu: { '2': to('petrov') } })).toMatchObject({
      diverged: {
        t: 2,
        was: { event: 'digit', state: 'main/1' },
        now: { event: 'digit', why: expect.stringContaining('nothing') },
      },
    });
  });

  it('another branch is for this time', async () => {
    const branches = [
      { when: { days: ['workdays'] }, ...to('petrov') },
      { when: 'otherwise', ...menu },
    ];
    expect(await verdict({ branches })).toMatchObject({
      diverged: { t: 0, was: { event: 'branch', state: 'main' }, now: { event: 'branch', state: 'main/workdays' } },
    });
  });

  it('the number runs another scheme, the caller is refused or sent on', async () => {
    const numbers = [{ number: line, scheme: 'new', source: { passive: 'line@acme.example' } }];
    expect(await verdict(menu, { numbers, schemes: [{ id: 'new', ...hangup }] })).toMatchObject({
      diverged: { t: 0, was: { detail: { scheme: 'main' } }, now: { detail: { scheme: 'new' } } },
    });
    const screening = { mode: 'blacklist', entries: [{ number: caller }] };
    expect(await verdict(menu, { screening })).toMatchObject({
      diverged: { t: 0, now: { event: 'hangup', detail: { reason: 'blacklisted' } } },
    });
    const forwarding = [{ from: caller, to: { employee: 'petrov' } }];
    expect(await verdict(menu, { forwarding })).toMatchObject({
      diverged: { t: 0, now: { event: 'rule', detail: { employee: 'petrov' } } },
    });
  });

  it('who pressed nothing would be waited for longer, or not so long', async () => {
    const silent = async () => undefined;
    const longer = { defaults: { menu: { inputTimeout: 30 } } };
    expect(await verdict(menu, longer, silent)).toMatchObject({
      diverged: { t: 15, was: { event: 'hangup' }, now: null },
    });
    const late = async (call: SchemeCall) => {
      await call.wait(13);
      await call.press('1');
    };
    const shorter = { defaults: { menu: { inputTimeout: 5 } } };
    expect(await verdict(menu, shorter, late)).toMatchObject({
      diverged: { t: 10, was: { event: 'digit' }, now: { event: 'hangup' } },
    });
  });

  it('he would not have been rung for long enough, or for longer', async () => {
    const steps = { ...menu, menu: { '1': to('ivanov', { timeout: 3 }) } };
    expect(await verdict(steps)).toMatchObject({
      diverged: { t: 5, was: { event: 'ring', why: 'rung for 4 s' }, now: { event: 'ring', why: 'rung for 3 s' } },
    });
    const short = company({ ...menu, menu: { '1': to('ivanov', { timeout: 3 }) } });
    const call = await recorded(short, pressing('1'), {});
    expect(await replay(call, { used: short, other: pbx })).toMatchObject({
      diverged: { t: 5, was: { why: 'rung for 3 s' }, now: { why: expect.stringContaining('by default') } },
    });
  });

  it('a password is asked for, or none any more; one that was right is taken to be right still', async () => {
    const secret = company({ ...menu, menu: { '1': { password: '83', ...to('ivanov') } } });
    const changed = company({ ...menu, menu: { '1': { password: '4711', ...to('ivanov') } } });
    expect(await verdict(secret.document.schemes[0] as object as Record<string, unknown>)).toMatchObject({
      diverged: {
        t: 2,
        was: { event: 'branch', state: 'main/1' },
        now: { event: 'play', detail: { audio: 'builtin:enter-password' } },
      },
    });
    const call = await recorded(secret, pressing('183#'));
    expect(await replay(call, { used: secret, other: pbx })).toMatchObject({
      diverged: { was: { event: 'password' }, now: { event: 'branch' } },
    });
    expect(await replay(call, { used: secret, other: changed })).toMatchObject({ verdict: 'same' });
    const wrong = await recorded(secret, pressing('199#'));
    expect(await replay(wrong, { used: secret, other: changed })).toMatchObject({ verdict: 'same' });
  });

  it('only for those whom the change is about', async () => {
    const other = company({ ...menu, menu: { '1': to('petrov'), '2': to('petrov') } });
    const verdicts = await Promise.all(
      ['1', '2', ''].map(
        async (keys) => (await replay(await recorded(pbx, pressing(keys)), { used: pbx, other })).verdict,
      ),
    );
    expect(verdicts).toEqual(['elsewhere', 'same', 'same']);
  });

  it('where nobody knows whether the caller would have been silent for so long: he was talking already', async () => {
    const rules = { noInput: to('ivanov') };
    const waits = (inputTimeout: number) => company({ ...menu, rules }, { defaults: { menu: { inputTimeout } } });
    const silent = await recorded(waits(10));
    const rungOnly = await recorded(waits(10), undefined, { calls: { ivanov: { fails: 20, reason: 'noAnswer' } } });
    expect(await replay(silent, { used: waits(10), other: waits(17) })).toMatchObject({
      diverged: { t: 15, was: { event: 'rule' }, now: null },
    });
    // His keys would have been heard while somebody was only rung, and there were none.
    expect(await replay(rungOnly, { used: waits(10), other: waits(17) })).toMatchObject({ verdict: 'same' });
  });

  it('behind a new announcement: that is told, and nothing behind it', async () => {
    const twice = { ...menu, steps: [{ forward: { employee: 'ivanov' } }, { forward: { employee: 'petrov' } }] };
    const once = { ...twice, steps: [twice.steps[0], { play: 'builtin:closed', wait: true }, { hangup: true }] };
    const nobody = { calls: { ivanov: { fails: 9, reason: 'noAnswer' } } } as const;
    const call = await recorded(company(twice), undefined, nobody);
    expect(await replay(call, { used: company(twice), other: company(once) })).toMatchObject({
      diverged: {
        t: 9,
        was: { event: 'ring', detail: { employee: 'petrov' } },
        now: { event: 'play', detail: { audio: 'builtin:closed' } },
      },
    });
  });

  it('ahead of the caller: he is rung before he pressed anything', async () => {
    expect(await verdict({ steps: [{ forward: { employee: 'ivanov' } }], menu: menu.menu })).toMatchObject({
      diverged: { t: 0, was: { event: 'digit' }, now: { event: 'ring' } },
    });
  });
});

describe('what cannot be run again says why', () => {
  const pbx = company(menu);

  it.each<[string, Partial<CallRecord>, PbxVersion | string, RegExp]>([
    ['a record of an older engine', { arrival: null }, pbx, /kept no inputs/],
    ['a version that was not kept', {}, 'it is not kept', /it is not kept/],
    ['a path that the engine does not take', { path: [] }, pbx, /another way: it did nothing/],
    [
      'an input that nothing waits for',
      {
        inputs: [
          [0, 'begin'],
          [9, 'done', 'main:9'],
        ],
      },
      pbx,
      /came in of main:9/,
    ],
    [
      'a time that does not run',
      {
        inputs: [
          [0, 'begin'],
          [9, 'timer', 77],
        ],
      },
      pbx,
      /no time of 0.077 s/,
    ],
  ])('%s', async (_, changes, used, why) => {
    const call = { ...(await recorded(pbx, pressing('1'))), ...changes };
    expect(await replay(call, { used, other: pbx })).toMatchObject({
      verdict: 'impossible',
      why: expect.stringMatching(why),
    });
  });

  it('a version on which the recorded way is another one', async () => {
    const call = await recorded(pbx, pressing('1'));
    const used = company({ ...menu, menu: { '1': { steps: [greeting, { hangup: true }] } } });
    expect(await replay(call, { used })).toMatchObject({
      verdict: 'impossible',
      why: expect.stringContaining('main/1:0'),
    });
  });

  it('a record that was cut tells how far it goes', async () => {
    const whole = await recorded(pbx, pressing('1'));
    const call = { ...whole, inputs: whole.inputs.slice(0, 2), path: whole.path.slice(0, 5), cut: true };
    expect(await replay(call, { used: pbx, other: pbx })).toEqual({ call, verdict: 'same', heard: [], upTo: 2 });
  });
});

describe('a call in which somebody who talked has sent the caller on', () => {
  const sentTo = (night: Record<string, unknown>, extension = '885') =>
    company(to('ivanov'), {
      pbx: { id: 'acme', domains: ['acme.example'] },
      schemes: [
        { id: 'main', ...to('ivanov') },
        { id: 'night', extension, ...night },
      ],
    });
  const used = sentTo({ steps: [greeting, ...to('petrov').steps] });

  const sentOn = async (): Promise<CallRecord> => {
    const board = new Switchboard(used);
    const stranger = await board.call(passive(line), caller, 'line');
    board.sip.to('ivanov').answers();
    await settle();
    await board.clock.advance(5000);
    board.sip.to('ivanov').dialog.refers('885');
    await settle();
    await board.clock.advance(3000);
    board.callerEndpoint.playing?.end('finished');
    await settle();
    board.sip.to('petrov').answers();
    await settle();
    await board.clock.advance(5000);
    stranger.dialog.hangUp();
    await settle();
    const [record] = board.records;
    if (!record) throw new Error('no record');
    return CallRecord.parse(JSON.parse(serialised(record)));
  };

  it('is the same, goes elsewhere there, or to nobody', async () => {
    const call = await sentOn();
    expect(call.transfers).toMatchObject([{ by: 'ivanov', to: '885' }]);
    expect(await replay(call, { used })).toMatchObject({ verdict: 'same' });
    const other = sentTo({ steps: [greeting, ...to('ivanov').steps] });
    expect(await replay(call, { used, other })).toMatchObject({
      verdict: 'elsewhere',
      diverged: { was: { detail: { employee: 'petrov' } }, now: { detail: { employee: 'ivanov' } } },
    });
    expect(await replay(call, { used, other: sentTo({ steps: [] }, '886') })).toMatchObject({ verdict: 'elsewhere' });
  });
});
