import { and, count, desc, eq, gte, inArray, isNotNull, isNull, lt, or, type SQL, sql } from 'drizzle-orm';
import { readCursor, writeCursor } from '../../database/cursor.ts';
import { orm, unwrapped } from '../../database/orm.ts';
import type { Database } from '../../database/port.ts';
import type { VoiceMessage } from './message.ts';
import type { MailboxCounts, MessageCounts, StoredMessage, VoicemailFilter, VoicemailPage } from './query.ts';
import { voicemails } from './tables.ts';

/** Voice messages in the database. Rejects with `DatabaseDownError` while that is away. */
export class VoicemailStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** False: it was there already, whatever has become of it since. */
  async insert({ at, ms, ...message }: VoiceMessage): Promise<boolean> {
    const inserted = await unwrapped(
      orm(this.#database)
        .insert(voicemails)
        .values({ ...message, at: new Date(at), ms: Math.round(ms) })
        .onConflictDoNothing()
        .returning({ id: voicemails.id }),
    );
    return inserted.length > 0;
  }

  async get(pbx: string, id: string): Promise<StoredMessage | undefined> {
    const [row] = await unwrapped(
      orm(this.#database)
        .select()
        .from(voicemails)
        .where(and(itIs(pbx, id), isNull(voicemails.deletedAt))),
    );
    return row && stored(row);
  }

  /** @throws BadCursorError */
  async query(
    pbx: string,
    filter: VoicemailFilter,
    page: { readonly limit: number; readonly cursor?: string },
  ): Promise<VoicemailPage> {
    const after = page.cursor === undefined ? undefined : readCursor(page.cursor);
    const rows = await unwrapped(
      orm(this.#database)
        .select()
        .from(voicemails)
        .where(
          and(
            whereOf(pbx, filter),
            after && sql`(${voicemails.at}, ${voicemails.id}) < (${after.at}::timestamptz, ${after.id})`,
          ),
        )
        .orderBy(desc(voicemails.at), desc(voicemails.id))
        // One more than asked for tells whether there is a next page.
        .limit(page.limit + 1),
    );
    const items = rows.slice(0, page.limit).map(stored);
    const last = items.at(-1);
    return { items, next: rows.length > page.limit && last ? writeCursor(last) : null };
  }

  /** Of every mailbox that has a message. */
  async counts(pbx: string): Promise<readonly MailboxCounts[]> {
    return unwrapped(
      orm(this.#database)
        .select({ employee: voicemails.employee, new: newOnes, old: oldOnes })
        .from(voicemails)
        .where(whereOf(pbx, {}))
        .groupBy(voicemails.employee)
        .orderBy(voicemails.employee),
    );
  }

  /** @param employee null: the PBX's own mailbox */
  async countsOf(pbx: string, employee: string | null): Promise<MessageCounts> {
    const [counted] = await unwrapped(
      orm(this.#database)
        .select({ new: newOnes, old: oldOnes })
        .from(voicemails)
        .where(whereOf(pbx, { mailbox: [employee] })),
    );
    return counted ?? { new: 0, old: 0 };
  }

  /** @returns the message as it is since; undefined: there is none */
  async setRead(pbx: string, id: string, at: Date | null): Promise<StoredMessage | undefined> {
    // Who has heard it before has heard it then.
    const readAt = at === null ? null : sql`coalesce(${voicemails.readAt}, ${at.toISOString()}::timestamptz)`;
    return this.#change(pbx, id, { readAt });
  }

  /** Its letter has gone. */
  async setMailed(pbx: string, id: string, at: Date): Promise<StoredMessage | undefined> {
    return this.#change(pbx, id, { mailedAt: at });
  }

  /** From now on nobody sees it. @returns what it was; undefined: there was none */
  async setDeleted(pbx: string, id: string, at: Date): Promise<StoredMessage | undefined> {
    return this.#change(pbx, id, { deletedAt: at });
  }

  /** The deleted messages whose files a node has yet to remove. */
  deletedOn(node: string): Promise<readonly { readonly pbx: string; readonly id: string }[]> {
    return unwrapped(
      orm(this.#database)
        .select({ pbx: voicemails.pbx, id: voicemails.id })
        .from(voicemails)
        .where(and(isNotNull(voicemails.deletedAt), eq(voicemails.node, node)))
        .limit(1000),
    );
  }

  /** Its file is gone. */
  async forget(pbx: string, id: string): Promise<void> {
    await unwrapped(
      orm(this.#database)
        .delete(voicemails)
        .where(and(itIs(pbx, id), isNotNull(voicemails.deletedAt))),
    );
  }

  async #change(
    pbx: string,
    id: string,
    values: { readonly readAt?: SQL | null; readonly mailedAt?: Date; readonly deletedAt?: Date },
  ): Promise<StoredMessage | undefined> {
    const [row] = await unwrapped(
      orm(this.#database)
        .update(voicemails)
        .set(values)
        .where(and(itIs(pbx, id), isNull(voicemails.deletedAt)))
        .returning(),
    );
    return row && stored(row);
  }
}

const itIs = (pbx: string, id: string): SQL | undefined => and(eq(voicemails.pbx, pbx), eq(voicemails.id, id));

function whereOf(pbx: string, { mailbox, unread, since, until }: VoicemailFilter): SQL | undefined {
  return and(
    eq(voicemails.pbx, pbx),
    isNull(voicemails.deletedAt),
    mailbox && inMailboxes(mailbox),
    unread === undefined ? undefined : unread ? isNull(voicemails.readAt) : isNotNull(voicemails.readAt),
    since && gte(voicemails.at, since),
    until && lt(voicemails.at, until),
  );
}

function inMailboxes(mailboxes: readonly (string | null)[]): SQL | undefined {
  const employees = mailboxes.filter((mailbox) => mailbox !== null);
  return or(
    inArray(voicemails.employee, employees),
    mailboxes.includes(null) ? isNull(voicemails.employee) : undefined,
  );
}

const newOnes = sql<number>`(${count()} filter (where ${voicemails.readAt} is null))::int`;
const oldOnes = sql<number>`(${count()} filter (where ${voicemails.readAt} is not null))::int`;

const stored = ({
  at,
  readAt,
  mailedAt,
  deletedAt: _deletedAt,
  ...row
}: typeof voicemails.$inferSelect): StoredMessage => ({
  ...row,
  at: at.toISOString(),
  readAt: readAt?.toISOString() ?? null,
  mailedAt: mailedAt?.toISOString() ?? null,
});
