import type { Clock } from '../../../time/clock.ts';
import type { AudioClip } from './clip.ts';

export interface AudioFilesOptions {
  readonly clock: Clock;
  /** Where converted files are kept between runs; made if need be. Without it each run converts anew. */
  readonly cacheDirectory?: string;
  /** Clips kept in memory, bytes of both laws together; the least recently used go first. Default 64 MiB. */
  readonly memoryLimit?: number;
  /** Called when the disk cache cannot be used. Audio still plays. */
  readonly onWarning?: (warning: { readonly message: string; readonly hint: string }) => void;
}

/** The clips of audio files: converted once, then kept on disk and in memory. */
export interface AudioFiles {
  /** @throws UserError `audio-missing`, `audio-unreadable`, `audio-too-big`, `audio-format`, `audio-broken`, `audio-empty` */
  load(path: string): Promise<AudioClip>;
  close(): Promise<void>;
}

export declare function createAudioFiles(options: AudioFilesOptions): AudioFiles;
