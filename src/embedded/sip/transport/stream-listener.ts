import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import type { TimerId } from '../../../time/clock.ts';
import { TransportError } from './errors.ts';
import type { Framing } from './framing.ts';
import type { ListenAddress } from './listen-address.ts';
import { cannotListen, type Listener, type ListenerContext, type ListenerLimits } from './listener.ts';
import { isWildcard } from './networks.ts';
import { StreamConnection } from './stream-connection.ts';
import type { ConnectionId, Hop, Protocol } from './types.ts';

/** How a protocol makes its streams, and how messages lie in them. */
export interface StreamMaker {
  framing(limits: ListenerLimits): Framing;
  /** @param accept takes a socket that is ready for messages */
  createServer(accept: (socket: Socket) => void): Server;
  /** Without it peers connect to us, and we never to them. */
  readonly outgoing?: {
    /** @param from the local address to bind; `undefined` leaves it to the system */
    connect(to: Pick<Hop, 'address' | 'port' | 'name'>, from: string | undefined): Socket;
    /** The event of a socket that `connect` has made, by which it can be written to. */
    readonly established: 'connect' | 'secureConnect';
  };
}

const SWEEP_MS = 10_000;

/** Starts a server of stream connections. @throws UserError */
export async function openStreams(at: ListenAddress, context: ListenerContext, maker: StreamMaker): Promise<Listener> {
  const listener = new StreamListener(at, context, maker);
  await listener.listen(at);
  return listener;
}

class StreamListener implements Listener {
  readonly protocol: Protocol;
  readonly address: string;
  #port = 0;
  readonly #context: ListenerContext;
  readonly #maker: StreamMaker;
  readonly #server: Server;
  readonly #byId = new Map<ConnectionId, StreamConnection>();
  /** The newest connection to each peer, for reuse (RFC 3261 §18). */
  readonly #byPeer = new Map<string, StreamConnection>();
  /** What the system has accepted, be it ready for messages or not. */
  readonly #accepted = new Set<Socket>();
  #sweep: TimerId | undefined;

  constructor(at: ListenAddress, context: ListenerContext, maker: StreamMaker) {
    this.protocol = at.protocol;
    this.address = at.address;
    this.#context = context;
    this.#maker = maker;
    this.#server = maker.createServer((socket) => this.#accept(socket));
    this.#server.on('connection', (socket) => {
      this.#accepted.add(socket);
      socket.once('close', () => this.#accepted.delete(socket));
    });
  }

  get port(): number {
    return this.#port;
  }

  get connections(): number {
    return this.#byId.size;
  }

  async listen(at: ListenAddress): Promise<void> {
    try {
      this.#server.listen({ port: at.port, host: at.address, ipv6Only: true });
      await once(this.#server, 'listening');
    } catch (error) {
      throw cannotListen(at, error as NodeJS.ErrnoException);
    }
    // A connection that broke off while it was being accepted concerns nobody.
    this.#server.on('error', () => this.#context.sink.dropped('socket-error'));
    const bound = this.#server.address();
    this.#port = bound !== null && typeof bound === 'object' ? bound.port : at.port;
  }

  hasConnection(connection: ConnectionId): boolean {
    return this.#byId.has(connection);
  }

  connectionTo(peer: Pick<Hop, 'address' | 'port'>): ConnectionId | undefined {
    const connection = this.#byPeer.get(peerKey(peer));
    return connection?.open ? connection.id : undefined;
  }

  send(bytes: Buffer, hop: Hop): Promise<void> {
    const named = hop.connection === undefined ? undefined : this.#byId.get(hop.connection);
    const open = [named, this.#byPeer.get(peerKey(hop))].find((connection) => connection?.open);
    const connection = open ?? this.#connect(hop);
    return connection instanceof TransportError ? Promise.reject(connection) : connection.send(bytes);
  }

  async close(): Promise<void> {
    this.#context.clock.clearTimeout(this.#sweep);
    this.#sweep = undefined;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const connection of this.#byId.values()) connection.leave();
    // TLS hands the last words to the system one turn later.
    await new Promise(setImmediate);
    for (const connection of this.#byId.values()) connection.destroy();
    // A handshake that is under way would keep the server open.
    for (const socket of this.#accepted) socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined) {
      // Gone between the system's accept and ours.
      socket.destroy();
    } else if (this.#byId.size >= this.#context.limits.connections) {
      this.#context.sink.dropped('connection-limit');
      socket.destroy();
    } else this.#add(socket, { address: remoteAddress, port: remotePort });
  }

  #connect(hop: Hop): StreamConnection | TransportError {
    const { outgoing } = this.#maker;
    if (!outgoing) {
      const where = `${this.protocol} ${hop.address}:${hop.port}`;
      return new TransportError('unreachable', `${where}: the phone has no connection, and must open it itself`);
    }
    if (this.#byId.size >= this.#context.limits.connections) {
      return new TransportError('unreachable', `${this.protocol}: too many connections`);
    }
    const from = isWildcard(this.address) ? undefined : this.address;
    const { address, port } = hop;
    return this.#add(outgoing.connect(hop, from), { address, port });
  }

  #add(socket: Socket, peer: { address: string; port: number }): StreamConnection {
    const at = { protocol: this.protocol, localPort: this.#port, established: this.#maker.outgoing?.established };
    const connection = new StreamConnection(
      ...[socket, peer, at, this.#maker.framing(this.#context.limits), this.#context],
      () => this.#remove(connection),
    );
    this.#byId.set(connection.id, connection);
    this.#byPeer.set(peerKey(peer), connection);
    this.#scheduleSweep();
    return connection;
  }

  #remove(connection: StreamConnection): void {
    this.#byId.delete(connection.id);
    const key = peerKey(connection.peer);
    if (this.#byPeer.get(key) === connection) this.#byPeer.delete(key);
    this.#context.sink.closed(connection.id, this.protocol);
    if (this.#byId.size > 0) return;
    this.#context.clock.clearTimeout(this.#sweep);
    this.#sweep = undefined;
  }

  #scheduleSweep(): void {
    this.#sweep ??= this.#context.clock.setTimeout(() => {
      this.#sweep = undefined;
      const now = this.#context.clock.monotonic();
      for (const connection of this.#byId.values()) connection.expire(now);
      if (this.#byId.size > 0) this.#scheduleSweep();
    }, SWEEP_MS);
  }
}

const peerKey = ({ address, port }: { address: string; port: number }): string => `${address}|${port}`;
