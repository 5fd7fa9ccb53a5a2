import pg from 'pg';
import type { Logger } from 'pino';
import { UserError } from '../errors.ts';
import { type Database, DatabaseDownError, databaseError, type Queryable } from './port.ts';

/**
 * A PostgreSQL server. Nothing is connected until the first query.
 * @param url `DATABASE_URL`, `postgresql://user:password@host:5432/name`
 * @throws UserError `bad-database-url`
 */
export function postgres(url: string, log: Logger): Database {
  if (!/^postgres(ql)?:\/\/\S+$/.test(url) || !URL.canParse(url)) {
    throw new UserError(
      'bad-database-url',
      'DATABASE_URL is not the address of a PostgreSQL database',
      'Write postgresql://user:password@host:5432/name, or leave it unset for the embedded database.',
    );
  }
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: 5000,
    // A server that is stopped in the middle must not hold up the history for ever.
    query_timeout: 60_000,
    keepAlive: true,
    application_name: 'kommutator',
  });
  // A connection that was idle when the server went: the pool drops it by itself.
  pool.on('error', (error) => log.warn({ err: error }, 'lost an idle connection to the database'));
  return new Postgres(pool);
}

class Postgres implements Database {
  readonly #pool: pg.Pool;
  #closed: Promise<void> | undefined;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  query(text: string, values: readonly unknown[] = []): Promise<unknown[][]> {
    return this.#withClient((client) => queryable(client).query(text, values));
  }

  script(text: string): Promise<void> {
    return this.#withClient((client) => queryable(client).script(text));
  }

  transaction<T>(run: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.#withClient(async (client, spoil) => {
      const tx = queryable(client);
      await tx.script('begin');
      try {
        const result = await run(tx);
        await tx.script('commit');
        return result;
      } catch (error) {
        // A connection that cannot even roll back is not put back into the pool.
        await tx.script('rollback').catch(spoil);
        throw error;
      }
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#pool.end();
    return this.#closed;
  }

  async #withClient<T>(run: (client: pg.PoolClient, spoil: (why: unknown) => void) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch((error) => {
      throw new DatabaseDownError(error);
    });
    let isSpoilt = false;
    const spoil = () => {
      isSpoilt = true;
    };
    client.on('error', spoil);
    try {
      return await run(client, spoil);
    } catch (error) {
      if (error instanceof DatabaseDownError) spoil();
      throw error;
    } finally {
      client.off('error', spoil);
      client.release(isSpoilt);
    }
  }
}

const queryable = (client: pg.PoolClient): Queryable => ({
  async query(text, values = []) {
    const { rows } = await translated(client.query<unknown[]>({ text, values: [...values], rowMode: 'array' }));
    return rows;
  },
  async script(text) {
    await translated(client.query(text));
  },
});

async function translated<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    throw databaseError(error, error instanceof pg.DatabaseError ? error.code : undefined);
  }
}
