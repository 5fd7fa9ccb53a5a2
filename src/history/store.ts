import { and, desc, eq, inArray, sql } from 'drizzle-orm';
import { readCursor, writeCursor } from '../database/cursor.ts';
import { orm, unwrapped } from '../database/orm.ts';
import type { Database } from '../database/port.ts';
import { endReasons } from '../end-reason.ts';
import { whereOf } from './filter.ts';
import type { HistoryFilter, HistoryPage } from './query.ts';
import type { CallRecord } from './record.ts';
import { calls, participants } from './tables.ts';

/** Finished calls in the database. Rejects with `DatabaseDownError` while that is away. */
export class HistoryStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Stores records, leaving out those that are there already. All or none. Returns how many were new. What another node has written of a call whose node it
   * took for dead gives way to what that node knows of it.
   */
  async insert(records: readonly CallRecord[]): Promise<number> {
    const byKey = new Map(records.map((record) => [keyOf(record), record]));
    if (byKey.size === 0) return 0;
    return this.#database.transaction(async (tx) => {
      const query = orm(tx);
      const told = [...byKey.values()].filter(({ reason }) => reason !== 'lost');
      for (const [pbx, own] of Map.groupBy(told, (record) => record.pbx)) {
        const known = own.map(({ id }) => id);
        await unwrapped(
          query
            .delete(calls)
            .where(and(eq(calls.pbx, pbx), inArray(calls.id, known), eq(calls.code, endReasons.lost.code))),
        );
      }
      const inserted = await unwrapped(
        query
          .insert(calls)
          .values([...byKey.values()].map((record) => ({ ...record, start: new Date(record.start), record })))
          .onConflictDoNothing()
          .returning({ pbx: calls.pbx, id: calls.id }),
      );
      const rows = inserted.flatMap((key) => participantRows(byKey.get(keyOf(key)) as CallRecord));
      // PostgreSQL takes 65535 parameters.
      for (let i = 0; i < rows.length; i += 1000) {
        await unwrapped(query.insert(participants).values(rows.slice(i, i + 1000)));
      }
      return inserted.length;
    });
  }

  async get(pbx: string, id: string): Promise<CallRecord | undefined> {
    const [row] = await unwrapped(
      orm(this.#database)
        .select({ record: calls.record })
        .from(calls)
        .where(and(eq(calls.pbx, pbx), eq(calls.id, id))),
    );
    return row?.record;
  }

  /** @throws BadCursorError */
  async query(
    pbx: string,
    filter: HistoryFilter,
    page: { readonly limit: number; readonly cursor?: string },
  ): Promise<HistoryPage> {
    const after = page.cursor === undefined ? undefined : readCursor(page.cursor);
    const rows = await unwrapped(
      orm(this.#database)
        .select({ record: calls.record })
        .from(calls)
        .where(
          and(
            whereOf(pbx, filter),
            after && sql`(${calls.start}, ${calls.id}) < (${after.at}::timestamptz, ${after.id})`,
          ),
        )
        .orderBy(desc(calls.start), desc(calls.id))
        // One more than asked for tells whether there is a next page.
        .limit(page.limit + 1),
    );
    const items = rows.slice(0, page.limit).map(({ record }) => record);
    const last = items.at(-1);
    return { items, next: rows.length > page.limit && last ? writeCursor({ at: last.start, id: last.id }) : null };
  }
}

const keyOf = ({ pbx, id }: { readonly pbx: string; readonly id: string }) => JSON.stringify([pbx, id]);

const participantRows = (record: CallRecord) =>
  record.participants.map((one, position) => ({ ...one, pbx: record.pbx, callId: record.id, position, ref: one.id }));
