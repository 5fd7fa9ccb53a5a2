import { describe, expect, it } from 'vitest';
import type { CallOrder } from '../../../src/call/decide-order.ts';
import { settle } from '../../support/fake-clock.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { Switchboard } from '../../support/switchboard.ts';

/** Click-to-call (§4.5.7): the first is rung, and when he answers the second is called for him. */

const pbx = (more: Record<string, unknown> = {}) =>
  pbxOf({
    numbers: [
      { number: '74950000001', source: { trunk: 'operator' } },
      { number: '74950000002', source: { trunk: 'operator' } },
    ],
    trunks: [{ id: 'operator', host: 'operator.example', pstn: true, lines: 4 }],
    employees: [
      employee('anna', '401', { mobile: '79160000001', outgoing: { callerId: '74950000001' } }),
      employee('boris', '402'),
      employee('clara', '403', { contacts: [{ phone: '79160000003' }], outgoing: { callerId: '74950000002' } }),
    ],
    groups: [{ id: 'sales', name: 'Sales', extension: '450', members: [{ employee: 'boris' }] }],
    ...more,
  });

let board: Switchboard;

async function order(what: CallOrder, of = pbx()): Promise<string> {
  board = new Switchboard(of);
  const id = board.inbound.order(of, what);
  await settle();
  return id;
}

const sent = () => board.sip.sent.map(({ request }) => request.target.uri.replace(/;.*/, ''));

/** Of the first whom the engine has rung. */
const hears = () =>
  (board.media.endpoints[0]?.playing?.sources ?? []).map((source) => ('file' in source ? source.file : 'tone'));

const isQuiet = () => board.quiet && board.trunks.taken('operator') === 0;

async function stops(): Promise<void> {
  await board.inbound.stop();
  await settle();
}

async function picksUp(uri: string) {
  const dialog = board.sip.to(uri).answers();
  await settle();
  return dialog;
}

describe('an employee and a number', () => {
  it('are with somebody else when the employee transfers the number, and he is free', async () => {
    await order({ from: '401', to: '84957890000' });
    const anna = await picksUp('anna');
    const out = await picksUp('operator.example');
    const told = anna.refers('402');
    await settle();
    await picksUp('boris');
    expect(told).toEqual([202, 100, 200]);
    expect(board.sip.to('boris').request.from).toMatchObject({ user: '74957890000' });
    anna.hangUp();
    await settle();
    expect(board.occupancy.busy('acme', 'anna')).toBe(false);
    await board.clock.advanceAsync(30_000);
    out.hangUp();
    await settle();
    expect(isQuiet()).toBe(true);
    expect(board.records).toMatchObject([
      {
        direction: 'out',
        transfers: [{ kind: 'blind', by: 'anna', to: '402' }],
        participants: expect.arrayContaining([
          expect.objectContaining({ id: 'anna', reason: 'transferred' }),
          expect.objectContaining({ id: 'boris', outcome: 'answered', talk: 30 }),
        ]),
      },
    ]);
  });

  it('are rung one after the other, see one another, and talk', async () => {
    const id = await order({ from: '401', to: '84957890000' });
    expect(board.inbound.live.get(id)).toBeDefined();
    expect(sent()).toEqual(['sip:anna@127.0.0.1']);
    expect(board.sip.to('anna').request.from).toMatchObject({ user: '84957890000', host: 'acme.example' });
    board.sip.to('anna').rings();
    const anna = await picksUp('anna');
    expect(hears()).toEqual(['ring-back']);

    const out = board.sip.to('operator.example');
    expect(out.request.target.uri).toContain('sip:74957890000@');
    expect(out.request.from.user).toBe('74950000001');
    await picksUp('operator.example');
    expect(hears()).toEqual([]);
    expect(board.media.endpoints[0]?.bridgedTo).toBe(board.media.endpoints[1]);
    expect(board.occupancy.busy('acme', 'anna')).toBe(true);
    await board.clock.advanceAsync(30_000);
    out.dialog.hangUp();
    await settle();

    expect(anna.ended?.by).toBe('local');
    expect(board.records).toMatchObject([
      {
        id,
        direction: 'out',
        from: '401',
        employee: 'anna',
        to: '84957890000',
        outcome: 'answered',
        reason: 'calleeHungUp',
        endedBy: 'callee',
        talk: 30,
        arrival: null,
        path: expect.arrayContaining([expect.objectContaining({ state: 'order', why: 'the call was ordered' })]),
      },
    ]);
    expect(board.records[0]?.participants).toMatchObject([
      { kind: 'number', id: '74957890000', outcome: 'answered', talk: 30 },
      { kind: 'employee', id: 'anna', outcome: 'answered', talk: 30 },
    ]);
    expect(isQuiet()).toBe(true);
  });

  it('the time on hold is the call’s, and counted once', async () => {
    await order({ from: '401', to: '84957890000' });
    await picksUp('anna');
    const out = await picksUp('operator.example');
    await out.reinvite('sendonly');
    await board.clock.advanceAsync(7000);
    out.hangUp();
    await settle();
    expect(board.records).toMatchObject([{ hold: 7, participants: [{ hold: 7 }, { hold: 7 }] }]);
    expect(isQuiet()).toBe(true);
  });

  it('an announcement of the operator takes the place of our ring-back', async () => {
    await order({ from: '401', to: '84957890000' });
    await picksUp('anna');
    board.sip.to('operator.example').progresses('an announcement');
    await settle();
    expect(hears()).toEqual([]);
    expect(board.media.endpoints[0]?.bridgedTo).toBe(board.media.endpoints[1]);
    await stops();
    expect(isQuiet()).toBe(true);
  });

  it('digits are dialled behind the number when it has answered: a comma is two seconds, a dot five', async () => {
    await order({ from: '401', to: '84957890000,12.3#' });
    await picksUp('anna');
    await picksUp('operator.example');
    expect(sent().at(-1)).toBe('sip:74957890000@operator.example:5060');
    const callee = board.media.endpoints[1];
    await board.clock.advanceAsync(1999);
    expect(callee?.sentDigits).toBe('');
    await board.clock.advanceAsync(1);
    expect(callee?.sentDigits).toBe('12');
    await board.clock.advanceAsync(4999);
    expect(callee?.sentDigits).toBe('12');
    await board.clock.advanceAsync(1);
    expect(callee?.sentDigits).toBe('123#');
    await stops();
    expect(isQuiet()).toBe(true);
  });

  it('no digits follow one who has hung up', async () => {
    await order({ from: '401', to: '84957890000,12' });
    const anna = await picksUp('anna');
    await picksUp('operator.example');
    anna.hangUp();
    await board.clock.advanceAsync(10_000);
    expect(board.media.endpoints[1]?.sentDigits).toBe('');
    expect(isQuiet()).toBe(true);
  });
});

describe('the first', () => {
  it.each([
    { status: 486, reason: 'busy' },
    { status: 603, reason: 'declined' },
    { status: 480, reason: 'doNotDisturb' },
  ])('is not there ($reason): the second is not disturbed', async ({ status, reason }) => {
    await order({ from: '401', to: '402' });
    board.sip.to('anna').refuses(status);
    await settle();
    expect(sent()).toEqual(['sip:anna@127.0.0.1']);
    expect(board.records).toMatchObject([{ outcome: 'missed', reason, participants: [{ id: 'anna' }] }]);
    expect(isQuiet()).toBe(true);
  });

  it('is in a call already: he is not rung', async () => {
    const of = pbx();
    board = new Switchboard(of);
    const release = board.occupancy.occupy('acme', 'anna');
    board.inbound.order(of, { from: '401', to: '402' });
    await settle();
    expect(sent()).toEqual([]);
    expect(board.records).toMatchObject([{ reason: 'busy' }]);
    release();
    expect(isQuiet()).toBe(true);
  });

  it('is rung for a minute at most', async () => {
    await order({ from: { employee: 'anna', contact: 'anna@acme.example' }, to: '402' });
    await board.clock.advanceAsync(59_000);
    expect(board.sip.to('anna').cancelled).toBeUndefined();
    await board.clock.advanceAsync(1000);
    expect(board.sip.to('anna').cancelled).toBeDefined();
    expect(board.records).toMatchObject([{ reason: 'noAnswer' }]);
    expect(isQuiet()).toBe(true);
  });

  it('hangs up while the second rings', async () => {
    await order({ from: '401', to: '402' });
    const anna = await picksUp('anna');
    anna.hangUp();
    await settle();
    expect(board.sip.to('boris').cancelled).toBeDefined();
    expect(board.records).toMatchObject([{ outcome: 'missed', reason: 'callerHungUp', endedBy: 'caller' }]);
    expect(isQuiet()).toBe(true);
  });

  it('may be a number: whose mobile it is calls', async () => {
    await order({ from: '89160000001', to: '402' });
    expect(sent()).toEqual(['sip:79160000001@operator.example:5060']);
    expect(board.sip.to('operator.example').request.from.user).toBe('74950000001');
    expect(board.occupancy.busy('acme', 'anna')).toBe(true);
    await picksUp('operator.example');
    expect(board.sip.to('boris').request.from.user).toBe('401');
    await picksUp('boris');
    await stops();
    expect(board.records).toMatchObject([{ direction: 'internal', employee: 'anna', outcome: 'answered' }]);
    expect(isQuiet()).toBe(true);
  });

  it('may be behind the exchange of an office: he is there when his extension has been dialled', async () => {
    await order({ from: '74957770000,45', to: '402', callerId: '74950000002' });
    await picksUp('operator.example');
    await board.clock.advanceAsync(1999);
    expect(board.sip.sent).toHaveLength(1);
    await board.clock.advanceAsync(1);
    expect(board.media.endpoints[0]?.sentDigits).toBe('45');
    expect(board.sip.to('boris').request.from.user).toBe('74957770000');
    await stops();
    expect(board.records).toMatchObject([{ direction: 'out', employee: null, from: '74957770000' }]);
    expect(isQuiet()).toBe(true);
  });

  it('may be an employee who is reached on his mobile', async () => {
    await order({ from: { employee: 'clara' }, to: { employee: 'boris' } });
    expect(board.sip.to('79160000003').request.from.user).toBe('74950000002');
    await picksUp('79160000003');
    expect(sent().at(-1)).toBe('sip:boris@127.0.0.1');
    await stops();
    expect(isQuiet()).toBe(true);
  });
});

describe('the second', () => {
  it.each([
    { to: '402', uri: 'boris' },
    { to: { employee: 'boris' } as const, uri: 'boris' },
    { to: '450', uri: 'boris' },
    { to: { group: 'sales' } as const, uri: 'boris' },
  ])('$to', async ({ to, uri }) => {
    await order({ from: '401', to });
    await picksUp('anna');
    await picksUp(uri);
    expect(board.media.endpoints[0]?.bridgedTo).toBe(board.media.endpoints[1]);
    await stops();
    expect(board.records).toMatchObject([{ direction: 'internal', outcome: 'answered', from: '401' }]);
    expect(isQuiet()).toBe(true);
  });

  it.each([
    { status: 486, reason: 'busy' },
    { status: 404, reason: 'doesNotExist' },
  ])('is not reached ($reason): the first hears so, and is let go', async ({ status, reason }) => {
    await order({ from: '401', to: '84957890000' });
    const anna = await picksUp('anna');
    board.sip.to('operator.example').refuses(status);
    await settle();
    expect(hears()).toEqual(['builtin:error-tone']);
    board.media.endpoints[0]?.playing?.end('finished');
    await settle();
    expect(anna.ended?.by).toBe('local');
    expect(board.records).toMatchObject([
      {
        outcome: 'failed',
        reason,
        endedBy: 'engine',
        participants: [{ id: '74957890000' }, { id: 'anna', outcome: 'elsewhere', reason }],
      },
    ]);
    expect(isQuiet()).toBe(true);
  });

  it('may not be called: nobody is rung, and the record says why', async () => {
    await order({ from: '402', to: '84957890000' });
    expect(sent()).toEqual([]);
    expect(board.records).toMatchObject([{ outcome: 'failed', reason: 'directionBarred', employee: 'boris' }]);
    expect(isQuiet()).toBe(true);
  });
});

it('is hung up by command in whatever state it is', async () => {
  const id = await order({ from: '401', to: '402' });
  expect(board.inbound.hangup('acme', id)).toBe(true);
  await settle();
  expect(board.sip.to('anna').cancelled).toBeDefined();
  expect(board.records).toMatchObject([{ reason: 'userCommand', endedBy: 'engine' }]);
  const again = await order({ from: '401', to: '402' });
  const anna = await picksUp('anna');
  board.inbound.hangup('acme', again);
  await settle();
  expect(anna.ended?.by).toBe('local');
  expect(board.sip.to('boris').cancelled).toBeDefined();
  expect(isQuiet()).toBe(true);
});

describe('what cannot be understood is refused at once', () => {
  it.each([
    { order: { from: 'nobody', to: '402' }, code: 'not-a-number' },
    { order: { from: '450', to: '402' }, code: 'not-a-person' },
    { order: { from: { employee: 'nobody' }, to: '402' }, code: 'no-such-employee' },
    { order: { from: '401', to: { employee: 'nobody' } }, code: 'no-such-employee' },
    { order: { from: '401', to: { group: 'nobody' } }, code: 'no-such-group' },
    { order: { from: '401', to: '*499' }, code: 'no-such-number' },
    // A code is for phones.
    { order: { from: '401', to: '*50' }, code: 'no-such-number' },
    { order: { from: '401', to: '402', callerId: '74959999999' }, code: 'no-such-number' },
    { order: { from: '74957770000', to: '402' }, code: 'no-caller-id' },
    { order: { from: '74957770000', to: '402', employee: 'nobody' }, code: 'no-such-employee' },
  ] satisfies { order: CallOrder; code: string }[])('$order: $code', ({ order: what, code }) => {
    const of = pbx();
    board = new Switchboard(of);
    expect(() => board.inbound.order(of, what)).toThrow(expect.objectContaining({ name: 'UserError', code }));
    expect(board.inbound.live.size).toBe(0);
  });
});
