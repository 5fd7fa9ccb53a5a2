import type { Clock } from '../../time/clock.ts';
import type { Random } from '../../time/random.ts';
import { AppServer } from './protocol/server.ts';
import type { Limits, TimerValues, TransactionCounters } from './transaction/index.ts';
import {
  type Dns,
  type ListenerInfo,
  type ListenerLimits,
  type TlsFiles,
  type TransportCounters,
  Transports,
} from './transport/index.ts';
import { UserAgent, type UserAgentCounters, type UserAgentLimits, type UserAgentStats } from './ua/index.ts';

/** What can be said about a SIP server in plain data, so that it can be said to a thread. */
export interface SipServerSettings {
  /** `udp://127.0.0.1:5060`, `tcp://[::1]`; port 0 lets the system choose. */
  readonly listen: readonly string[];
  /** Our address as peers outside the private networks see it. */
  readonly externalIp?: string;
  /** Names that need no DNS: name → `address` or `address:port`. */
  readonly hosts?: Readonly<Record<string, string>>;
  /** For `tls://…`. */
  readonly tls?: TlsFiles;
  readonly timers?: Partial<TimerValues>;
  readonly limits?: Partial<UserAgentLimits & Limits & ListenerLimits>;
  /** Where clients connect. Default: a free port of 127.0.0.1. */
  readonly control?: { readonly host: string; readonly port: number };
}

/** What the server needs besides. */
export interface SipServerWorld {
  readonly clock: Clock;
  readonly random: Random;
  /** What clients must know. */
  readonly secret: string;
  readonly dns?: Dns;
  readonly warn: (message: string) => void;
  /** A bug: the call it concerns was refused, the others go on. */
  readonly onFault: (error: unknown) => void;
}

/** What is alive now, and what has been counted since the start. */
export interface SipServerStats extends UserAgentStats {
  /** Clients that have named the secret. */
  readonly clients: number;
  /** Stream connections of SIP peers. */
  readonly connections: number;
  readonly counters: UserAgentCounters & TransactionCounters & { readonly transport: TransportCounters };
}

/** All layers of the SIP server put together, in the thread of the caller. */
export class SipServer {
  readonly controlPort: number;
  readonly #transports: Transports;
  readonly #userAgent: UserAgent;
  readonly #applications: AppServer;

  /** @throws UserError when an address cannot be bound (`port-in-use`, …); then none stays bound */
  static async open(settings: SipServerSettings, world: SipServerWorld): Promise<SipServer> {
    const { clock, random, secret, warn, onFault } = world;
    const { externalIp, hosts, tls, limits, timers } = settings;
    const { host = '127.0.0.1', port = 0 } = settings.control ?? {};
    const transports = await Transports.open({
      listen: settings.listen.join(','),
      clock,
      random,
      warn,
      ...(externalIp !== undefined && { externalIp }),
      ...(hosts && { hosts }),
      ...(tls && { tls }),
      ...(limits && { limits }),
      ...(world.dns && { dns: world.dns }),
    });
    const applications = new AppServer({ clock, random, secret, warn, onFault });
    const userAgent = new UserAgent({
      transports,
      clock,
      random,
      applications,
      onFault,
      ...(timers && { timers }),
      ...(limits && { limits }),
    });
    try {
      const listeners = () => transports.listeners();
      const controlPort = await applications.listen({ host, port }, { userAgent, listeners });
      return new SipServer({ controlPort, transports, userAgent, applications });
    } catch (error) {
      userAgent.close();
      await transports.close();
      throw error;
    }
  }

  private constructor(parts: {
    controlPort: number;
    transports: Transports;
    userAgent: UserAgent;
    applications: AppServer;
  }) {
    this.controlPort = parts.controlPort;
    this.#transports = parts.transports;
    this.#userAgent = parts.userAgent;
    this.#applications = parts.applications;
  }

  listeners(): ListenerInfo[] {
    return this.#transports.listeners();
  }

  stats(): SipServerStats {
    return {
      ...this.#userAgent.stats(),
      clients: this.#applications.size,
      connections: this.#transports.connections,
      counters: { ...this.#userAgent.allCounters(), transport: this.#transports.counters },
    };
  }

  /** Drops what is going on without a word to anyone, and frees all ports. */
  async close(): Promise<void> {
    this.#userAgent.close();
    await Promise.all([this.#applications.close(), this.#transports.close()]);
  }
}
