import { stat } from 'node:fs/promises';
import { errorText } from '../../../errors.ts';
import type { Clock } from '../../../time/clock.ts';
import { audioError } from './audio-stream.ts';
import type { AudioClip } from './clip.ts';
import { ClipStore, identityOf } from './clip-store.ts';
import { Converter } from './converter.ts';

/** §4.6.2. */
const MAX_FILE_BYTES = 20 * 1024 * 1024;
const DEFAULT_MEMORY_LIMIT = 64 * 1024 * 1024;

export interface AudioFilesOptions {
  readonly clock: Clock;
  /** Where converted files are kept between runs; made if need be. Without it each run converts anew. */
  readonly cacheDirectory?: string;
  /** Clips kept in memory, bytes of both laws together; the least recently used go first. Default 64 MiB. */
  readonly memoryLimit?: number;
  /** Called once when the disk cache cannot be used, and again after it worked in between. Audio still plays. */
  readonly onWarning?: (warning: { readonly message: string; readonly hint: string }) => void;
}

/** The clips of audio files: converted once by a thread of its own, then kept on disk and in memory. */
export interface AudioFiles {
  /**
   * The file as it is now: one that was changed since the last call is converted anew. Calls for the same file share one conversion.
   * @param path absolute
   * @param once it is converted for this call alone, and kept neither on disk nor in memory
   * @throws UserError `audio-missing`, `audio-unreadable`, `audio-too-big`, `audio-format`, `audio-broken`, `audio-empty`
   */
  load(path: string, once?: boolean): Promise<AudioClip>;
  /** What the memory cache holds. */
  stats(): { readonly clips: number; readonly bytes: number };
  /** Loads in progress are rejected. Idempotent. */
  close(): Promise<void>;
}

export const createAudioFiles = (options: AudioFilesOptions): AudioFiles => new CachedAudioFiles(options);

class CachedAudioFiles implements AudioFiles {
  readonly #options: AudioFilesOptions;
  readonly #converter: Converter;
  readonly #store: ClipStore | undefined;
  /** In order of last use. */
  readonly #memory = new Map<string, { readonly identity: string; readonly clip: AudioClip }>();
  readonly #loading = new Map<string, Promise<AudioClip>>();
  #bytes = 0;
  #storeWorks = true;

  constructor(options: AudioFilesOptions) {
    this.#options = options;
    this.#converter = new Converter(options.clock);
    this.#store = options.cacheDirectory === undefined ? undefined : new ClipStore(options.cacheDirectory);
  }

  async load(path: string, once = false): Promise<AudioClip> {
    const identity = await identify(path);
    if (once) return this.#converter.convert(path);
    const kept = this.#memory.get(path);
    if (kept?.identity === identity) {
      this.#memory.delete(path);
      this.#memory.set(path, kept);
      return kept.clip;
    }
    const running = this.#loading.get(identity);
    if (running) return running;
    const loading = this.#loadAnew(path, identity).finally(() => this.#loading.delete(identity));
    this.#loading.set(identity, loading);
    return loading;
  }

  stats(): { clips: number; bytes: number } {
    return { clips: this.#memory.size, bytes: this.#bytes };
  }

  close(): Promise<void> {
    return this.#converter.close();
  }

  async #loadAnew(path: string, identity: string): Promise<AudioClip> {
    let clip = await this.#stored((store) => store.get(path, identity));
    if (!clip) {
      const converted = await this.#converter.convert(path);
      await this.#stored((store) => store.put(path, identity, converted));
      clip = converted;
    }
    this.#remember(path, identity, clip);
    return clip;
  }

  /** The disk cache saves time and nothing else: when it fails, that is reported and the work goes on. */
  async #stored<T>(action: (store: ClipStore) => Promise<T>): Promise<T | undefined> {
    if (!this.#store) return undefined;
    try {
      const result = await action(this.#store);
      this.#storeWorks = true;
      return result;
    } catch (error) {
      if (this.#storeWorks) {
        this.#options.onWarning?.({
          message: `Converted audio cannot be kept in ${this.#options.cacheDirectory}: ${errorText(error)}`,
          hint: 'Make the directory writable and see that the disk is not full; until then audio files are converted at each start.',
        });
      }
      this.#storeWorks = false;
      return undefined;
    }
  }

  #remember(path: string, identity: string, clip: AudioClip): void {
    this.#forget(path);
    const limit = this.#options.memoryLimit ?? DEFAULT_MEMORY_LIMIT;
    if (2 * clip.samples > limit) return;
    this.#memory.set(path, { identity, clip });
    this.#bytes += 2 * clip.samples;
    for (const oldest of this.#memory.keys()) {
      if (this.#bytes <= limit) break;
      this.#forget(oldest);
    }
  }

  #forget(path: string): void {
    this.#bytes -= 2 * (this.#memory.get(path)?.clip.samples ?? 0);
    this.#memory.delete(path);
  }
}

async function identify(path: string): Promise<string> {
  const stats = await stat(path, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
    const missing = error.code === 'ENOENT' || error.code === 'ENOTDIR';
    throw missing
      ? audioError('audio-missing', path, 'does not exist', { cause: error })
      : audioError('audio-unreadable', path, `cannot be read: ${error.message}`, { cause: error });
  });
  if (!stats.isFile()) throw audioError('audio-unreadable', path, 'is not a regular file');
  if (stats.size > MAX_FILE_BYTES) {
    const megabytes = (Number(stats.size) / 2 ** 20).toFixed(1);
    throw audioError('audio-too-big', path, `has ${megabytes} MB; 20 MB are allowed`);
  }
  return identityOf(path, stats);
}
