import { DrizzleQueryError } from 'drizzle-orm/errors';
import { drizzle, type PgRemoteDatabase } from 'drizzle-orm/pg-proxy';
import type { Queryable } from './port.ts';

/** Drizzle's typed query builder over either engine, or over a transaction of it. Errors are those of the port, see `unwrapped`. */
export const orm = (queryable: Queryable): PgRemoteDatabase =>
  drizzle(async (text, values) => ({ rows: await queryable.query(text, values) }));

/** Drizzle wraps every error in one that repeats all values, which are people's numbers and names: not for logs. */
export async function unwrapped<T>(result: PromiseLike<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    throw error instanceof DrizzleQueryError ? error.cause : error;
  }
}
