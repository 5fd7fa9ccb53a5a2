import type { Logger } from 'pino';
import type { ConversationRecorder, Talk, TalkRecording } from '../../call/recording.ts';
import type { ConfigStore } from '../../config/store.ts';
import type { Database } from '../../database/port.ts';
import { Emitter } from '../../emitter.ts';
import type { Clock } from '../../time/clock.ts';
import type { Random } from '../../time/random.ts';
import { MessageFiles } from '../files.ts';
import type { Outbox } from '../outbox.ts';
import { Encoder } from './encoder.ts';
import { Keeper } from './keeper.ts';
import { fileOf, type Mark, type Recorded, type RecordingPage } from './recorded.ts';
import { Retention } from './retention.ts';
import type { RecordingStore } from './store.ts';
import { type RecordingChange, TalkRecorder } from './talk.ts';

export interface RecordingsOptions {
  /** May still be opening: nothing waits for it but what is to be kept. */
  readonly database: Promise<Database>;
  /** Absolute. */
  readonly varDir: string;
  readonly config: Pick<ConfigStore, 'all' | 'current'>;
  readonly outbox: Outbox;
  readonly node: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface RecordingEvents {
  recording: RecordingChange;
  /** In the list, and to be heard. */
  added: Recorded;
  removed: Recorded;
}

/** Recordings of conversations (§4.5.3) on this node: makes, keeps, shows and removes them. */
export class Recordings implements ConversationRecorder {
  readonly events = new Emitter<RecordingEvents>();
  readonly #store: () => Promise<RecordingStore>;
  readonly #files: MessageFiles;
  readonly #keeper: Keeper;
  readonly #retention: Retention;
  readonly #options: RecordingsOptions;

  constructor(options: RecordingsOptions) {
    const { database, varDir, config, outbox, node, clock, log } = options;
    this.#options = options;
    this.#files = new MessageFiles(varDir, 'recordings');
    const files = this.#files;
    // The library for its statements takes half a second to load, and no call waits for it.
    let opening: Promise<RecordingStore> | undefined;
    const store = () => {
      opening ??= Promise.all([import('./store.ts'), database]).then(
        ([{ RecordingStore }, it]) => new RecordingStore(it),
      );
      return opening;
    };
    this.#store = store;
    const encoder = new Encoder(clock);
    this.#keeper = new Keeper({ files, store, encoder, outbox, pbx: (id) => config.current(id), node, clock, log });
    this.#keeper.events.on('kept', (recorded) => this.#tell('added', recorded));
    const removed = (recorded: Recorded) => this.#tell('removed', recorded);
    this.#retention = new Retention({ files, store, pbxs: () => config.all(), node, clock, log, removed });
  }

  /** Takes up what an earlier run has left, such as what was recorded when it died. */
  open(): Promise<void> {
    return this.#keeper.open();
  }

  begin(talk: Talk): TalkRecording {
    const { clock, random, log } = this.#options;
    return new TalkRecorder(talk, {
      files: this.#files,
      keeper: this.#keeper,
      clock,
      random,
      log,
      tell: (change) => this.#tell('recording', change),
    });
  }

  async get(pbx: string, id: string): Promise<Recorded | undefined> {
    return (await this.#store()).get(pbx, id);
  }

  /** @throws BadCursorError */
  async query(...asked: Parameters<RecordingStore['query']>): Promise<RecordingPage> {
    return (await this.#store()).query(...asked);
  }

  /** Where the file is; undefined: it is on another node's disk. */
  async fileOf(recorded: Recorded): Promise<string | undefined> {
    const name = fileOf(recorded);
    const isOurs = recorded.node === this.#options.node || (await this.#files.size(recorded.pbx, name)) !== undefined;
    return isOurs ? this.#files.path(recorded.pbx, name) : undefined;
  }

  /** @returns `elsewhere`: its file is on the disk of another node, which has to be asked */
  async remove(pbx: string, id: string): Promise<'removed' | 'none' | 'elsewhere'> {
    const store = await this.#store();
    const recorded = await store.get(pbx, id);
    if (!recorded) return 'none';
    if ((await this.fileOf(recorded)) === undefined) return 'elsewhere';
    if (!(await store.remove(pbx, id))) return 'none';
    await this.#keeper.drop(recorded);
    this.#tell('removed', recorded);
    return 'removed';
  }

  /** @returns undefined: there is no such recording */
  async mark(pbx: string, id: string, mark: Mark | null): Promise<Recorded | undefined> {
    const store = await this.#store();
    return (await store.setMark(pbx, id, mark)) ? store.get(pbx, id) : undefined;
  }

  /** Looks now for what is to be removed, as it does every ten minutes. */
  prune(): Promise<void> {
    return this.#retention.run();
  }

  /** Resolves when all that has been recorded is in its final form, or has failed for now. */
  settled(): Promise<void> {
    return this.#keeper.settled();
  }

  async close(): Promise<void> {
    await Promise.all([this.#keeper.close(), this.#retention.close()]);
  }

  /** What goes wrong for those who watch is no business of the recording. */
  #tell<K extends keyof RecordingEvents>(event: K, payload: RecordingEvents[K]): void {
    try {
      this.events.emit(event, payload);
    } catch (error) {
      this.#options.log.error({ err: error }, 'listener of recordings failed');
    }
  }
}

export { downloadName } from './file-name.ts';
export { mediaTypes, type Recorded } from './recorded.ts';
export type { RecordingChange } from './talk.ts';
