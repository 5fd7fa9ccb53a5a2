import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { load } from 'js-yaml';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { Secret } from '../../src/config/secret.ts';
import { groupFamilies } from '../../src/http/group-metrics.ts';
import { type HttpServer, startHttp } from '../../src/http/index.ts';
import * as schemas from '../../src/http/schemas.ts';
import { systemClock } from '../../src/time/clock.ts';
import { someCall } from '../support/calls.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { Away, FakeNode, liveCall, registration } from '../support/http-ports.ts';
import { employee, pbxOf } from '../support/pbx.ts';

const acme = pbxOf({
  pbx: { id: 'acme', name: 'ACME', domains: ['acme.example'] },
  employees: [employee('ivanov', '101', { name: 'Иванов' }), employee('petrov', '102'), employee('sidorov', '103')],
});

let node: FakeNode;
let logged: { level: number; msg: string; [key: string]: unknown }[];
const open: HttpServer[] = [];

beforeEach(() => {
  node = new FakeNode(acme);
  logged = [];
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

const log = pino({ level: 'debug' }, { write: (line: string) => logged.push(JSON.parse(line)) });

async function start(options: Partial<Parameters<typeof startHttp>[0]> = {}): Promise<HttpServer> {
  const server = await startHttp({
    listen: { host: '127.0.0.1', port: 0 },
    token: undefined,
    ports: node.ports,
    clock: systemClock,
    log,
    ...options,
  });
  open.push(server);
  return server;
}

interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, checked against a schema of the OpenAPI document. Keys that it does not have are an error. */
  json<S extends z.ZodType>(schema: S): z.output<S>;
}

async function ask(server: HttpServer, path: string, init?: RequestInit): Promise<Asked> {
  const response = await fetch(server.url + path, init);
  const body = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text: body,
    json: (schema) => {
      const value: unknown = JSON.parse(body);
      const parsed = schema.parse(value);
      expect(value, 'keys that the document does not tell of').toEqual(parsed);
      return parsed;
    },
  };
}

const post = (server: HttpServer, path: string, init: RequestInit = {}) =>
  ask(server, path, { method: 'POST', ...init });

/** A request whose Host `fetch` would not let through. */
async function askAs(server: HttpServer, headers: Record<string, string>): Promise<{ status?: number; body: string }> {
  const sent = request(`${server.url}/api/pbxs`, { headers });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { ...(response.statusCode === undefined ? {} : { status: response.statusCode }), body: await text(response) };
}

describe('the node', () => {
  it('lives', async () => {
    const server = await start();
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const answer = await ask(server, '/healthz');
    expect(answer.status).toBe(200);
    expect(answer.json(schemas.Health)).toEqual({ ok: true });
  });

  it('is ready when all its parts are', async () => {
    const answer = await ask(await start(), '/readyz');
    expect(answer.status).toBe(200);
    expect(answer.json(schemas.Readiness)).toEqual({
      ready: true,
      parts: { sip: true, redis: true },
      sipServers: [true, false],
    });
    expect(answer.text).not.toContain('10.0.0.9');
  });

  it('names the parts that fail, and keeps the reason to itself', async () => {
    node.readiness = {
      sip: () => true,
      redis: async () => Promise.reject(new Error('10.0.0.5 refused')),
      db: () => false,
    };
    const answer = await ask(await start(), '/readyz');
    expect(answer.status).toBe(503);
    expect(answer.json(schemas.Readiness)).toMatchObject({
      ready: false,
      parts: { sip: true, redis: false, db: false },
    });
    expect(answer.text).not.toContain('10.0.0.5');
    expect(logged).toContainEqual(expect.objectContaining({ part: 'redis', why: '10.0.0.5 refused' }));
  });

  it('does not wait for a part that hangs', async () => {
    const clock = new FakeClock();
    const asked = Promise.withResolvers<void>();
    node.readiness = {
      media: () => {
        asked.resolve();
        return new Promise(() => undefined);
      },
    };
    const answer = ask(await start({ clock }), '/readyz');
    await asked.promise;
    clock.advance(2000);
    expect((await answer).json(schemas.Readiness)).toMatchObject({ ready: false, parts: { media: false } });
    expect(clock.pending).toBe(0);
  });
});

describe('metrics', () => {
  /** Samples by name and labels, read as Prometheus does. */
  const samples = (exposition: string): Map<string, number> =>
    new Map(
      exposition
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => {
          const match = /^([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{(?:[a-zA-Z_]\w*="(?:[^"\\]|\\.)*",?)*\})?) (\S+)$/.exec(line);
          if (!match) throw new Error(`no sample: ${line}`);
          return [match[1] ?? '', Number(match[2])];
        }),
    );

  it('are what the dashboard and the alert rules speak of', async () => {
    const { text } = await ask(await start(), '/metrics');
    // One without a sample is not told: those of groups and trunks, where there are none.
    const source = await readFile(join(import.meta.dirname, '../../src/http/metrics.ts'), 'utf8');
    const given = new Set([
      ...[...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name = '']) => name),
      ...[...source.matchAll(/^ {6}name: '(kommutator_\w+)'/gm)].map(([, name = '']) => name),
      ...groupFamilies.map(({ name }) => name),
    ]);
    const docs = join(import.meta.dirname, '../../docs');
    const dashboard = JSON.parse(await readFile(join(docs, 'grafana-dashboard.json'), 'utf8')) as {
      panels: { title: string; targets: { expr: string }[] }[];
    };
    const { groups } = load(await readFile(join(docs, 'alerts.yml'), 'utf8')) as {
      groups: { rules: { alert: string; expr: string; annotations: Record<string, string> }[] }[];
    };
    const rules = groups.flatMap((group) => group.rules);
    const asked = [
      ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ by: title, expr }))),
      ...rules.map(({ alert, expr }) => ({ by: alert, expr })),
    ];
    expect(asked.length).toBeGreaterThan(30);
    for (const { by, expr } of asked) {
      const names = expr.match(/\b(?:kommutator|process|nodejs)_\w+/g) ?? [];
      if (!/^up\{/.test(expr)) expect(names.length, by).toBeGreaterThan(0);
      for (const name of names) expect(given, by).toContain(name);
    }
    for (const { alert, annotations } of rules)
      expect(Object.keys(annotations), alert).toEqual(['summary', 'description']);
    // And the other way round: nothing of ours is measured and never looked at.
    const seen = asked.map(({ expr }) => expr).join(' ');
    const unseen = [...given].filter(
      (name) => name?.startsWith('kommutator_') && !new RegExp(`\\b${name}\\b`).test(seen),
    );
    expect(unseen.sort()).toEqual(
      [
        'kommutator_busy_employees',
        ...['abandoned', 'answered', 'entered', 'offers'].map((what) => `kommutator_group_${what}_total`),
        ...['refused', 'timeouts'].map((what) => `kommutator_group_${what}_total`),
        'kommutator_group_ringing',
        'kommutator_group_wait_estimate_error_ratio',
      ].sort(),
    );
  });

  it('are text that Prometheus reads', async () => {
    node.live.push(liveCall());
    node.metrics.calls = () => ({ acme: 1 });
    node.devices.push(registration('ivanov@acme.example'));
    const answer = await ask(await start(), '/metrics');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const found = samples(answer.text);
    expect(Object.fromEntries([...found].filter(([name]) => name.startsWith('kommutator_')))).toEqual({
      'kommutator_calls{pbx="acme"}': 1,
      'kommutator_calls_ended_total{outcome="answered"}': 3,
      'kommutator_calls_ended_total{outcome="missed"}': 1,
      'kommutator_calls_ended_total{outcome="failed"}': 0,
      'kommutator_calls_ended_total{outcome="technical"}': 0,
      'kommutator_outgoing_refused_total{pbx="acme",limit="concurrent"}': 2,
      kommutator_busy_employees: 2,
      'kommutator_registrations{pbx="acme"}': 1,
      kommutator_sip_dialogs: 4,
      'kommutator_sip_server_up{server="10.0.0.8:9022"}': 1,
      'kommutator_sip_server_up{server="10.0.0.9:9022"}': 0,
      'kommutator_sip_server_up{server="node-2"}': 1,
      'kommutator_sip_server_dialogs{server="node-2"}': 1,
      'kommutator_sip_server_dialogs{server="10.0.0.8:9022"}': 4,
      'kommutator_sip_server_dialogs{server="10.0.0.9:9022"}': 0,
      'kommutator_sip_invites{direction="in"}': 1,
      'kommutator_sip_invites{direction="out"}': 2,
      kommutator_sip_malformed_total: 5,
      kommutator_media_endpoints: 6,
      kommutator_media_bridges: 3,
      kommutator_media_conferences: 1,
      kommutator_media_playbacks: 0,
      kommutator_rtp_rejected_total: 7,
      'kommutator_media_pacing_error_seconds{quantile="0.5"}': 0.0005,
      'kommutator_media_pacing_error_seconds{quantile="0.99"}': 0.002,
      'kommutator_media_pacing_error_seconds{quantile="1"}': 0.004,
      'kommutator_outbox_waiting{way="mail"}': 2,
      'kommutator_outbox_waiting{way="sms"}': 0,
      'kommutator_outbox_oldest_seconds{way="mail"}': 90,
      'kommutator_outbox_oldest_seconds{way="sms"}': 0,
      'kommutator_outbox_given_up_total{way="mail"}': 1,
      'kommutator_outbox_given_up_total{way="sms"}': 0,
      'kommutator_part_up{part="sip"}': 1,
      'kommutator_part_up{part="redis"}': 1,
      'kommutator_config_info{pbx="acme",version="test"}': 1,
    });
    expect(found.get('process_resident_memory_bytes')).toBeGreaterThan(1e6);
    for (const name of ['kommutator_calls', 'kommutator_calls_ended_total']) {
      expect(answer.text).toMatch(new RegExp(`^# HELP ${name} .+$`, 'm'));
    }
    expect(answer.text).toContain('# TYPE kommutator_calls_ended_total counter');
    expect(answer.text).toContain('# TYPE kommutator_calls gauge');
  });

  it('say what they can while a backend is away', async () => {
    node.fails = new Away('Redis');
    node.metrics.media = async () => undefined;
    const found = samples((await ask(await start(), '/metrics')).text);
    expect(found.get('kommutator_sip_dialogs')).toBe(4);
    expect([...found.keys()].filter((name) => /registrations|media_endpoints/.test(name))).toEqual([]);
    expect(logged).toContainEqual(expect.objectContaining({ metric: 'kommutator_registrations' }));
  });

  it('are the same for scrapes that overlap', async () => {
    const server = await start();
    const texts = await Promise.all(Array.from({ length: 5 }, () => ask(server, '/metrics')));
    for (const one of texts) expect(samples(one.text).get('kommutator_busy_employees')).toBe(2);
  });
});

describe('configuration', () => {
  it('lists the PBXs', async () => {
    const answer = await ask(await start(), '/api/pbxs');
    expect(answer.json(schemas.Pbxs)).toEqual([
      { id: 'acme', name: 'ACME', version: 'test', domains: ['acme.example'] },
    ]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('shows the document without its passwords', async () => {
    const answer = await ask(await start(), '/api/pbxs/acme/config');
    const { document } = answer.json(schemas.Config);
    expect(document).toMatchObject({ employees: [{ accounts: [{ user: 'ivanov', password: '[secret]' }] }, {}, {}] });
    expect(answer.text).not.toContain('Secret123');
  });

  it('reloads', async () => {
    const answer = await post(await start(), '/api/pbxs/acme/reload');
    expect(answer.json(schemas.Reload)).toEqual({ accepted: true, version: 'test', issues: [] });
  });

  it('tells why a reload was rejected', async () => {
    const issue = {
      severity: 'error',
      code: 'unknown-key',
      file: 'schemes/acme.json',
      line: 3,
      column: 5,
      path: 'pbx.nmae',
      message: 'Unknown key "nmae"',
      hint: 'Did you mean "name"?',
    } as const;
    node.reload = { accepted: false, issues: [issue] };
    const answer = await post(await start(), '/api/pbxs/acme/reload', {
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect(answer.json(schemas.Reload)).toEqual({ accepted: false, version: 'test', issues: [issue] });
  });

  it('checks the folder', async () => {
    const answer = await post(await start(), '/api/pbxs/acme/check');
    expect(answer.json(schemas.Check)).toMatchObject({ ok: true });
  });
});

describe('calls in progress', () => {
  beforeEach(() => {
    const since = Date.parse('2026-11-02T09:00:03Z');
    const party = { kind: 'employee', id: 'ivanov', name: 'Иванов', address: 'ivanov@acme.example', since } as const;
    node.live.push(liveCall(), liveCall({ id: 'call-2', parties: [{ ...party, state: 'ringing' }] }));
  });

  it('are listed', async () => {
    const calls = (await ask(await start(), '/api/pbxs/acme/calls')).json(schemas.LiveCalls);
    expect(calls).toMatchObject([
      { id: 'call-1', start: '2026-11-02T09:00:00.000Z', stage: 'menu', state: 'main/0', parties: [] },
      { id: 'call-2', parties: [{ id: 'ivanov', state: 'ringing', since: '2026-11-02T09:00:03.000Z' }] },
    ]);
  });

  it('are shown one by one', async () => {
    const call = (await ask(await start(), '/api/pbxs/acme/calls/call-2')).json(schemas.LiveCall);
    expect(call).toMatchObject({ id: 'call-2', from: '79161234567', line: '74951234567' });
  });

  it('are hung up', async () => {
    const answer = await post(await start(), '/api/pbxs/acme/calls/call-2/hangup');
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect(node.hungUp).toEqual(['call-2']);
  });

  const order = async (body: unknown) =>
    post(await start(), '/api/pbxs/acme/calls', {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  it.each([
    { from: '401', to: '74951234567,789' },
    { from: { employee: 'ivanov', contact: '79160000000' }, to: { group: 'sales' } },
    { from: '79161234567', to: { employee: 'ivanov' }, employee: 'petrov', callerId: '74951234567' },
  ])('are ordered: %j', async (body) => {
    const answer = await order(body);
    expect(answer.status).toBe(202);
    expect(answer.json(schemas.OrderedCall)).toEqual({ id: 'ordered-1' });
    expect(node.ordered).toEqual([body]);
  });

  it.each([
    { body: { from: '401' }, code: 'bad-request' },
    { body: { from: '401', to: '' }, code: 'bad-request' },
    { body: { from: '401', to: { scheme: 'main' } }, code: 'bad-request' },
    { body: { from: '401', to: '402', speed: 1 }, code: 'bad-request' },
    { body: { from: '401', to: 'nobody' }, code: 'no-such-number' },
  ])('are not ordered when that cannot be understood: $body', async ({ body, code }) => {
    const answer = await order(body);
    expect([answer.status, answer.json(schemas.Failure).code]).toEqual([400, code]);
    expect(node.ordered).toEqual([]);
  });

  const transfer = async (id: string, body: unknown) => {
    node.live.push(liveCall({ id: 'call-3', stage: 'conversation' }));
    return post(await start(), `/api/pbxs/acme/calls/${id}/transfer`, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  };

  it('are transferred', async () => {
    expect((await transfer('call-3', { to: '450' })).status).toBe(202);
    expect((await transfer('call-3', { to: '79161234567', employee: 'ivanov' })).status).toBe(202);
    expect(node.transferred).toEqual([
      ['call-3', '450', undefined],
      ['call-3', '79161234567', 'ivanov'],
    ]);
  });

  it.each([
    { id: 'call-1', body: { to: '450' }, status: 409, code: 'no-conversation' },
    { id: 'call-3', body: { to: 'now' }, status: 409, code: 'not-now' },
    { id: 'call-3', body: { to: 'nobody' }, status: 400, code: 'no-such-number' },
    { id: 'call-3', body: { to: '' }, status: 400, code: 'bad-request' },
    { id: 'call-3', body: { to: '450', by: 'ivanov' }, status: 400, code: 'bad-request' },
  ])('are not transferred: $id to $body', async ({ id, body, status, code }) => {
    const answer = await transfer(id, body);
    expect([answer.status, answer.json(schemas.Failure).code]).toEqual([status, code]);
    expect(node.transferred).toEqual([]);
  });

  it.each([
    ['GET', '/api/pbxs/acme/calls/call-9'],
    ['POST', '/api/pbxs/acme/calls/call-9/hangup'],
  ])('that are over are not there: %s %s', async (method, path) => {
    const answer = await ask(await start(), path, { method });
    expect(answer.status).toBe(404);
    expect(answer.json(schemas.Failure)).toEqual({
      code: 'no-such-call',
      message: 'No call "call-9" is in progress on this node',
      hint: 'If it has ended, it stands in the history.',
    });
    expect(node.hungUp).toEqual([]);
  });
});

describe('phones and people', () => {
  it('lists registrations by account', async () => {
    node.devices.push(
      registration('petrov@acme.example', { receivedFrom: { protocol: 'tcp', address: '::1', port: 5070 } }),
      registration('gone@acme.example'),
      registration('ivanov@acme.example'),
    );
    const phones = (await ask(await start(), '/api/pbxs/acme/registrations')).json(schemas.Registrations);
    expect(phones.map(({ account, employee: who, address }) => [account, who, address])).toEqual([
      ['gone@acme.example', null, 'udp/127.0.0.1:5062'],
      ['ivanov@acme.example', 'ivanov', 'udp/127.0.0.1:5062'],
      ['petrov@acme.example', 'petrov', 'tcp/[::1]:5070'],
    ]);
    expect(phones[2]).toMatchObject({ expires: 600, until: '2026-11-02T09:09:00.000Z', userAgent: 'Phone 1.0' });
  });

  it('shows what employees are doing: the call that tells most', async () => {
    const at = (second: number) => Date.parse('2026-11-02T09:00:00Z') + second * 1000;
    const party = (id: string, state: 'ringing' | 'talking', since: number) =>
      ({ kind: 'employee', id, name: id, address: `${id}@acme.example`, state, since }) as const;
    node.devices.push(registration('ivanov@acme.example'), registration('petrov@acme.example'));
    node.busy.add('acme/ivanov').add('acme/petrov');
    node.live.push(
      liveCall({ id: 'ring', parties: [party('ivanov', 'ringing', at(9))] }),
      liveCall({
        id: 'talk',
        direction: 'internal',
        employee: 'petrov',
        start: at(2),
        since: at(3),
        stage: 'employee',
        parties: [party('ivanov', 'talking', at(5))],
      }),
    );
    const people = (await ask(await start(), '/api/pbxs/acme/employees')).json(schemas.Employees);
    expect(
      people.map(({ id, state, call, since, busy, registered }) => ({ id, state, call, since, busy, registered })),
    ).toEqual([
      { id: 'ivanov', state: 'talking', call: 'talk', since: '2026-11-02T09:00:05.000Z', busy: true, registered: true },
      { id: 'petrov', state: 'calling', call: 'talk', since: '2026-11-02T09:00:02.000Z', busy: true, registered: true },
      { id: 'sidorov', state: 'offline', call: null, since: null, busy: false, registered: false },
    ]);
    expect(people[0]).toMatchObject({
      name: 'Иванов',
      extension: '101',
      accounts: [{ account: 'ivanov@acme.example', devices: [{ contact: 'sip:ivanov@127.0.0.1:5062' }] }],
    });
  });

  it.each([
    ['free', true, false],
    ['offline', false, false],
    ['busy', true, true],
    ['busy', false, true],
  ])('without a call that is known an employee is %s (registered %s, busy %s)', async (state, registered, busy) => {
    if (registered) node.devices.push(registration('ivanov@acme.example'));
    if (busy) node.busy.add('acme/ivanov');
    const [ivanov] = (await ask(await start(), '/api/pbxs/acme/employees')).json(schemas.Employees);
    expect(ivanov).toMatchObject({ state, registered, busy, since: null });
  });
});

describe('history', () => {
  it('is a page of records, and the way to the next', async () => {
    node.records.push(someCall({ pbx: 'acme', id: 'b' }), someCall({ pbx: 'acme', id: 'a' }));
    node.next = 'opaque';
    const page = (await ask(await start(), '/api/pbxs/acme/history?limit=2')).json(schemas.HistoryPage);
    expect(page.items.map(({ id }) => id)).toEqual(['b', 'a']);
    expect(page.next).toBe('opaque');
    expect(node.asked).toEqual([{ pbx: 'acme', filter: {}, page: { limit: 2 } }]);
  });

  it('is filtered as asked', async () => {
    const query = new URLSearchParams([
      ['since', '2026-11-02T00:00:00+03:00'],
      ['until', '2026-11-03T00:00:00Z'],
      ['direction', 'in'],
      ['outcome', 'missed'],
      ['outcome', 'failed'],
      ['code', '1111'],
      ['number', '495'],
      ['participant', 'ivanov'],
      ['missedBy', 'nobody'],
      ['match', 'all'],
      ['cursor', 'opaque'],
    ]);
    const answer = await ask(await start(), `/api/pbxs/acme/history?${query}`);
    expect(answer.status).toBe(200);
    expect(node.asked).toEqual([
      {
        pbx: 'acme',
        filter: {
          since: new Date('2026-11-01T21:00:00Z'),
          until: new Date('2026-11-03T00:00:00Z'),
          direction: ['in'],
          outcome: ['missed', 'failed'],
          code: [1111],
          number: '495',
          participant: ['ivanov'],
          missedBy: ['nobody'],
          match: 'all',
        },
        page: { limit: 100, cursor: 'opaque' },
      },
    ]);
  });

  it.each([
    'limit=0',
    'limit=501',
    'limit=many',
    'limit=1&limit=2',
    'since=yesterday',
    'outcome=lost',
    'outcome=missed&outcome=lost',
    'code=x',
    'match=none',
    'cursor=',
    'outcom=missed',
  ])('refuses ?%s', async (query) => {
    const answer = await ask(await start(), `/api/pbxs/acme/history?${query}`);
    expect(answer.status).toBe(400);
    expect(answer.json(schemas.Failure)).toMatchObject({ code: 'bad-request' });
    expect(answer.json(schemas.Failure).message).toContain(`"${query.split('=')[0]}"`);
    expect(node.asked).toEqual([]);
  });

  it('is a table for those who want one', async () => {
    node.records.push(someCall({ pbx: 'acme', id: 'a', fromName: '=1+1' }), someCall({ pbx: 'acme', id: 'b' }));
    node.next = 'a b';
    const headers = { accept: 'text/csv' };
    const answer = await ask(await start(), '/api/pbxs/acme/history?outcome=answered&cursor=old', { headers });
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="acme-calls.csv"');
    expect(answer.headers.get('link')).toBe('</api/pbxs/acme/history?outcome=answered&cursor=a+b>; rel="next"');
    const [heading = '', first = '', ...rest] = answer.text.split('\r\n');
    const cell = (line: string, name: string) => line.split(',')[heading.split(',').indexOf(name)];
    expect(cell(first, 'id')).toBe('a');
    expect(cell(first, 'fromName')).toBe("'=1+1");
    expect(cell(first, 'duration')).toBe('43');
    expect(cell(first, 'participants')).toBe('ivanov (answered)');
    expect(rest).toHaveLength(2);
    expect(rest.at(-1)).toBe('');
  });

  it('has each call', async () => {
    node.records.push(someCall({ pbx: 'acme', id: 'a/b?c' }));
    const server = await start();
    const path = `/api/pbxs/acme/history/${encodeURIComponent('a/b?c')}`;
    expect((await ask(server, path)).json(schemas.Record)).toEqual(node.records[0]);
    const missing = await ask(server, '/api/pbxs/acme/history/x');
    expect([missing.status, missing.json(schemas.Failure).code]).toEqual([404, 'no-such-call']);
  });
});

describe('failures', () => {
  it.each([
    ['GET', '/api/pbxs/nobody/config'],
    ['POST', '/api/pbxs/nobody/reload'],
    ['POST', '/api/pbxs/nobody/check'],
    ['GET', '/api/pbxs/nobody/calls'],
    ['GET', '/api/pbxs/nobody/calls/x'],
    ['POST', '/api/pbxs/nobody/calls/x/hangup'],
    ['GET', '/api/pbxs/nobody/registrations'],
    ['GET', '/api/pbxs/nobody/employees'],
    ['GET', '/api/pbxs/nobody/history'],
    ['GET', '/api/pbxs/nobody/history/x'],
  ])('an unknown PBX: %s %s', async (method, path) => {
    const answer = await ask(await start(), path, { method });
    expect(answer.status).toBe(404);
    expect(answer.json(schemas.Failure)).toEqual({
      code: 'no-such-pbx',
      message: 'There is no PBX "nobody"',
      hint: 'GET /api/pbxs lists them.',
    });
  });

  it.each([
    ['GET', '/', 404, 'no-such-route'],
    ['GET', '/api/nothing?token=x', 404, 'no-such-route'],
    ['DELETE', '/api/pbxs', 404, 'no-such-route'],
    ['GET', '/api/pbxs/acme/reload', 404, 'no-such-route'],
    ['GET', '/api/pbxs/%E0%A4%A/config', 400, 'bad-path'],
    ['GET', `/api/pbxs/${'x'.repeat(300)}/config`, 414, 'bad-path'],
    ['GET', '/api/pbxs?x=1', 400, 'bad-request'],
  ])('%s %s: %d %s', async (method, path, status, code) => {
    const answer = await ask(await start(), path, { method });
    expect([answer.status, answer.json(schemas.Failure).code]).toEqual([status, code]);
    expect(answer.text).not.toContain('token');
  });

  it.each([
    ['no JSON', '{', 'application/json', 400, 'bad-body'],
    ['nothing', '', 'application/json', 400, 'bad-body'],
    ['a form', 'a=1', 'application/x-www-form-urlencoded', 415, 'bad-body'],
    ['what nobody asked for', '{"force":true}', 'application/json', 400, 'bad-body'],
    ['a list', '[1]', 'application/json', 400, 'bad-body'],
    ['too much', JSON.stringify('x'.repeat(70_000)), 'application/json', 413, 'body-too-large'],
    ['a poisoned prototype', '{"__proto__":{"x":1}}', 'application/json', 400, 'bad-body'],
  ])('a body with %s', async (_what, body, type, status, code) => {
    const answer = await post(await start(), '/api/pbxs/acme/reload', { body, headers: { 'content-type': type } });
    expect([answer.status, answer.json(schemas.Failure).code]).toEqual([status, code]);
  });

  it.each([
    '/api/pbxs/acme/registrations',
    '/api/pbxs/acme/employees',
    '/api/pbxs/acme/history',
    '/api/pbxs/acme/history/x',
  ])('a backend that is away: %s', async (path) => {
    node.fails = new Away('the database');
    const answer = await ask(await start(), path);
    expect(answer.status).toBe(503);
    expect(answer.json(schemas.Failure)).toMatchObject({
      code: 'backend-away',
      message: 'the database cannot be reached now',
    });
  });

  it('a bug is told to the log, not to the client', async () => {
    node.fails = new Error('password=hush at /srv/secret.ts');
    const answer = await ask(await start(), '/api/pbxs/acme/history');
    expect(answer.status).toBe(500);
    expect(answer.json(schemas.Failure)).toEqual({
      code: 'internal',
      message: 'The node could not answer this request',
      hint: 'Its log says why.',
    });
    expect(logged).toContainEqual(
      expect.objectContaining({ request: 'GET /api/pbxs/acme/history', msg: 'HTTP request failed', level: 50 }),
    );
  });

  it('answers what is no HTTP', async () => {
    const { port } = new URL((await start()).url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.end('INVITE sip:a@b SIP/2.0\r\n\r\n');
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(JSON.parse(answer.slice(answer.indexOf('{')))).toEqual({
      code: 'bad-http',
      message: 'The request is no HTTP/1.1',
    });
  });
});

describe('who may ask', () => {
  const token = new Secret('correct-horse');

  it('with a token: its bearer, everywhere but where everybody may', async () => {
    const server = await start({ token });
    const bearer = (value: string) => ({ headers: { authorization: `Bearer ${value}` } });
    for (const path of ['/api/pbxs', '/metrics', '/api/openapi.json', '/api/nothing']) {
      const without = await ask(server, path);
      expect([path, without.status, without.headers.get('www-authenticate')]).toEqual([path, 401, 'Bearer']);
      expect((await ask(server, path, bearer('wrong-horses'))).status).toBe(401);
      expect((await ask(server, path, bearer('correct-horse'))).status).toBe(path === '/api/nothing' ? 404 : 200);
    }
    expect((await post(server, '/api/pbxs/acme/reload')).status).toBe(401);
    expect((await ask(server, '/api/pbxs/%E0%A4%A')).status).toBe(401);
    for (const path of ['/healthz', '/readyz']) expect((await ask(server, path)).status).toBe(200);
    expect(JSON.stringify(logged)).not.toContain('horse');
  });

  it('without: programs of this machine, not pages that a browser of this machine shows', async () => {
    const server = await start();
    const { host, port } = new URL(server.url);
    expect((await askAs(server, { host })).status).toBe(200);
    expect((await askAs(server, { host: `localhost:${port}` })).status).toBe(200);
    expect(await askAs(server, { host: `evil.example:${port}` })).toMatchObject({
      status: 403,
      body: expect.stringContaining('"foreign-host"'),
    });
    expect((await askAs(server, { host, origin: 'https://evil.example' })).status).toBe(403);
    expect((await askAs(server, { host, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await askAs(server, { host, 'x-forwarded-for': '192.0.2.1' })).status).toBe(403);
    const headers = { origin: 'https://evil.example' };
    expect((await post(server, '/api/pbxs/acme/calls/call-1/hangup', { headers })).status).toBe(403);
    expect((await ask(server, '/healthz', { headers })).status).toBe(403);
  });
});

describe('the document', () => {
  it('is served', async () => {
    const answer = await ask(await start(), '/api/openapi.json');
    expect(JSON.parse(answer.text)).toMatchObject({ openapi: '3.1.0', info: { title: 'Kommutator' } });
  });
});

describe('starting and stopping', () => {
  it('says which port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    try {
      await expect(start({ listen: { host: '127.0.0.1', port } })).rejects.toMatchObject({
        name: 'UserError',
        code: 'port-in-use',
        message: `http://127.0.0.1:${port} is in use by another program`,
        hint: expect.stringContaining('HTTP_LISTEN'),
      });
    } finally {
      other.close();
    }
  });

  it('finishes what it is asked while it stops, and takes nothing new', async () => {
    // Its clock stands still: the grace never ends.
    const server = await start({ clock: new FakeClock() });
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<boolean>();
    node.readiness.slow = () => {
      asked.resolve();
      return answer.promise;
    };
    const response = ask(server, '/readyz');
    await asked.promise;
    const closed = server.close();
    expect(server.close()).toBe(closed);
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
    answer.resolve(true);
    expect((await response).status).toBe(200);
    await closed;
  });

  it('does not stop for one who never ends', async () => {
    const clock = new FakeClock();
    const server = await start({ clock });
    const asked = Promise.withResolvers<void>();
    node.readiness.never = () => {
      asked.resolve();
      return new Promise(() => undefined);
    };
    const broken = expect(fetch(`${server.url}/readyz`)).rejects.toThrow();
    await asked.promise;
    const closed = server.close();
    clock.advance(2000);
    await Promise.all([closed, broken]);
    expect(clock.pending).toBe(0);
  });

  it('leaves one line for each request in the log of a developer', async () => {
    const server = await start();
    logged.length = 0;
    await ask(server, '/api/pbxs?x=79161234567');
    await server.close();
    expect(logged).toEqual([
      expect.objectContaining({ level: 20, msg: 'HTTP request', method: 'GET', path: '/api/pbxs', status: 400 }),
    ]);
  });
});
