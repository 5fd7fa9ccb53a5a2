import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import type { AudioClip } from './clip.ts';

/** Changes with the format of an entry or with the conversion itself, so that old entries are not taken. */
const MAGIC = Buffer.from('KMCLIP01');
const HEADER_BYTES = 16;

/** What makes one state of a file different from another. A copy that keeps the modification time still changes `ctime`. */
export const identityOf = (path: string, { size, mtimeNs, ctimeNs, ino }: BigIntStats): string =>
  `${path}\n${size} ${mtimeNs} ${ctimeNs} ${ino}`;

/**
 * Converted clips on disk. Layout of an entry: magic, number of samples (uint32 LE), CRC-32 of the rest, A-law bytes, µ-law bytes.
 * Several threads and processes may share the directory: entries appear whole (written aside, then renamed), and a damaged one counts as absent.
 */
export class ClipStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** @returns undefined if there is no valid entry. Never throws for a damaged one. */
  async get(path: string, identity: string): Promise<AudioClip | undefined> {
    const entry = await readFile(this.#file(path, identity)).catch(absent);
    return entry && decode(entry);
  }

  /** Also removes the entries of former states of the same file. @throws Error of node:fs, e.g. for a full disk */
  async put(path: string, identity: string, clip: AudioClip): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    const file = this.#file(path, identity);
    const aside = `${file}.${process.pid}-${threadId}.tmp`;
    try {
      await writeFile(aside, encode(clip));
      await rename(aside, file);
    } catch (error) {
      await rm(aside, { force: true });
      throw error;
    }
    await this.#removeOthers(path, file);
  }

  async #removeOthers(path: string, keep: string): Promise<void> {
    for (const name of await readdir(this.#directory)) {
      const file = join(this.#directory, name);
      if (name.startsWith(`${digest(path)}-`) && name.endsWith('.g711') && file !== keep)
        await rm(file, { force: true });
    }
  }

  #file(path: string, identity: string): string {
    return join(this.#directory, `${digest(path)}-${digest(identity)}.g711`);
  }
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 24);

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}

function encode({ alaw, ulaw, samples }: AudioClip): Buffer {
  const entry = Buffer.alloc(HEADER_BYTES + 2 * samples);
  MAGIC.copy(entry);
  entry.writeUInt32LE(samples, 8);
  entry.set(alaw, HEADER_BYTES);
  entry.set(ulaw, HEADER_BYTES + samples);
  entry.writeUInt32LE(crc32(entry.subarray(HEADER_BYTES)), 12);
  return entry;
}

function decode(entry: Buffer): AudioClip | undefined {
  if (entry.length < HEADER_BYTES || !entry.subarray(0, 8).equals(MAGIC)) return undefined;
  const samples = entry.readUInt32LE(8);
  const body = entry.subarray(HEADER_BYTES);
  if (samples === 0 || body.length !== 2 * samples || crc32(body) !== entry.readUInt32LE(12)) return undefined;
  return { alaw: body.subarray(0, samples), ulaw: body.subarray(samples), samples, ms: samples / 8 };
}
