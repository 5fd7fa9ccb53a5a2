import { access, mkdir, open, readdir, readFile, rm, statfs, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { jsonLine } from '../../database/json-line.ts';
import { errorText, UserError } from '../../errors.ts';
import { mendWav, RECORDING_RATE, WAV_HEADER_BYTES } from '../../media/wav-file.ts';
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
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  audio(pbx: string, id: string): string {
    return join(this.#directory, pbx, `${id}.wav`);
  }

  /** @throws UserError `no-room-for-message` */
  async begin(message: MessageBegun, maxMs: number): Promise<void> {
    const folder = join(this.#directory, message.pbx);
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const { bavail, bsize } = await statfs(folder);
      if (bavail * bsize < maxMs * BYTES_PER_MS + SPARE_BYTES) throw new Error('the disk is full');
      const draft = await open(this.#draft(message), 'wx', 0o600);
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
        `Voice messages cannot be kept in ${folder}: ${errorText(error)}`,
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
    if (!(await exists(file))) return 0;
    const ms = (await mendWav(file)) ?? 0;
    if (tailMs === 0 || ms <= tailMs) return ms;
    await truncate(file, WAV_HEADER_BYTES + Math.round(ms - tailMs) * BYTES_PER_MS);
    return (await mendWav(file)) ?? 0;
  }

  /** The message is safe elsewhere. */
  async settle(message: MessageBegun): Promise<void> {
    await rm(this.#draft(message), { force: true });
  }

  async remove(pbx: string, id: string): Promise<void> {
    await rm(this.audio(pbx, id), { force: true });
    await rm(this.#draft({ pbx, id }), { force: true });
  }

  /** The file, if it is on this node. */
  async find(pbx: string, id: string): Promise<string | undefined> {
    const file = this.audio(pbx, id);
    return (await exists(file)) ? file : undefined;
  }

  /** Messages that are being spoken, or were when an earlier run of the node ended. */
  async drafts(): Promise<MessageBegun[]> {
    const entries = await readdir(this.#directory, { recursive: true, withFileTypes: true }).catch((error) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const found = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.json'));
    const read = await Promise.all(
      found.map(async ({ parentPath, name }) =>
        readAs(MessageBegun, await readFile(join(parentPath, name), 'utf8').catch(() => '')),
      ),
    );
    return read.filter((message) => message !== undefined);
  }

  #draft({ pbx, id }: Pick<MessageBegun, 'pbx' | 'id'>): string {
    return join(this.#directory, pbx, `${id}.json`);
  }
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
