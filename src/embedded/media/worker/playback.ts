import { errorText } from '../../../errors.ts';
import type { AudioSource, CodecName, PlaybackEnd } from '../../../media/port.ts';
import type { AudioClip } from '../dsp/clip.ts';
import { g711 } from '../dsp/g711.ts';
import { type Tone, toneSource } from '../dsp/tone.ts';

/** Samples of 20 ms at 8 kHz; G.711 has one byte for each. */
export const FRAME = 160;

export interface ClipLoader {
  /** @param once it leaves nothing in any cache */
  load(path: string, once?: boolean): Promise<AudioClip>;
}

/** One audio source that is being read. */
interface Feed {
  /** @returns how many bytes were written; fewer than `count` means that the source has ended */
  read(bytes: Uint8Array, offset: number, count: number, codec: CodecName): number;
  /** As `read`, of what is not to be heard. */
  skip(count: number): number;
}

/** A source that is being made ready; `feed` stays undefined if it cannot be played. */
interface Upcoming {
  ready: boolean;
  feed: Feed | undefined;
  error: string | undefined;
  readonly beginsPass: boolean;
}

/** How many sources are made ready while one plays: a number is a row of words of a fifth of a second, and a disk or a busy machine may take longer for one. */
const LOOK_AHEAD = 3;

/**
 * A list of sources as one stream of G.711 frames, without gaps between sources: while one plays the next ones are
 * loaded. A source that cannot be played is passed over and remembered.
 */
export class Playback {
  readonly id: number;
  readonly #sources: readonly AudioSource[];
  readonly #loop: boolean;
  readonly #clips: ClipLoader;
  #nextIndex = 0;
  #current: Feed | undefined;
  readonly #upcoming: Upcoming[] = [];
  #ended = false;
  /** What has been heard. */
  #samples = 0;
  /** What is still to be passed over before anything is heard. */
  #toSkip: number;
  /** What has been heard or passed over since the last pass through the list began; −1 before the first. */
  #samplesOfPass = -1;
  #error: string | undefined;

  constructor(
    id: number,
    wish: { readonly sources: readonly AudioSource[]; readonly loop: boolean; readonly startAtMs: number },
    clips: ClipLoader,
  ) {
    this.id = id;
    this.#sources = wish.sources;
    this.#loop = wish.loop;
    this.#toSkip = Math.max(0, Math.round(wish.startAtMs * 8));
    this.#clips = clips;
    this.#lookAhead();
  }

  /** True when `read` has found that nothing follows. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Writes the next frame. @returns false if there is none now: the next source is still being loaded, or all have ended */
  read(bytes: Uint8Array, offset: number, codec: CodecName): boolean {
    let filled = 0;
    while (filled < FRAME && (this.#current || this.#turn())) {
      this.#skip();
      const count = this.#current?.read(bytes, offset + filled, FRAME - filled, codec) ?? 0;
      filled += count;
      this.#samples += count;
      this.#samplesOfPass += count;
      if (filled < FRAME) this.#current = undefined;
    }
    if (filled === 0) return false;
    bytes.fill(g711[codec].silence, offset + filled, offset + FRAME);
    return true;
  }

  /** What to report. @param reason `finished` becomes `failed` if a source could not be played */
  outcome(reason: Exclude<PlaybackEnd['reason'], 'failed'>): PlaybackEnd {
    const playedMs = this.#samples / 8;
    if (reason === 'finished' && this.#error !== undefined) return { reason: 'failed', playedMs, error: this.#error };
    return { reason, playedMs };
  }

  /** Passes over what is not to be heard, as far as the present source goes. */
  #skip(): void {
    if (this.#toSkip === 0 || !this.#current) return;
    const skipped = this.#current.skip(this.#toSkip);
    this.#samplesOfPass += skipped;
    this.#toSkip -= skipped;
    if (this.#toSkip > 0) this.#current = undefined;
  }

  /** Goes to the next source. @returns false if it is not ready yet, or if there is none: then `ended` is set */
  #turn(): boolean {
    const [next] = this.#upcoming;
    if (next && !next.ready) return false;
    if (next?.beginsPass) {
      // A pass in which nothing sounded would be repeated for ever without ever waiting.
      if (this.#samplesOfPass === 0) this.#ended = true;
      // Now it is known how long a pass is: nothing is gained by going through more of them.
      else if (this.#samplesOfPass > 0) this.#toSkip %= this.#samplesOfPass;
      this.#samplesOfPass = 0;
    }
    if (!next || this.#ended) {
      this.#ended = true;
      return false;
    }
    this.#upcoming.shift();
    this.#error ??= next.error;
    this.#current = next.feed;
    this.#lookAhead();
    return true;
  }

  #lookAhead(): void {
    while (this.#upcoming.length < LOOK_AHEAD) {
      const next = this.#prepareNext();
      if (!next) return;
      this.#upcoming.push(next);
    }
  }

  #prepareNext(): Upcoming | undefined {
    if (this.#nextIndex === this.#sources.length && this.#loop) this.#nextIndex = 0;
    const source = this.#sources[this.#nextIndex];
    if (!source) return undefined;
    const upcoming: Upcoming = { ready: false, feed: undefined, error: undefined, beginsPass: this.#nextIndex === 0 };
    this.#nextIndex++;
    if ('file' in source) void this.#load(source, upcoming);
    else this.#make(source, upcoming);
    return upcoming;
  }

  async #load({ file, once }: Extract<AudioSource, { file: string }>, upcoming: Upcoming): Promise<void> {
    try {
      upcoming.feed = clipFeed(await this.#clips.load(file, once));
    } catch (error) {
      upcoming.error = `${file}: ${errorText(error)}`;
    }
    upcoming.ready = true;
  }

  #make(source: Exclude<AudioSource, { file: string }>, upcoming: Upcoming): void {
    try {
      upcoming.feed = 'tone' in source ? toneFeed(source.tone) : silenceFeed(source.silenceMs);
    } catch (error) {
      upcoming.error = errorText(error);
    }
    upcoming.ready = true;
  }
}

function clipFeed(clip: AudioClip): Feed {
  let position = 0;
  return {
    read(bytes, offset, count, codec) {
      const law = codec === 'pcma' ? clip.alaw : clip.ulaw;
      const n = Math.min(count, clip.samples - position);
      for (let i = 0; i < n; i++) bytes[offset + i] = law[position + i] as number;
      position += n;
      return n;
    },
    skip(count) {
      const n = Math.min(count, clip.samples - position);
      position += n;
      return n;
    },
  };
}

function toneFeed(tone: Tone): Feed {
  const source = toneSource(tone);
  const linear = new Int16Array(FRAME);
  return {
    read(bytes, offset, count, codec) {
      const n = source.read(linear.subarray(0, count));
      g711[codec].encode(linear, bytes.subarray(offset), n);
      return n;
    },
    skip: (count) => source.skip(count),
  };
}

function silenceFeed(ms: number): Feed {
  if (!(ms >= 0)) throw new RangeError(`silence must not be negative: ${ms}`);
  let left = Math.round(ms * 8);
  return {
    read(bytes, offset, count, codec) {
      const n = Math.min(count, left);
      bytes.fill(g711[codec].silence, offset, offset + n);
      left -= n;
      return n;
    },
    skip(count) {
      const n = Math.min(count, left);
      left -= n;
      return n;
    },
  };
}
