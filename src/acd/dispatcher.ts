import type { Logger } from 'pino';
import type { PbxVersion } from '../config/version.ts';
import { errorText } from '../errors.ts';
import type { RedisCommands, RedisConnection } from '../redis/connection.ts';
import type { RedisSubscriber } from '../redis/subscriber.ts';
import type { Clock } from '../time/clock.ts';
import type { Precedence } from '../time/precedence.ts';
import type { Random } from '../time/random.ts';
import { AcdNode } from './node.ts';
import { AcdStore } from './store.ts';

export interface DispatcherOptions {
  readonly redis: RedisCommands & Pick<RedisConnection, 'on'>;
  readonly subscriber: Pick<RedisSubscriber, 'subscribe'>;
  readonly clock: Clock;
  readonly precedence: Precedence;
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
  readonly #nodes = new Map<string, Member>();
  readonly #run: string;
  readonly #off: (() => void)[];

  constructor(options: DispatcherOptions) {
    const { redis, random } = options;
    this.#options = options;
    this.#run = random.hex(4);
    this.store = new AcdStore(redis, random, options.now);
    const all = (act: (node: AcdNode) => unknown) => {
      for (const { node } of this.#nodes.values()) act(node);
    };
    this.#off = [
      redis.on('down', () => all((node) => node.redisDown())),
      redis.on('up', () => all((node) => this.#unattended(node.redisUp()))),
    ];
  }

  /** Takes a PBX in, or a new version of one. Resolves when this node takes part in it; at once while Redis is away, which is made up for later. */
  async add(pbx: PbxVersion): Promise<AcdNode> {
    const known = this.#nodes.get(pbx.id);
    if (known) {
      await known.node.configure(pbx);
      return known.node;
    }
    const { clock, precedence, log, nodeId, subscriber } = this.#options;
    const node = new AcdNode(pbx, { store: this.store, clock, precedence, log, nodeId, run: this.#run });
    const deaf = subscriber.subscribe(node.name, (message) => {
      // Offers may have been published while nobody listened.
      if (message === undefined) return this.#unattended(node.catchUp());
      try {
        node.told(message);
      } catch (error) {
        log.error({ err: error, message }, 'the ACD told something that could not be done');
      }
    });
    this.#nodes.set(pbx.id, { node, deaf });
    await node.start();
    return node;
  }

  remove(pbx: string): void {
    const member = this.#nodes.get(pbx);
    this.#nodes.delete(pbx);
    member?.deaf();
    member?.node.stop();
  }

  node(pbx: string): AcdNode | undefined {
    return this.#nodes.get(pbx)?.node;
  }

  close(): void {
    for (const off of this.#off) off();
    for (const pbx of [...this.#nodes.keys()]) this.remove(pbx);
  }

  #unattended(work: Promise<unknown>): void {
    work.catch((error) => this.#options.log.error({ err: error }, `the ACD could not catch up: ${errorText(error)}`));
  }
}

interface Member {
  readonly node: AcdNode;
  /** Stops listening to what it is told. */
  readonly deaf: () => void;
}
