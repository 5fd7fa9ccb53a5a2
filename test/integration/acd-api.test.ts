import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readEnvironment } from '../../src/config/env.ts';
import { startEngine } from '../../src/engine.ts';
import type { CallRecord } from '../../src/history/record.ts';
import * as schemas from '../../src/http/schemas.ts';
import { PhoneBank, type RungPhone } from '../support/phone-bank.ts';
import { freePortRange } from '../support/ports.ts';
import { postgresPrograms, TestPostgres } from '../support/postgres.ts';
import { startRedisServer } from '../support/redis-servers.ts';
import { EventClient, type SeenEvent } from '../support/sse.ts';
import { temporaryFolder } from '../support/temp.ts';
import { eventually, Inbox } from '../support/wait.ts';

/** Groups, queues, agents and callbacks over HTTP, with two real engines on one real Redis and one PostgreSQL: calls come in at one, and people look at the other. */

const domain = 'acme.test';
const password = 'Secret123';
const line = '74950000001';
/** A voice menu whose lost callers `sales` calls back; straight to boris; and one that only plays. */
const [menuLine, borisLine, musicLine] = ['74950000002', '74950000003', '74950000004'];
const maxCalls = 4;

interface Node {
  readonly sip: string;
  readonly url: string;
}

let resources: AsyncDisposableStack;
let one: Node;
let other: Node;
/** Phones of the company, and of everybody else, at the first node. */
let phones: PhoneBank;
let operator: PhoneBank;
/** As `operator`, at the other node. */
let otherOperator: PhoneBank;
let events: EventClient;
const rung = new Inbox<RungPhone>('phones');

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  if (postgresPrograms === undefined) throw new Error('needs PostgreSQL: scripts/setup.sh --test installs it');
  const postgres = new TestPostgres(postgresPrograms);
  resources.defer(() => postgres.remove());
  const [redis] = await Promise.all([startRedisServer(), postgres.start()]);
  resources.defer(() => redis.stop());
  const config = resources.use(await temporaryFolder('config')).path;
  const { from: trunk, to: otherTrunk } = await freePortRange(2);
  await mkdir(join(config, 'acme'));
  await writeFile(join(config, 'acme', 'company.json'), JSON.stringify(company(trunk, otherTrunk)));
  const start = async (node: string): Promise<Node> => {
    const folder = resources.use(await temporaryFolder('node')).path;
    const { from, to } = await freePortRange(20);
    const env = readEnvironment({
      ...{ KOMMUTATOR_CONFIG: config, VAR_DIR: folder, NODE_ID: node },
      // Embedded databases would each have a part of the history: a record goes to whichever node takes it from Redis.
      ...{ REDIS_URL: redis.url, DATABASE_URL: postgres.url },
      ...{ SIP_LISTEN: 'udp://127.0.0.1:0', HTTP_LISTEN: '127.0.0.1:0', RTP_PORTS: `${from}-${to}` },
    });
    const engine = await startEngine({ env, log: pino({ level: 'silent' }) });
    resources.defer(() => engine.stop());
    const found = (form: RegExp) => form.exec(engine.banner)?.[1] ?? '';
    return { sip: found(/udp\/(127\.0\.0\.1:\d+)/), url: found(/(http:\/\/127\.0\.0\.1:\d+)/) };
  };
  [one, other] = await Promise.all([start('one'), start('other')]);
  phones = resources.use(await PhoneBank.open(one.sip));
  operator = resources.use(await PhoneBank.open(one.sip, trunk));
  otherOperator = resources.use(await PhoneBank.open(other.sip, otherTrunk));
  for (const bank of [phones, operator]) {
    bank.onInvite = (call) => {
      call.ring();
      rung.push(call);
    };
  }
  events = await EventClient.open(`${other.url}/api/events?pbx=acme`);
  resources.defer(() => events.close());
  await events.count('reset', 1);
});
afterAll(() => resources.disposeAsync());

/** An answer that has to be as the OpenAPI document says, key by key. */
async function get<S extends z.ZodType>(node: Node, path: string, schema: S): Promise<z.output<S>> {
  const response = await fetch(`${node.url}/api/pbxs/acme/${path}`);
  const body: unknown = await response.json();
  expect(response.status, JSON.stringify(body)).toBe(200);
  const parsed = schema.parse(body);
  expect(body).toEqual(parsed);
  return parsed;
}

const send = (node: Node, method: string, path: string, body?: unknown) =>
  fetch(`${node.url}/api/pbxs/acme/${path}`, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });

const history = async () =>
  (await get(one, 'history?limit=100', z.object({ items: z.array(z.any()) }).loose())).items as CallRecord[];
const recordOf = async (is: (record: CallRecord) => boolean): Promise<CallRecord | undefined> =>
  (
    await eventually(
      'a record',
      async () => (await history()).filter(is),
      ({ length }) => length > 0,
    )
  )[0];
const anna = async (node: Node) => (await get(node, 'employees', schemas.Employees)).find(({ id }) => id === 'anna');
const sales = async (node: Node) => (await get(node, 'groups', schemas.Groups)).find(({ id }) => id === 'sales');
const queue = async (node: Node) => (await get(node, 'groups/sales/queue', schemas.Queue)).callers;
const setStatus = (status: string) => send(other, 'PUT', 'employees/anna/status', { status });

/** Where the test is in the stream of events. */
let mark = 0;
/** The next event of this kind that comes, past all others. */
async function next(type: string, what: (data: SeenEvent['data']) => boolean): Promise<SeenEvent['data']> {
  const { item, index } = await events.events.find(type, ({ event, data }) => event === type && what(data), mark);
  mark = index + 1;
  return item.data;
}
const becomes = (state: string, more: object = {}) =>
  next('agent', ({ agent }) => agent.employee === 'anna' && agent.state === state).then((data) =>
    expect(data.agent).toMatchObject(more),
  );

let rungBefore = 0;
async function ringing(user: string): Promise<RungPhone> {
  const { item, index } = await rung.find(`an INVITE for ${user}`, (call) => call.user === user, rungBefore);
  rungBefore = index + 1;
  return item;
}

describe('an agent and a caller, seen from the other node', () => {
  it('by lists and by events: each says what the other says', async () => {
    expect(await anna(other)).toMatchObject({ state: 'offline', available: false, unavailable: 'unregistered' });
    await phones.register('anna', domain, password);
    await becomes('free', { available: true, name: 'Anna', status: { base: 'online' } });
    expect(await sales(other)).toMatchObject({ available: 1, members: [{ employee: 'anna', state: 'free' }] });

    expect((await setStatus('break')).status).toBe(200);
    await becomes('free', { available: false, unavailable: 'break', status: { base: 'break', name: null } });
    expect(await anna(one)).toMatchObject({ available: false, unavailable: 'break' });

    const caller = operator.call('79031112233@127.0.0.1', `${line}@127.0.0.1`);
    await caller.answered;
    const joined = await next('queue', ({ what }) => what === 'joined');
    expect(joined).toMatchObject({ group: 'sales', position: 1, waiting: 1, ringing: 0, why: null });
    expect(joined.caller).toMatchObject({ number: '79031112233', offeredTo: [] });
    expect(await queue(other)).toMatchObject([{ call: joined.caller.call, position: 1, offeredTo: [] }]);
    const second = operator.call('79031112244@127.0.0.1', `${line}@127.0.0.1`);
    await second.answered;
    expect(await next('queue', ({ what }) => what === 'joined')).toMatchObject({ position: 2, waiting: 2 });
    await second.bye();
    const left = await next('queue', ({ what }) => what === 'left');
    expect(left).toMatchObject({ why: 'abandoned', position: null, waiting: 1, caller: { number: '79031112244' } });

    await setStatus('online');
    await becomes('reserved', { unavailable: 'reserved', call: joined.caller.call });
    expect(await next('queue', ({ what }) => what === 'offered')).toMatchObject({
      ...{ waiting: 0, ringing: 1, position: 1, caller: { call: joined.caller.call, offeredTo: ['anna'] } },
    });
    const phone = await ringing('anna');
    expect(await queue(one)).toMatchObject([{ offeredTo: ['anna'] }]);
    phone.answer();
    await becomes('talking', { unavailable: 'inCall', call: joined.caller.call });
    expect(await next('queue', ({ what }) => what === 'left')).toMatchObject({
      ...{ why: 'answered', employee: 'anna', waiting: 0, ringing: 0 },
    });
    expect(await queue(other)).toEqual([]);
    expect(await anna(other)).toMatchObject({ state: 'talking', busy: true, call: joined.caller.call });

    await phone.bye();
    await becomes('wrapUp', { unavailable: 'wrapUp', wrapUpUntil: expect.any(String), today: { answered: 1 } });
    expect((await send(one, 'POST', 'employees/anna/end-wrap-up')).status).toBe(200);
    await becomes('free', { available: true, wrapUpUntil: null });
    expect((await sales(other))?.today).toMatchObject({ entered: 2, answered: 1, abandoned: 1, offers: 1 });
    await caller.ended;
  });

  it('one who does not answer is excluded, and is told of again when that is over', async () => {
    const caller = operator.call('79031112255@127.0.0.1', `${line}@127.0.0.1`);
    await becomes('reserved');
    (await ringing('anna')).refuse(486);
    await next('agent', ({ agent }) => agent.unavailable === 'excluded');
    expect(await anna(one)).toMatchObject({ unavailable: 'excluded', excludedFor: 'busy' });
    expect(await next('queue', ({ what }) => what === 'waiting')).toMatchObject({ waiting: 1, ringing: 0 });
    await caller.answered;
    await caller.bye();
    await setStatus('online');
    await becomes('free', { excludedUntil: null, excludedFor: null });
  });
});

describe('a callback that somebody asks for', () => {
  const client = '79161234567';
  const path = `callbacks/${client}`;

  it('is rung, and given up at once when it is cancelled: while a member rings, on whichever node', async () => {
    const made = await send(other, 'POST', 'callbacks', { group: 'sales', number: '8 916 123-45-67' });
    expect(made.status, await made.clone().text()).toBe(201);
    const task = schemas.Callback.parse(await made.json());
    expect(task).toMatchObject({ number: client, origin: 'request', call: null, groups: ['sales'] });
    expect(await next('callback', ({ what }) => what === 'added')).toMatchObject({ callback: task });
    await next('callback', ({ what }) => what === 'taken');
    expect(await next('queue', ({ what }) => what === 'joined')).toMatchObject({ caller: { number: client } });
    const phone = await ringing('anna');
    expect(phone.from).toBe(client);
    expect((await send(other, 'POST', 'callbacks', { group: 'sales', number: client })).status).toBe(409);
    const begun = performance.now();
    expect((await send(one, 'DELETE', path)).status).toBe(204);
    await phone.ended;
    expect(performance.now() - begun).toBeLessThan(2000);
    expect(await next('callback', ({ what }) => what === 'cancelled')).toMatchObject({ callback: { number: client } });
    expect(await get(other, 'callbacks', schemas.Callbacks)).toEqual([]);
    expect((await send(other, 'DELETE', path)).status).toBe(404);
    await becomes('free');
  });

  it('also while the client is rung', async () => {
    await send(one, 'POST', 'callbacks', { group: 'sales', number: client, callerId: line });
    const phone = await ringing('anna');
    phone.answer();
    const outside = await ringing(client);
    expect(outside.from).toBe(line);
    const begun = performance.now();
    expect((await send(other, 'DELETE', path)).status).toBe(204);
    await Promise.all([outside.ended, phone.ended]);
    expect(performance.now() - begun).toBeLessThan(2000);
    await send(one, 'POST', 'employees/anna/end-wrap-up');
    await next('callback', ({ what }) => what === 'cancelled');
  });
});

describe('a client who is lost in a voice menu', () => {
  const client = '79161112233';
  /** Rings, hears the menu, and loses patience. */
  const loses = async () => {
    const caller = operator.call(`${client}@127.0.0.1`, `${menuLine}@127.0.0.1`);
    await caller.answered;
    await caller.bye();
  };

  it('is called back: a member first, then he; both talk, and that is all', async () => {
    await setStatus('online');
    await loses();
    const { callback } = await next('callback', ({ what }) => what === 'added');
    expect(callback).toMatchObject({ number: client, origin: 'menu', groups: ['sales'] });
    const record = await recordOf((one) => one.id === callback.call);
    expect(record).toMatchObject({ from: client, stage: 'menu', outcome: 'missed' });

    const phone = await ringing('anna');
    expect(phone.from).toBe(client);
    const notYet = rung.items.length;
    expect(rung.items.slice(0, notYet).some(({ user }) => user === client)).toBe(false);
    phone.answer();
    const outside = await ringing(client);
    // Our number that he had called.
    expect(outside.from).toBe(menuLine);
    outside.answer();
    expect(await next('callback', ({ what }) => what === 'done')).toMatchObject({ callback: { number: client } });
    expect(await get(other, 'callbacks', schemas.Callbacks)).toEqual([]);
    await phone.bye();
    await outside.ended;
    expect(await recordOf(({ callback: of }) => of?.call === callback.call)).toMatchObject({ outcome: 'answered' });
    await send(one, 'POST', 'employees/anna/end-wrap-up');
  });

  it('is called back once however often he is lost, and not at all when he gets through himself', async () => {
    await setStatus('break');
    await loses();
    await next('callback', ({ what }) => what === 'added');
    await loses();
    await eventually(
      'the record of both calls',
      async () => (await history()).filter(({ from, stage }) => from === client && stage === 'menu'),
      ({ length }) => length === 3,
    );
    expect(await get(one, 'callbacks', schemas.Callbacks)).toHaveLength(1);
    expect((await queue(other)).map(({ number }) => number)).toEqual([client]);

    await phones.register('boris', domain, password);
    const caller = operator.call(`${client}@127.0.0.1`, `${borisLine}@127.0.0.1`);
    const phone = await ringing('boris');
    phone.answer();
    await caller.answered;
    expect(await next('callback', ({ what }) => what !== 'taken')).toMatchObject({ what: 'cancelled' });
    await eventually(
      'an empty queue',
      () => queue(other),
      ({ length }) => length === 0,
    );
    expect(await get(other, 'callbacks', schemas.Callbacks)).toEqual([]);
    await phone.bye();
    await caller.ended;
    await setStatus('online');
    // Anna is available, and nobody is rung.
    await becomes('free', { available: true });
    expect(rung.items.slice(rungBefore)).toEqual([]);
  });
});

it('maxCalls holds over both nodes: what one has let in the other counts, and gives back', async () => {
  const call = (bank: PhoneBank) => bank.call('79160000000@127.0.0.1', `${musicLine}@127.0.0.1`);
  const [first, ...rest] = [operator, otherOperator, operator, otherOperator].map(call);
  await Promise.all([first, ...rest].map((made) => made?.answered));
  for (const bank of [operator, otherOperator]) await expect(call(bank).answered).rejects.toBe(503);
  expect(rest).toHaveLength(maxCalls - 1);
  await first?.bye();
  // What ends at one node is known at the other when Redis has been told.
  const again = await eventually(
    'room for one',
    () => {
      const made = call(otherOperator);
      return made.answered.then(
        () => made,
        () => undefined,
      );
    },
    (made) => made !== undefined,
  );
  await expect(call(operator).answered).rejects.toBe(503);
  for (const made of [again, ...rest]) await made?.bye();
});

it('every event was told once, without a gap, in the form that the document says', async () => {
  // Something that comes after all that has happened, from each of the nodes.
  for (const node of [one, other])
    await send(node, 'PUT', 'employees/anna/status', { status: 'offline', name: node.sip });
  await next('agent', ({ agent }) => agent.status.name === other.sip);
  // Events of calls go in batches, and may come after it.
  const calls = (what: string) => events.named('call').filter(({ data }) => data.what === what).length;
  await eventually(
    'all calls to be over',
    () => calls('appeared') - calls('ended'),
    (open) => open === 0,
  );
  const told = events.named(...schemas.eventTypes);
  expect(told.map(({ data }) => data.seq)).toEqual(told.map((_, at) => (told[0]?.data.seq ?? 0) + at));
  for (const { event, data } of told) {
    expect(data.type).toBe(event);
    expect(schemas.LiveEvent.parse(data), 'keys that the document does not tell of').toEqual(data);
  }
  // A stream of the other node says the same.
  const [first, ...rest] = told;
  const again = await EventClient.open(`${one.url}/api/events?pbx=acme`, { lastEventId: first?.id ?? '' });
  await eventually(
    'all of it',
    () => again.named(...schemas.eventTypes),
    ({ length }) => length >= rest.length,
  );
  expect(again.named(...schemas.eventTypes).map(({ data }) => data)).toEqual(rest.map(({ data }) => data));
  await again.close();
});

const company = (trunkPort: number, otherTrunkPort: number) => ({
  pbx: { id: 'acme', domains: [domain], timezone: 'Europe/Moscow', country: 'RU', maxCalls },
  trunks: [
    { id: 'operator', host: '127.0.0.1', ports: String(trunkPort), pstn: true, options: false },
    { id: 'other', host: '127.0.0.1', ports: String(otherTrunkPort), options: false },
  ],
  numbers: [
    { number: line, scheme: 'main', source: { trunk: 'operator' } },
    { number: menuLine, scheme: 'menu', source: { trunk: 'operator' } },
    { number: borisLine, scheme: 'boris', source: { trunk: 'operator' } },
    { number: musicLine, scheme: 'music', source: { trunk: 'operator' } },
  ],
  employees: ['anna', 'boris'].map((id, i) => ({
    ...{ id, name: id === 'anna' ? 'Anna' : 'Boris', extension: `40${i + 1}` },
    accounts: [{ user: id, domain, password }],
  })),
  groups: [
    {
      ...{ id: 'sales', extension: '450', members: [{ employee: 'anna' }], wrapUp: 60 },
      ...{ hold: { enqueueMessage: null, music: null }, callback: { callerId: line } },
    },
  ],
  schemes: [
    { id: 'main', steps: [{ forward: { group: 'sales' } }] },
    {
      ...{ id: 'menu', missed: { callback: { group: 'sales' } } },
      ...{
        steps: [{ play: 'builtin:music', wait: true }],
        menu: { '1': { steps: [{ forward: { group: 'sales' } }] } },
      },
    },
    { id: 'boris', steps: [{ forward: { employee: 'boris' } }] },
    { id: 'music', steps: [{ play: 'builtin:music', wait: true }] },
  ],
});
