import type { Logger } from 'pino';
import type { Database } from '../database/port.ts';
import { Spool, type SpoolForm } from '../disk/spool.ts';
import type { RedisConnection } from '../redis/connection.ts';
import type { Clock } from '../time/clock.ts';
import type { Random } from '../time/random.ts';
import type { OpenCall } from './open-call.ts';
import { OpenCalls } from './open-calls.ts';
import type { CallRecord } from './record.ts';
import { HistoryRecorder } from './recorder.ts';
import { HistoryStore } from './store.ts';
import { HistoryStream, parseRecord, serialised } from './stream.ts';
import { VersionKeeper } from './version-keeper.ts';
import { type KeptVersion, VersionStore } from './version-store.ts';
import { HistoryWriter } from './writer.ts';

export type { HistoryFilter, HistoryPage } from './query.ts';
export { HistoryStore } from './store.ts';

export interface HistoryOptions {
  readonly redis: RedisConnection;
  /** With its migrations, see `migrated`. */
  readonly database: Database;
  /** `<VAR_DIR>/history-spool`. */
  readonly directory: string;
  /** NODE_ID: part of the writer's name, to be recognised in Redis. */
  readonly node: string;
  readonly pbxs: () => Iterable<string>;
  /** A call that another node was carrying when it died has been recorded by this one. */
  readonly onLost?: (record: CallRecord) => void;
  /** The Redis is this engine's own. */
  readonly alone: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface History {
  readonly store: HistoryStore;
  /** Versions of the configuration that calls have used. */
  readonly versions: VersionStore;
  /** These versions are in force from now on, all of them, and are to be kept. */
  inForce(versions: readonly KeptVersion[]): void;
  /** Keeps the record of a call that has ended; see `HistoryRecorder.record`. */
  record(record: CallRecord): Promise<void>;
  /** This call is there, or has become another: should this node die, another writes what there is of it. See `OpenCalls.keep`. */
  goesOn(pbx: string, id: string, told: () => OpenCall): void;
  /** This call is over: `record` comes next, if anything of it is to be kept. */
  ends(pbx: string, id: string, isKept: boolean): void;
  /** How many records are not in the database yet. Rejects with `RedisDownError` when that cannot be known. */
  pending(): Promise<number>;
  /** Resolves when everything recorded and kept so far is in the database, if that can be reached. */
  settled(): Promise<void>;
  /** Close this before Redis and the database. */
  close(): Promise<void>;
}

const recordForm: SpoolForm<CallRecord> = { what: 'call record', write: serialised, read: parseRecord };

/** Starts moving finished calls into the database. Whatever is away now is caught up with later. */
export function startHistory(options: HistoryOptions): History {
  const { redis, database, clock, log } = options;
  const name = `${options.node}-${options.random.hex(4)}`;
  const stream = new HistoryStream(redis, name);
  const store = new HistoryStore(database);
  const versions = new VersionStore(database);
  const keeper = new VersionKeeper({ store: versions, clock, log });
  const writer = new HistoryWriter({ stream, store, clock, log, pbxs: options.pbxs });
  const spool = new Spool(options.directory, recordForm, options.random, log);
  const recorder = new HistoryRecorder({ redis, stream, spool, clock, log, onAdded: (pbx) => writer.tell(pbx) });
  const open = new OpenCalls({
    ...{ redis, clock, log, name, node: options.node, alone: options.alone, pbxs: options.pbxs },
    onAdded: (pbx) => writer.tell(pbx),
    ...(options.onLost === undefined ? {} : { onLost: options.onLost }),
  });
  void writer.start(options.alone);
  void recorder.replay();
  return {
    store,
    versions,
    inForce: (all) => keeper.inForce(all),
    record: async (record) => {
      await recorder.record(record);
      open.over(record.pbx, record.id);
    },
    goesOn: (pbx, id, told) => open.keep(pbx, id, told),
    ends: (pbx, id, isKept) => (isKept ? open.ends(pbx, id) : open.over(pbx, id)),
    pending: async () => recorder.waiting + (await writer.waiting()),
    settled: async () => {
      await recorder.replay();
      await open.settled();
      await writer.idle();
      await keeper.idle();
    },
    close: async () => {
      await recorder.close();
      await open.close();
      await keeper.stop();
      await writer.stop();
    },
  };
}
