import { UserError } from '../../../errors.ts';
import type { Clock } from '../../../time/clock.ts';
import { type ListenAddress, printListenAddress } from './listen-address.ts';
import type { ConnectionId, Hop, Protocol, Source } from './types.ts';

/**
 * One address on which SIP is spoken: a UDP socket, or a server of stream connections together with the connections it has
 * accepted or made. Nothing above it knows the difference.
 */
export interface Listener {
  readonly protocol: Protocol;
  /** As bound: may be a wildcard. */
  readonly address: string;
  /** As bound: never 0. */
  readonly port: number;
  /** How many stream connections are open. */
  readonly connections: number;
  hasConnection(connection: ConnectionId): boolean;
  /** The newest connection that is open to this peer. */
  connectionTo(peer: Pick<Hop, 'address' | 'port'>): ConnectionId | undefined;
  /**
   * Hands a whole message to the system, opening a connection where one is needed. Resolves when the system has taken it.
   * The write, or the connection attempt, has begun when this returns.
   * @throws TransportError
   */
  send(bytes: Buffer, hop: Hop): Promise<void>;
  /** Closes the socket and every connection; resolves when the port is free. */
  close(): Promise<void>;
}

/** Why something that arrived went no further. */
export type DropReason =
  /** Not SIP, or a message that nobody can be answered for. */
  | 'garbage'
  /** A response whose top Via is not ours, RFC 3261 §18.1.2. */
  | 'stray-response'
  /** A stream message over the limits, or whose end cannot be told. The connection is closed. */
  | 'framing'
  /** A connection over the limit. */
  | 'connection-limit'
  /** A connection that was silent, or in the middle of a message, for too long. */
  | 'idle'
  /** A connection whose peer does not read. */
  | 'slow-reader'
  /** A TLS connection or WebSocket that did not come about. */
  | 'handshake'
  /** Something that the system reports about a listener and that belongs to no message. */
  | 'socket-error';

/** Where a listener delivers. */
export interface ListenerSink {
  /** One whole message, unparsed. @returns false when it was not SIP; a stream is then out of step and gets closed */
  message(bytes: Buffer, source: Source): boolean;
  /** A message on a stream whose end cannot be found: its head, and the answer it deserves. */
  broken(head: Buffer, fault: { status: number; reason: string }, source: Source): void;
  keepAlive(): void;
  dropped(reason: DropReason): void;
  closed(connection: ConnectionId, protocol: Protocol): void;
}

export interface ListenerLimits {
  /** What the system is asked for each UDP socket, bytes each way; it may grant less (`net.core.rmem_max`). */
  readonly udpBuffer: number;
  /** Body of a stream message, bytes. A datagram has its own limit of 65,507. */
  readonly bodyBytes: number;
  /** Stream connections of one listener. */
  readonly connections: number;
  /** Bytes that may wait for a peer that reads slowly. */
  readonly unsentBytes: number;
  readonly connectMs: number;
  /** For the first message of a connection, and for the rest of one that has begun. */
  readonly messageMs: number;
  /** Silence after which a connection that was in use is closed: longer than phones take to refresh a registration. */
  readonly idleMs: number;
  /** Silence after which the peer of a WebSocket is asked whether he is there; he has `messageMs` to answer. Less than the minute after which proxies and NAT forget. */
  readonly pingMs: number;
}

export const LISTENER_LIMITS: ListenerLimits = {
  udpBuffer: 4 * 1024 * 1024,
  bodyBytes: 1024 * 1024,
  connections: 10_000,
  unsentBytes: 1024 * 1024,
  connectMs: 5_000,
  messageMs: 32_000,
  idleMs: 65 * 60_000,
  pingMs: 30_000,
};

export interface ListenerContext {
  readonly clock: Clock;
  readonly limits: ListenerLimits;
  readonly sink: ListenerSink;
  /** The local address that a peer reaches; for a wildcard the closest of the machine. */
  reachedAt(listening: string, peer: string): string;
}

/** Binds. @throws UserError when the system refuses (see `cannotListen`) */
export type OpenListener = (at: ListenAddress, context: ListenerContext) => Promise<Listener>;

/** What a failed bind means to the person who chose the address. */
export function cannotListen(at: ListenAddress, cause: NodeJS.ErrnoException): UserError {
  const where = printListenAddress(at);
  if (cause.code === 'EADDRINUSE') {
    const hint = 'Stop the program that uses it, or choose another port in SIP_LISTEN.';
    return new UserError('port-in-use', `${where} is in use by another program`, hint, { cause });
  }
  if (cause.code === 'EACCES') {
    const hint = 'Ports under 1024 need rights; choose another in SIP_LISTEN.';
    return new UserError('port-forbidden', `not allowed to listen on ${where}`, hint, { cause });
  }
  const hint = 'Use an address that this machine has, or 0.0.0.0 for all of them, in SIP_LISTEN.';
  return new UserError('sip-listen', `cannot listen on ${where}: ${cause.message}`, hint, { cause });
}
