import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { type HttpServer, type StoredMessage, startHttp } from '../../src/http/index.ts';
import * as schemas from '../../src/http/schemas.ts';
import { systemClock } from '../../src/time/clock.ts';
import { Away, FakeNode } from '../support/http-ports.ts';
import { employee, pbxOf } from '../support/pbx.ts';

/** Voice messages over the API. */

const acme = pbxOf({ employees: [employee('anna', '401')] });

const message = (id: string, more: Partial<StoredMessage> = {}): StoredMessage => ({
  id,
  pbx: 'acme',
  call: 'call-1',
  employee: 'anna',
  at: '2026-11-02T08:00:00.000Z',
  from: '79031112233',
  fromName: null,
  line: '74950000001',
  ms: 12_400,
  ended: 'hangup',
  delivery: 'attach',
  to: ['anna@acme.example'],
  readAt: null,
  mailedAt: null,
  node: 'node-1',
  ...more,
});

let node: FakeNode;
let server: HttpServer;
let folder: string;

beforeEach(async () => {
  node = new FakeNode(acme);
  node.voicemail.push(message('m1'), message('m2', { employee: null, readAt: '2026-11-02T08:30:00.000Z' }));
  folder = await mkdtemp(join(tmpdir(), 'km-http-voicemail-'));
  server = await startHttp({
    listen: { host: '127.0.0.1', port: 0 },
    token: undefined,
    ports: node.ports,
    clock: systemClock,
    log: pino({ level: 'silent' }),
  });
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const ask = (path: string, init: RequestInit = {}) => fetch(`${server.url}/api/pbxs/acme/voicemail${path}`, init);

async function json<S extends z.ZodType>(response: Response, schema: S): Promise<z.output<S>> {
  expect(response.status).toBe(200);
  const value: unknown = await response.json();
  expect(value, 'keys that the document does not tell of').toEqual(schema.parse(value));
  return schema.parse(value);
}

const mark = (id: string, body: unknown) =>
  ask(`/${id}`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

describe('the list', () => {
  it('shows messages as the document says', async () => {
    const { items, next } = await json(await ask(''), schemas.VoicemailPage);
    expect(items).toMatchObject([
      { id: 'm1', employee: 'anna', duration: 12, read: false, readAt: null },
      { id: 'm2', employee: null, read: true, readAt: '2026-11-02T08:30:00.000Z' },
    ]);
    expect(next).toBeNull();
  });

  it.each([
    ['', {}, { limit: 100 }],
    ['?mailbox=anna', { mailbox: ['anna'] }, { limit: 100 }],
    ['?mailbox=-&mailbox=anna', { mailbox: [null, 'anna'] }, { limit: 100 }],
    ['?unread=true&limit=7', { unread: true }, { limit: 7 }],
    ['?unread=false&cursor=abc', { unread: false }, { limit: 100, cursor: 'abc' }],
    [
      '?since=2026-11-02T09:00:00Z&until=2026-11-03T09:00:00Z',
      { since: new Date('2026-11-02T09:00:00Z'), until: new Date('2026-11-03T09:00:00Z') },
      { limit: 100 },
    ],
  ])('%s asks for that', async (query, filter, page) => {
    expect((await ask(query)).status).toBe(200);
    expect(node.askedVoicemail).toEqual([{ pbx: 'acme', filter, page }]);
  });

  it.each(['?unread=perhaps', '?limit=0', '?since=yesterday', '?colour=red'])('%s is refused', async (query) => {
    const response = await ask(query);
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([400, 'bad-request']);
  });

  it('counts by mailbox', async () => {
    expect(await json(await ask('/mailboxes'), schemas.Mailboxes)).toEqual([{ employee: null, new: 2, old: 0 }]);
  });

  it('answers 503 while the database is away', async () => {
    node.fails = new Away();
    expect((await ask('')).status).toBe(503);
  });
});

describe('a message', () => {
  it('is shown, marked and deleted', async () => {
    expect(await json(await ask('/m1'), schemas.VoiceMessage)).toMatchObject({ id: 'm1', node: 'node-1' });
    expect(await json(await mark('m1', { read: true }), schemas.VoiceMessage)).toMatchObject({ read: true });
    expect(await json(await mark('m1', { read: false }), schemas.VoiceMessage)).toMatchObject({ read: false });
    expect((await mark('m1', { read: 'yes' })).status).toBe(400);
    expect((await ask('/m1', { method: 'DELETE' })).status).toBe(204);
    expect(node.voicemail.map(({ id }) => id)).toEqual(['m2']);
  });

  it('that is not there is 404, whatever is asked of it', async () => {
    const asked = [ask('/m9'), ask('/m9/audio'), mark('m9', { read: true }), ask('/m9', { method: 'DELETE' })];
    for (const response of await Promise.all(asked)) {
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([404, 'no-such-message']);
    }
  });

  it('is heard, whole and in parts', async () => {
    const file = join(folder, 'm1.wav');
    const content = Buffer.from('RIFF and what follows');
    await writeFile(file, content);
    node.audioFiles.set('m1', file);
    const whole = await ask('/m1/audio');
    expect([whole.status, whole.headers.get('content-type')]).toEqual([200, 'audio/wav']);
    expect(whole.headers.get('content-length')).toBe(String(content.length));
    expect(Buffer.from(await whole.arrayBuffer())).toEqual(content);
    const part = await ask('/m1/audio', { headers: { range: 'bytes=5-7' } });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 5-7/${content.length}`]);
    expect(await part.text()).toBe('and');
    expect((await ask('/m1/audio', { headers: { range: 'bytes=500-' } })).status).toBe(416);
    const named = async (query: string) => (await ask(`/m1/audio${query}`)).headers.get('content-disposition');
    expect(await named('')).toMatch(/^inline; filename="voicemail-m1\.wav"/);
    expect(await named('?download=true')).toMatch(/^attachment; filename="voicemail-m1\.wav"/);
  });

  it('whose audio another node has says which', async () => {
    const response = await ask('/m1/audio');
    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({ code: 'audio-elsewhere', hint: expect.stringContaining('node-1') });
  });
});
