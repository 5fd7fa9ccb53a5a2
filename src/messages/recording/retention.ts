import type { Logger } from 'pino';
import type { PbxVersion } from '../../config/version.ts';
import { errorText } from '../../errors.ts';
import type { Clock, TimerId } from '../../time/clock.ts';
import type { MessageFiles } from '../files.ts';
import { fileOf, type Recorded } from './recorded.ts';
import type { RecordingStore } from './store.ts';

/** The manual's "overwriting takes place every ten minutes" (§4.5.3.4); what is too old goes at the same time, not at nine in the evening only. */
const EVERY_MS = 600_000;
const DAY_MS = 86_400_000;
const BATCH = 100;

export interface RetentionOptions {
  readonly files: MessageFiles;
  readonly store: () => Promise<RecordingStore>;
  readonly pbxs: () => readonly PbxVersion[];
  readonly node: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly removed: (recorded: Recorded) => void;
}

/**
 * Removes recordings that are too old (`retentionDays`), and the oldest when there are too many (`maxBytes`, counted over all nodes). Favourites count, and stay. A file can be removed only where
 * it is, so each node removes those on its own disk and leaves the others to theirs: which ones is the same for all, and no two nodes have the same one to remove.
 */
export class Retention {
  readonly #options: RetentionOptions;
  #timer: TimerId | undefined;
  #running: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#arm();
  }

  /** Looks once, now. Never rejects. */
  run(): Promise<void> {
    this.#running = this.#running.then(async () => {
      for (const pbx of this.#options.pbxs()) {
        if (this.#closed) return;
        try {
          await this.#lookAt(pbx);
        } catch (error) {
          this.#options.log.warn(
            { pbx: pbx.id, error: errorText(error) },
            'old recordings were not removed: it is tried again',
          );
        }
      }
    });
    return this.#running;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#options.clock.clearTimeout(this.#timer);
    await this.#running;
  }

  #arm(): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      void this.run().then(() => {
        if (!this.#closed) this.#arm();
      });
    }, EVERY_MS);
  }

  async #lookAt(pbx: PbxVersion): Promise<void> {
    const { retentionDays, maxBytes } = pbx.document.recording;
    const { clock } = this.#options;
    if (retentionDays > 0) {
      const before = clock.now() - retentionDays * DAY_MS;
      await this.#removeWhile(pbx.id, before, () => true);
    }
    if (maxBytes === 0) return;
    let surplus = (await (await this.#options.store()).bytes(pbx.id)) - maxBytes;
    await this.#removeWhile(pbx.id, undefined, ({ bytes }) => {
      const isToGo = surplus > 0;
      surplus -= bytes;
      return isToGo;
    });
  }

  /** The oldest first, as long as they are to go. */
  async #removeWhile(pbx: string, before: number | undefined, isToGo: (recorded: Recorded) => boolean): Promise<void> {
    const { node } = this.#options;
    const store = await this.#options.store();
    const elsewhere = new Set<string>();
    for (;;) {
      const oldest = await store.oldest(pbx, BATCH + elsewhere.size, before);
      const fresh = oldest.filter(({ id }) => !elsewhere.has(id));
      for (const recorded of fresh) {
        if (this.#closed || !isToGo(recorded)) return;
        if (recorded.node === node || (await this.#isHere(recorded))) await this.#remove(recorded);
        else elsewhere.add(recorded.id);
      }
      if (fresh.length < BATCH) return;
    }
  }

  /** A node that was renamed has the files of its former name. */
  async #isHere(recorded: Recorded): Promise<boolean> {
    return (await this.#options.files.size(recorded.pbx, fileOf(recorded))) !== undefined;
  }

  async #remove(recorded: Recorded): Promise<void> {
    const { files, log, removed } = this.#options;
    const store = await this.#options.store();
    const { pbx, id } = recorded;
    // First out of the list: one who has marked it in this moment keeps the file.
    if (!(await store.remove(pbx, id, { unmarkedOnly: true }))) return;
    for (const name of [`${id}.json`, `${id}.wav`, `${id}.mp3`]) await files.remove(pbx, name);
    log.info({ pbx, recording: id }, 'recording removed: too old, or too much in all');
    removed(recorded);
  }
}
