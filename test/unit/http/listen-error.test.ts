import { describe, expect, it } from 'vitest';
import { cannotListen } from '../../../src/http/listen-error.ts';

describe('cannotListen', () => {
  it.each([
    ['EADDRINUSE', '127.0.0.1', 'port-in-use', 'http://127.0.0.1:80 is in use by another program'],
    ['EACCES', '127.0.0.1', 'port-forbidden', 'not allowed to listen on http://127.0.0.1:80'],
    ['EADDRNOTAVAIL', '::2', 'http-listen', 'cannot listen on http://[::2]:80: bind failed'],
  ])('says what %s means and what to do', (errno, host, code, message) => {
    const cause = Object.assign(new Error('bind failed'), { code: errno });
    const error = cannotListen({ host, port: 80 }, cause);
    expect([error.code, error.message, error.cause]).toEqual([code, message, cause]);
    expect(error.hint).toContain('HTTP_LISTEN');
  });
});
