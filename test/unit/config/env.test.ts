import { resolve } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readEnvironment } from '../../../src/config/env.ts';
import { Secret } from '../../../src/config/secret.ts';
import { UserError } from '../../../src/errors.ts';
import { parseRedisUrl } from '../../../src/redis/address.ts';

const problems = (env: Record<string, string>): string[] => {
  try {
    readEnvironment(env);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).message.split('\n');
  }
};

describe('the environment', () => {
  it('has defaults for everything', () => {
    const env = readEnvironment({ VAR_DIR: '/srv/km', PATH: '/bin', API_TOKEN: '' });
    expect(env).toEqual({
      configFolder: 'schemes',
      sipListen: [
        { transport: 'udp', host: '127.0.0.1', port: 5060 },
        { transport: 'tcp', host: '127.0.0.1', port: 5060 },
      ],
      sipExternalIp: undefined,
      drainSeconds: 60,
      peerPatienceSeconds: 2,
      drachtio: [],
      drachtioTags: [],
      drachtioCa: undefined,
      nodeListen: undefined,
      freeswitch: [],
      redisUrl: undefined,
      databaseUrl: undefined,
      httpListen: { host: '127.0.0.1', port: 8080 },
      apiToken: undefined,
      rtpPorts: { min: 20_000, max: 29_999 },
      varDir: '/srv/km',
      logLevel: 'info',
      nodeId: env.nodeId,
    });
    expect(env.nodeId).toMatch(/-[0-9a-f]{6}$/);
    expect(readEnvironment({ VAR_DIR: '/srv/km' }).nodeId).toBe(env.nodeId);
    expect(readEnvironment({ VAR_DIR: '/srv/km2' }).nodeId).not.toBe(env.nodeId);
  });

  it('reads everything', () => {
    const env = readEnvironment({
      KOMMUTATOR_CONFIG: '/etc/km',
      SIP_LISTEN: 'udp://0.0.0.0:5060, tls://[::1]:0,ws://pbx.example:80',
      SIP_EXTERNAL_IP: '203.0.113.7',
      DRACHTIO: '127.0.0.1:9022:cymru:with:colons, tls://[::1]:9023:tls',
      DRACHTIO_TAGS: 'blue,node-1',
      DRACHTIO_CA: '/etc/drachtio-ca.pem',
      NODE_LISTEN: '10.0.0.1:9030',
      FREESWITCH: '127.0.0.1:8021:ClueCon,[::1]:8022:ClueCon',
      REDIS_URL: 'redis://user:pass@127.0.0.1:6379/1',
      DATABASE_URL: 'postgres://km:pass@127.0.0.1/km',
      HTTP_LISTEN: '[::1]:0',
      API_TOKEN: 'correct-horse',
      RTP_PORTS: '30000-30100',
      VAR_DIR: '/var/lib/km',
      LOG_LEVEL: 'debug',
      NODE_ID: 'node-1',
    });
    expect(env).toMatchObject({
      configFolder: '/etc/km',
      sipListen: [
        { transport: 'udp', host: '0.0.0.0', port: 5060 },
        { transport: 'tls', host: '::1', port: 0 },
        { transport: 'ws', host: 'pbx.example', port: 80 },
      ],
      sipExternalIp: '203.0.113.7',
      drachtio: [
        { host: '127.0.0.1', port: 9022, tls: false },
        { host: '::1', port: 9023, tls: true },
      ],
      drachtioTags: ['blue', 'node-1'],
      drachtioCa: '/etc/drachtio-ca.pem',
      nodeListen: { host: '10.0.0.1', port: 9030 },
      freeswitch: [
        { host: '127.0.0.1', port: 8021 },
        { host: '::1', port: 8022 },
      ],
      httpListen: { host: '::1', port: 0 },
      rtpPorts: { min: 30_000, max: 30_100 },
      logLevel: 'debug',
      nodeId: 'node-1',
    });
    expect(env.drachtio.map(({ secret }) => secret.reveal())).toEqual(['cymru:with:colons', 'tls']);
    expect(env.redisUrl?.reveal()).toBe('redis://user:pass@127.0.0.1:6379/1');
    expect(env.apiToken?.reveal()).toBe('correct-horse');
  });

  it('takes the files of TLS by their whole path, and not one without the other', () => {
    expect(readEnvironment({}).sipTls).toBeUndefined();
    expect(readEnvironment({ SIP_TLS_CERT: 'a.pem', SIP_TLS_KEY: '/etc/b.key' }).sipTls).toEqual({
      cert: resolve('a.pem'),
      key: '/etc/b.key',
    });
    expect(() => readEnvironment({ SIP_TLS_CA: 'ca.pem', SIP_TLS_KEY: 'b.key' })).toThrow('SIP_TLS_CERT must name');
  });

  it('shows no secret, however it is printed', () => {
    const env = readEnvironment({
      DRACHTIO: '127.0.0.1:9022:hunter2',
      FREESWITCH: '127.0.0.1:8021:hunter2',
      REDIS_URL: 'redis://:hunter2@127.0.0.1:6379',
      DATABASE_URL: 'postgres://km:hunter2@127.0.0.1/km',
      API_TOKEN: 'hunter2hunter2',
    });
    for (const printed of [
      inspect(env, { depth: 9, showHidden: true }),
      JSON.stringify(env),
      `${env.redisUrl}${env.apiToken}`,
    ]) {
      expect(printed).not.toContain('hunter2');
    }
    expect(String(env.redisUrl)).toBe('redis://:***@127.0.0.1:6379');
    const { redisUrl } = readEnvironment({ REDIS_URL: 'redis+sentinel://km:hunt@r/2@10.0.0.1,10.0.0.2/main' });
    expect(String(redisUrl)).toBe('redis+sentinel://km:***@10.0.0.1,10.0.0.2/main');
    expect(String(new Secret('x'))).toBe('[secret]');
  });

  it.each([
    'redis+sentinel://user:hunter2@10.0.0.1,10.0.0.2:26380/main',
    'rediss+cluster://:hunter2@10.0.0.1:7000,10.0.0.2:7000',
    'unix:///run/redis.sock',
  ])('takes %s as the Redis of all nodes, as it stands and shown without its password', (text) => {
    const { redisUrl } = readEnvironment({ REDIS_URL: text });
    expect(parseRedisUrl(redisUrl?.reveal() ?? '').form).toBeDefined();
    expect(redisUrl?.reveal()).toBe(text);
    expect(String(redisUrl)).not.toContain('hunter2');
  });

  it('names all bad values at once, one line each, without secrets', () => {
    const lines = problems({
      SIP_LISTEN: 'udp://127.0.0.1',
      SIP_EXTERNAL_IP: 'pbx.example',
      DRACHTIO: '127.0.0.1:9022:x,hunter2',
      DRACHTIO_TAGS: 'blue,a b',
      NODE_LISTEN: '0.0.0.0:9030',
      FREESWITCH: '127.0.0.1:8021:x,hunter2',
      REDIS_URL: 'http://hunter2',
      DATABASE_URL: 'mysql://hunter2',
      HTTP_LISTEN: '127.0.0.1:99999',
      API_TOKEN: 'short',
      RTP_PORTS: '30000-20000',
      LOG_LEVEL: 'loud',
      NODE_ID: 'a b',
    });
    expect(lines).toEqual([
      'SIP_LISTEN must be a comma-separated list of addresses such as udp://127.0.0.1:5060, with udp, tcp, tls, ws or wss, got "udp://127.0.0.1"',
      'SIP_EXTERNAL_IP must be an IP address, got "pbx.example"',
      'DRACHTIO must be host:port:secret or tls://host:port:secret, or several separated by commas',
      'DRACHTIO_TAGS must be up to 20 tags separated by commas, each of up to 32 Latin letters, digits, "-", "_", "+", "@" or ":", got "blue,a b"',
      'NODE_LISTEN must be host:port, such as 10.0.0.1:9030, with an address of this machine that the other nodes reach, got "0.0.0.0:9030"',
      'FREESWITCH must be host:port:secret, or several separated by commas',
      'REDIS_URL must be an address such as redis://127.0.0.1:6379, redis+sentinel://host,host/master or redis+cluster://host,host',
      'DATABASE_URL must be an address such as postgres://user:password@127.0.0.1:5432/kommutator',
      'HTTP_LISTEN must be host:port, such as 127.0.0.1:8080, got "127.0.0.1:99999"',
      'API_TOKEN must be at least 8 characters, without spaces',
      'RTP_PORTS must be a range of ports such as 20000-29999, got "30000-20000"',
      'LOG_LEVEL must be "trace", "debug", "info", "warn", "error", "fatal" or "silent", got "loud"',
      'NODE_ID must be up to 63 Latin letters, digits, "-", "_" or ".", got "a b"',
    ]);
  });
});
