import type { Cluster, Redis } from 'ioredis';
import { Emitter } from '../emitter.ts';
import type { RedisConnection } from './connection.ts';

/**
 * Listens on channels, over a connection of its own that mends itself. What is published while it is down is lost: whoever listens reads on `resumed`
 * what he may have missed.
 */
export class RedisSubscriber {
  readonly #client: Redis | Cluster;
  readonly #listeners = new Map<string, (message: string) => void>();
  readonly #events = new Emitter<{ resumed: undefined }>();

  constructor(connection: Pick<RedisConnection, 'another'>) {
    this.#client = connection.another();
    this.#client.on('message', (channel: string, message: string) => this.#listeners.get(channel)?.(message));
    this.#client.on('ready', () => void this.#resume());
    // The connection beside this one reports what is wrong; this one only tries again.
    this.#client.on('error', () => undefined);
  }

  /** Takes effect as soon as Redis can be reached: resolves then, with true, or with false when `resumed` will tell. */
  async subscribe(channel: string, listener: (message: string) => void): Promise<boolean> {
    this.#listeners.set(channel, listener);
    return this.#send(channel);
  }

  async unsubscribe(channel: string): Promise<void> {
    this.#listeners.delete(channel);
    await this.#client.unsubscribe(channel).catch(() => undefined);
  }

  /** All channels are listened on again. */
  on(event: 'resumed', listener: () => void): () => void {
    return this.#events.on(event, listener);
  }

  close(): void {
    this.#events.clear();
    this.#listeners.clear();
    this.#client.disconnect();
  }

  async #resume(): Promise<void> {
    const all = await Promise.all([...this.#listeners.keys()].map((channel) => this.#send(channel)));
    if (all.length > 0 && all.every(Boolean)) this.#events.emit('resumed', undefined);
  }

  async #send(channel: string): Promise<boolean> {
    if (this.#client.status !== 'ready') return false;
    try {
      await this.#client.subscribe(channel);
      return true;
    } catch {
      // Lost in between: `ready` comes again.
      return false;
    }
  }
}
