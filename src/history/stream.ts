import { z } from 'zod';
import { jsonLine } from '../database/json-line.ts';
import type { RedisConnection } from '../redis/connection.ts';
import { anyHistoryKey, Keys, pbxOfKey } from '../redis/keys.ts';
import { script } from '../redis/script.ts';
import { CallRecord } from './record.ts';

/**
 * The Redis stream between the end of a call and the database. An entry stays on it until a writer has committed it; an entry whose writer died is
 * handed to another.
 */
export interface TakenEntry {
  readonly id: string;
  /** As it stands on the stream. */
  readonly text: string;
  /** Undefined when the text is no call record. */
  readonly record: CallRecord | undefined;
}

const group = 'database';
const ownKept = 200;
const file = (name: string) => new URL(`scripts/${name}.lua`, import.meta.url);

const add = script(file('history-add'), {
  keys: (k, node) => [k.history(), k.openCalls(node)[1]],
  args: (_node: string, entries: readonly (readonly [id: string, text: string])[]) => [JSON.stringify(entries)],
  reply: z.number(),
});

const take = script(file('history-take'), {
  keys: (k) => [k.history()],
  args: (writer: string, idleMs: number, limit: number) => [group, writer, idleMs, limit],
  reply: z.array(z.string()),
});

const done = script(file('history-done'), {
  keys: (k) => [k.history()],
  args: (ids: readonly string[]) => [group, JSON.stringify(ids)],
  reply: z.number(),
});

const reject = script(file('history-reject'), {
  keys: (k) => [k.history(), k.historyRejected()],
  args: (entry: TakenEntry, reason: string) => [group, entry.id, entry.text, reason],
  reply: z.number(),
});

export class HistoryStream {
  readonly #redis: RedisConnection;
  readonly #writer: string;
  /** Records that were added here, by their text, which another writer may take: what one has made himself he need not read. */
  readonly #own = new Map<string, CallRecord>();

  /** @param writer a name that no other process has, and this one not after a restart */
  constructor(redis: RedisConnection, writer: string) {
    this.#redis = redis;
    this.#writer = writer;
  }

  /** Adds records of one PBX. What was kept of the calls while they went on goes in the same step (`OpenCalls`). */
  async add(pbx: string, records: readonly CallRecord[]): Promise<void> {
    const entries = records.map((record) => [record.id, serialised(record)] as const);
    entries.forEach(([, text], at) => {
      this.#own.set(text, records[at] as CallRecord);
    });
    for (const text of this.#own.keys()) {
      if (this.#own.size <= ownKept) break;
      this.#own.delete(text);
    }
    await add(this.#redis, pbx, this.#writer, entries);
  }

  /**
   * Up to `limit` entries for this writer, the oldest first.
   * @param idleMs an entry that another writer took so long ago counts as abandoned
   */
  async take(pbx: string, idleMs: number, limit: number): Promise<TakenEntry[]> {
    const flat = await take(this.#redis, pbx, this.#writer, idleMs, limit);
    const entries: TakenEntry[] = [];
    for (let i = 0; i < flat.length; i += 2) {
      const text = flat[i + 1] ?? '';
      entries.push({ id: flat[i] as string, text, record: this.#own.get(text) ?? parseRecord(text) });
      this.#own.delete(text);
    }
    return entries;
  }

  /** Takes entries off the stream. */
  async done(pbx: string, entries: readonly TakenEntry[]): Promise<void> {
    await done(
      this.#redis,
      pbx,
      entries.map(({ id }) => id),
    );
  }

  /** Puts an entry aside that can never be stored, for a person to look at. */
  async reject(pbx: string, entry: TakenEntry, reason: string): Promise<void> {
    await reject(this.#redis, pbx, entry, reason);
  }

  /** How many entries wait, those that a writer has taken included. */
  length(pbx: string): Promise<number> {
    return this.#redis.use((client) => client.xlen(new Keys(pbx).history()));
  }

  /** Whose records wait in Redis, also of PBXs that the configuration does not have any more. Walks all keys: for the start only. */
  async waitingPbxs(): Promise<string[]> {
    const found = new Set<string>();
    for (const server of this.#redis.servers()) {
      for (let cursor = '0'; ; ) {
        const [next, keys] = await this.#redis.use(() => server.scan(cursor, 'MATCH', anyHistoryKey, 'COUNT', 1000));
        for (const key of keys) found.add(pbxOfKey(key) ?? '');
        cursor = next;
        if (cursor === '0') break;
      }
    }
    found.delete('');
    return [...found];
  }
}

export const serialised: (record: CallRecord) => string = jsonLine;

export function parseRecord(text: string): CallRecord | undefined {
  try {
    return CallRecord.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
