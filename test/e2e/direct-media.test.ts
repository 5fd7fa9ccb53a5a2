import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SipRequest, SipResponse } from '../../src/embedded/sip/message/index.ts';
import { Phone } from '../support/baresip.ts';
import { Engine } from '../support/engine-process.ts';
import { startJack } from '../support/jack.ts';
import { idle, lastRecord } from '../support/observe.ts';
import { domain, office, password, tunes, writeOffice } from '../support/office.ts';
import { RawPhone } from '../support/raw-phone.ts';
import { RtpPeer } from '../support/rtp-peer.ts';
import { temporaryFolder } from '../support/temp.ts';
import { melody } from '../support/tones.ts';
import { eventually } from '../support/wait.ts';
import { wavChannels } from '../support/wav-channels.ts';

/** Two phones whose audio goes past the engine (`releaseMedia`): baresip, and one of plain sockets, which sees where its audio comes from. */

let resources: AsyncDisposableStack;
let engine: Engine;
let jack: Awaited<ReturnType<typeof startJack>>;
const open: AsyncDisposable[] = [];

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  jack = resources.use(await startJack());
  const folder = resources.use(await temporaryFolder('config'));
  const document = office();
  const pbx = { ...(document.pbx as object), releaseMedia: true };
  const recording = { quality: 'high', minDuration: 1 };
  await writeOffice(folder.path, { ...document, pbx, recording, security: { ignoreDtmf: true } });
  engine = resources.use(await Engine.start({ config: folder.path }));
});
const close = async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
};
afterAll(() => resources.disposeAsync());

async function phone(user: string, hz: number, answers: 'auto' | 'manual' = 'manual'): Promise<Phone> {
  const account = { user, password, domain, proxy: engine.sip, env: jack.env };
  const one = await Phone.register({ ...account, says: { hz }, answers, unbuffered: true });
  open.push(one);
  return one;
}

const candidates = [440, 1000, ...Object.values(tunes)];
const heardLast = async (one: Phone, ms: number) => melody((await one.heard()).slice(-8 * ms), candidates);
const hears = (one: Phone, hz: number) =>
  eventually(
    `${one.options.user} to hear nothing but ${hz} Hz`,
    () => heardLast(one, 400),
    (heard) => heard.length === 1 && heard[0] === hz,
  );
/** A second of it, from now on. */
const goesOnHearing = async (one: Phone, hz: number) => {
  const before = (await one.heard()).length;
  await eventually(
    `${one.options.user} to hear more`,
    async () => (await one.heard()).length - before,
    (more) => more > 8000,
  );
  expect(await heardLast(one, 400)).toEqual([hz]);
};

/** They hear each other, and the engine cannot be what carries it. */
async function talkWithoutEngine(...heard: readonly (readonly [Phone, number])[]): Promise<void> {
  const processes = [engine.program.child.pid, engine.freeswitch?.pid].filter((pid) => pid !== undefined);
  for (const pid of processes) process.kill(pid, 'SIGSTOP');
  try {
    await Promise.all(heard.map(([one, hz]) => goesOnHearing(one, hz)));
  } finally {
    for (const pid of processes) process.kill(pid, 'SIGCONT');
  }
}

const released = (from = 0) =>
  engine.program.lines.find(
    'the audio to be released',
    (line) => line.includes('passes the media server no more'),
    from,
  );

const audioPort = (sdp: string): number => Number(/^m=audio (\d+) /m.exec(sdp)?.[1]);

/** Boris, of plain sockets, in a call that he has made. */
class Caller {
  readonly sip: RawPhone;
  readonly rtp: RtpPeer;
  /** Of the engine. */
  readonly enginePort: number;
  readonly #dialog: { readonly uri: string; readonly from: string; readonly to: string; readonly callId: string };
  #seen: number;

  static async dials(number: string): Promise<Caller> {
    const [host = '', port] = engine.sip.split(':');
    const sip = await RawPhone.open({ user: 'boris', domain, server: { host, port: Number(port) } });
    const rtp = await RtpPeer.open();
    open.push({
      [Symbol.asyncDispose]: async () => {
        await sip.register(password, { contacts: ['*'], expires: 0 });
        sip.close();
        await rtp.close();
      },
    });
    expect((await sip.register(password)).status).toBe(200);
    const dialog = { from: `<sip:boris@${domain}>;tag=boris`, callId: `boris-${sip.port}` };
    const invite = { method: 'INVITE', uri: `sip:${number}@${domain}`, ...dialog, body: rtp.sdp() };
    const headers = [['Contact', `<${sip.contact}>`]] as const;
    const ok = await sip.authenticated({ ...invite, headers }, password);
    expect(ok.status).toBe(200);
    const caller = new Caller(sip, rtp, ok, dialog);
    caller.#acknowledge(ok);
    rtp.connect(ok.body.toString()).talk(1000);
    return caller;
  }

  private constructor(sip: RawPhone, rtp: RtpPeer, ok: SipResponse, dialog: { from: string; callId: string }) {
    this.sip = sip;
    this.rtp = rtp;
    this.enginePort = audioPort(ok.body.toString());
    const uri = /<([^>]+)>/.exec(ok.headers.get('Contact') ?? '')?.[1] ?? '';
    this.#dialog = { ...dialog, uri, to: ok.headers.get('To') ?? '' };
    this.#seen = sip.received.items.length;
  }

  async takes(method: string): Promise<SipRequest> {
    const { request, index } = await this.sip.takes(method, this.#seen);
    this.#seen = index + 1;
    return request;
  }

  /** Takes the next re-INVITE, and sends his audio where it says. @returns that port */
  async follows(): Promise<number> {
    const request = await this.takes('INVITE');
    const offer = request.body.toString();
    this.sip.answer(request, '200 OK', { body: this.rtp.sdp() });
    await this.takes('ACK');
    this.rtp.connect(offer);
    return audioPort(offer);
  }

  /** Changes his session. @returns the engine's answer */
  async offers(direction: 'sendonly' | 'sendrecv'): Promise<string> {
    const headers = [['Contact', `<${this.sip.contact}>`]] as const;
    const body = this.rtp.sdp({ direction });
    const ok = await this.sip.request({ method: 'INVITE', ...this.#dialog, headers, body });
    expect(ok.status).toBe(200);
    this.#acknowledge(ok);
    this.rtp.connect(ok.body.toString());
    return ok.body.toString();
  }

  /** Resolves when he hears it from there, and what he heard last came from nowhere else. */
  async hearsFrom(port: number, hz: number): Promise<void> {
    const ofThere = () => this.rtp.packets.slice(-20).every(({ from }) => from === port);
    await this.rtp.until(ofThere, 5000, () => `audio from ${port}, not from ${this.rtp.packets.at(-1)?.from}`);
    await this.rtp.hears(hz);
    expect(ofThere()).toBe(true);
  }

  async hangsUp(): Promise<void> {
    expect((await this.sip.request({ method: 'BYE', ...this.#dialog })).status).toBe(200);
  }

  #acknowledge(ok: SipResponse): void {
    const cseq = Number.parseInt(ok.headers.get('CSeq') ?? '', 10);
    this.sip.ack({ ...this.#dialog, cseq, branch: '' }, ok);
  }
}

describe('two phones', () => {
  afterEach(async () => {
    await close();
    await idle(engine);
  });

  it('hear each other while the engine stands still; on hold there is its music, and afterwards they are alone again', async () => {
    const anna = await phone('anna', 440, 'auto');
    const boris = await phone('boris', 1000);
    boris.dial('401');
    await boris.next('CALL_ESTABLISHED');
    const first = await released();
    await talkWithoutEngine([anna, 1000], [boris, 440]);
    anna.hold();
    await hears(boris, tunes.music);
    anna.resume();
    await hears(boris, 440);
    await released(first.index + 1);
    // Who has held writes down no more what he hears (baresip 1.0).
    await talkWithoutEngine([boris, 440]);
    boris.hangUp();
    await anna.next('CALL_CLOSED');
    const record = await lastRecord(engine);
    expect(record).toMatchObject({ direction: 'internal', outcome: 'answered', endedBy: 'caller' });
    expect(record.participants[0]).toMatchObject({ id: 'anna', outcome: 'answered' });
  });

  it('get the address of each other; who holds has the engine’s again, and hears the other when he goes on', async () => {
    const anna = await phone('anna', 440, 'auto');
    const boris = await Caller.dials('401');
    await boris.hearsFrom(boris.enginePort, 440);
    await hears(anna, 1000);
    const annas = await boris.follows();
    expect(annas).not.toBe(boris.enginePort);
    await boris.hearsFrom(annas, 440);
    await goesOnHearing(anna, 1000);

    expect(audioPort(await boris.offers('sendonly'))).toBe(boris.enginePort);
    await hears(anna, tunes.music);
    expect(audioPort(await boris.offers('sendrecv'))).toBe(boris.enginePort);
    await boris.hearsFrom(boris.enginePort, 440);
    await hears(anna, 1000);

    expect(await boris.follows()).toBe(annas);
    await boris.hearsFrom(annas, 440);
    await boris.hangsUp();
    await anna.next('CALL_CLOSED');
  });

  it('are carried by the engine when one will not have it otherwise', async () => {
    const anna = await phone('anna', 440, 'auto');
    const boris = await Caller.dials('401');
    boris.sip.answer(await boris.takes('INVITE'), '488 Not Acceptable Here');
    await boris.takes('ACK');
    await engine.program.lines.find('the audio to stay', (line) => /stays on the media server.*488/.test(line));
    await boris.hearsFrom(boris.enginePort, 440);
    await goesOnHearing(anna, 1000);
    await boris.hangsUp();
    await anna.next('CALL_CLOSED');
  });

  it('are recorded when that is asked for: their audio comes back first', async () => {
    const anna = await phone('anna', 440, 'auto');
    const boris = await Caller.dials('401');
    const annas = await boris.follows();
    await boris.hearsFrom(annas, 440);
    const [call] = await engine.api<{ id: string }[]>('/api/pbxs/acme/calls');
    expect((await engine.post(`/api/pbxs/acme/calls/${call?.id}/record`)).status).toBe(200);
    expect(await boris.follows()).toBe(boris.enginePort);
    await boris.hearsFrom(boris.enginePort, 440);
    await hears(anna, 1000);
    boris.rtp.quiet();
    await boris.rtp.say(new Int16Array(8000));
    await boris.hangsUp();
    const [recording] = await eventually(
      'the recording',
      async () => (await engine.api<{ items: { id: string; call: string }[] }>('/api/pbxs/acme/recordings')).items,
      (items) => items.some((item) => item.call === call?.id),
    );
    const answer = await fetch(`${engine.url}/api/pbxs/acme/recordings/${recording?.id}/audio`);
    await using folder = await temporaryFolder('recording');
    const file = join(folder.path, 'recording.wav');
    await writeFile(file, Buffer.from(await answer.arrayBuffer()));
    const sides = wavChannels(file).map((samples) => melody(samples, candidates).filter((hz) => hz > 0));
    expect(sides.toSorted()).toEqual([[1000], [440]].toSorted());
  });
});

describe('one whose process is killed', () => {
  // Our BYE to him is repeated for half a minute (RFC 3261 §17.1).
  afterEach(close);

  it('is missed, though nobody listens to him here', async () => {
    const anna = await phone('anna', 440, 'auto');
    const boris = await Caller.dials('401');
    await boris.hearsFrom(await boris.follows(), 440);
    await anna.kill();
    boris.sip.answer(await boris.takes('OPTIONS'), '200 OK');
    boris.sip.answer(await boris.takes('BYE'), '200 OK');
    expect(await lastRecord(engine)).toMatchObject({ outcome: 'answered', reason: 'mediaTimeout', endedBy: 'engine' });
  });
});
