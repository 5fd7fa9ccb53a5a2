import type { PbxVersion } from '../config/version.ts';
import { Emitter } from '../emitter.ts';
import { RedisDownError } from '../redis/connection.ts';
import type { CallbackTasks, MissedCall } from './callback-tasks.ts';

/** Callers whom a group has missed, or who do not want to wait any longer: they are to be called back (§4.4.6.2.1). */
export interface Callbacks {
  /** False: it cannot be kept now. */
  ask(pbx: PbxVersion, missed: Omit<MissedCall, 'maxAttempts' | 'intervalMs'>): Promise<boolean>;
  /** The client talks to somebody: he needs not be called back any more. */
  reached(pbx: PbxVersion, number: string): void;
}

export class GroupCallbacks implements Callbacks {
  /** `asked`: there may be somebody to be called back at once. */
  readonly events = new Emitter<{ asked: { readonly pbx: PbxVersion } }>();
  readonly #tasks: CallbackTasks;

  constructor(tasks: CallbackTasks) {
    this.#tasks = tasks;
  }

  async ask(pbx: PbxVersion, missed: Omit<MissedCall, 'maxAttempts' | 'intervalMs'>): Promise<boolean> {
    const { attempts, interval } = pbx.document.callback.group;
    try {
      // Due at once: he stands in the queue with the place that he had. A number that is to be called back already needs no second task.
      await this.#tasks.add(pbx.id, { ...missed, maxAttempts: attempts, intervalMs: interval * 1000 }, 0);
      this.events.emit('asked', { pbx });
      return true;
    } catch (error) {
      if (error instanceof RedisDownError) return false;
      throw error;
    }
  }

  reached({ id, document }: PbxVersion, number: string): void {
    if (!document.groups.some(({ callback }) => callback.onHangup || callback.onPress1)) return;
    this.#tasks.cancel(id, number).catch((error: unknown) => {
      // He will be called once more, and say so.
      if (!(error instanceof RedisDownError)) throw error;
    });
  }
}
