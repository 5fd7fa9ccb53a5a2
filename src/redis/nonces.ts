import { z } from 'zod';
import type { Random } from '../time/random.ts';
import type { RedisConnection } from './connection.ts';
import { ALL_PBXS } from './keys.ts';
import { script } from './script.ts';

const file = (name: string) => new URL(`scripts/${name}.lua`, import.meta.url);

const nonceKey = script(file('nonce-key'), {
  keys: (k) => [k.nonceKey()],
  args: (proposed: string) => [proposed],
  reply: z.tuple([z.literal('key'), z.string()]),
});

const useNonce = script(file('use-nonce'), {
  keys: (k, nonce) => [k.nonce(nonce)],
  args: (_nonce: string, count: number, ttlMs: number) => [count, ttlMs],
  reply: z.union([z.tuple([z.literal('used')]), z.tuple([z.literal('before')])]),
});

/** What nodes must share of digest authentication, so that each takes the answer to the challenge of another, and none takes one twice. */
export class RedisNonces {
  readonly #redis: RedisConnection;
  #key: string;

  constructor(redis: RedisConnection, random: Random) {
    this.#redis = redis;
    this.#key = random.hex(32);
  }

  /**
   * @param take gets the key now, and again when Redis has forgotten it and another node was first to say one
   * @returns ends that
   * @throws RedisDownError when it cannot be known now
   */
  async followKey(take: (key: Buffer) => void): Promise<() => void> {
    const ask = async () => {
      [, this.#key] = await nonceKey(this.#redis, ALL_PBXS, this.#key);
      take(Buffer.from(this.#key, 'hex'));
    };
    await ask();
    // When it is gone again, it says so again.
    return this.#redis.on('up', () => void ask().catch(() => undefined));
  }

  /** @returns false: at some node it was used with this count or a higher one. @throws RedisDownError */
  async use(nonce: string, count: number, forMs: number): Promise<boolean> {
    const [reply] = await useNonce(this.#redis, ALL_PBXS, nonce, count, forMs);
    return reply === 'used';
  }
}
