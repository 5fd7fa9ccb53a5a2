import type { CodecName } from '../../../media/port.ts';
import type { RecordingEnd, RecordOptions } from '../../../media/recorder.ts';
import type { Clock } from '../../../time/clock.ts';
import { createConcealer } from '../dsp/conceal.ts';
import type { Spandsp } from '../dsp/spandsp.ts';
import { SpeechDetector } from '../dsp/speech.ts';
import { Timeline } from '../rtp/timeline.ts';
import type { Paced, Pacer } from './pacer.ts';
import { type FileMaker, RecordingFile } from './recording-file.ts';

const SAMPLES_PER_MS = 8;
const FRAME_MS = 20;
const FRAME = FRAME_MS * SAMPLES_PER_MS;
/** What is written lies so far behind: packets that were held up by less still find their place. */
const HOLD_BACK = 200 * SAMPLES_PER_MS;
/** So much is taken at once. */
const BLOCK = 5 * FRAME;
/** And so much written: with what is held back a crash loses less than a second. */
const CHUNK = 4 * BLOCK;
const SAMPLE_BYTES = 2;
/** Nobody waits for longer for a disk to take the end of a recording. */
const LONGEST_CLOSE_MS = 5000;

/** What the recorders of one endpoint are told of its streams. `payload` is read during the call only. */
export interface AudioTap {
  /** The peer says this. */
  said(payload: Uint8Array, codec: CodecName, source: number, timestamp: number, begins: boolean, nowMs: number): void;
  /** The peer, who was not to send anything, may now. */
  resumed(): void;
  /** The peer is sent this. */
  heard(payload: Uint8Array, codec: CodecName, source: number, timestamp: number, begins: boolean, nowMs: number): void;
}

export interface RecorderSurroundings {
  readonly clock: Clock;
  readonly pacer: Pacer;
  readonly spandsp: Spandsp | undefined;
  readonly makeFile: FileMaker;
}

/** Shared by all recorders of the thread: each takes its block in one go. */
const left = new Int16Array(BLOCK);
const right = new Int16Array(BLOCK);
const received = new Uint8Array(BLOCK / FRAME);

/** Records one endpoint into one file: lays out both directions on the clock and writes what is old enough, from the pacer's tick. */
export class Recorder implements AudioTap, Paced {
  readonly id: number;
  readonly ended: Promise<RecordingEnd>;
  readonly #options: RecordOptions;
  readonly #clock: Clock;
  readonly #pacer: Pacer;
  readonly #said: Timeline;
  readonly #heard: Timeline | undefined;
  readonly #speech = new SpeechDetector();
  readonly #file: RecordingFile;
  readonly #channels: number;
  readonly #settle: (end: RecordingEnd) => void;
  readonly #began: number;
  readonly #limit: number;
  /** Samples of each channel that were taken, and how many of them are in `#chunk`. */
  #taken = 0;
  #chunk: Int16Array;
  #inChunk = 0;
  #ending = false;

  constructor(id: number, options: RecordOptions, around: RecorderSurroundings) {
    this.id = id;
    this.#options = options;
    this.#clock = around.clock;
    this.#pacer = around.pacer;
    this.#channels = options.sides === 'both' ? 2 : 1;
    this.#said = new Timeline(createConcealer(around.spandsp));
    this.#heard = options.sides === 'both' ? new Timeline(createConcealer(around.spandsp)) : undefined;
    this.#chunk = new Int16Array(CHUNK * this.#channels);
    ({ promise: this.ended, resolve: this.#settle } = Promise.withResolvers<RecordingEnd>());
    this.#began = around.clock.monotonic();
    this.#file = new RecordingFile(options.file, this.#channels, around.makeFile, () => void this.#end('failed'));
    this.#limit = Math.min(
      Math.round((options.maxMs ?? Number.POSITIVE_INFINITY) * SAMPLES_PER_MS),
      Math.floor(this.#file.room / SAMPLE_BYTES / this.#channels),
    );
    around.pacer.add(this);
  }

  said(...[payload, codec, source, timestamp, begins, nowMs]: Parameters<AudioTap['said']>): void {
    if (!this.#ending) this.#said.push(payload, codec, source, timestamp, begins, this.#position(nowMs));
  }

  heard(...[payload, codec, source, timestamp, begins, nowMs]: Parameters<AudioTap['heard']>): void {
    if (!this.#ending) this.#heard?.push(payload, codec, source, timestamp, begins, this.#position(nowMs));
  }

  resumed(): void {
    this.#said.expectNew();
  }

  tick(): void {
    const now = this.#position(this.#clock.monotonic());
    if (now >= this.#limit) {
      void this.#end('maxLength');
      return;
    }
    while (this.#taken + BLOCK <= now - HOLD_BACK && !this.#ending) this.#take(BLOCK);
  }

  /** Everything up to this moment is written. */
  stop(reason: 'stopped' | 'endpointGone'): Promise<RecordingEnd> {
    return this.#end(reason);
  }

  async #end(reason: RecordingEnd['reason']): Promise<RecordingEnd> {
    if (this.#ending) return this.ended;
    this.#ending = true;
    this.#pacer.remove(this);
    if (reason !== 'silence' && reason !== 'failed') this.#takeRest();
    this.#writeChunk();
    this.#said.close();
    this.#heard?.close();
    await this.#close();
    const ms = this.#file.writtenBytes / SAMPLE_BYTES / this.#channels / SAMPLES_PER_MS;
    const { failure } = this.#file;
    this.#settle({
      reason: failure === undefined ? reason : 'failed',
      ms,
      speechMs: Math.min(ms, this.#speech.speechMs),
      ...(failure !== undefined && { error: failure }),
    });
    return this.ended;
  }

  async #close(): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = this.#clock.setTimeout(() => {
      this.#file.lag();
      late.resolve();
    }, LONGEST_CLOSE_MS);
    await Promise.race([this.#file.close(), late.promise]);
    this.#clock.clearTimeout(timer);
  }

  #takeRest(): void {
    const end = Math.min(this.#limit, this.#position(this.#clock.monotonic()));
    while (this.#taken < end) this.#take(Math.min(BLOCK, end - this.#taken));
  }

  /** @param count a block, or less at the end */
  #take(count: number): void {
    this.#heard?.take(right, count, received);
    this.#said.take(left, count, received);
    this.#taken += count;
    this.#append(count);
    this.#listen(count);
  }

  #append(count: number): void {
    for (let i = 0; i < count; i++) {
      this.#chunk[this.#inChunk++] = left[i] as number;
      if (this.#channels === 2) this.#chunk[this.#inChunk++] = right[i] as number;
    }
    if (this.#inChunk === this.#chunk.length) this.#writeChunk();
  }

  #listen(count: number): void {
    const { silenceMs } = this.#options;
    for (let at = 0; at + FRAME <= count; at += FRAME) {
      this.#speech.process(left, at, (received[at / FRAME] as number) >= FRAME / 2);
      if (silenceMs === undefined || this.#ending || this.#speech.silentMs < silenceMs) continue;
      void this.#end('silence');
      return;
    }
  }

  #writeChunk(): void {
    if (this.#inChunk === 0) return;
    this.#file.append(this.#chunk.subarray(0, this.#inChunk));
    this.#chunk = new Int16Array(CHUNK * this.#channels);
    this.#inChunk = 0;
  }

  #position(nowMs: number): number {
    return Math.round((nowMs - this.#began) * SAMPLES_PER_MS);
  }
}
