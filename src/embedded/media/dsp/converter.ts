import { Worker } from 'node:worker_threads';
import { UserError } from '../../../errors.ts';
import type { Clock, TimerId } from '../../../time/clock.ts';
import { audioError } from './audio-stream.ts';
import type { AudioClip } from './clip.ts';
import type { ConvertReply, ConvertRequest } from './convert-worker.ts';

/** Twenty megabytes of MP3 take about ten seconds; a decoder that hangs on a crafted file must not block the files after it. */
const TIMEOUT_MS = 60_000;
/** The thread is kept for so long after its last file: prompts are mostly wanted several at a time. */
const IDLE_MS = 5_000;

interface Job {
  readonly path: string;
  readonly resolve: (clip: AudioClip) => void;
  readonly reject: (error: unknown) => void;
}

/** Converts files one after the other in a thread of its own, which lives only while there is work. */
export class Converter {
  readonly #clock: Clock;
  readonly #waiting: Job[] = [];
  #current: { readonly id: number; readonly job: Job } | undefined;
  #worker: Worker | undefined;
  #timer: TimerId;
  #lastId = 0;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws UserError with an `AudioErrorCode` */
  convert(path: string): Promise<AudioClip> {
    if (this.#closed) return Promise.reject(new Error('converter used after close'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ path, resolve, reject });
      this.#next();
    });
  }

  /** Files that are still waiting are rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    const jobs = [...(this.#current ? [this.#current.job] : []), ...this.#waiting.splice(0)];
    const gone = this.#stopWorker();
    for (const { path, reject } of jobs) reject(new Error(`converting ${path}: the server is closing`));
    await gone;
  }

  #next(): void {
    if (this.#current) return;
    this.#clock.clearTimeout(this.#timer);
    const job = this.#waiting.shift();
    if (!job) {
      if (!this.#worker) return;
      this.#worker.unref();
      this.#timer = this.#clock.setTimeout(() => void this.#stopWorker(), IDLE_MS);
      return;
    }
    const id = ++this.#lastId;
    this.#current = { id, job };
    this.#worker ??= this.#startWorker();
    this.#worker.ref();
    this.#timer = this.#clock.setTimeout(
      () => this.#fail(audioError('audio-broken', job.path, 'cannot be decoded in reasonable time')),
      TIMEOUT_MS,
    );
    const request: ConvertRequest = { id, path: job.path };
    this.#worker.postMessage(request);
  }

  #startWorker(): Worker {
    // Its output is not ours: the MP3 decoder reports damaged frames on the console.
    const worker = new Worker(new URL('./convert-worker.ts', import.meta.url), { stdout: true, stderr: true });
    worker.stdout.resume();
    worker.stderr.resume();
    worker.on('message', (reply: ConvertReply) => this.#done(reply));
    worker.on('error', (error) => worker === this.#worker && this.#fail(error));
    worker.on(
      'exit',
      (code) => worker === this.#worker && this.#fail(new Error(`the conversion thread ended with code ${code}`)),
    );
    return worker;
  }

  #done(reply: ConvertReply): void {
    if (!this.#current || this.#current.id !== reply.id) return;
    const { job } = this.#current;
    this.#current = undefined;
    if ('clip' in reply) job.resolve(reply.clip);
    else
      job.reject(
        reply.error.code
          ? new UserError(reply.error.code, reply.error.message, reply.error.hint)
          : new Error(reply.error.message),
      );
    this.#next();
  }

  /** The thread is lost or stuck: the current file fails, the next one gets a new thread. */
  #fail(error: unknown): void {
    const job = this.#current?.job;
    void this.#stopWorker();
    job?.reject(error);
    if (!this.#closed) this.#next();
  }

  async #stopWorker(): Promise<void> {
    this.#clock.clearTimeout(this.#timer);
    const worker = this.#worker;
    this.#worker = undefined;
    this.#current = undefined;
    await worker?.terminate();
  }
}
