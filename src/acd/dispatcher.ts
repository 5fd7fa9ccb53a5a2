import type { Logger } from 'pino';
import type { PbxVersion } from '../config/version.ts';
import { errorText } from '../errors.ts';
import type { RedisConnection } from '../redis/connection.ts';
import { RedisSubscriber } from '../redis/subscriber.ts';
import type { Clock } from '../time/clock.ts';
import type { Random } from '../time/random.ts';
import { AcdNode } from './node.ts';
import { AcdStore } from './store.ts';

export interface DispatcherOptions {
  readonly redis: RedisConnection;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** NODE_ID: the same after a restart, another on every node. */
  readonly nodeId: string;
  /** The time in tests, as milliseconds since 1970; without it the Redis server's. */
  readonly now?: () => number;
}

/**
 * This node's part in the ACD of all PBXs. The pairing itself is in the scripts: each change of state gives whoever became available his next caller,
 * wherever the change came from; the node that has the caller is told on its channel. So there is nothing to poll, and no node that leads.
 */
export class Dispatcher {
  readonly store: AcdStore;
  readonly #options: DispatcherOptions;
  readonly #subscriber: RedisSubscriber;
  readonly #nodes = new Map<string, AcdNode>();
  readonly #run: string;
  readonly #off: (() => void)[];

  constructor(options: DispatcherOptions) {
    const { redis, random } = options;
    this.#options = options;
    this.#run = random.hex(4);
    this.store = new AcdStore(redis, random, options.now);
    this.#subscriber = new RedisSubscriber(redis);
    const all = (act: (node: AcdNode) => unknown) => {
      for (const node of this.#nodes.values()) act(node);
    };
    this.#off = [
      redis.on('down', () => all((node) => node.redisDown())),
      redis.on('up', () => all((node) => this.#unattended(node.redisUp()))),
      // Offers that were published while nobody listened.
      this.#subscriber.on('resumed', () => all((node) => this.#unattended(node.redisUp()))),
    ];
  }

  /** Takes a PBX in, or a new version of one. Resolves when this node takes part in it; at once while Redis is away, which is made up for later. */
  async add(pbx: PbxVersion): Promise<AcdNode> {
    const known = this.#nodes.get(pbx.id);
    if (known) {
      await known.configure(pbx);
      return known;
    }
    const { clock, log, nodeId } = this.#options;
    const node = new AcdNode(pbx, { store: this.store, clock, log, nodeId, run: this.#run });
    this.#nodes.set(pbx.id, node);
    await this.#subscriber.subscribe(node.name, (message) => {
      try {
        node.told(message);
      } catch (error) {
        log.error({ err: error, message }, 'the ACD told something that could not be done');
      }
    });
    await node.start();
    return node;
  }

  async remove(pbx: string): Promise<void> {
    const node = this.#nodes.get(pbx);
    if (!node) return;
    this.#nodes.delete(pbx);
    node.stop();
    await this.#subscriber.unsubscribe(node.name);
  }

  node(pbx: string): AcdNode | undefined {
    return this.#nodes.get(pbx);
  }

  close(): void {
    for (const off of this.#off) off();
    for (const node of this.#nodes.values()) node.stop();
    this.#nodes.clear();
    this.#subscriber.close();
  }

  #unattended(work: Promise<unknown>): void {
    work.catch((error) => this.#options.log.error({ err: error }, `the ACD could not catch up: ${errorText(error)}`));
  }
}
