import { readCursor, writeCursor } from '../../database/cursor.ts';
import type { Database } from '../../database/port.ts';
import { FaxRecord } from './record.ts';

export interface FaxFilter {
  readonly direction?: FaxRecord['direction'];
  readonly states?: readonly FaxRecord['state'][];
}

export interface FaxPage {
  readonly items: readonly FaxRecord[];
  readonly next: string | null;
}

/** Records of faxes in the database. Rejects with `DatabaseDownError` while that is away. */
export class FaxStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @returns false: it is there already, and stays as it is, for it may have been marked meanwhile */
  async add(record: FaxRecord): Promise<boolean> {
    const rows = await this.#database.query(
      `insert into faxes (pbx, id, direction, state, at, node, next_at, record)
       values ($1, $2, $3, $4, $5::timestamptz, $6, $7::timestamptz, $8::jsonb) on conflict do nothing returning id`,
      columnsOf(record),
    );
    return rows.length > 0;
  }

  /** All but its mark. @returns false: it was deleted meanwhile, and stays so */
  async update(record: FaxRecord): Promise<boolean> {
    const rows = await this.#database.query(
      `update faxes set direction = $3, state = $4, at = $5::timestamptz, node = $6, next_at = $7::timestamptz,
                        record = jsonb_set($8::jsonb, '{read}', record -> 'read')
       where pbx = $1 and id = $2 returning id`,
      columnsOf(record),
    );
    return rows.length > 0;
  }

  async get(pbx: string, id: string): Promise<FaxRecord | undefined> {
    const [row] = await this.#database.query('select record from faxes where pbx = $1 and id = $2', [pbx, id]);
    return row && FaxRecord.parse(row[0]);
  }

  /** @returns undefined: there is none */
  async markRead(pbx: string, id: string, read: boolean): Promise<FaxRecord | undefined> {
    const [row] = await this.#database.query(
      `update faxes set record = jsonb_set(record, '{read}', $3::jsonb) where pbx = $1 and id = $2 returning record`,
      [pbx, id, JSON.stringify(read)],
    );
    return row && FaxRecord.parse(row[0]);
  }

  /** @returns what it was; undefined: there is none */
  async remove(pbx: string, id: string): Promise<FaxRecord | undefined> {
    const [row] = await this.#database.query('delete from faxes where pbx = $1 and id = $2 returning record', [
      pbx,
      id,
    ]);
    return row && FaxRecord.parse(row[0]);
  }

  /**
   * The newest first.
   * @throws BadCursorError
   */
  async query(
    pbx: string,
    filter: FaxFilter,
    page: { readonly limit: number; readonly cursor?: string },
  ): Promise<FaxPage> {
    const after = page.cursor === undefined ? undefined : readCursor(page.cursor);
    const rows = await this.#database.query(
      `select record from faxes
       where pbx = $1 and ($2::text is null or direction = $2) and ($3::text[] is null or state = any($3))
         and ($4::timestamptz is null or (at, id) < ($4, $5))
       order by at desc, id desc limit $6`,
      [pbx, filter.direction ?? null, filter.states ?? null, after?.at ?? null, after?.id ?? null, page.limit + 1],
    );
    const records = rows.map(([record]) => FaxRecord.parse(record));
    const items = records.slice(0, page.limit);
    const last = items.at(-1);
    return {
      items,
      next:
        records.length > page.limit && last ? writeCursor({ at: new Date(last.at).toISOString(), id: last.id }) : null,
    };
  }

  /** Those that this node is to try now, the longest due first. */
  async due(node: string, now: number, limit: number): Promise<FaxRecord[]> {
    const rows = await this.#database.query(
      `select record from faxes where node = $1 and state = 'waiting' and next_at <= $2::timestamptz order by next_at limit $3`,
      [node, new Date(now).toISOString(), limit],
    );
    return rows.map(([record]) => FaxRecord.parse(record));
  }

  /** Those that this node was sending when it ended. */
  async interrupted(node: string): Promise<FaxRecord[]> {
    const rows = await this.#database.query(`select record from faxes where node = $1 and state = 'sending'`, [node]);
    return rows.map(([record]) => FaxRecord.parse(record));
  }
}

const columnsOf = (record: FaxRecord) => [
  record.pbx,
  record.id,
  record.direction,
  record.state,
  new Date(record.at).toISOString(),
  record.node,
  record.nextAt === null ? null : new Date(record.nextAt).toISOString(),
  JSON.stringify(record),
];
