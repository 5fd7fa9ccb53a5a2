import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { UserError } from '../../errors.ts';
import { systemRandom } from '../../time/random.ts';
import type { SipServerSettings, SipServerStats } from './sip-server.ts';
import type { Ask, FromThread, ThreadData } from './thread-messages.ts';
import type { ListenerInfo } from './transport/index.ts';

export type { SipServerSettings, SipServerStats } from './sip-server.ts';

export interface EmbeddedSipOptions extends SipServerSettings {
  readonly log?: Pick<Logger, 'warn' | 'error'>;
  /** The thread ended though nobody had closed it: every call of it is lost. Reported to the log in any case. */
  readonly onCrash?: (error: Error) => void;
}

/** A running SIP server, and what a client of drachtio needs to know to use it. */
export interface EmbeddedSip {
  /** Where drachtio-srf connects: always this machine. */
  readonly host: string;
  readonly port: number;
  /** 128 bits, new with every start. */
  readonly secret: string;
  readonly listeners: readonly ListenerInfo[];
  /** Rejects when the thread is gone. */
  stats(): Promise<SipServerStats>;
  /** Frees all ports. What is going on is dropped: hang up first. */
  close(): Promise<void>;
}

/**
 * Starts the SIP server in a thread of its own.
 * @throws UserError `port-in-use` and others (see `transport/`) when it cannot listen; nothing is left running then
 */
export async function startEmbeddedSip(options: EmbeddedSipOptions): Promise<EmbeddedSip> {
  const { log, onCrash, ...settings } = options;
  const data: ThreadData = { settings, secret: systemRandom.hex(16) };
  // Without the parent's flags: a test runner's loaders have no business in this thread.
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: data, execArgv: [] });
  const [first] = (await once(worker, 'message')) as [FromThread];
  if (first.kind !== 'ready') {
    await worker.terminate();
    throw first.kind === 'unable' ? startError(first) : new Error(`unexpected message ${first.kind}`);
  }
  const thread = new Thread(worker, log, onCrash);
  return {
    host: settings.control?.host ?? '127.0.0.1',
    port: first.port,
    secret: data.secret,
    listeners: first.listeners,
    stats: () => thread.stats(),
    close: () => thread.close(),
  };
}

/** The main thread's end of the server's. */
class Thread {
  readonly #worker: Worker;
  readonly #log: EmbeddedSipOptions['log'];
  readonly #onCrash: EmbeddedSipOptions['onCrash'];
  readonly #answers = new Map<number, PromiseWithResolvers<FromThread>>();
  readonly #exited: Promise<void>;
  #lastId = 0;
  #closing = false;
  #failure = new Error('the SIP thread ended');
  #gone = false;

  constructor(worker: Worker, log: EmbeddedSipOptions['log'], onCrash: EmbeddedSipOptions['onCrash']) {
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

const startError = ({ code, message, hint }: Extract<FromThread, { kind: 'unable' }>): Error =>
  code === undefined ? new Error(`the SIP server could not start: ${message}`) : new UserError(code, message, hint);
