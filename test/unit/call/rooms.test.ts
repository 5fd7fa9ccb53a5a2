import { describe, expect, it } from 'vitest';
import { MediaError } from '../../../src/media/port.ts';
import type { Identity } from '../../../src/sip/identity.ts';
import { settle } from '../../support/fake-clock.ts';
import type { FakeEndpoint } from '../../support/fake-media.ts';
import type { FakeIncomingInvite } from '../../support/fake-sip.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { accountOf, passive, Switchboard } from '../../support/switchboard.ts';

/** Conference rooms (§4.6.4.2): who gets in, and what he hears. */

const pbx = (room: Record<string, unknown> = {}, more: Record<string, unknown> = {}) =>
  pbxOf({
    employees: ['anna', 'boris', 'clara'].map((id, i) => employee(id, `40${i + 1}`)),
    rooms: [{ id: 'board', name: 'Board', extension: '1000', ...room }],
    numbers: ['main', 'menu'].map((scheme, i) => ({
      number: `7495000000${i + 1}`,
      scheme,
      source: { passive: `${scheme}@acme.example` },
    })),
    schemes: [
      { id: 'main', steps: [{ forward: { room: 'board' } }, { play: 'sorry', wait: true }, { hangup: true }] },
      {
        id: 'menu',
        steps: [{ play: 'welcome', wait: true }],
        menu: { '1': { steps: [{ forward: { room: 'board' } }] } },
      },
    ],
    audio: ['welcome', 'sorry'].map((id) => ({ id, file: `${id}.wav` })),
    ...more,
  });

/** One who has called, with what he hears and can press. */
class Caller {
  readonly board: Switchboard;
  readonly invite: FakeIncomingInvite;
  readonly endpoint: FakeEndpoint;

  constructor(board: Switchboard, invite: FakeIncomingInvite) {
    this.board = board;
    this.invite = invite;
    this.endpoint = board.media.endpoints.at(-1) as FakeEndpoint;
  }

  static async of(board: Switchboard, identity: Identity, to: string): Promise<Caller> {
    const from = identity.kind === 'account' ? identity.employee : '79031112233';
    return new Caller(board, await board.call(identity, from, to));
  }

  get hears(): string[] {
    return (this.endpoint.playing?.sources ?? []).map((source) => ('file' in source ? source.file : 'tone'));
  }

  /** Hears to the end what is played now. @returns what that was */
  async listens(): Promise<string[]> {
    const heard = this.hears;
    this.endpoint.playing?.end('finished');
    await settle();
    return heard;
  }

  async presses(keys: string): Promise<void> {
    for (const key of keys) this.endpoint.press(key);
    await settle();
  }

  async hangsUp(): Promise<void> {
    this.invite.dialog.hangUp();
    await settle();
  }
}

const anna = accountOf('anna');
const boris = accountOf('boris');
const stranger = passive('74950000001');
const music = ['builtin:music'];

const strangerAt = (board: Switchboard) => Caller.of(board, stranger, 'main');

describe('a room', () => {
  it('tells the first one that he is, who has music until another comes and again when he is alone', async () => {
    const board = new Switchboard(pbx());
    const first = await Caller.of(board, anna, '1000');
    expect(first.invite.responses).toEqual(['200']);
    expect(await first.listens()).toEqual(['builtin:conference-first']);
    expect(first.hears).toEqual(music);
    expect(first.endpoint.playing?.loop).toBe(true);
    const second = await Caller.of(board, boris, '1000');
    expect(first.hears).toEqual(music);
    expect(await second.listens()).toEqual(['builtin:conference-entering']);
    expect(await first.listens()).toEqual(['builtin:beep']);
    expect([first.hears, second.hears]).toEqual([[], []]);
    const [conference] = board.media.conferences;
    expect([...(conference?.members.keys() ?? [])]).toEqual([first.endpoint, second.endpoint]);
    const third = await strangerAt(board);
    await third.listens();
    expect([first.hears, second.hears]).toEqual([['builtin:beep'], ['builtin:beep']]);
    expect(conference?.size).toBe(3);
    await second.hangsUp();
    await third.hangsUp();
    expect(first.hears).toEqual(music);
    await first.hangsUp();
    expect(board.quiet).toBe(true);
  });

  it('is a participant in the record of each who was in it', async () => {
    const board = new Switchboard(pbx());
    const first = await Caller.of(board, anna, '1000');
    await board.clock.advance(4000);
    await first.listens();
    await board.clock.advance(30_000);
    await settle();
    expect(board.inbound.live.all()[0]?.timeline.asking).toMatchObject([
      { asked: { kind: 'room', id: 'board' }, state: 'talking' },
    ]);
    await first.hangsUp();
    expect(board.records).toMatchObject([
      {
        direction: 'internal',
        from: '401',
        to: '1000',
        outcome: 'answered',
        reason: 'callerHungUp',
        endedBy: 'caller',
        talk: 30,
        participants: [{ kind: 'room', id: 'board', name: 'Board', ring: 4, talk: 30, outcome: 'answered' }],
      },
    ]);
  });

  it('does not hear one who holds, whose phone may send music', async () => {
    const board = new Switchboard(pbx());
    const [first, second] = [await Caller.of(board, anna, '1000'), await Caller.of(board, boris, '1000')];
    for (const one of [first, second]) await one.listens();
    const member = () => [...board.media.conferences][0]?.members.get(second.endpoint);
    await second.invite.dialog.reinvite('sendonly');
    await settle();
    expect(member()?.isMute).toBe(true);
    await board.clock.advance(5000);
    await second.invite.dialog.reinvite('sendrecv');
    await settle();
    expect(member()?.isMute).toBe(false);
    await second.hangsUp();
    expect(board.records).toMatchObject([{ hold: 5, participants: [{ hold: 5 }] }]);
    await first.hangsUp();
  });

  it('ends for all when the media server has lost it', async () => {
    const board = new Switchboard(pbx());
    const [first, second] = [await Caller.of(board, anna, '1000'), await Caller.of(board, boris, '1000')];
    for (const one of [first, second]) await one.listens();
    for (const conference of board.media.conferences) conference.lose('it died');
    await settle();
    expect(board.records).toMatchObject([
      { reason: 'networkFailure', endedBy: 'engine' },
      { reason: 'networkFailure' },
    ]);
    expect(board.quiet).toBe(true);
  });

  it('is left by one who hangs up while he still hears that he is about to enter', async () => {
    const board = new Switchboard(pbx());
    const first = await Caller.of(board, anna, '1000');
    await first.hangsUp();
    expect(board.records).toMatchObject([{ reason: 'callerHungUp', participants: [{ kind: 'room', talk: 0 }] }]);
    expect(board.quiet).toBe(true);
  });

  it('cannot be entered while the media server has no conference, and the scheme goes on', async () => {
    const board = new Switchboard(pbx());
    const caller = await strangerAt(board);
    board.media.failure = new MediaError('server-gone', 'it died');
    await caller.listens();
    expect(await caller.listens()).toEqual(['sorry']);
    expect(board.records).toMatchObject([{ participants: [{ kind: 'room', reason: 'serviceUnavailable' }] }]);
    expect(board.quiet).toBe(true);
  });
});

describe('access', () => {
  it.each([
    { access: 'employees', who: 'a stranger', barred: stranger },
    { access: 'external', who: 'an employee', barred: anna },
  ] as const)('of $access: $who hears that he may not join, and is hung up on', async ({ access, barred }) => {
    const board = new Switchboard(pbx({ access }));
    const refused = barred === anna ? await Caller.of(board, anna, '1000') : await strangerAt(board);
    expect(await refused.listens()).toEqual(['builtin:conference-refused']);
    expect(board.records).toMatchObject([
      { reason: 'roomRefused', code: 4400, endedBy: 'engine', participants: [{ kind: 'room', outcome: 'failed' }] },
    ]);
    expect(board.quiet).toBe(true);
    const welcome = barred === anna ? await strangerAt(board) : await Caller.of(board, anna, '1000');
    expect(await welcome.listens()).toEqual(['builtin:conference-first']);
    await welcome.hangsUp();
  });

  it('that is refused needs no answer: it is heard as early media', async () => {
    const board = new Switchboard(pbx({ access: 'external' }));
    const refused = await Caller.of(board, anna, '1000');
    expect(refused.invite.responses).toEqual(['183+sdp']);
    await refused.listens();
    expect(refused.invite.responses).toEqual(['183+sdp', '403']);
  });
});

describe('seats', () => {
  it('that are taken are none for another, who hears so and goes on in his scheme', async () => {
    const board = new Switchboard(pbx({ seats: 2 }));
    const [first, second] = [await Caller.of(board, anna, '1000'), await Caller.of(board, boris, '1000')];
    // The second one has his seat while he still hears that he is about to enter.
    const third = await strangerAt(board);
    expect(await third.listens()).toEqual(['builtin:conference-full']);
    expect(await third.listens()).toEqual(['sorry']);
    expect(board.records).toMatchObject([{ participants: [{ kind: 'room', reason: 'roomFull' }] }]);
    await second.hangsUp();
    const fourth = await strangerAt(board);
    expect(await fourth.listens()).toEqual(['builtin:conference-entering']);
    for (const one of [first, fourth]) await one.hangsUp();
    expect(board.quiet).toBe(true);
  });

  it('are bounded in all conferences together', async () => {
    const board = new Switchboard(pbx({}, { conference: { maxTotal: 2 } }));
    const [first, second] = [await Caller.of(board, anna, '1000'), await Caller.of(board, boris, '1000')];
    const third = await Caller.of(board, accountOf('clara'), '1000');
    expect(await third.listens()).toEqual(['builtin:conference-full']);
    expect(board.records).toMatchObject([{ reason: 'roomFull', code: 4401 }]);
    for (const one of [first, second]) await one.hangsUp();
    expect(board.quiet).toBe(true);
  });
});

describe('the PIN', () => {
  it('is asked for, and lets in who knows it', async () => {
    const board = new Switchboard(pbx({ pin: '2468' }));
    const caller = await Caller.of(board, passive('74950000002'), 'menu');
    await caller.presses('1');
    await board.clock.advance(5000);
    await settle();
    expect(await caller.listens()).toEqual(['builtin:conference-pin']);
    // Not for the menu that he has come from.
    await caller.presses('1111');
    expect(await caller.listens()).toEqual(['builtin:conference-wrong-pin']);
    // Before he is asked again.
    await caller.presses('2468');
    expect(await caller.listens()).toEqual(['builtin:conference-first']);
    expect(caller.hears).toEqual(music);
    await caller.hangsUp();
    expect(JSON.stringify(board.records)).not.toContain('2468');
    expect(board.quiet).toBe(true);
  });

  it('is wrong three times, and the call ends', async () => {
    const board = new Switchboard(pbx({ pin: '2468' }));
    const caller = await strangerAt(board);
    for (const pin of ['1', '2', '3']) {
      await caller.presses(`${pin}#`);
      expect(await caller.listens()).toEqual(['builtin:conference-wrong-pin']);
    }
    expect(await caller.listens()).toEqual(['builtin:conference-refused']);
    expect(board.records).toMatchObject([{ reason: 'wrongPin', code: 4402, endedBy: 'engine' }]);
    expect(board.quiet).toBe(true);
  });

  it('may be for strangers alone', async () => {
    const board = new Switchboard(pbx({ pin: '2468', pinFor: 'external' }));
    const own = await Caller.of(board, anna, '1000');
    expect(await own.listens()).toEqual(['builtin:conference-first']);
    const caller = await strangerAt(board);
    expect(await caller.listens()).toEqual(['builtin:conference-pin']);
    for (const one of [own, caller]) await one.hangsUp();
  });

  it('that strangers guess closes the room to strangers for an hour, and to nobody else', async () => {
    const board = new Switchboard(pbx({ pin: '2468' }));
    for (let wrong = 0; wrong < 10; ) {
      const guesser = await strangerAt(board);
      for (let i = 0; i < 3 && wrong < 10; i++, wrong++) {
        await guesser.presses('1111');
        await guesser.listens();
      }
      await guesser.hangsUp();
    }
    const known = await strangerAt(board);
    await known.presses('2468');
    expect(await known.listens()).toEqual(['builtin:conference-refused']);
    const own = await Caller.of(board, anna, '1000');
    await own.presses('2468');
    expect(await own.listens()).toEqual(['builtin:conference-first']);
    await own.hangsUp();
    await board.clock.advance(3_600_000);
    const later = await strangerAt(board);
    await later.presses('2468');
    expect(await later.listens()).toEqual(['builtin:conference-first']);
    await later.hangsUp();
  });

  it('opens nothing while wrong ones cannot be counted', async () => {
    const board = new Switchboard(pbx({ pin: '2468' }));
    const caller = await strangerAt(board);
    board.wrongPins.away = new Error('Redis is away');
    await caller.presses('2468');
    expect(await caller.listens()).toEqual(['builtin:conference-refused']);
    expect(board.records).toMatchObject([{ reason: 'wrongPin' }]);
  });
});
