import { timestampDelta } from './packet.ts';

/** A power of two. Room for one second: more is not jitter but a broken network. */
const CAPACITY = 8192;
const FRAME = 160;
const UNITS_PER_MS = 8;

const MIN_DELAY_MS = 40;
const MAX_DELAY_MS = 200;
/** A packet that came too late to be heard makes the buffer deeper by one frame; so long without one, it gives one back. */
const CALM_MS = 10_000;
/** So many frames above the wanted depth, one after the other, before one is skipped. */
const PATIENCE = 50;

/**
 * Puts received audio back into order and even pace (for whoever must listen to it: a digit detector, a mixer, a recorder). Samples lie in
 * a ring at the place of their timestamp, so order, repetition and packet length do not matter. Its depth follows the jitter, which drops or adds a frame
 * now and then; a modem must not be done that to, and gets a fixed one. A pause in which nothing was sent is kept, as silence, unless it is to be skipped: then what
 * follows is not heard later than the depth says.
 */
export class JitterBuffer {
  readonly #fixedMs: number | undefined;
  readonly #skipsPauses: boolean;
  readonly #samples = new Int16Array(CAPACITY);
  /** Which samples hold received audio that has not been read. */
  readonly #filled = new Uint8Array(CAPACITY);
  /** Timestamps: what is read next, and the end of what came. */
  #read = 0;
  #end = 0;
  #waiting = true;
  #started = false;
  #lateFrames = 0;
  #calmMs = 0;
  #deepFor = 0;

  /** @param options.fixedMs its depth whatever the jitter is: no frame is ever skipped */
  constructor({ fixedMs, pauses }: { readonly fixedMs?: number; readonly pauses?: 'skipped' } = {}) {
    this.#fixedMs = fixedMs;
    this.#skipsPauses = pauses === 'skipped';
  }

  /** @param decoded the packet's samples: the first `count` of the array */
  push(timestamp: number, decoded: Int16Array, count: number): void {
    const end = (timestamp + count) >>> 0;
    if (
      !this.#started ||
      Math.abs(timestampDelta(timestamp, this.#end)) > CAPACITY / 2 ||
      timestampDelta(end, this.#read) > CAPACITY ||
      (this.#skipsPauses && this.#waiting && timestampDelta(timestamp, this.#end) > 0 && this.#isDry)
    ) {
      this.#restart(timestamp);
    }
    const late = timestampDelta(this.#read, timestamp);
    if (late > 0 && this.#waiting) this.#read = timestamp;
    else if (late >= count) this.#tooLate();
    for (let i = Math.max(0, timestampDelta(this.#read, timestamp)); i < count; i++) {
      const place = (timestamp + i) & (CAPACITY - 1);
      this.#samples[place] = decoded[i] as number;
      this.#filled[place] = 1;
    }
    if (timestampDelta(end, this.#end) > 0) this.#end = end;
  }

  /**
   * The next 20 ms, once per 20 ms.
   * @param frame 160 samples, written unless `empty` is returned: what did not come is silence
   * @param jitterMs interarrival jitter of the stream, RFC 3550 §6.4.1
   * @returns `missing` if the frame was lost and later ones are there; `empty` if there is nothing (yet)
   */
  pull(frame: Int16Array, jitterMs: number): 'audio' | 'missing' | 'empty' {
    if (!this.#started) return 'empty';
    this.#calm();
    const wanted = this.#wantedSamples(jitterMs);
    const depth = timestampDelta(this.#end, this.#read);
    if (this.#waiting && depth < wanted) return 'empty';
    if (depth < FRAME) {
      this.#waiting = true;
      return 'empty';
    }
    this.#waiting = false;
    if (this.#fixedMs === undefined) this.#skipIfTooDeep(depth - wanted);
    return this.#take(frame);
  }

  /** The next 20 ms of what is there, when nothing more is to come. @returns false if there is nothing */
  drain(frame: Int16Array): boolean {
    if (!this.#started || timestampDelta(this.#end, this.#read) <= 0) return false;
    this.#take(frame);
    return true;
  }

  /** Not even a frame is left of what came. */
  get #isDry(): boolean {
    return timestampDelta(this.#end, this.#read) < FRAME;
  }

  #wantedSamples(jitterMs: number): number {
    const ms = this.#fixedMs ?? Math.min(MAX_DELAY_MS, Math.max(MIN_DELAY_MS, 4 * jitterMs) + 20 * this.#lateFrames);
    return Math.ceil(ms / 20) * FRAME;
  }

  #take(frame: Int16Array): 'audio' | 'missing' {
    let received = 0;
    for (let i = 0; i < FRAME; i++) {
      const place = (this.#read + i) & (CAPACITY - 1);
      const filled = this.#filled[place] as number;
      received += filled;
      frame[i] = filled ? (this.#samples[place] as number) : 0;
      this.#filled[place] = 0;
    }
    this.#read = (this.#read + FRAME) >>> 0;
    return received >= FRAME / 2 ? 'audio' : 'missing';
  }

  #skipIfTooDeep(surplus: number): void {
    this.#deepFor = surplus > 2 * FRAME ? this.#deepFor + 1 : 0;
    if (this.#deepFor < PATIENCE) return;
    this.#deepFor = 0;
    for (let i = 0; i < FRAME; i++) this.#filled[(this.#read + i) & (CAPACITY - 1)] = 0;
    this.#read = (this.#read + FRAME) >>> 0;
  }

  #tooLate(): void {
    this.#lateFrames = Math.min(this.#lateFrames + 1, MAX_DELAY_MS / 20);
    this.#calmMs = 0;
  }

  #calm(): void {
    this.#calmMs += FRAME / UNITS_PER_MS;
    if (this.#calmMs < CALM_MS) return;
    this.#calmMs = 0;
    this.#lateFrames = Math.max(0, this.#lateFrames - 1);
  }

  #restart(timestamp: number): void {
    this.#filled.fill(0);
    this.#read = this.#end = timestamp;
    this.#waiting = true;
    this.#started = true;
  }
}
