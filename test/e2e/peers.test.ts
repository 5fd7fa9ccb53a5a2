import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SipRequest, SipResponse } from '../../src/embedded/sip/message/index.ts';
import type { CallRecord } from '../../src/history/record.ts';
import { Engine } from '../support/engine-process.ts';
import { idle, lastRecord } from '../support/observe.ts';
import { freeUdpPort } from '../support/ports.ts';
import { Program } from '../support/process.ts';
import { RawPhone } from '../support/raw-phone.ts';
import { RtpPeer } from '../support/rtp-peer.ts';
import { sippCalls } from '../support/sipp.ts';
import { temporaryFolder } from '../support/temp.ts';
import { tone, wavFile } from '../support/tones.ts';
import { eventually } from '../support/wait.ts';

/** What peers do that they should not, or hardly ever do, and what comes of it by the RFC; and a trunk that dies while calls go on. */

const domain = 'acme.test';
const password = 'Secret123';
const line = '74950000001';
/** The first audio of an engine is converted while one waits for it. */
const PATIENCE_MS = 15_000;

let resources: AsyncDisposableStack;
let engine: Engine;
/** An operator, the one who stands in for him, and one who is busy with other calls. */
let operator: RawPhone;
let backup: RawPhone;
let other: RawPhone;
/** A trunk that is a process of its own. */
let mortal: Program;
let mortalPort: number;
/** Of a client who calls through us. */
let clientPort: number;
const open: AsyncDisposable[] = [];

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  const own = await freeUdpPort();
  clientPort = await freeUdpPort();
  const program = join(import.meta.dirname, '../support/answering-peer.ts');
  mortal = resources.use(await Program.start(process.execPath, [program, String(own)]));
  const { item } = await mortal.lines.find('its port', (text) => text.startsWith('port '));
  mortalPort = Number(item.slice('port '.length));
  const raw = async (user: string, host: string) => {
    const one = await RawPhone.open({ user, domain, server: { host: '127.0.0.1', port: own }, host });
    resources.defer(() => one.close());
    return one;
  };
  operator = await raw('operator', '127.0.0.2');
  backup = await raw('backup', '127.0.0.3');
  other = await raw('other', '127.0.0.4');
  const folder = resources.use(await temporaryFolder('config'));
  await write(folder.path);
  const listen = `udp://127.0.0.1:${own},tcp://127.0.0.1:0`;
  engine = resources.use(await Engine.start({ config: folder.path, env: { SIP_LISTEN: listen } }));
});
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one[Symbol.asyncDispose]();
});
afterAll(() => resources.disposeAsync());

async function write(folder: string): Promise<void> {
  const trunk = (id: string, { host, port }: { host: string; port: number }, more: object = {}) => ({
    ...{ id, host, ports: String(port), options: false, lines: 0 },
    ...more,
  });
  const employee = (id: string, extension: string, at = domain) => ({
    ...{ id, name: id, extension, outgoing: { callerId: line } },
    accounts: [{ user: id, domain: at, password }],
  });
  const acme = {
    pbx: { id: 'acme', domains: [domain], timezone: 'Europe/Moscow', country: 'RU' },
    defaults: {
      // biome-ignore lint/suspicious/noThenProperty: the format names it so
      employee: { ringTime: 10, unavailableMessage: null, then: { hangup: true } },
    },
    audio: [{ id: 'greeting', file: 'greeting.wav' }],
    schemes: [
      { id: 'main', steps: [{ play: 'greeting', wait: true }] },
      { id: 'anna', steps: [{ forward: { employee: 'anna' } }] },
    ],
    numbers: [
      { number: line, scheme: 'main', source: { trunk: 'operator' } },
      { number: '74950000002', scheme: 'anna', source: { trunk: 'operator' } },
      { number: '74950000003', source: { trunk: 'mortal' } },
    ],
    employees: [employee('anna', '401'), employee('boris', '402')],
    trunks: [
      trunk('operator', operator, { pstn: true, backup: ['backup'], numbers: [{ number: line }] }),
      trunk('backup', backup),
      trunk('other', other, { prefix: '7' }),
      trunk('mortal', { host: '127.0.0.1', port: mortalPort }, { backup: ['backup'], options: true }),
      trunk('client', { host: '127.0.0.1', port: clientPort }, { toPstn: { callerId: '74950000003' } }),
    ],
  };
  const guarded = {
    pbx: { id: 'guarded', domains: ['guarded.test'] },
    employees: [employee('olga', '401', 'guarded.test')].map((one) => ({ ...one, outgoing: {} })),
    security: { ipAccess: { mode: 'list', list: ['127.0.0.1', '127.0.1.*'] } },
  };
  for (const document of [acme, guarded]) {
    const at = join(folder, document.pbx.id);
    await mkdir(at, { recursive: true });
    await writeFile(join(at, 'greeting.wav'), wavFile(tone(600, 20_000)));
    await writeFile(join(at, 'pbx.json'), JSON.stringify(document));
  }
}

async function rtpAt(address: string): Promise<RtpPeer> {
  const rtp = await RtpPeer.open({ address });
  open.push({ [Symbol.asyncDispose]: () => rtp.close() });
  return rtp;
}

/** The operator sends an INVITE. */
function arrives(to: string, body: string, headers: readonly (readonly [string, string])[] = []) {
  const mark = operator.received.items.length;
  const invite = operator.send({
    method: 'INVITE',
    uri: `sip:${to}@${domain}`,
    from: `<sip:79031112233@operator.test>;tag=${mark}`,
    headers: [['Contact', `<${operator.contact}>`], ...headers],
    body,
  });
  const response = (matches: (status: number) => boolean) =>
    operator.response(invite.callId, invite.cseq, matches, mark);
  const final = () => response((status) => status >= 200);
  const inDialog = async (method: string, ok: SipResponse, more = '') => {
    const from = operator.received.items.length;
    const sent = operator.send({
      method,
      uri: uriOf(ok, 'Contact'),
      from: invite.from,
      to: ok.headers.get('To') ?? '',
      callId: invite.callId,
      headers: [['Contact', `<${operator.contact}>`]],
      body: more,
    });
    const response = await operator.response(sent.callId, sent.cseq, (status) => status >= 200, from);
    if (method === 'INVITE') operator.ack(sent, response);
    return response;
  };
  return {
    invite,
    response,
    final,
    inDialog,
    async refusal() {
      const refused = await final();
      operator.ack(invite, refused);
      return refused.status;
    },
  };
}

async function phoneOf(user: string, at = domain, host = '127.0.0.1'): Promise<RawPhone> {
  const [server = '', port] = engine.sip.split(':');
  const phone = await RawPhone.open({ user, domain: at, server: { host: server, port: Number(port) }, host });
  open.push({ [Symbol.asyncDispose]: async () => phone.close() });
  return phone;
}

async function registered(user: string): Promise<RawPhone> {
  const phone = await phoneOf(user);
  open.push({
    [Symbol.asyncDispose]: async () => void (await phone.register(password, { contacts: ['*'], expires: 0 })),
  });
  expect((await phone.register(password)).status).toBe(200);
  return phone;
}

/** Anna's phone dials, as it would. */
async function dials(number: string) {
  const phone = await registered('anna');
  const rtp = await rtpAt('127.0.0.1');
  const from = `<sip:anna@${domain}>;tag=dials`;
  const callId = `anna-${number}-${phone.port}`;
  const response = phone.authenticated(
    {
      method: 'INVITE',
      uri: `sip:${number}@${domain}`,
      ...{ from, callId },
      headers: [['Contact', `<${phone.contact}>`]],
      body: rtp.sdp(),
    },
    password,
  );
  return {
    phone,
    rtp,
    response,
    async talks() {
      const ok = await response;
      expect(ok.status).toBe(200);
      phone.ack({ callId, cseq: Number.parseInt(ok.headers.get('CSeq') ?? '', 10), from, branch: '' }, ok);
      rtp.connect(ok.body.toString()).talk(1000);
      return () =>
        phone.request({ method: 'BYE', uri: uriOf(ok, 'Contact'), from, to: ok.headers.get('To') ?? '', callId });
    },
  };
}

const uriOf = (message: { headers: SipRequest['headers'] }, header: string): string =>
  /<([^>]+)>/.exec(message.headers.get(header) ?? '')?.[1] ?? '';

const record = async () => {
  await idle(engine);
  return lastRecord(engine);
};

/** G.729 alone, which nobody here speaks. */
const g729 = (port = 4000, address = '127.0.0.2') =>
  `v=0\r\no=x 1 1 IN IP4 ${address}\r\ns=-\r\nc=IN IP4 ${address}\r\nt=0 0\r\nm=audio ${port} RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\n`;

describe('a peer who calls us', () => {
  it('without SDP gets our offer, answers it in his ACK, and is heard and hears (RFC 3261 §13.2.1)', async () => {
    const call = arrives(line, '');
    const ok = await call.final();
    expect(ok.body.toString()).toMatch(/^m=audio \d+ RTP\/AVP 8 0/m);
    const rtp = (await rtpAt('127.0.0.2')).connect(ok.body.toString());
    operator.ack(call.invite, ok, rtp.sdp());
    // One of whom nothing is heard would be asked whether he is there, which this peer does not answer.
    rtp.talk(440);
    await rtp.hears(600, PATIENCE_MS);
    expect((await call.inDialog('BYE', ok)).status).toBe(200);
    expect(await record()).toMatchObject({ direction: 'in', line, reason: 'callerHungUp' });
  });

  it('with codecs alone that we lack is refused with 488 (RFC 3261 §13.3.1.3)', async () => {
    const call = arrives(line, g729());
    expect(await call.refusal()).toBe(488);
    expect(await record()).toMatchObject({ reason: 'mediaIncompatible', outcome: 'missed' });
  });

  it('and moves to another address by a re-INVITE is sent the audio there; what he cannot take changes nothing (RFC 6141)', async () => {
    const [before, after] = [await rtpAt('127.0.0.2'), await rtpAt('127.0.0.5')];
    const call = arrives(line, before.sdp());
    const ok = await call.final();
    operator.ack(call.invite, ok);
    before.connect(ok.body.toString()).talk(440);
    await before.hears(600, PATIENCE_MS);
    const moved = await call.inDialog('INVITE', ok, after.sdp());
    expect(moved.status).toBe(200);
    before.quiet();
    after.connect(moved.body.toString()).talk(440);
    await after.hears(600, PATIENCE_MS);
    before.forget();
    expect((await call.inDialog('INVITE', ok, g729())).status).toBe(488);
    after.forget();
    await after.hears(600, PATIENCE_MS);
    expect(before.packets).toEqual([]);
    expect((await call.inDialog('BYE', ok)).status).toBe(200);
    await record();
  });

  it('for a number that nobody has gets 404', async () => {
    expect(await arrives('74959999999', g729()).refusal()).toBe(404);
    expect(await record()).toMatchObject({ reason: 'doesNotExist' });
  });

  it('with a call that left here gets 482, with one that has gone too far 483 (RFC 3261 §16.3)', async () => {
    const rtp = await rtpAt('127.0.0.2');
    const via = `SIP/2.0/UDP ${engine.sip};branch=z9hG4bKours`;
    expect(await arrives(line, rtp.sdp(), [['Via', via]]).refusal()).toBe(482);
    // RawPhone puts 70 there first.
    const mark = operator.received.items.length;
    operator.sendText(
      [
        `INVITE sip:74950000002@${domain} SIP/2.0`,
        `Via: SIP/2.0/UDP ${operator.host}:${operator.port};rport;branch=z9hG4bKfar`,
        'Max-Forwards: 0',
        'From: <sip:79031112233@operator.test>;tag=far',
        `To: <sip:74950000002@${domain}>`,
        'Call-ID: far',
        'CSeq: 1 INVITE',
        `Contact: <${operator.contact}>`,
        'Content-Length: 0',
        '',
        '',
      ].join('\r\n'),
    );
    const refused = await operator.response('far', 1, (status) => status >= 200, mark);
    expect(refused.status).toBe(483);
    operator.ack(
      { callId: 'far', cseq: 1, from: '<sip:79031112233@operator.test>;tag=far', branch: 'z9hG4bKfar' },
      refused,
    );
    expect(await record()).toMatchObject({ reason: 'loop' });
  });
});

describe('a peer whom we call', () => {
  it('rings in several places, is heard from one and answers at another: he is who is talked to (RFC 3261 §13.2.2.4)', async () => {
    const mark = operator.received.items.length;
    const call = await dials('84955550000');
    const { request } = await operator.takes('INVITE', mark);
    const [early, answers] = [await rtpAt('127.0.0.2'), await rtpAt('127.0.0.2')];
    for (const one of [early, answers]) one.connect(request.body.toString());
    operator.answer(request, '180 Ringing', { tag: 'a' });
    operator.answer(request, '183 Session Progress', { tag: 'b', body: early.sdp() });
    early.talk(600);
    const { item } = await call.phone.received.find('183', (one) => one.kind === 'response' && one.status === 183);
    call.rtp.connect(item.body.toString());
    await call.rtp.hears(600, PATIENCE_MS);
    early.quiet();
    operator.answer(request, '200 OK', { tag: 'c', body: answers.sdp() });
    const { request: ack } = await operator.takes('ACK', mark);
    expect(ack.headers.get('To')).toMatch(/;tag=c$/);
    answers.talk(440);
    const hangUp = await call.talks();
    await Promise.all([call.rtp.hears(440, PATIENCE_MS), answers.hears(1000, PATIENCE_MS)]);
    const hungUp = hangUp();
    operator.answer((await operator.takes('BYE', mark)).request, '200 OK');
    expect((await hungUp).status).toBe(200);
    expect(await record()).toMatchObject({ direction: 'out', outcome: 'answered' });
  });

  it('answers with a codec that was not offered: he is hung up with 488', async () => {
    const mark = operator.received.items.length;
    const call = await dials('84955550000');
    const { request } = await operator.takes('INVITE', mark);
    operator.answer(request, '180 Ringing');
    operator.answer(request, '200 OK', { body: g729() });
    const { request: bye } = await operator.takes('BYE', mark);
    expect(bye.headers.get('Reason')).toContain('cause=488');
    operator.answer(bye, '200 OK');
    expect((await call.response).status).toBe(488);
    expect(await record()).toMatchObject({ reason: 'mediaIncompatible', outcome: 'failed' });
  });

  it('sends us elsewhere (302): nobody has agreed to that; his backup is tried', async () => {
    const [mark, second] = [operator.received.items.length, backup.received.items.length];
    const call = await dials('84955550000');
    const { request } = await operator.takes('INVITE', mark);
    operator.answer(request, '302 Moved Temporarily', {
      headers: [['Contact', `<sip:premium@${other.host}:${other.port}>`]],
    });
    const { request: instead } = await backup.takes('INVITE', second);
    expect(instead.uri).toMatch(/^sip:74955550000@127\.0\.0\.3/);
    backup.answer(instead, '486 Busy Here');
    expect((await call.response).status).toBe(486);
    expect(other.received.items.some((one) => one.kind === 'request' && one.method === 'INVITE')).toBe(false);
    await record();
  });

  it('is a phone of ours that sends callers to a colleague (302): the colleague rings', async () => {
    const [anna, boris] = [await registered('anna'), await registered('boris')];
    const [ofAnna, ofBoris] = [anna.received.items.length, boris.received.items.length];
    const call = arrives('74950000002', (await rtpAt('127.0.0.2')).sdp());
    const { request } = await anna.takes('INVITE', ofAnna);
    anna.answer(request, '302 Moved Temporarily', { headers: [['Contact', `<sip:402@${domain}>`]] });
    const { request: onward } = await boris.takes('INVITE', ofBoris);
    boris.answer(onward, '486 Busy Here');
    expect(await call.refusal()).toBe(486);
    const { path } = await record();
    expect(path).toContainEqual(expect.objectContaining({ state: 'redirect/anna' }));
  });
});

it('security.ipAccess: an account registers and calls from the addresses of the list alone', async () => {
  const [inside, outside] = [
    await phoneOf('olga', 'guarded.test', '127.0.1.7'),
    await phoneOf('olga', 'guarded.test', '127.0.2.7'),
  ];
  expect((await outside.register(password)).status).toBe(403);
  expect((await inside.register(password)).status).toBe(200);
  const invite = {
    method: 'INVITE',
    uri: 'sip:401@guarded.test',
    headers: [['Contact', `<${outside.contact}>`]],
  } as const;
  expect((await outside.authenticated(invite, password)).status).toBe(403);
});

/** 100 calls a minute, for eight seconds. */
const CALLS = 14;
const KILLED_AFTER = 6;

describe('a trunk that is killed in the middle of 100 calls a minute', () => {
  it('calls on other trunks go on untouched; new ones are at the backup within a second, and none is lost', async () => {
    // A conversation over another trunk, all the while.
    const mark = other.received.items.length;
    const talk = await dials('7501');
    const { request } = await other.takes('INVITE', mark);
    const office = (await rtpAt(other.host)).connect(request.body.toString());
    other.answer(request, '200 OK', { body: office.sdp() });
    office.talk(440);
    const hangUp = await talk.talks();
    await Promise.all([talk.rtp.hears(440, PATIENCE_MS), office.hears(1000, PATIENCE_MS)]);

    // Who is rung at the backup answers at once, and is hung up.
    const arrivals = new Map<string, number>();
    const from = backup.received.items.length;
    const answering = (async () => {
      const answer = (await rtpAt(backup.host)).sdp();
      for (let at = from; arrivals.size < CALLS; at++) {
        const { item } = await backup.received.find('a call', () => true, at, 10_000);
        if (item.kind !== 'request') continue;
        if (item.method === 'INVITE') {
          arrivals.set(/^sip:(\d+)@/.exec(item.uri)?.[1] ?? '', Date.now());
          backup.answer(item, '200 OK', { body: answer });
        } else if (item.method === 'BYE') backup.answer(item, '200 OK');
      }
    })();
    answering.catch(() => undefined);

    const before = await engine.metric('kommutator_calls_ended_total');
    const calls = sippCalls(
      engine.sip,
      { to: `7495100[call_number]@${domain}`, talkMs: 100 },
      { calls: CALLS, rate: 100 / 60, port: clientPort },
    );
    await eventually(
      `${KILLED_AFTER} calls to be over`,
      () => engine.metric('kommutator_calls_ended_total'),
      (ended) => ended >= before + KILLED_AFTER,
    );
    const packets = office.packets.length;
    await mortal.stop('SIGKILL');
    const result = await calls;
    expect(result, result.text).toMatchObject({ code: 0, successful: CALLS, failed: 0 });

    const { items } = await engine.api<{ items: CallRecord[] }>('/api/pbxs/acme/history?limit=100');
    const late = items.flatMap(({ to, start }) => {
      const arrived = arrivals.get(to);
      return arrived === undefined ? [] : [arrived - Date.parse(start)];
    });
    expect(late.length).toBeGreaterThanOrEqual(CALLS - KILLED_AFTER - 2);
    expect(Math.max(...late)).toBeLessThan(1000);
    // Only those who came before the first had found out have had to find out themselves.
    expect(late.filter((ms) => ms > 300).length).toBeLessThanOrEqual(2);

    // Nobody has noticed over there: fifty packets a second, in both directions.
    expect(other.received.items.some((one) => one.kind === 'request' && one.method === 'BYE')).toBe(false);
    expect(office.packets.length - packets).toBeGreaterThan(100);
    for (const one of [talk.rtp, office]) one.forget();
    await Promise.all([talk.rtp.hears(440, PATIENCE_MS), office.hears(1000, PATIENCE_MS)]);
    const hungUp = hangUp();
    other.answer((await other.takes('BYE', mark)).request, '200 OK');
    expect((await hungUp).status).toBe(200);
    const trunks = await engine.api<readonly { id: string; state: string }[]>('/api/pbxs/acme/trunks');
    expect(trunks.filter(({ state }) => state === 'down').map(({ id }) => id)).toEqual(['mortal']);
  });
});
