import { describe, expect, it } from 'vitest';
import { parseSipUri } from '../../../../../src/embedded/sip/message/index.ts';
import { type Dns, DnsCache, type SrvRecord } from '../../../../../src/embedded/sip/transport/dns-cache.ts';
import { Resolver } from '../../../../../src/embedded/sip/transport/resolver.ts';
import type { Protocol } from '../../../../../src/embedded/sip/transport/types.ts';
import { systemRandom } from '../../../../../src/time/random.ts';
import { FakeClock } from '../../../../support/fake-clock.ts';

class Zone implements Dns {
  readonly asked: string[] = [];
  readonly a: Record<string, string[]>;
  readonly services: Record<string, SrvRecord[]>;

  constructor(a: Record<string, string[]>, services: Record<string, SrvRecord[]> = {}) {
    this.a = a;
    this.services = services;
  }

  addresses(name: string): Promise<string[]> {
    return this.#answer(`A ${name}`, this.a[name]);
  }

  srv(name: string): Promise<SrvRecord[]> {
    return this.#answer(`SRV ${name}`, this.services[name]);
  }

  async #answer<T>(question: string, answer: T | undefined): Promise<T> {
    this.asked.push(question);
    if (answer === undefined) throw new Error('ENOTFOUND');
    return answer;
  }
}

const srv = (name: string, port: number, priority = 0, weight = 0): SrvRecord => ({ name, port, priority, weight });

const resolver = (dns: Dns, protocols: Protocol[] = ['udp', 'tcp'], next = 0) =>
  new Resolver({
    dns,
    random: { ...systemRandom, next: () => next },
    hosts: { uas: '127.0.0.20', 'uas-port': '127.0.0.21:5080' },
    reachable: ({ protocol, address }) => protocols.includes(protocol) && !address.includes(':'),
  });

const resolved = async (uri: string, dns: Dns = new Zone({}), protocols?: Protocol[], next?: number) =>
  (await resolver(dns, protocols, next).resolve(parseSipUri(uri))).map(
    ({ protocol, address, port }) => `${protocol} ${address}:${port}`,
  );

describe('Resolver, RFC 3263', () => {
  it.each([
    ['sip:127.0.0.1', 'udp 127.0.0.1:5060'],
    ['sip:127.0.0.1:5070', 'udp 127.0.0.1:5070'],
    ['sip:127.0.0.1;transport=TCP', 'tcp 127.0.0.1:5060'],
    ['sips:127.0.0.1', 'tls 127.0.0.1:5061'],
    ['sips:127.0.0.1;transport=tcp', 'tls 127.0.0.1:5061'],
    ['sip:127.0.0.1;transport=tls', 'tls 127.0.0.1:5061'],
    ['sip:127.0.0.1:80;transport=ws', 'ws 127.0.0.1:80'],
    ['sips:127.0.0.1:443;transport=ws', 'wss 127.0.0.1:443'],
    ['sip:uas', 'udp 127.0.0.20:5060'],
    ['sip:UAS:5090', 'udp 127.0.0.20:5090'],
    ['sip:uas-port;transport=tcp', 'tcp 127.0.0.21:5080'],
  ])('%s → %s, without a question', async (uri, hop) => {
    const dns = new Zone({});
    expect(await resolved(uri, dns, ['udp', 'tcp', 'tls', 'ws', 'wss'])).toEqual([hop]);
    expect(dns.asked).toEqual([]);
  });

  it('takes TCP where there is no UDP', async () => {
    expect(await resolved('sip:127.0.0.1', undefined, ['tcp'])).toEqual(['tcp 127.0.0.1:5060']);
  });

  it.each([
    ['sip:127.0.0.1;transport=tls'],
    ['sips:127.0.0.1'],
    ['sip:127.0.0.1;transport=sctp'],
    ['sips:127.0.0.1;transport=udp'],
    ['sip:[::1]'],
  ])('%s: no listener', async (uri) => {
    await expect(resolved(uri)).rejects.toMatchObject({ code: 'no-listener' });
  });

  it('with a port asks for addresses only, and keeps those that can be reached', async () => {
    const dns = new Zone({ 'pbx.example': ['127.0.0.1', '::1', '127.0.0.2'] });
    expect(await resolved('sip:pbx.example:5070', dns)).toEqual(['udp 127.0.0.1:5070', 'udp 127.0.0.2:5070']);
    expect(dns.asked).toEqual(['A pbx.example']);
  });

  it('without a port asks for services first, in the order of protocols', async () => {
    const dns = new Zone(
      { 'a.example': ['127.0.0.1'], 'b.example': ['127.0.0.2'], 'c.example': ['127.0.0.3'] },
      {
        '_sip._tcp.pbx.example': [
          srv('c.example', 5064, 20),
          srv('a.example', 5062, 10, 1),
          srv('b.example', 5063, 10, 1),
        ],
      },
    );
    expect(await resolved('sip:pbx.example', dns)).toEqual([
      'tcp 127.0.0.1:5062',
      'tcp 127.0.0.2:5063',
      'tcp 127.0.0.3:5064',
    ]);
    expect(dns.asked.slice(0, 2)).toEqual(['SRV _sip._udp.pbx.example', 'SRV _sip._tcp.pbx.example']);
    expect((await resolved('sip:pbx.example', dns, undefined, 0.75))[0]).toBe('tcp 127.0.0.2:5063');
  });

  it('goes by the address where there is no service, and past services without one', async () => {
    const dns = new Zone(
      { 'pbx.example': ['127.0.0.1'], localhost: ['127.0.0.1'] },
      {
        '_sip._udp.pbx.example': [srv('gone.example', 5060)],
      },
    );
    expect(await resolved('sip:pbx.example', dns)).toEqual(['udp 127.0.0.1:5060']);
    expect(await resolved('sip:localhost', dns)).toEqual(['udp 127.0.0.1:5060']);
    expect(dns.asked.at(-1)).toBe('A localhost');
  });

  it('fails with a typed error', async () => {
    await expect(resolved('sip:nosuch.invalid')).rejects.toMatchObject({
      name: 'TransportError',
      code: 'unresolved',
      message: expect.stringContaining('nosuch.invalid'),
    });
  });

  it('resolves the name in a hop, and leaves an address alone', async () => {
    const hop = { protocol: 'tcp', address: 'uas', port: 5070 } as const;
    expect(await resolver(new Zone({})).resolve(hop)).toEqual([{ ...hop, address: '127.0.0.20', name: 'uas' }]);
    const numeric = { ...hop, address: '127.0.0.1' };
    expect(await resolver(new Zone({})).resolve(numeric)).toEqual([numeric]);
  });
});

describe('DnsCache', () => {
  it('asks once a minute, once at a time, and forgets failures after five seconds', async () => {
    const clock = new FakeClock();
    const zone = new Zone({ a: ['127.0.0.1'] });
    const cache = new DnsCache(zone, clock);
    await Promise.all([cache.addresses('a'), cache.addresses('A')]);
    await expect(cache.addresses('b')).rejects.toThrow('A b: ENOTFOUND');
    await expect(cache.addresses('b')).rejects.toThrow('A b');
    expect(zone.asked).toEqual(['A a', 'A b']);
    clock.advance(5_000);
    await expect(cache.addresses('b')).rejects.toThrow();
    await cache.addresses('a');
    expect(zone.asked).toEqual(['A a', 'A b', 'A b']);
    clock.advance(55_000);
    await cache.addresses('a');
    expect(zone.asked).toEqual(['A a', 'A b', 'A b', 'A a']);
  });
});
