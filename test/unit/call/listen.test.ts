import { describe, expect, it } from 'vitest';
import type { HeardMessage } from '../../../src/messages/voicemail/port.ts';
import { settle } from '../../support/fake-clock.ts';
import type { FakeIncomingInvite } from '../../support/fake-sip.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { accountOf, passive, Switchboard } from '../../support/switchboard.ts';

/** An employee listens to his messages by phone: *97 from his own, *98 from another. */

const pbx = pbxOf({
  employees: [employee('anna', '401', { voicemailPin: '4711', timezone: 'Asia/Omsk' }), employee('boris', '402')],
  numbers: [{ number: '74950000001', scheme: 'main', source: { passive: 'line@acme.example' } }],
  schemes: [{ id: 'main', steps: [{ hangup: true }] }],
});

/** By the clocks of Omsk, which are six hours ahead of UTC, 15:05 of the second. */
const now = '2026-11-02T09:05:00Z';

const message = (id: string, more: Partial<HeardMessage> = {}): HeardMessage => ({
  id,
  from: '79031112233',
  at: Date.parse('2026-11-02T09:05:00Z'),
  file: `/messages/${id}.wav`,
  ...more,
});

/** A phone that has dialled a code, with what it hears and can press. */
class Phone {
  readonly board: Switchboard;
  readonly caller: FakeIncomingInvite;

  constructor(board: Switchboard, caller: FakeIncomingInvite) {
    this.board = board;
    this.caller = caller;
  }

  static async dial(
    code: string,
    who: string,
    inbox: { fresh?: HeardMessage[]; saved?: HeardMessage[] } = {},
    of = 'anna',
  ): Promise<Phone> {
    const board = new Switchboard(pbx, { at: now });
    board.messages.inboxes.set(of, { fresh: [], saved: [], ...inbox });
    return new Phone(board, await board.call(accountOf(who), who, code));
  }

  /** What is said until a key is waited for, or until it is over. */
  async hears(): Promise<string[]> {
    const heard: string[] = [];
    while (this.board.callerEndpoint.playing) {
      const { sources, end } = this.board.callerEndpoint.playing;
      heard.push(...sources.map((source) => ('file' in source ? source.file : 'tone')));
      end('finished');
      await settle();
    }
    return heard;
  }

  async press(keys: string): Promise<void> {
    for (const key of keys) this.board.callerEndpoint.press(key);
    await settle();
  }

  async isOver(): Promise<void> {
    await settle();
    expect(this.caller.dialog.ended).toBeDefined();
    expect(this.board.quiet).toBe(true);
  }
}

const menu = 'builtin:voicemail-menu';
const bye = ['builtin:no-more-messages', 'builtin:goodbye'];
const told = (id: string, day = 'day today', time = 'time 15:5') => [
  'call-from',
  'phone 79031112233',
  day,
  time,
  `/messages/${id}.wav`,
];

describe('*97', () => {
  it('tells how many messages there are, then each with its caller and the time by his clocks', async () => {
    const phone = await Phone.dial('*97', 'anna', {
      fresh: [message('m1'), message('m2', { at: Date.parse('2026-11-01T17:59:00Z') })],
      saved: [message('m3', { at: Date.parse('2026-10-31T18:00:00Z'), from: '' })],
    });
    expect(phone.caller.responses).toEqual(['200']);
    expect(await phone.hears()).toEqual(
      ['new-messages', 'number 2:neuter', 'saved-messages', 'number 1:neuter', ...told('m1'), menu].map(flat),
    );
    await phone.press('#');
    expect(await phone.hears()).toEqual([...told('m2', 'day yesterday', 'time 23:59'), menu]);
    await phone.press('#');
    expect(await phone.hears()).toEqual(
      ['unknown-caller', 'day yesterday', 'time 0:0', '/messages/m3.wav', menu].map(flat),
    );
    await phone.press('#');
    expect(await phone.hears()).toEqual(bye);
    await phone.isOver();
    expect(phone.board.messages.done).toEqual(['read m1', 'read m2']);
    expect(phone.board.records).toMatchObject([
      { direction: 'internal', to: '*97', reason: 'normal', outcome: 'failed' },
    ]);
  });

  it('says that there are none', async () => {
    const phone = await Phone.dial('*97', 'anna');
    expect(await phone.hears()).toEqual(['new-messages', flat('number 0:neuter'), ...bye]);
    await phone.isOver();
  });

  it('saves, deletes, repeats and skips as keys say; an unheard message that is skipped stays new', async () => {
    const phone = await Phone.dial('*97', 'anna', { fresh: ['m1', 'm2', 'm3', 'm4'].map((id) => message(id)) });
    await phone.hears();
    await phone.press('1');
    expect(await phone.hears()).toEqual([...told('m1'), menu]);
    await phone.press('2');
    expect((await phone.hears()).slice(0, 3)).toEqual(['builtin:message-saved', 'call-from', 'phone 79031112233']);
    await phone.press('3');
    const said = await phone.hears();
    expect(said[0]).toBe('builtin:message-deleted');
    await phone.press('#');
    // In the middle of who called.
    expect(phone.board.heardBy(phone.caller)).toContain('call-from');
    await phone.press('#');
    expect(await phone.hears()).toEqual(bye);
    await phone.isOver();
    expect(phone.board.messages.done).toEqual(['read m1', 'read m1', 'read m1', 'read m2', 'remove m2', 'read m3']);
  });

  it('cuts off what is heard with a key that acts on it', async () => {
    const phone = await Phone.dial('*97', 'anna', { fresh: [message('m1')] });
    phone.board.callerEndpoint.playing?.end('finished');
    await settle();
    phone.board.callerEndpoint.playing?.end('finished');
    await settle();
    expect(phone.board.heardBy(phone.caller)).toEqual(['/messages/m1.wav']);
    await phone.press('3');
    expect(await phone.hears()).toEqual(['builtin:message-deleted', ...bye]);
    expect(phone.board.messages.done).toEqual(['remove m1']);
    await phone.isOver();
  });

  it('a key that was pressed too early deletes no message unheard', async () => {
    const phone = await Phone.dial('*97', 'anna', { fresh: [message('m1'), message('m2')] });
    await phone.press('33');
    expect(await phone.hears()).toEqual([...told('m1'), menu]);
    await phone.press('33');
    expect((await phone.hears()).at(-1)).toBe(menu);
    expect(phone.board.messages.done).toEqual(['read m1', 'remove m1', 'read m2']);
    phone.caller.dialog.hangUp();
    await phone.isOver();
  });

  it('reads no message out of a cache, and leaves none in it', async () => {
    const phone = await Phone.dial('*97', 'anna', { fresh: [message('m1')] });
    for (let i = 0; i < 2; i++) {
      phone.board.callerEndpoint.playing?.end('finished');
      await settle();
    }
    expect(phone.board.callerEndpoint.playing?.sources).toEqual([{ file: '/messages/m1.wav', once: true }]);
    phone.caller.dialog.hangUp();
    await phone.isOver();
    expect(phone.board.messages.done).toEqual([]);
  });

  it('says the menu three times to one who presses nothing, then goodbye', async () => {
    const phone = await Phone.dial('*97', 'anna', { fresh: [message('m1')] });
    await phone.hears();
    for (const expected of [[menu], [menu], ['builtin:goodbye']]) {
      phone.board.clock.advance(8000);
      await settle();
      expect(await phone.hears()).toEqual(expected);
    }
    await phone.isOver();
  });

  it.each([
    ['*', ['builtin:goodbye']],
    ['7', ['builtin:invalid-choice', menu]],
  ])('%s', async (key, expected) => {
    const phone = await Phone.dial('*97', 'anna', { fresh: [message('m1')] });
    await phone.hears();
    await phone.press(key);
    expect(await phone.hears()).toEqual(expected);
    phone.caller.dialog.hangUp();
    await phone.isOver();
  });

  it('calls back with 4, from a phone that may', async () => {
    const phone = await Phone.dial('*97', 'anna', { fresh: [message('m1', { from: '402' })] });
    await phone.hears();
    await phone.press('4');
    expect(phone.board.sip.sent.map(({ request }) => request.target.uri)).toEqual(['sip:boris@127.0.0.1']);
    phone.caller.dialog.hangUp();
    await phone.isOver();
  });

  it('refuses to call back where this phone may not call', async () => {
    const phone = await Phone.dial('*97', 'anna', { fresh: [message('m1')] });
    await phone.hears();
    await phone.press('4');
    expect(await phone.hears()).toEqual(['builtin:call-not-allowed']);
    await phone.isOver();
    expect(phone.board.sip.sent).toEqual([]);
  });

  it('cannot call back a hidden number', async () => {
    const phone = await Phone.dial('*97', 'anna', { fresh: [message('m1', { from: '' })] });
    await phone.hears();
    await phone.press('4');
    expect(await phone.hears()).toEqual(['builtin:error-tone', menu]);
    phone.caller.dialog.hangUp();
    await phone.isOver();
  });

  it('is heard to fail while the database is away', async () => {
    const phone = await Phone.dial('*97', 'anna', { fresh: [message('m1')] });
    await phone.hears();
    phone.board.messages.fails = new Error('away');
    await phone.press('3');
    expect(await phone.hears()).toEqual(['builtin:error-tone', menu]);
    phone.caller.dialog.hangUp();
    await phone.isOver();

    const board = new Switchboard(pbx);
    board.messages.fails = new Error('away');
    const caller = await board.call(accountOf('anna'), 'anna', '*97');
    expect(board.heardBy(caller)).toEqual(['builtin:error-tone']);
    board.callerEndpoint.playing?.end('finished');
    await settle();
    expect(board.records).toMatchObject([{ reason: 'serviceUnavailable' }]);
  });

  it('goes past a message whose audio another node has', async () => {
    const phone = await Phone.dial('*97', 'anna', { fresh: [message('m1', { file: undefined })] });
    expect((await phone.hears()).slice(-2)).toEqual(['builtin:error-tone', menu]);
    expect(phone.board.messages.done).toEqual([]);
    phone.caller.dialog.hangUp();
    await phone.isOver();
  });

  it('is nothing for callers from outside', async () => {
    const board = new Switchboard(pbx);
    board.messages.inboxes.set('anna', { fresh: [message('m1')], saved: [] });
    await board.call(passive('74950000001'), '79031112233', '*97');
    expect(board.messages.done).toEqual([]);
    expect(board.records[0]?.path.map(({ state }) => state)).not.toContain('mailbox');
  });
});

describe('*98', () => {
  const enter = async (phone: Phone, extension: string, pin: string) => {
    expect(await phone.hears()).toEqual(['builtin:enter-mailbox']);
    await phone.press(`${extension}#`);
    expect(await phone.hears()).toEqual(['builtin:enter-password']);
    await phone.press(`${pin}#`);
  };

  it('opens the mailbox whose extension and PIN are entered', async () => {
    const phone = await Phone.dial('*98', 'boris', { fresh: [message('m1')] });
    await enter(phone, '401', '4711');
    expect((await phone.hears()).slice(0, 1)).toEqual(['new-messages']);
    phone.caller.dialog.hangUp();
    await phone.isOver();
    expect(JSON.stringify(phone.board.records)).not.toContain('4711');
  });

  it('hangs up on whoever is wrong three times, whether or not there is a mailbox or a PIN', async () => {
    const phone = await Phone.dial('*98', 'anna', {}, 'boris');
    for (const [extension, pin] of [
      ['402', ''],
      ['999', '4711'],
      ['401', '4712'],
    ] as const) {
      await enter(phone, extension, pin);
      expect(phone.board.heardBy(phone.caller)).toEqual(['builtin:wrong-password']);
      phone.board.callerEndpoint.playing?.end('finished');
      await settle();
    }
    await phone.isOver();
    expect(phone.board.records).toMatchObject([{ reason: 'declined' }]);
  });

  it('opens no mailbox by a PIN for an hour after five that were wrong, and none to who tries many', async () => {
    const office = pbxOf({
      employees: [
        ...['401', '402', '403', '404', '405'].map((extension) =>
          employee(`e${extension}`, extension, { voicemailPin: '4711' }),
        ),
        employee('anna', '490'),
        employee('boris', '491'),
      ],
    });
    const board = new Switchboard(office, { at: now });
    /** What is heard after each PIN of one call. */
    const tries = async (who: string, ...entries: (readonly [extension: string, pin: string])[]) => {
      const caller = await board.call(accountOf(who), who, '*98');
      const phone = new Phone(board, caller);
      const heard: string[] = [];
      for (const [extension, pin] of entries) {
        await enter(phone, extension, pin);
        heard.push(board.heardBy(caller)[0] ?? 'nothing');
        board.callerEndpoint.playing?.end('finished');
        await settle();
      }
      caller.dialog.hangUp();
      await settle();
      // The next call's is the first again.
      board.media.endpoints.splice(0);
      return heard;
    };
    const wrong = 'builtin:wrong-password';
    expect(await tries('anna', ['401', '1'], ['401', '2'], ['401', '3'])).toEqual([wrong, wrong, wrong]);
    expect(await tries('anna', ['401', '4'])).toEqual([wrong]);
    expect(await tries('anna', ['401', '4711'])).toEqual(['new-messages']);
    expect(await tries('anna', ['401', '5'])).toEqual([wrong]);
    expect(await tries('boris', ['401', '4711'], ['402', '4711'])).toEqual([wrong, 'new-messages']);
    board.clock.advance(3_600_000);
    expect(await tries('boris', ['401', '4711'])).toEqual(['new-messages']);

    for (const extension of ['402', '403', '404']) {
      expect(await tries('anna', [extension, '1'], [extension, '2'], [extension, '3'])).toEqual([wrong, wrong, wrong]);
    }
    expect(await tries('anna', ['999', '4711'])).toEqual([wrong]);
    expect(await tries('anna', ['405', '4711'])).toEqual([wrong]);
    expect(await tries('boris', ['405', '4711'])).toEqual(['new-messages']);
  });

  it('opens no mailbox by a PIN while wrong ones cannot be counted', async () => {
    const phone = await Phone.dial('*98', 'boris', { fresh: [message('m1')] });
    phone.board.wrongPins.away = new Error('Redis is away');
    await enter(phone, '401', '4711');
    expect(phone.board.heardBy(phone.caller)).toEqual(['builtin:wrong-password']);
    phone.caller.dialog.hangUp();
    await phone.isOver();
  });

  it('takes a pause for the end of an entry', async () => {
    const phone = await Phone.dial('*98', 'boris', { fresh: [] });
    await phone.hears();
    await phone.press('401');
    phone.board.clock.advance(4000);
    await settle();
    expect(await phone.hears()).toEqual(['builtin:enter-password']);
    await phone.press('4711');
    phone.board.clock.advance(4000);
    await settle();
    expect((await phone.hears())[0]).toBe('new-messages');
    await phone.isOver();
  });
});

/** As `said` of the switchboard writes what has a gender: the number alone. */
function flat(text: string): string {
  return text.replace(/:neuter$/, '');
}
