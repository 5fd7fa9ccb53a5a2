import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { errorText } from '../../errors.ts';
import type { Reply, Request, WorkerData } from './messages.ts';

/** The thread of the embedded database: PostgreSQL as WebAssembly blocks its thread while it works. Requests are carried out one by one. */
const { directory } = workerData as WorkerData;
const port = parentPort;
if (!port) throw new Error('to be run as a worker thread');

// Requests wait meanwhile. A failure ends the thread, and fails them all.
const database = await open();

let last: Promise<void> = Promise.resolve();
port.on('message', (request: Request) => {
  last = last.then(async () => port.postMessage(await answer(request)));
});

async function answer(request: Request): Promise<Reply> {
  const { id } = request;
  try {
    if (request.kind === 'query') {
      const { rows } = await database.query<unknown[]>(request.text, [...request.values], { rowMode: 'array' });
      return { id, rows };
    }
    if (request.kind === 'script') await database.exec(request.text);
    else await database.close();
    return { id, rows: [] };
  } catch (error) {
    const state = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    return { id, error: { message: errorText(error), ...(state ? { state } : {}) } };
  }
}

/**
 * A directory without the mark was left by an engine that was killed while the database was being made: nothing can have been stored in it. The memory
 * settings are for a database of one small client; the defaults are for a server.
 */
async function open(): Promise<PGlite> {
  const data = join(directory, 'data');
  const mark = join(directory, 'made');
  if (!existsSync(mark)) rmSync(data, { recursive: true, force: true });
  const settings = ['shared_buffers=8MB', 'wal_buffers=1MB', 'min_wal_size=32MB', 'max_wal_size=64MB'];
  const database = await PGlite.create(data, {
    startParams: [...PGlite.defaultStartParams, ...settings.flatMap((setting) => ['-c', setting])],
  });
  writeFileSync(mark, '');
  return database;
}
