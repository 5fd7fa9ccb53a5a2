import type { AddressInfo } from 'node:net';
import type { Clock } from '../time/clock.ts';
import { isLoopback } from './access.ts';
import { type App, createApp } from './app.ts';
import { cannotListen } from './listen-error.ts';
import type { HttpOptions, HttpServer } from './ports.ts';

/** How long `close` waits for requests under way, milliseconds. */
const GRACE = 2000;

/**
 * Serves the API.
 * @throws UserError `port-in-use`, `port-forbidden`, `http-listen` when it cannot listen
 */
export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const { listen, token, clock, log } = options;
  const app = createApp(options);
  try {
    await app.listen(listen);
  } catch (error) {
    await app.close();
    throw cannotListen(listen, error as NodeJS.ErrnoException);
  }
  const address = app.server.address() as AddressInfo;
  if (token === undefined && !isLoopback(address.address)) {
    log.warn({ address: address.address }, 'without API_TOKEN the API serves this machine only, wherever it listens');
  }
  let closing: Promise<void> | undefined;
  return {
    url: `http://${reachable(address)}:${address.port}`,
    close: () => {
      closing ??= closeGracefully(app, clock);
      return closing;
    },
  };
}

async function closeGracefully(app: App, clock: Clock): Promise<void> {
  const timer = clock.setTimeout(() => app.server.closeAllConnections(), GRACE);
  try {
    await app.close();
  } finally {
    clock.clearTimeout(timer);
  }
}

/** An address that a client of this machine can ask. */
function reachable({ address, family }: AddressInfo): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  if (address === '::') return '[::1]';
  return family === 'IPv6' ? `[${address}]` : address;
}
