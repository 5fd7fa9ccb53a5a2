import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { migrated } from '../../src/database/migrate.ts';
import { type Database, DatabaseDownError, DatabaseError } from '../../src/database/port.ts';
import { postgres } from '../../src/database/postgres.ts';
import { startEmbeddedDatabase } from '../../src/embedded/database/index.ts';
import { placeDatabase } from '../support/made-database.ts';
import { postgresPrograms, TestPostgres } from '../support/postgres.ts';

const log = pino({ level: 'silent' });

/** What the engine relies on, of either engine. */
function contract(name: string, open: () => Promise<{ database: Database; close(): Promise<void> }>): void {
  describe(`Database: ${name}`, () => {
    let database: Database;
    let close: () => Promise<void>;

    beforeAll(async () => {
      ({ database, close } = await open());
      await database.script('create table t (a integer primary key, b jsonb, c timestamptz, d text[])');
    });
    afterAll(() => close());
    afterEach(() => database.script('truncate t'));

    const count = async () => (await database.query('select count(*)::int from t'))[0]?.[0];

    it('gives rows as arrays, with dates and JSON as such', async () => {
      const at = new Date('2026-11-02T09:00:00.123Z');
      await database.query('insert into t values ($1, $2, $3)', [1, JSON.stringify({ x: ['«ё»', null] }), at]);
      expect(await database.query('select a, b, c, null from t')).toEqual([[1, { x: ['«ё»', null] }, at, null]]);
    });

    it('tells bad data, a bad statement and a broken rule apart', async () => {
      await database.query('insert into t values (1)');
      const failure = (text: string, values?: unknown[]) => database.query(text, values).catch((error) => error);
      expect(await failure('insert into t values (1)')).toMatchObject({ state: '23505', isAboutData: true });
      expect(await failure('insert into t values (2, $1)', ['{"x":"\\u0000"}'])).toMatchObject({ isAboutData: true });
      expect(await failure('selekt')).toMatchObject({ state: '42601', isAboutData: false });
      expect(await failure('selekt')).toBeInstanceOf(DatabaseError);
    });

    it('commits what resolves and rolls back what rejects', async () => {
      const result = await database.transaction(async (tx) => {
        await tx.query('insert into t values (1)');
        return 'done';
      });
      expect(result).toBe('done');
      const failing = database.transaction(async (tx) => {
        await tx.query('insert into t values (2)');
        throw new Error('changed my mind');
      });
      await expect(failing).rejects.toThrow('changed my mind');
      const broken = database.transaction(async (tx) => {
        await tx.query('insert into t values (3)');
        await tx.query('insert into t values (3)');
      });
      await expect(broken).rejects.toThrow(DatabaseError);
      expect(await database.query('select a from t')).toEqual([[1]]);
    });

    it('keeps transactions apart from what is asked beside them', async () => {
      await database.query('insert into t values (0)');
      const add = () =>
        database.transaction(async (tx) => {
          const [row] = await tx.query('select a from t for update');
          await tx.query('update t set a = $1', [Number(row?.[0]) + 1]);
        });
      await Promise.all([...Array.from({ length: 10 }, add), count(), count()]);
      expect(await database.query('select a from t')).toEqual([[10]]);
    });
  });
}

contract('embedded', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'km-database-'));
  await placeDatabase(directory, 'empty');
  const database = startEmbeddedDatabase({ directory, log });
  return {
    database,
    async close() {
      await database.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
});

// Debian's postgresql package is not part of the set-up: where it is missing, these are skipped and counted as such.
if (postgresPrograms) {
  const programs = postgresPrograms;
  contract('PostgreSQL', async () => {
    const server = new TestPostgres(programs);
    await server.start();
    const database = postgres(server.url, log);
    return {
      database,
      async close() {
        await database.close();
        await server.remove();
      },
    };
  });
}

describe.skipIf(!postgresPrograms)('PostgreSQL that goes away', () => {
  it('fails what is under way, and serves again when it is back', async () => {
    const server = new TestPostgres(postgresPrograms ?? '');
    await server.start();
    const database = postgres(server.url, log);
    try {
      const slow = database.transaction(async (tx) => {
        await tx.query('select pg_sleep(20)');
      });
      await Promise.all([
        expect(slow).rejects.toThrow(DatabaseDownError),
        database.query('select 1').then(() => server.kill()),
      ]);
      await expect(database.query('select 1')).rejects.toThrow(DatabaseDownError);
      await server.start();
      expect(await database.query('select 1')).toEqual([[1]]);
    } finally {
      await database.close();
      await server.remove();
    }
  });

  it('lets one of several engines migrate, and the others wait for it', async () => {
    const server = new TestPostgres(postgresPrograms ?? '');
    await server.start();
    const databases = Array.from({ length: 4 }, () => migrated(postgres(server.url, log)));
    try {
      await Promise.all(databases.map((database) => database.migrate()));
      expect(await databases[0]?.query('select count(*)::int from calls')).toEqual([[0]]);
    } finally {
      await Promise.all(databases.map((database) => database.close()));
      await server.remove();
    }
  });
});

describe('the embedded database', () => {
  let directory: string;
  const open: Database[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'km-database-'));
    await placeDatabase(directory, 'empty');
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((database) => database.close()));
    await rm(directory, { recursive: true, force: true });
  });

  const start = () => {
    const database = startEmbeddedDatabase({ directory, log });
    open.push(database);
    return database;
  };

  it('keeps what was committed when the engine is killed', async () => {
    const program = `
      import pino from 'pino';
      import { startEmbeddedDatabase } from ${JSON.stringify(new URL('../../src/embedded/database/index.ts', import.meta.url).href)};
      const database = startEmbeddedDatabase({ directory: ${JSON.stringify(directory)}, log: pino({ level: 'silent' }) });
      await database.script('create table t (a integer primary key)');
      for (let i = 0; ; i++) {
        await database.query('insert into t values ($1)', [i]);
        console.log(i);
      }
    `;
    const engine = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let committed = -1;
    for await (const line of createInterface({ input: engine.stdout })) {
      committed = Number(line);
      if (committed === 200) engine.kill('SIGKILL');
    }
    expect(committed).toBeGreaterThanOrEqual(200);
    const [row] = await start().query('select max(a), count(*)::int from t');
    expect(row?.[0]).toBeGreaterThanOrEqual(committed);
    expect(row?.[1]).toBe(Number(row?.[0]) + 1);
  });

  it('is made anew when the engine was killed while it was being made', async () => {
    await rm(directory, { recursive: true });
    await mkdir(join(directory, 'data'), { recursive: true });
    await writeFile(join(directory, 'data', 'PG_VERSION'), '18\n');
    expect(await start().query('select 1')).toEqual([[1]]);
  });

  it('fails queries while it cannot be opened, and serves once it can', async () => {
    const version = join(directory, 'data', 'PG_VERSION');
    await writeFile(version, '9\n');
    const database = start();
    await expect(database.query('select 1')).rejects.toThrow(DatabaseDownError);
    await writeFile(version, '18\n');
    expect(await database.query('select 1')).toEqual([[1]]);
  });

  it('is refused to a second engine', async () => {
    start();
    expect(start).toThrow(expect.objectContaining({ code: 'directory-in-use' }));
  });

  it('refuses queries after it has been closed, and closes twice', async () => {
    const database = start();
    const last = database.query('select 1');
    await Promise.all([database.close(), database.close()]);
    expect(await last).toEqual([[1]]);
    await expect(database.query('select 1')).rejects.toThrow(DatabaseDownError);
  });

  describe('migrations', () => {
    const folder = async (files: Record<string, string>) => {
      const path = await mkdtemp(join(directory, 'migrations-'));
      for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
      return pathToFileURL(`${path}/`);
    };

    it('run once, in order, before the first query', async () => {
      const database = start();
      const files = { '0001_a.sql': 'create table m (a int); insert into m values (1);' };
      const first = migrated(database, await folder(files));
      await Promise.all([first.query('select 1'), first.query('select 1')]);
      const second = migrated(database, await folder({ ...files, '0002_b.sql': 'alter table m add b int default 2;' }));
      expect(await second.query('select a, b from m')).toEqual([[1, 2]]);
    });

    it('leave the schema untouched when one of them fails, and are tried again', async () => {
      const database = start();
      const path = await folder({ '0001_a.sql': 'create table m (a int);', '0002_b.sql': 'selekt;' });
      const broken = migrated(database, path);
      await expect(broken.query('select 1')).rejects.toThrow(DatabaseError);
      expect(await database.query(`select to_regclass('m') is null`)).toEqual([[true]]);
      await writeFile(new URL('0002_b.sql', path), 'select 1;');
      expect(await broken.query('select count(*)::int from m')).toEqual([[0]]);
    });

    it('refuse a database of a later version', async () => {
      const database = start();
      await migrated(database, await folder({ '0001_a.sql': '', '0009_z.sql': '' })).migrate();
      const older = migrated(database, await folder({ '0001_a.sql': '' }));
      await expect(older.migrate()).rejects.toMatchObject({
        code: 'database-newer',
        message: expect.stringContaining('0009_z'),
      });
    });
  });
});
