import { beforeEach, describe, expect, it } from 'vitest';
import type { PbxVersion } from '../../../src/config/version.ts';
import type { Identity } from '../../../src/sip/identity.ts';
import { settle } from '../../support/fake-clock.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { accountOf, Switchboard } from '../../support/switchboard.ts';

/** Phones that send callers elsewhere (302): the forward that a user sets on his phone. */

const operator: Identity = { kind: 'trunk', pbx: 'acme', trunk: 'operator' };
const line = '74950000001';

const pbx = (more: Record<string, unknown> = {}, ofAnna: Record<string, unknown> = {}): PbxVersion =>
  pbxOf({
    numbers: [{ number: line, scheme: 'main', source: { trunk: 'operator' } }],
    trunks: [{ id: 'operator', host: 'operator.example', pstn: true, lines: 0 }],
    employees: [
      employee('anna', '401', { outgoing: { callerId: line }, ...ofAnna }),
      employee('boris', '402'),
      employee('clara', '403'),
    ],
    groups: [{ id: 'sales', extension: '450', members: [{ employee: 'clara' }] }],
    schemes: [
      { id: 'main', steps: [{ forward: { employee: 'anna' } }, { forward: { employee: 'clara' } }] },
      { id: 'other', extension: '460', steps: [{ forward: { employee: 'clara' } }] },
    ],
    ...more,
  });

let board: Switchboard;

async function arrives(of = pbx()) {
  board = new Switchboard(of);
  return board.call(operator, '79031112233', line);
}

const sent = () => board.sip.sent.map(({ request }) => /sip:([^@]+)@/.exec(request.target.uri)?.[1]);

async function redirects(of: string, to: string, host?: string): Promise<void> {
  board.sip.to(of).redirects(to, host);
  await settle();
}

describe('are followed', () => {
  it.each([
    { to: '402', rung: 'boris' },
    { to: 'boris', rung: 'boris' },
    { to: '450', rung: 'clara' },
    { to: '460', rung: 'clara' },
    { to: '89160000000', rung: '79160000000' },
  ])('to $to', async ({ to, rung }) => {
    const caller = await arrives();
    await redirects('anna', to);
    expect(sent()).toEqual(['anna', rung]);
    board.sip.to(rung).answers();
    await settle();
    expect(caller.responses.at(-1)).toBe('200');
    caller.dialog.hangUp();
    await settle();
    const why = 'his phone sends callers there';
    expect(board.records).toMatchObject([
      { outcome: 'answered', path: expect.arrayContaining([expect.objectContaining({ why })]) },
    ]);
    expect(board.quiet).toBe(true);
  });

  it('at once, whatever other phones of his ring', async () => {
    const both = { contacts: [{ sip: 'anna@acme.example' }, { phone: '79160000009' }], ring: 'simultaneous' };
    const caller = await arrives(pbx({}, both));
    expect(sent()).toEqual(['anna', '79160000009']);
    await redirects('anna', '402');
    expect(board.sip.to('79160000009').cancelled).toBeDefined();
    expect(sent().at(-1)).toBe('boris');
    caller.cancel();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it('and what follows in the scheme follows when nobody is reached there', async () => {
    const caller = await arrives();
    await redirects('anna', '402');
    board.sip.to('boris').refuses(486);
    await settle();
    expect(sent()).toEqual(['anna', 'boris', 'clara']);
    caller.cancel();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it('to a number in the name of whose phone it is: his limits count', async () => {
    const caller = await arrives();
    await redirects('anna', '79160000000');
    expect(board.limits.asked).toEqual(['anna 79160000000']);
    caller.cancel();
    await settle();
    expect(board.quiet).toBe(true);
  });
});

describe('are not followed', () => {
  it.each([
    { to: '79160000000', more: {}, ofAnna: { outgoing: { callerId: null } }, why: 'he may not call out' },
    {
      to: '79160000000',
      more: { security: { outgoing: ['7495*'] } },
      ofAnna: {},
      why: 'the direction is not allowed',
    },
    {
      to: '79160000000',
      more: {},
      ofAnna: { outgoing: { callerId: line, directions: ['7495*'] } },
      why: 'the direction is not allowed for him',
    },
    {
      to: '79160000000',
      more: { security: { transferToExternal: false } },
      ofAnna: {},
      why: 'calls may not be passed on to numbers outside',
    },
    { to: 'mallory', more: {}, ofAnna: {}, why: 'nobody has this number' },
  ])('to $to: $why', async ({ to, more, ofAnna, why }) => {
    const caller = await arrives(pbx(more, ofAnna));
    await redirects('anna', to, 'elsewhere.example');
    // What follows in the scheme.
    expect(sent()).toEqual(['anna', 'clara']);
    caller.cancel();
    await settle();
    expect(board.records[0]?.path).toContainEqual(expect.objectContaining({ state: 'redirect/anna', why }));
    expect(board.quiet).toBe(true);
  });

  it('in a circle', async () => {
    board = new Switchboard(pbx());
    const caller = await board.call(accountOf('clara'), 'clara', '401');
    await redirects('anna', '402');
    await redirects('boris', '401');
    await redirects('anna', '402');
    expect(sent()).toEqual(['anna', 'boris', 'anna']);
    expect(board.records[0]?.path ?? board.inbound.live.all()[0]?.timeline.path).toContainEqual(
      expect.objectContaining({ why: 'the call has been sent on by phones too often' }),
    );
    caller.cancel();
    await board.inbound.stop();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it('for a group: who sends its calls elsewhere has not taken them', async () => {
    board = new Switchboard(pbx());
    const caller = await board.call(accountOf('anna'), 'anna', '450');
    await redirects('clara', '402');
    expect(sent()).not.toContain('boris');
    caller.cancel();
    await board.inbound.stop();
    await settle();
    expect(board.quiet).toBe(true);
  });
});

describe('of a trunk', () => {
  beforeEach(() => {
    board = new Switchboard(pbx());
  });

  it('are a failure of it: nobody here has agreed to what that would cost', async () => {
    const caller = await board.call(accountOf('anna'), 'anna', '84957890000');
    await redirects('operator.example', '79160000000', 'operator.example');
    expect(sent()).toEqual(['74957890000']);
    expect(caller.responses.at(-1)).toBe('480');
    expect(board.records).toMatchObject([{ outcome: 'failed', reason: 'unavailable' }]);
    expect(board.quiet).toBe(true);
  });
});
