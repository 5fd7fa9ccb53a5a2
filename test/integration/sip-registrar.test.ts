import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { employee, pbxOf } from '../support/pbx.ts';
import { RawPhone } from '../support/raw-phone.ts';
import { type SipStack, startSipStack } from '../support/sip-stack.ts';
import { eventually } from '../support/wait.ts';

/** REGISTER from real sockets, through the SIP server and drachtio-srf, into a real Redis. */

const password = 'Secret123';
const names = [
  'basic',
  'devices',
  'star',
  'brief',
  'expiry',
  'order',
  'home',
  'path',
  'conn',
  'down',
  'guess',
  'sweep',
];
const pbx = pbxOf({ employees: names.map((name, at) => employee(name, String(100 + at))) });

let stack: SipStack;
let now = Date.parse('2026-11-02T09:00:00Z');
const phones: RawPhone[] = [];

beforeAll(async () => {
  stack = await startSipStack({ pbxs: [pbx], now: () => now, sweepEveryMs: 3_600_000 });
});

afterAll(() => stack.stop());

afterEach(() => {
  for (const phone of phones.splice(0)) phone.close();
});

async function phoneOf(user: string, options: { protocol?: 'udp' | 'tcp'; host?: string } = {}): Promise<RawPhone> {
  const phone = await RawPhone.open({
    user,
    domain: 'acme.example',
    server: stack.endpoint(options.protocol ?? 'udp'),
    ...options,
  });
  phones.push(phone);
  return phone;
}

const contactsOf = async (user: string) =>
  (await stack.sip.registrar.contacts('acme', `${user}@acme.example`)).map(
    ({ target: { edge: _, ...where } }) => where,
  );

describe('a phone', () => {
  it.each(['MD5', 'SHA-256'] as const)('registers with %s, again, asks, and goes', async (algorithm) => {
    const phone = await phoneOf('basic');
    const mark = stack.registrations.items.length;
    const registered = await phone.register(password, { expires: 120, algorithm });
    expect(registered.status).toBe(200);
    expect(registered.headers.all('Contact')).toEqual([`<${phone.contact}>;expires=120`]);
    expect(Date.parse(registered.headers.get('Date') ?? '')).toBeGreaterThan(0);
    expect(registered.headers.get('Date')).toMatch(/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
    expect(await contactsOf('basic')).toEqual([{ uri: phone.contact }]);

    now += 60_000;
    const asked = await phone.register(password, { contacts: null });
    expect(asked.headers.all('Contact')).toEqual([`<${phone.contact}>;expires=60`]);
    const refreshed = await phone.register(password, { expires: 90 });
    expect(refreshed.headers.all('Contact')).toEqual([`<${phone.contact}>;expires=90`]);

    const gone = await phone.register(password, { expires: 0 });
    expect(gone.status).toBe(200);
    expect(gone.headers.all('Contact')).toEqual([]);
    expect(await contactsOf('basic')).toEqual([]);
    expect(stack.registrations.items.slice(mark)).toEqual([
      `registered basic@acme.example ${phone.contact}`,
      `unregistered basic@acme.example ${phone.contact}`,
    ]);
  });

  it('uses a nonce again with a higher count, in one round trip', async () => {
    const phone = await phoneOf('basic');
    const request = { method: 'REGISTER', uri: 'sip:acme.example', to: `<${phone.aor}>` };
    const challenged = await phone.request(request);
    expect(challenged.status).toBe(401);
    expect(challenged.headers.count('WWW-Authenticate')).toBe(2);
    const authorization = phone.credentials(challenged, request, password);
    const withIt = { ...request, headers: [['Authorization', authorization]] as const };
    expect((await phone.request(withIt)).status).toBe(200);
    // The very same credentials are a replay: stale, so that a phone makes new ones without asking its user.
    const replayed = await phone.request(withIt);
    expect(replayed.status).toBe(401);
    expect(replayed.headers.all('WWW-Authenticate').every((one) => one.includes('stale=true'))).toBe(true);
  });

  it('has company of the same account, each with its own place', async () => {
    const [desk, mobile] = [await phoneOf('devices'), await phoneOf('devices', { host: '127.0.0.2' })];
    await desk.register(password, { contacts: [`<${desk.contact}>;q=0.5`] });
    now += 1000;
    const both = await mobile.register(password);
    expect(both.headers.all('Contact')).toEqual([
      `<${mobile.contact}>;expires=600`,
      `<${desk.contact}>;expires=599;q=0.5`,
    ]);
    await desk.register(password, { expires: 0 });
    expect(await contactsOf('devices')).toEqual([{ uri: mobile.contact }]);
  });

  it('keeps one binding for an instance whose address changes (RFC 5626)', async () => {
    const instance = ';+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>";reg-id=1';
    const phone = await phoneOf('star');
    await phone.register(password, { contacts: [`<${phone.contact}>${instance}`] });
    const moved = await phoneOf('star');
    const answer = await moved.register(password, { contacts: [`<${moved.contact}>${instance}`] });
    expect(answer.headers.all('Contact')).toEqual([`<${moved.contact}>;expires=600${instance}`]);
  });

  it('removes all with "*", by the rules', async () => {
    const phone = await phoneOf('star');
    await phone.register(password, { contacts: ['<sip:a@127.0.0.1>', '<sip:b@127.0.0.1>'] });
    expect((await phone.register(password, { contacts: ['*'] })).status).toBe(400);
    expect((await phone.register(password, { contacts: ['*'], expires: 60 })).status).toBe(400);
    expect((await phone.register(password, { contacts: ['*', '<sip:a@127.0.0.1>'], expires: 0 })).status).toBe(400);
    expect((await contactsOf('star')).length).toBeGreaterThanOrEqual(2);
    const gone = await phone.register(password, { contacts: ['*'], expires: 0 });
    expect([gone.status, gone.headers.all('Contact')]).toEqual([200, []]);
    expect(await contactsOf('star')).toEqual([]);
  });

  it('that wants too short a time is told what is the least', async () => {
    const phone = await phoneOf('brief');
    const refused = await phone.register(password, { expires: 30 });
    expect([refused.status, refused.headers.get('Min-Expires')]).toEqual([423, '60']);
    expect(await contactsOf('brief')).toEqual([]);
    const long = await phone.register(password, { expires: 86_400 });
    expect(long.headers.all('Contact')).toEqual([`<${phone.contact}>;expires=3600`]);
  });

  it('whose time is over is gone, and this is told', async () => {
    const phone = await phoneOf('expiry');
    await phone.register(password, { expires: 60 });
    now += 60_001;
    expect(await contactsOf('expiry')).toEqual([]);
    await stack.sip.registrar.sweep();
    await stack.registrations.find('the end', (line) => line === `expired expiry@acme.example ${phone.contact}`);
  });

  it('whose requests arrive out of order is refused', async () => {
    const phone = await phoneOf('order');
    const register = (cseq: number) =>
      phone.authenticated(
        {
          method: 'REGISTER',
          uri: 'sip:acme.example',
          to: `<${phone.aor}>`,
          callId: 'one-call-id',
          cseq,
          headers: [['Contact', `<${phone.contact}>`]],
        },
        password,
      );
    expect((await register(20)).status).toBe(200);
    expect((await register(10)).status).toBe(500);
    expect((await contactsOf('order')).length).toBe(1);
  });

  it('behind NAT is called where it was seen', async () => {
    const phone = await phoneOf('home');
    await phone.register(password, { contacts: ['<sip:home@192.168.1.5:5060>'] });
    const nextHop = { protocol: 'udp', address: phone.host, port: phone.port };
    expect(await contactsOf('home')).toEqual([{ uri: 'sip:home@192.168.1.5:5060', nextHop }]);
  });

  it('over TCP is called by its connection', async () => {
    const phone = await phoneOf('conn', { protocol: 'tcp' });
    expect((await phone.register(password)).status).toBe(200);
    const nextHop = { protocol: 'tcp', address: phone.host, port: phone.port };
    expect(await contactsOf('conn')).toEqual([{ uri: phone.contact, nextHop }]);
  });

  it('that came through an edge is called through it, and its Path is confirmed (RFC 3327)', async () => {
    const phone = await phoneOf('path');
    const path = '<sip:127.0.0.9:5080;lr>';
    const answer = await phone.register(password, {
      headers: [
        ['Path', path],
        ['Require', 'path'],
      ],
    });
    expect([answer.status, answer.headers.all('Path')]).toEqual([200, [path]]);
    const nextHop = { protocol: 'udp', address: '127.0.0.9', port: 5080 };
    expect(await contactsOf('path')).toEqual([{ uri: phone.contact, nextHop }]);
  });

  it('that demands what we do not have is told so', async () => {
    const phone = await phoneOf('basic');
    const answer = await phone.register(password, { headers: [['Require', 'outbound, path']] });
    expect([answer.status, answer.headers.get('Unsupported')]).toEqual([420, 'outbound']);
  });

  it('may not register for another', async () => {
    const phone = await phoneOf('basic');
    const other = { method: 'REGISTER', uri: 'sip:acme.example', to: '<sip:devices@acme.example>' };
    expect((await phone.authenticated(other, password)).status).toBe(403);
  });
});

describe('a guesser', () => {
  it('is throttled, then blocked; an unknown account looks the same', async () => {
    const guesser = await phoneOf('guess', { host: '127.0.0.66' });
    const nobody = await phoneOf('nobody', { host: '127.0.0.67' });
    const statuses = async (phone: RawPhone, times: number) => {
      const found: number[] = [];
      for (let at = 0; at < times; at++) found.push((await phone.register(`Wrong${at}`)).status);
      return found;
    };
    const expected = [401, 401, 401, 401, 401, 503];
    expect(await statuses(guesser, 6)).toEqual(expected);
    expect(await statuses(nobody, 6)).toEqual(expected);
    const line = `SIP authentication failed: address=127.0.0.66 method=REGISTER account="guess@acme.example" reason=wrong-password`;
    expect(stack.log.items).toContain(line);
    expect(stack.log.items).toContain(
      line.replace('66', '67').replace('guess', 'nobody').replace('wrong-password', 'unknown-account'),
    );

    const throttled = await guesser.register(password);
    expect(throttled.status).toBe(503);
    expect(Number(throttled.headers.get('Retry-After'))).toBeGreaterThan(200);
    for (let at = 7; at < 30; at++) await guesser.register(password);
    expect((await guesser.register(password)).status).toBe(403);
    expect(stack.log.items).toContain('SIP address blocked: address=127.0.0.66 seconds=900');
    // Others are not touched by it.
    const other = await phoneOf('guess', { host: '127.0.0.68' });
    expect((await other.register(password)).status).toBe(200);
  });
});

describe('without Redis', () => {
  it('a phone is told to come back, and is let in when Redis is back', async () => {
    const phone = await phoneOf('down');
    expect((await phone.register(password)).status).toBe(200);
    const { refused, up } = await eventually(
      'a phone that asks before Redis has been started again',
      async () => {
        await eventually(
          'Redis to be there',
          () => stack.connection.up,
          (isUp) => isUp,
        );
        const down = new Promise<void>((resolve) => stack.connection.on('down', () => resolve()));
        process.kill(stack.redis.server.pid, 'SIGKILL');
        await down;
        const up = new Promise<void>((resolve) => stack.connection.on('up', () => resolve()));
        return { refused: await phone.register(password), up };
      },
      ({ refused }) => refused.status !== 200,
    );
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThanOrEqual(5);
    await stack.sip.registrar.sweep();
    await up;
    const back = await eventually(
      'a registration',
      () => phone.register(password),
      ({ status }) => status === 200,
    );
    expect(back.headers.all('Contact')).toEqual([`<${phone.contact}>;expires=600`]);
  });
});

describe('requests that are no calls', () => {
  it.each([
    ['OPTIONS', 200, 'Allow', /INVITE.*REGISTER/],
    ['MESSAGE', 405, 'Allow', /INVITE/],
    ['SUBSCRIBE', 489, 'Allow-Events', /./],
    ['PUBLISH', 489, 'Allow-Events', /./],
    ['NOTIFY', 481, 'To', /tag=/],
    ['REFER', 405, 'Allow', /INVITE/],
  ])('%s is answered %i', async (method, status, header, value) => {
    const phone = await phoneOf('basic');
    const extra =
      method === 'SUBSCRIBE' || method === 'PUBLISH' || method === 'NOTIFY' ? [['Event', 'dialog'] as const] : [];
    const answer = await phone.request({
      method,
      uri: 'sip:acme.example',
      headers: [['Contact', `<${phone.contact}>`], ...extra],
    });
    expect(answer.status).toBe(status);
    expect(answer.headers.all(header).join()).toMatch(value);
  });
});
