import { Worker } from 'node:worker_threads';
import { errorText } from '../../errors.ts';
import type { Clock, TimerId } from '../../time/clock.ts';
import type { EncodeReply, EncodeRequest } from './encode-worker.ts';

/** The thread is kept for so long after its last file. */
const IDLE_MS = 10_000;

type File = Omit<EncodeRequest, 'id'>;

interface Job extends EncodeRequest {
  readonly resolve: (bytes: number) => void;
  readonly reject: (error: Error) => void;
}

/** Encodes recordings one after the other, in a thread of low priority that lives only while there is work. */
export class Encoder {
  readonly #clock: Clock;
  readonly #waiting: Job[] = [];
  #current: Job | undefined;
  #worker: Worker | undefined;
  #idle: TimerId | undefined;
  #lastId = 0;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns bytes of the new file. @throws Error: it could not be made, or this is closed; the source is as it was */
  encode(file: File): Promise<number> {
    if (this.#closed) return Promise.reject(new Error('the encoder is closed'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...file, id: ++this.#lastId, resolve, reject });
      this.#next();
    });
  }

  /** What has not been encoded is not. */
  async close(): Promise<void> {
    this.#closed = true;
    const jobs = [...(this.#current ? [this.#current] : []), ...this.#waiting.splice(0)];
    this.#current = undefined;
    await this.#stopWorker();
    for (const { reject } of jobs) reject(new Error('the encoder is closed'));
  }

  #next(): void {
    if (this.#current) return;
    if (this.#idle !== undefined) this.#clock.clearTimeout(this.#idle);
    this.#idle = undefined;
    const job = this.#waiting.shift();
    if (!job) {
      if (this.#worker) this.#idle = this.#clock.setTimeout(() => void this.#stopWorker(), IDLE_MS);
      return;
    }
    this.#current = job;
    this.#worker ??= this.#start();
    const { resolve: _, reject: __, ...request } = job;
    this.#worker.postMessage(request satisfies EncodeRequest);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./encode-worker.ts', import.meta.url), { execArgv: [] });
    worker.unref();
    worker.on('message', (reply: EncodeReply) => {
      if (reply.id !== this.#current?.id) return;
      this.#settle((job) => {
        if (reply.error === undefined) job.resolve(reply.bytes ?? 0);
        else job.reject(new Error(reply.error));
      });
    });
    worker.on('error', (error) => this.#lose(worker, errorText(error)));
    worker.on('exit', () => this.#lose(worker, 'the thread ended'));
    return worker;
  }

  #lose(worker: Worker, why: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#settle((job) => job.reject(new Error(why)));
  }

  #settle(how: (job: Job) => void): void {
    const job = this.#current;
    this.#current = undefined;
    if (job) how(job);
    this.#next();
  }

  async #stopWorker(): Promise<void> {
    if (this.#idle !== undefined) this.#clock.clearTimeout(this.#idle);
    this.#idle = undefined;
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}
