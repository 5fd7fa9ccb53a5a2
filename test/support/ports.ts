import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/**
 * An interval of UDP ports in which `pairs` even ports with their successors are free now. Below the range from which the system takes ports for
 * sockets bound to 0 (32768 on Linux), so that a test running beside does not get one meanwhile by chance.
 * @param bounds between which it lies; unsaid, apart from the media ports of sipp
 */
export async function freePortRange(
  pairs: number,
  bounds: readonly [number, number] = [15_000, 32_000],
): Promise<{ from: number; to: number }> {
  const [lowest, highest] = bounds;
  for (;;) {
    const from = lowest + 2 * Math.floor(Math.random() * ((highest - lowest) / 2 - pairs));
    const to = from + 2 * pairs - 1;
    if (await allFree(from, to)) return { from, to };
  }
}

async function allFree(from: number, to: number): Promise<boolean> {
  for (let port = from; port <= to; port++) {
    const socket = createSocket('udp4');
    try {
      socket.bind({ address: '127.0.0.1', port, exclusive: true });
      await once(socket, 'listening');
    } catch {
      return false;
    } finally {
      socket.close();
    }
  }
  return true;
}

/** A UDP port that nobody has: for engines whose peers must know theirs before they start. */
export async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}
