import type { Logger } from 'pino';
import { errorText } from '../errors.ts';
import type { Clock, TimerId } from '../time/clock.ts';

/** A SIP server of another node that has opened its port for applications to us. */
export interface NeighbourServer {
  /** What registrations call it. */
  readonly server: string;
  readonly host: string;
  readonly port: number;
  readonly secret: string;
}

/** Where nodes tell each other of their servers. `RedisSipServers` is one. */
export interface ServerDirectory {
  /** Says that ours is there (undefined: none is for others), and tells all that are. Rejects while the directory is away. */
  announce(own: NeighbourServer | undefined): Promise<readonly NeighbourServer[]>;
  withdraw(server: string): Promise<void>;
}

export interface NeighboursOptions {
  readonly directory: ServerDirectory;
  /** Ours, asked each time: one that died is started anew with another secret. */
  readonly own: () => NeighbourServer | undefined;
  /** Takes all of the others. */
  readonly follow: (servers: readonly NeighbourServer[]) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

const EVERY_MS = 2000;

/**
 * Keeps the nodes of an installation known to each other as far as SIP goes: a phone behind a router, or on a connection, is rung by the server that it has registered at,
 * whichever node has its caller. While the directory is away what was known stays in use.
 */
export class Neighbours {
  readonly #options: NeighboursOptions;
  #timer: TimerId | undefined;
  #closed = false;

  constructor(options: NeighboursOptions) {
    this.#options = options;
  }

  /** Tells and asks once, and from now on every two seconds. Never rejects. */
  async start(): Promise<void> {
    await this.#beat();
    if (this.#closed) return;
    this.#timer = this.#options.clock.setTimeout(() => void this.start(), EVERY_MS);
  }

  /** The others are told; their calls by our server may go on. */
  async close(): Promise<void> {
    this.#closed = true;
    const { clock, directory, own, log } = this.#options;
    clock.clearTimeout(this.#timer);
    const server = own()?.server;
    if (server === undefined) return;
    await directory
      .withdraw(server)
      .catch((error: unknown) => log.debug(`SIP server not withdrawn: ${errorText(error)}`));
  }

  async #beat(): Promise<void> {
    const { directory, own, follow, log } = this.#options;
    const ours = own();
    try {
      const all = await directory.announce(ours);
      if (!this.#closed) follow(all.filter(({ server }) => server !== ours?.server));
    } catch (error) {
      log.debug(`SIP servers of other nodes not known: ${errorText(error)}`);
    }
  }
}
