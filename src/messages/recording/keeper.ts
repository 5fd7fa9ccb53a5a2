import { readFile, rename, writeFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { Recording as Settings } from '../../config/schema/messages.ts';
import type { PbxVersion } from '../../config/version.ts';
import { Emitter } from '../../emitter.ts';
import { errorText } from '../../errors.ts';
import { mendWav } from '../../media/wav-file.ts';
import type { Clock, TimerId } from '../../time/clock.ts';
import type { MessageFiles } from '../files.ts';
import type { Outbox } from '../outbox.ts';
import { recordingLetter } from '../texts/recording.ts';
import type { Encoder } from './encoder.ts';
import { downloadName } from './file-name.ts';
import { type Format, fileOf, mediaTypes, type Recorded, RecordingFacts } from './recorded.ts';
import type { RecordingStore } from './store.ts';

/** What could not be finished (the database is away, the disk is full) is tried again so often. */
const RETRY_MS = 60_000;

/**
 * Kilobits a second for each channel; undefined: as it was recorded. Speech of 8 kHz: `low` can be followed, `good` is hard to tell from the line. A minute in stereo is 120, 240, 360 and
 * 1920 KB.
 */
const KBPS: Readonly<Record<Settings['quality'], number | undefined>> = {
  low: 8,
  medium: 16,
  good: 24,
  high: undefined,
};

export interface KeeperOptions {
  readonly files: MessageFiles;
  readonly store: () => Promise<RecordingStore>;
  readonly encoder: Encoder;
  readonly outbox: Outbox;
  /** Undefined: there is no such PBX any more. */
  readonly pbx: (id: string) => PbxVersion | undefined;
  readonly node: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Sees each finished recording through: into the list, into the form in which it is kept, to those who get it by mail. What is known of it lies beside its file (`<id>.json`) until all of that
 * is done; each step may be taken twice. So whatever is interrupted, a crash in the middle of the recording included, goes on with the next start.
 */
export class Keeper {
  readonly events = new Emitter<{ kept: Recorded }>();
  readonly #options: KeeperOptions;
  /** Recordings that go on, or are in the queue. */
  readonly #busy = new Set<string>();
  #queue: Promise<void> = Promise.resolve();
  #timer: TimerId | undefined;
  #closed = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** Takes up what an earlier run has left, and from then on what has failed. */
  async open(): Promise<void> {
    await this.#takeUp();
    if (this.#closed) return;
    this.#timer = this.#options.clock.setTimeout(() => void this.open(), RETRY_MS);
  }

  /** A recording has begun. Resolves when what is known of it is on the disk, which may fail: it is then kept from memory alone. */
  async begins(facts: RecordingFacts): Promise<void> {
    const { files, log } = this.#options;
    this.#busy.add(facts.id);
    const path = files.path(facts.pbx, `${facts.id}.json`);
    try {
      await writeFile(`${path}.part`, JSON.stringify(facts), { mode: 0o640 });
      await rename(`${path}.part`, path);
    } catch (error) {
      log.error(
        { pbx: facts.pbx, recording: facts.id, error: errorText(error) },
        'a recording would not survive a crash',
      );
    }
  }

  /** It is over, and is to be kept. @param error why too early */
  keep(facts: RecordingFacts, error: string | null): void {
    this.#enqueue(facts.pbx, facts.id, async () => ({ facts, error }));
  }

  /** It is over, and is not to be kept. */
  async drop({ pbx, id }: Pick<RecordingFacts, 'pbx' | 'id'>): Promise<void> {
    const { files } = this.#options;
    for (const name of [`${id}.wav`, `${id}.mp3`, `${id}.json`]) await files.remove(pbx, name);
    this.#busy.delete(id);
  }

  /** Resolves when all that was to be kept until now has been seen through, or has failed for now. */
  settled(): Promise<void> {
    return this.#queue;
  }

  /** What is not done is done by the next run. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#options.clock.clearTimeout(this.#timer);
    await this.#options.encoder.close();
    await this.#queue;
  }

  async #takeUp(): Promise<void> {
    const { files, log } = this.#options;
    try {
      for await (const { pbx, name } of files.all()) {
        const [, id] = /^(.+)\.json$/.exec(name) ?? [];
        if (id === undefined || this.#busy.has(id)) continue;
        this.#busy.add(id);
        this.#enqueue(pbx, id, async () => {
          const text = await readFile(files.path(pbx, name), 'utf8');
          return { facts: RecordingFacts.parse(JSON.parse(text)), error: null };
        });
      }
    } catch (error) {
      log.error({ error: errorText(error) }, 'the folder of recordings cannot be read');
    }
  }

  /** One after the other: there may be hundreds after an outage. */
  #enqueue(
    pbx: string,
    id: string,
    read: () => Promise<{ readonly facts: RecordingFacts; readonly error: string | null }>,
  ): void {
    this.#queue = this.#queue.then(async () => {
      if (this.#closed) return;
      try {
        const { facts, error } = await read();
        await this.#see(facts, error);
      } catch (error) {
        if (!this.#closed) {
          this.#options.log.warn(
            { pbx, recording: id, error: errorText(error) },
            'a recording is not finished yet: it is tried again',
          );
        }
      } finally {
        this.#busy.delete(id);
      }
    });
  }

  async #see(facts: RecordingFacts, error: string | null): Promise<void> {
    const { files, log } = this.#options;
    const { pbx, id } = facts;
    let recorded = await this.#enter(facts, error);
    if (recorded && recorded.ms > 0) recorded = await this.#encode(facts, recorded);
    if (recorded && recorded.ms > 0) await this.#mail(facts, recorded);
    await files.remove(pbx, `${id}.json`);
    if (!recorded || !(await (await this.#options.store()).get(pbx, id))) {
      // It was too short, or was deleted meanwhile.
      await this.drop(facts);
      return;
    }
    log.debug({ pbx, recording: id, bytes: recorded.bytes, format: recorded.format }, 'recording kept');
  }

  /** Into the list, as soon as it can be heard. @returns undefined: it is not kept */
  async #enter(facts: RecordingFacts, error: string | null): Promise<Recorded | undefined> {
    const { files, node, log } = this.#options;
    const { pbx, id } = facts;
    const wav = await files.size(pbx, `${id}.wav`);
    const encoded = await files.size(pbx, `${id}.mp3`);
    if (wav === undefined && encoded !== undefined) return this.#known(facts, 'mp3', encoded);
    const ms = wav === undefined ? 0 : ((await mendWav(files.path(pbx, `${id}.wav`))) ?? 0);
    if (ms < facts.minMs && error === null) return undefined;
    const { quality: _, minMs: __, email: ___, ...rest } = facts;
    const bytes = (await files.size(pbx, `${id}.wav`)) ?? 0;
    const recorded: Recorded = {
      ...rest,
      ms: Math.round(ms),
      format: 'wav',
      bytes,
      stereo: true,
      mark: null,
      error,
      node,
    };
    if (!(await (await this.#options.store()).insert(recorded))) return this.#known(facts, 'wav', bytes);
    log.info(
      { pbx, call: facts.call, recording: id, ms: recorded.ms, ...(error && { error }) },
      'conversation recorded',
    );
    this.events.emit('kept', recorded);
    return recorded;
  }

  /** An earlier run has entered it. Undefined: it was deleted since. */
  async #known({ pbx, id }: RecordingFacts, format: Format, bytes: number): Promise<Recorded | undefined> {
    const known = await (await this.#options.store()).get(pbx, id);
    return known && { ...known, format, bytes };
  }

  async #encode(facts: RecordingFacts, recorded: Recorded): Promise<Recorded> {
    const { files, encoder } = this.#options;
    const { pbx, id, stereo } = facts;
    const kbps = KBPS[facts.quality];
    let made = recorded;
    if (recorded.format === 'wav' && (kbps !== undefined || !stereo)) {
      const format: Format = kbps === undefined ? 'wav' : 'mp3';
      const from = files.path(pbx, `${id}.wav`);
      const bytes = await encoder.encode({ from, to: files.path(pbx, fileOf({ id, format })), mono: !stereo, kbps });
      made = { ...recorded, format, bytes, stereo };
    }
    const store = await this.#options.store();
    await store.changeFile(pbx, id, { format: made.format, bytes: made.bytes, stereo });
    if (made.format !== 'wav') await files.remove(pbx, `${id}.wav`);
    return { ...made, stereo };
  }

  async #mail(facts: RecordingFacts, recorded: Recorded): Promise<void> {
    const { files, outbox, pbx: find, log } = this.#options;
    const pbx = find(facts.pbx);
    if (facts.email.length === 0 || !pbx) return;
    const { id, from, to, start, ms } = recorded;
    if (!pbx.document.mail) {
      log.warn({ pbx: pbx.id, recording: id }, 'a recording is not mailed: the PBX has no "mail"');
      return;
    }
    const { language, timezone } = pbx.document.pbx;
    const employee = recorded.employee === null ? undefined : pbx.employee(recorded.employee)?.name;
    const { subject, text } = recordingLetter(
      { language, timezone },
      { from, to, at: start, seconds: Math.round(ms / 1000), ...(employee === undefined ? {} : { employee }) },
    );
    await outbox.put({
      pbx: pbx.id,
      id: `recording-${id}`,
      to: facts.email,
      subject,
      text,
      attachments: [
        {
          path: files.path(pbx.id, fileOf(recorded)),
          name: downloadName(pbx, recorded),
          type: mediaTypes[recorded.format],
        },
      ],
      about: { kind: 'recording', id },
    });
  }
}
