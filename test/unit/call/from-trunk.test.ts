import { describe, expect, it } from 'vitest';
import { MediaError } from '../../../src/media/port.ts';
import type { Identity } from '../../../src/sip/identity.ts';
import { settle } from '../../support/fake-clock.ts';
import { FakeIncomingInvite } from '../../support/fake-sip.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { Switchboard } from '../../support/switchboard.ts';

/** Calls that an operator hands over (2-call-behaviour §1, step 1). */

const operator: Identity = { kind: 'trunk', pbx: 'acme', trunk: 'operator' };
const from = '79031112233';

const pbx = (lines: number, maxCalls = 0) =>
  pbxOf({
    pbx: { id: 'acme', domains: ['acme.example'], maxCalls },
    trunks: [
      {
        id: 'operator',
        host: '192.0.2.20',
        pstn: true,
        lines,
        numbers: [{ number: '74950000001' }, { number: '74950000002' }],
      },
    ],
    numbers: [{ number: '74950000001', scheme: 'main', source: { trunk: 'operator' } }],
    schemes: [{ id: 'main', steps: [{ forward: { sip: 'desk@192.0.2.30' } }] }],
    employees: [employee('anna', '401')],
  });

describe('the number', () => {
  it.each([
    { dialled: '74950000001', why: 'as it is written' },
    { dialled: '+74950000001', why: 'with a plus' },
    { dialled: '84950000001', why: 'as it is dialled in Russia' },
  ])('$dialled, $why, runs its scheme', async ({ dialled }) => {
    const board = new Switchboard(pbx(0));
    const caller = await board.call(operator, from, dialled);
    expect(board.sip.sent.length).toBe(1);
    caller.cancel();
    await settle();
    expect(board.records).toMatchObject([{ direction: 'in', line: '74950000001', to: dialled, scheme: 'main', from }]);
    expect(board.quiet).toBe(true);
  });

  it.each([
    { dialled: '74959999999', why: 'that nobody has' },
    { dialled: '74950000002', why: 'without a scheme' },
    { dialled: '401', why: 'that only employees may dial' },
  ])('$dialled, $why: 404', async ({ dialled }) => {
    const board = new Switchboard(pbx(0));
    const caller = await board.call(operator, from, dialled);
    expect(caller.responses).toEqual(['404']);
    expect(board.sip.sent).toEqual([]);
    expect(board.records).toMatchObject([{ outcome: 'missed', reason: 'doesNotExist', code: 1133, stage: 'number' }]);
    expect(board.quiet).toBe(true);
  });
});

describe('the sound', () => {
  it.each([
    { trunk: {}, sound: { codecs: ['pcma', 'pcmu'], dtmf: 'rfc2833' } },
    { trunk: { codecs: ['pcmu'], dtmfMode: 'inband' }, sound: { codecs: ['pcmu'], dtmf: 'inband' } },
    // None of them is built: the call is made with what there is.
    { trunk: { codecs: ['g729'] }, sound: { dtmf: 'rfc2833' } },
  ])('is what $trunk of the trunk allows, towards its peer and from it', async ({ trunk, sound }) => {
    const board = new Switchboard(
      pbxOf({
        pbx: { id: 'acme', domains: ['acme.example'] },
        trunks: [{ id: 'operator', host: '192.0.2.20', ...trunk, numbers: [{ number: '74950000001' }] }],
        numbers: [{ number: '74950000001', scheme: 'main' }],
        schemes: [{ id: 'main', steps: [{ forward: { trunk: 'operator', number: '501' } }] }],
      }),
    );
    const caller = await board.call(operator, from, '74950000001');
    board.sip.to('501@').answers();
    await settle();
    const [there, here] = board.media.endpoints.map(({ options }) => options);
    for (const options of [there, here]) {
      expect({ codecs: options?.codecs, dtmf: options?.dtmf }).toEqual({ codecs: undefined, ...sound });
    }
    caller.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
  });
});

describe('the lines of the trunk', () => {
  const calls = async (board: Switchboard, count: number) => {
    const arrived = [];
    for (let i = 0; i < count; i++) arrived.push(await board.call(operator, from, '74950000001'));
    return arrived;
  };

  /** The announcements that callers hear who are about to be refused. */
  const announcements = (board: Switchboard) =>
    board.media.alive.flatMap(({ playing }) => (playing?.sources.some((one) => 'file' in one) ? [playing] : []));

  it('all taken: "line busy" before the answer, then 486, and nobody is rung, until one is free again', async () => {
    const board = new Switchboard(pbx(2));
    const [first, second, third] = await calls(board, 3);
    expect([first, second, third].map((caller) => caller?.responses)).toEqual([[], [], ['183+sdp']]);
    expect(announcements(board).map(({ sources }) => sources)).toEqual([[{ file: 'builtin:line-busy' }]]);
    announcements(board)[0]?.end('finished');
    await settle();
    expect(third?.responses).toEqual(['183+sdp', '486']);
    expect(board.records).toMatchObject([{ outcome: 'missed', reason: 'busy', stage: 'number' }]);
    expect(board.records[0]?.path).toMatchObject([{ state: 'limits', why: 'all 2 lines of the trunk are taken' }]);
    expect(board.sip.sent.length).toBe(2);
    first?.cancel();
    await settle();
    expect((await calls(board, 1))[0]?.responses).toEqual([]);
    expect(board.sip.sent.length).toBe(3);
  });

  it('a caller who hears that they are taken takes none himself', async () => {
    const board = new Switchboard(pbx(1));
    const [first] = await calls(board, 3);
    first?.cancel();
    await settle();
    expect(announcements(board).length).toBe(2);
    const [next] = await calls(board, 1);
    expect(next?.responses).toEqual([]);
    expect(board.sip.sent.length).toBe(2);
  });

  it.each([
    ['whose INVITE has no offer', (caller: FakeIncomingInvite) => Object.assign(caller, { sdp: undefined })],
    [
      'whose audio cannot be had',
      (_: FakeIncomingInvite, board: Switchboard) => {
        board.media.failure = new MediaError('no-port', 'all ports are taken');
      },
    ],
  ])('a caller %s gets 486 at once', async (_what, spoil) => {
    const board = new Switchboard(pbx(1));
    await calls(board, 1);
    const caller = new FakeIncomingInvite({ identity: operator, from, to: '74950000001' });
    spoil(caller, board);
    board.inbound.accept(caller);
    await settle();
    expect(caller.responses).toEqual(['486']);
    expect(board.records).toMatchObject([{ reason: 'busy' }]);
  });

  it('a caller who hangs up while he hears it leaves nothing behind', async () => {
    const board = new Switchboard(pbx(1));
    const [first, second] = await calls(board, 2);
    second?.cancel();
    first?.cancel();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it('a number that nobody has is no call for a line, nor for the calls of the PBX: 404', async () => {
    for (const board of [new Switchboard(pbx(1)), new Switchboard(pbx(0, 1))]) {
      await calls(board, 1);
      expect((await board.call(operator, from, '74959999999')).responses).toEqual(['404']);
    }
  });

  it('are asked for before the limit of the PBX, and given back where that is reached', async () => {
    const full = new Switchboard(pbx(1, 1));
    const [, busy] = await calls(full, 2);
    expect(busy?.responses).toEqual(['183+sdp']);

    const board = new Switchboard(pbx(2, 1));
    const [first, second] = await calls(board, 2);
    expect(second?.responses).toEqual(['503']);
    expect(board.trunks.taken('operator')).toBe(1);
    first?.cancel();
    await settle();
    expect(board.trunks.taken('operator')).toBe(0);
    expect((await calls(board, 1))[0]?.responses).toEqual([]);
  });

  it('0: as many as come', async () => {
    const board = new Switchboard(pbx(0));
    await calls(board, 50);
    expect(board.sip.sent.length).toBe(50);
  });
});
