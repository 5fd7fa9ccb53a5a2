import { beforeEach, describe, expect, it } from 'vitest';
import type { ConversationRecorder } from '../../../src/call/recording.ts';
import type { PbxVersion } from '../../../src/config/version.ts';
import { settle } from '../../support/fake-clock.ts';
import type { FakeEndpoint } from '../../support/fake-media.ts';
import type { FakeDialog, FakeIncomingInvite, FakeOutgoingInvite } from '../../support/fake-sip.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { accountOf, passive, Switchboard } from '../../support/switchboard.ts';

/** `##` and `#*` in a conversation (2-call-behaviour §5, §4.6.4.1): a stranger talks to anna, who calls clara. */

const pbx = (more: Record<string, unknown> = {}) =>
  pbxOf({
    pbx: { id: 'acme', domains: ['acme.example'], transferMusic: 'moment' },
    employees: [
      employee('anna', '401', { outgoing: { callerId: '74950000001' } }),
      ...['boris', 'clara', 'dora'].map((id, i) => employee(id, `40${i + 2}`)),
    ],
    numbers: [{ number: '74950000001', scheme: 'main', source: { passive: 'line@acme.example' } }],
    schemes: [{ id: 'main', steps: [{ forward: { employee: 'anna' } }] }],
    trunks: [{ id: 'operator', host: '192.0.2.20', pstn: true, lines: 0 }],
    audio: [{ id: 'moment', file: 'moment.wav' }],
    ...more,
  });

class Talk {
  readonly board: Switchboard;
  readonly stranger: FakeIncomingInvite;
  readonly strangerAudio: FakeEndpoint;
  readonly anna: FakeOutgoingInvite;
  readonly annaAudio: FakeEndpoint;

  constructor(board: Switchboard, stranger: FakeIncomingInvite) {
    this.board = board;
    this.stranger = stranger;
    this.strangerAudio = board.callerEndpoint;
    this.anna = board.sip.to('anna');
    this.annaAudio = this.audioOf(this.anna);
  }

  static async begin(
    version: PbxVersion = pbx(),
    options: ConstructorParameters<typeof Switchboard>[1] = {},
  ): Promise<Talk> {
    const board = new Switchboard(version, options);
    const stranger = await board.call(passive('74950000001'), '79031112233', 'line');
    board.sip.to('anna').answers();
    await settle();
    return new Talk(board, stranger);
  }

  audioOf(invite: FakeOutgoingInvite): FakeEndpoint {
    const found = this.board.media.endpoints.find(({ localSdp }) => localSdp === invite.request.sdp);
    if (!found) throw new Error('no endpoint for this phone');
    return found;
  }

  /** Anna's keys; at the end what she dials is a number. */
  async dials(keys: string): Promise<void> {
    await this.presses(keys);
    await this.board.clock.advance(3000);
    await settle();
  }

  async presses(keys: string): Promise<void> {
    for (const key of keys) this.annaAudio.press(key);
    await settle();
  }

  async answers(whom: string): Promise<{ invite: FakeOutgoingInvite; audio: FakeEndpoint }> {
    const invite = this.board.sip.to(whom);
    invite.answers();
    await settle();
    return { invite, audio: this.audioOf(invite) };
  }

  hears(endpoint: FakeEndpoint): string[] {
    return (endpoint.playing?.sources ?? []).map((source) => ('file' in source ? source.file : 'tone'));
  }

  get members() {
    return [...(([...this.board.media.conferences][0]?.members.keys() ?? []) as Iterable<FakeEndpoint>)];
  }

  async isOver(): Promise<void> {
    await settle();
    expect(this.board.quiet).toBe(true);
    expect(this.board.records).toHaveLength(1);
  }
}

let talk: Talk;
beforeEach(async () => {
  talk = await Talk.begin();
});

describe('a number after ## or #*', () => {
  it.each(['##', '#*'])('%s is rung while the other one hears music, and the two talk', async (command) => {
    await talk.presses(command);
    expect(talk.annaAudio.bridgedTo).toBeUndefined();
    expect(talk.hears(talk.strangerAudio)).toEqual(['moment']);
    await talk.dials('403');
    expect(talk.hears(talk.annaAudio)).toEqual(['ring-back']);
    expect(talk.board.sip.to('clara').request.from).toMatchObject({ user: '401', display: 'anna' });
    const clara = await talk.answers('clara');
    expect(talk.annaAudio.bridgedTo).toBe(clara.audio);
    expect(talk.hears(talk.strangerAudio)).toEqual(['moment']);
    expect(talk.strangerAudio.sentDigits).toBe('');

    // And back.
    await talk.presses('##');
    expect(clara.invite.dialog.ended).toBeDefined();
    expect(talk.annaAudio.bridgedTo ?? talk.strangerAudio.bridgedTo).toBeDefined();
    expect(talk.hears(talk.strangerAudio)).toEqual([]);
    talk.stranger.dialog.hangUp();
    await talk.isOver();
    expect(talk.board.records).toMatchObject([
      {
        outcome: 'answered',
        endedBy: 'caller',
        transfers: [],
        participants: [
          { id: 'clara', outcome: 'answered' },
          { id: 'anna', outcome: 'answered' },
        ],
      },
    ]);
  });

  it('is given up by ## while it rings, and while it is being dialled', async () => {
    await talk.dials('##403');
    await talk.presses('##');
    expect(talk.board.sip.to('clara').cancelled).toBeDefined();
    expect(talk.hears(talk.strangerAudio)).toEqual([]);
    await talk.presses('##');
    expect(talk.hears(talk.strangerAudio)).toEqual(['moment']);
    await talk.presses('40##');
    expect(talk.hears(talk.strangerAudio)).toEqual([]);
    talk.stranger.dialog.hangUp();
    await talk.isOver();
  });

  it('that nobody answers is heard not to be answered, and the two are together again', async () => {
    await talk.dials('##403');
    talk.board.sip.to('clara').refuses(486);
    await settle();
    expect(talk.hears(talk.annaAudio)).toEqual(['builtin:number-unavailable']);
    expect(talk.hears(talk.strangerAudio)).toEqual(['moment']);
    talk.annaAudio.playing?.end('finished');
    await settle();
    expect(talk.hears(talk.strangerAudio)).toEqual([]);
    expect(talk.strangerAudio.bridgedTo).toBe(talk.annaAudio);
    talk.stranger.dialog.hangUp();
    await talk.isOver();
  });

  it.each([
    { dialled: '499', audio: 'builtin:number-not-found' },
    { dialled: '', audio: 'builtin:error-tone' },
  ])('"$dialled" is no number: $audio', async ({ dialled, audio }) => {
    talk.stranger.dialog.hangUp();
    talk = await Talk.begin(pbx({ trunks: [] }));
    await talk.presses(`##${dialled}`);
    await talk.board.clock.advance(10_000);
    await settle();
    expect(talk.hears(talk.annaAudio)).toEqual([audio]);
    talk.annaAudio.playing?.end('finished');
    await settle();
    talk.stranger.dialog.hangUp();
    await talk.isOver();
  });

  it('may be one outside, unless that is not allowed', async () => {
    await talk.dials('##79161234567');
    expect(talk.board.sip.to('79161234567').request.target.uri).toContain('192.0.2.20');
    talk.stranger.dialog.hangUp();
    await talk.isOver();

    const barred = await Talk.begin(pbx({ security: { transferToExternal: false } }));
    await barred.dials('##79161234567');
    expect(barred.hears(barred.annaAudio)).toEqual(['builtin:transfer-not-allowed']);
    barred.stranger.dialog.hangUp();
    await barred.isOver();
  });

  it('is none where commands are off', async () => {
    const deaf = await Talk.begin(pbx({ security: { ignoreDtmf: true } }));
    await deaf.dials('##403');
    expect(deaf.board.sip.sent).toHaveLength(1);
    deaf.stranger.dialog.hangUp();
    await deaf.isOver();
  });
});

describe('who hangs up', () => {
  it('while he talks to the third has transferred the other one', async () => {
    await talk.dials('##403');
    const clara = await talk.answers('clara');
    talk.anna.dialog.hangUp();
    await settle();
    expect(talk.strangerAudio.bridgedTo).toBe(clara.audio);
    expect(talk.hears(talk.strangerAudio)).toEqual([]);
    expect(talk.board.occupancy.busy('acme', 'anna')).toBe(false);
    await talk.board.clock.advance(20_000);
    clara.invite.dialog.hangUp();
    await talk.isOver();
    expect(talk.board.records).toMatchObject([
      {
        endedBy: 'callee',
        transfers: [{ kind: 'consultative', by: 'anna', to: '403' }],
        participants: [
          { id: 'anna', outcome: 'answered', reason: 'transferred' },
          { id: 'clara', outcome: 'answered', talk: 20 },
        ],
      },
    ]);
  });

  it('while it rings has transferred him blind: he hears ringing, and the third has him', async () => {
    await talk.dials('##403');
    talk.anna.dialog.hangUp();
    await settle();
    expect(talk.hears(talk.strangerAudio)).toEqual(['ring-back']);
    const clara = await talk.answers('clara');
    expect(talk.strangerAudio.bridgedTo).toBe(clara.audio);
    talk.stranger.dialog.hangUp();
    await talk.isOver();
    expect(clara.invite.dialog.ended).toBeDefined();
    expect(talk.board.records).toMatchObject([
      {
        reason: 'callerHungUp',
        transfers: [{ kind: 'blind', by: 'anna', to: '403' }],
        participants: [{ id: 'anna' }, { id: 'clara', reason: 'callerHungUp' }],
      },
    ]);
  });

  it('while it rings, and the third does not answer, leaves nobody: the call ends', async () => {
    await talk.dials('##403');
    talk.anna.dialog.hangUp();
    await settle();
    talk.board.sip.to('clara').refuses(486);
    await talk.isOver();
    expect(talk.stranger.dialog.ended).toBeDefined();
  });

  it('as the one who waits leaves the two others together', async () => {
    await talk.dials('##403');
    const clara = await talk.answers('clara');
    talk.stranger.dialog.hangUp();
    await settle();
    expect(talk.annaAudio.bridgedTo).toBe(clara.audio);
    expect(talk.board.records).toEqual([]);
    talk.anna.dialog.hangUp();
    await talk.isOver();
    expect(clara.invite.dialog.ended).toBeDefined();
  });
});

describe('#* while he talks to the third', () => {
  it('joins all three in a conference, which goes on for as long as two are in it', async () => {
    await talk.dials('#*403');
    const clara = await talk.answers('clara');
    await talk.presses('#*');
    expect(talk.members).toEqual([talk.strangerAudio, talk.annaAudio, clara.audio]);
    expect(talk.hears(talk.strangerAudio)).not.toContain('moment');
    talk.anna.dialog.hangUp();
    await settle();
    expect(talk.members).toEqual([talk.strangerAudio, clara.audio]);
    expect(talk.board.records).toEqual([]);
    clara.invite.dialog.hangUp();
    await talk.isOver();
    expect(talk.stranger.dialog.ended).toBeDefined();
    expect(talk.board.records).toMatchObject([
      {
        transfers: [],
        participants: [
          { id: 'anna', reason: 'calleeHungUp' },
          { id: 'clara', outcome: 'answered' },
        ],
      },
    ]);
  });

  it('goes on without the caller, whose line is free again', async () => {
    await talk.dials('#*403');
    const clara = await talk.answers('clara');
    await talk.presses('#*');
    talk.stranger.dialog.hangUp();
    await settle();
    expect(talk.members).toEqual([talk.annaAudio, clara.audio]);
    talk.board.inbound.hangup('acme', talk.board.inbound.live.all()[0]?.id ?? '');
    await talk.isOver();
    expect([talk.anna, clara.invite].map(({ dialog }) => dialog.ended !== undefined)).toEqual([true, true]);
  });

  it('and a number once more takes another one in; who calls him is out of it meanwhile', async () => {
    await talk.dials('#*403');
    const clara = await talk.answers('clara');
    await talk.presses('#*');
    await talk.presses('#*');
    expect(talk.members).toEqual([talk.strangerAudio, clara.audio]);
    await talk.dials('404');
    const dora = await talk.answers('dora');
    expect(talk.annaAudio.bridgedTo).toBe(dora.audio);
    await talk.presses('#*');
    expect(talk.members).toHaveLength(4);
    // Or back without him.
    await talk.dials('##402');
    await talk.presses('##');
    expect(talk.members).toHaveLength(4);
    talk.stranger.dialog.hangUp();
    for (const { dialog } of [clara.invite, dora.invite]) dialog.hangUp();
    await talk.isOver();
    expect(talk.anna.dialog.ended).toBeDefined();
  });

  it('is refused where so many may not take part, and he talks on', async () => {
    const small = await Talk.begin(pbx({ conference: { maxParticipants: 2 } }));
    await small.dials('#*403');
    const clara = await small.answers('clara');
    await small.presses('#*');
    expect(small.hears(small.annaAudio)).toEqual(['builtin:conference-full']);
    expect(small.annaAudio.bridgedTo).toBe(clara.audio);
    await small.presses('##');
    small.stranger.dialog.hangUp();
    await small.isOver();
  });

  it('does not hear one who holds', async () => {
    await talk.dials('#*403');
    const clara = await talk.answers('clara');
    await talk.presses('#*');
    await talk.stranger.dialog.reinvite('sendonly');
    await settle();
    expect([...talk.board.media.conferences][0]?.members.get(talk.strangerAudio)?.isMute).toBe(true);
    talk.stranger.dialog.hangUp();
    clara.invite.dialog.hangUp();
    await talk.isOver();
  });
});

describe('a phone that transfers by REFER', () => {
  const refers = async (user: string, replaces?: FakeDialog): Promise<number[]> => {
    const told = talk.anna.dialog.refers(user, replaces);
    await settle();
    return told;
  };

  it('is told how it goes; the other one hears music, then the third, whose phone shows him and who has sent him', async () => {
    const told = await refers('403');
    expect(talk.hears(talk.strangerAudio)).toEqual(['moment']);
    const { from, headers } = talk.board.sip.to('clara').request;
    expect(from).toMatchObject({ user: '79031112233' });
    expect(headers).toMatchObject({ 'Referred-By': '<sip:401@acme.example>' });
    talk.board.sip.to('clara').rings();
    const clara = await talk.answers('clara');
    expect(told).toEqual([202, 100, 180, 200]);
    expect(talk.strangerAudio.bridgedTo).toBe(clara.audio);
    expect(talk.hears(talk.strangerAudio)).toEqual([]);
    talk.anna.dialog.hangUp();
    await settle();
    expect(talk.board.occupancy.busy('acme', 'anna')).toBe(false);
    clara.audio.press('5');
    expect(talk.strangerAudio.bridgedTo).toBe(clara.audio);
    await talk.board.clock.advance(20_000);
    clara.invite.dialog.hangUp();
    await talk.isOver();
    expect(talk.stranger.dialog.ended).toBeDefined();
    expect(talk.board.records).toMatchObject([
      {
        endedBy: 'callee',
        transfers: [{ kind: 'blind', by: 'anna', to: '403' }],
        participants: [
          { id: 'anna', outcome: 'answered', reason: 'transferred' },
          { id: 'clara', outcome: 'answered', talk: 20 },
        ],
      },
    ]);
  });

  it('and hangs up at once has transferred the other one as well', async () => {
    await refers('403');
    talk.anna.dialog.hangUp();
    await settle();
    const clara = await talk.answers('clara');
    expect(talk.strangerAudio.bridgedTo).toBe(clara.audio);
    talk.stranger.dialog.hangUp();
    await talk.isOver();
    expect(talk.board.records).toMatchObject([
      { reason: 'callerHungUp', transfers: [{ kind: 'blind', by: 'anna', to: '403' }] },
    ]);
  });

  it('and does not hang up when it is done is hung up', async () => {
    await refers('403');
    const clara = await talk.answers('clara');
    await talk.board.clock.advance(2000);
    await settle();
    expect(talk.anna.dialog.ended).toBeDefined();
    expect(talk.strangerAudio.bridgedTo).toBe(clara.audio);
    clara.invite.dialog.hangUp();
    await talk.isOver();
    expect(talk.board.records).toMatchObject([{ endedBy: 'callee', participants: [{ reason: 'transferred' }, {}] }]);
  });

  it.each([
    { why: 'is busy', reach: (invite: FakeOutgoingInvite) => invite.refuses(486), status: 486 },
    { why: 'declines', reach: (invite: FakeOutgoingInvite) => invite.refuses(603), status: 603 },
  ])('to one who $why has the other one again, and still holds him', async ({ reach, status }) => {
    await talk.anna.dialog.reinvite('sendonly');
    expect(talk.hears(talk.strangerAudio)).toEqual(['builtin:music']);
    const told = await refers('403');
    expect(talk.hears(talk.strangerAudio)).toEqual(['moment']);
    reach(talk.board.sip.to('clara'));
    await settle();
    expect(told).toEqual([202, 100, status]);
    expect(talk.strangerAudio.bridgedTo).toBe(talk.annaAudio);
    expect(talk.hears(talk.strangerAudio)).toEqual(['builtin:music']);
    await talk.anna.dialog.reinvite('sendrecv');
    expect(talk.hears(talk.strangerAudio)).toEqual([]);
    talk.stranger.dialog.hangUp();
    await talk.isOver();
    expect(talk.board.records).toMatchObject([{ transfers: [], reason: 'callerHungUp' }]);
  });

  it.each([
    { to: '499', more: { trunks: [] }, status: 404 },
    { to: '79161234567', more: { security: { transferToExternal: false } }, status: 403 },
  ])('to $to, where nobody may be called, is told $status', async ({ to, more, status }) => {
    talk.stranger.dialog.hangUp();
    talk = await Talk.begin(pbx(more));
    expect(await refers(to)).toEqual([202, 100, status]);
    expect(talk.strangerAudio.bridgedTo).toBe(talk.annaAudio);
    expect(talk.board.sip.sent).toHaveLength(1);
    talk.stranger.dialog.hangUp();
    await talk.isOver();
  });

  it('can do so where keys are no commands', async () => {
    talk.stranger.dialog.hangUp();
    talk = await Talk.begin(pbx({ security: { ignoreDtmf: true } }));
    await refers('403');
    await talk.answers('clara');
    talk.stranger.dialog.hangUp();
    await talk.isOver();
    expect(talk.board.records).toMatchObject([{ transfers: [{ to: '403' }] }]);
  });

  it('is told that it is over when the other one hangs up meanwhile', async () => {
    const told = await refers('403');
    talk.stranger.dialog.hangUp();
    await talk.isOver();
    expect(told).toEqual([202, 100, 487]);
    expect(talk.board.sip.to('clara').cancelled).toBeDefined();
  });

  it('must be that of an employee, and one thing at a time', async () => {
    expect(talk.stranger.dialog.refers('403')).toEqual([403]);
    expect(talk.anna.dialog.refers('')).toEqual([400]);
    await talk.presses('##');
    expect(talk.anna.dialog.refers('403')).toEqual([491]);
    await talk.presses('##');
    await refers('403');
    expect(talk.anna.dialog.refers('404')).toEqual([491]);
    talk.stranger.dialog.hangUp();
    await talk.isOver();
    expect(talk.anna.dialog.refers('403')).toEqual([405]);
  });

  describe('and names another call of his', () => {
    let second: FakeIncomingInvite;
    let annasAudio: FakeEndpoint;
    let clara: { invite: FakeOutgoingInvite; audio: FakeEndpoint };
    const over = async () => {
      await settle();
      expect(talk.board.quiet).toBe(true);
      expect(talk.board.records).toHaveLength(2);
    };

    beforeEach(async () => {
      await talk.anna.dialog.reinvite('sendonly');
      second = await talk.board.call(accountOf('anna'), 'anna', '403');
      second.dialog.callId = 'second';
      clara = await talk.answers('clara');
      annasAudio = talk.board.media.endpoints.filter(
        ({ options }) => options.remoteSdp === 'their offer',
      )[1] as FakeEndpoint;
      expect(annasAudio.bridgedTo).toBe(clara.audio);
    });

    it('brings the two others together, and both calls say so', async () => {
      const told = await refers('403', second.dialog);
      expect(told).toEqual([202, 200]);
      expect(talk.strangerAudio.bridgedTo).toBe(clara.audio);
      expect(talk.hears(talk.strangerAudio)).toEqual([]);
      second.dialog.hangUp();
      talk.anna.dialog.hangUp();
      await settle();
      expect(talk.strangerAudio.bridgedTo).toBe(clara.audio);
      expect(talk.board.occupancy.busy('acme', 'anna')).toBe(false);
      expect(talk.board.records).toEqual([]);
      clara.audio.press('7');
      await settle();
      expect(talk.strangerAudio.sentDigits).toBe('7');
      await talk.board.clock.advance(20_000);
      talk.stranger.dialog.hangUp();
      await over();
      expect(clara.invite.dialog.ended).toBeDefined();
      expect(talk.board.records).toMatchObject(
        expect.arrayContaining([
          expect.objectContaining({
            direction: 'in',
            reason: 'callerHungUp',
            transfers: [expect.objectContaining({ kind: 'consultative', by: 'anna', to: '403' })],
          }),
          expect.objectContaining({
            direction: 'internal',
            transfers: [expect.objectContaining({ kind: 'consultative', by: 'anna', to: '79031112233' })],
          }),
        ]),
      );
    });

    it.each(['the third', 'the first'])('ends when %s hangs up, and nobody is left', async (who) => {
      await refers('403', second.dialog);
      (who === 'the third' ? clara.invite : talk.stranger).dialog.hangUp();
      await over();
      for (const { dialog } of [talk.stranger, talk.anna, second, clara.invite]) expect(dialog.ended).toBeDefined();
    });

    it('and hangs up none of the two is hung up in both', async () => {
      await refers('403', second.dialog);
      await talk.board.clock.advance(2000);
      await settle();
      for (const { dialog } of [talk.anna, second]) expect(dialog.ended).toBeDefined();
      expect(talk.strangerAudio.bridgedTo).toBe(clara.audio);
      clara.invite.dialog.hangUp();
      await over();
    });

    it('and hangs up both at once has brought the two others together as well', async () => {
      const told = talk.anna.dialog.refers('403', second.dialog);
      talk.anna.dialog.hangUp();
      second.dialog.hangUp();
      await settle();
      expect(told[0]).toBe(202);
      expect(talk.strangerAudio.bridgedTo).toBe(clara.audio);
      talk.stranger.dialog.hangUp();
      await over();
      expect(clara.invite.dialog.ended).toBeDefined();
    });

    it.each(['the third', 'the first'])('ends when %s hangs up in the same moment', async (who) => {
      talk.anna.dialog.refers('403', second.dialog);
      (who === 'the third' ? clara.invite : talk.stranger).dialog.hangUp();
      await settle();
      for (const dialog of [talk.anna.dialog, second.dialog]) dialog.hangUp();
      await over();
      for (const { dialog } of [talk.stranger, clara.invite]) expect(dialog.ended).toBeDefined();
    });

    it('ends both calls when the media fail', async () => {
      talk.annaAudio.unbridge = async () => {
        throw new Error('the media server is away');
      };
      talk.anna.dialog.refers('403', second.dialog);
      await over();
      for (const { dialog } of [talk.stranger, talk.anna, second, clara.invite]) expect(dialog.ended).toBeDefined();
      expect(talk.board.logged).toMatchObject([{ msg: expect.stringContaining('the media server is away') }]);
    });

    it('can say so in that one too', async () => {
      talk.anna.dialog.callId = 'first';
      const told = second.dialog.refers('79031112233', talk.anna.dialog);
      await settle();
      expect(told).toEqual([202, 200]);
      expect(talk.strangerAudio.bridgedTo).toBe(clara.audio);
      clara.invite.dialog.hangUp();
      await over();
    });

    it('which is not his, is refused', async () => {
      clara.invite.dialog.callId = 'third';
      expect(talk.anna.dialog.refers('403', clara.invite.dialog)).toEqual([403]);
      expect(talk.anna.dialog.refers('403', talk.anna.dialog)).toEqual([400]);
      talk.stranger.dialog.hangUp();
      second.dialog.hangUp();
      await over();
    });

    it('with a number outside, is refused where callers are not transferred there', async () => {
      talk = await Talk.begin(pbx({ security: { transferToExternal: false } }));
      second = await talk.board.call(accountOf('anna'), 'anna', '79161234567');
      second.dialog.callId = 'second';
      const out = talk.board.sip.to('79161234567');
      out.answers();
      await settle();
      expect(talk.anna.dialog.refers('79161234567', second.dialog)).toEqual([403]);
      talk.stranger.dialog.hangUp();
      second.dialog.hangUp();
      await over();
    });

    it('which is over, has its other party called', async () => {
      second.dialog.hangUp();
      await settle();
      const told = await refers('404', second.dialog);
      talk.board.sip.to('dora').answers();
      await settle();
      expect(told).toEqual([202, 100, 200]);
      talk.stranger.dialog.hangUp();
      await over();
    });
  });
});

describe('whoever has taken the place of one', () => {
  let clara: { invite: FakeOutgoingInvite; audio: FakeEndpoint };
  const transfer = async () => {
    await talk.dials('##403');
    clara = await talk.answers('clara');
    talk.anna.dialog.hangUp();
    await settle();
  };

  it('holds the other one with music', async () => {
    await transfer();
    await clara.invite.dialog.reinvite('sendonly');
    expect(talk.hears(talk.strangerAudio)).toEqual(['builtin:music']);
    await clara.invite.dialog.reinvite('sendrecv');
    expect(talk.hears(talk.strangerAudio)).toEqual([]);
    talk.stranger.dialog.hangUp();
    await talk.isOver();
  });

  it.each(['keys', 'REFER'])('transfers on, by %s', async (how) => {
    await transfer();
    if (how === 'REFER') clara.invite.dialog.refers('404');
    else for (const key of '##404') clara.audio.press(key);
    await settle();
    await talk.board.clock.advance(how === 'REFER' ? 0 : 3000);
    await settle();
    const dora = await talk.answers('dora');
    clara.invite.dialog.hangUp();
    await settle();
    expect(talk.strangerAudio.bridgedTo).toBe(dora.audio);
    expect(talk.board.occupancy.busy('acme', 'clara')).toBe(false);
    dora.invite.dialog.hangUp();
    await talk.isOver();
    expect(talk.stranger.dialog.ended).toBeDefined();
    expect(talk.board.records).toMatchObject([
      {
        endedBy: 'callee',
        transfers: [
          { kind: 'consultative', by: 'anna', to: '403' },
          { kind: how === 'REFER' ? 'blind' : 'consultative', by: 'clara', to: '404' },
        ],
        participants: [
          { id: 'anna', reason: 'transferred' },
          { id: 'clara', reason: 'transferred' },
          { id: 'dora', outcome: 'answered', reason: 'calleeHungUp' },
        ],
      },
    ]);
  });

  it('is recorded from then on, if the rules say so', async () => {
    const told: unknown[] = [];
    const recorder: ConversationRecorder = {
      begin: ({ caller, callee }) => {
        told.push([caller.contact, callee.employee]);
        return {
          ...{ isOn: false, toggle: () => false, set: () => false },
          succeeds: (side, { employee, contact, endpoint }) => void told.push([side, employee, contact, endpoint]),
          over: async () => {
            told.push('over');
            return ['recording'];
          },
        };
      },
    };
    talk.stranger.dialog.hangUp();
    talk = await Talk.begin(pbx(), { recorder });
    await transfer();
    expect(told).toEqual([
      ['79031112233', 'anna'],
      ['callee', 'clara', 'clara@acme.example', clara.audio],
    ]);
    talk.stranger.dialog.hangUp();
    await talk.isOver();
    expect(told.at(-1)).toBe('over');
    expect(talk.board.records).toMatchObject([{ recordings: ['recording'] }]);
  });
});

describe('a group, a scheme or a room', () => {
  const wide = () =>
    pbx({
      groups: [{ id: 'sales', name: 'Sales', extension: '450', members: [{ employee: 'clara' }] }],
      schemes: [
        { id: 'main', steps: [{ forward: { employee: 'anna' } }] },
        { id: 'night', extension: '885', steps: [{ play: 'moment', wait: true }, { forward: { employee: 'dora' } }] },
      ],
      rooms: [{ id: 'board', extension: '1000' }],
      // biome-ignore lint/suspicious/noThenProperty: the format names it so
      defaults: { employee: { then: { hangup: true } } },
    });
  beforeEach(async () => {
    talk.stranger.dialog.hangUp();
    talk = await Talk.begin(wide());
  });

  it.each(['keys', 'REFER'])('takes a caller at once, who waits there as if he had come to it, by %s', async (how) => {
    const told = how === 'REFER' ? talk.anna.dialog.refers('450') : [];
    if (how === 'REFER') await settle();
    else await talk.dials('##450');
    if (how === 'REFER') {
      expect(told).toEqual([202, 100, 200]);
      expect(talk.anna.dialog.ended).toBeUndefined();
      await talk.board.clock.advance(2000);
      await settle();
    }
    expect(talk.anna.dialog.ended).toBeDefined();
    expect(talk.board.occupancy.busy('acme', 'anna')).toBe(false);
    expect(talk.board.sip.to('clara').request.from).toMatchObject({ user: '79031112233' });
    const clara = await talk.answers('clara');
    expect(talk.strangerAudio.bridgedTo).toBe(clara.audio);
    expect(talk.hears(talk.strangerAudio)).toEqual([]);
    await talk.board.clock.advance(20_000);
    clara.invite.dialog.hangUp();
    await talk.isOver();
    expect(talk.stranger.dialog.ended).toBeDefined();
    expect(talk.board.records).toMatchObject([
      {
        outcome: 'answered',
        endedBy: 'callee',
        transfers: [{ kind: 'blind', by: 'anna', to: '450' }],
        participants: [
          { id: 'anna', reason: 'transferred' },
          { id: 'clara', outcome: 'answered', talk: 20 },
          { kind: 'group', id: 'sales', outcome: 'answered' },
        ],
      },
    ]);
  });

  it('takes him once, also from a phone that hangs up at once', async () => {
    talk.anna.dialog.refers('450');
    talk.anna.dialog.hangUp();
    await settle();
    const clara = await talk.answers('clara');
    expect(talk.strangerAudio.bridgedTo).toBe(clara.audio);
    talk.stranger.dialog.hangUp();
    await talk.isOver();
    expect(talk.board.records[0]?.transfers).toMatchObject([{ kind: 'blind', by: 'anna', to: '450' }]);
  });

  it('does not take one who has hung up', async () => {
    talk.anna.dialog.refers('450');
    talk.stranger.dialog.hangUp();
    await talk.isOver();
    expect(talk.board.records).toMatchObject([{ transfers: [], reason: 'callerHungUp' }]);
  });

  it('is a whole scheme: it plays, and sends him on', async () => {
    await talk.dials('##885');
    expect(talk.hears(talk.strangerAudio)).toEqual(['moment']);
    talk.strangerAudio.playing?.end('finished');
    await settle();
    const dora = await talk.answers('dora');
    expect(talk.strangerAudio.bridgedTo).toBe(dora.audio);
    talk.stranger.dialog.hangUp();
    await talk.isOver();
    expect(talk.board.records).toMatchObject([{ scheme: 'main', transfers: [{ to: '885' }], reason: 'callerHungUp' }]);
  });

  it('is a room', async () => {
    await talk.dials('##1000');
    expect(talk.hears(talk.strangerAudio)).toEqual(['builtin:conference-first']);
    talk.stranger.dialog.hangUp();
    await talk.isOver();
    expect(talk.board.records).toMatchObject([{ participants: [{ id: 'anna' }, { kind: 'room', id: 'board' }] }]);
  });

  it('where nobody answers ends the call as any other that came to it', async () => {
    await talk.dials('##885');
    talk.strangerAudio.playing?.end('finished');
    await settle();
    talk.board.sip.to('dora').refuses(486);
    await settle();
    expect(talk.hears(talk.strangerAudio)).toEqual(['builtin:not-answering']);
    talk.strangerAudio.playing?.end('finished');
    await talk.isOver();
    expect(talk.stranger.dialog.ended).toBeDefined();
    expect(talk.board.records).toMatchObject([{ outcome: 'answered', transfers: [{ to: '885' }] }]);
  });

  it('does not take one who was called: that is no caller', async () => {
    talk.stranger.dialog.hangUp();
    await settle();
    const called = await talk.board.call(accountOf('anna'), 'anna', '403');
    const clara = await talk.answers('clara');
    const told = called.dialog.refers('450');
    await settle();
    expect(told).toEqual([202, 100, 404]);
    const annasAudio = talk.board.media.endpoints.filter(({ options }) => options.remoteSdp === 'their offer')[1];
    expect(annasAudio?.bridgedTo).toBe(clara.audio);
    called.dialog.hangUp();
    await settle();
    expect(talk.board.quiet).toBe(true);
  });
});

describe('a transfer by command', () => {
  const order = (to: string, employee?: string) => {
    const [live] = talk.board.inbound.live.all();
    return talk.board.inbound.transfer('acme', live?.id ?? '', to, employee);
  };

  it('is as one by the phone, which is hung up when it is done', async () => {
    expect(order('403')).toBe(true);
    await settle();
    expect(talk.hears(talk.strangerAudio)).toEqual(['moment']);
    const clara = await talk.answers('clara');
    expect(talk.anna.dialog.ended).toBeDefined();
    expect(talk.strangerAudio.bridgedTo).toBe(clara.audio);
    // Of the one who talks now.
    expect(order('404', 'clara')).toBe(true);
    await settle();
    const dora = await talk.answers('dora');
    expect(talk.strangerAudio.bridgedTo).toBe(dora.audio);
    talk.stranger.dialog.hangUp();
    await talk.isOver();
    expect(talk.board.records).toMatchObject([
      {
        transfers: [
          { kind: 'blind', by: 'anna', to: '403' },
          { kind: 'blind', by: 'clara', to: '404' },
        ],
      },
    ]);
  });

  it('that reaches nobody leaves the two together', async () => {
    expect(order('403')).toBe(true);
    await settle();
    talk.board.sip.to('clara').refuses(486);
    await settle();
    expect(talk.strangerAudio.bridgedTo).toBe(talk.annaAudio);
    talk.stranger.dialog.hangUp();
    await talk.isOver();
  });

  it('is refused with its reason', async () => {
    const barred = {
      security: { transferToExternal: false },
      trunks: [{ id: 'operator', host: '192.0.2.20', pstn: true, lines: 0 }],
    };
    talk.stranger.dialog.hangUp();
    talk = await Talk.begin(pbx(barred));
    expect(() => order('79161234567')).toThrow(/not transferred to numbers outside/);
    expect(() => order('nobody')).toThrow('Nobody can be called at "nobody"');
    expect(() => order('403', 'boris')).toThrow('The employee "boris" does not talk in this call');
    await talk.presses('##');
    expect(() => order('403')).toThrow(/not together/);
    await talk.presses('##');
    expect(talk.board.inbound.transfer('acme', 'nocall', '403')).toBe(false);
    expect(talk.board.inbound.transfer('other', talk.board.inbound.live.all()[0]?.id ?? '', '403')).toBe(false);
    expect(talk.board.sip.sent).toHaveLength(1);
    talk.stranger.dialog.hangUp();
    await talk.isOver();
  });

  it('needs two who talk', async () => {
    await talk.board.call(passive('74950000001'), '79031112244', 'line');
    const ringing = talk.board.inbound.live.all().find(({ company }) => !company);
    expect(talk.board.inbound.transfer('acme', ringing?.id ?? '', '403')).toBe(false);
    await talk.board.inbound.stop();
    await settle();
    expect(talk.board.quiet).toBe(true);
  });
});
