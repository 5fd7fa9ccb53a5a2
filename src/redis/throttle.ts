import { z } from 'zod';
import type { RedisConnection } from './connection.ts';
import { script } from './script.ts';

/** Wrong passwords by source address, and wrong PINs by mailbox and by who tries them, counted over all nodes; a restart forgives nobody. */
export interface FailureLimits {
  /** Failures within `window` seconds that block. */
  readonly limit: number;
  readonly window: number;
  /** Seconds for which it is then blocked. */
  readonly block: number;
}

export type FailureState =
  | { readonly state: 'counted'; readonly failures: number }
  /** `until`: milliseconds since 1970. `failures` reaches the limit exactly once for each block: the moment to log it. */
  | { readonly state: 'blocked'; readonly until: number; readonly failures: number };

const file = (name: string) => new URL(`scripts/${name}.lua`, import.meta.url);

const fail = script(file('fail'), {
  keys: (k, address) => [k.failures(address)],
  args: (_address: string, now: number | '', limits: FailureLimits) => [
    now,
    limits.window * 1000,
    limits.limit,
    limits.block * 1000,
  ],
  reply: z.union([
    z.tuple([z.literal('counted'), z.number()]),
    z.tuple([z.literal('blocked'), z.number(), z.number()]),
  ]),
});

const isBlocked = script(file('is-blocked'), {
  keys: (k, address) => [k.failures(address)],
  args: (_address: string, now: number | '') => [now],
  reply: z.union([z.tuple([z.literal('free')]), z.tuple([z.literal('blocked'), z.number()])]),
});

export class Throttle {
  readonly #redis: RedisConnection;
  readonly #now: () => number | '';

  /** @param now the time in tests, as milliseconds since 1970; without it the Redis server's */
  constructor(redis: RedisConnection, now?: () => number) {
    this.#redis = redis;
    this.#now = now ?? (() => '');
  }

  /**
   * @param pbx the PBX that was asked for; one name for all requests that fit none
   * @param key an address, or what else is to be blocked
   */
  async fail(pbx: string, key: string, limits: FailureLimits): Promise<FailureState> {
    const reply = await fail(this.#redis, pbx, key, this.#now(), limits);
    return reply[0] === 'counted'
      ? { state: 'counted', failures: reply[1] }
      : { state: 'blocked', until: reply[1], failures: reply[2] };
  }

  /** Until when the key is blocked, as milliseconds since 1970; undefined when it is not. */
  async blockedUntil(pbx: string, key: string): Promise<number | undefined> {
    const reply = await isBlocked(this.#redis, pbx, key, this.#now());
    return reply[0] === 'blocked' ? reply[1] : undefined;
  }
}
