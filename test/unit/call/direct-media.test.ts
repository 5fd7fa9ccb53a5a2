import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { converse } from '../../../src/call/conversation.ts';
import { DirectMedia } from '../../../src/call/direct-media.ts';
import { Leg } from '../../../src/dial/leg.ts';
import { ModifyFailure } from '../../../src/sip/port.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FakeEndpoint } from '../../support/fake-media.ts';
import { FakeDialog } from '../../support/fake-sip.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { accountOf, passive, Switchboard } from '../../support/switchboard.ts';

const sdp = (address: string, port: number, version = 1, formats = '8 101') =>
  `v=0\r\no=- 7 ${version} IN IP4 ${address}\r\ns=-\r\nc=IN IP4 ${address}\r\nt=0 0\r\nm=audio ${port} RTP/AVP ${formats}\r\n` +
  'a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n';

const SERVER = '10.0.0.1';
const phones = [
  { address: '10.0.0.11', port: 4000 },
  { address: '10.0.0.12', port: 5000 },
] as const;

class Party {
  readonly dialog = new FakeDialog();
  readonly endpoint: FakeEndpoint;
  readonly leg: Leg;
  readonly at: { readonly address: string; readonly port: number };

  constructor(at: Party['at']) {
    this.at = at;
    this.endpoint = new FakeEndpoint(String(at.port), { callId: 'call' });
    Object.assign(this.endpoint, { localSdp: sdp(SERVER, at.port + 1) });
    this.dialog.localSdp = this.endpoint.localSdp;
    this.dialog.remoteSdp = this.says();
    this.dialog.answersOffer = () => this.says();
    this.leg = new Leg(this.dialog, this.endpoint, { isPhone: true });
  }

  says(more = '', version = 1): string {
    return sdp(this.at.address, this.at.port, version) + more;
  }

  holds(): Promise<string> {
    return this.dialog.reinvite(this.says('a=sendonly\r\n', 2));
  }

  resumes(): Promise<string> {
    return this.dialog.reinvite(this.says('', 3));
  }

  /** Where our offers wanted his audio. */
  get offers(): (string | undefined)[] {
    return this.dialog.modified.map((offer) => /^c=IN IP4 (\S+)/m.exec(offer)?.[1]);
  }

  get versions(): number[] {
    return this.dialog.modified.map((offer) => Number(/^o=- 7 (\d+) IN IP4 10\.0\.0\.1\r/m.exec(offer)?.[1]));
  }
}

describe('the audio of two phones', () => {
  let clock: FakeClock;
  let a: Party;
  let b: Party;
  let direct: DirectMedia;
  beforeEach(() => {
    clock = new FakeClock();
    a = new Party(phones[0]);
    b = new Party(phones[1]);
    direct = new DirectMedia([a.leg, b.leg], { clock, log: pino({ enabled: false }) });
  });
  const bothHeard = async () => {
    a.endpoint.hears(a.at);
    b.endpoint.hears(b.at);
    await clock.advanceAsync(1000);
    await settle();
  };
  const expectDirect = (is: boolean) => {
    expect([a.leg.isDirect, b.leg.isDirect]).toEqual([is, is]);
    expect([a.endpoint.bypassed, b.endpoint.bypassed]).toEqual([is, is]);
  };

  it('goes past the server a second after both were heard from where they said, in one session of growing versions', async () => {
    a.endpoint.hears(a.at);
    await clock.advanceAsync(5000);
    b.endpoint.hears(b.at);
    await clock.advanceAsync(999);
    await settle();
    expect([...a.offers, ...b.offers]).toEqual([]);
    await clock.advanceAsync(1);
    await settle();
    expect(a.offers).toEqual([b.at.address]);
    expect(b.offers).toEqual([a.at.address]);
    expectDirect(true);
    await direct.takeBack();
    expect(a.offers).toEqual([b.at.address, SERVER]);
    expect(a.versions).toEqual([2, 3]);
    expectDirect(false);
    expect(a.endpoint.expected).toMatchObject({ firstMs: 60_000 });
    await clock.advanceAsync(60_000);
    expectDirect(false);
  });

  it('is not missed meanwhile, and who does not answer OPTIONS twice is hung up', async () => {
    await bothHeard();
    expect(a.endpoint.expected).toEqual({ firstMs: 0, thenMs: 0, pauseMs: 0 });
    let questions = 0;
    b.dialog.presence = async () => (questions++ === 0 ? 'silent' : 'there');
    await clock.advanceAsync(15_000);
    await settle();
    expect(questions).toBe(2);
    expect(b.leg.ended).toBeUndefined();
    b.dialog.presence = async () => 'silent';
    await clock.advanceAsync(15_000);
    await settle();
    expect(b.leg.cutFor).toBe('mediaTimeout');
    expect(a.leg.ended).toBeUndefined();
  });

  it('goes later, when one is heard at last of whose first packet nobody has told', async () => {
    a.endpoint.hears(a.at);
    await clock.advanceAsync(1000);
    b.endpoint.source = b.at;
    await clock.advanceAsync(14_999);
    expectDirect(false);
    await clock.advanceAsync(1);
    await settle();
    expectDirect(true);
  });

  it('stays when NAT is between a phone and the server', async () => {
    a.endpoint.hears({ address: '203.0.113.9', port: a.at.port });
    b.endpoint.hears(b.at);
    await clock.advanceAsync(5000);
    await settle();
    expect([...a.offers, ...b.offers]).toEqual([]);
  });

  it.each([
    ['refuses', () => new ModifyFailure(488, 'Not Acceptable Here')],
    ['answers from another port, from which nobody has heard him', () => sdp(phones[1].address, 5002)],
    ['takes fewer codecs than the first was told', () => sdp(phones[1].address, 5000, 2, '0 101')],
    ['answers with nonsense', () => 'v=0\r\nm=audio\r\n'],
  ])('stays, for good, when the second phone %s: the first comes back', async (_, answer) => {
    b.dialog.answersOffer = (offer) => {
      if (offer.includes(`c=IN IP4 ${SERVER}\r`)) return b.says();
      const said = answer();
      if (typeof said === 'string') return said;
      throw said;
    };
    await bothHeard();
    expect(a.offers).toEqual([b.at.address, SERVER]);
    expectDirect(false);
    expect(b.leg.ended).toBeUndefined();
    await clock.advanceAsync(60_000);
    expect(a.offers).toHaveLength(2);
  });

  it('comes back for both when one holds, and goes again a second after he has resumed', async () => {
    await bothHeard();
    expect(await a.holds()).toContain(`c=IN IP4 ${SERVER}\r`);
    await settle();
    expect(b.offers).toEqual([a.at.address, SERVER]);
    expect(a.offers).toEqual([b.at.address]);
    expectDirect(false);
    await clock.advanceAsync(60_000);
    expect(await a.resumes()).toContain(`c=IN IP4 ${SERVER}\r`);
    await clock.advanceAsync(999);
    expectDirect(false);
    await clock.advanceAsync(1);
    await settle();
    expectDirect(true);
    expect(b.offers).toEqual([a.at.address, SERVER, a.at.address]);
    // Two answers to his offers in between.
    expect(a.versions).toEqual([2, 4]);
    // It is watched once, not twice.
    let questions = 0;
    a.dialog.presence = async () => {
      questions++;
      return 'there';
    };
    await clock.advanceAsync(30_000);
    expect(questions).toBe(2);
  });

  it('stays where it is when a phone refreshes its session, with a new version or without', async () => {
    await bothHeard();
    for (const version of [1, 2]) {
      expect(await a.dialog.reinvite(a.says('', version))).toBe(a.dialog.modified.at(-1));
    }
    await settle();
    expectDirect(true);
    expect(b.offers).toEqual([a.at.address]);
  });

  it('comes back for good when a phone moves, or asks for an offer: its answer in the ACK counts', async () => {
    await bothHeard();
    expect(await a.dialog.reinvite()).toContain(`c=IN IP4 ${SERVER}\r`);
    a.dialog.acknowledges(sdp(a.at.address, 4002));
    await settle();
    expect(a.endpoint.remoteSdp).toContain('m=audio 4002 ');
    expectDirect(false);
    await clock.advanceAsync(60_000);
    expect(b.offers).toEqual([a.at.address, SERVER]);
  });

  it('is not asked back from a phone whose hold has crossed that: its session counts', async () => {
    await bothHeard();
    b.dialog.crossing = () => b.holds();
    await direct.takeBack();
    expect(b.offers).toEqual([a.at.address]);
    expect(b.leg.ended).toBeUndefined();
    expect(b.leg.held).toBe(true);
    expectDirect(false);
    expect(a.offers).toEqual([b.at.address, SERVER]);
  });

  it('does not go when a hold has crossed the offer, but after it', async () => {
    b.dialog.crossing = () => b.holds();
    await bothHeard();
    expect(b.offers).toEqual([]);
    expect(a.offers).toEqual([b.at.address, SERVER]);
    expectDirect(false);
    await b.resumes();
    await clock.advanceAsync(1000);
    await settle();
    expectDirect(true);
  });

  it('is let alone when one hangs up in the middle', async () => {
    a.dialog.crossing = async () => b.dialog.hangUp();
    await bothHeard();
    expect(b.offers).toEqual([]);
    expect(a.offers).toHaveLength(1);
    await clock.advanceAsync(60_000);
    expect(a.offers).toHaveLength(1);
  });

  it('a phone that will not have it back is hung up', async () => {
    await bothHeard();
    a.dialog.answersOffer = () => {
      throw new ModifyFailure(488, 'Not Acceptable Here');
    };
    await direct.takeBack();
    expect(a.leg.cutFor).toBe('mediaIncompatible');
    expect(b.leg.ended).toBeUndefined();
  });

  it('comes back for a key press by INFO, which the other one is to hear in his own form', async () => {
    const talk = converse(a.leg, b.leg, {
      music: [],
      clock,
      log: pino({ enabled: false }),
      held: () => undefined,
      direct,
    });
    await bothHeard();
    a.dialog.pressByInfo('5');
    a.dialog.pressByInfo('6');
    await settle();
    expectDirect(false);
    expect(b.endpoint.sentDigits).toBe('56');
    b.dialog.hangUp();
    expect(await talk).toMatchObject({ by: 'callee' });
  });
});

describe('which conversations may pass the server', () => {
  const silent = { security: { ignoreDtmf: true } };

  /** Boris has called anna, and both have been heard. */
  async function talk(more: Record<string, unknown>, caller = accountOf('boris'), released = true) {
    const version = pbxOf({
      pbx: { id: 'acme', domains: ['acme.example'], releaseMedia: released },
      employees: [employee('anna', '401'), employee('boris', '402')],
      numbers: [{ number: '74950000001', scheme: 'main', source: { passive: 'line@acme.example' } }],
      schemes: [{ id: 'main', steps: [{ forward: { employee: 'anna' } }] }],
      ...more,
    });
    let isOn = (version.document.recording.mode as string) === 'all';
    const recorder = {
      begin: () => ({
        get isOn() {
          return isOn;
        },
        toggle: () => false,
        succeeds: () => undefined,
        set: (on: boolean) => {
          isOn = on;
          return on;
        },
        over: async () => [],
      }),
    };
    const board = new Switchboard(version, { recorder });
    const invite = await board.call(caller, 'boris', caller.kind === 'account' ? '401' : '74950000001');
    const anna = board.sip.to('anna').answers();
    await settle();
    const dialogs = [invite.dialog, anna];
    for (const [index, dialog] of dialogs.entries()) {
      const { address, port } = phones[index] ?? phones[0];
      dialog.remoteSdp = sdp(address, port);
      dialog.answersOffer = () => sdp(address, port);
      const endpoint = board.media.alive.find(({ options }) => (options.remoteSdp === 'their offer') === (index === 0));
      Object.assign(endpoint ?? {}, { localSdp: sdp(SERVER, 20_000 + index) });
      endpoint?.hears({ address, port });
    }
    await board.clock.advanceAsync(1000);
    await settle();
    return { board, dialogs, anna, offers: () => dialogs.map(({ modified }) => modified.length) };
  }

  it.each([
    ['of two phones that may command nothing', silent, true],
    ['of two who may command', { recording: { manual: false }, fax: { inCall: false } }, false],
    ['that is recorded', { ...silent, recording: { manual: false, mode: 'all' } }, false],
  ])('one %s: %o', async (_, more, goes) => {
    const { offers, anna, board } = await talk(more);
    expect(offers()).toEqual(goes ? [1, 1] : [0, 0]);
    anna.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it('none with somebody who is no phone of ours, and none where it is not wanted', async () => {
    expect((await talk(silent, passive('74950000001'))).offers()).toEqual([0, 0]);
    expect((await talk(silent, accountOf('boris'), false)).offers()).toEqual([0, 0]);
  });

  it('comes back when its recording begins', async () => {
    const { board, offers, dialogs } = await talk(silent);
    expect(offers()).toEqual([1, 1]);
    expect(board.inbound.live.all()[0]?.recording?.set(true)).toBe(true);
    await settle();
    expect(offers()).toEqual([2, 2]);
    for (const { modified } of dialogs) expect(modified.at(-1)).toContain(`c=IN IP4 ${SERVER}\r`);
  });
});
