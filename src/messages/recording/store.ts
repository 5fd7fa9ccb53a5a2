import { and, asc, desc, eq, gte, ilike, inArray, isNotNull, isNull, lt, lte, or, type SQL, sql } from 'drizzle-orm';
import { bigint, boolean, pgTable, text, timestamp } from 'drizzle-orm/pg-core';
import { readCursor, writeCursor } from '../../database/cursor.ts';
import { orm, unwrapped } from '../../database/orm.ts';
import type { Database } from '../../database/port.ts';
import type { Format, Mark, Recorded, RecordingFilter, RecordingPage } from './recorded.ts';

/** What `0020_recordings.sql` has made. */
const recordings = pgTable('recordings', {
  pbx: text().notNull(),
  id: text().notNull(),
  call: text().notNull(),
  start: timestamp({ withTimezone: true, mode: 'date' }).notNull(),
  ms: bigint({ mode: 'number' }).notNull(),
  direction: text().$type<Recorded['direction']>().notNull(),
  from: text('from_number').notNull(),
  to: text('to_number').notNull(),
  line: text(),
  employee: text(),
  group: text('via_group'),
  other: text().notNull(),
  manual: boolean().notNull(),
  stereo: boolean().notNull(),
  format: text().$type<Format>().notNull(),
  bytes: bigint({ mode: 'number' }).notNull(),
  mark: text().$type<Mark>(),
  error: text(),
  node: text().notNull(),
});

type Row = typeof recordings.$inferSelect;

/** Recordings in the database. Rejects with `DatabaseDownError` while that is away. */
export class RecordingStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @returns false if it is there already: nothing is changed then */
  async insert(recorded: Recorded): Promise<boolean> {
    const inserted = await unwrapped(
      orm(this.#database)
        .insert(recordings)
        .values({ ...recorded, start: new Date(recorded.start), ms: Math.round(recorded.ms) })
        .onConflictDoNothing()
        .returning({ id: recordings.id }),
    );
    return inserted.length > 0;
  }

  /** The file has another form from now on. */
  async changeFile(pbx: string, id: string, file: Pick<Recorded, 'format' | 'bytes' | 'stereo'>): Promise<void> {
    const { format, bytes, stereo } = file;
    await unwrapped(orm(this.#database).update(recordings).set({ format, bytes, stereo }).where(one(pbx, id)));
  }

  /** @returns false: there is no such recording */
  async setMark(pbx: string, id: string, mark: Mark | null): Promise<boolean> {
    const changed = await unwrapped(
      orm(this.#database).update(recordings).set({ mark }).where(one(pbx, id)).returning({ id: recordings.id }),
    );
    return changed.length > 0;
  }

  /** @returns false: there was none, or it has been marked meanwhile and only unmarked ones are meant */
  async remove(pbx: string, id: string, { unmarkedOnly = false } = {}): Promise<boolean> {
    const removed = await unwrapped(
      orm(this.#database)
        .delete(recordings)
        .where(and(one(pbx, id), unmarkedOnly ? isNull(recordings.mark) : undefined))
        .returning({ id: recordings.id }),
    );
    return removed.length > 0;
  }

  async get(pbx: string, id: string): Promise<Recorded | undefined> {
    const [row] = await unwrapped(orm(this.#database).select().from(recordings).where(one(pbx, id)));
    return row && recordedOf(row);
  }

  /** @throws BadCursorError */
  async query(
    pbx: string,
    filter: RecordingFilter,
    page: { readonly limit: number; readonly cursor?: string },
  ): Promise<RecordingPage> {
    const after = page.cursor === undefined ? undefined : readCursor(page.cursor);
    const rows = await unwrapped(
      orm(this.#database)
        .select()
        .from(recordings)
        .where(
          and(
            whereOf(pbx, filter),
            after && sql`(${recordings.start}, ${recordings.id}) < (${after.at}::timestamptz, ${after.id})`,
          ),
        )
        .orderBy(desc(recordings.start), desc(recordings.id))
        // One more than asked for tells whether there is a next page.
        .limit(page.limit + 1),
    );
    const items = rows.slice(0, page.limit).map(recordedOf);
    const last = items.at(-1);
    const next =
      rows.length > page.limit && last ? writeCursor({ at: new Date(last.start).toISOString(), id: last.id }) : null;
    return { items, next };
  }

  /** Bytes of all recordings of a PBX, on whichever node. */
  async bytes(pbx: string): Promise<number> {
    const [row] = await unwrapped(
      orm(this.#database)
        .select({ total: sql<string>`coalesce(sum(${recordings.bytes}), 0)::text` })
        .from(recordings)
        .where(eq(recordings.pbx, pbx)),
    );
    return Number(row?.total ?? 0);
  }

  /** The oldest unmarked ones. @param before only those that began then or earlier, ms since 1970 */
  async oldest(pbx: string, limit: number, before?: number): Promise<Recorded[]> {
    const rows = await unwrapped(
      orm(this.#database)
        .select()
        .from(recordings)
        .where(
          and(
            eq(recordings.pbx, pbx),
            isNull(recordings.mark),
            before === undefined ? undefined : lte(recordings.start, new Date(before)),
          ),
        )
        .orderBy(asc(recordings.start), asc(recordings.id))
        .limit(limit),
    );
    return rows.map(recordedOf);
  }
}

const one = (pbx: string, id: string): SQL | undefined => and(eq(recordings.pbx, pbx), eq(recordings.id, id));

const recordedOf = (row: Row): Recorded => ({ ...row, start: row.start.getTime() });

function whereOf(pbx: string, filter: RecordingFilter): SQL | undefined {
  const { since, until, direction, employee, group, call, number, marked, mark, minMs, maxMs } = filter;
  return and(
    eq(recordings.pbx, pbx),
    since && gte(recordings.start, since),
    until && lt(recordings.start, until),
    direction && inArray(recordings.direction, [...direction]),
    employee && inArray(recordings.employee, [...employee]),
    group && inArray(recordings.group, [...group]),
    call === undefined ? undefined : eq(recordings.call, call),
    number === undefined
      ? undefined
      : or(...[recordings.from, recordings.to, recordings.other].map((column) => contains(column, number))),
    marked === undefined ? undefined : marked ? isNotNull(recordings.mark) : isNull(recordings.mark),
    mark && inArray(recordings.mark, [...mark]),
    minMs === undefined ? undefined : gte(recordings.ms, minMs),
    maxMs === undefined ? undefined : lte(recordings.ms, maxMs),
  );
}

/** What people put between the digits of a number is no part of it. */
function contains(column: typeof recordings.from | typeof recordings.to | typeof recordings.other, part: string): SQL {
  const bare = part.replace(/[\s()+-]/g, '');
  const wanted = /^\d+$/.test(bare) ? bare : part;
  return ilike(column, `%${wanted.replace(/[\\%_]/g, '\\$&')}%`);
}
