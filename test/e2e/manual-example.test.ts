import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { originOf } from '../../src/simulator/origin.ts';
import { parseScript } from '../../src/simulator/script.ts';
import { Simulator } from '../../src/simulator/simulator.ts';
import { Phone, type PhoneOptions } from '../support/baresip.ts';
import { Engine } from '../support/engine-process.ts';
import { startJack } from '../support/jack.ts';
import { address, audio, audioFiles, line, manualExample, password } from '../support/manual-example.ts';
import { idle, lastRecord } from '../support/observe.ts';
import { temporaryFolder } from '../support/temp.ts';
import { melody } from '../support/tones.ts';
import { eventually } from '../support/wait.ts';

/** The worked example of §4.4.2.1 as it is lived through: phones ring, keys are pressed, and who is heard is recognised by his tone. */

const { domain } = address;
/** What the two sides say, hertz. */
const voice = { caller: 1000, employee: 440 } as const;

/** The zone where it is about noon now, whenever this test runs; its day is made a working day. */
function whereItIsNoon(): Record<string, unknown> {
  const behind = new Date().getUTCHours() - 12;
  const timezone = behind === 0 ? 'UTC' : `Etc/GMT${behind > 0 ? '+' : '-'}${Math.abs(behind)}`;
  const today = new Date(Date.now() - behind * 3_600_000).toISOString().slice(0, 10);
  return { timezone, calendar: { workdays: [today] } };
}

/** The same company where it is about midnight. */
function whereItIsNight(): Record<string, unknown> {
  const behind = new Date().getUTCHours();
  return { timezone: behind === 0 ? 'UTC' : behind <= 12 ? `Etc/GMT+${behind}` : `Etc/GMT-${24 - behind}` };
}

let resources: AsyncDisposableStack;
let engine: Engine;
let config: string;
let jack: Awaited<ReturnType<typeof startJack>>;
const phones: Phone[] = [];

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  jack = resources.use(await startJack());
  const folder = resources.use(await temporaryFolder('config'));
  config = folder.path;
  const night = JSON.stringify(manualExample({ ...whereItIsNight(), id: 'night' }))
    .replaceAll(domain, nightDomain)
    .replaceAll(line, '74950000002');
  for (const [pbx, document] of [
    ['acme', JSON.stringify(manualExample(whereItIsNoon()))],
    ['night', night],
  ] as const) {
    const files: Record<string, string | Uint8Array> = { 'pbx.json': document, ...audioFiles() };
    for (const [path, content] of Object.entries(files)) {
      const file = join(folder.path, pbx, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    }
  }
  engine = resources.use(await Engine.start({ config: folder.path }));
});
afterEach(async () => {
  for (const one of phones.splice(0)) await one[Symbol.asyncDispose]();
});
afterAll(() => resources.disposeAsync());

const nightDomain = 'night.example';

async function phone(user: string, options: Partial<PhoneOptions> = {}): Promise<Phone> {
  const all = { user, password, domain, proxy: engine.sip, env: jack.env, ...options };
  const one = options.registers === false ? await Phone.start(all) : await Phone.register(all);
  phones.push(one);
  return one;
}

const employee = (id: string) => phone(id, { says: { hz: voice.employee } });

/** Somebody outside who calls the line and has been answered. */
async function caller(to: string = domain): Promise<Phone> {
  const one = await phone('stranger', { domain: 'elsewhere.test', registers: false, says: { hz: voice.caller } });
  one.dial(`${address.user}@${to}`);
  await one.next('CALL_ESTABLISHED');
  return one;
}

const all = [...Object.values(voice), ...Object.values(audio).map(({ hz }) => hz)];
const hears = (one: Phone, hz: number) =>
  eventually(
    `${one.options.user} to hear ${hz} Hz`,
    async () => melody(await one.heard(), all),
    (heard) => heard.includes(hz),
  );

/** Both hear each other, then the caller hangs up; nothing is left of the call. */
async function talk(from: Phone, to: Phone): Promise<void> {
  await Promise.all([hears(from, voice.employee), hears(to, voice.caller)]);
  from.hangUp();
  await to.next('CALL_CLOSED');
  for (const one of phones.splice(0)) await one[Symbol.asyncDispose]();
  await idle(engine);
}

/** What a scheme and its calls have decided, in order. */
const decisions = (path: readonly { state: string; event: string; detail?: unknown }[]) =>
  path.map(({ state, event, detail = {} }) => ({ state, event, detail }));

/** The same call, simulated. */
async function simulated(script: string, answers: string) {
  const { versions } = await loadConfig(config);
  const pbx = versions.find(({ id }) => id === 'acme');
  if (!pbx) throw new Error('no configuration');
  const { record } = await (await Simulator.open()).run({
    pbx,
    origin: originOf(pbx, 'stranger@elsewhere.test', line),
    at: Date.now(),
    script: parseScript(script),
    roles: { answer: [answers] },
  });
  return record;
}

const rung = async () => (await lastRecord(engine)).path.filter(({ event }) => event === 'ring');

describe('the worked example of §4.4.2.1 with phones', () => {
  it('greets on a working day; 1 rings «Клиентский отдел» and nobody else, and the two talk', async () => {
    const petrov = await employee('petrov');
    const orlov = await employee('orlov');
    const sidorov = await employee('sidorov');
    const client = await caller();
    await hears(client, audio.welcome.hz);
    client.press('1');
    await petrov.next('CALL_INCOMING');
    petrov.answer();
    await hears(petrov, voice.caller);
    for (const other of [orlov, sidorov]) {
      expect(other.events.items.map(({ type }) => type)).not.toContain('CALL_INCOMING');
    }
    await talk(client, petrov);
    expect(await rung()).toMatchObject([
      { state: 'main/workdays/1:0', detail: { employee: 'petrov', group: 'clients' } },
    ]);
    const { path } = await simulated('wait 1; press 1; wait 5; hangup', 'petrov@1');
    expect(decisions((await lastRecord(engine)).path)).toEqual(decisions(path));
  });

  it('2 rings «Отдел продаж», and when nobody answers there, a certain employee', async () => {
    const orlov = await employee('orlov');
    const sidorov = await employee('sidorov');
    const client = await caller();
    await hears(client, audio.welcome.hz);
    client.press('2');
    await orlov.next('CALL_INCOMING');
    expect(sidorov.events.items.map(({ type }) => type)).not.toContain('CALL_INCOMING');
    orlov.hangUp();
    // At the latest when the twenty seconds of the group are over.
    await sidorov.next('CALL_INCOMING', 40_000);
    sidorov.answer();
    await talk(client, sidorov);
    const employees = (await rung()).map(({ detail }) => detail?.employee);
    expect(employees.at(0)).toBe('orlov');
    expect(employees.at(-1)).toBe('sidorov');
  });

  it('plays the greeting to its end, and rings «Клиентский отдел» when no key was pressed', async () => {
    const petrov = await employee('petrov');
    const client = await caller();
    await hears(client, audio.welcome.hz);
    // Twelve seconds of greeting and ten in which he might press a key.
    await petrov.next('CALL_INCOMING', 40_000);
    petrov.answer();
    await talk(client, petrov);
    const { path } = await lastRecord(engine);
    const at = (event: string) => path.find((step) => step.event === event)?.t ?? Number.NaN;
    expect(at('wait')).toBeGreaterThanOrEqual(audio.welcome.seconds);
    expect(at('queue') - at('wait')).toBeGreaterThanOrEqual(9.9);
  });

  it('greets otherwise after a wrong key', async () => {
    const client = await caller();
    await hears(client, audio.welcome.hz);
    client.press('7');
    await hears(client, audio.wrong.hz);
    client.hangUp();
    await idle(engine);
  });

  it('greets otherwise outside working hours, and a key rings nobody', async () => {
    const client = await caller(nightDomain);
    await hears(client, audio.night.hz);
    client.press('1');
    client.hangUp();
    await client.next('CALL_CLOSED');
    await idle(engine);
    const { items } = await engine.api<{ items: { path: { event: string }[] }[] }>('/api/pbxs/night/history?limit=5');
    expect(items).toHaveLength(1);
    expect(items[0]?.path.map(({ event }) => event)).not.toContain('ring');
  });
});
