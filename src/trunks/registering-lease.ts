import { z } from 'zod';
import type { RedisCommands } from '../redis/connection.ts';
import { script } from '../redis/script.ts';

const file = (name: string) => new URL(`scripts/${name}.lua`, import.meta.url);

const hold = script(file('hold-registering'), {
  keys: (k, ..._) => [k.registering()],
  args: (now: number | '', node: string) => [now, node, LEASE_MS],
  reply: z.union([z.tuple([z.literal('held'), z.number()]), z.tuple([z.literal('other'), z.string()])]),
});

const free = script(file('free-registering'), {
  keys: (k, ..._) => [k.registering()],
  args: (fence: number) => [fence],
  reply: z.union([z.tuple([z.literal('freed')]), z.tuple([z.literal('other')])]),
});

const tell = script(file('tell-registration'), {
  keys: (k, ..._) => [k.registering(), k.trunkRegistrations()],
  args: (fence: number, trunk: string, status: string) => [fence, trunk, status, KEPT_MS],
  reply: z.union([z.tuple([z.literal('told')]), z.tuple([z.literal('other')])]),
});

const list = script(file('list-registrations'), {
  keys: (k) => [k.trunkRegistrations()],
  args: () => [],
  reply: z.array(z.string()),
});

/** For so long nobody else registers the accounts of a PBX, unless its node says so again. */
export const LEASE_MS = 15_000;
/** What is known of accounts outlives their PBX by so much. */
const KEPT_MS = 7 * 86_400_000;

const state = z.enum(['trying', 'registered', 'refused', 'failing']);

/** An account as the node that registers it has told of it. Moments are milliseconds since 1970. */
const ToldRegistration = z.object({
  state,
  since: z.number(),
  until: z.number().nullable(),
  reason: z.string().nullable(),
  node: z.string(),
  /** The latest last. */
  changes: z.array(z.object({ state, reason: z.string().nullable(), at: z.number() })),
});
export type ToldRegistration = z.infer<typeof ToldRegistration>;

/**
 * Which node registers the accounts of a PBX: one at a time, whose word is believed by its fence, a number that grows with each node that takes over. All
 * functions reject with `RedisDownError` while Redis is away.
 */
export class RegisteringLease {
  readonly #redis: RedisCommands;
  readonly #run: string;
  readonly #now: () => number | '';

  /** @param now the time in tests, as milliseconds since 1970; without it the Redis server's */
  constructor({ redis, run, now }: { redis: RedisCommands; run: string; now?: () => number }) {
    this.#redis = redis;
    this.#run = run;
    this.#now = now ?? (() => '');
  }

  /** Takes it or keeps it, for `LEASE_MS`. @returns the fence; undefined: another node has it */
  async hold(pbx: string): Promise<number | undefined> {
    const reply = await hold(this.#redis, pbx, this.#now(), this.#run);
    return reply[0] === 'held' ? reply[1] : undefined;
  }

  async free(pbx: string, fence: number): Promise<void> {
    await free(this.#redis, pbx, fence);
  }

  /** @param told undefined: the account is none any more */
  async tell(pbx: string, fence: number, trunk: string, told: ToldRegistration | undefined): Promise<void> {
    await tell(this.#redis, pbx, fence, trunk, told ? JSON.stringify(told) : '');
  }

  /** By trunk. */
  async told(pbx: string): Promise<Map<string, ToldRegistration>> {
    const flat = await list(this.#redis, pbx);
    const all = new Map<string, ToldRegistration>();
    for (let i = 0; i + 1 < flat.length; i += 2) {
      // Of another version of the engine, perhaps: it is told anew soon.
      const told = ToldRegistration.safeParse(JSON.parse(flat[i + 1] ?? 'null'));
      if (told.success) all.set(flat[i] ?? '', told.data);
    }
    return all;
  }
}
