import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SipRequest } from '../../src/embedded/sip/message/index.ts';
import { type Dialect, dialectAnswers, dialectCalls } from '../support/dialects.ts';
import { Engine } from '../support/engine-process.ts';
import { idle, lastRecord } from '../support/observe.ts';
import { freeUdpPort } from '../support/ports.ts';
import { RawPhone } from '../support/raw-phone.ts';
import { RtpPeer } from '../support/rtp-peer.ts';
import { type SippResult, sippPlays } from '../support/sipp.ts';
import { temporaryFolder } from '../support/temp.ts';
import { isSilent, tone, wavFile } from '../support/tones.ts';

/**
 * The examples of §5.3.1.3, §5.3.3 and §5.6 with exchanges that are not ours: sipp, in the words of FreePBX (Asterisk) and FusionPBX (FreeSWITCH), whose
 * configuration §5.7 describes. It sends back all audio that it gets. An operator of plain sockets is the telephone network.
 */

const domain = 'acme.test';
const password = 'Secret123';
const ours = { main: '71234567890', second: '79876543210', viaAsterisk: '74950000003' } as const;

let resources: AsyncDisposableStack;
let engine: Engine;
let operator: RawPhone;
/** Of the exchanges, by trunk. */
let ports: Record<'asterisk' | 'strict' | 'freeswitch' | 'prefixed', number>;
const open: AsyncDisposable[] = [];

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  const [own, asterisk, strict, freeswitch, prefixed] = await Promise.all(
    [1, 2, 3, 4, 5].map(() => freeUdpPort()) as [Promise<number>, ...Promise<number>[]],
  );
  ports = { asterisk, strict, freeswitch, prefixed } as typeof ports;
  operator = await RawPhone.open({ user: 'o', domain, server: { host: '127.0.0.1', port: own }, host: '127.0.0.2' });
  resources.defer(() => operator.close());
  const folder = resources.use(await temporaryFolder('config'));
  await write(folder.path);
  const listen = `udp://127.0.0.1:${own},tcp://127.0.0.1:0`;
  engine = resources.use(await Engine.start({ config: folder.path, env: { SIP_LISTEN: listen } }));
});
afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
  await idle(engine);
});
afterAll(() => resources.disposeAsync());

async function write(folder: string): Promise<void> {
  const peer = (id: keyof typeof ports, more: object) => ({
    ...{ id, host: '127.0.0.1', ports: String(ports[id]), options: false, lines: 0 },
    ...more,
  });
  const employee = (id: string, extension: string, outgoing: object) => ({
    ...{ id, name: id, extension, outgoing },
    accounts: [{ user: id, domain, password }],
  });
  const document = {
    pbx: { id: 'acme', domains: [domain], timezone: 'Europe/Moscow', country: 'RU' },
    defaults: {
      // biome-ignore lint/suspicious/noThenProperty: the format names it so
      employee: { ringTime: 10, unavailableMessage: null, then: { hangup: true } },
    },
    audio: [{ id: 'greeting', file: 'greeting.wav' }],
    schemes: [{ id: 'main', steps: [{ play: 'greeting', wait: true }] }],
    numbers: [
      { number: ours.main, scheme: 'main', source: { trunk: 'operator' } },
      { number: ours.second, source: { trunk: 'operator' } },
      { number: ours.viaAsterisk, source: { trunk: 'asterisk' } },
    ],
    employees: [
      employee('anna', '501', { callerId: ours.main, directions: ['7495*'] }),
      // §5.3.3: his outgoing number is one of a trunk.
      employee('boris', '502', { callerId: ours.viaAsterisk }),
      employee('clara', '123', { callerId: null }),
    ],
    trunks: [
      {
        id: 'operator',
        pstn: true,
        host: operator.host,
        ports: String(operator.port),
        options: false,
        domain: 'operator.test',
      },
      peer('asterisk', {
        masks: [{ match: '([1-3][0-9][0-9]|500)', to: '$1' }],
        toPstn: { callerId: ours.main, allowFrom: true },
      }),
      peer('strict', { toPstn: { callerId: ours.main, allowFrom: false } }),
      peer('freeswitch', { prefix: '88', toPstn: { callerId: ours.main, allowFrom: true } }),
      peer('prefixed', { prefix: '45' }),
    ],
  };
  const at = join(folder, 'acme');
  await mkdir(at, { recursive: true });
  await writeFile(join(at, 'greeting.wav'), wavFile(tone(600, 400)));
  await writeFile(join(at, 'pbx.json'), JSON.stringify(document));
}

const dialectOf = (trunk: keyof typeof ports): Dialect => (trunk === 'freeswitch' ? 'freeswitch' : 'asterisk');

/** An exchange calls us through its trunk. */
async function calls(trunk: keyof typeof ports, call: Parameters<typeof dialectCalls>[1]) {
  const one = await sippPlays(dialectCalls(dialectOf(trunk), call), { target: engine.sip, port: ports[trunk] });
  open.push(one);
  return one;
}

/** An exchange waits for a call. */
async function waits(trunk: keyof typeof ports, answer: Parameters<typeof dialectAnswers>[1]) {
  const one = await sippPlays(dialectAnswers(dialectOf(trunk), answer), { port: ports[trunk] });
  open.push(one);
  return one;
}

async function rtpAt(address: string): Promise<RtpPeer> {
  const rtp = await RtpPeer.open({ address });
  open.push({ [Symbol.asyncDispose]: () => rtp.close() });
  return rtp;
}

async function phoneOf(user: string): Promise<RawPhone> {
  const [host = '', port] = engine.sip.split(':');
  const phone = await RawPhone.open({ user, domain, server: { host, port: Number(port) } });
  open.push({
    [Symbol.asyncDispose]: async () => {
      await phone.register(password, { contacts: ['*'], expires: 0 });
      phone.close();
    },
  });
  expect((await phone.register(password)).status).toBe(200);
  return phone;
}

/** An employee dials, and talks at 1000 Hz when he is answered. */
async function dials(user: string, number: string) {
  const phone = await phoneOf(user);
  const rtp = await rtpAt('127.0.0.1');
  const from = `<sip:${user}@${domain}>;tag=dials`;
  // A request with the Call-ID of another one would be merged with it (RFC 3261 §8.2.2.2).
  const callId = `${user}-${number}-${phone.port}`;
  const mark = phone.received.items.length;
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
    mark,
    response,
    async talks() {
      const ok = await response;
      expect(ok.status).toBe(200);
      phone.ack({ callId, cseq: Number.parseInt(ok.headers.get('CSeq') ?? '', 10), from, branch: '' }, ok);
      rtp.connect(ok.body.toString()).talk(1000);
      const uri = uriOf(ok, 'Contact');
      const hangUp = () => phone.request({ method: 'BYE', uri, from, to: ok.headers.get('To') ?? '', callId });
      // A test that fails leaves no call to the next one; where all is well it is over by then (481).
      open.unshift({ [Symbol.asyncDispose]: () => hangUp().then(() => undefined) });
      return { hangUp };
    },
  };
}

/** A phone, or the operator, takes a call and talks at 440 Hz. */
async function takes(by: RawPhone, request: SipRequest): Promise<RtpPeer> {
  const rtp = (await rtpAt(by.host)).connect(request.body.toString());
  by.answer(request, '200 OK', { body: rtp.sdp() });
  rtp.talk(440);
  return rtp;
}

const uriOf = (message: { headers: SipRequest['headers'] }, header: string): string =>
  /<([^>]+)>/.exec(message.headers.get(header) ?? '')?.[1] ?? '';

const isOver = async ({ over }: { readonly over: Promise<SippResult> }) => {
  const result = await over;
  expect(result, result.text).toMatchObject({ code: 0, successful: 1, failed: 0 });
};

const recordOf = async () => {
  await idle(engine);
  return lastRecord(engine);
};

describe('§5.3.1.3: which number the telephone network sees of a call that an exchange makes through us', () => {
  it.each([
    { example: '1, FreePBX', trunk: 'strict', from: ours.second, shown: ours.main },
    { example: '2, FreePBX', trunk: 'asterisk', from: '70123456789', shown: ours.main },
    { example: '3, FreePBX', trunk: 'asterisk', from: ours.second, shown: ours.second },
    { example: '2, FusionPBX', trunk: 'freeswitch', from: '456', shown: ours.main },
    { example: '3, FusionPBX', trunk: 'freeswitch', from: ours.second, shown: ours.second },
  ] as const)('example $example: $from is shown as $shown', async ({ trunk, from, shown }) => {
    const mark = operator.received.items.length;
    const call = await calls(trunk, { to: '84955550000', from, refusedWith: 486 });
    const { request } = await operator.takes('INVITE', mark);
    expect(request.uri).toMatch(/^sip:74955550000@/);
    expect(uriOf(request, 'From')).toBe(`sip:${shown}@operator.test`);
    expect(uriOf(request, 'P-Asserted-Identity')).toBe(`sip:${shown}@operator.test`);
    operator.answer(request, '486 Busy Here');
    await isOver(call);
  });
});

describe.each(['asterisk', 'freeswitch'] as const)('%s calls', (trunk) => {
  it('§5.6 example 1: an extension of ours, and they hear each other, wherever the exchange moves the audio', async () => {
    const anna = await phoneOf('anna');
    const mark = anna.received.items.length;
    const call = await calls(trunk, { to: '501', from: '256', talkMs: 1500 });
    const { request } = await anna.takes('INVITE', mark);
    const rtp = await takes(anna, request);
    await anna.takes('ACK', mark);
    await rtp.hears(440);
    anna.answer((await anna.takes('BYE', mark)).request, '200 OK');
    await isOver(call);
    expect(await recordOf()).toMatchObject({ direction: 'in', to: '501', outcome: 'answered', from: '256@127.0.0.1' });
  });

  it('§5.6 example 3: a number of ours, which its scheme answers', async () => {
    await isOver(await calls(trunk, { to: ours.main, from: '7499308808', talkMs: 100 }));
    expect(await recordOf()).toMatchObject({ direction: 'in', line: ours.main, scheme: 'main', from: '7499308808' });
  });

  it('§5.6 example 4: the telephone network by a number of ours, and they hear each other', async () => {
    const mark = operator.received.items.length;
    const call = await calls(trunk, { to: '84955550000', from: ours.second, talkMs: 1500 });
    const { request } = await operator.takes('INVITE', mark);
    const rtp = await takes(operator, request);
    await operator.takes('ACK', mark);
    await rtp.hears(440);
    operator.answer((await operator.takes('BYE', mark)).request, '200 OK');
    await isOver(call);
    expect(await recordOf()).toMatchObject({ direction: 'out', from: ours.second, outcome: 'answered' });
  });
});

describe('employees call exchanges', () => {
  it.each([
    { example: '§5.6 example 2, by a mask', user: 'anna', dialled: '256', trunk: 'asterisk', number: '256' },
    {
      example: '§5.6 example 7, by a prefix',
      user: 'anna',
      dialled: '88123456',
      trunk: 'freeswitch',
      number: '123456',
    },
    {
      example: '§5.6 example 5, by its number',
      user: 'boris',
      dialled: '84957770000',
      trunk: 'asterisk',
      number: '74957770000',
    },
    {
      example: '§5.3.3 example 1, a prefix before his own trunk',
      user: 'boris',
      dialled: '456',
      trunk: 'prefixed',
      number: '6',
    },
    { example: '§5.3.3 example 2, what nobody has', user: 'boris', dialled: '789', trunk: 'asterisk', number: '789' },
  ] as const)('$example', async ({ user, dialled, trunk, number }) => {
    const from = user === 'anna' ? ours.main : ours.viaAsterisk;
    const exchange = await waits(trunk, { expects: { number, from } });
    const call = await dials(user, dialled);
    const { hangUp } = await call.talks();
    await call.rtp.hears(1000, 10_000);
    expect((await hangUp()).status).toBe(200);
    await isOver(exchange);
    expect(await recordOf()).toMatchObject({ direction: 'out', employee: user, to: dialled, outcome: 'answered' });
  });

  it('and the exchange hangs up', async () => {
    const exchange = await waits('freeswitch', { expects: { number: '123456' }, talkMs: 300 });
    const call = await dials('anna', '88123456');
    await call.talks();
    call.phone.answer((await call.phone.takes('BYE', call.mark)).request, '200 OK');
    await isOver(exchange);
    expect(await recordOf()).toMatchObject({ outcome: 'answered', reason: 'calleeHungUp' });
  });

  it('§5.3.3 example 3, §5.6 example 6: 123 is an extension of ours, whatever the masks take', async () => {
    const clara = await phoneOf('clara');
    const mark = clara.received.items.length;
    const call = await dials('boris', '123');
    const { request } = await clara.takes('INVITE', mark);
    expect(uriOf(request, 'From')).toBe(`sip:502@${domain}`);
    clara.answer(request, '486 Busy Here');
    expect((await call.response).status).toBe(486);
    expect(await recordOf()).toMatchObject({ direction: 'internal', participants: [{ id: 'clara', outcome: 'busy' }] });
  });

  it.each([
    { user: 'clara', dialled: '84957770000', why: 'he may not call out' },
    { user: 'anna', dialled: '88123456789', why: 'the direction is not allowed for him' },
  ])('$user hears that $dialled is not allowed: $why', async ({ user, dialled, why }) => {
    const call = await dials(user, dialled);
    const { item } = await call.phone.received.find(
      'early media',
      (message) => message.kind === 'response' && message.status === 183,
      call.mark,
    );
    call.rtp.connect(item.body.toString());
    await call.rtp.until(
      () => !isSilent(call.rtp.heard(200)),
      10_000,
      () => 'the refusal was not heard',
    );
    expect((await call.response).status).toBe(403);
    const { path, ...record } = await recordOf();
    expect(record).toMatchObject({ outcome: 'failed', reason: 'directionBarred', participants: [] });
    expect(path.at(-1)).toMatchObject({ state: 'outgoing', why });
  });
});
