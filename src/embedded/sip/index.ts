import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { UserError } from '../../errors.ts';
import { systemRandom } from '../../time/random.ts';
import type { SipServerSettings, SipServerStats } from './sip-server.ts';
import { SipThread } from './sip-thread.ts';
import type { FromThread, ThreadData } from './thread-messages.ts';
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
  const thread = new SipThread(worker, log, onCrash);
  return {
    host: settings.control?.host ?? '127.0.0.1',
    port: first.port,
    secret: data.secret,
    listeners: first.listeners,
    stats: () => thread.stats(),
    close: () => thread.close(),
  };
}

const startError = ({ code, message, hint }: Extract<FromThread, { kind: 'unable' }>): Error =>
  code === undefined ? new Error(`the SIP server could not start: ${message}`) : new UserError(code, message, hint);
