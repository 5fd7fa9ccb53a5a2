import { createHash } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PbxVersion } from '../../src/config/version.ts';
import type { SipRequest } from '../../src/embedded/sip/message/index.ts';
import type { RedisConnection } from '../../src/redis/index.ts';
import { systemClock } from '../../src/time/clock.ts';
import { systemRandom } from '../../src/time/random.ts';
import { Registering } from '../../src/trunks/registering.ts';
import { LEASE_MS } from '../../src/trunks/registering-lease.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { pbxOf } from '../support/pbx.ts';
import { RawPhone } from '../support/raw-phone.ts';
import { passTime, redisAway, somePbx } from '../support/redis.ts';
import { configOf, type SipStack, startSipStack } from '../support/sip-stack.ts';
import { eventually } from '../support/wait.ts';

/** Accounts at an operator of plain sockets, registered through the SIP server: what is on the wire, and who of several nodes puts it there. */

const log = pino({ level: 'silent' });
const password = 'Secret123';

let stack: SipStack;
let operator: RawPhone;
/** What is configured; the guard sees it too. */
const pbxs: PbxVersion[] = [];
const config = {
  ...configOf(pbxs),
  on: (_event: string, listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
} as unknown as ReturnType<typeof configOf>;
const listeners = new Set<() => void>();
const open: Registering[] = [];
let pbx: string;
/** Messages of the operator that a test has seen. */
let seen = 0;

beforeAll(async () => {
  stack = await startSipStack({ pbxs, config });
});
beforeEach(async () => {
  pbx = somePbx();
  operator = await RawPhone.open({
    user: 'operator',
    domain: 'operator.test',
    server: stack.endpoint('udp'),
    host: '127.0.0.31',
  });
  seen = 0;
});
afterEach(async () => {
  let closed = false;
  const closing = Promise.all(open.splice(0).map((registering) => registering.close())).then(() => {
    closed = true;
  });
  while (!closed) {
    const asked = operator.takes('REGISTER', seen).catch(() => undefined);
    const next = await Promise.race([closing, asked]);
    if (!next) continue;
    seen = next.index + 1;
    operator.answer(next.request, '200 OK');
  }
  pbxs.splice(0);
  operator.close();
});
afterAll(() => stack.stop());

const account = (more: Record<string, unknown> = {}) => ({
  active: { server: `127.0.0.31:${operator.port}`, user: '009912', password, domain: 'operator.test', ...more },
});

function configured(source: Record<string, unknown> = account(), trunks: Record<string, unknown>[] = []): PbxVersion {
  const version = pbxOf({
    pbx: { id: pbx, domains: [`${pbx}.example`] },
    numbers: [{ number: '74951234567', source }],
    trunks,
  });
  pbxs.splice(0, pbxs.length, version);
  for (const listener of listeners) listener();
  return version;
}

/** One node, on the SIP server that all share. */
function node(
  name: string,
  { redis = stack.connection, clock = systemClock as FakeClock }: { redis?: RedisConnection; clock?: FakeClock } = {},
) {
  const registering = new Registering({
    config,
    sip: stack.sip.server,
    markOf: (id, trunk) => stack.sip.marks.of(id, trunk),
    redis,
    node: name,
    run: name,
    clock,
    random: systemRandom,
    log,
    now: () => clock.now(),
  });
  open.push(registering);
  return { registering };
}

async function nextRegister(): Promise<SipRequest> {
  const { request, index } = await operator.takes('REGISTER', seen);
  seen = index + 1;
  return request;
}

const challenge = (nonce: string, more = '') =>
  `Digest realm="operator.test", nonce="${nonce}", algorithm=MD5, qop="auth"${more}`;
const unauthorized = (request: SipRequest, nonce: string, more = '') =>
  operator.answer(request, '401 Unauthorized', { headers: [['WWW-Authenticate', challenge(nonce, more)]] });
const contactOf = (request: SipRequest) => request.headers.get('Contact') ?? '';
const granted = (request: SipRequest, expires = 120) =>
  operator.answer(request, '200 OK', { headers: [['Contact', `${contactOf(request)};expires=${expires}`]] });

const md5 = (text: string) => createHash('md5').update(text).digest('hex');
/** Computed by the text of RFC 7616, not by our own client. */
function isRight(request: SipRequest, nonce: string, header = 'Authorization'): boolean {
  const fields = Object.fromEntries(
    [...(request.headers.get(header) ?? '').matchAll(/(\w+)="?([^",]+)"?/g)].map(([, name, value]) => [name, value]),
  );
  const ha1 = md5(`009912:operator.test:${password}`);
  const ha2 = md5(`REGISTER:${request.uri}`);
  return fields.nonce === nonce && fields.response === md5(`${ha1}:${nonce}:${fields.nc}:${fields.cnonce}:auth:${ha2}`);
}

const statusOf = async ({ registering }: ReturnType<typeof node>, state: string) =>
  eventually(
    `the account to be ${state}`,
    async () => (await registering.status(pbx)).get('active:74951234567'),
    (status) => status?.state === state,
  );

describe('an account with an operator', () => {
  it('is registered with its password, at its domain, and taken back at the end', async () => {
    configured();
    const one = node('a');
    const first = await nextRegister();
    expect(first.uri).toBe('sip:operator.test');
    expect(first.headers.get('To')).toBe('<sip:009912@operator.test>');
    expect(first.headers.has('Authorization')).toBe(false);
    const { host, port } = stack.endpoint('udp');
    expect(contactOf(first)).toMatch(new RegExp(`^<sip:74951234567@${host}:${port};transport=udp;line=[0-9a-f]{24}>$`));
    unauthorized(first, 'n1');
    const second = await nextRegister();
    expect(isRight(second, 'n1')).toBe(true);
    expect(second.callId).toBe(first.callId);
    expect(second.cseq.number).toBe(first.cseq.number + 1);
    granted(second);
    const { until, since, changes } = (await statusOf(one, 'registered')) ?? { changes: [] };
    expect(until).toBe((since ?? 0) + 120_000);
    expect(changes).toMatchObject([{ state: 'registered' }]);

    const closed = one.registering.close();
    const last = await nextRegister();
    expect(last.headers.get('Expires')).toBe('0');
    expect(contactOf(last)).toBe(contactOf(first));
    expect(last.callId).toBe(first.callId);
    operator.answer(last, '200 OK');
    await closed;
  });

  it('has another nonce where the first was stale, and is refused where the password is wrong', async () => {
    configured();
    const one = node('a');
    unauthorized(await nextRegister(), 'n1');
    unauthorized(await nextRegister(), 'n2', ', stale=TRUE');
    const third = await nextRegister();
    expect(isRight(third, 'n2')).toBe(true);
    unauthorized(third, 'n3');
    const refused = await statusOf(one, 'refused');
    expect(refused).toMatchObject({ reason: 'REGISTER answered 401 Unauthorized: the password is wrong', until: null });
  });

  it('answers the proxy before the registrar, and then both', async () => {
    configured();
    node('a');
    operator.answer(await nextRegister(), '407 Proxy Authentication Required', {
      headers: [['Proxy-Authenticate', challenge('p1')]],
    });
    const second = await nextRegister();
    expect(isRight(second, 'p1', 'Proxy-Authorization')).toBe(true);
    unauthorized(second, 'n1');
    const third = await nextRegister();
    expect([isRight(third, 'n1'), isRight(third, 'p1', 'Proxy-Authorization')]).toEqual([true, true]);
    granted(third);
  });

  it('gets its calls wherever they come from, and by the name of the account from the operator himself', async () => {
    configured();
    const one = node('a');
    const request = await nextRegister();
    granted(request);
    await statusOf(one, 'registered');
    const elsewhere = await RawPhone.open({
      user: '79160000000',
      domain: 'operator.test',
      server: stack.endpoint('udp'),
      host: '127.0.0.32',
    });
    const contact = /<([^>]+)>/.exec(contactOf(request))?.[1] ?? '';
    const uris = { contact, forged: contact.replace(/line=\w+/, `line=${'0'.repeat(24)}`) };
    const invite = (from: RawPhone, uri: string) =>
      from.send({
        method: 'INVITE',
        uri,
        from: '<sip:79160000000@operator.test>;tag=1',
        headers: [['Contact', `<${from.contact}>`]],
      });

    const { callId } = invite(elsewhere, uris.contact);
    const { item } = await stack.invites.find('the call', ({ id }) => id === callId);
    expect(item.identity).toEqual({ kind: 'trunk', pbx, trunk: 'active:74951234567' });
    item.reject(486);

    const forged = invite(elsewhere, uris.forged);
    expect(
      (await elsewhere.response(forged.callId, forged.cseq, (status) => status >= 200)).status,
    ).toBeGreaterThanOrEqual(401);

    const bare = invite(operator, 'sip:009912@127.0.0.1');
    const { item: named } = await stack.invites.find('the call', ({ id }) => id === bare.callId);
    expect(named.identity).toEqual({ kind: 'trunk', pbx, trunk: 'active:74951234567' });
    named.reject(486);
    elsewhere.close();
  });
});

describe('another configuration', () => {
  it('takes back what is not wanted any more, and registers what is new', async () => {
    configured();
    const one = node('a');
    granted(await nextRegister());
    await statusOf(one, 'registered');
    configured(account({ user: '009913' }));
    const last = await nextRegister();
    expect([last.headers.get('To'), last.headers.get('Expires')]).toEqual(['<sip:009912@operator.test>', '0']);
    operator.answer(last, '200 OK');
    const next = await nextRegister();
    expect([next.headers.get('To'), next.headers.get('Expires')]).toEqual(['<sip:009913@operator.test>', '300']);
    granted(next);
    await statusOf(one, 'registered');

    configured({ passive: `line@${pbx}.example` });
    expect((await nextRegister()).headers.get('Expires')).toBe('0');
    expect((await one.registering.status(pbx)).size).toBe(0);
  });
});

describe('of several nodes', () => {
  it('one registers, all know of it, and another goes on where it ends', async () => {
    configured();
    const first = node('a');
    granted(await nextRegister());
    await statusOf(first, 'registered');
    const clock = new FakeClock(new Date(Date.now()).toISOString());
    const second = node('b', { clock });
    expect(await statusOf(second, 'registered')).toMatchObject({ node: 'a' });
    expect(second.registering.own()).toEqual([]);

    const closed = first.registering.close();
    operator.answer(await nextRegister(), '200 OK');
    await closed;
    await clock.advance(LEASE_MS / 3);
    await eventually(
      'the other to have it',
      () => second.registering.own().length,
      (count) => count === 1,
    );
    await clock.advance(100);
    granted(await nextRegister());
    const status = await statusOf(second, 'registered');
    // The history of the first is not lost.
    expect([status?.node, status?.changes.length]).toEqual(['b', 2]);
  });

  it('one that dies is followed when its time is over, and not sooner', async () => {
    configured();
    const clock = new FakeClock(new Date(Date.now()).toISOString());
    const dead = node('dead', { clock });
    await eventually(
      'the first',
      () => dead.registering.own().length,
      (count) => count === 1,
    );
    // It says nothing any more.
    const later = new FakeClock(new Date(Date.now()).toISOString());
    const second = node('b', { clock: later });
    for (const [passed, has] of [
      [LEASE_MS - 1500, 0],
      [LEASE_MS / 3, 1],
    ] as const) {
      await passTime(later, stack.connection, passed, 500);
      await eventually(
        `${has} accounts`,
        () => second.registering.own().length,
        (count) => count === has,
      );
    }
  });

  it('none registers before it has asked Redis', async () => {
    configured();
    const one = node('a', { redis: redisAway });
    await settle();
    expect([one.registering.own(), operator.received.items]).toEqual([[], []]);
  });

  it('the one that has it goes on while Redis is away', async () => {
    configured();
    let away = false;
    const redis = {
      use: (...args: Parameters<RedisConnection['use']>) => (away ? redisAway : stack.connection).use(...args),
    } as RedisConnection;
    const clock = new FakeClock(new Date(Date.now()).toISOString());
    const one = node('a', { redis, clock });
    await eventually(
      'the account',
      () => one.registering.own().length,
      (count) => count === 1,
    );
    await clock.advance(100);
    granted(await nextRegister());
    await statusOf(one, 'registered');
    away = true;
    for (let s = 0; s < 90; s++) {
      await clock.advance(1000);
      await settle();
    }
    granted(await nextRegister());
    await eventually(
      'another registration',
      () => one.registering.own()[0]?.health.until ?? 0,
      (until) => until > clock.now() + 60_000,
    );
  });
});
