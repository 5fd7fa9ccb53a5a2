import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { type Fax, type HttpServer, startHttp } from '../../src/http/index.ts';
import * as schemas from '../../src/http/schemas.ts';
import { systemClock } from '../../src/time/clock.ts';
import { FakeNode } from '../support/http-ports.ts';
import { employee, pbxOf } from '../support/pbx.ts';
import { temporaryFolder } from '../support/temp.ts';

const acme = pbxOf({ employees: [employee('ivanov', '101')] });

const fax = (more: Partial<Fax> = {}): Fax => ({
  id: 'f-1',
  direction: 'in',
  state: 'received',
  at: Date.parse('2026-11-02T09:00:00Z'),
  node: 'one',
  call: 'call-1',
  number: '79031112233',
  line: '74950000001',
  station: '+7 903 1112233',
  pages: 2,
  totalPages: null,
  bitRate: 14_400,
  ecm: true,
  resolution: { x: 204, y: 196 },
  error: null,
  read: false,
  employee: null,
  name: null,
  tries: [],
  nextAt: null,
  giveUpAt: null,
  ...more,
});

let node: FakeNode;
let server: HttpServer;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeEach(async () => {
  folder = await temporaryFolder('faxes');
  node = new FakeNode(acme);
  node.faxes.push(
    fax(),
    fax({ id: 'f-2', state: 'failed', pages: 0, error: 'no fax machine has answered' }),
    fax({
      ...{ id: 'f-3', direction: 'out', state: 'waiting', totalPages: 3, pages: 1, node: 'far', call: null },
      tries: [{ at: Date.parse('2026-11-02T09:00:01Z'), call: 'call-3', pages: 1, error: 'Busy' }],
      ...{ nextAt: Date.parse('2026-11-02T09:05:00Z'), giveUpAt: Date.parse('2026-11-02T10:00:00Z') },
    }),
  );
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

const ask = (path: string, init?: RequestInit) => fetch(`${server.url}/api/pbxs/acme/faxes${path}`, init);
const codeOf = async (answer: Promise<Response>) => {
  const { status, ...rest } = await answer.then(async (it) => ({ status: it.status, body: await it.json() }));
  return [status, (rest.body as { code: string }).code];
};

describe('faxes over the API', () => {
  it('are listed, all or those of a direction and state, and told one by one', async () => {
    const all = schemas.FaxPage.parse(await (await ask('')).json());
    expect(all.items.map(({ id }) => id)).toEqual(['f-1', 'f-2', 'f-3']);
    const some = schemas.FaxPage.parse(await (await ask('?direction=in&state=failed&state=partial')).json());
    expect(some.items).toMatchObject([{ id: 'f-2', error: 'no fax machine has answered' }]);
    expect(schemas.Fax.parse(await (await ask('/f-3')).json())).toMatchObject({
      state: 'waiting',
      tries: [{ at: '2026-11-02T09:00:01.000Z', call: 'call-3', pages: 1, error: 'Busy' }],
      nextTry: '2026-11-02T09:05:00.000Z',
      triedUntil: '2026-11-02T10:00:00.000Z',
    });
    expect(await codeOf(ask('/f-9'))).toEqual([404, 'no-such-fax']);
    expect((await ask('?state=lost')).status).toBe(400);
  });

  it('give their pages, where they are', async () => {
    const path = join(folder.path, 'f-1.pdf');
    await writeFile(path, '%PDF-1.4');
    node.faxFiles.set('f-1.pdf', path);
    const file = await ask('/f-1/file');
    expect([file.status, file.headers.get('content-type'), await file.text()]).toEqual([
      200,
      'application/pdf',
      '%PDF-1.4',
    ]);
    expect(await codeOf(ask('/f-1/file?format=tiff'))).toEqual([409, 'fax-elsewhere']);
    expect(await codeOf(ask('/f-2/file'))).toEqual([404, 'fax-without-pages']);
    expect(await codeOf(ask('/f-3/file'))).toEqual([409, 'fax-elsewhere']);
  });

  it('are marked and deleted', async () => {
    const headers = { 'content-type': 'application/json' };
    const mark = (body: unknown) => ask('/f-1', { method: 'PUT', headers, body: JSON.stringify(body) });
    expect(schemas.Fax.parse(await (await mark({ read: true })).json())).toMatchObject({ read: true });
    expect((await mark({ read: 'yes' })).status).toBe(400);
    expect(await codeOf(ask('/f-3', { method: 'DELETE' }))).toEqual([409, 'fax-elsewhere']);
    expect((await ask('/f-1', { method: 'DELETE' })).status).toBe(204);
    expect(await codeOf(ask('/f-1', { method: 'DELETE' }))).toEqual([404, 'no-such-fax']);
  });

  it('are taken to be sent, as bytes of a known kind', async () => {
    const post = (query: string, type: string | undefined, body: string | Uint8Array) =>
      ask(query, { method: 'POST', headers: type ? { 'content-type': type } : {}, body });
    const taken = await post('?to=%2B7%20495%20765-43-21&name=Contract', 'application/pdf', Buffer.from('%PDF'));
    expect(taken.status).toBe(202);
    schemas.Fax.parse(await taken.json());
    expect(node.faxesToSend).toMatchObject([{ to: '+7 495 765-43-21', name: 'Contract', type: 'application/pdf' }]);
    expect(Buffer.from(node.faxesToSend[0]?.document ?? []).toString()).toBe('%PDF');
    expect((await post('?to=1', 'image/tiff', Buffer.from('II'))).status).toBe(202);
    expect(node.faxesToSend[1]?.type).toBe('image/tiff');

    expect((await post('', 'application/pdf', Buffer.from('%PDF'))).status).toBe(400);
    expect((await post('?to=1', 'application/msword', Buffer.from('x'))).status).toBe(415);
    expect((await post('?to=1', 'application/json', '{}')).status).toBe(415);
    expect((await post('?to=1', 'application/pdf', Buffer.alloc(0))).status).toBe(415);
    // Other routes take no such bytes, nor so many.
    const other = await fetch(`${server.url}/api/pbxs/acme/faxes/f-1`, {
      method: 'PUT',
      headers: { 'content-type': 'application/pdf' },
      body: Buffer.from('%PDF'),
    });
    expect(other.status).toBe(400);
    expect(node.faxesToSend).toHaveLength(2);
  });

  it.each([
    ['fax-document', 400],
    ['fax-number', 400],
    ['fax-line', 400],
    ['fax-poppler', 503],
    ['fax-unavailable', 503],
  ])('that are refused with %s are answered by %i and a hint', async (code, status) => {
    node.faxRefusal = new UserError(code, 'It cannot be faxed', 'Do something else.');
    const answer = await ask('?to=1', {
      method: 'POST',
      headers: { 'content-type': 'image/tiff' },
      body: Buffer.from('II'),
    });
    expect(answer.status).toBe(status);
    expect(await answer.json()).toEqual({ code, message: 'It cannot be faxed', hint: 'Do something else.' });
  });

  it('of more than 20 MB are not taken', async () => {
    const answer = await ask('?to=1', {
      method: 'POST',
      headers: { 'content-type': 'application/pdf' },
      body: Buffer.alloc(20 * 1024 * 1024 + 1),
    });
    expect(answer.status).toBe(413);
    expect(node.faxesToSend).toEqual([]);
  });
});
