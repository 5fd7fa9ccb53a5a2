import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Logger } from 'pino';
import type { Trunk } from '../config/document.ts';
import type { ConfigStore } from '../config/store.ts';
import type { PbxVersion } from '../config/version.ts';
import { errorText } from '../errors.ts';
import type { Clock, TimerId } from '../time/clock.ts';
import type { Source } from './port.ts';
import { plainAddress } from './request.ts';

export interface TrunkPeer {
  readonly pbx: PbxVersion;
  readonly trunk: Trunk;
}

export interface TrunkPeersOptions {
  readonly config: Pick<ConfigStore, 'all' | 'on'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Addresses of a host name. Default: the system's resolver. */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
}

/** Peers change their addresses; a name is asked for this often. */
const RESOLVE_EVERY_MS = 60_000;

/**
 * Which trunks send from an address. A peer is known by address and source port alone (§5.3.1.1), over a connection by its address, since connections
 * come from any port. A host name counts with all its addresses; while it cannot be resolved, with those it had.
 */
export class TrunkPeers {
  readonly #config: TrunkPeersOptions['config'];
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #resolve: (host: string) => Promise<readonly string[]>;
  /** Addresses of host names, as last resolved. */
  #names = new Map<string, readonly string[]>();
  #byAddress = new Map<string, readonly TrunkPeer[]>();
  #timer: TimerId | undefined;
  #closed = false;
  readonly #off: () => void;

  constructor(options: TrunkPeersOptions) {
    this.#config = options.config;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#resolve = options.resolve ?? resolveBySystem;
    this.#off = this.#config.on('changed', () => void this.refresh());
  }

  find({ protocol, address, port }: Source): readonly TrunkPeer[] {
    const peers = this.#byAddress.get(address) ?? [];
    return protocol === 'udp' ? peers.filter(({ trunk }) => includesPort(trunk.ports, port)) : peers;
  }

  /** Reads the configuration, resolves the names in it, and goes on doing that. */
  async refresh(): Promise<void> {
    this.#clock.clearTimeout(this.#timer);
    const hosts = new Set(this.#peers().map(({ host }) => host));
    // Addresses count at once; names as soon as they are known.
    this.#index();
    const names = [...hosts].filter((host) => isIP(host) === 0);
    const resolved = await Promise.all(names.map(async (name) => [name, await this.#addresses(name)] as const));
    if (this.#closed) return;
    this.#names = new Map(resolved);
    this.#index();
    this.#clock.clearTimeout(this.#timer);
    if (names.length > 0) this.#timer = this.#clock.setTimeout(() => void this.refresh(), RESOLVE_EVERY_MS);
  }

  close(): void {
    this.#closed = true;
    this.#off();
    this.#clock.clearTimeout(this.#timer);
  }

  #index(): void {
    const byAddress = new Map<string, TrunkPeer[]>();
    for (const { host, pbx, trunk } of this.#peers()) {
      for (const address of isIP(host) === 0 ? (this.#names.get(host) ?? []) : [host]) {
        byAddress.set(address, [...(byAddress.get(address) ?? []), { pbx, trunk }]);
      }
    }
    this.#byAddress = byAddress;
  }

  #peers(): (TrunkPeer & { host: string })[] {
    return this.#config.all().flatMap((pbx) =>
      pbx.trunks.flatMap((trunk) => {
        if (trunk.kind !== 'external' || trunk.host === undefined) return [];
        return [{ pbx, trunk, host: plainAddress(trunk.host) }];
      }),
    );
  }

  async #addresses(name: string): Promise<readonly string[]> {
    try {
      return (await this.#resolve(name)).map(plainAddress);
    } catch (error) {
      const former = this.#names.get(name) ?? [];
      this.#log.warn({ host: name, kept: former }, `address of trunk host "${name}" not found: ${errorText(error)}`);
      return former;
    }
  }
}

const resolveBySystem = async (host: string): Promise<readonly string[]> =>
  (await lookup(host, { all: true })).map(({ address }) => address);

/** Whether a list such as `5060; 5070-5080` has the port. */
export const includesPort = (ports: string, port: number): boolean =>
  ports.split(/[;,]/).some((range) => {
    const [from = '', to = from] = range.split('-');
    return Number(from) <= port && port <= Number(to);
  });
