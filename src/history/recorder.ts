import type { Logger } from 'pino';
import type { Spool } from '../disk/spool.ts';
import { type RedisConnection, RedisDownError } from '../redis/connection.ts';
import type { Clock, TimerId } from '../time/clock.ts';
import type { CallRecord } from './record.ts';
import type { HistoryStream } from './stream.ts';

/** Milliseconds. */
const replayEvery = 30_000;

/**
 * Takes the record of a call that has just ended, and gives it to somebody who will not forget it: Redis, or else the disk, or else (a full disk) this
 * process's memory until one of the two is back.
 */
export class HistoryRecorder {
  readonly #redis: RedisConnection;
  readonly #stream: HistoryStream;
  readonly #spool: Spool<CallRecord>;
  readonly #onAdded: (pbx: string) => void;
  readonly #log: Logger;
  #inMemory: CallRecord[] = [];
  #replaying: Promise<void> | undefined;
  readonly #clock: Clock;
  readonly #off: () => void;
  #timer: TimerId;

  constructor(parts: {
    readonly clock: Clock;
    readonly redis: RedisConnection;
    readonly stream: HistoryStream;
    readonly spool: Spool<CallRecord>;
    readonly onAdded: (pbx: string) => void;
    readonly log: Logger;
  }) {
    this.#redis = parts.redis;
    this.#stream = parts.stream;
    this.#spool = parts.spool;
    this.#onAdded = parts.onAdded;
    this.#log = parts.log;
    this.#clock = parts.clock;
    this.#off = this.#redis.on('up', () => void this.replay());
    this.#arm();
  }

  /** Resolves when the record is as safe as it can be made now; never rejects. */
  async record(record: CallRecord): Promise<void> {
    try {
      await this.#add([record]);
    } catch (error) {
      if (!(error instanceof RedisDownError))
        this.#log.error({ err: error, call: record.id }, 'Redis refused a call record');
      await this.#keep(record);
    }
  }

  /** How many records wait on the disk or in memory, of those that were recorded since the start. */
  get waiting(): number {
    return this.#spool.waiting + this.#inMemory.length;
  }

  /** Hands on what has waited on the disk and in memory. Done at the start and whenever Redis is back; never rejects. */
  replay(): Promise<void> {
    this.#replaying ??= this.#replay()
      .catch((error) => {
        if (!(error instanceof RedisDownError))
          this.#log.error({ err: error }, 'the history spool could not be replayed');
      })
      .finally(() => {
        this.#replaying = undefined;
      });
    return this.#replaying;
  }

  async close(): Promise<void> {
    this.#off();
    this.#clock.clearTimeout(this.#timer);
    await this.#replaying;
    for (const record of this.#inMemory.splice(0)) await this.#keep(record);
    await this.#spool.close();
  }

  /** Redis may have refused records without having been away: its memory was full. */
  #arm(): void {
    this.#timer = this.#clock.setTimeout(() => {
      void this.replay();
      this.#arm();
    }, replayEvery);
  }

  async #replay(): Promise<void> {
    if (!this.#redis.up) return;
    const count = await this.#spool.drain((records) => this.#add(records));
    while (this.#inMemory[0]) {
      await this.#add([this.#inMemory[0]]);
      this.#inMemory.shift();
    }
    if (count > 0) this.#log.info({ count }, 'call records that had waited for Redis were handed on');
  }

  async #add(records: readonly CallRecord[]): Promise<void> {
    for (const [pbx, own = []] of Map.groupBy(records, (record) => record.pbx)) {
      await this.#stream.add(pbx, own);
      this.#onAdded(pbx);
    }
  }

  async #keep(record: CallRecord): Promise<void> {
    try {
      await this.#spool.append(record);
    } catch (error) {
      this.#log.error({ err: error, call: record.id }, 'neither Redis nor the disk takes call records: kept in memory');
      this.#inMemory.push(record);
    }
    // Redis may have come back in between, and its "up" have found nothing.
    if (this.#redis.up) void this.replay();
  }
}
