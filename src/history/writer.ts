import type { Logger } from 'pino';
import { DatabaseDownError, DatabaseError } from '../database/port.ts';
import { errorText } from '../errors.ts';
import { RedisDownError } from '../redis/connection.ts';
import { type Clock, delay, type TimerId } from '../time/clock.ts';
import type { HistoryStore } from './store.ts';
import type { HistoryStream, TakenEntry } from './stream.ts';

export interface WriterOptions {
  readonly stream: HistoryStream;
  readonly store: HistoryStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** The PBXs of the configuration: other nodes may have left records of any of them. */
  readonly pbxs: () => Iterable<string>;
  /** How often to look for entries that nobody told of: of dead writers, of other nodes. Milliseconds. */
  readonly sweepEvery?: number;
  /** After this an entry that another writer took counts as abandoned. Milliseconds. */
  readonly idle?: number;
}

/** The longest pause between two attempts to reach the database, in milliseconds. */
const longestPause = 10_000;
const batchSize = 200;
/** From one batch of a PBX to the next, milliseconds: when many calls end, their records go together, as one transaction costs as much as several of them. */
const gatherMs = 200;

/**
 * Moves records from the streams to the database, at once when few calls end. An entry leaves the stream after it was committed: a writer that dies in between leaves it to another, whose
 * second insert the primary key turns into nothing.
 */
export class HistoryWriter {
  readonly #stream: HistoryStream;
  readonly #store: HistoryStore;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #sweepEvery: number;
  readonly #idle: number;
  readonly #configured: () => Iterable<string>;
  /** PBXs that had a record here, or had one waiting when this engine started: they may not be configured any more. */
  readonly #seen = new Set<string>();
  /** PBXs with something new since their run began to take. */
  readonly #told = new Set<string>();
  readonly #runs = new Map<string, Promise<void>>();
  /** When the last batch of a PBX was begun, by the monotonic clock. */
  readonly #begun = new Map<string, number>();
  readonly #stopping = new AbortController();
  #timer: TimerId;

  constructor(options: WriterOptions) {
    this.#stream = options.stream;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#configured = options.pbxs;
    this.#sweepEvery = options.sweepEvery ?? 5000;
    this.#idle = options.idle ?? 30_000;
  }

  /**
   * Looks for what an earlier run has left, and begins to sweep. Resolves when it has looked; never rejects.
   * @param alone this engine has the Redis for itself, so that whoever took an entry before is dead
   */
  async start(alone: boolean): Promise<void> {
    this.#arm();
    try {
      for (const pbx of await this.#stream.waitingPbxs()) this.tell(pbx, alone ? 0 : this.#idle);
    } catch (error) {
      this.#complain(error, 'looking for waiting call records failed');
    }
  }

  /** There is something on this PBX's stream. */
  tell(pbx: string, idle = this.#idle): void {
    if (this.#stopping.signal.aborted) return;
    this.#seen.add(pbx);
    this.#told.add(pbx);
    if (this.#runs.has(pbx)) return;
    const run = this.#run(pbx, idle)
      .catch((error) => this.#complain(error, 'writing call records failed'))
      .finally(() => {
        this.#runs.delete(pbx);
        // Told after the run's last look, and before its end was known.
        if (this.#told.has(pbx)) this.tell(pbx);
      });
    this.#runs.set(pbx, run);
  }

  /** Resolves when nothing is being written: after a `tell`, when what was on the stream is in the database. */
  async idle(): Promise<void> {
    while (this.#runs.size > 0) await Promise.all(this.#runs.values());
  }

  /** Lets a batch that is being stored finish, and leaves the rest on the stream. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#clock.clearTimeout(this.#timer);
    await this.idle();
  }

  /** How many records wait in Redis. */
  async waiting(): Promise<number> {
    const lengths = await Promise.all([...this.#pbxs()].map((pbx) => this.#stream.length(pbx)));
    return lengths.reduce((sum, length) => sum + length, 0);
  }

  #pbxs(): Set<string> {
    return new Set([...this.#seen, ...this.#configured()]);
  }

  #arm(): void {
    this.#timer = this.#clock.setTimeout(() => {
      for (const pbx of this.#pbxs()) this.tell(pbx);
      this.#arm();
    }, this.#sweepEvery);
  }

  async #run(pbx: string, idle: number): Promise<void> {
    while (this.#told.has(pbx)) {
      await this.#gather(pbx);
      this.#told.delete(pbx);
      for (;;) {
        if (this.#stopping.signal.aborted) return;
        const entries = await this.#stream.take(pbx, idle, batchSize);
        if (entries.length === 0) break;
        await this.#move(pbx, entries);
      }
    }
  }

  async #gather(pbx: string): Promise<void> {
    const last = this.#begun.get(pbx);
    const left = last === undefined ? 0 : last + gatherMs - this.#clock.monotonic();
    if (left > 0) await delay(this.#clock, left, this.#stopping.signal).catch(() => undefined);
    this.#begun.set(pbx, this.#clock.monotonic());
  }

  /**
   * Stores one batch and takes it off the stream; tries for as long as the database is away. When a record of it does not fit, each goes by
   * itself, so that it does not hold up the others.
   */
  async #move(pbx: string, entries: readonly TakenEntry[]): Promise<void> {
    for (let pause = 100; ; pause = Math.min(longestPause, pause * 2)) {
      try {
        await this.#store.insert(entries.flatMap(({ record }) => (record ? [record] : [])));
        break;
      } catch (error) {
        if (error instanceof DatabaseError && error.isAboutData) {
          if (entries[0] && entries.length === 1) return this.#reject(pbx, entries[0], errorText(error));
          for (const entry of entries) await this.#move(pbx, [entry]);
          return;
        }
        this.#complain(error, 'call records wait for the database');
        await delay(this.#clock, pause, this.#stopping.signal);
      }
    }
    const stored = entries.filter(({ record }) => record);
    if (stored.length > 0) await this.#stream.done(pbx, stored);
    for (const entry of entries) {
      if (!entry.record) await this.#reject(pbx, entry, 'not a call record');
    }
  }

  async #reject(pbx: string, entry: TakenEntry, reason: string): Promise<void> {
    this.#log.error(
      { pbx, call: entry.record?.id, entry: entry.id, reason },
      'a call record was put aside: it cannot be stored',
    );
    await this.#stream.reject(pbx, entry, reason);
  }

  /** Outages are told by whoever owns the connection; only what is not an outage is an error here. */
  #complain(error: unknown, what: string): void {
    if (this.#stopping.signal.aborted) return;
    const isOutage = error instanceof RedisDownError || error instanceof DatabaseDownError;
    this.#log[isOutage ? 'warn' : 'error']({ err: error }, what);
  }
}
