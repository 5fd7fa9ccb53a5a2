import { createSocket } from 'node:dgram';

/** A process that sends each datagram back, and does nothing else: what its answers take, they take by the machine. Tells its port, and ends when its parent does. */
const socket = createSocket('udp4');
socket.on('message', (bytes, { address, port }) => socket.send(bytes, port, address));
socket.bind(0, '127.0.0.1', () => process.send?.(socket.address().port));
process.once('disconnect', () => socket.close());
