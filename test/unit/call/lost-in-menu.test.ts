import { describe, expect, it } from 'vitest';
import { settle } from '../../support/fake-clock.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { accountOf, passive, Switchboard } from '../../support/switchboard.ts';

/** Clients who are lost in the voice menu get an SMS (§4.4.2.1, §4.4.2.3). */

const line = '74950000001';
const client = '79161234567';

const sms = { sender: 'ACME', missedText: 'Мы перезвоним', gateway: { url: 'http://127.0.0.1/' } };

const pbx = (more: { main?: object; document?: object } = { document: { sms } }) =>
  pbxOf({
    numbers: [{ number: line, scheme: 'main', source: { passive: 'line@acme.example' } }],
    schemes: [
      {
        id: 'main',
        extension: '885',
        missed: { sms: true },
        steps: [{ play: 'welcome', wait: true }],
        menu: {
          '1': { steps: [{ forward: { employee: 'anna' } }] },
          '2': { steps: [{ forward: { scheme: 'other' } }] },
        },
        ...more.main,
      },
      { id: 'other', extension: '886', steps: [{ play: 'welcome', wait: true }] },
    ],
    employees: [employee('anna', '401', { mobile: '79990000001' })],
    audio: [{ id: 'welcome', file: 'welcome.wav' }],
    ...more.document,
  });

const arrives = (board: Switchboard, from = client) => board.call(passive(line), from, line);

const told = (board: Switchboard) => board.notices.map(({ kind, way, to }) => `${kind} ${way} ${to}`);

describe('a client who hangs up in the menu', () => {
  it('gets an SMS', async () => {
    const board = new Switchboard(pbx());
    const caller = await arrives(board);
    caller.dialog.hangUp();
    await settle();
    expect(board.records).toMatchObject([{ stage: 'menu', outcome: 'missed' }]);
    expect(told(board)).toEqual([`lostInMenu sms ${client}`]);
    expect(board.notices[0]).toMatchObject({ call: board.records[0]?.id, at: board.clock.now() });
  });

  it('gets it by the scheme that his number has, wherever in the menu he is lost', async () => {
    const board = new Switchboard(pbx());
    const caller = await arrives(board);
    board.callerEndpoint.press('2');
    await board.clock.advanceAsync(4000);
    caller.dialog.hangUp();
    await settle();
    expect(board.records[0]).toMatchObject({ scheme: 'main', stage: 'menu' });
    expect(told(board)).toHaveLength(1);
  });

  it.each([
    { what: 'his scheme does not say so', more: { main: { missed: { sms: false } }, document: { sms } }, from: client },
    { what: 'the PBX has no SMS settings', more: {}, from: client },
    { what: 'he hides his number', more: undefined, from: '' },
    { what: 'it is an employee, from his mobile', more: undefined, from: '79990000001' },
    { what: 'it is a fixed line', more: undefined, from: '74959999999' },
  ])('gets none when $what', async ({ more, from }) => {
    const board = new Switchboard(pbx(more));
    const caller = await arrives(board, from);
    caller.dialog.hangUp();
    await settle();
    expect(board.records).toMatchObject([{ outcome: 'missed' }]);
    expect(told(board)).toEqual([]);
  });

  it('gets none when he has left the menu: an employee was being rung', async () => {
    const board = new Switchboard(pbx());
    const caller = await arrives(board);
    board.callerEndpoint.press('1');
    await board.clock.advanceAsync(4000);
    expect(board.sip.sent).toHaveLength(1);
    caller.dialog.hangUp();
    await settle();
    expect(board.records).toMatchObject([{ stage: 'employee', outcome: 'missed' }]);
    expect(told(board)).toEqual([]);
  });

  it('gets none who is an employee at his own phone', async () => {
    const board = new Switchboard(pbx());
    const caller = await board.call(accountOf('anna'), 'anna', '885');
    caller.dialog.hangUp();
    await settle();
    expect(told(board)).toEqual([]);
  });
});
