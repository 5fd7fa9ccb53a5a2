import { describe, expect, it } from 'vitest';
import { MediaError } from '../../../src/media/port.ts';
import { settle } from '../../support/fake-clock.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { accountOf, passive, Switchboard } from '../../support/switchboard.ts';

const line = '74950000001';

/** A PBX whose only number runs a scheme with these parts; employees anna (401) and boris (402) say nothing when they are not reached. */
const pbx = (scheme: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  pbxOf({
    // biome-ignore lint/suspicious/noThenProperty: the format names it so
    defaults: { employee: { unavailableMessage: null, then: { hangup: true } } },
    numbers: [{ number: line, scheme: 'main', source: { passive: 'line@acme.example' } }],
    schemes: [{ id: 'main', ...scheme }],
    employees: [employee('anna', '401'), employee('boris', '402')],
    groups: [
      { id: 'sales', extension: '450', algorithm: 'all', members: [{ employee: 'anna' }, { employee: 'boris' }] },
    ],
    audio: ['welcome', 'music'].map((id) => ({ id, file: `${id}.wav` })),
    ...more,
  });

const toAnna = { steps: [{ forward: { employee: 'anna' } }] };
const menu = { steps: [{ play: 'welcome', wait: true }], menu: { '1': toAnna } };

describe('a scheme that only forwards', () => {
  it('rings when the employee rings, and answers when he answers', async () => {
    const board = new Switchboard(pbx(toAnna));
    const caller = await board.call(passive(line), '79031112233', line);
    expect(caller.responses).toEqual([]);
    board.sip.to('anna').rings();
    expect(caller.responses).toEqual(['180']);
    const anna = board.sip.to('anna').answers();
    await settle();
    expect(caller.responses).toEqual(['180', '200']);
    expect(board.callerEndpoint.bridgedTo).toBe(board.media.endpoints[0]);
    board.clock.advance(60_000);
    anna.hangUp();
    await settle();
    expect(caller.dialog.ended?.by).toBe('local');
    expect(board.quiet).toBe(true);
    expect(board.records).toMatchObject([
      {
        outcome: 'answered',
        reason: 'calleeHungUp',
        endedBy: 'callee',
        talk: 60,
        direction: 'in',
        from: '79031112233',
        line,
      },
    ]);
  });

  it('ends when the callee hangs up, after what somebody waits for, whoever hangs up meanwhile', async () => {
    const board = new Switchboard(pbx(toAnna));
    const caller = await board.call(passive(line), '79031112233', line);
    const anna = board.sip.to('anna').answers();
    await settle();
    board.clock.advance(60_000);
    const done = board.services.precedence.begin();
    anna.hangUp();
    await settle();
    expect(caller.dialog.ended).toBeUndefined();
    board.clock.advance(20);
    caller.dialog.hangUp();
    await settle();
    expect(board.records).toEqual([]);
    done();
    await board.clock.advanceAsync(1);
    expect(board.quiet).toBe(true);
    expect(board.records).toMatchObject([{ reason: 'calleeHungUp', endedBy: 'callee', talk: 60 }]);
  });

  it('ends for both when the media server cannot connect them, and the log says why', async () => {
    const board = new Switchboard(pbx(toAnna));
    const caller = await board.call(passive(line), '79031112233', line);
    board.media.bridgeFailure = new MediaError('endpoint-gone', 'the channel is gone');
    board.sip.to('anna').answers();
    await settle();
    expect(caller.dialog.ended?.by).toBe('local');
    expect(board.sip.to('anna').dialog.ended?.by).toBe('local');
    expect(board.records).toMatchObject([{ reason: 'networkFailure', endedBy: 'engine', talk: 0 }]);
    expect(board.logged).toMatchObject([
      { msg: 'the two parties cannot be connected', error: 'the channel is gone', pbx: 'acme' },
    ]);
    expect(board.quiet).toBe(true);
  });

  it('passes the failure on', async () => {
    const board = new Switchboard(pbx(toAnna));
    const caller = await board.call(passive(line), '79031112233', line);
    board.sip.to('anna').refuses(486);
    await settle();
    expect(caller.responses).toEqual(['486']);
    expect(board.quiet).toBe(true);
    expect(board.records).toMatchObject([
      { outcome: 'missed', reason: 'busy', participants: [{ id: 'anna', outcome: 'busy' }] },
    ]);
  });

  it('sends the second INVITE when the first was not answered in time', async () => {
    const board = new Switchboard(
      pbx({ steps: [{ forward: { employee: 'anna' }, timeout: 5 }, { forward: { employee: 'boris' } }] }),
    );
    const caller = await board.call(passive(line), '79031112233', line);
    await board.clock.advanceAsync(5000);
    expect(board.sip.to('anna').cancelled).toMatchObject({ text: 'No answer' });
    board.sip.to('boris').answers();
    await settle();
    expect(caller.responses).toEqual(['200']);
    caller.dialog.hangUp();
    await settle();
    expect(board.sip.to('boris').dialog.ended?.by).toBe('local');
    expect(board.quiet).toBe(true);
    expect(board.records).toMatchObject([{ outcome: 'answered', reason: 'callerHungUp', endedBy: 'caller' }]);
  });

  it('the caller gives up: the phone stops ringing, nothing is left', async () => {
    const board = new Switchboard(pbx(toAnna));
    const caller = await board.call(passive(line), '79031112233', line);
    caller.cancel();
    await settle();
    expect(board.sip.to('anna').cancelled).toMatchObject({ cause: 487 });
    expect(board.quiet).toBe(true);
    expect(board.records).toMatchObject([{ outcome: 'missed', reason: 'callerHungUp', stage: 'employee', code: 1110 }]);
  });

  it('the caller gives up in the moment of the answer: the callee is hung up', async () => {
    const board = new Switchboard(pbx(toAnna));
    const caller = await board.call(passive(line), '79031112233', line);
    const anna = board.sip.to('anna').answers();
    caller.cancel();
    await settle();
    expect(anna.ended?.by).toBe('local');
    expect(board.quiet).toBe(true);
  });
});

describe('a menu', () => {
  it('answers at once, greets, and rings on a digit while the caller hears ring-back', async () => {
    const board = new Switchboard(pbx(menu));
    const caller = await board.call(passive(line), '79031112233', line);
    expect(caller.responses).toEqual(['200']);
    expect(board.heardBy(caller)).toEqual(['welcome']);
    board.callerEndpoint.press('1');
    await settle();
    expect(board.heardBy(caller)).toEqual(['ring-back']);
    board.sip.to('anna').answers();
    await settle();
    expect(board.heardBy(caller)).toEqual([]);
    caller.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
    expect(board.records[0]?.inputs).toEqual([
      [0, 'begin'],
      [0, 'digit', '1'],
      [0, 'connected', 'main/1:0'],
      [0, 'hangup'],
    ]);
  });

  it('takes digits by INFO', async () => {
    const board = new Switchboard(pbx(menu));
    const caller = await board.call(passive(line), '79031112233', line);
    caller.dialog.pressByInfo('1');
    await settle();
    expect(board.sip.sent.length).toBe(1);
    caller.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it('keeps the digits of a password out of the record', async () => {
    const secret = { ...menu, menu: { '1': { password: '4711', ...toAnna } } };
    const board = new Switchboard(pbx(secret));
    const caller = await board.call(passive(line), '79031112233', line);
    for (const digit of '14711#') board.callerEndpoint.press(digit);
    await settle();
    expect(board.sip.sent.length).toBe(1);
    caller.dialog.hangUp();
    await settle();
    expect(JSON.stringify(board.records)).not.toMatch(/4711|"digit","[^1]"/);
    expect(board.records[0]?.inputs).toContainEqual([0, 'password', true]);
  });
});

describe('ring music', () => {
  it('is early media while the call is not answered', async () => {
    const board = new Switchboard(pbx({ steps: [{ forward: { employee: 'anna' }, music: 'music' }] }));
    const caller = await board.call(passive(line), '79031112233', line);
    expect(caller.responses).toEqual(['183+sdp']);
    expect(board.heardBy(caller)).toEqual(['music']);
    caller.cancel();
    await settle();
    expect(board.quiet).toBe(true);
  });
});

describe('on hold', () => {
  it('the other party hears music, then the first one again', async () => {
    const board = new Switchboard(pbx(toAnna));
    const caller = await board.call(passive(line), '79031112233', line);
    const anna = board.sip.to('anna').answers();
    await settle();
    await anna.reinvite('sendonly');
    expect(board.heardBy(caller)).toEqual(['builtin:music']);
    board.clock.advance(7000);
    await anna.reinvite('sendrecv');
    expect(board.heardBy(caller)).toEqual([]);
    board.clock.advance(3000);
    anna.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
    expect(board.records).toMatchObject([{ talk: 10, hold: 7 }]);
  });
});

describe('no audio comes', () => {
  it.each(['caller', 'employee'] as const)('of the %s any more: the call is ended, and says why', async (who) => {
    const board = new Switchboard(pbx(toAnna));
    const caller = await board.call(passive(line), '79031112233', line);
    const anna = board.sip.to('anna').answers();
    await settle();
    const [ofAnna, ofCaller] = board.media.endpoints;
    const silent = who === 'employee' ? ofAnna : ofCaller;
    expect(silent?.expected).toEqual({ firstMs: 60_000, thenMs: 300_000, pauseMs: 1500 });
    silent?.fallsSilent();
    await settle();
    const reason = { protocol: 'SIP', text: 'No audio came any more' };
    expect(who === 'employee' ? anna.byeReason : caller.dialog.byeReason).toMatchObject(reason);
    expect([anna.ended?.by, caller.dialog.ended?.by]).toEqual(['local', 'local']);
    expect(board.records).toMatchObject([
      { outcome: 'answered', reason: 'mediaTimeout', code: 5005, endedBy: 'engine' },
    ]);
    expect(board.quiet).toBe(true);
  });
});

describe('calls between employees', () => {
  it('reach an extension, and the name of an account', async () => {
    for (const dialled of ['401', 'anna']) {
      const board = new Switchboard(pbx(menu));
      const caller = await board.call(accountOf('boris'), 'boris', dialled);
      board.sip.to('anna').answers();
      await settle();
      expect(caller.responses).toEqual(['200']);
      expect(board.sip.to('anna').request.from).toMatchObject({ user: '402', display: 'boris' });
      caller.dialog.hangUp();
      await settle();
      expect(board.quiet).toBe(true);
      expect(board.records).toMatchObject([
        { direction: 'internal', from: '402', outcome: 'answered', employee: 'boris' },
      ]);
    }
  });

  it('an employee who is in a call is busy', async () => {
    const board = new Switchboard(pbx(menu));
    const first = await board.call(accountOf('anna'), 'anna', '402');
    const second = await board.call(passive(line), '79031112233', line);
    board.media.endpoints.at(-1)?.press('1');
    await settle();
    expect(board.sip.sent.length).toBe(1);
    first.cancel();
    second.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it('a number of the company is handled as if the call had come in', async () => {
    const board = new Switchboard(pbx(menu));
    const caller = await board.call(accountOf('boris'), 'boris', '84950000001');
    expect(board.heardBy(caller)).toEqual(['welcome']);
    caller.dialog.hangUp();
    await settle();
    expect(board.records).toMatchObject([{ direction: 'internal', line, scheme: 'main' }]);
  });

  it('an extension that nobody has: 404', async () => {
    const board = new Switchboard(pbx(menu));
    const caller = await board.call(accountOf('boris'), 'boris', '499');
    expect(caller.responses).toEqual(['404']);
    expect(board.quiet).toBe(true);
  });
});

describe('an employee who cannot be reached', () => {
  it('has a default action: a message, and another extension', async () => {
    const board = new Switchboard(
      pbx(toAnna, {
        // biome-ignore lint/suspicious/noThenProperty: the format names it so
        defaults: { employee: { unavailableMessage: 'welcome', then: { extension: '402' } } },
      }),
      { unregistered: ['anna'] },
    );
    const caller = await board.call(passive(line), '79031112233', line);
    expect(caller.responses).toEqual(['200']);
    expect(board.heardBy(caller)).toEqual(['welcome']);
    board.callerEndpoint.playing?.end('finished');
    await settle();
    board.sip.to('boris').answers();
    await settle();
    caller.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
  });
});

describe('limits', () => {
  it('too many calls: 503', async () => {
    const board = new Switchboard(pbx(toAnna, { pbx: { id: 'acme', domains: ['acme.example'], maxCalls: 1 } }));
    const first = await board.call(passive(line), '1', line);
    const second = await board.call(passive(line), '2', line);
    expect(second.responses).toEqual(['503']);
    first.cancel();
    await settle();
    expect((await board.call(passive(line), '3', line)).responses).toEqual([]);
  });

  it('media that cannot be agreed on: 488', async () => {
    const { MediaError } = await import('../../../src/media/port.ts');
    const board = new Switchboard(pbx(menu));
    board.media.failure = new MediaError('no-common-codec', 'only G.729');
    const caller = await board.call(passive(line), '1', line);
    expect(caller.responses).toEqual(['488']);
    expect(caller.refusedWith).toEqual({ Warning: '399 kommutator "only G.729"' });
    expect(board.quiet).toBe(true);
  });

  it('the node stops: who talks is hung up, who rings is refused, all is recorded', async () => {
    const board = new Switchboard(pbx(toAnna));
    const talking = await board.call(passive(line), '1', line);
    const anna = board.sip.to('anna').answers();
    await settle();
    await board.inbound.stop();
    await settle();
    expect([talking.dialog.ended?.by, anna.ended?.by]).toEqual(['local', 'local']);
    expect((await board.call(passive(line), '2', line)).responses).toEqual(['503']);
    expect(board.records.map(({ reason }) => reason)).toEqual(['shutdown', 'shutdown']);
    expect(board.quiet).toBe(true);
  });
});
