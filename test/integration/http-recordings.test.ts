import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HttpServer, type Recording, startHttp } from '../../src/http/index.ts';
import * as schemas from '../../src/http/schemas.ts';
import { systemClock } from '../../src/time/clock.ts';
import { FakeNode, liveCall } from '../support/http-ports.ts';
import { employee, pbxOf } from '../support/pbx.ts';
import { temporaryFolder } from '../support/temp.ts';

const acme = pbxOf({ employees: [employee('ivanov', '101')] });

const recording = (more: Partial<Recording> = {}): Recording => ({
  id: 'r-1',
  pbx: 'acme',
  call: 'call-1',
  start: Date.parse('2026-11-02T09:00:00Z'),
  ms: 12_340,
  direction: 'in',
  from: '79031112233',
  to: '74950000001',
  line: '74950000001',
  employee: 'ivanov',
  group: null,
  other: '79031112233',
  manual: false,
  stereo: true,
  format: 'wav',
  bytes: 100,
  mark: null,
  error: null,
  node: 'one',
  ...more,
});

let node: FakeNode;
let server: HttpServer;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const content = Buffer.from(Array.from({ length: 100 }, (_, i) => i));

beforeEach(async () => {
  folder = await temporaryFolder('audio');
  node = new FakeNode(acme);
  const path = join(folder.path, 'r-1.wav');
  await writeFile(path, content);
  node.recordings.push(recording(), recording({ id: 'r-2', node: 'far' }));
  node.audio.set('r-1', path);
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
  await folder[Symbol.asyncDispose]();
});

const ask = (path: string, init?: RequestInit) => fetch(`${server.url}/api/pbxs/acme${path}`, init);
const inJson = (method: string, body: unknown): RequestInit => ({
  method,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

describe('recordings over the API', () => {
  it('are listed page by page', async () => {
    const page = schemas.RecordingPage.parse(await (await ask('/recordings?limit=1&marked=false&minLength=5')).json());
    expect(page).toMatchObject({
      items: [{ id: 'r-1', length: 12.34, start: '2026-11-02T09:00:00.000Z' }],
      next: 'more',
    });
    expect((await ask('/recordings?mark=great')).status).toBe(400);
    expect(schemas.Recording.parse(await (await ask('/recordings/r-2')).json())).toMatchObject({ node: 'far' });
    expect(await (await ask('/recordings/r-9')).json()).toMatchObject({ code: 'no-such-recording' });
  });

  it('are heard, whole or in parts, and saved under a name', async () => {
    const whole = await ask('/recordings/r-1/audio');
    expect([whole.status, whole.headers.get('content-type'), whole.headers.get('accept-ranges')]).toEqual([
      200,
      'audio/wav',
      'bytes',
    ]);
    expect(whole.headers.get('content-length')).toBe('100');
    expect(Buffer.from(await whole.arrayBuffer())).toEqual(content);
    const part = await ask('/recordings/r-1/audio', { headers: { range: 'bytes=10-19' } });
    expect([part.status, part.headers.get('content-range'), part.headers.get('content-length')]).toEqual([
      206,
      'bytes 10-19/100',
      '10',
    ]);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(content.subarray(10, 20));
    const beyond = await ask('/recordings/r-1/audio', { headers: { range: 'bytes=100-' } });
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */100']);
    const saved = await ask('/recordings/r-1/audio?download=true');
    expect(saved.headers.get('content-disposition')).toBe(
      `attachment; filename="______ 1.wav"; filename*=UTF-8''%D0%98%D0%B2%D0%B0%D0%BD%D0%BE%D0%B2%201.wav`,
    );
    const head = await ask('/recordings/r-1/audio', { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '100', '']);
  });

  it('whose file is elsewhere, gone, or a link to another are not', async () => {
    expect(await (await ask('/recordings/r-2/audio')).json()).toMatchObject({ code: 'recording-elsewhere' });
    node.audio.set('r-1', join(folder.path, 'gone.wav'));
    expect(await (await ask('/recordings/r-1/audio')).json()).toMatchObject({ code: 'no-such-file' });
    const link = join(folder.path, 'link.wav');
    await symlink('/etc/hostname', link);
    node.audio.set('r-1', link);
    expect((await ask('/recordings/r-1/audio')).status).toBe(404);
  });

  it('are marked and deleted', async () => {
    const marked = await ask('/recordings/r-1/mark', inJson('PUT', { mark: 'good' }));
    expect(schemas.Recording.parse(await marked.json())).toMatchObject({ mark: 'good' });
    expect((await ask('/recordings/r-1/mark', inJson('PUT', { mark: null }))).status).toBe(200);
    expect((await ask('/recordings/r-1/mark', inJson('PUT', { mark: 'great' }))).status).toBe(400);
    expect((await ask('/recordings/r-2', { method: 'DELETE' })).status).toBe(409);
    expect((await ask('/recordings/r-1', { method: 'DELETE' })).status).toBe(204);
    expect((await ask('/recordings/r-1')).status).toBe(404);
  });
});

describe('recording a call in progress', () => {
  it('begins without a word, and begins or ends as is said', async () => {
    node.live.push(liveCall({ id: 'call-1', stage: 'conversation' }), liveCall({ id: 'call-2' }));
    expect(await (await ask('/calls/call-1/record', { method: 'POST' })).json()).toEqual({ recording: true });
    expect(await (await ask('/calls/call-1/record', inJson('POST', {}))).json()).toEqual({ recording: true });
    expect(await (await ask('/calls/call-1/record', inJson('POST', { on: false }))).json()).toEqual({
      recording: false,
    });
    expect(node.recorded).toEqual(['call-1 true', 'call-1 true', 'call-1 false']);
    expect(await (await ask('/calls/call-2/record', { method: 'POST' })).json()).toMatchObject({
      code: 'no-conversation',
    });
    expect((await ask('/calls/call-1/record', inJson('POST', { on: 'yes' }))).status).toBe(400);
  });
});
