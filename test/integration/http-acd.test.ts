import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { type HttpServer, startHttp } from '../../src/http/index.ts';
import * as schemas from '../../src/http/schemas.ts';
import { someCall } from '../support/calls.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { Away, agent, FakeNode, liveCall, noFigures, registration } from '../support/http-ports.ts';
import { employee, pbxOf } from '../support/pbx.ts';

/** Agents, groups and queues over HTTP. */

const acme = pbxOf({
  pbx: { id: 'acme', domains: ['acme.example'] },
  numbers: [{ number: '74951234567' }],
  employees: [employee('ivanov', '101', { name: 'Иванов' }), employee('petrov', '102'), employee('sidorov', '103')],
  groups: [
    {
      id: 'sales',
      name: 'Sales',
      extension: '50',
      algorithm: 'longestIdle',
      members: [{ employee: 'petrov', priority: 2 }, { employee: 'ivanov' }],
    },
    { id: 'nobody', name: 'Nobody', members: [] },
  ],
});
const now = Date.parse('2026-11-02T09:00:00Z');

let node: FakeNode;
let server: HttpServer;
const logged: { msg: string; [key: string]: unknown }[] = [];

beforeEach(async () => {
  logged.length = 0;
  node = new FakeNode(acme);
  server = await startHttp({
    listen: { host: '127.0.0.1', port: 0 },
    token: undefined,
    ports: node.ports,
    clock: new FakeClock(now),
    log: pino({ level: 'debug' }, { write: (line: string) => logged.push(JSON.parse(line)) }),
  });
});
afterEach(() => server.close());

/** An answer that has to be as the OpenAPI document says, key by key. */
async function get<S extends z.ZodType>(path: string, schema: S, init: RequestInit = {}): Promise<z.output<S>> {
  const response = await fetch(server.url + path, init);
  const body: unknown = await response.json();
  expect(response.status, JSON.stringify(body)).toBe(200);
  const parsed = schema.parse(body);
  expect(body).toEqual(parsed);
  return parsed;
}

const put = (path: string, body: unknown) =>
  fetch(server.url + path, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

async function failure(response: Response) {
  return { status: response.status, ...schemas.Failure.parse(await response.json()) };
}

describe('employees', () => {
  const ivanov = async () => (await get('/api/pbxs/acme/employees', schemas.Employees))[0];

  it('who can be offered a call', async () => {
    node.devices.push(registration('ivanov@acme.example'));
    node.agents.set('ivanov', agent('ivanov', { statusAt: now - 60_000, answeredToday: 4, talkToday: 754_600 }));
    expect(await ivanov()).toMatchObject({
      state: 'free',
      status: { base: 'online', name: null, since: '2026-11-02T08:59:00.000Z' },
      available: true,
      unavailable: null,
      why: null,
      wrapUpUntil: null,
      excludedUntil: null,
      excludedFor: null,
      today: { answered: 4, talk: 755 },
      robot: false,
      groups: ['sales'],
    });
  });

  it.each([
    ['unregistered', { state: 'offline', why: 'none of his phones is registered' }],
    ['break', { state: 'offline', why: 'on a break' }],
    ['inCall', { state: 'offline', why: 'in a call' }],
  ] as const)('who cannot, and why: %s', async (unavailable, shown) => {
    node.agents.set('ivanov', agent('ivanov', { unavailable }));
    expect(await ivanov()).toMatchObject({ available: false, unavailable, ...shown });
  });

  it('what keeps him for a while, and until when; what is over is not shown', async () => {
    node.agents.set(
      'ivanov',
      agent('ivanov', {
        unavailable: 'wrapUp',
        wrapUpUntil: now + 30_000,
        excludedUntil: now - 1,
        excludedFor: 'noAnswer',
      }),
    );
    expect(await ivanov()).toMatchObject({
      state: 'wrapUp',
      wrapUpUntil: '2026-11-02T09:00:30.000Z',
      excludedUntil: null,
      excludedFor: null,
    });
    node.agents.set(
      'ivanov',
      agent('ivanov', {
        unavailable: 'excluded',
        wrapUpUntil: now,
        excludedUntil: now + 10_000,
        excludedFor: 'noAnswer',
      }),
    );
    expect(await ivanov()).toMatchObject({
      state: 'offline',
      wrapUpUntil: null,
      excludedUntil: '2026-11-02T09:00:10.000Z',
      excludedFor: 'noAnswer',
    });
  });

  it('calls that another node carries', async () => {
    node.agents.set(
      'ivanov',
      agent('ivanov', {
        unavailable: 'inCall',
        calls: { a: { since: now - 9000 }, b: { since: now - 8000, talkSince: now - 5000 } },
      }),
    );
    expect(await ivanov()).toMatchObject({
      state: 'talking',
      busy: true,
      call: 'b',
      since: '2026-11-02T08:59:55.000Z',
    });
    node.agents.set('ivanov', agent('ivanov', { unavailable: 'reserved', reservation: { call: 'c', group: 'sales' } }));
    expect(await ivanov()).toMatchObject({ state: 'reserved', call: null });
  });
});

describe('the status of an employee', () => {
  it('is set, and a custom one keeps its name', async () => {
    const lunch = await put('/api/pbxs/acme/employees/ivanov/status', { status: 'break', name: 'Lunch' });
    expect(schemas.Employee.parse(await lunch.json())).toMatchObject({
      id: 'ivanov',
      status: { base: 'break', name: 'Lunch', since: '2026-11-02T09:00:00.000Z' },
      available: false,
      why: 'on a break',
    });
    expect(node.agents.get('ivanov')).toMatchObject({ status: 'Lunch', base: 'break' });
    const back = await put('/api/pbxs/acme/employees/ivanov/status', { status: 'online' });
    expect(schemas.Employee.parse(await back.json())).toMatchObject({
      status: { base: 'online', name: null },
      available: true,
    });
    expect(logged).toContainEqual(
      expect.objectContaining({ msg: 'status set by the API', employee: 'ivanov', name: 'Lunch' }),
    );
  });

  it.each([
    [{ status: 'lunch' }, 'bad-request'],
    [{ status: 'break', name: ' ' }, 'bad-request'],
    [{ status: 'break', name: 'x'.repeat(65) }, 'bad-request'],
    [{ status: 'break', until: 'tomorrow' }, 'bad-request'],
    [{}, 'bad-request'],
    [[], 'bad-request'],
  ])('%j is refused', async (body, code) => {
    expect(await failure(await put('/api/pbxs/acme/employees/ivanov/status', body))).toMatchObject({
      status: 400,
      code,
    });
    expect(node.agents.size).toBe(0);
  });

  it('is not set without a body', async () => {
    const response = await fetch(`${server.url}/api/pbxs/acme/employees/ivanov/status`, { method: 'PUT' });
    expect(await failure(response)).toMatchObject({ status: 400, code: 'bad-request' });
  });

  it('of nobody', async () => {
    expect(await failure(await put('/api/pbxs/acme/employees/nobody/status', { status: 'online' }))).toEqual({
      status: 404,
      code: 'no-such-employee',
      message: 'acme has no employee "nobody"',
      hint: 'GET /api/pbxs/acme/employees lists them.',
    });
  });

  it('after-call work is ended early', async () => {
    node.agents.set('ivanov', agent('ivanov', { unavailable: 'wrapUp', wrapUpUntil: now + 60_000 }));
    const ended = await get('/api/pbxs/acme/employees/ivanov/end-wrap-up', schemas.Employee, { method: 'POST' });
    expect(ended).toMatchObject({ wrapUpUntil: null, available: true });
  });
});

describe('groups', () => {
  it('with members, those who wait, and the figures of the day', async () => {
    node.agents.set('ivanov', agent('ivanov', { unavailable: 'inCall', calls: { a: { since: 1, talkSince: now } } }));
    node.figures.set('sales', {
      ...noFigures,
      waiting: 2,
      ringing: 1,
      entered: 12,
      offered: 15,
      answered: 6,
      answeredInTime: 5,
      abandoned: 2,
      waitedMs: 60_400,
    });
    node.queues.set('sales', [caller('a', 95_000), caller('b', 20_000)]);
    const [sales, nobody] = await get('/api/pbxs/acme/groups', schemas.Groups);
    expect(sales).toMatchObject({
      id: 'sales',
      extension: '50',
      algorithm: 'longestIdle',
      waiting: 2,
      ringing: 1,
      longestWait: 95,
      available: 1,
      members: [
        { employee: 'petrov', priority: 2, state: 'free', available: true },
        { employee: 'ivanov', name: 'Иванов', state: 'talking', available: false, why: 'in a call' },
      ],
      today: {
        entered: 12,
        offers: 15,
        answered: 6,
        abandoned: 2,
        averageWait: 10,
        serviceLevel: 5 / 8,
        serviceSeconds: 30,
      },
    });
    expect(nobody).toMatchObject({
      members: [],
      longestWait: null,
      available: 0,
      today: { averageWait: null, serviceLevel: null },
    });
  });

  it('who waits, in order', async () => {
    node.queues.set('sales', [caller('a', 95_000, { ivanov: {}, petrov: {} }), caller('b', 20_000), caller('c', -50)]);
    node.waits = {
      expected: async (_pbx, _group, calls) =>
        calls.map((call) => (call === 'b' ? { expectedMs: 41_000, fromMs: 20_400, toMs: 90_000 } : undefined)),
      accuracy: () => undefined,
    };
    await server.close();
    server = await startHttp({
      listen: { host: '127.0.0.1', port: 0 },
      token: undefined,
      ports: node.ports,
      clock: new FakeClock(now),
      log: pino({ level: 'silent' }),
    });
    const queue = await get('/api/pbxs/acme/groups/sales/queue', schemas.Queue);
    expect(queue).toEqual({
      group: 'sales',
      callers: [
        {
          call: 'a',
          number: '7916',
          position: 1,
          since: '2026-11-02T08:58:25.000Z',
          wait: 95,
          expectedWait: null,
          offeredTo: ['ivanov', 'petrov'],
          node: 'node-1',
        },
        {
          call: 'b',
          number: '7916',
          position: 2,
          since: '2026-11-02T08:59:40.000Z',
          wait: 20,
          expectedWait: { expected: 41, from: 20, to: 90 },
          offeredTo: [],
          node: 'node-1',
        },
        {
          call: 'c',
          number: '7916',
          position: 3,
          since: '2026-11-02T09:00:00.050Z',
          wait: 0,
          expectedWait: null,
          offeredTo: [],
          node: 'node-1',
        },
      ],
    });
    expect((await get('/api/pbxs/acme/groups/sales/queue?limit=1', schemas.Queue)).callers).toHaveLength(1);
  });

  it('of nobody', async () => {
    expect(await failure(await fetch(`${server.url}/api/pbxs/acme/groups/support/queue`))).toEqual({
      status: 404,
      code: 'no-such-group',
      message: 'acme has no group "support"',
      hint: 'GET /api/pbxs/acme/groups lists them.',
    });
  });

  it.each(['employees', 'groups', 'groups/sales/queue', 'calls/x/why'])('while Redis is away: %s', async (path) => {
    node.fails = new Away('Redis');
    expect(await failure(await fetch(`${server.url}/api/pbxs/acme/${path}`))).toMatchObject({
      status: 503,
      code: 'backend-away',
    });
  });
});

describe('why', () => {
  const path = [
    { t: 0, state: 'main/0', event: 'branch', why: 'it is a working day' },
    { t: 1.5, state: 'main/0', event: 'digit', detail: { digits: '1' } },
  ];

  it('a call in progress is where it is, and still waits', async () => {
    node.stories.set('call-1', { start: '2026-11-02T08:59:00.000Z', path, participants: [] });
    node.explanations.set('call-1', {
      group: 'sales',
      algorithm: 'longestIdle',
      since: now - 30_000,
      position: 2,
      endsAt: 0,
      offers: [
        { at: now - 20_000, agent: 'petrov', why: 'longestIdle', outcome: 'noAnswer' },
        { at: now - 1000, agent: 'ivanov', why: 'familiar' },
      ],
      members: [
        { employee: 'petrov', why: 'excluded', untilThen: now + 10_000, tried: 'noAnswer' },
        { employee: 'ivanov', why: 'refusedThisCall', tookLaterCallerAt: now - 500 },
      ],
    });
    expect(await get('/api/pbxs/acme/calls/call-1/why', schemas.Why)).toEqual({
      call: 'call-1',
      live: true,
      steps: [
        { at: '2026-11-02T08:59:00.000Z', what: 'branch', state: 'main/0', detail: {}, why: 'it is a working day' },
        { at: '2026-11-02T08:59:01.500Z', what: 'digit', state: 'main/0', detail: { digits: '1' }, why: null },
      ],
      waiting: {
        group: 'sales',
        algorithm: 'longestIdle',
        since: '2026-11-02T08:59:30.000Z',
        position: 2,
        until: null,
        offers: [
          {
            at: '2026-11-02T08:59:40.000Z',
            employee: 'petrov',
            reason: 'longestIdle',
            why: 'has not talked for longer than the others who were available',
            outcome: 'noAnswer',
          },
          {
            at: '2026-11-02T08:59:59.000Z',
            employee: 'ivanov',
            reason: 'familiar',
            why: 'talked to this caller today',
            outcome: null,
          },
        ],
        members: [
          {
            employee: 'petrov',
            standing: 'excluded',
            why: 'excluded for a while after an offer that came to nothing',
            until: '2026-11-02T09:00:10.000Z',
            tried: 'noAnswer',
            tookLaterCallerAt: null,
          },
          {
            employee: 'ivanov',
            standing: 'refusedThisCall',
            why: 'refused this call a moment ago',
            until: null,
            tried: null,
            tookLaterCallerAt: '2026-11-02T08:59:59.500Z',
          },
        ],
      },
    });
  });

  it('a call of another node still waits', async () => {
    node.explanations.set('far', {
      group: 'sales',
      algorithm: 'all',
      since: now,
      position: 1,
      endsAt: now + 1000,
      offers: [],
      members: [],
    });
    expect(await get('/api/pbxs/acme/calls/far/why', schemas.Why)).toMatchObject({
      live: true,
      steps: [],
      waiting: { until: '2026-11-02T09:00:01.000Z' },
    });
  });

  it('a call that is over went where it went: decisions and offers in one order', async () => {
    const asked = { kind: 'employee', name: '', address: 'x', group: 'sales', ring: 5, talk: 0, hold: 0 } as const;
    node.records.push(
      someCall({
        pbx: 'acme',
        id: 'past',
        start: '2026-11-02T08:00:00.000Z',
        path,
        participants: [
          { ...asked, id: 'ivanov', start: '2026-11-02T08:00:01.000Z', outcome: 'noAnswer', reason: 'noAnswer' },
        ],
      }),
    );
    const why = await get('/api/pbxs/acme/calls/past/why', schemas.Why);
    expect(why).toMatchObject({ live: false, waiting: null });
    expect(why.steps.map(({ what, why: because }) => [what, because])).toEqual([
      ['branch', 'it is a working day'],
      ['offer', 'No answer in time'],
      ['digit', null],
    ]);
  });

  it('a call that nobody knows', async () => {
    expect(await failure(await fetch(`${server.url}/api/pbxs/acme/calls/none/why`))).toMatchObject({
      status: 404,
      code: 'no-such-call',
    });
  });
});

describe('metrics of groups', () => {
  it('tell of each group, and of its members by what keeps them', async () => {
    node.live.push(liveCall());
    node.agents.set('ivanov', agent('ivanov', { unavailable: 'break' }));
    node.figures.set('sales', {
      ...noFigures,
      waiting: 2,
      ringing: 1,
      entered: 12,
      offered: 15,
      answered: 6,
      answeredInTime: 3,
      abandoned: 2,
    });
    node.queues.set('sales', [caller('a', 95_500)]);
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const lines = text.split('\n').filter((line) => /^kommutator_group_.*sales/.test(line));
    expect(lines).toEqual([
      'kommutator_group_waiting{pbx="acme",group="sales"} 2',
      'kommutator_group_ringing{pbx="acme",group="sales"} 1',
      'kommutator_group_longest_wait_seconds{pbx="acme",group="sales"} 95.5',
      'kommutator_group_service_level{pbx="acme",group="sales"} 0.375',
      'kommutator_group_entered_total{pbx="acme",group="sales"} 12',
      'kommutator_group_offers_total{pbx="acme",group="sales"} 15',
      'kommutator_group_answered_total{pbx="acme",group="sales"} 6',
      'kommutator_group_abandoned_total{pbx="acme",group="sales"} 2',
      'kommutator_group_timeouts_total{pbx="acme",group="sales"} 0',
      'kommutator_group_refused_total{pbx="acme",group="sales"} 0',
      ...['available', 'inCall', 'reserved', 'unregistered', 'break', 'offline', 'wrapUp', 'excluded'].map(
        (state) =>
          `kommutator_group_agents{pbx="acme",group="sales",state="${state}"} ${['available', 'break'].includes(state) ? 1 : 0}`,
      ),
    ]);
  });

  it('do not grow with the configuration beyond 500 groups', async () => {
    node.pbxs.push(
      pbxOf({
        pbx: { id: 'big', domains: ['big.example'] },
        groups: Array.from({ length: 600 }, (_, n) => ({ id: `g${n}`, name: 'g', members: [] })),
      }),
    );
    const text = await (await fetch(`${server.url}/metrics`)).text();
    expect(text.split('\n').filter((line) => line.startsWith('kommutator_group_waiting{'))).toHaveLength(500);
  });
});

function caller(call: string, waitedMs: number, offers: Record<string, unknown> = {}) {
  return { call, number: '7916', node: 'node-1', since: now - waitedMs, offers };
}

describe('callbacks', () => {
  const task = {
    number: '79161234567',
    origin: 'group' as const,
    call: 'c1',
    groups: ['sales'],
    since: now - 60_000,
    createdAt: now - 30_000,
    dueAt: now + 900_000,
    attempts: 1,
    maxAttempts: 7,
  };

  it('are listed, the next first, and can be cancelled, once', async () => {
    node.callbacks.push(task, { ...task, number: '79160000000' });
    const path = '/api/pbxs/acme/callbacks';
    expect(await get(`${path}?limit=1`, schemas.Callbacks)).toEqual([
      {
        number: '79161234567',
        origin: 'group',
        call: 'c1',
        groups: ['sales'],
        callerId: null,
        since: '2026-11-02T08:59:00.000Z',
        created: '2026-11-02T08:59:30.000Z',
        due: '2026-11-02T09:15:00.000Z',
        attempts: 1,
        maxAttempts: 7,
      },
    ]);
    const cancel = () => fetch(`${server.url}${path}/79161234567`, { method: 'DELETE' });
    expect((await cancel()).status).toBe(204);
    expect((await get(path, schemas.Callbacks)).map(({ number }) => number)).toEqual(['79160000000']);
    const again = await cancel();
    expect(again.status).toBe(404);
    expect(await again.json()).toMatchObject({ code: 'no-such-callback' });
  });

  const post = (body: unknown) =>
    fetch(`${server.url}/api/pbxs/acme/callbacks`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  it('are made by hand, once for a number, which may be written as people dial it', async () => {
    const made = await post({ group: 'sales', number: '8 (916) 123-45-67', callerId: '+74951234567' });
    expect(made.status).toBe(201);
    const shown: unknown = await made.json();
    expect(shown).toEqual(schemas.Callback.parse(shown));
    expect(shown).toEqual({
      number: '79161234567',
      origin: 'request',
      call: null,
      groups: ['sales'],
      callerId: '74951234567',
      since: '2026-11-02T09:00:00.000Z',
      created: '2026-11-02T09:00:00.000Z',
      due: '2026-11-02T09:00:00.000Z',
      attempts: 0,
      maxAttempts: 7,
    });
    expect(await get('/api/pbxs/acme/callbacks', schemas.Callbacks)).toEqual([shown]);
    const again = await post({ group: 'sales', number: '+79161234567', callerId: '74951234567' });
    expect(await failure(again)).toMatchObject({ status: 409, code: 'callback-exists' });
  });

  it.each([
    { what: 'an unknown group', body: { group: 'x', number: '79161234567' }, status: 404, code: 'no-such-group' },
    { what: 'what is no number', body: { group: 'sales', number: 'anna' }, status: 400, code: 'bad-number' },
    {
      what: 'a number that may not be called',
      body: { group: 'sales', number: '19005550000', callerId: '74951234567' },
      status: 400,
      code: 'bad-number',
    },
    {
      what: 'a number to be shown that is not ours',
      body: { group: 'sales', number: '79161234567', callerId: '74957654321' },
      status: 400,
      code: 'not-our-number',
    },
    {
      what: 'a group without a number to be shown',
      body: { group: 'sales', number: '79161234567' },
      status: 400,
      code: 'no-caller-id',
    },
    { what: 'too much', body: { group: 'sales', number: '7', at: 1 }, status: 400, code: 'bad-request' },
  ])('are not made for $what', async ({ body, status, code }) => {
    node.barred.add('19005550000');
    expect(await failure(await post(body))).toMatchObject({ status, code });
    expect(node.callbacks).toEqual([]);
  });

  it('cannot be made while Redis is away', async () => {
    node.fails = new Away('Redis');
    const answer = await post({ group: 'sales', number: '79161234567', callerId: '74951234567' });
    expect(await failure(answer)).toMatchObject({ status: 503, code: 'backend-away' });
  });
});

describe('trunks', () => {
  it('show whether they are up, since when and why not, and what happened before', async () => {
    const pbx = pbxOf({
      pbx: { id: 'acme', domains: ['acme.example'] },
      trunks: [
        { id: 'operator', name: 'Operator', host: '192.0.2.1', lines: 30 },
        { id: 'branch', kind: 'internal', peer: { pbx: 'other', trunk: 'back' } },
      ],
      numbers: [
        {
          number: '74951234567',
          source: { active: { server: 'sip.operator.test', user: 'acme', password: 'Secret123' } },
        },
      ],
    });
    node.pbxs.splice(0, 1, pbx);
    node.linesTaken.set('operator', 2);
    node.trunkRegistrations.set('active:74951234567', {
      state: 'refused',
      since: now - 4000,
      until: null,
      reason: 'REGISTER answered 403 Forbidden',
      node: 'n2',
      changes: [{ state: 'refused', reason: 'REGISTER answered 403 Forbidden', at: now - 4000 }],
    });
    node.trunkStates.set('operator', {
      state: 'down',
      reason: 'no answer to OPTIONS',
      since: now - 5000,
      changes: [
        { state: 'up', reason: undefined, at: now - 60_000 },
        { state: 'down', reason: 'no answer to OPTIONS', at: now - 5000 },
      ],
    });
    expect(await get('/api/pbxs/acme/trunks', schemas.Trunks)).toEqual([
      {
        id: 'operator',
        name: 'Operator',
        kind: 'external',
        state: 'down',
        reason: 'no answer to OPTIONS',
        since: '2026-11-02T08:59:55.000Z',
        lines: 30,
        linesTaken: 2,
        changes: [
          { state: 'up', reason: null, at: '2026-11-02T08:59:00.000Z' },
          { state: 'down', reason: 'no answer to OPTIONS', at: '2026-11-02T08:59:55.000Z' },
        ],
        registration: null,
      },
      {
        id: 'branch',
        name: 'branch',
        kind: 'internal',
        state: null,
        reason: null,
        since: null,
        lines: 5,
        linesTaken: 0,
        changes: [],
        registration: null,
      },
      {
        id: 'active:74951234567',
        name: '74951234567',
        kind: 'active',
        state: null,
        reason: null,
        since: null,
        lines: 0,
        linesTaken: 0,
        changes: [],
        registration: {
          state: 'refused',
          since: '2026-11-02T08:59:56.000Z',
          until: null,
          reason: 'REGISTER answered 403 Forbidden',
          node: 'n2',
          changes: [{ state: 'refused', reason: 'REGISTER answered 403 Forbidden', at: '2026-11-02T08:59:56.000Z' }],
        },
      },
    ]);
  });
});
