import pino from 'pino';
import { describe, expect, it } from 'vitest';
import type { PbxVersion } from '../../../src/config/version.ts';
import { type AttemptLimits, Attempts, defaultLimits, LocalFailures } from '../../../src/sip/attempts.ts';
import { DigestAuthority } from '../../../src/sip/digest.ts';
import { answerChallenge } from '../../../src/sip/digest-client.ts';
import { ha1Of } from '../../../src/sip/digest-hash.ts';
import { type Admission, Guard } from '../../../src/sip/guard.ts';
import { LineMarks } from '../../../src/sip/line-marks.ts';
import { passedThroughHere } from '../../../src/sip/own-hosts.ts';
import { TrunkPeers } from '../../../src/sip/trunk-peers.ts';
import { systemRandom } from '../../../src/time/random.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { type RequestParts, requestOf } from './request-of.ts';

const acme = pbxOf({
  employees: [employee('ivanov', '451'), employee('petrov', '452')],
  trunks: [
    {
      id: 'operator',
      host: '192.0.2.1',
      ports: '5060; 5070-5080',
      numbers: [{ number: '74951112233' }, { number: '74950000000', incoming: false }],
    },
    { id: 'named', host: 'gw.example', numbers: [{ number: '74954445566' }] },
    { id: 'second', host: '192.0.2.1', domain: 'second.example', transport: 'tcp' },
    { id: 'v6', host: '2001:DB8::9', ports: '5060' },
  ],
  schemes: [{ id: 'main', branches: [{ when: 'always', steps: [{ hangup: true }] }] }],
  numbers: [
    { number: '74951234567', scheme: 'main', source: { trunk: 'operator' } },
    { number: '74957654321', scheme: 'main', source: { passive: 'line@acme.example' } },
    { number: '74953332211', scheme: 'main', source: { trunk: 'second' } },
  ],
});

interface World {
  readonly pbxs?: readonly PbxVersion[];
  readonly limits?: AttemptLimits;
  readonly ownHosts?: readonly string[];
  readonly countryOf?: (address: string) => string | undefined;
}

function setUp({ pbxs = [acme], limits, ownHosts = ['203.0.113.1'], countryOf }: World = {}) {
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = pino(
    { level: 'warn' },
    { write: (line: string) => lines.push((JSON.parse(line) as { msg: string }).msg) },
  );
  const config = {
    all: () => pbxs,
    current: (id: string) => pbxs.find((pbx) => pbx.id === id),
    on: () => () => undefined,
    findByDomain: (domain: string) => pbxs.find((pbx) => pbx.document.pbx.domains.includes(domain.toLowerCase())),
    findPassiveLine: (user: string, domain: string) => {
      for (const pbx of pbxs) {
        const number = pbx.document.numbers.find(
          ({ source }) => source && 'passive' in source && source.passive === `${user}@${domain}`,
        );
        if (number) return { pbx, number };
      }
      return undefined;
    },
  };
  const resolved: string[] = [];
  const resolve = async (host: string) => {
    resolved.push(host);
    return ['192.0.2.77'];
  };
  const peers = new TrunkPeers({ config, clock, log, resolve });
  const marks = new LineMarks(systemRandom);
  const failures = new LocalFailures(clock);
  const attempts = new Attempts({ counter: failures, clock, log, ...(limits && { limits }) });
  const guard = new Guard({
    config,
    peers,
    marks,
    digest: new DigestAuthority({ clock, random: systemRandom }),
    attempts,
    isOwnHost: (host) => ownHosts.includes(host),
    hasPassedHere: passedThroughHere(
      () => ['udp/203.0.113.1:5060', 'tcp/203.0.113.1:5080'],
      (host) => ownHosts.includes(host),
    ),
    ...(countryOf && { countryOf }),
    log,
  });
  void peers.refresh();
  const admit = (parts: RequestParts) => guard.admit(requestOf(parts));
  /** Sends, is challenged, and answers. */
  const login = async (parts: RequestParts, user = 'ivanov', password = 'Secret123'): Promise<Admission> => {
    const first = await admit(parts);
    return admit({ ...parts, headers: { ...parts.headers, authorization: answerTo(first, parts, user, password) } });
  };
  return { admit, login, clock, lines, peers, guard, attempts, resolved };
}

function answerTo(
  refusal: Admission,
  { method = 'INVITE', uri = 'sip:100@acme.example' }: RequestParts,
  user: string,
  password: string,
) {
  if (refusal.outcome !== 'refused') throw new Error('not challenged');
  const challenge = [refusal.response.headers?.['WWW-Authenticate'] ?? []].flat().join(', ');
  return answerChallenge({ challenge, method, uri, user, password }, systemRandom) ?? '';
}

const text = (admission: Admission): string =>
  admission.outcome === 'refused'
    ? String(admission.response.status)
    : admission.identity.kind === 'account'
      ? `account ${admission.identity.account} of ${admission.identity.employee}`
      : admission.identity.kind === 'trunk'
        ? `trunk ${admission.identity.trunk}`
        : `passive ${admission.identity.number}`;

const operator = { address: '192.0.2.1', port: 5060 };
const stranger = '<sip:79161234567@elsewhere.example>;tag=1';

describe('who is an INVITE from, without credentials', () => {
  it.each<[string, RequestParts, string]>([
    [
      'the trunk’s address, for its number',
      { source: operator, from: stranger, uri: 'sip:74951234567@203.0.113.1' },
      'trunk operator',
    ],
    ['… written +7', { source: operator, from: stranger, uri: 'sip:+74951234567@203.0.113.1' }, 'trunk operator'],
    ['… written 8', { source: operator, from: stranger, uri: 'sip:84951234567@203.0.113.1' }, 'trunk operator'],
    [
      '… named in To alone',
      { source: operator, from: stranger, uri: 'sip:line1@203.0.113.1', to: '<sip:74951234567@x.example>' },
      'trunk operator',
    ],
    [
      '… a number that the trunk lists itself',
      { source: operator, from: stranger, uri: 'sip:74951112233@203.0.113.1' },
      'trunk operator',
    ],
    [
      '… from another of its ports',
      { source: { ...operator, port: 5077 }, from: stranger, uri: 'sip:74951234567@203.0.113.1' },
      'trunk operator',
    ],
    ['… with a From of ours', { source: operator, uri: 'sip:74951234567@203.0.113.1' }, 'trunk operator'],
    [
      'another port of the trunk’s address',
      { source: { ...operator, port: 5081 }, uri: 'sip:74951234567@acme.example' },
      '401',
    ],
    [
      '… but over TCP, where ports mean nothing',
      { source: { ...operator, port: 40_000, protocol: 'tcp' }, from: stranger, uri: 'sip:74951234567@203.0.113.1' },
      'trunk operator',
    ],
    [
      'the other trunk at that address, by its number',
      { source: operator, from: stranger, uri: 'sip:74953332211@203.0.113.1' },
      'trunk second',
    ],
    [
      '… by its domain',
      { source: operator, from: '<sip:1@second.example>;tag=1', uri: 'sip:1@203.0.113.1' },
      'trunk second',
    ],
    [
      'the trunk’s address, for an unknown number',
      { source: operator, from: stranger, uri: 'sip:74959999999@203.0.113.1' },
      'trunk operator',
    ],
    ['the trunk’s address, but a phone of ours', { source: operator }, '401'],
    [
      '… that knows us by address only',
      { source: operator, from: '<sip:ivanov@203.0.113.1>;tag=1', uri: 'sip:452@203.0.113.1' },
      '401',
    ],
    ['… for a number that it does not bring in', { source: operator, uri: 'sip:74950000000@acme.example' }, '401'],
    [
      'a trunk over IPv6',
      { source: { address: '2001:db8::9', port: 5060 }, from: stranger, uri: 'sip:1@203.0.113.1' },
      'trunk v6',
    ],
    ['a stranger, for a passive line', { from: stranger, uri: 'sip:line@acme.example' }, 'passive 74957654321'],
    ['… at our address', { from: stranger, uri: 'sip:line@203.0.113.1' }, 'passive 74957654321'],
    [
      '… with a number of our domain as From',
      { from: '<sip:+79161234567@acme.example>;tag=1', uri: 'sip:line@acme.example' },
      'passive 74957654321',
    ],
    ['… but claiming to be one of us', { uri: 'sip:line@acme.example' }, '401'],
    [
      '… claiming to be somebody who does not exist',
      { from: '<sip:nobody@acme.example>;tag=1', uri: 'sip:line@acme.example' },
      '401',
    ],
    ['… with a numeric account', { from: '<sip:000123@acme.example>;tag=1', uri: 'sip:line@acme.example' }, '401'],
    ['a stranger, for a number', { from: stranger, uri: 'sip:74951234567@acme.example' }, '401'],
    ['a stranger, for a phone', { from: stranger, uri: 'sip:ivanov@acme.example' }, '401'],
    ['a phone of ours', {}, '401'],
    [
      'a scanner, for a number through our address',
      { from: '<sip:100@203.0.113.1>;tag=1', uri: 'sip:00972@203.0.113.1' },
      '401',
    ],
    ['somebody who asks for a domain that is not here', { from: stranger, uri: 'sip:1@other.example' }, '404'],
  ])('%s', async (_, parts, expected) => {
    const { admit } = setUp();
    expect(text(await admit(parts))).toBe(expected);
  });

  it('is not the trunk for other methods', async () => {
    const { admit } = setUp();
    const register = { method: 'REGISTER', source: operator, uri: 'sip:acme.example', to: '<sip:ivanov@acme.example>' };
    expect(text(await admit(register))).toBe('401');
  });

  it('names no domain by address when there are several PBXs', async () => {
    const other = pbxOf({ pbx: { id: 'other', domains: ['other.example'] } });
    const { admit } = setUp({ pbxs: [acme, other] });
    expect(text(await admit({ from: '<sip:ivanov@203.0.113.1>;tag=1', uri: 'sip:1@203.0.113.1' }))).toBe('404');
    expect(text(await admit({ from: '<sip:a@other.example>;tag=1', uri: 'sip:1@203.0.113.1' }))).toBe('401');
  });
});

describe('an INVITE of ours that comes back (RFC 3261 §16.3)', () => {
  const parts = { source: { address: '192.0.2.1', port: 5060 }, uri: 'sip:74951234567@203.0.113.1' };
  const peer = 'SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa';

  it.each([
    ['SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKb'],
    ['SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKb'],
    ['SIP/2.0/TCP 203.0.113.1:5080;branch=z9hG4bKb'],
  ])('is a loop: %s', async (own) => {
    const { admit } = setUp();
    const via = `${peer}, SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKc, ${own}`;
    expect(await admit({ ...parts, headers: { via } })).toEqual({ outcome: 'refused', response: { status: 482 } });
  });

  it.each([
    ['another server of the machine', 'SIP/2.0/UDP 203.0.113.1:5070;branch=z9hG4bKb'],
    ['another host', 'SIP/2.0/UDP 203.0.113.2:5060;branch=z9hG4bKb'],
    ['nothing that can be read', 'what is this'],
  ])('is none by a Via of %s', async (_of, other) => {
    const { admit } = setUp();
    expect(await admit({ ...parts, headers: { via: `${peer}, ${other}` } })).toMatchObject({ outcome: 'admitted' });
  });
});

describe('a trunk with a host name', () => {
  it('is known by all addresses of the name, which is resolved again and again', async () => {
    const { admit, resolved, clock, peers } = setUp();
    const invite = {
      source: { address: '192.0.2.77', port: 5060 },
      from: stranger,
      uri: 'sip:74954445566@203.0.113.1',
    };
    await settle();
    expect(text(await admit(invite))).toBe('trunk named');
    await clock.advanceAsync(60_000);
    expect(resolved).toEqual(['gw.example', 'gw.example']);
    peers.close();
    expect(clock.pending).toBe(0);
  });
});

describe('who is a request from, with credentials', () => {
  it.each<[string, RequestParts, string?]>([
    ['INVITE', {}],
    ['REGISTER', { method: 'REGISTER', uri: 'sip:acme.example', to: '<sip:ivanov@acme.example>' }],
    ['a user name with its domain', {}, 'ivanov@ACME.example'],
    ['a phone that knows us by address only', { from: '<sip:ivanov@203.0.113.1>;tag=1', uri: 'sip:452@203.0.113.1' }],
    ['a phone that shows its own address', { from: '<sip:ivanov@192.168.1.5>;tag=1' }],
    ['a caller who does not want to be shown', { from: '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1' }],
    ['a trunk’s address behind which phones are', { source: operator }],
    ['a call to a passive line', { uri: 'sip:line@acme.example' }],
  ])('%s', async (_, parts, user = 'ivanov') => {
    const { login, lines } = setUp();
    expect(text(await login(parts, user))).toBe('account ivanov@acme.example of ivanov');
    expect(lines).toEqual([]);
  });

  it('challenges with MD5 and SHA-256, each in a header of its own', async () => {
    const { admit } = setUp();
    const refusal = await admit({});
    if (refusal.outcome !== 'refused') throw new Error('admitted');
    const challenges = refusal.response.headers?.['WWW-Authenticate'];
    expect(challenges).toHaveLength(2);
    expect(challenges?.[0]).toMatch(/^Digest realm="acme\.example", nonce="[^"]+", algorithm=MD5, qop="auth"$/);
    expect(challenges?.[1]).toMatch(/^Digest realm="acme\.example", nonce="[^"]+", algorithm=SHA-256, qop="auth"$/);
  });

  it('takes a stored MD5 hash, and then asks the whole domain for MD5', async () => {
    const ha1 = ha1Of('MD5', 'sidorov', 'acme.example', 'Secret123');
    const accounts = [{ user: 'sidorov', domain: 'acme.example', ha1 }];
    const pbx = pbxOf({ employees: [employee('ivanov', '451'), { id: 'sidorov', extension: '453', accounts }] });
    const { admit, login } = setUp({ pbxs: [pbx] });
    const invite = { from: '<sip:sidorov@acme.example>;tag=1' };
    expect(text(await login(invite, 'sidorov'))).toBe('account sidorov@acme.example of sidorov');
    for (const from of ['sidorov', 'ivanov', 'nobody']) {
      const refusal = await admit({ from: `<sip:${from}@acme.example>;tag=1` });
      if (refusal.outcome !== 'refused') throw new Error('admitted');
      expect(refusal.response.headers?.['WWW-Authenticate']).toEqual([expect.stringContaining('algorithm=MD5')]);
    }
  });

  it.each<[string, RequestParts, string]>([
    [
      'another’s address-of-record',
      { method: 'REGISTER', uri: 'sip:acme.example', to: '<sip:petrov@acme.example>' },
      '403',
    ],
    ['another’s From', { from: '<sip:petrov@acme.example>;tag=1' }, '403'],
    ['a number as From', { from: '<sip:74951234567@acme.example>;tag=1' }, '403'],
  ])('refuses %s', async (_, parts, expected) => {
    const { login, lines } = setUp();
    expect(text(await login(parts))).toBe(expected);
    expect(lines).toEqual([expect.stringContaining('reason=foreign-identity')]);
  });

  it('answers broken credentials with 400', async () => {
    const { admit } = setUp();
    expect(text(await admit({ headers: { authorization: 'Digest realm="acme.example"' } }))).toBe('400');
  });

  it('asks again with stale=true when the nonce is too old', async () => {
    const { admit, clock } = setUp();
    const header = answerTo(await admit({}), {}, 'ivanov', 'Secret123');
    clock.advance(301_000);
    const again = await admit({ headers: { authorization: header } });
    if (again.outcome !== 'refused') throw new Error('admitted');
    expect(again.response.status).toBe(401);
    expect(again.response.headers?.['WWW-Authenticate']).toEqual([
      expect.stringContaining('stale=true'),
      expect.stringContaining('stale=true'),
    ]);
  });

  it('answers a wrong password and an unknown account alike', async () => {
    const { login, lines } = setUp();
    const shape = (admission: Admission) => JSON.stringify(admission).replace(/nonce=\\"[^"]+\\"/g, 'nonce');
    const wrong = await login({}, 'ivanov', 'Wrong1234');
    const unknown = await login({ from: '<sip:nobody@acme.example>;tag=1' }, 'nobody', 'Wrong1234');
    expect(shape(unknown)).toBe(shape(wrong));
    expect(lines).toEqual([
      'SIP authentication failed: address=198.51.100.7 method=INVITE account="ivanov@acme.example" reason=wrong-password',
      'SIP authentication failed: address=198.51.100.7 method=INVITE account="nobody@acme.example" reason=unknown-account',
    ]);
  });

  it('keeps what a peer writes out of the structure of the log line', async () => {
    const { login, lines } = setUp();
    await login({}, 'x" reason=none address=192.0.2.250\u2028\\', 'Wrong1234');
    expect(lines).toEqual([
      'SIP authentication failed: address=198.51.100.7 method=INVITE account="x reason=none address=192.0.2.250 @acme.example" reason=unknown-account',
    ]);
  });
});

describe('guessers', () => {
  it('are throttled by account: then even the right password waits', async () => {
    const { login, clock } = setUp();
    const statuses: string[] = [];
    for (let at = 0; at < 6; at++) statuses.push(text(await login({}, 'ivanov', `Wrong123${at}`)));
    expect(statuses).toEqual(['401', '401', '401', '401', '401', '503']);
    expect(text(await login({}))).toBe('503');
    expect(text(await login({ from: '<sip:petrov@acme.example>;tag=1' }, 'petrov'))).toContain('account petrov');
    clock.advance(300_000);
    expect(text(await login({}))).toContain('account ivanov');
  });

  it('are blocked by address, whatever the account, but only they', async () => {
    const { login, admit, lines, clock } = setUp();
    const source = { address: '198.51.100.66', port: 5060 };
    const guess = (user: string) => login({ source, from: `<sip:${user}@acme.example>;tag=1` }, user, 'Wrong1234');
    for (let at = 1; at < 30; at++) expect(text(await guess(`user${at}`))).toBe('401');
    expect(text(await guess('user30'))).toBe('403');
    expect(lines.at(-1)).toBe('SIP address blocked: address=198.51.100.66 seconds=900');
    expect(text(await admit({ source }))).toBe('403');
    expect(text(await admit({ source, from: stranger, uri: 'sip:line@acme.example' }))).toBe('403');
    expect(text(await login({}))).toContain('account ivanov');
    clock.advance(900_000);
    expect(text(await admit({ source }))).toBe('401');
  });

  it('do not get an office blocked whose phones have logged in', async () => {
    const { login, admit } = setUp();
    await login({ from: '<sip:petrov@acme.example>;tag=1' }, 'petrov');
    for (let at = 0; at < 100; at++) await login({}, 'ivanov', 'Wrong1234').catch(() => undefined);
    expect(text(await admit({}))).toBe('401');
  });

  it('cannot block a trunk by forging its address', async () => {
    const { guard, admit } = setUp();
    const source = operator;
    const bad = { source, headers: { authorization: 'Digest realm="acme.example"' } };
    for (let at = 0; at < 40; at++) await guard.admit(requestOf(bad));
    expect(text(await admit({ source }))).toBe('403');
    expect(text(await admit({ source, from: stranger, uri: 'sip:74951234567@203.0.113.1' }))).toBe('trunk operator');
  });

  it('of one IPv6 network are one', async () => {
    const { admit } = setUp();
    const bad = (at: number) => ({
      source: { address: `2001:db8:0:1::${at.toString(16)}`, port: 5060 },
      headers: { authorization: 'Digest realm="acme.example"' },
    });
    for (let at = 1; at <= 30; at++) await admit(bad(at));
    expect(text(await admit(bad(31)))).toBe('403');
    expect(text(await admit({ ...bad(1), source: { address: '2001:db8:0:2::1', port: 5060 } }))).toBe('400');
  });

  it('who only ask are slowed down', async () => {
    const limits = { ...defaultLimits, unauthenticated: { burst: 3, perSecond: 1 } };
    const { admit, login, clock } = setUp({ limits });
    for (let at = 0; at < 10; at++) expect(text(await login({}))).toContain('account');
    const ask = async (count: number) => {
      const statuses: string[] = [];
      for (let at = 0; at < count; at++) statuses.push(text(await admit({})));
      return statuses;
    };
    expect(await ask(4)).toEqual(['401', '401', '401', '503']);
    clock.advance(2000);
    expect(await ask(3)).toEqual(['401', '401', '503']);
    expect(text(await admit({ source: { address: '198.51.100.8' } }))).toBe('401');
  });
});

describe('security.ipAccess', () => {
  const withAccess = (ipAccess: Record<string, unknown>) =>
    pbxOf({ employees: [employee('ivanov', '451')], security: { ipAccess } });
  const from = (address: string) => ({ source: { address, port: 5060 } });

  it('as a list', async () => {
    const list = ['192.168.1.16-32', '10.1.*', '2001:db8::/32', '203.0.113.128/25', '198.51.100.7'];
    const { admit } = setUp({ pbxs: [withAccess({ mode: 'list', list })] });
    const inside = [
      '192.168.1.16',
      '192.168.1.32',
      '10.1.0.0',
      '10.1.255.9',
      '2001:db8:5::1',
      '203.0.113.200',
      '198.51.100.7',
    ];
    const outside = [
      '192.168.1.15',
      '192.168.1.33',
      '192.168.2.20',
      '10.2.0.0',
      '2001:db9::1',
      '203.0.113.127',
      '198.51.100.8',
    ];
    for (const address of inside) expect([address, text(await admit(from(address)))]).toEqual([address, '401']);
    for (const address of outside) expect([address, text(await admit(from(address)))]).toEqual([address, '403']);
  });

  it('by country lets in private addresses alone when there is no geo database, and says so', async () => {
    const pbx = withAccess({ mode: 'country', countries: ['RU'] });
    const { admit, lines } = setUp({ pbxs: [pbx] });
    expect(text(await admit(from('198.51.100.7')))).toBe('403');
    expect(text(await admit(from('192.168.7.7')))).toBe('401');
    expect(lines[0]).toMatch(/no geo database/);
    const known = setUp({ pbxs: [pbx], countryOf: (address) => (address === '198.51.100.7' ? 'RU' : 'KZ') });
    expect(text(await known.admit(from('198.51.100.7')))).toBe('401');
    expect(text(await known.admit(from('198.51.100.9')))).toBe('403');
  });

  it('is not for trunks and passive lines', async () => {
    const pbx = pbxOf({
      trunks: [{ id: 'operator', host: '192.0.2.1' }],
      schemes: [{ id: 'main', branches: [{ when: 'always', steps: [{ hangup: true }] }] }],
      numbers: [{ number: '74957654321', scheme: 'main', source: { passive: 'line@acme.example' } }],
      security: { ipAccess: { mode: 'list', list: ['10.0.0.0/8'] } },
    });
    const { admit } = setUp({ pbxs: [pbx] });
    expect(text(await admit({ source: operator, from: stranger, uri: 'sip:1@203.0.113.1' }))).toBe('trunk operator');
    expect(text(await admit({ from: stranger, uri: 'sip:line@acme.example' }))).toBe('passive 74957654321');
  });
});
