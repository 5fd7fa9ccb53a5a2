/** Recording, the part of the media port that leaves a file behind: `Endpoint.record`. The file is a WAV, 8 kHz, 16 bit (`wav-file.ts`). */

export interface RecordOptions {
  /** Absolute path of a file that does not exist yet; its folder exists. Written while the recording goes on. */
  readonly file: string;
  /** `peer`: what the peer of this endpoint says, one channel. `both`: left what he says, right what he hears. */
  readonly sides: 'peer' | 'both';
  /** Ends the recording by itself after so much of it. */
  readonly maxMs?: number;
  /** Ends it after so long without speech on the peer's side (voicemail: 5 s). */
  readonly silenceMs?: number;
}

/**
 * Time in the file is time on the clock: what is lost, withheld or not sent (a hold) is silence of the same length, and both channels stay
 * aligned whatever becomes of the streams. A crash loses at most the last second.
 */
export interface Recording {
  /** Always resolves, never rejects. */
  readonly ended: Promise<RecordingEnd>;
  /** Takes effect with the next frame; the file is complete and closed when it resolves. Idempotent. */
  stop(): Promise<RecordingEnd>;
}

export interface RecordingEnd {
  readonly reason: 'stopped' | 'maxLength' | 'silence' | 'endpointGone' | 'failed';
  /** Length of what is in the file. */
  readonly ms: number;
  /** Part of it in which there was speech, where the reason is told by the caller's silence. */
  readonly speechMs?: number;
  /** Of `failed`: what (disk full, folder gone). What was written before stays. */
  readonly error?: string;
}
