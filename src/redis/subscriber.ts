import type { Cluster, Redis } from 'ioredis';
import type { RedisConnection } from './connection.ts';

/** @param message undefined: the connection was away, and messages may have been missed */
export type ChannelListener = (message: string | undefined) => void;

/**
 * Messages of Redis channels, on a connection of its own that is made when the first listener comes. A message is a hint and no more: it may be
 * missed, and then the listener is told that much. What counts must stand in a key.
 */
export class RedisSubscriber {
  readonly #redis: RedisConnection;
  readonly #channels = new Map<string, Set<ChannelListener>>();
  #client: Redis | Cluster | undefined;
  #closed = false;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  /**
   * Never rejects: while Redis is away there are no messages, and when it is back the listener is told. Told so, too, when the subscription has
   * begun: what came before was not heard.
   */
  subscribe(channel: string, listener: ChannelListener): () => void {
    const listeners = this.#channels.get(channel);
    if (listeners) listeners.add(listener);
    else {
      this.#channels.set(channel, new Set([listener]));
      const client = this.#open();
      if (client?.status === 'ready') void this.#listen(client, [channel]);
    }
    return () => this.#leave(channel, listener);
  }

  close(): void {
    this.#closed = true;
    this.#channels.clear();
    this.#client?.disconnect();
  }

  #open(): Redis | Cluster | undefined {
    if (this.#client || this.#closed) return this.#client;
    const client = this.#redis.listener();
    client.on('ready', () => void this.#listen(client, [...this.#channels.keys()]));
    client.on('message', (channel: string, message: string) => this.#tell(channel, message));
    // RedisConnection reports that Redis is away; this one only has to come back.
    client.on('error', () => undefined);
    this.#client = client;
    return client;
  }

  async #listen(client: Redis | Cluster, channels: readonly string[]): Promise<void> {
    if (channels.length === 0) return;
    try {
      await client.subscribe(...channels);
    } catch {
      // Lost again before the answer: the next `ready` is another attempt. One that stands, and was not answered, is given up for it.
      if (client.status === 'ready' && !this.#closed) client.disconnect(true);
      return;
    }
    for (const channel of channels) this.#tell(channel, undefined);
  }

  #leave(channel: string, listener: ChannelListener): void {
    const listeners = this.#channels.get(channel);
    if (!listeners?.delete(listener) || listeners.size > 0) return;
    this.#channels.delete(channel);
    // A message of a channel that could not be left finds no listener.
    this.#client?.unsubscribe(channel).catch(() => undefined);
  }

  #tell(channel: string, message: string | undefined): void {
    for (const listener of [...(this.#channels.get(channel) ?? [])]) listener(message);
  }
}
