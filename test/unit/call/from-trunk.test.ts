import { describe, expect, it } from 'vitest';
import type { Identity } from '../../../src/sip/identity.ts';
import { settle } from '../../support/fake-clock.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { Switchboard } from '../../support/switchboard.ts';

/** Calls that an operator hands over (2-call-behaviour §1, step 1). */

const operator: Identity = { kind: 'trunk', pbx: 'acme', trunk: 'operator' };
const from = '79031112233';

const pbx = (lines: number) =>
  pbxOf({
    trunks: [
      {
        id: 'operator',
        host: '192.0.2.20',
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

describe('the lines of the trunk', () => {
  const calls = async (board: Switchboard, count: number) => {
    const arrived = [];
    for (let i = 0; i < count; i++) arrived.push(await board.call(operator, from, '74950000001'));
    return arrived;
  };

  it('all taken: 486 and nobody is rung, until one is free again', async () => {
    const board = new Switchboard(pbx(2));
    const [first, second, third] = await calls(board, 3);
    expect([first, second, third].map((caller) => caller?.responses)).toEqual([[], [], ['486']]);
    expect(board.sip.sent.length).toBe(2);
    first?.cancel();
    await settle();
    expect((await calls(board, 1))[0]?.responses).toEqual([]);
    expect(board.sip.sent.length).toBe(3);
  });

  it('0: as many as come', async () => {
    const board = new Switchboard(pbx(0));
    await calls(board, 50);
    expect(board.sip.sent.length).toBe(50);
  });
});
