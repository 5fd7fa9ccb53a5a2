import { readdir, readFile } from 'node:fs/promises';
import { UserError } from '../errors.ts';
import type { Database, Queryable } from './port.ts';

const defaultFolder = new URL('migrations/', import.meta.url);

/** Any number that nothing else locks on: one migration at a time in the whole installation. */
const lockNumber = 5_060_001;

/**
 * A database that brings its schema up to date before the first query goes through, and tries again with the next query if that failed because
 * the database was away. So the engine starts, and calls are served, without waiting for it.
 */
export function migrated(database: Database, folder: URL = defaultFolder): Database & { migrate(): Promise<void> } {
  let done: Promise<void> | undefined;
  const migrate = () => {
    done ??= runMigrations(database, folder).catch((error) => {
      done = undefined;
      throw error;
    });
    return done;
  };
  return {
    migrate,
    query: async (text, values) => {
      await migrate();
      return database.query(text, values);
    },
    script: async (text) => {
      await migrate();
      return database.script(text);
    },
    transaction: async (run) => {
      await migrate();
      return database.transaction(run);
    },
    close: () => database.close(),
  };
}

/**
 * Runs the `NNNN_name.sql` files that this database has not seen, in the order of their names, all in one transaction: either the schema is that of this
 * version, or it is untouched.
 * @throws UserError `database-newer` when it has been migrated by a later version of the engine
 */
async function runMigrations(database: Database, folder: URL): Promise<void> {
  const files = (await readdir(folder)).filter((name) => /^\d{4}_.*\.sql$/.test(name)).sort();
  await database.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [lockNumber]);
    const known = await knownMigrations(tx);
    const unknown = [...known].find((name) => !files.includes(name));
    if (unknown) {
      throw new UserError(
        'database-newer',
        `The database was migrated by a later version of Kommutator (${unknown})`,
        'Start that version, or restore the database from before the upgrade.',
      );
    }
    for (const file of files.filter((name) => !known.has(name))) {
      await tx.script(await readFile(new URL(file, folder), 'utf8'));
      await tx.query('insert into schema_migrations (name) values ($1)', [file]);
    }
  });
}

async function knownMigrations(tx: Queryable): Promise<Set<string>> {
  await tx.script(
    'create table if not exists schema_migrations (name text primary key, applied_at timestamptz not null default now())',
  );
  const rows = await tx.query('select name from schema_migrations');
  return new Set(rows.map(([name]) => String(name)));
}
