import { and, desc, eq, sql } from 'drizzle-orm';
import { readCursor, writeCursor } from '../database/cursor.ts';
import { jsonLine } from '../database/json-line.ts';
import { orm, unwrapped } from '../database/orm.ts';
import type { Database } from '../database/port.ts';
import { endReasons } from '../end-reason.ts';
import { whereOf } from './filter.ts';
import type { HistoryFilter, HistoryPage } from './query.ts';
import type { CallRecord } from './record.ts';
import { calls } from './tables.ts';

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
    // As one value, which PostgreSQL takes apart: to build a statement of hundreds of values took the main thread a millisecond a record.
    const given = jsonLine([...byKey.values()]);
    return this.#database.transaction(async (tx) => {
      await tx.query(forgetLost, [given, endReasons.lost.code]);
      const [[inserted] = []] = await tx.query(insertGiven, [given]);
      return Number(inserted);
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

/** Of the calls of which more is known now. */
const forgetLost = `
  delete from calls using jsonb_array_elements($1::jsonb) as given (call)
  where pbx = call ->> 'pbx' and id = call ->> 'id' and code = $2::integer and call ->> 'reason' <> 'lost'`;

/** `tables.ts` names what is in the columns. */
const insertGiven = `
  with inserted as (
    insert into calls (
      pbx, id, start, direction, outcome, technical, from_number, from_employee, line, to_number,
      duration, wait, talk, queued, stage, code, record
    )
    select
      c.pbx, c.id, c.start, c.direction, c.outcome, c.technical, c.from, c.employee, c.line, c.to,
      c.duration, c.wait, c.talk, c.queued, c.stage, c.code, given.call
    from jsonb_array_elements($1::jsonb) as given (call), jsonb_to_record(given.call) as c (
      pbx text, id text, start timestamptz, direction text, outcome text, technical text, "from" text, employee text, line text, "to" text,
      duration integer, wait integer, talk integer, queued boolean, stage text, code integer
    )
    on conflict do nothing
    returning pbx, id, record
  ), asked as (
    insert into call_participants (pbx, call_id, position, kind, ref, address, via_group, outcome, ring, talk)
    select inserted.pbx, inserted.id, one.number - 1, p.kind, p.id, p.address, p.group, p.outcome, p.ring, p.talk
    from
      inserted,
      jsonb_array_elements(inserted.record -> 'participants') with ordinality as one (participant, number),
      jsonb_to_record(one.participant) as p (
        kind text, id text, address text, "group" text, outcome text, ring integer, talk integer
      )
  )
  select count(*)::integer from inserted`;

const keyOf = ({ pbx, id }: { readonly pbx: string; readonly id: string }) => JSON.stringify([pbx, id]);
