import { isIP } from 'node:net';
import { errorText } from '../../../errors.ts';
import type { Random } from '../../../time/random.ts';
import { parseHostPort } from '../message/host-port.ts';
import type { SipUri } from '../message/uri.ts';
import type { Dns, SrvRecord } from './dns-cache.ts';
import { TransportError } from './errors.ts';
import { defaultPort, type Hop, type Protocol } from './types.ts';

export interface ResolverOptions {
  readonly dns: Dns;
  readonly random: Random;
  /** Names that need no DNS: name → `address` or `address:port`. */
  readonly hosts: Readonly<Record<string, string>>;
  /** Whether some listener could send there. */
  readonly reachable: (hop: Hop) => boolean;
}

interface Target {
  readonly address: string;
  readonly port: number | undefined;
}

/**
 * From a URI to the hops to try, in order (RFC 3263 §4, without NAPTR). The protocol is the `transport` parameter; with `sips`
 * TLS; else UDP before TCP, whichever a listener has. Without a port SRV records are asked for first.
 */
export class Resolver {
  readonly #options: ResolverOptions;

  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  /** @throws TransportError `no-listener`, `unresolved` */
  async resolve(target: SipUri | Hop): Promise<Hop[]> {
    if ('kind' in target) return this.#resolveUri(target);
    if (isIP(target.address) !== 0) return [target];
    const targets = await this.#addresses(target.address, target.port);
    return targets.map(({ address }) => ({ ...target, address, name: target.address }));
  }

  async #resolveUri(uri: SipUri): Promise<Hop[]> {
    const protocols = protocolsOf(uri);
    const mapped = this.#options.hosts[uri.host.toLowerCase()];
    if (isIP(uri.host) === 0 && mapped === undefined && uri.port === undefined && uri.host !== 'localhost') {
      for (const protocol of protocols) {
        const hops = this.#hops(await this.#services(uri.host, protocol), [protocol], uri.host);
        if (hops.length > 0) return hops;
      }
    }
    const hops = this.#hops(await this.#addresses(uri.host, uri.port), protocols, uri.host);
    if (hops.length > 0) return hops;
    throw new TransportError('no-listener', `no listener can send to ${uri.host} by ${protocols.join(' or ')}`);
  }

  /** One hop for each address, by the first protocol for which there is a listener. */
  #hops(targets: readonly Target[], protocols: readonly Protocol[], host: string): Hop[] {
    const named = isIP(host) === 0 ? { name: host } : {};
    return targets.flatMap(({ address, port }) => {
      const candidates = protocols.map((protocol) => ({
        ...{ protocol, address, port: port ?? defaultPort(protocol) },
        ...named,
      }));
      return candidates.find(this.#options.reachable) ?? [];
    });
  }

  async #addresses(host: string, port: number | undefined): Promise<Target[]> {
    if (isIP(host) !== 0) return [{ address: host, port }];
    const mapped = this.#options.hosts[host.toLowerCase()];
    if (mapped !== undefined) {
      const known = isIP(mapped) !== 0 ? { host: mapped, port: undefined } : parseHostPort(mapped);
      return [{ address: known.host, port: port ?? known.port }];
    }
    try {
      return (await this.#options.dns.addresses(host)).map((address) => ({ address, port }));
    } catch (error) {
      throw new TransportError('unresolved', `cannot find the address of ${host}: ${errorText(error)}`, {
        cause: error,
      });
    }
  }

  async #services(domain: string, protocol: Protocol): Promise<Target[]> {
    const prefix = SERVICES[protocol];
    if (prefix === undefined) return [];
    let records: SrvRecord[];
    try {
      records = await this.#options.dns.srv(`${prefix}.${domain}`);
    } catch {
      // No such record and no answer alike mean: go by the address (RFC 3263 §4.2).
      return [];
    }
    const targets: Target[] = [];
    for (const { name, port } of this.#ordered(records)) {
      try {
        targets.push(...(await this.#addresses(name, port)));
      } catch (error) {
        // One service without an address does not make the others useless.
        if (!(error instanceof TransportError)) throw error;
      }
    }
    return targets;
  }

  /** RFC 2782: by priority; within one, by lot, with the weights as chances. */
  #ordered(records: readonly SrvRecord[]): SrvRecord[] {
    const ordered: SrvRecord[] = [];
    for (const priority of [...new Set(records.map((record) => record.priority))].sort((a, b) => a - b)) {
      const rest = records.filter((record) => record.priority === priority);
      while (rest.length > 0) {
        ordered.push(...rest.splice(this.#draw(rest), 1));
      }
    }
    return ordered;
  }

  #draw(records: readonly SrvRecord[]): number {
    const total = records.reduce((sum, { weight }) => sum + weight, 0);
    let lot = this.#options.random.next() * total;
    for (const [at, { weight }] of records.entries()) {
      if (lot < weight) return at;
      lot -= weight;
    }
    return 0;
  }
}

const SERVICES: Partial<Record<Protocol, string>> = { udp: '_sip._udp', tcp: '_sip._tcp', tls: '_sips._tcp' };

function protocolsOf(uri: SipUri): Protocol[] {
  const named = uri.params.get('transport')?.toLowerCase();
  const secure = uri.scheme === 'sips';
  if (named === undefined) return secure ? ['tls'] : ['udp', 'tcp'];
  if (named === 'ws' || named === 'wss') return [secure ? 'wss' : named];
  if (named === 'tls' || (named === 'tcp' && secure)) return ['tls'];
  if (named === 'tcp' || (named === 'udp' && !secure)) return [named];
  throw new TransportError('no-listener', `no listener speaks ${secure ? 'sips over ' : ''}${named}`);
}
