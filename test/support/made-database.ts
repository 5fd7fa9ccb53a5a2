import { createHash } from 'node:crypto';
import { cpSync, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pino from 'pino';
import { migrated } from '../../src/database/migrate.ts';
import { startEmbeddedDatabase } from '../../src/embedded/database/index.ts';

const root = join(import.meta.dirname, '../..');
const kept = join(root, 'node_modules/.cache/kommutator');

/**
 * Puts an embedded database into `directory` (that of `startEmbeddedDatabase`), as a first start would have left it: PostgreSQL takes some seconds of both cores
 * to make one, and nearly every test of a whole engine would wait for that. It is made once and copied; a new PGlite, setting or migration makes it anew.
 */
export async function placeDatabase(directory: string, schema: 'migrated' | 'empty' = 'migrated'): Promise<void> {
  const made = await (schema === 'migrated' ? whole() : bare());
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // A thousand small files: one by one without waiting takes half the time.
  for (const part of ['data', 'made']) cpSync(join(made, part), join(directory, part), { recursive: true });
}

async function bare(): Promise<string> {
  return once(
    'empty',
    await contents(['node_modules/@electric-sql/pglite/package.json', 'src/embedded/database/worker.ts']),
    async (directory) => {
      const database = startEmbeddedDatabase({ directory, log });
      await database.query('select 1');
      await database.close();
    },
  );
}

async function whole(): Promise<string> {
  const empty = await bare();
  const folder = 'src/database/migrations';
  const migrations = (await readdir(join(root, folder))).sort().map((name) => join(folder, name));
  return once('migrated', empty + (await contents(migrations)), async (directory) => {
    await placeDatabase(directory, 'empty');
    const database = migrated(startEmbeddedDatabase({ directory, log }));
    await database.migrate();
    await database.close();
  });
}

const log = pino({ level: 'silent' });

async function contents(files: readonly string[]): Promise<string> {
  return (await Promise.all(files.map((file) => readFile(join(root, file), 'utf8')))).join('\0');
}

/** Several processes may find that it is missing: each makes one, and the first to be ready has made that of all. */
async function once(name: string, from: string, make: (directory: string) => Promise<void>): Promise<string> {
  const place = join(kept, `database-${name}-${createHash('sha256').update(from).digest('hex').slice(0, 16)}`);
  if (existsSync(place)) return place;
  await mkdir(kept, { recursive: true });
  const directory = await mkdtemp(join(kept, 'making-'));
  await make(directory);
  await rename(directory, place).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    await rm(directory, { recursive: true, force: true });
  });
  return place;
}
