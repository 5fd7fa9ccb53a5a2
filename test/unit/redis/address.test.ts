import { describe, expect, it } from 'vitest';
import { Keys, parseRedisUrl } from '../../../src/redis/index.ts';

describe('parseRedisUrl', () => {
  it.each([
    ['redis://localhost', { form: 'single', options: { host: 'localhost', port: 6379, db: 0 } }],
    ['redis://redis.lan:6380/2', { form: 'single', options: { host: 'redis.lan', port: 6380, db: 2 } }],
    ['redis://[::1]:6380', { form: 'single', options: { host: '::1', port: 6380 } }],
    [
      'redis://km:p%40ss:word@h',
      { form: 'single', options: { username: 'km', password: 'p@ss:word', host: 'h' }, shown: 'redis://h' },
    ],
    ['redis://:secret@h/1', { form: 'single', options: { password: 'secret', db: 1 }, shown: 'redis://h/1' }],
    ['rediss://h', { form: 'single', options: { tls: {} } }],
    ['unix:///run/redis/redis.sock', { form: 'single', options: { path: '/run/redis/redis.sock' } }],
    [
      'redis+sentinel://:pw@s1,s2:26380/mymaster',
      {
        form: 'sentinel',
        options: {
          name: 'mymaster',
          password: 'pw',
          sentinels: [
            { host: 's1', port: 26379 },
            { host: 's2', port: 26380 },
          ],
        },
      },
    ],
    [
      'rediss+cluster://c1:7000,c2:7001',
      {
        form: 'cluster',
        nodes: [
          { host: 'c1', port: 7000 },
          { host: 'c2', port: 7001 },
        ],
        options: { tls: {} },
      },
    ],
  ])('reads %s', (text, address) => {
    expect(parseRedisUrl(text)).toMatchObject(address);
  });

  it.each([
    ['localhost:6379', 'known forms'],
    ['http://localhost', 'known forms'],
    ['redis://', 'not a host'],
    ['redis://h:99999', 'not a host'],
    ['redis://a,b', '+sentinel or +cluster'],
    ['redis://h/zero', 'number of a database'],
    ['redis+sentinel://s1', 'name of the master'],
    ['redis+cluster://c1/3', 'database 0'],
    ['redis://u:100%@h', '%25'],
  ])('refuses %s', (text, why) => {
    expect(() => parseRedisUrl(text)).toThrow(
      expect.objectContaining({ code: 'bad-redis-url', message: expect.stringContaining(why) }),
    );
  });

  it('never repeats the password', () => {
    expect(() => parseRedisUrl('redis://u:hunter2@')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    );
  });
});

describe('Keys', () => {
  it('puts all keys of a PBX into one cluster slot', () => {
    const keys = new Keys('acme');
    expect(
      [keys.bindings(), keys.bindingExpiry(), keys.failures('::1'), keys.history()].every((key) =>
        key.startsWith('km:{acme}:'),
      ),
    ).toBe(true);
  });

  it.each(['a}b', '{', '', 'a b'])('refuses "%s" as a PBX id', (id) => {
    expect(() => new Keys(id)).toThrow(RangeError);
  });
});
