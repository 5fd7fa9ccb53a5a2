import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Phone, type PhoneOptions } from '../support/baresip.ts';
import { Engine } from '../support/engine-process.ts';
import { startJack } from '../support/jack.ts';
import { idle, lastRecord } from '../support/observe.ts';
import { freeUdpPort } from '../support/ports.ts';
import { RawPhone } from '../support/raw-phone.ts';
import { RtpPeer } from '../support/rtp-peer.ts';
import { temporaryFolder } from '../support/temp.ts';
import { isSilent, melody, tone, wavFile } from '../support/tones.ts';
import { eventually } from '../support/wait.ts';

/**
 * What becomes of a call from outside before two people talk (2-call-behaviour §1, §3): refused, sent elsewhere, introduced, taken over by an assistant.
 * Operators are plain sockets, and so are the phones where nothing is heard.
 */

const domain = 'acme.test';
const password = 'Secret123';

/** Hz: no two are alike, and none is a DTMF frequency. */
const tunes = { warning: 600, away: 800 } as const;
const saying = { anna: 440, boris: 1100, caller: 1000 } as const;
const all = [...Object.values(tunes), ...Object.values(saying)];

const numbers = { operator: '74950000001', narrow: '74950000002', warned: '74950000003', assisted: '74950000004' };
const blacklisted = '79990000000';
/** Whose calls are forwarded by his number. */
const forwarded = '79161112233';
const anybody = '79031112233';

let resources: AsyncDisposableStack;
let jack: Awaited<ReturnType<typeof startJack>>;
let engine: Engine;
/** An operator who sends as many calls as he likes, and one who has a single line. */
let operator: RawPhone;
let narrow: RawPhone;
const phones: AsyncDisposable[] = [];

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  jack = resources.use(await startJack());
  const port = await freeUdpPort();
  operator = await raw('operator', port, '127.0.0.2');
  narrow = await raw('narrow', port, '127.0.0.3');
  resources.defer(() => operator.close());
  resources.defer(() => narrow.close());

  const folder = resources.use(await temporaryFolder('config'));
  await write(folder.path);
  const listen = `udp://127.0.0.1:${port},tcp://127.0.0.1:0`;
  engine = resources.use(await Engine.start({ config: folder.path, env: { SIP_LISTEN: listen } }));
});
afterEach(async () => {
  for (const one of phones.splice(0)) await one[Symbol.asyncDispose]();
  await idle(engine);
});
afterAll(() => resources.disposeAsync());

const raw = (user: string, port: number, host?: string) =>
  RawPhone.open({ user, domain, server: { host: '127.0.0.1', port }, ...(host === undefined ? {} : { host }) });

async function write(folder: string): Promise<void> {
  const trunk = (id: string, { host, port }: RawPhone, number: string, lines: number) => ({
    id,
    host,
    ports: String(port),
    options: false,
    lines,
    numbers: [{ number }],
  });
  const document = {
    pbx: { id: 'acme', domains: [domain], timezone: 'Europe/Moscow', country: 'RU', announceCallerNumber: true },
    defaults: {
      // biome-ignore lint/suspicious/noThenProperty: the format names it so
      employee: { ringTime: 10, unavailableMessage: null, then: { hangup: true } },
    },
    trunks: [trunk('operator', operator, numbers.operator, 0), trunk('narrow', narrow, numbers.narrow, 1)],
    numbers: [
      { number: numbers.operator, scheme: 'anna', source: { trunk: 'operator' } },
      { number: numbers.narrow, scheme: 'anna', source: { trunk: 'narrow' } },
      {
        number: numbers.warned,
        scheme: 'anna',
        source: { passive: `warned@${domain}` },
        warning: { audio: 'warning', to: 'employee' },
      },
      { number: numbers.assisted, scheme: 'clara', source: { passive: `assisted@${domain}` } },
    ],
    schemes: ['anna', 'clara'].map((id) => ({ id, steps: [{ forward: { employee: id } }] })),
    screening: { mode: 'blacklist', entries: [{ number: blacklisted }] },
    forwarding: [{ from: forwarded, to: { employee: 'boris' } }],
    employees: [
      employee('anna', '401'),
      // Nothing is said to a robot.
      employee('boris', '402', { robot: true }),
      // biome-ignore lint/suspicious/noThenProperty: the format names it so
      employee('clara', '403', { assistant: [{ after: 2, message: 'away', then: { employee: 'boris' } }] }),
    ],
    audio: Object.keys(tunes).map((id) => ({ id, file: `${id}.wav` })),
  };
  const at = join(folder, 'acme');
  await mkdir(at, { recursive: true });
  for (const [id, hz] of Object.entries(tunes)) await writeFile(join(at, `${id}.wav`), wavFile(tone(hz, 1000)));
  await writeFile(join(at, 'pbx.json'), JSON.stringify(document));
}

const employee = (id: string, extension: string, more: object = {}) => ({
  id,
  name: id,
  extension,
  accounts: [{ user: id, domain, password }],
  ...more,
});

/** A registered phone of plain sockets: what rings is what it is sent. */
async function desk(user: string): Promise<RawPhone> {
  const [host = '', port] = engine.sip.split(':');
  const one = await RawPhone.open({ user, domain, server: { host, port: Number(port) } });
  phones.push({
    [Symbol.asyncDispose]: async () => {
      await one.register(password, { contacts: ['*'], expires: 0 });
      one.close();
    },
  });
  expect((await one.register(password)).status).toBe(200);
  return one;
}

/** A phone with audio. */
async function phone(user: string, options: Partial<PhoneOptions> = {}): Promise<Phone> {
  const { registers = true } = options;
  const settings = { user, password, domain, proxy: engine.sip, env: jack.env, ...options };
  const one = registers ? await Phone.register(settings) : await Phone.start(settings);
  phones.push(one);
  return one;
}

const customer = () => phone(anybody, { domain: 'elsewhere.test', registers: false, says: { hz: saying.caller } });

/** An operator hands over a call, with audio. */
async function arrives(by: RawPhone, from: string, number: string) {
  const rtp = await RtpPeer.open({ address: by.host });
  phones.push({ [Symbol.asyncDispose]: () => rtp.close() });
  const mark = by.received.items.length;
  const invite = by.send({
    method: 'INVITE',
    uri: `sip:${number}@${domain}`,
    from: `<sip:${from}@operator.test>;tag=1`,
    headers: [['Contact', `<${by.contact}>`]],
    body: rtp.sdp(),
  });
  const response = (matches: (status: number) => boolean) => by.response(invite.callId, invite.cseq, matches, mark);
  return {
    rtp,
    early: (status: number) => response((one) => one === status),
    /** Waits for the refusal, and acknowledges it. */
    async refusal() {
      const refused = await response((status) => status >= 200);
      by.ack(invite, refused);
      return refused;
    },
    /** What came so far, in order. */
    get statuses() {
      return by.received.items.flatMap((message) =>
        message.kind === 'response' && message.headers.get('Call-ID') === invite.callId ? [message.status] : [],
      );
    },
  };
}

/** What has rung there. */
const invitesOf = ({ received }: RawPhone) =>
  received.items.filter((message) => message.kind === 'request' && message.method === 'INVITE').length;

const heardBy = async (one: Phone) => melody(await one.heard(), all);

const hears = (one: Phone, hz: number) =>
  eventually(
    `${one.options.user} to hear ${hz} Hz`,
    () => heardBy(one),
    (heard) => heard.includes(hz),
  );

const record = async () => {
  await idle(engine);
  return lastRecord(engine);
};

describe('from an operator', () => {
  it('a caller on the blacklist gets 486; nobody rings, and the history says why', async () => {
    const anna = await desk('anna');
    const call = await arrives(operator, blacklisted, numbers.operator);
    expect((await call.refusal()).status).toBe(486);
    expect(call.statuses).toEqual([100, 486]);
    expect(await record()).toMatchObject({
      direction: 'in',
      from: blacklisted,
      line: numbers.operator,
      outcome: 'missed',
      reason: 'blacklisted',
      stage: 'number',
      participants: [],
    });
    expect(invitesOf(anna)).toBe(0);
  });

  it('a caller whose number is forwarded rings somebody else than the scheme says', async () => {
    const [anna, boris] = [await desk('anna'), await desk('boris')];
    const call = await arrives(operator, forwarded, numbers.operator);
    const { request } = await boris.takes('INVITE');
    boris.answer(request, '180 Ringing');
    await call.early(180);
    boris.answer(request, '486 Busy Here');
    expect((await call.refusal()).status).toBe(486);
    expect(invitesOf(anna)).toBe(0);
    const { path, ...rest } = await record();
    expect(rest).toMatchObject({ from: forwarded, participants: [{ id: 'boris', outcome: 'busy' }] });
    expect(path.find(({ state }) => state === 'forwarding')).toMatchObject({
      detail: { from: forwarded, employee: 'boris' },
      why: 'forwarding rule 1',
    });
  });

  it('the second call on a single line hears that it is busy before the refusal; the first one goes on', async () => {
    const anna = await desk('anna');
    const first = await arrives(narrow, anybody, numbers.narrow);
    const { request } = await anna.takes('INVITE');
    anna.answer(request, '180 Ringing');
    await first.early(180);

    const second = await arrives(narrow, anybody, numbers.narrow);
    const progress = await second.early(183);
    second.rtp.connect(progress.body.toString());
    await second.rtp.until(
      () => !isSilent(second.rtp.heard(200)),
      10_000,
      () => 'the announcement was not heard',
    );
    expect((await second.refusal()).status).toBe(486);
    expect(second.statuses).toEqual([100, 183, 486]);
    expect(invitesOf(anna)).toBe(1);
    expect(first.statuses).toEqual([100, 180]);

    anna.answer(request, '486 Busy Here');
    expect((await first.refusal()).status).toBe(486);
    expect(await record()).toMatchObject({ line: numbers.narrow, participants: [{ id: 'anna', outcome: 'busy' }] });
  });
});

describe('before the two talk', () => {
  it('the employee hears who calls and the warning, the caller goes on hearing ringing; then they hear each other', async () => {
    const anna = await phone('anna', { says: { hz: saying.anna }, answers: 'auto' });
    const caller = await customer();
    caller.dial(`warned@${domain}`);
    await caller.next('CALL_RINGING');
    await caller.next('CALL_ESTABLISHED');
    await Promise.all([hears(caller, saying.anna), hears(anna, saying.caller)]);

    const sounds = (heard: readonly number[]) => heard.filter((hz) => hz !== 0);
    const heard = sounds(await heardBy(anna));
    expect(heard.indexOf(tunes.warning)).toBeGreaterThanOrEqual(0);
    expect(heard.indexOf(saying.caller)).toBeGreaterThan(heard.lastIndexOf(tunes.warning));
    expect(new Set(sounds(await heardBy(caller)))).toEqual(new Set([saying.anna]));
    // «Входящий звонок от …» and eleven digits take longer than three seconds to say.
    expect(millisecondsBefore(tunes.warning, await anna.heard())).toBeGreaterThan(3000);

    caller.hangUp();
    await anna.next('CALL_CLOSED');
    expect(await record()).toMatchObject({
      from: anybody,
      outcome: 'answered',
      endedBy: 'caller',
      participants: [{ id: 'anna', outcome: 'answered' }],
    });
  });
});

describe('an assistant', () => {
  it('takes over from an employee who does not answer: its message, then its target, and they talk', async () => {
    const clara = await phone('clara');
    const boris = await phone('boris', { says: { hz: saying.boris } });
    const caller = await customer();
    caller.dial(`assisted@${domain}`);
    await clara.next('CALL_INCOMING');
    await clara.next('CALL_CLOSED');
    await hears(caller, tunes.away);
    await boris.next('CALL_INCOMING');
    boris.answer();
    await Promise.all([hears(caller, saying.boris), hears(boris, saying.caller)]);
    const heard = await heardBy(caller);
    expect(heard.indexOf(saying.boris)).toBeGreaterThan(heard.lastIndexOf(tunes.away));
    expect(await heardBy(boris)).not.toContain(tunes.away);

    boris.hangUp();
    await caller.next('CALL_CLOSED');
    expect(await record()).toMatchObject({
      outcome: 'answered',
      endedBy: 'callee',
      participants: [
        { id: 'clara', outcome: 'noAnswer' },
        { id: 'boris', outcome: 'answered' },
      ],
    });
  });
});

/** How much was audible before the tone began. */
function millisecondsBefore(hz: number, samples: Int16Array): number {
  const window = 320;
  let audible = 0;
  for (let at = 0; at + window <= samples.length; at += window) {
    const piece = samples.subarray(at, at + window);
    if (melody(samples.subarray(at, at + 2 * window), [hz]).includes(hz)) break;
    if (!isSilent(piece)) audible += window / 8;
  }
  return audible;
}
