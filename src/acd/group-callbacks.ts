import type { PbxVersion } from '../config/version.ts';
import { Emitter } from '../emitter.ts';
import { RedisDownError } from '../redis/connection.ts';
import type { CallbackTask, CallbackTasks, MissedCall } from './callback-tasks.ts';

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
}

export const renewMs = leaseMs / 3;

/** Callers whom a group has missed, or who do not want to wait any longer: they are to be called back (§4.4.6.2.1). */
export interface Callbacks {
  /** False: it cannot be kept now. */
  ask(pbx: PbxVersion, missed: Omit<MissedCall, 'maxAttempts' | 'intervalMs'>): Promise<boolean>;
  /** The client talks to somebody: he needs not be called back any more. */
  reached(pbx: PbxVersion, number: string): void;
}

export class GroupCallbacks implements Callbacks, DueCallbacks {
  /** `asked`: there may be somebody to be called back at once. */
  readonly events = new Emitter<{ asked: { readonly pbx: PbxVersion } }>();
  readonly #tasks: CallbackTasks;

  constructor(tasks: CallbackTasks) {
    this.#tasks = tasks;
  }

  async ask(pbx: PbxVersion, missed: Omit<MissedCall, 'maxAttempts' | 'intervalMs'>): Promise<boolean> {
    const { attempts, interval } = pbx.document.callback.group;
    // Due at once: he stands in the queue with the place that he had. A number that is to be called back already needs no second task.
    const task = { ...missed, maxAttempts: attempts, intervalMs: interval * 1000 };
    const isKept = await unlessAway(async () => !!(await this.#tasks.add(pbx.id, task, 0)), false);
    if (isKept) this.events.emit('asked', { pbx });
    return isKept;
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
    return unlessAway(() => this.#tasks.cancel(pbx, number), false);
  }

  reached({ id, document }: PbxVersion, number: string): void {
    if (!document.groups.some(({ callback }) => callback.onHangup || callback.onPress1)) return;
    // While Redis is away he will be called once more, and say so.
    void unlessAway(() => this.#tasks.cancel(id, number), false);
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
