import { open } from 'node:fs/promises';
import { errorText } from '../../../errors.ts';
import { MAX_WAV_DATA_BYTES, WAV_HEADER_BYTES, wavHeader } from '../../../media/wav-file.ts';

/** A file that is being made. */
export interface NewFile {
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** True if nobody can find it any more: the file, or its folder, was removed. */
  isRemoved(): Promise<boolean>;
  close(): Promise<void>;
}

/** @throws Error of node:fs, `EEXIST` among them */
export type FileMaker = (path: string) => Promise<NewFile>;

/** What a disk may be behind. A recorder makes 32 KB in a second, so it has half a minute. */
const LARGEST_BACKLOG_BYTES = 1_000_000;

/**
 * The WAV file of one recording. Whoever records hands over blocks and goes on; they are written in their order, each followed by a header that counts it, so that the file
 * is whole at any time but for the block that is under way. After a failure what was written stays, and nothing more is.
 */
export class RecordingFile {
  readonly #path: string;
  readonly #channels: number;
  readonly #make: FileMaker;
  /** Called once, as soon as it is known that the rest cannot be written. */
  readonly #onFailure: () => void;
  #work: Promise<void>;
  #file: NewFile | undefined;
  #accepted = 0;
  #written = 0;
  #failure: string | undefined;
  /** What was taken and is not written cannot be written any more. */
  #broken = false;

  constructor(path: string, channels: number, make: FileMaker, onFailure: () => void) {
    this.#path = path;
    this.#channels = channels;
    this.#make = make;
    this.#onFailure = onFailure;
    this.#work = this.#open();
  }

  /** Why it cannot be written, in words for a person. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Of the audio that is safely in the file. */
  get writtenBytes(): number {
    return this.#written;
  }

  /** Room for more; less than a block means that a WAV file cannot be longer. */
  get room(): number {
    return MAX_WAV_DATA_BYTES - this.#accepted;
  }

  /** @param samples not changed by anybody from now on */
  append(samples: Int16Array): void {
    if (this.#failure !== undefined) return;
    if (this.#accepted - this.#written > LARGEST_BACKLOG_BYTES) {
      this.lag();
      return;
    }
    this.#accepted += samples.byteLength;
    this.#work = this.#work.then(() => this.#write(samples));
  }

  /** Nothing more is taken; what was taken is written if the disk comes round. */
  lag(): void {
    this.#fail('The disk does not keep up with the recording');
  }

  /** Resolves when all is in the file and it is closed. */
  async close(): Promise<void> {
    await this.#work;
    await this.#file?.close().catch((error: unknown) => this.#fail(describe(error, this.#path)));
    this.#file = undefined;
  }

  async #open(): Promise<void> {
    try {
      this.#file = await this.#make(this.#path);
      await this.#file.write(wavHeader(this.#channels, 0), 0);
    } catch (error) {
      this.#fail(describe(error, this.#path));
    }
  }

  async #write(samples: Int16Array): Promise<void> {
    const file = this.#file;
    if (this.#broken || !file) return;
    try {
      const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
      await file.write(bytes, WAV_HEADER_BYTES + this.#written);
      await file.write(wavHeader(this.#channels, this.#written + bytes.length), 0);
      this.#written += bytes.length;
      if (await file.isRemoved()) throw new Error(`${this.#path} was removed while it was being written`);
    } catch (error) {
      this.#broken = true;
      this.#fail(describe(error, this.#path));
    }
  }

  #fail(what: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = what;
    this.#onFailure();
  }
}

export const makeFile: FileMaker = async (path) => {
  const handle = await open(path, 'wx', 0o640);
  return {
    async write(bytes, position) {
      // A disk that is nearly full takes a part; the next attempt says why it takes no more.
      for (let done = 0; done < bytes.length; ) {
        done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
      }
    },
    isRemoved: async () => (await handle.stat()).nlink === 0,
    close: () => handle.close(),
  };
};

const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full',
  EDQUOT: 'The disk quota is used up',
  ENOENT: 'The folder does not exist',
  ENOTDIR: 'The folder does not exist',
  EEXIST: 'The file exists already',
  EACCES: 'The folder cannot be written',
  EPERM: 'The folder cannot be written',
  EROFS: 'The file system is read-only',
  EMFILE: 'Too many files are open',
  EIO: 'The disk has failed',
};

function describe(error: unknown, path: string): string {
  const words = WORDS[(error as NodeJS.ErrnoException).code ?? ''];
  return words === undefined ? errorText(error) : `${words}: ${path}`;
}
