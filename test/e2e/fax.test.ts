import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CallRecord } from '../../src/history/record.ts';
import { readTiff } from '../../src/media/tiff-file.ts';
import { pdfOfTiff } from '../../src/messages/fax/pdf.ts';
import { Phone } from '../support/baresip.ts';
import { Engine } from '../support/engine-process.ts';
import { pageOf, shown, shownByPdf, tiffOf } from '../support/fax-pages.ts';
import { startJack } from '../support/jack.ts';
import { MailServer, readMail } from '../support/mail-server.ts';
import { idle } from '../support/observe.ts';
import { freeUdpPort } from '../support/ports.ts';
import { temporaryFolder } from '../support/temp.ts';
import { tone, wavFile } from '../support/tones.ts';
import { eventually } from '../support/wait.ts';

/** Two companies with an engine each: the one sends, the other receives. In real time, as machines speak; so all faxes go side by side. */

interface Shown {
  readonly id: string;
  readonly state: string;
  readonly line: string;
  readonly number: string;
  readonly pages: number;
  readonly station: string;
  readonly employee: string | null;
  readonly error: string | null;
  readonly tries: readonly { readonly call: string; readonly error: string | null }[];
}

const sender = '74950000001';
/** Of the receiver: two with a menu, one that rings Anna. */
const lines = { whole: '74957770001', broken: '74957770002', anna: '74957770003' };
const password = 'Secret123';

let resources: AsyncDisposableStack;
let mail: MailServer;
let anna: Phone;
let sending: Engine;
let receiving: Engine;
let receivingVar: string;

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  const jack = resources.use(await startJack());
  mail = await MailServer.start();
  resources.defer(() => mail.stop());
  const [sendingPort, receivingPort] = await Promise.all([freeUdpPort(), freeUdpPort()]);
  receivingVar = resources.use(await temporaryFolder('var')).path;
  const start = async (
    document: {
      readonly pbx: { readonly id: string; readonly [key: string]: unknown };
      readonly [key: string]: unknown;
    },
    port: number,
    varDir?: string,
  ) => {
    const at = join(resources.use(await temporaryFolder('config')).path, document.pbx.id);
    await mkdir(at);
    await writeFile(join(at, 'greeting.wav'), wavFile(tone(600, 10_000)));
    await writeFile(join(at, 'pbx.json'), JSON.stringify(document));
    const env = { SIP_LISTEN: `udp://127.0.0.1:${port},tcp://127.0.0.1:0` };
    return resources.use(await Engine.start({ config: at, env, ...(varDir === undefined ? {} : { varDir }) }));
  };
  sending = await start(
    {
      pbx: { id: 'north', domains: ['north.test'] },
      numbers: [{ number: sender, scheme: 'main', source: { trunk: 'network' } }],
      trunks: [{ id: 'network', pstn: true, host: '127.0.0.1', ports: String(receivingPort) }],
      schemes: [{ id: 'main', steps: [{ hangup: true }] }],
    },
    sendingPort,
  );
  receiving = await start(
    {
      pbx: { id: 'south', name: 'South', domains: ['south.test'], language: 'en' },
      audio: [{ id: 'greeting', file: 'greeting.wav' }],
      numbers: Object.entries(lines).map(([name, number]) => ({
        ...{ number, source: { trunk: 'network' } },
        scheme: name === 'anna' ? 'anna' : 'menu',
      })),
      trunks: [{ id: 'network', host: '127.0.0.1', ports: String(sendingPort) }],
      schemes: [
        {
          id: 'menu',
          steps: [{ play: 'greeting', wait: true }],
          menu: { '1': { steps: [{ forward: { employee: 'anna' } }] } },
          rules: { fax: { to: ['office@south.example'] } },
        },
        { id: 'anna', steps: [{ forward: { employee: 'anna' } }] },
      ],
      employees: [
        {
          ...{ id: 'anna', name: 'Anna', extension: '401', email: 'anna@south.example' },
          accounts: [{ user: 'anna', domain: 'south.test', password }],
        },
      ],
      fax: { email: 'fax@south.example', copyToEmployee: true },
      mail: { smtp: mail.url, from: 'pbx@south.example' },
    },
    receivingPort,
    receivingVar,
  );
  const account = { user: 'anna', password, domain: 'south.test', proxy: receiving.sip, env: jack.env };
  anna = resources.use(await Phone.register({ ...account, answers: 'auto' }));
});
afterAll(() => resources.disposeAsync());

async function send(to: string, document: Uint8Array, type: string): Promise<Shown> {
  const answer = await fetch(`${sending.url}/api/pbxs/north/faxes?to=${to}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body: document,
  });
  expect(answer.status).toBe(202);
  return (await answer.json()) as Shown;
}

/** A fax takes its time: asks until it is in that state. */
async function inState(state: string, ask: () => Promise<Shown | undefined>): Promise<Shown> {
  const found = await eventually(`a fax that is ${state}`, ask, (fax) => fax?.state === state, 45_000);
  return found as Shown;
}
const sent = (state: string, id: string) => inState(state, () => sending.api<Shown>(`/api/pbxs/north/faxes/${id}`));
const received = (state: string, line: string) =>
  inState(state, async () =>
    (await receiving.api<{ items: Shown[] }>('/api/pbxs/south/faxes')).items.find((one) => one.line === line),
  );

const file = async (engine: Engine, path: string): Promise<Buffer> => {
  const answer = await fetch(`${engine.url}/api/pbxs/${path}`);
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/pdf']);
  return Buffer.from(await answer.arrayBuffer());
};

const letter = (to: string, says: RegExp) =>
  eventually(
    `the letter to ${to}`,
    () =>
      mail.taken
        .filter((one) => one.to.includes(to))
        .map(readMail)
        .find(({ text }) => says.test(text)),
    (found) => found !== undefined,
  );

/** Pages of the fax that comes in on this line that are on the receiver's disk. */
async function pagesOnDisk(line: string): Promise<number> {
  const folder = join(receivingVar, 'messages', 'fax', 'south');
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => one.endsWith('.open.json'))) {
    const text = await readFile(join(folder, name), 'utf8').catch(() => '{}');
    const record: { id?: string; line?: string } = JSON.parse(text || '{}');
    if (record.line !== line) continue;
    return readTiff(await readFile(join(folder, `${record.id}.tiff`)).catch(() => Buffer.alloc(0))).length;
  }
  return 0;
}

describe.concurrent('a fax from one engine to another', () => {
  it('is heard by its calling tone in the menu, arrives with each dot, and is mailed', async () => {
    const pages = [pageOf(1, { height: 300 }), pageOf(2, { height: 300 })];
    const job = await send(lines.whole, pdfOfTiff(tiffOf(pages)), 'application/pdf');
    const fax = await received('received', lines.whole);
    expect(fax).toMatchObject({ number: sender, pages: 2, station: `+${sender}`, error: null });
    expect(await sent('sent', job.id)).toMatchObject({
      pages: 2,
      station: `+${lines.whole}`,
      tries: [{ error: null }],
    });

    const arrived = await file(receiving, `south/faxes/${fax.id}/file`);
    expect(await shownByPdf(arrived)).toEqual(shown(pages));
    expect(await shownByPdf(await file(sending, `north/faxes/${job.id}/file`))).toEqual(shown(pages));
    const mailed = await letter('office@south.example', /2 pages/);
    expect(mailed?.attachments.map(({ type }) => type)).toEqual(['application/pdf']);
    expect(mailed?.attachments[0]?.content.equals(arrived)).toBe(true);
  });

  it('that breaks off on page 2 leaves page 1', async () => {
    const pages = [pageOf(3, { height: 100 }), pageOf(4, { height: 2000 })];
    const job = await send(lines.broken, tiffOf(pages), 'image/tiff');
    await eventually(
      'page 1',
      () => pagesOnDisk(lines.broken),
      (count) => count === 1,
      60_000,
    );
    const deleted = await fetch(`${sending.url}/api/pbxs/north/faxes/${job.id}`, { method: 'DELETE' });
    expect(deleted.status).toBe(204);
    const fax = await received('partial', lines.broken);
    expect(fax).toMatchObject({ pages: 1, error: expect.any(String) });
    expect(await shownByPdf(await file(receiving, `south/faxes/${fax.id}/file`))).toEqual(shown(pages.slice(0, 1)));
  });

  it('is taken by an employee with #0, in a conversation', async () => {
    const pages = [pageOf(5, { height: 100 })];
    const job = await send(lines.anna, tiffOf(pages), 'image/tiff');
    await eventually(
      'the two to talk',
      () => receiving.api<{ line: string; stage: string }[]>('/api/pbxs/south/calls'),
      (calls) => calls.some(({ line, stage }) => line === lines.anna && stage === 'conversation'),
    );
    anna.press('#0');
    const fax = await received('received', lines.anna);
    expect(fax).toMatchObject({ employee: 'anna', pages: 1 });
    expect(await shownByPdf(await file(receiving, `south/faxes/${fax.id}/file`))).toEqual(shown(pages));
    const copy = await letter('anna@south.example', /1 page/);
    expect(copy?.attachments).toHaveLength(1);
    await sent('sent', job.id);
  });
});

it('all of them stand in the histories, and nothing is left', async () => {
  await Promise.all([idle(sending), idle(receiving)]);
  const records = async (engine: Engine, pbx: string, count: number) =>
    eventually(
      'the records',
      async () => (await engine.api<{ items: CallRecord[] }>(`/api/pbxs/${pbx}/history`)).items,
      (items) => items.length === count,
    );
  const came = await records(receiving, 'south', 3);
  const technical = Object.fromEntries(came.map(({ line, technical }) => [line, technical]));
  expect(technical).toEqual({ [lines.whole]: 'fax', [lines.broken]: 'fax', [lines.anna]: null });
  const went = await records(sending, 'north', 3);
  expect(went.map(({ direction, outcome }) => `${direction} ${outcome}`)).toEqual(Array(3).fill('out answered'));
  expect(`${sending.program.text}${receiving.program.text}`).not.toMatch(/"level":(50|60)/);
});
