import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { audioLength } from '../media/audio-length.ts';
import type { Recording, RecordingEnd, RecordOptions } from '../media/recorder.ts';
import type { Clock, TimerId } from '../time/clock.ts';
import type { Channel } from './channel.ts';

/** FreeSWITCH writes the file itself, by the path that we give. */
export class FreeswitchRecording implements Recording {
  readonly ended: Promise<RecordingEnd>;
  readonly #channel: Channel;
  readonly #options: RecordOptions;
  readonly #clock: Clock;
  readonly #over = Promise.withResolvers<RecordingEnd['reason']>();
  #asked: 'stopped' | 'maxLength' | 'endpointGone' | undefined;
  #started = false;
  #nothingSaid = false;

  constructor(channel: Channel, options: RecordOptions, clock: Clock) {
    this.#channel = channel;
    this.#options = options;
    this.#clock = clock;
    this.ended = this.#run();
  }

  stop(): Promise<RecordingEnd> {
    return this.#end('stopped');
  }

  /**
   * Its endpoint is about to go. Of a channel that is hung up FreeSWITCH closes the file a moment after it has said so, and does not say when: what is read before has no
   * length.
   */
  close(): Promise<RecordingEnd> {
    return this.#end('endpointGone');
  }

  async #run(): Promise<RecordingEnd> {
    const { file, maxMs } = this.#options;
    const channel = this.#channel;
    if (channel.isGone) return { reason: 'endpointGone', ms: 0 };
    const problem = problemOf(file);
    if (problem !== undefined) return { reason: 'failed', ms: 0, error: problem };
    if (this.#asked) return { reason: this.#asked, ms: 0 };
    const off = channel.on('RECORD_STOP', (event) => {
      if (event.getHeader('Record-File-Path') !== file) return;
      const cause = event.getHeader('Record-Completion-Cause');
      this.#nothingSaid = cause === 'no-input-timeout';
      this.#over.resolve(this.#reasonOf(cause));
    });
    void channel.gone.then(() => this.#over.resolve('endpointGone'));
    let timer: TimerId;
    try {
      const answer = await channel.api('uuid_record', 'start', file, '0', this.#variables());
      if (answer !== undefined && !answer.startsWith('+OK')) {
        return { reason: 'failed', ms: 0, error: `FreeSWITCH cannot write ${file}: ${answer}` };
      }
      this.#started = true;
      if (this.#asked) await this.#stop();
      if (maxMs !== undefined) timer = this.#clock.setTimeout(() => void this.#end('maxLength'), maxMs);
      const reason = await this.#over.promise;
      const ms = Math.round(audioLength(file) ?? 0);
      const { silenceMs } = this.#options;
      const speechMs = this.#nothingSaid ? 0 : Math.max(0, ms - (silenceMs ?? 0));
      const speech = reason === 'silence' ? { speechMs } : {};
      if (reason === 'failed') return { reason, ms, error: `FreeSWITCH could not go on writing ${file}` };
      return { reason, ms, ...speech };
    } finally {
      off();
      this.#clock.clearTimeout(timer);
    }
  }

  #end(reason: 'stopped' | 'maxLength' | 'endpointGone'): Promise<RecordingEnd> {
    if (this.#asked === undefined) {
      this.#asked = reason;
      if (this.#started) void this.#stop();
    }
    return this.ended;
  }

  /** Answered by RECORD_STOP when the file is complete; one that has ended by itself is refused, and its RECORD_STOP is on its way. */
  async #stop(): Promise<void> {
    await this.#channel.api('uuid_record', 'stop', this.#options.file);
  }

  #reasonOf(cause: string | undefined): RecordingEnd['reason'] {
    if (cause === 'uri-failure') return 'failed';
    if (this.#asked) return this.#asked;
    // Of a call that was hung up FreeSWITCH says so too.
    return this.#channel.isGone || this.#options.silenceMs === undefined ? 'endpointGone' : 'silence';
  }

  #variables(): string {
    const { sides, silenceMs } = this.#options;
    const variables = {
      ...(sides === 'both' ? { RECORD_STEREO: 'true' } : { RECORD_READ_ONLY: 'true' }),
      // Else what is shorter than three seconds is thrown away.
      RECORD_MIN_SEC: '0',
      record_sample_rate: '8000',
      // Else nothing is written of what is shorter than half a second.
      RECORD_PRE_BUFFER_FRAMES: '0',
      ...(silenceMs === undefined
        ? {}
        : { RECORD_INITIAL_TIMEOUT_MS: String(silenceMs), RECORD_FINAL_TIMEOUT_MS: String(silenceMs) }),
    };
    return `{${Object.entries(variables)
      .map(([name, value]) => `${name}=${value}`)
      .join(',')}}`;
  }
}

/** Looked up at once rather than asked for: what is said meanwhile would be missing. */
function problemOf(file: string): string | undefined {
  if (/\s/.test(file)) return `FreeSWITCH cannot record into a path with spaces: ${file}`;
  if (!existsSync(dirname(file))) return `The folder does not exist: ${file}`;
  if (existsSync(file)) return `The file exists already: ${file}`;
  return undefined;
}
