import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/errors.ts';
import { settle } from '../../support/fake-clock.ts';
import type { FakeIncomingInvite } from '../../support/fake-sip.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { passive, Switchboard } from '../../support/switchboard.ts';

/** A caller leaves a message (§4.6.5.1): from the greeting to the record. */

const withMail = { mail: { smtp: 'smtp://mail.acme.example', from: 'pbx@acme.example' } };

function office(steps: readonly object[], more: Record<string, unknown> = {}, mail: object = withMail) {
  return pbxOf({
    // After its last step nobody is waited for.
    pbx: { id: 'acme', domains: ['acme.example'], extensionDialing: { enabled: false } },
    employees: [
      employee('anna', '401', { email: 'anna@acme.example', timezone: 'Asia/Omsk' }),
      employee('boris', '402'),
    ],
    numbers: [{ number: '74950000001', scheme: 'main', source: { passive: 'line@acme.example' } }],
    schemes: [{ id: 'main', steps }],
    ...mail,
    ...more,
  });
}

const toMailbox = { voicemail: { to: ['office@acme.example'] } };

// biome-ignore lint/suspicious/noThenProperty: the format names it so
const takesMessages = { then: { voicemail: true } };

const line = passive('74950000001');

/** A client calls, and whatever comes before the recording is over. */
async function atTheTone(board: Switchboard) {
  const caller = await board.call(line, '79031112233', '74950000001');
  while (board.callerEndpoint.playing) {
    board.callerEndpoint.playing.end('finished');
    await settle();
  }
  const [recording] = board.callerEndpoint.recordings;
  if (!recording) throw new Error('nothing is recorded');
  return { caller, recording, draft: board.messages.drafts[0] };
}

/** What is said to one who is still there, and the end. */
async function toTheEnd(board: Switchboard, caller: FakeIncomingInvite): Promise<string[]> {
  const heard: string[] = [];
  await settle();
  while (board.callerEndpoint.playing) {
    heard.push(...board.heardBy(caller));
    board.callerEndpoint.playing.end('finished');
    await settle();
  }
  return heard;
}

describe('a caller who comes to a mailbox because nobody could be reached', () => {
  async function busyThenMailbox() {
    const defaults = { employee: { unavailableMessage: null } };
    const board = new Switchboard(office([{ forward: { employee: 'boris' } }, toMailbox], { defaults }));
    const caller = await board.call(line, '79031112233', '74950000001');
    board.sip.to('boris').refuses(486);
    await settle();
    await toTheEnd(board, caller);
    const [recording] = board.callerEndpoint.recordings;
    if (!recording) throw new Error('nothing is recorded');
    return { board, caller, recording };
  }

  it('has left a message in the end: that is why his call is over', async () => {
    const { board, caller, recording } = await busyThenMailbox();
    recording.end({ reason: 'silence' });
    await toTheEnd(board, caller);
    expect(board.records).toMatchObject([
      { outcome: 'technical', technical: 'voicemail', reason: 'schemeEnded', voicemails: ['m0'] },
    ]);
  });

  it('has said nothing: his call is over because nobody could be reached', async () => {
    const { board, caller, recording } = await busyThenMailbox();
    recording.end({ reason: 'silence', speechMs: 0 });
    await toTheEnd(board, caller);
    expect(board.records).toMatchObject([{ technical: 'voicemail', reason: 'busy', voicemails: [] }]);
  });
});

describe('a caller who comes to a mailbox', () => {
  it('is answered, hears the warning and the tone, and is recorded until he hangs up', async () => {
    const board = new Switchboard(office([toMailbox]));
    const caller = await board.call(line, '79031112233', '74950000001');
    expect(caller.responses).toEqual(['200']);
    expect(board.heardBy(caller)).toEqual(['builtin:leave-message']);
    expect(board.callerEndpoint.recordings).toEqual([]);
    board.callerEndpoint.playing?.end('finished');
    await settle();
    expect(board.heardBy(caller)).toEqual(['builtin:beep']);
    board.callerEndpoint.playing?.end('finished');
    await settle();
    const [recording] = board.callerEndpoint.recordings;
    expect(recording?.options).toEqual({ file: '/messages/m0.wav', sides: 'peer', maxMs: 180_000, silenceMs: 5000 });

    caller.dialog.hangUp();
    await settle();
    const [draft] = board.messages.drafts;
    expect(draft?.facts).toEqual({
      pbx: 'acme',
      call: board.records[0]?.id,
      employee: null,
      employeeName: null,
      from: '79031112233',
      fromName: board.records[0]?.fromName,
      line: '74950000001',
      to: ['office@acme.example'],
      delivery: 'attach',
      language: 'ru',
      timezone: 'Europe/Moscow',
      maxMs: 180_000,
    });
    expect(draft?.end).toEqual({ ended: 'hangup', speechMs: 10_000 });
    expect(board.records).toMatchObject([
      { outcome: 'technical', technical: 'voicemail', stage: 'menu', voicemails: ['m0'], endedBy: 'caller' },
    ]);
    expect(board.quiet).toBe(true);
  });

  it.each([
    ['a greeting of the step', { voicemail: { greeting: 'builtin:closed' } }, {}, ['builtin:closed', 'builtin:beep']],
    ['no warning at all', { voicemail: {} }, { voicemail: { warning: null } }, ['builtin:beep']],
  ])('hears %s', async (_, step, more, expected) => {
    const board = new Switchboard(office([step], more));
    const caller = await board.call(line, '79031112233', '74950000001');
    const heard: string[] = [];
    while (board.callerEndpoint.playing) {
      heard.push(...board.heardBy(caller));
      board.callerEndpoint.playing.end('finished');
      await settle();
    }
    expect(heard).toEqual(expected);
    caller.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it.each([
    ['presses #', 'key', (board: Switchboard) => board.callerEndpoint.press('#')],
    ['is silent', 'silence', (board: Switchboard) => board.callerEndpoint.recordings[0]?.end({ reason: 'silence' })],
    [
      'has said enough',
      'maxDuration',
      (board: Switchboard) => board.callerEndpoint.recordings[0]?.end({ reason: 'maxLength' }),
    ],
  ])('who %s is told that the message is stored, and the scheme goes on', async (_, ended, act) => {
    const board = new Switchboard(office([toMailbox, { play: 'builtin:goodbye', wait: true }]));
    const { caller, draft } = await atTheTone(board);
    act(board);
    expect(await toTheEnd(board, caller)).toEqual(['builtin:message-saved', 'builtin:goodbye']);
    expect(draft?.end).toEqual({ ended, speechMs: 10_000 });
    expect(caller.dialog.ended?.by).toBe('local');
    expect(board.records).toMatchObject([{ technical: 'voicemail', voicemails: ['m0'], reason: 'schemeEnded' }]);
    expect(board.quiet).toBe(true);
  });

  it('other keys are part of what he says', async () => {
    const board = new Switchboard(office([toMailbox]));
    const { caller, recording } = await atTheTone(board);
    for (const key of '0123456789*') board.callerEndpoint.press(key);
    await settle();
    expect(board.callerEndpoint.recordings).toEqual([recording]);
    caller.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it('who says nothing leaves no message, and is told so', async () => {
    const board = new Switchboard(office([toMailbox]));
    const { caller, recording } = await atTheTone(board);
    recording.end({ reason: 'silence', ms: 5000, speechMs: 0 });
    expect(await toTheEnd(board, caller)).toEqual(['builtin:message-too-short']);
    expect(board.records).toMatchObject([{ technical: 'voicemail', voicemails: [] }]);
  });

  it('who hangs up during the warning is a missed call', async () => {
    const board = new Switchboard(office([toMailbox]));
    const caller = await board.call(line, '79031112233', '74950000001');
    caller.dialog.hangUp();
    await settle();
    expect(board.messages.drafts[0]?.end).toBe('dropped');
    expect(board.records).toMatchObject([{ outcome: 'missed', technical: null, voicemails: [] }]);
    expect(board.quiet).toBe(true);
  });

  it('whose message breaks off leaves what was recorded', async () => {
    const board = new Switchboard(office([toMailbox]));
    const { caller, recording, draft } = await atTheTone(board);
    recording.end({ reason: 'failed', ms: 4000, error: 'The disk is full' });
    expect(await toTheEnd(board, caller)).toEqual(['builtin:message-saved']);
    expect(draft?.end).toEqual({ ended: 'interrupted', speechMs: 4000, error: 'The disk is full' });
    expect(board.records).toMatchObject([{ voicemails: ['m0'] }]);
  });
});

describe('when no message can be kept', () => {
  const full = new UserError('no-room-for-message', 'Voice messages cannot be kept in /secret/place: the disk is full');

  it('the caller hears so before he is asked for one, and the scheme goes on', async () => {
    const board = new Switchboard(office([toMailbox, { play: 'builtin:goodbye', wait: true }]));
    board.messages.fails = full;
    const caller = await board.call(line, '79031112233', '74950000001');
    expect(await toTheEnd(board, caller)).toEqual(['builtin:mailbox-full', 'builtin:goodbye']);
    const [record] = board.records;
    expect(record).toMatchObject({ outcome: 'missed', technical: null, voicemails: [] });
    expect(record?.path.map(({ event }) => event)).toContain('fault');
    expect(JSON.stringify(record)).not.toContain('/secret/place');
    expect(board.quiet).toBe(true);
  });

  it('an assistant leaves the call to the scheme', async () => {
    const assistant = [takesMessages];
    const board = new Switchboard(
      office([{ forward: { employee: 'anna' } }, { play: 'builtin:goodbye', wait: true }], {
        employees: [employee('anna', '401', { assistant })],
      }),
      { unregistered: ['anna'] },
    );
    board.messages.fails = full;
    const caller = await board.call(line, '79031112233', '74950000001');
    expect(await toTheEnd(board, caller)).toEqual(['builtin:mailbox-full', 'builtin:goodbye']);
    expect(board.records[0]?.path.map(({ event }) => event)).toContain('fault');
  });
});

describe('whom a message is for', () => {
  const facts = async (
    steps: readonly object[],
    more: Record<string, unknown> = {},
    unregistered: readonly string[] = ['anna', 'boris'],
  ) => {
    const board = new Switchboard(office(steps, more), { unregistered });
    const caller = await board.call(line, '79031112233', '74950000001');
    caller.dialog.hangUp();
    await settle();
    return board.messages.drafts[0]?.facts;
  };
  const defaults = { email: 'all@acme.example' };

  it.each([
    ['addresses of the step', [toMailbox], {}, { employee: null, to: ['office@acme.example'] }],
    [
      'no address: the default one',
      [{ voicemail: {} }],
      { voicemail: defaults },
      { employee: null, to: ['all@acme.example'] },
    ],
    ['no address at all', [{ voicemail: {} }], {}, { employee: null, to: [] }],
    [
      'a copy to the default one',
      [toMailbox],
      { voicemail: { ...defaults, copyToDefault: true } },
      { to: ['office@acme.example', 'all@acme.example'] },
    ],
    [
      'no second copy to the default one',
      [{ voicemail: {} }],
      { voicemail: { ...defaults, copyToDefault: true } },
      { to: ['all@acme.example'] },
    ],
    [
      'the address of an employee: his mailbox, his clocks',
      [{ voicemail: { to: ['Anna@acme.example'] } }],
      {},
      { employee: 'anna', employeeName: 'anna', to: ['Anna@acme.example'], timezone: 'Asia/Omsk' },
    ],
    [
      'his address among others: nobody in particular',
      [{ voicemail: { to: ['anna@acme.example', 'office@acme.example'] } }],
      {},
      { employee: null },
    ],
    ['the default action', [{ forward: { employee: 'anna' } }], {}, { employee: 'anna', to: ['anna@acme.example'] }],
    [
      'the default action for one without an address',
      [{ forward: { employee: 'boris' } }],
      { voicemail: defaults },
      { employee: 'boris', to: ['all@acme.example'] },
    ],
    [
      'an assistant',
      [{ forward: { employee: 'boris' } }],
      {
        employees: [employee('boris', '402', { email: 'b@acme.example', assistant: [takesMessages] })],
      },
      { employee: 'boris', to: ['b@acme.example'] },
    ],
    ['delivery as configured', [toMailbox], { voicemail: { delivery: 'notify' } }, { delivery: 'notify' }],
  ])('%s', async (_, steps, more, expected) => {
    const silent = { defaults: { employee: { unavailableMessage: null } } };
    expect(await facts(steps, { ...silent, ...more })).toMatchObject(expected);
  });

  it('without a mail server it is stored, and not deleted', async () => {
    const board = new Switchboard(office([toMailbox], { voicemail: { delivery: 'attachAndDelete' } }, {}));
    const caller = await board.call(line, '79031112233', '74950000001');
    caller.dialog.hangUp();
    await settle();
    expect(board.messages.drafts[0]?.facts.delivery).toBe('storeOnly');
  });
});
