import { open, readFile, statfs, truncate } from 'node:fs/promises';
import { jsonLine } from '../../database/json-line.ts';
import { errorText, UserError } from '../../errors.ts';
import { mendWav, RECORDING_RATE, WAV_HEADER_BYTES } from '../../media/wav-file.ts';
import type { MessageFiles } from '../files.ts';
import { MessageBegun, readAs } from './message.ts';

/** Of one channel with 16 bits. */
const BYTES_PER_MS = (RECORDING_RATE * 2) / 1000;

/** Room that a message leaves to others, bytes. */
const SPARE_BYTES = 1_000_000;

/**
 * The files of messages, `<VAR_DIR>/messages/voicemail/<pbx>/<id>.wav`. Beside the audio of a message that is being spoken stands its draft,
 * `<id>.json`: what is known of it. A draft that is found at the start belongs to a message in whose middle the node died.
 */
export class MessageFolder {
  readonly #files: MessageFiles;

  constructor(files: MessageFiles) {
    this.#files = files;
  }

  audio(pbx: string, id: string): string {
    return this.#files.path(pbx, audioOf(id));
  }

  /** @throws UserError `no-room-for-message` */
  async begin(message: MessageBegun, maxMs: number): Promise<void> {
    try {
      const folder = this.#files.folder(message.pbx);
      const { bavail, bsize } = await statfs(folder);
      if (bavail * bsize < maxMs * BYTES_PER_MS + SPARE_BYTES) throw new Error('the disk is full');
      const draft = await open(this.#files.path(message.pbx, draftOf(message.id)), 'wx', 0o600);
      try {
        await draft.writeFile(jsonLine(message));
        await draft.datasync();
      } finally {
        await draft.close();
      }
    } catch (error) {
      await this.remove(message.pbx, message.id).catch(() => undefined);
      throw new UserError(
        'no-room-for-message',
        `Voice messages cannot be kept: ${errorText(error)}`,
        'Make room on the disk of VAR_DIR, or make its folder writable for the engine.',
      );
    }
  }

  /**
   * Nobody writes the audio any more: makes it whole, and safe from a loss of power.
   * @param tailMs to be cut off at its end
   * @returns its length, milliseconds; 0: there is none
   */
  async complete({ pbx, id }: MessageBegun, tailMs = 0): Promise<number> {
    const file = this.audio(pbx, id);
    if (!(await this.#files.size(pbx, audioOf(id)))) return 0;
    const ms = (await mendWav(file)) ?? 0;
    if (tailMs === 0 || ms <= tailMs) return ms;
    await truncate(file, WAV_HEADER_BYTES + Math.round(ms - tailMs) * BYTES_PER_MS);
    return (await mendWav(file)) ?? 0;
  }

  /** The message is safe elsewhere. */
  async settle({ pbx, id }: MessageBegun): Promise<void> {
    await this.#files.remove(pbx, draftOf(id));
  }

  async remove(pbx: string, id: string): Promise<void> {
    await this.#files.remove(pbx, audioOf(id));
    await this.#files.remove(pbx, draftOf(id));
  }

  /** The file, if it is on this node. */
  async find(pbx: string, id: string): Promise<string | undefined> {
    return (await this.#files.size(pbx, audioOf(id))) === undefined ? undefined : this.audio(pbx, id);
  }

  /** Messages that are being spoken, or were when an earlier run of the node ended. */
  async drafts(): Promise<MessageBegun[]> {
    const found: MessageBegun[] = [];
    for await (const { pbx, name } of this.#files.all()) {
      if (!name.endsWith('.json')) continue;
      const message = readAs(MessageBegun, await readFile(this.#files.path(pbx, name), 'utf8').catch(() => ''));
      if (message) found.push(message);
    }
    return found;
  }
}

const audioOf = (id: string): string => `${id}.wav`;
const draftOf = (id: string): string => `${id}.json`;
