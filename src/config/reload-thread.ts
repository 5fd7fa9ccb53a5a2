import { Worker } from 'node:worker_threads';
import { type Clock, systemClock } from '../time/clock.ts';
import type { LoadedConfig } from './load.ts';
import type { ListKey, Loaded, LoadedPbx, Question } from './reload-messages.ts';
import { declaredIn } from './removals.ts';
import type { PbxDocument } from './schema/document.ts';
import { PbxVersion } from './version.ts';

/** How a folder is read again. @param have what is in force, by PBX */
export type Reader = (have: ReadonlyMap<string, PbxVersion>) => Promise<Pick<LoadedConfig, 'versions' | 'issues'>>;

/**
 * Reads the configuration folder in a thread of its own: ten thousand schemes take seconds, and the calls of this node must not notice. What has
 * changed comes over piece by piece, so that taking it does not stop them either. The thread is started by the first reload, and kept,
 * since it remembers what it has read; one that has died is started anew.
 */
export class ReloadThread {
  readonly #folder: string;
  readonly #clock: Pick<Clock, 'now'>;
  #worker: Worker | undefined;

  constructor(folder: string, clock: Pick<Clock, 'now'> = systemClock) {
    this.#folder = folder;
    this.#clock = clock;
  }

  /** One at a time. @throws Error when the thread dies */
  readonly read: Reader = async (have) => {
    const { issues, pbxs } = await this.#ask<Loaded>({
      ask: 'load',
      folder: this.#folder,
      now: this.#clock.now(),
      have: new Map([...have].map(([id, { version, document }]) => [id, { version, names: declaredIn(document) }])),
    });
    const taken: PbxVersion[] = [];
    for (const [at, pbx] of pbxs.entries()) taken.push(await this.#take(pbx, at, have.get(pbx.id)));
    return { versions: taken, issues };
  };

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  async #take({ version, audio, content }: LoadedPbx, at: number, known: PbxVersion | undefined): Promise<PbxVersion> {
    if (!content) return new PbxVersion(version, (known as PbxVersion).document, audio);
    const lists: Partial<Record<ListKey, unknown[]>> = {};
    for (const [list, length] of content.lengths) {
      const entries: unknown[] = [];
      while (entries.length < length) {
        const from = entries.length;
        entries.push(...(await this.#ask<readonly unknown[]>({ ask: 'part', pbx: at, list, from })));
      }
      lists[list] = entries;
    }
    return new PbxVersion(version, { ...content.rest, ...(lists as Partial<PbxDocument>) }, audio);
  }

  #ask<Answer>(question: Question): Promise<Answer> {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        worker.off('message', onMessage).off('error', onError).off('exit', onExit);
        act();
      };
      const onMessage = (answer: Answer) => settle(() => resolve(answer));
      const onError = (error: unknown) => settle(() => reject(error));
      const onExit = () => settle(() => reject(new Error('the thread that reads the configuration has ended')));
      worker.on('message', onMessage).on('error', onError).on('exit', onExit);
      worker.postMessage(question);
    });
  }

  #start(): Worker {
    const worker = new Worker(new URL('./reload-worker.ts', import.meta.url), { execArgv: [] });
    // A node that only waits for a reload may end.
    worker.unref();
    // Whoever has asked is told; without a listener the error would end the process.
    worker.on('error', () => undefined);
    worker.once('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
    });
    return worker;
  }
}
