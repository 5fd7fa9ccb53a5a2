import { beforeEach, describe, expect, it } from 'vitest';
import { type Decision, decide, type InviteFacts } from '../../../src/call/decide.ts';
import type { PbxVersion } from '../../../src/config/version.ts';
import type { Identity } from '../../../src/sip/identity.ts';
import { settle } from '../../support/fake-clock.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { accountOf, Switchboard } from '../../support/switchboard.ts';

/** Calls out of the PBX (2-call-behaviour §7), by the examples of the manual. */

const facts = (identity: Identity, from: string, to: string): InviteFacts => ({
  identity,
  from: { user: from, host: 'acme.example', display: '' },
  to: { user: to, host: 'acme.example', display: '' },
  asserted: undefined,
  anonymous: false,
  requestUser: to,
  requestHost: 'acme.example',
});

const trunk = (id: string, more: Record<string, unknown> = {}) => ({ id, host: `${id}.example`, lines: 0, ...more });

/** Anna shows the number that the operator brings, and may call anywhere. */
const anna = (outgoing: Record<string, unknown> = {}) =>
  employee('anna', '401', { outgoing: { callerId: '74950000001', ...outgoing } });

const numbers = [
  { number: '74950000001', source: { trunk: 'operator' } },
  { number: '74950000002', source: { trunk: 'operator' } },
];

const dials = (pbx: PbxVersion, dialled: string): Decision => decide(pbx, facts(accountOf('anna'), 'anna', dialled));

/** Where a call goes, as `trunk number`; a refusal as its reason. */
function wayOf({ route }: Decision): string {
  if (route.to === 'outside') return route.ways.map(({ trunk: id, number }) => `${id} ${number}`).join(', ');
  if (route.to === 'target') return `target ${Object.values(route.target).join(' ')}`;
  return route.to === 'nobody' ? route.reason : route.to;
}

const whyOf = ({ path }: Decision): string => path.map(({ why }) => why).join('; ');

describe('§5.3.1.3: calls of a peer through us to the telephone network', () => {
  const peer: Identity = { kind: 'trunk', pbx: 'acme', trunk: 'office' };
  const pbx = (toPstn: Record<string, unknown> | undefined) =>
    pbxOf({
      employees: [anna()],
      numbers: [
        { number: '71234567890', source: { trunk: 'operator' } },
        { number: '79876543210', source: { trunk: 'operator' } },
      ],
      trunks: [trunk('office', toPstn === undefined ? {} : { toPstn }), trunk('operator', { pstn: true })],
    });
  const calls = (toPstn: Record<string, unknown> | undefined, from: string) =>
    decide(pbx(toPstn), facts(peer, from, '74959998877'));

  it.each([
    { example: 1, toPstn: { callerId: '71234567890', allowFrom: false }, from: '79876543210', shown: '71234567890' },
    { example: 2, toPstn: { callerId: '71234567890', allowFrom: true }, from: '70123456789', shown: '71234567890' },
    { example: 3, toPstn: { callerId: '71234567890', allowFrom: true }, from: '79876543210', shown: '79876543210' },
  ])('example $example: $from is shown as $shown', ({ toPstn, from, shown }) => {
    const decision = calls(toPstn, from);
    expect(decision).toMatchObject({ direction: 'out', callerId: { callerId: shown } });
    expect(wayOf(decision)).toBe('operator 74959998877');
  });

  it('a name that a gateway puts into From falls to the number of the trunk', () => {
    expect(calls({ callerId: '71234567890', allowFrom: true }, 'mango').callerId.callerId).toBe('71234567890');
  });

  it('without either number the call is not made', () => {
    const decision = calls({ allowFrom: true }, '70123456789');
    expect(wayOf(decision)).toBe('directionBarred');
    expect(whyOf(decision)).toContain('70123456789 is no number of this PBX, and trunk office has no outgoing number');
  });

  it('a trunk that is not for this: the number is unknown', () => {
    expect(wayOf(calls(undefined, '79876543210'))).toBe('doesNotExist');
  });

  it('the directions of the PBX hold for it too', () => {
    const barred = pbxOf({
      employees: [anna()],
      numbers: [{ number: '71234567890', source: { trunk: 'operator' } }],
      trunks: [trunk('office', { toPstn: { callerId: '71234567890' } }), trunk('operator', { pstn: true })],
      security: { outgoing: ['7812*'] },
    });
    expect(wayOf(decide(barred, facts(peer, '1', '74959998877')))).toBe('directionBarred');
  });
});

describe('§5.3.1.3 and §5.3.3: which way', () => {
  const operator = trunk('operator', { pstn: true });

  it('example 4: the prefix is cut off', () => {
    const pbx = pbxOf({ employees: [anna()], numbers, trunks: [operator, trunk('office', { prefix: '88' })] });
    expect(wayOf(dials(pbx, '88123456'))).toBe('office 123456');
  });

  it('example 5: extensions of the peer by a mask, ours stay ours', () => {
    const office = trunk('office', { masks: [{ match: '([1-4][0-9][0-9]|500)', to: '$1' }] });
    const pbx = pbxOf({ employees: [anna(), employee('boris', '501')], numbers, trunks: [operator, office] });
    expect(wayOf(dials(pbx, '456'))).toBe('office 456');
    expect(wayOf(dials(pbx, '500'))).toBe('office 500');
    expect(wayOf(dials(pbx, '501'))).toBe('target 501');
    // An extension of ours goes before the mask (§5.6 example 6).
    expect(wayOf(dials(pbx, '401'))).toBe('target 401');
    // No extension, and no number at a trunk: that of her outgoing number is asked (§5.3.3 example 2).
    expect(wayOf(dials(pbx, '502'))).toBe('operator 502');
  });

  it('§5.3.3 example 1: a trunk with the prefix goes before the one of the outgoing number', () => {
    const pbx = pbxOf({ employees: [anna()], numbers, trunks: [operator, trunk('office', { prefix: '45' })] });
    expect(wayOf(dials(pbx, '456'))).toBe('office 6');
  });

  it('§5.3.3 example 2: 789, which is nobody here and at no prefix, goes by the trunk of the outgoing number', () => {
    const own = { callerId: '74957770000' };
    const all = [operator, trunk('office', { numbers: [{ number: '74957770000' }] }), trunk('other', { prefix: '78' })];
    const by = (trunks: readonly object[]) =>
      pbxOf({ employees: [anna(own), employee('boris', '123')], numbers: [{ number: '74957770000' }], trunks });
    expect(wayOf(dials(by(all.slice(0, 2)), '789'))).toBe('office 789');
    expect(wayOf(dials(by(all), '789'))).toBe('other 9');
    expect(wayOf(dials(by(all), '123'))).toBe('target 123');
  });

  it.each([
    { dialled: '112', outgoing: {}, security: { outgoing: ['7495*'] }, way: 'operator 112' },
    { dialled: '0611', outgoing: {}, security: { outgoing: 'country' }, way: 'operator 0611' },
    { dialled: '0611', outgoing: {}, security: { outgoing: ['7495*'] }, way: 'directionBarred' },
    { dialled: '112', outgoing: { callerId: null }, security: {}, way: 'doesNotExist' },
    { dialled: '*112', outgoing: {}, security: {}, way: 'doesNotExist' },
  ])(
    'a short number of the network: $dialled with $outgoing and $security: $way',
    ({ dialled, outgoing, security, way }) => {
      const pbx = pbxOf({ employees: [anna(outgoing)], numbers, trunks: [operator], security });
      expect(wayOf(dials(pbx, dialled))).toBe(way);
    },
  );

  it('§5.3.3 example 2: without a prefix that fits, the trunk of the outgoing number', () => {
    const pbx = pbxOf({ employees: [anna()], numbers, trunks: [trunk('other', { pstn: true }), trunk('operator')] });
    const decision = dials(pbx, '84957890000');
    expect(wayOf(decision)).toBe('operator 74957890000');
    expect(whyOf(decision)).toContain('trunk operator has the number that is shown, 74950000001');
  });

  it('a number that no trunk owns: the trunks to the telephone network, in their order', () => {
    const pbx = pbxOf({
      employees: [anna()],
      numbers: [{ number: '74950000001' }],
      trunks: [trunk('first', { pstn: true }), trunk('office'), trunk('second', { pstn: true })],
    });
    expect(wayOf(dials(pbx, '74957890000'))).toBe('first 74957890000, second 74957890000');
  });

  it('a number that may not go out by its trunk does not', () => {
    const own = trunk('own', { numbers: [{ number: '74950000001', outgoing: false }] });
    const pbx = pbxOf({
      employees: [anna()],
      numbers: [{ number: '74950000001' }],
      trunks: [own, trunk('first', { pstn: true })],
    });
    expect(wayOf(dials(pbx, '74957890000'))).toBe('first 74957890000');
  });

  it('several masks: all trunks that match, the lowest first; top to bottom within one', () => {
    const office = trunk('office', {
      masks: [
        { match: '7812(\\d*)', to: '00$1' },
        { match: '7(\\d{10})', to: '8$1' },
      ],
    });
    const other = trunk('other', { masks: [{ match: '(7\\d*)', to: '+$1' }] });
    const pbx = pbxOf({ employees: [anna()], numbers, trunks: [office, other, operator] });
    expect(wayOf(dials(pbx, '78121234567'))).toBe('office 001234567, other +78121234567');
    expect(wayOf(dials(pbx, '74951234567'))).toBe('office 84951234567, other +74951234567');
  });

  it('a mask for the international form takes what is dialled in the national one', () => {
    const office = trunk('office', { masks: [{ match: '(7495\\d*)', to: '$1' }] });
    const pbx = pbxOf({ employees: [anna()], numbers, trunks: [operator, office] });
    expect(wayOf(dials(pbx, '84951234567'))).toBe('office 74951234567');
  });

  it('a prefix is what was dialled, not how its international form begins', () => {
    const pbx = pbxOf({ employees: [anna()], numbers, trunks: [operator, trunk('office', { prefix: '7' })] });
    expect(wayOf(dials(pbx, '84951234567'))).toBe('operator 74951234567');
    expect(wayOf(dials(pbx, '74951234567'))).toBe('office 4951234567');
  });

  it('our own number never leaves', () => {
    const pbx = pbxOf({
      employees: [anna()],
      numbers: [{ ...numbers[0], scheme: 'main' }],
      schemes: [{ id: 'main', steps: [{ hangup: true }] }],
      trunks: [operator],
    });
    expect(wayOf(dials(pbx, '84950000001'))).toBe('scheme');
  });

  it('no trunk at all', () => {
    const pbx = pbxOf({ employees: [anna()], numbers: [{ number: '74950000001' }] });
    expect(wayOf(dials(pbx, '74957890000'))).toBe('unavailable');
  });

  it('§5.6 example 1: the peer reaches extensions; an operator does not', () => {
    const pbx = pbxOf({ employees: [anna()], numbers, trunks: [operator, trunk('office')] });
    const by = (id: string): Identity => ({ kind: 'trunk', pbx: 'acme', trunk: id });
    expect(wayOf(decide(pbx, facts(by('office'), '456', '401')))).toBe('target 401');
    expect(wayOf(decide(pbx, facts(by('operator'), '79031112233', '401')))).toBe('doesNotExist');
  });
});

describe('who may call where', () => {
  const pbx = (outgoing: Record<string, unknown>, security: Record<string, unknown> = {}) =>
    pbxOf({ employees: [anna(outgoing)], numbers, security, trunks: [trunk('operator', { pstn: true, prefix: '9' })] });

  it.each([
    { outgoing: { callerId: null }, security: {}, dialled: '74957890000', why: 'he may not call out' },
    { outgoing: { callerId: null }, security: {}, dialled: '974957890000', why: 'he may not call out' },
    {
      outgoing: {},
      security: { outgoing: 'country' },
      dialled: '810375291234567',
      why: 'only numbers of RU may be called',
    },
    {
      outgoing: {},
      security: { outgoing: 'country' },
      dialled: '77011234567',
      why: 'only numbers of RU may be called',
    },
    { outgoing: {}, security: { outgoing: ['7495*'] }, dialled: '78121234567', why: 'the direction is not allowed' },
    {
      outgoing: { directions: ['7495*'] },
      security: {},
      dialled: '78121234567',
      why: 'the direction is not allowed for him',
    },
    // Behind a prefix the number is what follows it: no way around.
    { outgoing: {}, security: { outgoing: ['7495*'] }, dialled: '978121234567', why: 'the direction is not allowed' },
    {
      outgoing: { directions: ['7*'] },
      security: { outgoing: ['7495*'] },
      dialled: '78121234567',
      why: 'the direction is not allowed',
    },
  ])('$dialled with $outgoing and $security: $why', ({ outgoing, security, dialled, why }) => {
    const decision = dials(pbx(outgoing, security), dialled);
    expect(wayOf(decision)).toBe('directionBarred');
    expect(decision.path.at(-1)).toMatchObject({ event: 'hangup', why });
    expect(decision.route).toMatchObject({ announcement: 'builtin:call-not-allowed' });
  });

  it.each([
    { outgoing: {}, security: { outgoing: 'country' }, dialled: '84957890000' },
    { outgoing: {}, security: { outgoing: 'all' }, dialled: '810375291234567' },
    { outgoing: { directions: ['7495*', '375*'] }, security: { outgoing: ['7*', '375*'] }, dialled: '810375291234567' },
  ])('$dialled with $outgoing and $security goes', ({ outgoing, security, dialled }) => {
    expect(wayOf(dials(pbx(outgoing, security), dialled))).toContain('operator ');
  });

  it("a peer's own short numbers are no calls to the outside", () => {
    const office = trunk('office', { masks: [{ match: '(5\\d\\d)', to: '$1' }] });
    const inside = pbxOf({
      employees: [employee('anna', '401')],
      numbers,
      security: { outgoing: ['7495*'] },
      trunks: [office],
    });
    expect(wayOf(dials(inside, '512'))).toBe('office 512');
  });
});

describe('§4.6.5.6: which of our numbers is shown', () => {
  const pbx = (autoCallerId: boolean) =>
    pbxOf({
      employees: [anna({ autoCallerId })],
      numbers: ['74950000001', '78120000000', '78430000000', '73830000000'].map((number) => ({ number })),
      trunks: [trunk('operator', { pstn: true })],
      regionRules: [
        { id: 'regions', rules: [{ name: 'Siberia', prefixes: ['7383', '7391'], to: { extension: '401' } }] },
      ],
      callerIdRules: [
        { callerId: '78430000000', type: 'mask', match: '7812\\d*|7843\\d*' },
        { callerId: '73830000000', type: 'region', match: 'Siberia' },
        { callerId: '74950000001', type: 'mask', match: '7\\d*' },
        { callerId: '78120000000', type: 'prefix', match: '7812' },
        { callerId: '73830000000', type: 'prefix', match: '78125' },
      ],
    });

  it.each([
    { dialled: '78121234567', shown: '78120000000', why: 'prefix 7812' },
    { dialled: '78125234567', shown: '73830000000', why: 'prefix 78125' },
    { dialled: '78431234567', shown: '78430000000', why: 'mask 7812' },
    { dialled: '73911234567', shown: '73830000000', why: 'region Siberia' },
    { dialled: '79161234567', shown: '74950000001', why: 'mask 7\\d*' },
    { dialled: '375291234567', shown: '74950000001', why: 'the outgoing number of the caller' },
  ])('$dialled sees $shown: $why', ({ dialled, shown, why }) => {
    const decision = dials(pbx(true), dialled);
    expect(decision.callerId.callerId).toBe(shown);
    expect(whyOf(decision)).toContain(why);
  });

  it('the rules count only for those who have them switched on', () => {
    expect(dials(pbx(false), '78121234567').callerId.callerId).toBe('74950000001');
  });
});

describe('on the wire', () => {
  const pbx = (more: Record<string, unknown> = {}) =>
    pbxOf({
      employees: [anna()],
      numbers,
      trunks: [
        trunk('operator', { pstn: true, domain: 'sip.operator.example', backup: ['second', 'third'] }),
        trunk('second'),
        trunk('third'),
      ],
      ...more,
    });
  const call = async (board: Switchboard, dialled = '84957890000') => {
    const caller = await board.call(accountOf('anna'), 'anna', dialled);
    return { caller, sent: () => board.sip.sent.map(({ request }) => request.target.uri.replace(/;.*/, '')) };
  };

  it('shows our number in From and P-Asserted-Identity, in the domain of the trunk', async () => {
    const board = new Switchboard(pbx());
    const { caller } = await call(board);
    const { request } = board.sip.to('operator.example');
    const ours = { user: '74950000001', host: 'sip.operator.example' };
    expect(request).toMatchObject({
      target: { uri: 'sip:74957890000@operator.example:5060;transport=udp' },
      to: { user: '74957890000', host: 'sip.operator.example' },
      from: ours,
      asserted: ours,
      headers: { 'Max-Forwards': '69' },
    });
    board.sip.to('operator.example').rings();
    await settle();
    board.sip.to('operator.example').answers();
    await settle();
    expect(caller.responses).toEqual(['180', '200']);
    expect(board.trunks.taken('operator')).toBe(1);
    caller.dialog.hangUp();
    await settle();
    expect(board.records).toMatchObject([
      {
        direction: 'out',
        employee: 'anna',
        to: '84957890000',
        outcome: 'answered',
        participants: [{ kind: 'number', id: '74957890000', outcome: 'answered' }],
      },
    ]);
    expect(board.trunks.told).toEqual(['operator reached']);
    expect(board.trunks.taken('operator')).toBe(0);
    expect(board.quiet).toBe(true);
  });

  it.each([
    [503, 'rejected'],
    [500, 'rejected'],
    [408, 'rejected'],
    [408, 'timeout'],
    [503, 'transport'],
    // No codec of ours; sent elsewhere.
    [415, 'rejected'],
    [488, 'rejected'],
    [302, 'rejected'],
  ] as const)('%i (%s) before it rings: the backups in their order', async (status, cause) => {
    const board = new Switchboard(pbx());
    const { caller, sent } = await call(board);
    board.sip.to('operator.example').refuses(status, cause);
    await settle();
    board.sip.to('second.example').refuses(503, 'transport');
    await settle();
    board.sip.to('third.example').answers();
    await settle();
    expect(sent()).toEqual(['operator', 'second', 'third'].map((id) => `sip:74957890000@${id}.example:5060`));
    expect(caller.responses.at(-1)).toBe('200');
    caller.dialog.hangUp();
    await settle();
    expect(['operator', 'second', 'third'].map((id) => board.trunks.taken(id))).toEqual([0, 0, 0]);
    expect(board.quiet).toBe(true);
  });

  it.each([486, 600, 603, 404, 480])('%i is the word of the callee: no backup', async (status) => {
    const board = new Switchboard(pbx());
    const { sent } = await call(board);
    board.sip.to('operator.example').refuses(status);
    await settle();
    expect(sent().length).toBe(1);
    expect(board.records.length).toBe(1);
    expect(board.quiet).toBe(true);
  });

  it('what fails after it has rung is not tried elsewhere', async () => {
    const board = new Switchboard(pbx());
    const { sent } = await call(board);
    board.sip.to('operator.example').rings();
    await settle();
    board.sip.to('operator.example').refuses(503);
    await settle();
    expect(sent().length).toBe(1);
  });

  it('a peer that says nothing for a second is left for the backup', async () => {
    const board = new Switchboard(pbx());
    board.trunks.silent.add('operator');
    const { caller, sent } = await call(board);
    await board.clock.advance(500);
    await settle();
    expect(board.sip.to('operator.example').cancelled).toBeTruthy();
    expect(sent()).toEqual(['operator', 'second'].map((id) => `sip:74957890000@${id}.example:5060`));
    expect(board.trunks.told).toEqual(['operator unreachable']);
    caller.cancel();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it('a peer that is only slow is waited for', async () => {
    const board = new Switchboard(pbx());
    const { caller, sent } = await call(board);
    await board.clock.advance(5000);
    expect(sent().length).toBe(1);
    caller.cancel();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it('a trunk that is known to be down is passed over; when all are, they are tried all the same', async () => {
    const board = new Switchboard(pbx());
    board.trunks.down.add('operator');
    const first = await call(board);
    expect(first.sent()).toEqual(['sip:74957890000@second.example:5060']);
    first.caller.cancel();
    await settle();
    for (const id of ['second', 'third']) board.trunks.down.add(id);
    const second = await call(board);
    expect(second.sent().at(-1)).toBe('sip:74957890000@operator.example:5060');
    second.caller.cancel();
    await settle();
  });

  it('no line free on any: the caller hears so', async () => {
    const full = trunk('operator', { pstn: true, lines: 1 });
    const board = new Switchboard(pbx({ trunks: [full] }));
    const first = await call(board);
    const second = await call(board, '84957890001');
    expect(second.caller.responses.at(-1)).toBe('503');
    expect(board.records).toMatchObject([{ reason: 'tooManyCalls' }]);
    first.caller.cancel();
    await settle();
    const third = await call(board, '84957890001');
    expect(third.sent().length).toBe(2);
    third.caller.cancel();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it('a refusal is spoken, then sent', async () => {
    const board = new Switchboard(pbx({ security: { outgoing: ['7812*'] } }));
    const { caller } = await call(board);
    expect(caller.responses).toEqual(['183+sdp']);
    expect(board.heardBy(caller)).toEqual(['builtin:call-not-allowed']);
    board.callerEndpoint.playing?.end('finished');
    await settle();
    expect(caller.responses).toEqual(['183+sdp', '403']);
    expect(board.records).toMatchObject([{ direction: 'out', reason: 'directionBarred', code: 1140 }]);
    expect(board.quiet).toBe(true);
  });

  it('a call that has been passed on too often ends here', async () => {
    const board = new Switchboard(pbx());
    const caller = await board.call(accountOf('anna'), 'anna', '84957890000', { maxForwards: 0 });
    // RFC 3261 §16.3: the hops are used up.
    expect(caller.responses).toEqual(['483']);
    expect(board.sip.sent).toEqual([]);
  });
});

describe('forwards to numbers', () => {
  const operator: Identity = { kind: 'trunk', pbx: 'acme', trunk: 'operator' };
  const pbx = (to: Record<string, unknown>, more: Record<string, unknown> = {}) =>
    pbxOf({
      employees: [
        employee('anna', '401', { contacts: [{ phone: '79160000000' }], outgoing: { callerId: '74950000002' } }),
      ],
      numbers: [{ ...numbers[0], scheme: 'main' }, numbers[1]],
      schemes: [{ id: 'main', steps: [{ forward: to }] }],
      trunks: [trunk('operator', { pstn: true, prefix: '79' })],
      ...more,
    });

  it('go by the trunk of the line that was called, and say whose call it was', async () => {
    const board = new Switchboard(pbx({ phone: '79160000000' }));
    const caller = await board.call(operator, '79031112233', '74950000001');
    // No prefix: the number stands in the configuration, nobody dialled it.
    const { request } = board.sip.to('sip:79160000000@operator.example');
    expect(request).toMatchObject({ from: { user: '74950000001' }, asserted: { user: '74950000001' } });
    expect(request.headers?.Diversion).toBe('<sip:74950000001@acme.example>;reason=unconditional');
    caller.cancel();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it("an employee's mobile shows the number of the company, not an extension", async () => {
    const board = new Switchboard(
      pbx(
        { extension: '401' },
        {
          employees: [
            employee('anna', '401', { contacts: [{ phone: '79160000000' }] }),
            employee('boris', '402', { outgoing: { callerId: '74950000002' } }),
          ],
        },
      ),
    );
    const caller = await board.call(accountOf('boris'), 'boris', '401');
    expect(board.sip.to('79160000000').request.from.user).toBe('74950000002');
    caller.cancel();
    await settle();
  });

  it('the directions of the PBX hold for them', async () => {
    const board = new Switchboard(pbx({ phone: '79160000000' }, { security: { outgoing: ['7495*'] } }));
    const caller = await board.call(operator, '79031112233', '74950000001');
    expect(board.sip.sent).toEqual([]);
    expect(caller.responses.at(-1)).toBe('403');
  });

  it.each([
    { number: '79160000000', sent: 0, last: '403' },
    { number: '74957890000', sent: 1, last: undefined },
    // An extension of the peer is no direction.
    { number: '512', sent: 1, last: undefined },
  ])('and for numbers at a trunk: $number', async ({ number, sent, last }) => {
    const office = trunk('office');
    const board = new Switchboard(
      pbx({ trunk: 'office', number }, { security: { outgoing: ['7495*'] }, trunks: [trunk('operator'), office] }),
    );
    const caller = await board.call(operator, '79031112233', '74950000001');
    expect(board.sip.sent).toHaveLength(sent);
    expect(caller.responses.at(-1)).toBe(last);
    caller.cancel();
    await board.inbound.stop();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it('a hidden caller stays hidden, and is known to the operator alone', async () => {
    const board = new Switchboard(
      pbx({ phone: '79160000000' }, { pbx: { id: 'acme', domains: ['acme.example'], showOnIncoming: 'caller' } }),
    );
    const caller = await board.call(operator, 'anonymous', '74950000001', { anonymous: true });
    const { request } = board.sip.to('79160000000');
    expect(request.from).toMatchObject({ user: 'anonymous', host: 'anonymous.invalid' });
    expect(request.headers?.Privacy).toBe('id');
    expect(request.asserted).toMatchObject({ user: '74950000001' });
    caller.cancel();
    await settle();
  });
});

describe('limits against toll fraud', () => {
  const office = trunk('office', { prefix: '88', masks: [{ match: '(5\\d\\d)', to: '$1' }] });
  const pbx = () =>
    pbxOf({
      employees: [
        anna(),
        employee('boris', '402', { contacts: [{ phone: '79160000000' }], outgoing: { callerId: '74950000002' } }),
      ],
      numbers: [{ ...numbers[0], scheme: 'main' }, numbers[1]],
      schemes: [{ id: 'main', steps: [{ forward: { phone: '79160000000' } }] }],
      trunks: [trunk('operator', { pstn: true, backup: ['second'] }), trunk('second'), office],
    });
  const operator: Identity = { kind: 'trunk', pbx: 'acme', trunk: 'operator' };
  let board: Switchboard;
  beforeEach(() => {
    board = new Switchboard(pbx());
  });

  it.each([
    { who: 'an employee who dials', by: accountOf('anna'), from: 'anna', to: '84957890000', asked: 'anna 74957890000' },
    { who: 'with a prefix', by: accountOf('anna'), from: 'anna', to: '8874957890000', asked: 'anna 74957890000' },
    {
      who: 'one who calls the mobile of another',
      by: accountOf('anna'),
      from: 'anna',
      to: '402',
      asked: 'anna 79160000000',
    },
    {
      who: 'a caller from outside who is passed on: the PBX alone',
      by: operator,
      from: '79031112233',
      to: '74950000001',
      asked: '- 79160000000',
    },
  ])('count $who', async ({ by, from, to, asked }) => {
    const caller = await board.call(by, from, to);
    expect(board.limits.asked).toEqual([asked]);
    expect([...board.limits.ongoing.values()]).toMatchObject([{ talks: false }]);
    board.sip.sent.at(-1)?.answers();
    await settle();
    expect([...board.limits.ongoing.values()]).toMatchObject([{ talks: true }]);
    caller.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it('do not count what stays inside: extensions of ours and of a peer', async () => {
    for (const to of ['401', '512', '88512']) {
      const caller = await board.call(accountOf('boris'), 'boris', to);
      expect(board.sip.sent.length).toBeGreaterThan(0);
      caller.cancel();
      await settle();
    }
    expect(board.limits.asked).toEqual([]);
  });

  it('a call counts once, however many ways are tried', async () => {
    const caller = await board.call(accountOf('anna'), 'anna', '84957890000');
    board.sip.to('operator.example').refuses(503);
    await settle();
    expect(board.sip.sent).toHaveLength(2);
    expect(board.limits.asked).toHaveLength(1);
    expect(board.limits.ongoing.size).toBe(1);
    caller.cancel();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it.each([
    { limit: 'concurrent', max: 5, reason: 'tooManyCalls', code: 2220 },
    { limit: 'callsPerMinute', max: 10, reason: 'rateLimited', code: 4501 },
    { limit: 'minutesPerDay', max: 480, reason: 'dailyLimit', code: 2211 },
  ] as const)('$limit: the refusal is spoken, and stands in the history', async ({ limit, max, reason, code }) => {
    board.limits.reached = { limit, max, employee: 'anna' };
    const caller = await board.call(accountOf('anna'), 'anna', '84957890000');
    expect(board.sip.sent).toEqual([]);
    expect(board.heardBy(caller)).toEqual(['builtin:call-not-allowed']);
    board.callerEndpoint.playing?.end('finished');
    await settle();
    expect(caller.responses).toEqual(['183+sdp', '503']);
    expect(board.records).toMatchObject([
      {
        outcome: 'failed',
        reason,
        code,
        path: expect.arrayContaining([
          expect.objectContaining({
            state: 'limits',
            detail: { reason, limit, max },
            why: expect.stringContaining(`the limit of employee anna: ${max} `),
          }),
        ]),
      },
    ]);
    expect(board.quiet).toBe(true);
  });

  it('a conversation is ended when the minutes of the day are used up', async () => {
    const caller = await board.call(accountOf('anna'), 'anna', '84957890000');
    const callee = board.sip.to('operator.example').answers();
    await settle();
    board.limits.exhaust();
    await settle();
    expect(callee.byeReason).toMatchObject({ text: 'Limit of the day reached' });
    expect(caller.dialog.ended?.by).toBe('local');
    expect(board.records).toMatchObject([{ outcome: 'answered', reason: 'dailyLimit', endedBy: 'engine' }]);
    expect(board.quiet).toBe(true);
  });

  it('a mobile that is not rung because of them is followed by what follows', async () => {
    board.limits.reached = { limit: 'concurrent', max: 1 };
    const caller = await board.call(operator, '79031112233', '74950000001');
    expect(board.sip.sent).toEqual([]);
    expect(caller.responses.at(-1)).toBe('503');
    expect(board.records).toMatchObject([{ reason: 'tooManyCalls', participants: [{ outcome: 'failed' }] }]);
    expect(board.quiet).toBe(true);
  });
});
