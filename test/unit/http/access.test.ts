import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/config/secret.ts';
import { type Asker, access, isLoopback } from '../../../src/http/access.ts';

const asker = (headers: Asker['headers'], more: Partial<Asker> = {}): Asker => ({
  address: '127.0.0.1',
  headers: { host: '127.0.0.1:8080', ...headers },
  open: false,
  ...more,
});

describe('access with a token', () => {
  const judge = access(new Secret('correct-horse'));
  const verdict = (headers: Asker['headers'], more?: Partial<Asker>) => judge(asker(headers, more))?.status;

  it.each([
    ['the token', 'Bearer correct-horse', undefined],
    ['the scheme in another case (RFC 9110 §11.1)', 'bearer  correct-horse', undefined],
    ['another token of the same length', 'Bearer correct-hors2', 401],
    ['the beginning of the token', 'Bearer correct', 401],
    ['the token and more', 'Bearer correct-horse1', 401],
    ['no scheme', 'correct-horse', 401],
    ['another scheme', 'Basic correct-horse', 401],
    ['nothing', '', 401],
  ])('%s: %s', (_what, authorization, status) => {
    expect(verdict({ authorization })).toBe(status);
  });

  it('asks a client without a token for one (RFC 6750 §3), and never shows its own', () => {
    const failure = judge(asker({}));
    expect(failure?.headers).toEqual({ 'www-authenticate': 'Bearer' });
    expect(JSON.stringify(failure) + failure?.message + failure?.hint).not.toContain('correct-horse');
  });

  it('serves any address and name, because the token speaks for the client', () => {
    const authorization = 'Bearer correct-horse';
    expect(verdict({ authorization, host: 'pbx.example', origin: 'https://x.example' }, { address: '192.0.2.1' })).toBe(
      undefined,
    );
    expect(verdict({ authorization, 'x-forwarded-for': '192.0.2.1' })).toBe(undefined);
  });

  it('lets everybody see what is open', () => {
    expect(verdict({}, { open: true, address: '192.0.2.1' })).toBe(undefined);
  });
});

describe('access without a token', () => {
  const judge = access(undefined);
  const verdict = (headers: Asker['headers'], more?: Partial<Asker>) => judge(asker(headers, more))?.code;

  it.each([
    ['127.0.0.1', undefined],
    ['127.3.2.1', undefined],
    ['::1', undefined],
    ['::ffff:127.0.0.1', undefined],
    ['192.0.2.1', 'no-token'],
    ['::ffff:192.0.2.1', 'no-token'],
    ['2001:db8::1', 'no-token'],
    [undefined, 'no-token'],
  ])('from %s', (address, code) => {
    expect(verdict({}, { address })).toBe(code);
  });

  it.each([
    ['127.0.0.1:8080', undefined],
    ['127.0.0.1', undefined],
    ['localhost:8080', undefined],
    ['LOCALHOST', undefined],
    ['[::1]:8080', undefined],
    ['evil.example:8080', 'foreign-host'],
    ['localhost.evil.example', 'foreign-host'],
    ['127.0.0.1.evil.example', 'foreign-host'],
    ['127.0.0.1@evil.example', 'foreign-host'],
    ['192.0.2.1:8080', 'foreign-host'],
    ['', 'foreign-host'],
    ['a b', 'foreign-host'],
  ])('for Host %s', (host, code) => {
    expect(verdict({ host })).toBe(code);
  });

  it('refuses open routes too: nothing but this machine is served', () => {
    expect(verdict({}, { open: true, address: '192.0.2.1' })).toBe('no-token');
  });

  it.each([
    [{ origin: 'http://127.0.0.1:8080' }, undefined],
    [{ origin: 'http://127.0.0.1:8080', 'sec-fetch-site': 'same-origin' }, undefined],
    [{ 'sec-fetch-site': 'none' }, undefined],
    [{ origin: 'http://127.0.0.1:9090' }, 'foreign-origin'],
    [{ origin: 'http://localhost:8080' }, 'foreign-origin'],
    [{ origin: 'https://evil.example' }, 'foreign-origin'],
    [{ origin: 'null' }, 'foreign-origin'],
    [{ 'sec-fetch-site': 'cross-site' }, 'foreign-origin'],
    [{ 'sec-fetch-site': 'same-site' }, 'foreign-origin'],
  ])('of a page %j', (headers, code) => {
    expect(verdict(headers)).toBe(code);
  });

  it.each(['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'])('not through a proxy that says %s', (name) => {
    expect(verdict({ [name]: '192.0.2.1' })).toBe('no-token');
  });
});

describe('isLoopback', () => {
  it.each(['', 'localhost', '127.0.0.1:80', '128.0.0.1', '::', '0.0.0.0'])('does not take %j for one', (address) => {
    expect(isLoopback(address)).toBe(false);
  });
});
