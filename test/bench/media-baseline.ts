import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * What the media bench is measured against: a thread that forwards datagrams between two sockets by Node's dgram and does nothing else. No RTP
 * server on dgram can need less.
 */
const destinations = workerData as readonly number[];

const sockets = await Promise.all(
  destinations.map(async () => {
    const socket = createSocket({ type: 'udp4', lookup: (host, _options, done) => done(null, host, 4) });
    const listening = once(socket, 'listening');
    socket.bind(0, '127.0.0.1');
    await listening;
    return socket;
  }),
);
const ignore = () => undefined;
sockets.forEach((socket, i) => {
  const partner = i ^ 1;
  const out = sockets[partner];
  const port = destinations[partner] ?? 0;
  socket.on('message', (bytes) => out?.send(bytes, 0, bytes.length, port, '127.0.0.1', ignore));
});
parentPort?.on('message', () => {
  for (const socket of sockets) socket.close();
  parentPort?.close();
});
parentPort?.postMessage(sockets.map((socket) => socket.address().port));
