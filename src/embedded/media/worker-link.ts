import { type MessagePort, Worker } from 'node:worker_threads';
import { MediaError } from '../../media/port.ts';
import type { FromWorker, Missing, RequestName, Requests, ToWorker, WorkerOptions } from './protocol.ts';

export interface WorkerLinkListener {
  /** An event of one endpoint. */
  event(event: Extract<FromWorker, { endpoint: number }>): void;
  warning(warning: Missing): void;
  /** As `warning`, of the library of signal processing, at the start: the worker does without. */
  missing(library: Missing): void;
  /** The worker ended though nobody had closed it. Its requests have been rejected. */
  gone(reason: string): void;
}

interface Pending {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

/** The main thread's end of one media worker: questions with answers, and events. */
export class WorkerLink {
  readonly #worker: Worker;
  readonly #listener: WorkerLinkListener;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  #lastId = 0;
  #state: 'open' | 'closing' | 'ended' = 'open';
  #failure = 'the thread ended';

  /** @throws Error with the worker's reason if it cannot work */
  static async start(options: WorkerOptions, listener: WorkerLinkListener): Promise<WorkerLink> {
    // Without the parent's flags: a test runner's loaders would be loaded into the audio thread.
    const worker = new Worker(new URL('./worker/worker.ts', import.meta.url), { workerData: options, execArgv: [] });
    const missing = await new Promise<Missing | undefined>((resolve, reject) => {
      worker.once('error', reject);
      worker.once('message', (first: FromWorker) => {
        worker.off('error', reject);
        if (first.kind === 'ready') resolve(first.missing);
        else reject(new Error(first.kind === 'unable' ? first.message : `unexpected message ${first.kind}`));
      });
    });
    if (missing) listener.missing(missing);
    return new WorkerLink(worker, listener);
  }

  private constructor(worker: Worker, listener: WorkerLinkListener) {
    this.#worker = worker;
    this.#listener = listener;
    worker.on('message', (message: FromWorker) => this.#receive(message));
    worker.on('error', (error) => {
      this.#failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
    this.#exited = new Promise((resolve) => worker.once('exit', () => resolve(this.#end())));
  }

  get alive(): boolean {
    return this.#state === 'open';
  }

  /** @throws MediaError as the worker refuses, or `server-gone` */
  request<K extends RequestName>(
    name: K,
    ask: Requests[K]['ask'],
    transfer: readonly MessagePort[] = [],
  ): Promise<Requests[K]['answer']> {
    if (this.#state !== 'open') return Promise.reject(gone(this.#failure));
    return this.#post(name, ask, transfer);
  }

  /** Lets the worker destroy its endpoints and end. */
  async close(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'closing';
      // If it dies instead, it is gone as well.
      await this.#post('close', undefined, []).catch(() => undefined);
    }
    await this.#exited;
  }

  #post<K extends RequestName>(
    name: K,
    ask: Requests[K]['ask'],
    transfer: readonly MessagePort[],
  ): Promise<Requests[K]['answer']> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ id, name, ask } as ToWorker, transfer);
    });
  }

  #receive(message: FromWorker): void {
    if ('endpoint' in message) this.#listener.event(message);
    else if (message.kind === 'warning') this.#listener.warning(message);
    else if (message.kind === 'answer' || message.kind === 'refusal') this.#settle(message);
  }

  #settle(message: Extract<FromWorker, { id: number }>): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.kind === 'answer') pending?.resolve(message.answer as never);
    else pending?.reject(message.code ? new MediaError(message.code, message.message) : new Error(message.message));
  }

  #end(): void {
    const expected = this.#state === 'closing';
    this.#state = 'ended';
    for (const { reject } of this.#pending.values()) reject(gone(this.#failure));
    this.#pending.clear();
    if (!expected) this.#listener.gone(this.#failure);
  }
}

const gone = (why: string) => new MediaError('server-gone', `The media worker is gone: ${why}`);
