import { describe, expect, it } from 'vitest';
import { settle } from '../../support/fake-clock.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { accountOf, passive, Switchboard } from '../../support/switchboard.ts';

/** Statuses that employees dial. */

const pbx = pbxOf({
  employees: [employee('anna', '401')],
  numbers: [{ number: '74950000001', scheme: 'main', source: { passive: 'line@acme.example' } }],
  schemes: [{ id: 'main', steps: [{ hangup: true }] }],
});

describe('a code', () => {
  it.each([
    ['*50', 'offline'],
    ['*51', 'online'],
    ['*52', 'break'],
  ])('%s sets the status %s, says so, and ends the call', async (code, status) => {
    const board = new Switchboard(pbx);
    const caller = await board.call(accountOf('anna'), 'anna', code);
    expect(board.statuses).toEqual([`anna ${status}`]);
    expect(caller.responses).toEqual(['200']);
    expect(board.heardBy(caller)).toEqual(['builtin:thank-you']);
    board.callerEndpoint.playing?.end('finished');
    await settle();
    expect(caller.dialog.ended?.by).toBe('local');
    expect(board.records).toMatchObject([{ direction: 'internal', to: code, reason: 'normal', employee: 'anna' }]);
    expect(board.records[0]?.path).toMatchObject([{ event: 'rule', detail: { code, status } }, { event: 'hangup' }]);
    expect(board.quiet).toBe(true);
  });

  it('that cannot be carried out now is heard as such', async () => {
    const board = new Switchboard(pbx);
    board.statusFails = new Error('Redis is away');
    const caller = await board.call(accountOf('anna'), 'anna', '*52');
    expect(board.heardBy(caller)).toEqual(['builtin:error-tone']);
    board.callerEndpoint.playing?.end('finished');
    await settle();
    expect(board.records).toMatchObject([{ reason: 'serviceUnavailable' }]);
    expect(board.quiet).toBe(true);
  });

  it('that nobody knows is a number that does not exist', async () => {
    const board = new Switchboard(pbx);
    const caller = await board.call(accountOf('anna'), 'anna', '*53');
    expect(caller.responses).toEqual(['404']);
    expect(board.statuses).toEqual([]);
  });

  it('does nothing for callers from outside', async () => {
    const board = new Switchboard(pbx);
    await board.call(passive('74950000001'), '79031112233', '*52');
    expect(board.statuses).toEqual([]);
  });

  it('leaves nothing behind when the caller hangs up at once', async () => {
    const board = new Switchboard(pbx);
    const caller = await board.call(accountOf('anna'), 'anna', '*52');
    caller.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
  });
});
