import type { SipMessage } from '../message/message.ts';
import type { SipParseError } from '../message/parse-error.ts';

export type Protocol = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';

/** One stream connection, unique while the process lives; never used again after it closed. */
export type ConnectionId = number;

/** Where a message goes: always a numeric address. */
export interface Hop {
  readonly protocol: Protocol;
  /** IPv4 or IPv6, without brackets. */
  readonly address: string;
  readonly port: number;
  /** The name that it was found by: what a certificate of the peer must be for. */
  readonly name?: string;
  /** Use this connection while it is open. */
  readonly connection?: ConnectionId;
  /** Send from this listener if it exists: answers leave from where the request came in. */
  readonly localAddress?: string;
  readonly localPort?: number;
}

/** Where a message came from, and at which of our ends it arrived. Also a `Hop`: the way back. */
export interface Source extends Hop {
  readonly localAddress: string;
  readonly localPort: number;
}

/** Our end of the way to a hop. `host` and `port` are what Via and Contact say: the external address if one is configured and the hop lies outside. */
export interface LocalEnd {
  readonly protocol: Protocol;
  readonly address: string;
  readonly host: string;
  readonly port: number;
}

export interface ListenerInfo {
  readonly protocol: Protocol;
  readonly address: string;
  readonly port: number;
  /** The address that peers outside are told. */
  readonly advertised: string;
}

export interface TransportEvents {
  message: { message: SipMessage; source: Source };
  /** A request that cannot be understood but may be answered: `error.partial` is there. The rest is only counted. */
  malformed: { error: SipParseError; source: Source };
  /** A stream connection is gone. */
  closed: { connection: ConnectionId; protocol: Protocol };
}

export const isReliable = (protocol: Protocol): boolean => protocol !== 'udp';
/** RFC 3261 §19.1.2. */
export const defaultPort = (protocol: Protocol): number =>
  protocol === 'tls' ? 5061 : protocol === 'ws' ? 80 : protocol === 'wss' ? 443 : 5060;

/** As URIs name it: RFC 7118 has one word for WebSockets, be they encrypted or not. */
export const uriTransport = (protocol: Protocol): string => (protocol === 'wss' ? 'ws' : protocol);
