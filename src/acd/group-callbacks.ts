import type { PbxVersion } from '../config/version.ts';
import { Emitter } from '../emitter.ts';
import { RedisDownError } from '../redis/connection.ts';
import type { RedisSubscriber } from '../redis/subscriber.ts';
import {
  type CallbackOrigin,
  type CallbackTask,
  type CallbackTasks,
  type CancelledBy,
  type ListedCallback,
  type MissedCall,
  readCancelled,
} from './callback-tasks.ts';

/** A node that says nothing of a task for so long is dead, milliseconds: another takes it. */
const leaseMs = 60_000;

/** A task that this node holds. */
export type DueCallback = CallbackTask & { readonly lease: number };

/** Who is to be called back now, for a node that does it. Nothing here rejects while Redis is away. */
export interface DueCallbacks {
  /** Takes what is due, for this node alone. */
  take(pbx: string, limit: number): Promise<readonly DueCallback[]>;
  /** An attempt goes on, to be said every `renewMs`. False: the task was cancelled, or is another's. While that cannot be known, true. */
  holds(pbx: string, task: DueCallback): Promise<boolean>;
  /** An attempt is over. `postponed`: the client was not dialled, so it does not count. False: it could not be kept. */
  over(pbx: string, task: DueCallback, outcome: 'talked' | 'failed' | 'postponed'): Promise<boolean>;
  /** He is not to be called back at all any more. */
  drop(pbx: string, task: DueCallback): Promise<boolean>;
  /**
   * Calls back at once when the task of a number is taken away, on whichever node; `holds` says whether it was the one that is meant.
   * @param gone by whom, where that is known: a message may have been missed
   */
  watch(pbx: string, number: string, gone: (by: CancelledBy | undefined) => void): () => void;
}

export const renewMs = leaseMs / 3;

/** How often and for how long clients are called back (§4.6.5.7). */
export const callbackRules = ({ document: { callback } }: PbxVersion, origin: CallbackOrigin) =>
  origin === 'menu' ? callback.menu : callback.group;

/** Whoever is called back is called back by a group. */
export const mayCallBack = ({ document }: PbxVersion): boolean => document.groups.length > 0;

/** Who is to be called back; how often is a matter of the configuration. */
export type Wanted = Omit<MissedCall, 'maxAttempts' | 'intervalMs'>;

/** Callers whom a group or a menu has missed, or who do not want to wait any longer: they are to be called back (§4.4.6.2.1). */
export interface Callbacks {
  /** False: it cannot be kept now. */
  ask(pbx: PbxVersion, wanted: Wanted): Promise<boolean>;
  /** The client talks to somebody: he needs not be called back any more. */
  reached(pbx: PbxVersion, number: string): void;
}

export class GroupCallbacks implements Callbacks, DueCallbacks {
  /** `asked`: there may be somebody to be called back at once. */
  readonly events = new Emitter<{ asked: { readonly pbx: PbxVersion } }>();
  readonly #tasks: CallbackTasks;
  readonly #subscriber: Pick<RedisSubscriber, 'subscribe'>;

  constructor(tasks: CallbackTasks, subscriber: Pick<RedisSubscriber, 'subscribe'>) {
    this.#tasks = tasks;
    this.#subscriber = subscriber;
  }

  ask(pbx: PbxVersion, wanted: Wanted): Promise<boolean> {
    // A number that is to be called back already needs no second task.
    return unlessAway(async () => !!(await this.add(pbx, wanted)), false);
  }

  /** As `ask`, for one who wants to know what came of it. @throws RedisDownError */
  async add(
    pbx: PbxVersion,
    wanted: Wanted,
  ): Promise<{ readonly outcome: 'added' | 'joined' | 'exists'; readonly task: ListedCallback }> {
    const { attempts, interval } = callbackRules(pbx, wanted.origin);
    // Due at once: he stands in the queue, with the place that he had if he had one.
    const added = await this.#tasks.add(pbx.id, { ...wanted, maxAttempts: attempts, intervalMs: interval * 1000 }, 0);
    this.events.emit('asked', { pbx });
    return added;
  }

  take(pbx: string, limit: number): Promise<readonly DueCallback[]> {
    return unlessAway(() => this.#tasks.take(pbx, leaseMs, limit), []);
  }

  holds(pbx: string, task: DueCallback): Promise<boolean> {
    return unlessAway(async () => (await this.#tasks.renew(pbx, task, leaseMs)) === 'held', true);
  }

  over(pbx: string, task: DueCallback, outcome: 'talked' | 'failed' | 'postponed'): Promise<boolean> {
    return unlessAway(async () => !!(await this.#tasks.report(pbx, task, outcome)), false);
  }

  drop(pbx: string, { number }: DueCallback): Promise<boolean> {
    return unlessAway(() => this.#tasks.cancel(pbx, number, 'configuration'), false);
  }

  watch(pbx: string, number: string, gone: (by: CancelledBy | undefined) => void): () => void {
    return this.#subscriber.subscribe(this.#tasks.channel(pbx), (message) => {
      if (message === undefined) return gone(undefined);
      const cancelled = readCancelled(message);
      if (cancelled.number === number) gone(cancelled.by);
    });
  }

  reached(pbx: PbxVersion, number: string): void {
    if (!mayCallBack(pbx)) return;
    // While Redis is away he will be called once more, and say so.
    void unlessAway(() => this.#tasks.cancel(pbx.id, number, 'client'), false);
  }
}

/** @returns `otherwise` while Redis is away, which its connection has reported */
async function unlessAway<T>(work: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RedisDownError) return otherwise;
    throw error;
  }
}
