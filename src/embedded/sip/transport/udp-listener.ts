import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { TransportError } from './errors.ts';
import type { ListenAddress } from './listen-address.ts';
import { cannotListen, type Listener, type ListenerContext } from './listener.ts';
import { type Family, familyOf } from './networks.ts';
import type { Hop } from './types.ts';

/**
 * The most that fits a datagram over IPv4. Differs from RFC 3261 §18.1.1, which wants TCP from 1300 bytes on: many phones speak UDP
 * only, and fragments of larger INVITEs are what they are used to.
 */
const MAX_DATAGRAM = 65_507;

/** Opens a UDP socket. @throws UserError */
export async function openUdp(at: ListenAddress, context: ListenerContext): Promise<Listener> {
  const family = familyOf(at.address);
  const socket = createSocket({
    type: family === 4 ? 'udp4' : 'udp6',
    ipv6Only: family === 6,
    recvBufferSize: context.limits.udpBuffer,
    sendBufferSize: context.limits.udpBuffer,
    // Hops are numeric. Without this, every send would go through the resolver's machinery and a tick of the event loop.
    lookup: (address, _options, done) => done(null, address, family),
  });
  try {
    // With the lookup above, `bind` is done before it returns.
    const listening = once(socket, 'listening');
    socket.bind(at.port, at.address);
    await listening;
  } catch (error) {
    socket.close();
    throw cannotListen(at, error as NodeJS.ErrnoException);
  }
  return new UdpListener(socket, at.address, family, context);
}

class UdpListener implements Listener {
  readonly protocol = 'udp';
  readonly address: string;
  readonly port: number;
  readonly connections = 0;
  readonly #socket: Socket;
  readonly #family: Family;

  constructor(socket: Socket, address: string, family: Family, { sink, reachedAt }: ListenerContext) {
    this.#socket = socket;
    this.#family = family;
    this.address = address;
    this.port = socket.address().port;
    socket.on('message', (bytes, peer) => {
      if (isKeepAlive(bytes)) return sink.keepAlive();
      sink.message(bytes, {
        protocol: 'udp',
        address: peer.address,
        port: peer.port,
        localAddress: reachedAt(address, peer.address),
        localPort: this.port,
      });
    });
    // Node does not ask the system which datagram an ICMP report is about, so a closed port shows as a timeout.
    socket.on('error', () => sink.dropped('socket-error'));
  }

  hasConnection(): boolean {
    return false;
  }

  connectionTo(): undefined {
    return undefined;
  }

  send(bytes: Buffer, { address, port }: Hop): Promise<void> {
    if (bytes.length > MAX_DATAGRAM) {
      return Promise.reject(new TransportError('too-large', `${bytes.length} bytes do not fit into a datagram`));
    }
    if (familyOf(address) !== this.#family) {
      return Promise.reject(new TransportError('no-listener', `${address} is of another IP version`));
    }
    return new Promise((resolve, reject) => {
      this.#socket.send(bytes, port, address, (error) => {
        if (error) reject(sendError(error, address, port));
        else resolve();
      });
    });
  }

  async close(): Promise<void> {
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }
}

function sendError(cause: NodeJS.ErrnoException, address: string, port: number): TransportError {
  const code =
    cause.code === 'EMSGSIZE' ? 'too-large' : cause.code === 'ERR_SOCKET_DGRAM_NOT_RUNNING' ? 'closed' : 'unreachable';
  return new TransportError(code, `cannot send to udp ${address}:${port}: ${cause.message}`, { cause });
}

/** Phones behind NAT keep their binding open with line ends or zero bytes. */
function isKeepAlive(bytes: Buffer): boolean {
  if (bytes.length > 4) return false;
  return bytes.every((byte) => byte === 0 || byte === 0x0a || byte === 0x0d);
}
