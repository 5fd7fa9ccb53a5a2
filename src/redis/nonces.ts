import { z } from 'zod';
import type { Random } from '../time/random.ts';
import type { RedisConnection } from './connection.ts';
import { script } from './script.ts';

/**
 * What digest authentication shares between nodes. Nonces themselves are stateless: a time and a salt, signed with `secret`, so that a challenge costs
 * no memory and any node can judge the answer, also after a restart. Only the count of an accepted answer is kept, so that the same
 * answer is good once in the whole installation and not once on each node.
 */
export class Nonces {
  readonly #redis: RedisConnection;
  readonly #random: Random;

  constructor(redis: RedisConnection, random: Random) {
    this.#redis = redis;
    this.#random = random;
  }

  /** The key to sign nonces of this PBX with: 32 bytes as hex, the same on every node. Ask once and keep it. */
  secret(pbx: string): Promise<string> {
    return shareSecret(this.#redis, pbx, this.#random.hex(32));
  }

  /**
   * True when `count` (the request's `nc`, read as hex) is higher than any before with this nonce; a false one is a replay.
   * @param lifetime seconds that the nonce itself is valid for
   */
  async use(pbx: string, nonce: string, count: number, lifetime: number): Promise<boolean> {
    return (await useNonce(this.#redis, pbx, nonce, count, lifetime))[0] === 'fresh';
  }
}

const file = (name: string) => new URL(`scripts/${name}.lua`, import.meta.url);

const shareSecret = script(file('share-secret'), {
  keys: (k) => [k.nonceSecret()],
  args: (candidate: string) => [candidate],
  reply: z.string(),
});

const useNonce = script(file('use-nonce'), {
  keys: (k, nonce) => [k.nonce(nonce)],
  args: (_nonce: string, count: number, lifetime: number) => [count, lifetime * 1000],
  reply: z.union([z.tuple([z.literal('fresh')]), z.tuple([z.literal('replayed'), z.number()])]),
});
