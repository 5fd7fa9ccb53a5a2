import { z } from 'zod';
import type { RedisCommands } from '../redis/connection.ts';
import { Keys } from '../redis/keys.ts';
import { script } from '../redis/script.ts';

/** Who wants a client to be called back: a group, or a voice menu, has missed him; or somebody has asked for it. */
const Origin = z.enum(['group', 'menu', 'request']);
export type CallbackOrigin = z.output<typeof Origin>;

/** Why a task is taken away: the client got through himself, a user does not want it, the configuration does not any more. */
export type CancelledBy = 'client' | 'user' | 'configuration';

/** A client whom a group of a PBX is to call back (§4.4.6.2.1, §4.6.5.7). */
export interface MissedCall {
  readonly origin: CallbackOrigin;
  /** The client's, normalised. */
  readonly number: string;
  /** The call that was missed; null: none was. */
  readonly call: string | null;
  readonly group: string;
  /** When he began to wait, ms since 1970: the callback stands in the queue in his place. */
  readonly since: number;
  /** `place` of the queue, when he had one. */
  readonly place?: string;
  /** Our number that he had called: he sees it again where his group has no number of its own for callbacks. */
  readonly line?: string;
  /** The number that he is to see, whatever numbers his group has. */
  readonly callerId?: string;
  readonly maxAttempts: number;
  /** Milliseconds from the end of an attempt to the next. */
  readonly intervalMs: number;
}

/** As the scripts keep it. */
export const CallbackTask = z.object({
  number: z.string(),
  origin: Origin.default('group'),
  call: z.string().nullable(),
  /** Every group that is to call him back, in turn: those that missed that call. */
  groups: z.array(z.string()).min(1),
  since: z.number(),
  place: z.string().exactOptional(),
  line: z.string().exactOptional(),
  callerId: z.string().exactOptional(),
  maxAttempts: z.number(),
  intervalMs: z.number(),
  createdAt: z.number(),
  /** Attempts that are over. */
  attempts: z.number(),
  /** Counts who has taken it: what an earlier holder reports is not believed. */
  lease: z.number().exactOptional(),
});
export type CallbackTask = z.output<typeof CallbackTask>;
/** `dueAt`: the next attempt, ms since 1970. */
export type ListedCallback = CallbackTask & { readonly dueAt: number };

type Now = number | '';
const file = (name: string) => new URL(`scripts/${name}.lua`, import.meta.url);
const json = z.string().transform((text) => CallbackTask.parse(JSON.parse(text)));

const add = script(file('callback-add'), {
  keys: (k, ..._) => k.callbacks(),
  args: (now: Now, number: string, task: string, firstMs: number) => [now, number, task, firstMs],
  reply: z.tuple([z.enum(['added', 'joined', 'exists']), json, z.coerce.number()]),
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
  args: (now: Now, number: string, by: CancelledBy) => [now, number, by],
  reply: z.enum(['cancelled', 'gone']),
});

const list = script(file('callback-list'), {
  keys: (k, ..._) => k.callbacks(),
  args: (now: Now, limit: number) => [now, limit],
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
   * @returns the number's task. `exists`: it had one, from another call or of the same group; `joined`: the group was added to the task of this call
   */
  async add(
    pbx: string,
    { group, ...missed }: MissedCall,
    firstMs: number,
  ): Promise<{ readonly outcome: 'added' | 'joined' | 'exists'; readonly task: ListedCallback }> {
    const asked = JSON.stringify({ ...missed, groups: [group] });
    const [outcome, task, dueAt] = await add(this.#redis, pbx, this.#now(), missed.number, asked, firstMs);
    return { outcome, task: { ...task, dueAt } };
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

  /** Whoever follows `channel` is told. False: there was none. */
  async cancel(pbx: string, number: string, by: CancelledBy): Promise<boolean> {
    return (await cancel(this.#redis, pbx, this.#now(), number, by)) === 'cancelled';
  }

  /** Where tasks that are taken away are told of, as `readCancelled` reads it. */
  channel(pbx: string): string {
    return new Keys(pbx).callbacks()[0];
  }

  /** The first first. */
  async list(pbx: string, limit = 100): Promise<ListedCallback[]> {
    const flat = await list(this.#redis, pbx, this.#now(), limit);
    const tasks: ListedCallback[] = [];
    for (let i = 0; i < flat.length; i += 3) tasks.push({ ...json.parse(flat[i + 1]), dueAt: Number(flat[i + 2]) });
    return tasks;
  }
}

/** What a message of `CallbackTasks.channel` says. */
export function readCancelled(message: string): { readonly number: string; readonly by: CancelledBy } {
  const [by = '', number = ''] = message.split(' ');
  return { number, by: by as CancelledBy };
}
