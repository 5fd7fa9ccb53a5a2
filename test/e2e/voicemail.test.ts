import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Phone, type PhoneEvent, type PhoneOptions } from '../support/baresip.ts';
import { Engine } from '../support/engine-process.ts';
import { startJack } from '../support/jack.ts';
import { MailServer, readMail } from '../support/mail-server.ts';
import { idle, lastRecord } from '../support/observe.ts';
import { freeUdpPort } from '../support/ports.ts';
import { temporaryFolder } from '../support/temp.ts';
import { melody } from '../support/tones.ts';
import { eventually } from '../support/wait.ts';

/** Voicemail with a real phone, a real disk and a real mail server. What a caller says is a tone, which is looked for wherever his message comes out. */

const domain = 'acme.test';
const password = 'Secret123';
const said = 1000;

interface Message {
  readonly id: string;
  readonly employee: string | null;
  readonly duration: number;
  readonly ended: string;
  readonly from: string;
  readonly read: boolean;
}

let resources: AsyncDisposableStack;
let env: Record<string, string>;
let mail: MailServer;
let config: string;
let data: string;
let listen: string;

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  env = resources.use(await startJack()).env;
  mail = await MailServer.start();
  resources.defer(() => mail.stop());
  const folder = resources.use(await temporaryFolder('config'));
  data = resources.use(await temporaryFolder('data')).path;
  config = folder.path;
  listen = `udp://127.0.0.1:${await freeUdpPort()},tcp://127.0.0.1:0`;
  const document = {
    pbx: { id: 'acme', name: 'Ромашка', domains: [domain], timezone: 'Europe/Moscow' },
    defaults: { employee: { unavailableMessage: null } },
    numbers: [{ number: '74950000001', scheme: 'main', source: { passive: `line1@${domain}` } }],
    schemes: [{ id: 'main', steps: [{ forward: { employee: 'anna' } }] }],
    employees: [
      {
        ...{ id: 'anna', name: 'Анна', extension: '401', email: 'anna@acme.example' },
        accounts: [{ user: 'anna', domain, password }],
      },
    ],
    voicemail: { warning: null },
    mail: { smtp: mail.url, from: 'pbx@acme.example' },
  };
  await writeFile(join(config, 'acme.json'), JSON.stringify(document));
});
afterAll(() => resources.disposeAsync());

/** @param former whose SIP server goes on, where it has one */
const start = (former?: Engine) =>
  Engine.start({ config, varDir: data, env: { SIP_LISTEN: listen }, drachtio: former?.drachtio });

const phone = (engine: Engine, options: Pick<PhoneOptions, 'user'> & Partial<PhoneOptions>) =>
  Phone.start({ password, domain, proxy: engine.sip, env, ...options });

/** Calls a line whose employee has no phone, and speaks. */
async function caller(engine: Engine): Promise<Phone> {
  const one = await phone(engine, {
    user: '79031112233',
    domain: 'elsewhere.test',
    registers: false,
    says: { hz: said },
  });
  one.dial(`line1@${domain}`);
  await one.next('CALL_ESTABLISHED');
  return one;
}

const folder = () => join(data, 'messages', 'voicemail', 'acme');

/** Waits until so many callers have come to the tone, or farther, and have not been seen off. */
const begun = (count: number) =>
  eventually(
    `${count} messages that have begun`,
    async () => (await readdir(folder())).filter((name) => name.endsWith('.json')),
    ({ length }) => length === count,
  );

/** Waits until so much of a message that is being spoken is on the disk. @returns its milliseconds */
async function spoken(ms: number): Promise<number> {
  return eventually(
    `${ms} ms of a message`,
    async () => {
      const names = await readdir(folder()).catch(() => []);
      const draft = names.find((name) => name.endsWith('.json'));
      if (draft === undefined) return 0;
      return ((await stat(join(folder(), draft.replace('.json', '.wav'))).catch(() => ({ size: 44 }))).size - 44) / 16;
    },
    (length) => length >= ms,
  );
}

const messages = async (engine: Engine, count: number) =>
  eventually(
    `${count} messages`,
    async () => (await engine.api<{ items: Message[] }>('/api/pbxs/acme/voicemail?mailbox=anna')).items,
    ({ length }) => length === count,
  );

const letter = async (count: number) => {
  const [latest] = await eventually(
    `${count} letters`,
    () => mail.taken.slice(count - 1),
    ({ length }) => length === 1,
  );
  if (!latest) throw new Error('no letter');
  return { to: latest.to, ...readMail(latest) };
};

/** What a WAV file holds, as its header counts it. */
function samplesOf(wav: Buffer): Int16Array {
  return Int16Array.from({ length: wav.readUInt32LE(40) / 2 }, (_, i) => wav.readInt16LE(44 + 2 * i));
}

/** How much of it is the tone of the caller, milliseconds. */
const toneMs = (samples: Int16Array): number => {
  let windows = 0;
  for (let at = 0; at + 320 <= samples.length; at += 320) {
    // Two windows make a run that `melody` hears.
    if (melody(samples.slice(at, at + 640), [said]).includes(said)) windows++;
  }
  return windows * 40;
};

const audio = async (engine: Engine, { id }: Message) =>
  Buffer.from(await (await fetch(`${engine.url}/api/pbxs/acme/voicemail/${id}/audio`)).arrayBuffer());

it('a message is what was said, in the list, in the letter and by phone; and one whose engine is killed in its middle is there after the next start', async () => {
  await using first = await start();
  let wholeMs: number;
  {
    await using client = await caller(first);
    wholeMs = await spoken(2500);
    client.press('#');
    await client.next('CALL_CLOSED');
  }
  await idle(first);
  const [whole] = await messages(first, 1);
  expect(whole).toMatchObject({ employee: 'anna', ended: 'key', from: '79031112233', read: false });
  const stored = await audio(first, whole as Message);
  const samples = samplesOf(stored);
  expect(melody(samples, [said]).filter((hz) => hz !== 0)).toEqual([said]);
  expect(samples.length / 8).toBeGreaterThanOrEqual(wholeMs);
  expect(toneMs(samples)).toBeGreaterThan(wholeMs - 300);
  expect(await lastRecord(first)).toMatchObject({
    outcome: 'technical',
    technical: 'voicemail',
    stage: 'menu',
    voicemails: [whole?.id],
  });
  const told = await letter(1);
  expect(told.to).toEqual(['anna@acme.example']);
  expect(told.text).toContain('Анна');
  expect(told.attachments.map(({ type }) => type)).toEqual(['audio/wav']);
  expect(told.attachments[0]?.content.equals(stored)).toBe(true);

  await using speaking = await caller(first);
  const killedAt = await spoken(2500);
  await first.program.stop('SIGKILL');
  await using second = await start(first);
  const [interrupted] = await messages(second, 2);
  expect(interrupted).toMatchObject({ employee: 'anna', ended: 'interrupted', from: '79031112233' });
  const recovered = samplesOf(await audio(second, interrupted as Message));
  expect(recovered.length / 8).toBeGreaterThanOrEqual(killedAt);
  expect(toneMs(recovered)).toBeGreaterThan(killedAt - 300);
  const late = await letter(2);
  expect(samplesOf(late.attachments[0]?.content as Buffer)).toEqual(recovered);
  speaking.hangUp();

  await using anna = await phone(second, { user: 'anna', lamp: true });
  const lamp = async (says: RegExp) => {
    const shows = ({ type, param = '' }: PhoneEvent) => type === 'MWI_NOTIFY' && says.test(param);
    await anna.events.find(`a lamp that says ${says}`, shows);
  };
  await lamp(/Messages-Waiting: yes[\s\S]*Voice-Message: 2\/0/);
  anna.dial('*97');
  await anna.next('CALL_ESTABLISHED');
  const heard = await eventually(
    'the message by phone',
    async () => toneMs(await anna.heard()),
    (ms) => ms > wholeMs - 500,
  );
  expect(heard).toBeGreaterThan(0);
  // To its end.
  const items = await eventually(
    'a message that was heard',
    () => messages(second, 2),
    (all) => all.some(({ read }) => read),
  );
  expect(items.map(({ id }) => id)).toContain(whole?.id);
  anna.hangUp();
  await lamp(/Messages-Waiting: yes[\s\S]*Voice-Message: 1\/1/);
  for (const { id } of items) await fetch(`${second.url}/api/pbxs/acme/voicemail/${id}`, { method: 'DELETE' });
  await lamp(/Messages-Waiting: no[\s\S]*Voice-Message: 0\/0/);
  await idle(second);
});

it('a kill right after a caller has hung up, and while another one hears the tone, loses nothing of the one and leaves nothing of the other', async () => {
  await using first = await start();
  const before = (await first.api<{ items: Message[] }>('/api/pbxs/acme/voicemail?mailbox=anna')).items.length;
  await using done = await caller(first);
  const hungUpAt = await spoken(2000);
  await using waiting = await phone(first, { user: '79032223344', domain: 'elsewhere.test', registers: false });
  waiting.dial(`line1@${domain}`);
  await begun(2);
  done.hangUp();
  await done.next('CALL_CLOSED');
  await first.program.stop('SIGKILL');
  await using second = await start(first);
  const [left] = await messages(second, before + 1);
  expect(left).toMatchObject({ employee: 'anna', from: '79031112233' });
  const samples = samplesOf(await audio(second, left as Message));
  expect(samples.length / 8).toBeGreaterThanOrEqual(hungUpAt);
  expect(toneMs(samples)).toBeGreaterThan(hungUpAt - 300);
  expect(await begun(0)).toEqual([]);
  const { items } = await second.api<{ items: Message[] }>('/api/pbxs/acme/voicemail');
  expect(await readdir(folder())).toHaveLength(items.length);
  await idle(second);
});
