import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SipRequest } from '../../src/embedded/sip/message/index.ts';
import type { CallRecord } from '../../src/history/record.ts';
import { LiveEvent } from '../../src/http/schemas.ts';
import { Phone, type PhoneOptions } from '../support/baresip.ts';
import { Engine } from '../support/engine-process.ts';
import { startJack } from '../support/jack.ts';
import { idle, lastRecord } from '../support/observe.ts';
import { freeUdpPort } from '../support/ports.ts';
import { RawPhone } from '../support/raw-phone.ts';
import { RtpPeer } from '../support/rtp-peer.ts';
import { EventClient } from '../support/sse.ts';
import { temporaryFolder } from '../support/temp.ts';
import { melody, tone, wavFile } from '../support/tones.ts';
import { eventually } from '../support/wait.ts';

/**
 * The examples of §5.6 between two processes: our PBX with Anna, and the PBX of a client with Peter, whose own numbers come from somewhere else. An operator of
 * plain sockets is the way to the telephone network.
 */

const password = 'Secret123';
const greeting = 600;

let resources: AsyncDisposableStack;
let jack: Awaited<ReturnType<typeof startJack>>;
let ours: Engine;
let theirs: Engine;
let operator: RawPhone;
const phones: Phone[] = [];

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  jack = resources.use(await startJack());
  const [ourPort, theirPort, deadPort] = await Promise.all([freeUdpPort(), freeUdpPort(), freeUdpPort()]);
  operator = await RawPhone.open({
    user: 'operator',
    domain: 'operator.test',
    server: { host: '127.0.0.1', port: ourPort },
    host: '127.0.0.2',
  });
  resources.defer(() => operator.close());

  const acme = pbx('acme', {
    employees: [
      { ...employee('anna', '401', 'acme'), outgoing: { callerId: '74950000001' } },
      { ...employee('boris', '402', 'acme'), outgoing: { callerId: '74957770000' } },
      { ...employee('clara', '403', 'acme'), outgoing: { callerId: '74950000001', limits: { concurrent: 1 } } },
    ],
    numbers: [{ number: '74950000001', scheme: 'main', source: { trunk: 'operator' } }],
    trunks: [
      // Nobody listens there: calls to the network find the way through the backup.
      { id: 'operator', pstn: true, host: '127.0.0.1', ports: String(deadPort), backup: ['second'] },
      { id: 'second', host: '127.0.0.2', ports: String(operator.port), domain: 'operator.test', options: false },
      {
        id: 'office',
        host: '127.0.0.1',
        ports: String(theirPort),
        masks: [{ match: '(4[5-9]\\d)', to: '$1' }],
        prefix: '88',
        numbers: [{ number: '74957770000' }],
        toPstn: { callerId: '74950000001' },
      },
    ],
  });
  const client = pbx('client', {
    employees: [{ ...employee('peter', '456', 'client'), outgoing: { callerId: '74957770000' } }],
    numbers: [{ number: '74957770000', scheme: 'main', source: { trunk: 'cloud' } }],
    trunks: [
      {
        id: 'cloud',
        host: '127.0.0.1',
        ports: String(ourPort),
        pstn: false,
        masks: [{ match: '(40\\d|74950000001)', to: '$1' }],
      },
    ],
  });
  const start = async (document: ReturnType<typeof pbx>, port: number) => {
    const folder = resources.use(await temporaryFolder('config'));
    await write(folder.path, document);
    const listen = `udp://127.0.0.1:${port},tcp://127.0.0.1:0`;
    return resources.use(await Engine.start({ config: folder.path, env: { SIP_LISTEN: listen } }));
  };
  ours = await start(acme, ourPort);
  theirs = await start(client, theirPort);
});
afterEach(async () => {
  for (const one of phones.splice(0)) await one[Symbol.asyncDispose]();
  await Promise.all([idle(ours), idle(theirs)]);
});
afterAll(() => resources.disposeAsync());

function pbx(id: string, more: Record<string, unknown>) {
  return {
    pbx: { id, domains: [`${id}.test`], timezone: 'Europe/Moscow', country: 'RU' },
    audio: [{ id: 'greeting', file: 'greeting.wav' }],
    schemes: [{ id: 'main', steps: [{ play: 'greeting', wait: true }] }],
    ...more,
  };
}

const employee = (id: string, extension: string, at: string) => ({
  id,
  name: id,
  extension,
  accounts: [{ user: id, domain: `${at}.test`, password }],
});

async function write(folder: string, document: ReturnType<typeof pbx>): Promise<void> {
  const at = join(folder, document.pbx.id);
  await mkdir(at, { recursive: true });
  await writeFile(join(at, 'greeting.wav'), wavFile(tone(greeting, 5000)));
  await writeFile(join(at, 'pbx.json'), JSON.stringify(document));
}

async function phone(user: string, engine: Engine, options: Partial<PhoneOptions> = {}): Promise<Phone> {
  const at = engine === ours ? 'acme.test' : 'client.test';
  const one = await Phone.register({ user, password, domain: at, proxy: engine.sip, env: jack.env, ...options });
  phones.push(one);
  return one;
}

const all = [440, 1000, greeting];
const hears = (one: Phone, hz: number) =>
  eventually(
    `${one.options.user} to hear ${hz} Hz`,
    async () => melody(await one.heard(), all),
    (heard) => heard.includes(hz),
  );

const recordOf = async (engine: Engine, id: string) => {
  await idle(engine);
  return lastRecord(engine, id);
};

describe('the examples of §5.6', () => {
  it('1: a phone of the client calls an extension of ours', async () => {
    const anna = await phone('anna', ours, { says: { hz: 440 }, answers: 'auto' });
    const peter = await phone('peter', theirs, { says: { hz: 1000 } });
    peter.dial('401');
    await peter.next('CALL_ESTABLISHED');
    await Promise.all([hears(anna, 1000), hears(peter, 440)]);
    peter.hangUp();
    await anna.next('CALL_CLOSED');
    expect(await recordOf(ours, 'acme')).toMatchObject({ direction: 'in', outcome: 'answered', to: '401' });
  });

  it.each([
    { example: 2, how: 'by a mask', dialled: '456' },
    { example: 7, how: 'by a prefix', dialled: '88456' },
  ])('$example: Anna calls an extension of the client, $how', async ({ dialled }) => {
    const anna = await phone('anna', ours, { says: { hz: 440 } });
    const peter = await phone('peter', theirs, { says: { hz: 1000 }, answers: 'auto' });
    anna.dial(dialled);
    await anna.next('CALL_ESTABLISHED');
    await Promise.all([hears(anna, 1000), hears(peter, 440)]);
    anna.hangUp();
    await peter.next('CALL_CLOSED');
    expect(await recordOf(ours, 'acme')).toMatchObject({
      direction: 'out',
      employee: 'anna',
      to: dialled,
      outcome: 'answered',
      participants: [{ id: '456', outcome: 'answered' }],
    });
    expect(await recordOf(theirs, 'client')).toMatchObject({ direction: 'in', from: '74950000001' });
  });

  it('3: the client calls a number of ours, and hears its scheme', async () => {
    const peter = await phone('peter', theirs);
    peter.dial('84950000001');
    await peter.next('CALL_ESTABLISHED');
    await hears(peter, greeting);
    peter.hangUp();
    expect(await recordOf(ours, 'acme')).toMatchObject({ direction: 'in', line: '74950000001', scheme: 'main' });
  });

  it('4: the client calls the telephone network through us, with our number, by the backup of a dead trunk', async () => {
    const peter = await phone('peter', theirs);
    const before = operator.received.items.length;
    peter.dial('84955550000');
    const { request } = await operator.takes('INVITE', before);
    expect(request.uri).toMatch(/^sip:74955550000@127\.0\.0\.2/);
    expect(uriOf(request, 'From')).toBe('sip:74950000001@operator.test');
    expect(uriOf(request, 'P-Asserted-Identity')).toBe('sip:74950000001@operator.test');
    operator.answer(request, '486 Busy Here');
    await peter.next('CALL_CLOSED');
    expect(await recordOf(ours, 'acme')).toMatchObject({ direction: 'out', reason: 'busy', from: '74957770000' });
  });

  it("5: Boris, whose outgoing number is the client's, calls by the client's trunk", async () => {
    const boris = await phone('boris', ours);
    boris.dial('84957770000');
    await boris.next('CALL_ESTABLISHED');
    await hears(boris, greeting);
    boris.hangUp();
    expect(await recordOf(theirs, 'client')).toMatchObject({
      direction: 'in',
      line: '74957770000',
      from: '74957770000',
    });
  });

  it('6: an extension of ours stays ours, whatever trunk the caller shows', async () => {
    const anna = await phone('anna', ours, { says: { hz: 440 }, answers: 'auto' });
    const boris = await phone('boris', ours);
    boris.dial('401');
    await boris.next('CALL_ESTABLISHED');
    await hears(boris, 440);
    boris.hangUp();
    await anna.next('CALL_CLOSED');
    expect(await recordOf(ours, 'acme')).toMatchObject({ direction: 'internal' });
  });
});

describe('an operator', () => {
  it('is heard before the answer: what he says of a number that is not in service', async () => {
    const anna = await phone('anna', ours);
    const before = operator.received.items.length;
    anna.dial('84955550000');
    const { request } = await operator.takes('INVITE', before);
    const announcement = (await RtpPeer.open({ address: '127.0.0.2' })).connect(request.body.toString());
    announcement.talk(1000);
    operator.answer(request, '183 Session Progress', { body: announcement.sdp() });
    await hears(anna, 1000);
    await announcement.close();
    operator.answer(request, '404 Not Found');
    await anna.next('CALL_CLOSED');
    expect(await recordOf(ours, 'acme')).toMatchObject({ direction: 'out', reason: 'doesNotExist', outcome: 'failed' });
  });
});

describe('click-to-call (§4.5.7)', () => {
  it('rings Anna, calls the number for her when she has picked up, and dials the digits behind it', async () => {
    const anna = await phone('anna', ours, { says: { hz: 440 }, answers: 'auto' });
    const before = operator.received.items.length;
    const ordered = await ours.post('/api/pbxs/acme/calls', { from: '401', to: '84955550000,45' });
    expect(ordered.status).toBe(202);
    const { id } = (await ordered.json()) as { id: string };
    await anna.next('CALL_ESTABLISHED');
    const { request } = await operator.takes('INVITE', before);
    expect(request.uri).toMatch(/^sip:74955550000@/);
    expect(uriOf(request, 'From')).toBe('sip:74950000001@operator.test');
    const office = (await RtpPeer.open({ address: '127.0.0.2' })).connect(request.body.toString());
    operator.answer(request, '200 OK', { body: office.sdp() });
    await operator.takes('ACK', before);
    await office.hears(440);
    await office.getsKeys('45', 5000);
    expect((await ours.post(`/api/pbxs/acme/calls/${id}/hangup`)).status).toBe(204);
    operator.answer((await operator.takes('BYE', before)).request, '200 OK');
    await anna.next('CALL_CLOSED');
    await office.close();
    expect(await recordOf(ours, 'acme')).toMatchObject({
      id,
      direction: 'out',
      employee: 'anna',
      to: '84955550000,45',
      outcome: 'answered',
      reason: 'userCommand',
      participants: [
        { kind: 'number', id: '74955550000', outcome: 'answered' },
        { kind: 'employee', id: 'anna', outcome: 'answered' },
      ],
    });
  });

  it('says why the first is not there', async () => {
    // She has no phone registered.
    const ordered = await ours.post('/api/pbxs/acme/calls', { from: { employee: 'anna' }, to: '402' });
    const { id } = (await ordered.json()) as { id: string };
    expect(await recordOf(ours, 'acme')).toMatchObject({ id, outcome: 'missed', reason: 'unavailable' });
  });
});

describe('limits against toll fraud', () => {
  it('refuse the call that meets one, and tell so by record, event, metric and log', async () => {
    const told = await EventClient.open(`${ours.url}/api/events?pbx=acme&types=alarm`);
    await told.count('reset', 1);
    // Clara may have one call to the outside at a time.
    const order = (to: string) => ours.post('/api/pbxs/acme/calls', { from: to, to: '401', employee: 'clara' });
    const before = operator.received.items.length;
    const first = (await (await order('79160000001')).json()) as { id: string };
    const { request } = await operator.takes('INVITE', before);
    operator.answer(request, '180 Ringing');
    const second = (await (await order('79160000002')).json()) as { id: string };
    const [alarm] = await told.count('alarm', 1);
    expect(LiveEvent.parse(alarm?.data)).toMatchObject({
      what: 'outgoingLimit',
      limit: 'concurrent',
      max: 1,
      employee: 'clara',
      number: '79160000002',
    });
    await told.close();
    operator.answer(request, '486 Busy Here');
    await idle(ours);
    const reasonOf = async (id: string) => (await ours.api<CallRecord>(`/api/pbxs/acme/history/${id}`)).reason;
    expect([await reasonOf(first.id), await reasonOf(second.id)]).toEqual(['busy', 'tooManyCalls']);
    expect(await ours.metric('kommutator_outgoing_refused_total')).toBe(1);
    expect(ours.program.text).toContain('"alarm":"outgoing-limit"');
  });
});

const uriOf = (request: SipRequest, header: string): string =>
  /<([^>]+)>/.exec(request.headers.get(header) ?? '')?.[1] ?? '';
