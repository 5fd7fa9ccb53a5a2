/** One frame is 20 ms at 8 kHz. */
const FRAME = 160;
const FRAME_MS = 20;

/** Levels in dBm0: a full-scale sine has 3.14 (ITU-T G.711). */
const FULL_SCALE_SINE_DBM0 = 3.14;
const FULL_SCALE_SINE_POWER = 32_768 ** 2 / 2;

/** The floor is the lowest level of so long: a word has pauses, noise has none. */
const FLOOR_SLICE_FRAMES = 25;
const FLOOR_SLICES = 6;
/** Nobody's line is as noisy as the one or as quiet as the other: a loud tone is no noise, and a dead line is no measure. */
const HIGHEST_FLOOR = -30;
const LOWEST_FLOOR = -60;

/** Speech begins so far above the floor, and ends nearer to it: what wavers around one threshold would be chopped up. */
const BEGIN_ABOVE_FLOOR = 8;
const END_ABOVE_FLOOR = 5;
/** Below this it is no speech on any line. */
const WEAKEST_SPEECH = -42;
/** A click is shorter than a syllable, a pause between words shorter than the end of speech. */
const BEGIN_FRAMES = 3;
const END_FRAMES = 12;

/** One-pole high-pass at some 200 Hz: takes off hum of the mains and an offset, and leaves speech. */
const HIGH_PASS = 0.855;

/**
 * Tells speech from silence in one direction of one call, where silence may be comfort noise, hum or a noisy line. By energy: a frame is compared with the noise floor, the
 * lowest level of the last three seconds, with hysteresis.
 */
export class SpeechDetector {
  /** Lowest levels of the last slices of half a second, the current one last. */
  readonly #slices: number[] = [Number.POSITIVE_INFINITY];
  #framesOfSlice = 0;
  #speaking = false;
  #above = 0;
  #below = 0;
  #speechFrames = 0;
  #silentFrames = 0;
  #last = 0;
  #filtered = 0;

  /** How long there was speech so far, milliseconds. */
  get speechMs(): number {
    return this.#speechFrames * FRAME_MS;
  }

  /** How long there has been none. */
  get silentMs(): number {
    return this.#silentFrames * FRAME_MS;
  }

  /** The next 20 ms. @param received false if nothing came from the peer: that says nothing about the line's noise */
  process(samples: Int16Array, begin: number, received: boolean): void {
    const level = received ? this.#level(samples, begin) : Number.NEGATIVE_INFINITY;
    if (received) this.#learn(level);
    const floor = Math.min(HIGHEST_FLOOR, Math.max(LOWEST_FLOOR, Math.min(...this.#slices)));
    const above = Math.max(floor + (this.#speaking ? END_ABOVE_FLOOR : BEGIN_ABOVE_FLOOR), WEAKEST_SPEECH);
    if (level >= above) this.#hearSound();
    else this.#hearNothing();
  }

  #hearSound(): void {
    this.#above++;
    this.#below = 0;
    if (this.#speaking) {
      this.#speechFrames++;
      return;
    }
    this.#silentFrames++;
    if (this.#above < BEGIN_FRAMES) return;
    this.#speaking = true;
    this.#speechFrames += this.#above;
    this.#silentFrames = 0;
  }

  #hearNothing(): void {
    this.#above = 0;
    if (!this.#speaking) {
      this.#silentFrames++;
      return;
    }
    this.#below++;
    this.#speechFrames++;
    if (this.#below < END_FRAMES) return;
    // It was over when it fell silent, not now that we are sure of it.
    this.#speaking = false;
    this.#speechFrames -= this.#below;
    this.#silentFrames = this.#below;
  }

  #level(samples: Int16Array, begin: number): number {
    let power = 0;
    let [last, filtered] = [this.#last, this.#filtered];
    for (let i = begin; i < begin + FRAME; i++) {
      const sample = samples[i] as number;
      filtered = HIGH_PASS * (filtered + sample - last);
      last = sample;
      power += filtered * filtered;
    }
    this.#last = last;
    this.#filtered = filtered;
    return 10 * Math.log10(power / FRAME / FULL_SCALE_SINE_POWER) + FULL_SCALE_SINE_DBM0;
  }

  #learn(level: number): void {
    const current = this.#slices.length - 1;
    this.#slices[current] = Math.min(this.#slices[current] as number, level);
    if (++this.#framesOfSlice < FLOOR_SLICE_FRAMES) return;
    this.#framesOfSlice = 0;
    this.#slices.push(Number.POSITIVE_INFINITY);
    if (this.#slices.length > FLOOR_SLICES) this.#slices.shift();
  }
}
