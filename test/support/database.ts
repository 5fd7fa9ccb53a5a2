import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { migrated } from '../../src/database/migrate.ts';
import type { Database } from '../../src/database/port.ts';
import { startEmbeddedDatabase } from '../../src/embedded/database/index.ts';
import { placeDatabase } from './made-database.ts';

/** An embedded database with the engine's schema, for one test file. */
export async function startTestDatabase(): Promise<{ database: Database; stop(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'km-database-'));
  await placeDatabase(directory);
  const database = migrated(startEmbeddedDatabase({ directory, log: pino({ level: 'silent' }) }));
  await database.migrate();
  return {
    database,
    async stop() {
      await database.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
