import { lookup, Resolver } from 'node:dns/promises';
import { errorText } from '../../../errors.ts';
import type { Clock } from '../../../time/clock.ts';

export interface SrvRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** The two questions that are asked of DNS. Both reject when there is no answer, or the answer is that nothing is there. */
export interface Dns {
  /** A and AAAA, the machine's hosts file included. */
  addresses(name: string): Promise<string[]>;
  srv(name: string): Promise<SrvRecord[]>;
}

export function systemDns(): Dns {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  return {
    addresses: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
    srv: (name) => resolver.resolveSrv(name),
  };
}

const FOUND_MS = 60_000;
const MISSING_MS = 5_000;
const MAX_ENTRIES = 1_000;

/** Remembers answers for a minute and failures for five seconds, and asks only once at a time. Node does not tell the TTL. */
export class DnsCache implements Dns {
  readonly #dns: Dns;
  readonly #clock: Clock;
  readonly #entries = new Map<string, { readonly answer: Promise<unknown>; until: number }>();

  constructor(dns: Dns, clock: Clock) {
    this.#dns = dns;
    this.#clock = clock;
  }

  addresses(name: string): Promise<string[]> {
    return this.#ask(`A ${name.toLowerCase()}`, () => this.#dns.addresses(name));
  }

  srv(name: string): Promise<SrvRecord[]> {
    return this.#ask(`SRV ${name.toLowerCase()}`, () => this.#dns.srv(name));
  }

  #ask<T>(key: string, question: () => Promise<T>): Promise<T> {
    const known = this.#entries.get(key);
    if (known && this.#clock.monotonic() < known.until) return known.answer as Promise<T>;
    const answer = question().catch((error: unknown) => {
      throw new Error(`${key}: ${errorText(error)}`, { cause: error });
    });
    const entry = { answer, until: Number.POSITIVE_INFINITY };
    const keep = (ms: number) => () => {
      entry.until = this.#clock.monotonic() + ms;
    };
    answer.then(keep(FOUND_MS), keep(MISSING_MS));
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > MAX_ENTRIES && oldest !== undefined) this.#entries.delete(oldest);
    return answer;
  }
}
