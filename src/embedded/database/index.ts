import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { type Database, DatabaseDownError, databaseError, type Queryable } from '../../database/port.ts';
import { errorText } from '../../errors.ts';
import { type DirectoryLock, lockDirectory } from '../directory-lock.ts';
import type { Reply, Request, WorkerData } from './messages.ts';

/**
 * PostgreSQL in a thread of this process (PGlite), with its data in `<VAR_DIR>/database`. Returns at once; the first queries wait until it has
 * been opened (half a second, some seconds when it has to be made).
 *
 * What was committed survives a killed engine. It does not survive every power failure, because PGlite never calls fsync: whoever must not lose
 * the last minutes sets DATABASE_URL.
 * @throws UserError `directory-in-use`, `directory-not-usable`
 */
export function startEmbeddedDatabase(options: { readonly directory: string; readonly log: Logger }): Database {
  const directory = resolve(options.directory);
  const lock = lockDirectory(directory);
  if (lock.unlocked)
    options.log.warn({ reason: lock.unlocked }, `${directory} cannot be locked against a second engine`);
  return new EmbeddedDatabase(directory, lock, options.log);
}

type Body = Request extends infer R ? (R extends Request ? Omit<R, 'id'> : never) : never;

interface Waiting {
  resolve(rows: unknown[][]): void;
  reject(error: Error): void;
}

class EmbeddedDatabase implements Database {
  readonly #directory: string;
  readonly #lock: DirectoryLock;
  readonly #log: Logger;
  #worker: Worker | undefined;
  #nextId = 1;
  readonly #waiting = new Map<number, Waiting>();
  /** The end of the line for the one connection. */
  #turn: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(directory: string, lock: DirectoryLock, log: Logger) {
    this.#directory = directory;
    this.#lock = lock;
    this.#log = log;
    this.#worker = this.#start();
  }

  query(text: string, values: readonly unknown[] = []): Promise<unknown[][]> {
    return this.#inTurn(() => this.#ask({ kind: 'query', text, values }));
  }

  script(text: string): Promise<void> {
    return this.#inTurn(async () => {
      await this.#ask({ kind: 'script', text });
    });
  }

  transaction<T>(run: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      // A transaction must not go on in the thread that replaces a dead one.
      const worker = this.#running();
      const tx: Queryable = {
        query: (text, values = []) => this.#ask({ kind: 'query', text, values }, worker),
        script: async (text) => {
          await this.#ask({ kind: 'script', text }, worker);
        },
      };
      await tx.script('begin');
      try {
        const result = await run(tx);
        await tx.script('commit');
        return result;
      } catch (error) {
        // When the thread has died, so has the transaction.
        await tx.script('rollback').catch(() => undefined);
        throw error;
      }
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#turn.then(async () => {
      const worker = this.#worker;
      if (worker) {
        await this.#ask({ kind: 'close' }).catch((error) =>
          this.#log.warn({ err: error }, 'the database did not close'),
        );
        await worker.terminate();
      }
      this.#lock.release();
    });
    return this.#closed;
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new DatabaseDownError('it has been closed'));
    const result = this.#turn.then(run);
    this.#turn = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  #ask(body: Body, worker: Worker = this.#running()): Promise<unknown[][]> {
    return new Promise((resolve, reject) => {
      if (worker !== this.#worker) return reject(new DatabaseDownError('its thread has died'));
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve, reject });
      worker.postMessage({ id, ...body } satisfies Request);
    });
  }

  #running(): Worker {
    this.#worker ??= this.#start();
    return this.#worker;
  }

  /** A thread that dies takes the requests under way with it; the next request starts another. */
  #start(): Worker {
    const worker = new Worker(new URL('worker.ts', import.meta.url), {
      workerData: { directory: this.#directory } satisfies WorkerData,
      // Not the flags of the process: --input-type and its like are not for a thread.
      execArgv: [],
    });
    worker.on('message', (reply: Reply) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if ('rows' in reply) waiting?.resolve(reply.rows);
      else waiting?.reject(databaseError(new Error(reply.error.message), reply.error.state));
    });
    const onEnd = (why: string) => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      if (!this.#closed) this.#log.error({ why }, 'the embedded database has died');
      for (const { reject } of this.#waiting.values()) reject(new DatabaseDownError(why));
      this.#waiting.clear();
    };
    worker.on('error', (error) => onEnd(errorText(error)));
    worker.on('exit', (code) => onEnd(`its thread ended with code ${code}`));
    return worker;
  }
}
