import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { EslEvent } from 'drachtio-fsmrf';
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
  #asked: 'stopped' | 'maxLength' | undefined;
  #started = false;

  constructor(channel: Channel, options: RecordOptions, clock: Clock) {
    this.#channel = channel;
    this.#options = options;
    this.#clock = clock;
    this.ended = this.#run();
  }

  stop(): Promise<RecordingEnd> {
    return this.#end('stopped');
  }

  async #run(): Promise<RecordingEnd> {
    const { file, maxMs } = this.#options;
    const channel = this.#channel;
    if (channel.isGone) return { reason: 'endpointGone', ms: 0 };
    const problem = await problemOf(file);
    if (problem !== undefined) return { reason: 'failed', ms: 0, error: problem };
    if (this.#asked) return { reason: this.#asked, ms: 0 };
    const off = channel.on('RECORD_STOP', (event) => {
      if (event.getHeader('Record-File-Path') === file) this.#over.resolve(reasonOf(event, this.#asked));
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
      const speech = reason === 'silence' && silenceMs !== undefined ? { speechMs: Math.max(0, ms - silenceMs) } : {};
      if (reason === 'failed') return { reason, ms, error: `FreeSWITCH could not go on writing ${file}` };
      return { reason, ms, ...speech };
    } finally {
      off();
      this.#clock.clearTimeout(timer);
    }
  }

  #end(reason: 'stopped' | 'maxLength'): Promise<RecordingEnd> {
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

  #variables(): string {
    const { sides, silenceMs } = this.#options;
    const variables = {
      ...(sides === 'both' ? { RECORD_STEREO: 'true' } : { RECORD_READ_ONLY: 'true' }),
      // Else what is shorter than three seconds is thrown away.
      RECORD_MIN_SEC: '0',
      record_sample_rate: '8000',
      ...(silenceMs === undefined
        ? {}
        : { RECORD_INITIAL_TIMEOUT_MS: String(silenceMs), RECORD_FINAL_TIMEOUT_MS: String(silenceMs) }),
    };
    return `{${Object.entries(variables)
      .map(([name, value]) => `${name}=${value}`)
      .join(',')}}`;
  }
}

async function problemOf(file: string): Promise<string | undefined> {
  if (/\s/.test(file)) return `FreeSWITCH cannot record into a path with spaces: ${file}`;
  if (!(await exists(dirname(file)))) return `The folder does not exist: ${file}`;
  if (await exists(file)) return `The file exists already: ${file}`;
  return undefined;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

function reasonOf(event: EslEvent, asked: 'stopped' | 'maxLength' | undefined): RecordingEnd['reason'] {
  const cause = event.getHeader('Record-Completion-Cause');
  if (cause === 'success-silence' || cause === 'no-input-timeout') return 'silence';
  if (cause === 'uri-failure') return 'failed';
  return asked ?? 'endpointGone';
}
