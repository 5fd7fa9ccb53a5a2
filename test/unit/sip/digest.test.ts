import { hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type AccountSecret, commonAlgorithms, credentialsFor, DigestAuthority } from '../../../src/sip/digest.ts';
import { answerChallenge } from '../../../src/sip/digest-client.ts';
import { parseDigests, printDigest } from '../../../src/sip/digest-fields.ts';
import { type DigestAlgorithm, digestResponse, ha1Of } from '../../../src/sip/digest-hash.ts';
import { systemRandom } from '../../../src/time/random.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const realm = 'acme.example';
const secret = { password: 'Abcdefg1' };

/** A server and a client who knows a password. */
function setUp(options: { remembered?: number } = {}) {
  const clock = new FakeClock();
  const digest = new DigestAuthority({ clock, random: systemRandom, lifetimeSeconds: 300, ...options });
  const answer = (challenges: readonly string[], password = 'Abcdefg1', user = 'ivanov') =>
    answerChallenge(
      { challenge: challenges.join(', '), method: 'REGISTER', uri: 'sip:acme.example', user, password },
      systemRandom,
    ) ?? '';
  const check = (header: string, known: AccountSecret | undefined = secret, method = 'REGISTER') => {
    const credentials = credentialsFor(header, realm);
    return typeof credentials === 'string' ? credentials : digest.verify(credentials, method, known);
  };
  const only = (algorithm: DigestAlgorithm) => digest.challenge({ realm, algorithms: [algorithm] });
  return { clock, digest, answer, check, only };
}

/** The same credentials with another nonce count, as a phone makes them that goes on using a nonce. */
function withCount(header: string, nc: string): string {
  const fields = parseDigests(header)?.[0];
  if (!fields) throw new Error('no digest');
  const { cnonce = '', nonce = '', uri = '' } = fields;
  const algorithm = fields.algorithm as DigestAlgorithm;
  const ha1 = ha1Of(algorithm, 'ivanov', realm, 'Abcdefg1');
  const response = digestResponse({ algorithm, ha1, method: 'REGISTER', uri, nonce, auth: { nc, cnonce } });
  return printDigest({ ...fields, nc, response }, 'bare');
}

describe('digest computation', () => {
  it('gives the response of RFC 2617 §3.5', () => {
    const ha1 = ha1Of('MD5', 'Mufasa', 'testrealm@host.com', 'Circle Of Life');
    const response = digestResponse({
      algorithm: 'MD5',
      ha1,
      method: 'GET',
      uri: '/dir/index.html',
      nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093',
      auth: { nc: '00000001', cnonce: '0a4f113b' },
    });
    expect(ha1).toBe('939e7578ed9e3c518a452acee763bce9');
    expect(response).toBe('6629fae49393a05397450978507c4ef1');
  });

  it.each([
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ] as const)('gives the response of RFC 7616 §3.9.1 for %s', (algorithm, expected) => {
    const ha1 = ha1Of(algorithm, 'Mufasa', 'http-auth@example.org', 'Circle of Life');
    const response = digestResponse({
      algorithm,
      ha1,
      method: 'GET',
      uri: '/dir/index.html',
      nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
      auth: { nc: '00000001', cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ' },
    });
    expect(response).toBe(expected);
  });
});

describe('a challenge', () => {
  it('offers MD5 to those who read only the first, and SHA-256, each in a header of its own', () => {
    const { digest } = setUp();
    const values = digest.challenge({ realm }).map((value) => parseDigests(value));
    expect(values).toMatchObject([
      [{ algorithm: 'MD5', qop: 'auth', realm }],
      [{ algorithm: 'SHA-256', qop: 'auth', realm }],
    ]);
    expect(values[0]?.[0]).not.toHaveProperty('stale');
  });

  it('leaves out what an account of the domain cannot answer', () => {
    const md5 = { ha1: '0'.repeat(32) };
    const sha = { ha1: '0'.repeat(64) };
    expect(commonAlgorithms([secret])).toEqual(['SHA-256', 'MD5']);
    expect(commonAlgorithms([secret, md5])).toEqual(['MD5']);
    expect(commonAlgorithms([secret, sha])).toEqual(['SHA-256']);
    expect(commonAlgorithms([md5, sha])).toEqual(['SHA-256', 'MD5']);
  });
});

describe.each(['MD5', 'SHA-256'] as const)('credentials with %s', (algorithm) => {
  it('are right with the password, and with the stored hash of it', () => {
    const { answer, check, only } = setUp();
    expect(check(answer(only(algorithm)))).toBe('right');
    expect(check(answer(only(algorithm)), { ha1: ha1Of(algorithm, 'ivanov', realm, 'Abcdefg1') })).toBe('right');
  });

  it('are right with a user name that carries its domain', () => {
    const { answer, check, only } = setUp();
    expect(check(answer(only(algorithm), 'Abcdefg1', 'ivanov@acme.example'))).toBe('right');
  });

  it('are wrong with another password, another method, a hash of the other algorithm, and for nobody', () => {
    const { answer, check, only } = setUp();
    const other = algorithm === 'MD5' ? 'SHA-256' : 'MD5';
    expect(check(answer(only(algorithm), 'Abcdefg2'))).toBe('wrong');
    expect(check(answer(only(algorithm)), secret, 'INVITE')).toBe('wrong');
    expect(check(answer(only(algorithm)), { ha1: ha1Of(other, 'ivanov', realm, 'Abcdefg1') })).toBe('wrong');
    const { digest } = setUp();
    const credentials = credentialsFor(answer(digest.challenge({ realm, algorithms: [algorithm] })), realm);
    if (typeof credentials === 'string') throw new Error(credentials);
    expect(digest.verify(credentials, 'REGISTER', undefined)).toBe('wrong');
  });

  it('do not pass twice, nor with a lower count, but with a higher one', () => {
    const { answer, check, only } = setUp();
    const first = answer(only(algorithm));
    expect(check(first)).toBe('right');
    expect(check(first)).toBe('stale');
    expect(check(withCount(first, '0000000a'))).toBe('right');
    expect(check(withCount(first, '00000002'))).toBe('stale');
    expect(check(withCount(first, '0000000b'))).toBe('right');
  });

  it('are stale after the nonce’s time, and with a nonce of another node', () => {
    const { answer, check, clock, only } = setUp();
    const header = answer(only(algorithm));
    clock.advance(300_000);
    expect(check(header)).toBe('right');
    clock.advance(1);
    expect(check(withCount(header, '00000002'))).toBe('stale');
    expect(check(answer(setUp().only(algorithm)))).toBe('stale');
  });

  it('are wrong, not stale, with an old nonce and a wrong password', () => {
    const { answer, check, clock, only } = setUp();
    const header = answer(only(algorithm), 'Abcdefg2');
    clock.advance(300_001);
    expect(check(header)).toBe('wrong');
  });
});

describe('nonces', () => {
  it('are bound to their realm', () => {
    const { digest, answer } = setUp();
    const foreign = digest.challenge({ realm: 'other.example', algorithms: ['MD5'] })[0] ?? '';
    const header = answer([foreign.replace('other.example', realm)]);
    const credentials = credentialsFor(header, realm);
    if (typeof credentials === 'string') throw new Error(credentials);
    expect(digest.verify(credentials, 'REGISTER', secret)).toBe('stale');
  });

  it('cost no memory until they are used, and are forgotten when they have expired', () => {
    const { digest, answer, check, clock, only } = setUp();
    for (let at = 0; at < 1000; at++) digest.challenge({ realm });
    expect(digest.noncesInUse).toBe(0);
    for (let at = 0; at < 10; at++) expect(check(answer(only('MD5')))).toBe('right');
    expect(digest.noncesInUse).toBe(10);
    clock.advance(300_001);
    expect(check(answer(only('MD5')))).toBe('right');
    expect(digest.noncesInUse).toBe(1);
  });

  it('that had to be forgotten early become stale rather than usable again', () => {
    const { digest, answer, check, clock, only } = setUp({ remembered: 2 });
    const headers = [1, 2, 3].map(() => {
      clock.advance(1);
      return answer(only('MD5'));
    });
    expect(headers.map((header) => check(header))).toEqual(['right', 'right', 'right']);
    expect(digest.noncesInUse).toBe(2);
    expect(headers.map((header) => check(withCount(header, '00000002')))).toEqual(['stale', 'right', 'right']);
  });
});

describe('credentials in a header', () => {
  const good = {
    username: 'ivanov',
    realm,
    nonce: 'n',
    uri: 'sip:acme.example',
    response: '0'.repeat(32),
    qop: 'auth',
    nc: '00000001',
    cnonce: 'c',
  };
  const header = (change: Record<string, string | undefined>) =>
    printDigest(
      Object.fromEntries(
        Object.entries({ ...good, ...change }).filter((field): field is [string, string] => field[1] !== undefined),
      ),
      'bare',
    );

  it.each([
    ['no header', undefined, 'absent'],
    ['another realm', header({ realm: 'other.example' }), 'absent'],
    ['another scheme', 'Basic abc=d', 'absent'],
    ['qop auth-int', header({ qop: 'auth-int' }), 'malformed'],
    ['no qop', header({ qop: undefined }), 'malformed'],
    ['no nonce count', header({ nc: undefined }), 'malformed'],
    ['a nonce count of seven digits', header({ nc: '0000001' }), 'malformed'],
    ['no cnonce', header({ cnonce: undefined }), 'malformed'],
    ['no user name', header({ username: '' }), 'malformed'],
    ['a response that is no hexadecimal number', header({ response: 'xyz' }), 'malformed'],
    ['an algorithm that was not offered', header({ algorithm: 'MD5-sess' }), 'malformed'],
    ['a parameter twice', `${header({})}, nc=00000002`, 'malformed'],
    ['an unterminated string', 'Digest username="ivanov', 'malformed'],
    ['no parameters', 'Digest', 'malformed'],
  ])('%s is %s → %s', (_, value, expected) => {
    expect(credentialsFor(value, realm)).toBe(expected);
  });

  it('are found among those for other realms in joined lines', () => {
    const joined = `${header({ realm: 'other.example', username: 'a' })}, ${header({ username: 'q"uo\\ted' })}`;
    expect(credentialsFor(joined, 'ACME.example')).toMatchObject({ username: 'q"uo\\ted', algorithm: 'MD5' });
  });

  it('prefers the algorithm that we know', () => {
    const joined = `${header({ algorithm: 'SHA-512-256' })}, ${header({ algorithm: 'sha-256' })}`;
    expect(credentialsFor(joined, realm)).toMatchObject({ algorithm: 'SHA-256' });
  });
});

describe('our answer to a peer', () => {
  const challenged = { method: 'INVITE', uri: 'sip:7@peer.example', user: 'u', password: 'p' };
  const answerTo = (challenge: string) => {
    const header = answerChallenge({ ...challenged, challenge }, systemRandom);
    return header === undefined ? undefined : parseDigests(header)?.[0];
  };

  it('takes SHA-256 before MD5 whatever their order', () => {
    const md5 = 'Digest realm="r", nonce="1", algorithm=MD5, qop="auth,auth-int"';
    const sha = 'Digest realm="r", nonce="2", algorithm=SHA-256, qop="auth", opaque="o"';
    expect(answerTo(`${md5}, ${sha}`)).toMatchObject({ nonce: '2', algorithm: 'SHA-256', opaque: 'o', qop: 'auth' });
    expect(answerTo(md5)).toMatchObject({ nonce: '1', algorithm: 'MD5', nc: '00000001' });
  });

  it('answers a challenge without qop in the form of RFC 2069, and repeats no algorithm that was not named', () => {
    const fields = answerTo('DIGEST realm="r",nonce="1"');
    const md5 = (text: string) => hash('md5', text);
    expect(fields).toEqual({
      username: 'u',
      realm: 'r',
      nonce: '1',
      uri: challenged.uri,
      response: md5(`${md5('u:r:p')}:1:${md5('INVITE:sip:7@peer.example')}`),
    });
  });

  it('is none to what cannot be answered', () => {
    expect(answerTo('Basic realm="r"')).toBeUndefined();
    expect(answerTo('Digest realm="r", nonce="1", algorithm=AKAv1-MD5')).toBeUndefined();
    expect(answerTo('Digest realm="r", nonce="1", qop="auth-int"')).toBeUndefined();
    expect(answerTo('')).toBeUndefined();
  });
});
