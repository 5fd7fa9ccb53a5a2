import { describe, expect, it } from 'vitest';
import type { Identity } from '../../../src/sip/identity.ts';
import { settle } from '../../support/fake-clock.ts';
import type { FakeEndpoint } from '../../support/fake-media.ts';
import type { FakeIncomingInvite } from '../../support/fake-sip.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { accountOf, passive, Switchboard } from '../../support/switchboard.ts';

/** What is heard between the answer and the conversation (§4.4.1.2; 2-call-behaviour §3). */

const line = '74950000001';
const from = '79031112233';
const spoken = ['call-from', `phone ${from}`];

interface Options {
  readonly to?: 'caller' | 'employee' | 'both';
  readonly announce?: boolean;
  readonly anna?: Record<string, unknown>;
  readonly steps?: readonly object[];
}

const pbx = ({ to, announce = false, anna = {}, steps = [{ forward: { employee: 'anna' } }] }: Options) =>
  pbxOf({
    pbx: { id: 'acme', domains: ['acme.example'], announceCallerNumber: announce },
    // biome-ignore lint/suspicious/noThenProperty: the format names it so
    defaults: { employee: { unavailableMessage: null, then: { hangup: true } } },
    numbers: [
      {
        number: line,
        scheme: 'main',
        source: { passive: 'line@acme.example' },
        ...(to === undefined ? {} : { warning: { audio: 'warning', to } }),
      },
    ],
    schemes: [{ id: 'main', steps }],
    employees: [employee('anna', '401', anna), employee('boris', '402')],
    audio: ['warning', 'music', 'sorry'].map((id) => ({ id, file: `${id}.wav` })),
  });

const endpointOf = (board: Switchboard, who: 'caller' | 'callee'): FakeEndpoint | undefined =>
  board.media.endpoints.findLast(({ options }) => (options.remoteSdp === 'their offer') === (who === 'caller'));

/** What somebody hears now. */
const heard = (board: Switchboard, who: 'caller' | 'callee'): string[] =>
  (endpointOf(board, who)?.playing?.sources ?? []).map((source) => ('file' in source ? source.file : 'something else'));

const soundEnds = async (board: Switchboard, ...who: ('caller' | 'callee')[]) => {
  for (const one of who) endpointOf(board, one)?.playing?.end('finished');
  await settle();
};

const talk = (board: Switchboard): boolean => {
  const caller = endpointOf(board, 'caller');
  return caller !== undefined && caller.bridgedTo === endpointOf(board, 'callee');
};

/** A customer has called, and anna has picked up. */
async function pickedUp(options: Options, call: { identity?: Identity; by?: string; to?: string } = {}) {
  const { identity = passive(line), by = from, to = line } = call;
  const board = new Switchboard(pbx(options));
  const caller = await board.call(identity, by, to);
  const anna = board.sip.to('anna').answers();
  await settle();
  return { board, caller, anna };
}

/** The caller hangs up, and nothing is left. */
async function tidy({ board, caller }: { board: Switchboard; caller: FakeIncomingInvite }) {
  leave(caller);
  await settle();
  expect(board.quiet).toBe(true);
}

/** By CANCEL, or by BYE once there has been a 200. */
function leave(caller: FakeIncomingInvite): void {
  caller.cancel();
  if (!caller.cancelled) caller.dialog.hangUp();
}

describe('the warning of a line', () => {
  it('to the employee: the caller goes on hearing ringing, unanswered, and then they talk', async () => {
    const one = await pickedUp({ to: 'employee' });
    const { board, caller } = one;
    expect(heard(board, 'callee')).toEqual(['warning']);
    expect(caller.responses).toEqual([]);
    await soundEnds(board, 'callee');
    expect(caller.responses).toEqual(['200']);
    expect(talk(board)).toBe(true);
    await tidy(one);
  });

  it('to the employee: the caller goes on hearing music', async () => {
    const one = await pickedUp({ to: 'employee', steps: [{ forward: { employee: 'anna' }, music: 'music' }] });
    expect([heard(one.board, 'callee'), heard(one.board, 'caller')]).toEqual([['warning'], ['music']]);
    await soundEnds(one.board, 'callee');
    expect(heard(one.board, 'caller')).toEqual([]);
    expect(talk(one.board)).toBe(true);
    await tidy(one);
  });

  it('to the caller: he is answered to hear it, the employee hears nothing, and then they talk', async () => {
    const one = await pickedUp({ to: 'caller' });
    const { board, caller } = one;
    expect(caller.responses).toEqual(['200']);
    expect([heard(board, 'callee'), heard(board, 'caller')]).toEqual([[], ['warning']]);
    expect(talk(board)).toBe(false);
    await soundEnds(board, 'caller');
    expect(talk(board)).toBe(true);
    await tidy(one);
  });

  it.each([
    ['caller', 'callee'],
    ['callee', 'caller'],
  ] as const)('to both, at the same time: they talk when both have heard it, %s first', async (first, second) => {
    const one = await pickedUp({ to: 'both' });
    expect([heard(one.board, 'callee'), heard(one.board, 'caller')]).toEqual([['warning'], ['warning']]);
    await soundEnds(one.board, first);
    expect(talk(one.board)).toBe(false);
    await soundEnds(one.board, second);
    expect(talk(one.board)).toBe(true);
    await tidy(one);
  });

  it('is heard by whoever is called, employee or not', async () => {
    const board = new Switchboard(pbx({ to: 'employee', steps: [{ forward: { sip: 'desk@192.0.2.30' } }] }));
    const caller = await board.call(passive(line), from, line);
    board.sip.to('desk').answers();
    await settle();
    expect(heard(board, 'callee')).toEqual(['warning']);
    await soundEnds(board, 'callee');
    expect(talk(board)).toBe(true);
    await tidy({ board, caller });
  });

  it('is not heard where the line was not called', async () => {
    const one = await pickedUp({ to: 'both' }, { identity: accountOf('boris'), by: 'boris', to: '401' });
    expect(talk(one.board)).toBe(true);
    await tidy(one);
  });
});

describe('the number of the caller', () => {
  it('is said to the employee before the warning; the caller hears ringing meanwhile', async () => {
    const one = await pickedUp({ announce: true, to: 'both' });
    const { board, caller } = one;
    expect(heard(board, 'callee')).toEqual(spoken);
    expect(caller.responses).toEqual([]);
    await soundEnds(board, 'callee');
    expect([heard(board, 'callee'), heard(board, 'caller')]).toEqual([['warning'], ['warning']]);
    await soundEnds(board, 'callee', 'caller');
    expect(talk(board)).toBe(true);
    await tidy(one);
  });

  it.each([
    { what: 'a hidden one', by: 'anonymous', said: ['unknown-caller'] },
    { what: 'a name', by: 'ivanov', said: ['unknown-caller'] },
  ])('$what cannot be said: $said', async ({ by, said }) => {
    const one = await pickedUp({ announce: true }, { by });
    expect(heard(one.board, 'callee')).toEqual(said);
    await tidy(one);
  });

  it.each([
    { what: 'to a robot', options: { anna: { robot: true } }, call: {} },
    { what: 'of a colleague', options: {}, call: { identity: accountOf('boris'), by: 'boris', to: '401' } },
    { what: 'where it is switched off', options: { announce: false }, call: {} },
  ])('is not said $what', async ({ options, call }) => {
    const one = await pickedUp({ announce: true, ...options }, call);
    expect(talk(one.board)).toBe(true);
    await tidy(one);
  });

  it('is not said to somebody who is no employee', async () => {
    const board = new Switchboard(pbx({ announce: true, steps: [{ forward: { sip: 'desk@192.0.2.30' } }] }));
    const caller = await board.call(passive(line), from, line);
    board.sip.to('desk').answers();
    await settle();
    expect(talk(board)).toBe(true);
    await tidy({ board, caller });
  });
});

describe('who hangs up meanwhile', () => {
  /** Each moment at which something is heard: what has to be over first. */
  const moments: { what: string; options: Options; before: ('caller' | 'callee')[][] }[] = [
    { what: 'the number', options: { announce: true, to: 'both' }, before: [] },
    { what: 'the warning that both hear', options: { announce: true, to: 'both' }, before: [['callee']] },
    { what: 'the rest of it for the employee', options: { to: 'both' }, before: [['caller']] },
    { what: 'the rest of it for the caller', options: { to: 'both' }, before: [['callee']] },
    { what: 'the warning that the employee hears', options: { to: 'employee' }, before: [] },
    { what: 'the warning that the caller hears', options: { to: 'caller' }, before: [] },
  ];

  const at = async ({ options, before }: (typeof moments)[number]) => {
    const one = await pickedUp(options);
    for (const who of before) await soundEnds(one.board, ...who);
    expect(talk(one.board)).toBe(false);
    return one;
  };

  it.each(moments)('the caller, during $what: the employee is hung up, nothing is left', async (moment) => {
    const { board, caller, anna } = await at(moment);
    leave(caller);
    await settle();
    expect(anna.ended?.by).toBe('local');
    expect(board.quiet).toBe(true);
    expect(board.records).toMatchObject([{ outcome: 'missed', reason: 'callerHungUp', endedBy: 'caller', talk: 0 }]);
  });

  it.each(moments)('the employee, during $what: he has not answered, and the scheme goes on', async (moment) => {
    const steps = [{ forward: { employee: 'anna' } }, { forward: { employee: 'boris' } }];
    const { board, anna } = await at({ ...moment, options: { ...moment.options, steps } });
    anna.hangUp();
    await settle();
    expect(board.sip.to('boris').cancelled).toBeUndefined();
    board.sip.to('boris').refuses(486);
    await settle();
    expect(board.quiet).toBe(true);
    expect(board.records).toMatchObject([
      {
        outcome: 'missed',
        talk: 0,
        participants: [
          { id: 'anna', outcome: 'noAnswer' },
          { id: 'boris', outcome: 'busy' },
        ],
      },
    ]);
  });

  it.each(moments)('both in the same moment, during $what: nothing is left', async (moment) => {
    for (const callerFirst of [true, false]) {
      const { board, caller, anna } = await at(moment);
      if (callerFirst) leave(caller);
      anna.hangUp();
      leave(caller);
      await settle();
      expect(board.quiet).toBe(true);
      expect(board.records).toMatchObject([{ outcome: 'missed', reason: 'callerHungUp' }]);
    }
  });
});
