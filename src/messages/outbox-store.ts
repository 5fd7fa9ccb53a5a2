import { z } from 'zod';
import { jsonLine } from '../database/json-line.ts';
import type { Database } from '../database/port.ts';
import type { Content, Way } from './courier.ts';
import type { AnswerLimits } from './outbox.ts';

/** Something to be sent, as it is put. */
export interface Parcel {
  readonly pbx: string;
  readonly id: string;
  readonly way: Way;
  /** The node whose disk has its files; null: it has none. */
  readonly home: string | null;
  readonly to: readonly string[];
  readonly content: Content;
  /** ms since 1970 */
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly answer?: AnswerLimits;
}

export interface Recipient {
  readonly to: string;
  readonly state: 'waiting' | 'sent' | 'refused';
  readonly why?: string;
}

/** Something on its way, and in the hands of this node for the time of a lease. */
export interface Item {
  readonly pbx: string;
  readonly id: string;
  readonly way: Way;
  readonly state: 'waiting' | 'accepted';
  readonly content: Content;
  readonly recipients: readonly Recipient[];
  readonly omitted: readonly string[];
  readonly attempts: number;
  readonly why: string | null;
  readonly expiresAt: number;
  readonly lease: string;
}

/** Where an item stands after an attempt. */
export interface Progress {
  readonly state: 'waiting' | 'accepted' | 'sent' | 'failed';
  readonly recipients: readonly Recipient[];
  readonly omitted: readonly string[];
  readonly attempts: number;
  readonly why: string | null;
  /** ms since 1970: the next attempt, the end; of what is accepted, the end of the lease, which goes on. */
  readonly at: number;
}

/** All that waits to be sent by one way for one PBX. */
export interface Lane {
  readonly pbx: string;
  readonly way: Way;
}

/** Another node takes what this node has files of, once it has not been looked after for so long. Milliseconds. */
export const homeMs = 3_600_000;

/** Any number that nothing else locks on: answers of one PBX are counted by one at a time. */
const lockNumber = 5_060_040;

const open = `state in ('waiting', 'accepted')`;
const columns = 'pbx, id, way, state, content, recipients, omitted, attempts, why, expires_at, lease';

const Row = z.tuple([
  z.string(),
  z.string(),
  z.enum(['mail', 'sms']),
  z.enum(['waiting', 'accepted']),
  z.custom<Content>((value) => typeof value === 'object' && value !== null),
  z.array(z.object({ to: z.string(), state: z.enum(['waiting', 'sent', 'refused']), why: z.string().exactOptional() })),
  z.array(z.string()),
  z.int(),
  z.string().nullable(),
  z.date(),
  z.string(),
]);

/**
 * What is on its way, in the database: one for all nodes. Whoever takes an item has it for the time of a lease, and what he reports with another one is not
 * believed. Rejects with `DatabaseDownError` while the database is away. Moments are milliseconds since 1970.
 */
export class OutboxStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Puts each in, once: one whose id is known is left as it is. An answer that may not be given is kept as such. */
  async add(parcels: readonly Parcel[]): Promise<void> {
    for (const parcel of parcels) {
      if (parcel.answer) await this.#addAnswer(parcel, parcel.answer);
      else await this.#database.query(...insertion(parcel, 'waiting', null));
    }
  }

  /** By which ways for which PBXs there is something to do now. */
  async lanes(node: string, now: number): Promise<Lane[]> {
    const rows = await this.#database.query(
      `select pbx, way from outbox where ${open} and due_at <= $1 and (home is null or home = $2 or due_at <= $3) group by pbx, way`,
      [new Date(now), node, new Date(now - homeMs)],
    );
    return rows.map(([pbx, way]) => ({ pbx: String(pbx), way: way === 'sms' ? 'sms' : 'mail' }));
  }

  /** Items of a lane that are due, for this node alone: the first first. */
  async take(
    { pbx, way }: Lane,
    by: { readonly node: string; readonly lease: string; readonly leaseMs: number; readonly now: number },
    limit: number,
  ): Promise<Item[]> {
    const { node, lease, leaseMs, now } = by;
    const rows = await this.#database.query(
      `update outbox set lease = $1, due_at = $2 where (pbx, id) in (
         select pbx, id from outbox
         where ${open} and pbx = $3 and way = $4 and due_at <= $5 and (home is null or home = $6 or due_at <= $7)
         order by due_at limit $8 for update skip locked)
       returning ${columns}`,
      [lease, new Date(now + leaseMs), pbx, way, new Date(now), node, new Date(now - homeMs), limit],
    );
    return rows.map(item);
  }

  /** Items whose time is over and that nobody is at, whatever their lane. */
  async takeExpired(
    by: { readonly lease: string; readonly leaseMs: number; readonly now: number },
    limit: number,
  ): Promise<Item[]> {
    const { lease, leaseMs, now } = by;
    const rows = await this.#database.query(
      `update outbox set lease = $1, due_at = $2 where (pbx, id) in (
         select pbx, id from outbox where ${open} and expires_at <= $3 and (lease is null or due_at <= $3)
         order by due_at limit $4 for update skip locked)
       returning ${columns}`,
      [lease, new Date(now + leaseMs), new Date(now), limit],
    );
    return rows.map(item);
  }

  /** An attempt goes on. @returns false: another node has the item */
  async renew({ pbx, id, lease }: Item, until: number): Promise<boolean> {
    const held = 'update outbox set due_at = $4 where pbx = $1 and id = $2 and lease = $3 returning 1';
    return (await this.#database.query(held, [pbx, id, lease, new Date(until)])).length > 0;
  }

  /** @returns false: another node has the item */
  async report({ pbx, id, lease }: Item, progress: Progress): Promise<boolean> {
    const { state, recipients, omitted, attempts, why, at } = progress;
    const over = state === 'sent' || state === 'failed';
    const rows = await this.#database.query(
      `update outbox set lease = case when $4 = 'accepted' then lease end, state = $4, recipients = $5, omitted = $6, attempts = $7, why = $8,
         due_at = $9, ended_at = $10, content = case when $4 = 'sent' then null else content end
       where pbx = $1 and id = $2 and lease = $3 returning 1`,
      [
        ...[
          pbx,
          id,
          lease,
          state,
          jsonLine(recipients),
          jsonLine(omitted),
          attempts,
          why?.replaceAll('\0', '').toWellFormed() ?? null,
        ],
        ...[new Date(at), over ? new Date(at) : null],
      ],
    );
    return rows.length > 0;
  }

  /** What waits in a lane is due now. */
  async hurry({ pbx, way }: Lane, now: number): Promise<void> {
    await this.#database.query(
      `update outbox set due_at = $1 where ${open} and lease is null and due_at > $1 and pbx = $2 and way = $3`,
      [new Date(now), pbx, way],
    );
  }

  /** A node begins: what waits is due now, and so is what an earlier run of it was at. @param leases what its leases begin with */
  async hurryAll(leases: string, now: number): Promise<void> {
    await this.#database.query(
      `update outbox set due_at = $1, lease = null
       where ${open} and (due_at > $1 or lease is not null) and (lease is null or starts_with(lease, $2))`,
      [new Date(now), leases],
    );
  }

  /** When something is due next, for this node; undefined: nothing waits. */
  async next(node: string): Promise<number | undefined> {
    const [row] = await this.#database.query(
      `select least(min(case when home is null or home = $1 then due_at else due_at + interval '${homeMs} milliseconds' end),
         min(case when lease is null then expires_at else greatest(expires_at, due_at) end)) from outbox where ${open}`,
      [node],
    );
    return row?.[0] instanceof Date ? row[0].getTime() : undefined;
  }

  /** Forgets what ended before then. */
  async prune(before: number): Promise<void> {
    await this.#database.query('delete from outbox where ended_at < $1', [new Date(before)]);
  }

  /** What waits, by way: how many, and since when the oldest does. */
  async waiting(): Promise<{ way: Way; count: number; oldest: number }[]> {
    const rows = await this.#database.query(
      `select way, count(*)::int, min(created_at) from outbox where ${open} group by way`,
    );
    return rows.map(([way, count, oldest]) => ({
      way: way === 'sms' ? 'sms' : 'mail',
      count: Number(count),
      oldest: (oldest as Date).getTime(),
    }));
  }

  async #addAnswer(parcel: Parcel, { notAgainForMs, dailyLimit, midnight }: AnswerLimits): Promise<void> {
    const { pbx, id, createdAt, to } = parcel;
    await this.#database.transaction(async (tx) => {
      await tx.query('select pg_advisory_xact_lock($1, hashtext($2))', [lockNumber, pbx]);
      const [known] = await tx.query('select 1 from outbox where pbx = $1 and id = $2', [pbx, id]);
      if (known) return;
      const [counts = []] = await tx.query(
        `select count(*) filter (where created_at >= $2)::int, count(*) filter (where answers = $3 and created_at > $4)::int
         from outbox where pbx = $1 and answers is not null and state not in ('failed', 'withheld') and created_at > $5`,
        [
          ...[pbx, new Date(midnight), to[0], new Date(createdAt - notAgainForMs)],
          new Date(Math.min(midnight - 1, createdAt - notAgainForMs)),
        ],
      );
      const [today, lately] = counts.map(Number);
      const why =
        (lately ?? 0) > 0
          ? 'the client has had an answer lately'
          : dailyLimit !== null && (today ?? 0) >= dailyLimit
            ? `the limit of ${dailyLimit} a day is reached`
            : null;
      await tx.query(...insertion(parcel, why === null ? 'waiting' : 'withheld', why));
    });
  }
}

function insertion(parcel: Parcel, state: 'waiting' | 'withheld', why: string | null): [string, unknown[]] {
  const { pbx, id, way, home, to, content, createdAt, expiresAt, answer } = parcel;
  const recipients: Recipient[] = to.map((address) => ({ to: address, state: 'waiting' }));
  return [
    `insert into outbox (pbx, id, way, home, state, content, recipients, why, answers, created_at, due_at, expires_at, ended_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12) on conflict do nothing`,
    [
      ...[pbx, id, way, home, state, state === 'waiting' ? jsonLine(content) : null],
      ...[jsonLine(recipients), why, answer ? to[0] : null],
      ...[new Date(createdAt), new Date(expiresAt), state === 'withheld' ? new Date(createdAt) : null],
    ],
  ];
}

function item(row: unknown[]): Item {
  const [pbx, id, way, state, content, recipients, omitted, attempts, why, expiresAt, lease] = Row.parse(row);
  return { pbx, id, way, state, content, recipients, omitted, attempts, why, expiresAt: expiresAt.getTime(), lease };
}
