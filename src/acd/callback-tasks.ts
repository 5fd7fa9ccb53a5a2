import { z } from 'zod';
import type { RedisCommands } from '../redis/connection.ts';
import { script } from '../redis/script.ts';

/** A client whom the groups of a PBX have missed and are to call back (§4.4.6.2.1, §4.6.5.7). */
export interface MissedCall {
  /** The client's, normalised. */
  readonly number: string;
  /** The call that was missed. */
  readonly call: string;
  readonly group: string;
  /** When he began to wait, ms since 1970: the callback stands in the queue in his place. */
  readonly since: number;
  /** `place` of the queue, when he had one. */
  readonly place?: string;
  /** Our number that he had called: he sees it again where his group has no number of its own for callbacks. */
  readonly line?: string;
  readonly maxAttempts: number;
  /** Milliseconds from the end of an attempt to the next. */
  readonly intervalMs: number;
}

const Task = z.object({
  number: z.string(),
  call: z.string(),
  /** Every group that missed that call, in turn. */
  groups: z.array(z.string()).min(1),
  since: z.number(),
  place: z.string().exactOptional(),
  line: z.string().exactOptional(),
  maxAttempts: z.number(),
  intervalMs: z.number(),
  createdAt: z.number(),
  /** Attempts that are over. */
  attempts: z.number(),
  /** Counts who has taken it: what an earlier holder reports is not believed. */
  lease: z.number().exactOptional(),
});
export type CallbackTask = z.output<typeof Task>;

type Now = number | '';
const file = (name: string) => new URL(`scripts/${name}.lua`, import.meta.url);
const json = z.string().transform((text) => Task.parse(JSON.parse(text)));

const add = script(file('callback-add'), {
  keys: (k, ..._) => k.callbacks(),
  args: (now: Now, number: string, task: string, firstMs: number) => [now, number, task, firstMs],
  reply: z.enum(['added', 'joined', 'exists']),
});

const take = script(file('callback-take'), {
  keys: (k, ..._) => k.callbacks(),
  args: (now: Now, leaseMs: number, limit: number) => [now, leaseMs, limit],
  reply: z.array(z.string()),
});

const report = script(file('callback-report'), {
  keys: (k, ..._) => k.callbacks(),
  args: (now: Now, number: string, lease: number, outcome: string) => [now, number, lease, outcome],
  reply: z.enum(['done', 'again', 'exhausted', 'gone']),
});

const renew = script(file('callback-renew'), {
  keys: (k, ..._) => k.callbacks(),
  args: (now: Now, number: string, lease: number, leaseMs: number) => [now, number, lease, leaseMs],
  reply: z.enum(['held', 'gone']),
});

const cancel = script(file('callback-cancel'), {
  keys: (k, ..._) => k.callbacks(),
  args: (number: string) => [number],
  reply: z.enum(['cancelled', 'gone']),
});

const list = script(file('callback-list'), {
  keys: (k, ..._) => k.callbacks(),
  args: (limit: number) => [limit],
  reply: z.array(z.string()),
});

/**
 * Who is to be called back: one task for a number at a time, on any node, over every restart. A node takes what is due with a lease; if it dies,
 * another gets the task when the lease is over. Whoever gets through meanwhile is to be cancelled here.
 *
 * All functions reject with `RedisDownError` while Redis is away.
 */
export class CallbackTasks {
  readonly #redis: RedisCommands;
  readonly #now: () => number | '';

  /** @param now the time in tests, as milliseconds since 1970; without it the Redis server's */
  constructor(redis: RedisCommands, now?: () => number) {
    this.#redis = redis;
    this.#now = now ?? (() => '');
  }

  /**
   * @param firstMs how long until the first attempt
   * @returns `exists`: the number has a task, from another call or of the same group; `joined`: the group was added to the task of this call
   */
  add(pbx: string, { group, ...missed }: MissedCall, firstMs: number): Promise<'added' | 'joined' | 'exists'> {
    const task = JSON.stringify({ ...missed, groups: [group] });
    return add(this.#redis, pbx, this.#now(), missed.number, task, firstMs);
  }

  /** What is due. @param leaseMs until when it is to be renewed */
  async take(pbx: string, leaseMs: number, limit: number): Promise<(CallbackTask & { readonly lease: number })[]> {
    const flat = await take(this.#redis, pbx, this.#now(), leaseMs, limit);
    return flat.filter((_, i) => i % 2 === 1).map((text) => ({ lease: 0, ...json.parse(text) }));
  }

  /** An attempt is over. `postponed`: the client was not dialled, and it does not count. `gone`: the task was cancelled, or somebody else has it. */
  report(
    pbx: string,
    { number, lease }: Pick<Required<CallbackTask>, 'number' | 'lease'>,
    outcome: 'talked' | 'failed' | 'postponed',
  ): Promise<'done' | 'again' | 'exhausted' | 'gone'> {
    return report(this.#redis, pbx, this.#now(), number, lease, outcome);
  }

  /** An attempt goes on. `gone`: as for `report`. @param leaseMs from now */
  renew(
    pbx: string,
    { number, lease }: Pick<Required<CallbackTask>, 'number' | 'lease'>,
    leaseMs: number,
  ): Promise<'held' | 'gone'> {
    return renew(this.#redis, pbx, this.#now(), number, lease, leaseMs);
  }

  /** False: there was none. */
  async cancel(pbx: string, number: string): Promise<boolean> {
    return (await cancel(this.#redis, pbx, number)) === 'cancelled';
  }

  /** The first first; `dueAt` in ms since 1970. */
  async list(pbx: string, limit = 100): Promise<(CallbackTask & { readonly dueAt: number })[]> {
    const flat = await list(this.#redis, pbx, limit);
    const tasks: (CallbackTask & { dueAt: number })[] = [];
    for (let i = 0; i < flat.length; i += 3) tasks.push({ ...json.parse(flat[i + 1]), dueAt: Number(flat[i + 2]) });
    return tasks;
  }
}
