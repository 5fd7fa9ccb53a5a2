import type { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import type { SipServerStats } from './sip-server.ts';
import type { Ask, FromThread } from './thread-messages.ts';

type Log = Pick<Logger, 'warn' | 'error'> | undefined;
type OnCrash = ((error: Error) => void) | undefined;

/** The main thread's end of the server's. */
export class SipThread {
  readonly #worker: Worker;
  readonly #log: Log;
  readonly #onCrash: OnCrash;
  readonly #answers = new Map<number, PromiseWithResolvers<FromThread>>();
  readonly #exited: Promise<void>;
  #lastId = 0;
  #closing = false;
  #failure = new Error('the SIP thread ended');
  #gone = false;

  constructor(worker: Worker, log: Log, onCrash: OnCrash) {
    this.#worker = worker;
    this.#log = log;
    this.#onCrash = onCrash;
    worker.on('message', (message: FromThread) => this.#receive(message));
    worker.on('error', (error) => {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    });
    this.#exited = new Promise((resolve) => worker.once('exit', () => resolve(this.#ended())));
  }

  async stats(): Promise<SipServerStats> {
    const answer = await this.#ask('stats');
    if (answer.kind !== 'stats') throw new Error(`unexpected message ${answer.kind}`);
    return answer.stats;
  }

  async close(): Promise<void> {
    if (!this.#closing && !this.#gone) {
      this.#closing = true;
      // A thread that dies instead has closed as well.
      await this.#ask('close').catch(() => undefined);
    }
    await this.#exited;
  }

  #ask(ask: Ask['ask']): Promise<FromThread> {
    if (this.#gone) return Promise.reject(this.#failure);
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<FromThread>();
    this.#answers.set(id, answer);
    this.#worker.postMessage({ id, ask } satisfies Ask);
    return answer.promise;
  }

  #receive(message: FromThread): void {
    if (message.kind === 'log') this.#log?.[message.level]({ part: 'embedded-sip' }, message.message);
    else if ('id' in message) {
      this.#answers.get(message.id)?.resolve(message);
      this.#answers.delete(message.id);
    }
  }

  #ended(): void {
    this.#gone = true;
    for (const { reject } of this.#answers.values()) reject(this.#failure);
    this.#answers.clear();
    if (this.#closing) return;
    this.#log?.error({ err: this.#failure }, 'the SIP server has crashed: its calls are lost');
    this.#onCrash?.(this.#failure);
  }
}
