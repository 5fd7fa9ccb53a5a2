/** The thread that converts audio files, so that a long MP3 does not stop the one that sends a frame every 20 ms. */
import { parentPort } from 'node:worker_threads';
import { errorText, UserError } from '../../../errors.ts';
import { setThreadPriority } from '../../../thread-priority.ts';
import type { AudioClip } from './clip.ts';
import { convertAudio } from './convert.ts';

export interface ConvertRequest {
  readonly id: number;
  readonly path: string;
}

export type ConvertReply =
  | { readonly id: number; readonly clip: AudioClip }
  | {
      readonly id: number;
      readonly error: {
        readonly code: string | undefined;
        readonly message: string;
        readonly hint: string | undefined;
      };
    };

setThreadPriority('background');

parentPort?.on('message', async ({ id, path }: ConvertRequest) => {
  try {
    const clip = await convertAudio(path);
    const reply: ConvertReply = { id, clip };
    parentPort?.postMessage(reply, [clip.alaw.buffer as ArrayBuffer, clip.ulaw.buffer as ArrayBuffer]);
  } catch (error) {
    const known = error instanceof UserError ? error : undefined;
    const reply: ConvertReply = { id, error: { code: known?.code, message: errorText(error), hint: known?.hint } };
    parentPort?.postMessage(reply);
  }
});
