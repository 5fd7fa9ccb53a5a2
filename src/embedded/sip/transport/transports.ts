import { Emitter } from '../../../emitter.ts';
import { UserError } from '../../../errors.ts';
import type { Clock } from '../../../time/clock.ts';
import type { Random } from '../../../time/random.ts';
import type { SipMessage, SipRequest, SipResponse } from '../message/message.ts';
import { parseMessage } from '../message/parse.ts';
import { SipParseError } from '../message/parse-error.ts';
import type { SipUri } from '../message/uri.ts';
import { advertisedTo, chooseListener } from './choose-listener.ts';
import { type Dns, DnsCache, systemDns } from './dns-cache.ts';
import { TransportError } from './errors.ts';
import { type ListenAddress, parseListenAddresses, printListenAddress } from './listen-address.ts';
import {
  type DropReason,
  LISTENER_LIMITS,
  type Listener,
  type ListenerContext,
  type ListenerLimits,
  type ListenerSink,
  type OpenListener,
} from './listener.ts';
import { closestAddress, isWildcard, machineAddresses } from './networks.ts';
import { Resolver } from './resolver.ts';
import { openTcp } from './tcp-listener.ts';
import type { TlsFiles } from './tls-certificates.ts';
import { openTls } from './tls-listener.ts';
import {
  defaultPort,
  type Hop,
  type ListenerInfo,
  type LocalEnd,
  type Protocol,
  type Source,
  type TransportEvents,
} from './types.ts';
import { openUdp } from './udp-listener.ts';
import { hopOfVia, stampVia } from './via-stamp.ts';
import { openWs, openWss } from './websocket-listener.ts';

export interface TransportsOptions {
  /** `udp://127.0.0.1:5060,tcp://…`; port 0 lets the system choose, `listeners()` tells what it chose. */
  readonly listen: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Our address as seen from outside the private networks. */
  readonly externalIp?: string;
  /** Names that need no DNS: name → `address` or `address:port`. */
  readonly hosts?: Readonly<Record<string, string>>;
  readonly dns?: Dns;
  readonly limits?: Partial<ListenerLimits>;
  /** Without them nothing is served by TLS. */
  readonly tls?: TlsFiles;
  /** Of what an admin has to mend while we run. */
  readonly warn?: (message: string) => void;
  /** In place of the real ones. */
  readonly protocols?: Partial<Record<Protocol, OpenListener>>;
}

/** Counts since the start. Nothing that a stranger can send makes a log line; it makes a number here. */
export interface TransportCounters {
  received: number;
  sent: number;
  sendErrors: number;
  keepAlives: number;
  malformed: number;
  dropped: Record<DropReason, number>;
}

/** For how long the addresses of the machine are taken as known. */
const ADDRESSES_MS = 30_000;

/** All ways in and out: listeners, what is received on them as messages, and where to send. */
export class Transports extends Emitter<TransportEvents> {
  readonly counters: TransportCounters = {
    received: 0,
    sent: 0,
    sendErrors: 0,
    keepAlives: 0,
    malformed: 0,
    dropped: {
      garbage: 0,
      'stray-response': 0,
      framing: 0,
      'connection-limit': 0,
      idle: 0,
      'slow-reader': 0,
      handshake: 0,
      'socket-error': 0,
    },
  };
  readonly #options: TransportsOptions;
  readonly #resolver: Resolver;
  #listeners: readonly Listener[] = [];
  #machine: { readonly addresses: readonly string[]; readonly own: Set<string>; readonly until: number } | undefined;

  /** Binds every address of the list. @throws UserError when one of them cannot be bound; then none stays bound */
  static async open(options: TransportsOptions): Promise<Transports> {
    const transports = new Transports(options);
    await transports.#listen(parseListenAddresses(options.listen));
    return transports;
  }

  private constructor(options: TransportsOptions) {
    super();
    this.#options = options;
    this.#resolver = new Resolver({
      dns: new DnsCache(options.dns ?? systemDns(), options.clock),
      random: options.random,
      hosts: options.hosts ?? {},
      reachable: (hop) => chooseListener(this.#listeners, this.#held(hop)) !== undefined,
    });
  }

  listeners(): ListenerInfo[] {
    return this.#listeners.map(({ protocol, address, port }) => {
      const reached = isWildcard(address) ? (this.#addresses().find((own) => !isWildcard(own)) ?? address) : address;
      return { protocol, address, port, advertised: this.#options.externalIp ?? reached };
    });
  }

  /** Stream connections that are open now. */
  get connections(): number {
    return this.#listeners.reduce((sum, listener) => sum + listener.connections, 0);
  }

  /** The hops to try for a URI, in order; a hop with a name becomes hops with addresses. @throws TransportError `unresolved`, `no-listener` */
  async resolve(target: SipUri | Hop): Promise<Hop[]> {
    return (await this.#resolver.resolve(target)).map((hop) => this.#held(hop));
  }

  /** Our end of the way to `hop`. @throws TransportError `no-listener` */
  localFor(hop: Hop): LocalEnd {
    return this.#endOf(this.#listenerFor(hop), hop);
  }

  /**
   * Resolves when the system has taken the bytes; the attempt has begun when this returns.
   * @throws TransportError (the promise rejects)
   */
  async send(bytes: Buffer, hop: Hop): Promise<LocalEnd> {
    try {
      const listener = this.#listenerFor(hop);
      this.counters.sent++;
      await listener.send(bytes, hop);
      return this.#endOf(listener, hop);
    } catch (error) {
      this.counters.sendErrors++;
      throw error;
    }
  }

  /** Answers on the connection or to the port that the request came from; if that connection is gone, on a new one to where the Via says (RFC 3261 §18.2.2). */
  async sendResponse(bytes: Buffer, source: Source, response: SipResponse): Promise<LocalEnd> {
    const { connection, protocol, localAddress, localPort } = source;
    if (connection === undefined || this.#connectionOwner(connection)) return this.send(bytes, source);
    const [hop] = await this.resolve(hopOfVia(response.via, protocol));
    if (!hop) throw new TransportError('unresolved', `no address for ${response.via.host}`);
    return this.send(bytes, { ...hop, localAddress, localPort });
  }

  /** Whether a Via names one of our ends. */
  isOwn(via: { readonly host: string; readonly port: number | undefined }): boolean {
    const { own } = this.#known();
    return own.has(endKey(via.host, via.port));
  }

  /** Closes all sockets and connections. */
  async close(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    this.#listeners = [];
    this.#machine = undefined;
    this.clear();
  }

  async #listen(addresses: readonly ListenAddress[]): Promise<void> {
    const { tls, warn = () => undefined, protocols } = this.#options;
    const openers: Partial<Record<Protocol, OpenListener>> = {
      ...{ udp: openUdp, tcp: openTcp, ws: openWs },
      ...(tls ? { tls: openTls(tls, warn), wss: openWss(tls, warn) } : {}),
      ...protocols,
    };
    const context: ListenerContext = {
      clock: this.#options.clock,
      limits: { ...LISTENER_LIMITS, ...this.#options.limits },
      sink: this.#sink(),
      reachedAt: (listening, peer) => this.#reachedAt(listening, peer),
    };
    try {
      for (const at of addresses) {
        const open = openers[at.protocol];
        if (!open) throw unavailable(at);
        this.#listeners = [...this.#listeners, await open(at, context)];
      }
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      this.#machine = undefined;
    }
  }

  #sink(): ListenerSink {
    const { counters } = this;
    return {
      message: (bytes, source) => this.#receive(bytes, source),
      broken: (head, { status, reason }, source) => {
        this.#malformed(new SipParseError(status, reason, answerable(head)), source);
      },
      keepAlive: () => {
        counters.keepAlives++;
      },
      dropped: (reason) => {
        counters.dropped[reason]++;
      },
      closed: (connection, protocol) => this.emit('closed', { connection, protocol }),
    };
  }

  #receive(bytes: Buffer, source: Source): boolean {
    let message: SipMessage;
    try {
      message = parseMessage(bytes);
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error;
      return this.#malformed(error, source);
    }
    if (message.kind === 'request') stampVia(message, source);
    else if (!this.isOwn(message.via)) {
      this.counters.dropped['stray-response']++;
      return true;
    }
    this.counters.received++;
    this.emit('message', { message, source });
    return true;
  }

  #malformed(error: SipParseError, source: Source): boolean {
    if (!error.partial) {
      this.counters.dropped.garbage++;
      return false;
    }
    this.counters.malformed++;
    this.emit('malformed', { error, source });
    return true;
  }

  #listenerFor(hop: Hop): Listener {
    const listener =
      (hop.connection === undefined ? undefined : this.#connectionOwner(hop.connection)) ??
      chooseListener(this.#listeners, hop);
    if (!listener) throw new TransportError('no-listener', `no listener can send to ${hop.protocol} ${hop.address}`);
    return listener;
  }

  #connectionOwner(connection: number): Listener | undefined {
    return this.#listeners.find((listener) => listener.hasConnection(connection));
  }

  /**
   * The client protocol calls WebSockets `tcp`, and clients build next hops from that (see `protocol/leader.ts`): what goes by TCP to the other end of a
   * WebSocket goes by that.
   */
  #held(hop: Hop): Hop {
    if (hop.protocol !== 'tcp' || hop.connection !== undefined) return hop;
    for (const protocol of ['tcp', 'ws', 'wss'] as const) {
      for (const listener of this.#listeners) {
        const connection = listener.protocol === protocol ? listener.connectionTo(hop) : undefined;
        if (connection !== undefined) return protocol === 'tcp' ? hop : { ...hop, protocol, connection };
      }
    }
    return hop;
  }

  #endOf(listener: Listener, hop: Hop): LocalEnd {
    const address = this.#reachedAt(listener.address, hop.address);
    const host = advertisedTo(hop.address, address, this.#options.externalIp);
    return { protocol: listener.protocol, address, host, port: listener.port };
  }

  #reachedAt(listening: string, peer: string): string {
    return isWildcard(listening) ? (closestAddress(this.#addresses(), peer) ?? listening) : listening;
  }

  #addresses(): readonly string[] {
    return this.#known().addresses;
  }

  #known(): { readonly addresses: readonly string[]; readonly own: Set<string> } {
    const now = this.#options.clock.monotonic();
    if (this.#machine && now < this.#machine.until) return this.#machine;
    const addresses = machineAddresses();
    const own = new Set<string>();
    for (const { address, port } of this.#listeners) {
      for (const host of isWildcard(address) ? addresses : [address]) own.add(endKey(host, port));
      if (this.#options.externalIp !== undefined) own.add(endKey(this.#options.externalIp, port));
    }
    this.#machine = { addresses, own, until: now + ADDRESSES_MS };
    return this.#machine;
  }
}

const endKey = (host: string, port: number | undefined): string =>
  `${host.toLowerCase()}|${port ?? defaultPort('udp')}`;

/** The request of which this is the head, if it can be answered. */
function answerable(head: Buffer): SipRequest | undefined {
  try {
    const message = parseMessage(head);
    return message.kind === 'request' && message.method !== 'ACK' ? message : undefined;
  } catch (error) {
    if (error instanceof SipParseError) return error.partial;
    throw error;
  }
}

const unavailable = (at: ListenAddress): UserError =>
  new UserError(
    'sip-tls',
    `${printListenAddress(at)} needs a certificate`,
    `Set SIP_TLS_CERT and SIP_TLS_KEY to PEM files, or take ${at.protocol} out of SIP_LISTEN.`,
  );
