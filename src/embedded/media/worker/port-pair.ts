import { createSocket, type Socket } from 'node:dgram';

/** Called for every datagram. `bytes` may be changed and need not be copied: each datagram has its own. */
export interface DatagramReceiver {
  onRtp(bytes: Uint8Array, address: string, port: number): void;
  onRtcp(bytes: Uint8Array, address: string, port: number): void;
}

/** The two sockets of an endpoint: RTP on an even port, RTCP on the next (RFC 3550 §11). */
export interface PortPair {
  readonly port: number;
  /** Sends `bytes[offset … end)`. A datagram that cannot be sent is lost, as it could be on the way: the stream goes on. */
  sendRtp(bytes: Uint8Array, offset: number, end: number, port: number, address: string): void;
  sendRtcp(bytes: Uint8Array, port: number, address: string): void;
  close(): Promise<void>;
}

/** @throws the system's error, `EADDRINUSE` if one of the two ports is taken */
export async function bindPortPair(address: string, port: number, receiver: DatagramReceiver): Promise<PortPair> {
  const rtp = open(address);
  const rtcp = open(address);
  const bound = await Promise.allSettled([bind(rtp, address, port), bind(rtcp, address, port + 1)]);
  const failed = bound.find((result) => result.status === 'rejected');
  if (failed) {
    await Promise.all([close(rtp), close(rtcp)]);
    throw failed.reason;
  }
  rtp.on('message', (bytes, from) => receiver.onRtp(bytes, from.address, from.port));
  rtcp.on('message', (bytes, from) => receiver.onRtcp(bytes, from.address, from.port));
  return {
    port,
    sendRtp: (bytes, offset, end, toPort, toAddress) =>
      rtp.send(bytes, offset, end - offset, toPort, toAddress, ignoreSendError),
    sendRtcp: (bytes, toPort, toAddress) => rtcp.send(bytes, 0, bytes.length, toPort, toAddress, ignoreSendError),
    async close() {
      await Promise.all([close(rtp), close(rtcp)]);
    },
  };
}

/** An unreachable peer shows in his silence and in the statistics; a callback also keeps the error from being thrown. */
const ignoreSendError = () => undefined;

function open(address: string): Socket {
  const type = address.includes(':') ? 'udp6' : 'udp4';
  const family = type === 'udp6' ? 6 : 4;
  // Only IP addresses come here; the default look-up would cost each packet a turn of the event loop.
  const socket = createSocket({ type, lookup: (host, _options, done) => done(null, host, family) });
  // ICMP errors of earlier datagrams: see ignoreSendError.
  socket.on('error', ignoreSendError);
  return socket;
}

const bind = (socket: Socket, address: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off('error', reject);
      resolve();
    });
  });

const close = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    try {
      socket.close(() => resolve());
    } catch {
      // It was never bound, or has been closed by its error.
      resolve();
    }
  });
