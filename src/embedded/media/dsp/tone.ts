import type { AudioSource } from '../../../media/port.ts';

/** Audio that is made piece by piece, 8 kHz linear. */
export interface SampleSource {
  /** Writes the next samples and returns how many; fewer than `out` holds means that the source has ended. */
  read(out: Int16Array): number;
}

/** One in which nothing has to be made that is not to be heard. */
export interface SkippableSource extends SampleSource {
  /** Passes over so many samples. @returns how many there were */
  skip(count: number): number;
}

export type Tone = Extract<AudioSource, { tone: unknown }>['tone'];

export interface ToneOptions extends Tone {
  /** Level of each frequency, one number for all or one each. Default: −10 dBm0 in all, as ITU-T E.180 recommends. */
  readonly dbm0?: number | readonly number[];
}

const RATE = 8000;
/** A-law clips a sine at +3.14 dBm0 (G.711 §4): so a 0 dBm0 sine has this peak. */
const PEAK_OF_0_DBM0 = 32767 * 10 ** (-3.14 / 20);
const DEFAULT_TOTAL_DBM0 = -10;
/** Raised-cosine edges: short enough for detectors, long enough not to click. */
const RAMP_SAMPLES = 24;

/**
 * A call-progress tone: `hz` sounds together during the on parts of the cadence, in all for `ms`; by default for one cadence. An empty
 * cadence sounds without pause and needs `ms`, which may be `Infinity`.
 * @throws RangeError for a frequency outside 1–3999 Hz, a negative time, or an empty cadence without `ms`
 */
export function toneSource(options: ToneOptions): SkippableSource {
  const { hz, cadence } = options;
  const ms = options.ms ?? sum(cadence);
  if (hz.some((f) => !(f > 0 && f < RATE / 2))) throw new RangeError(`tone frequencies must lie in 1–3999 Hz: ${hz}`);
  if (cadence.some((part) => !(part >= 0)) || !(ms >= 0))
    throw new RangeError(`tone times must not be negative: ${cadence}`);
  if (cadence.length === 0 && options.ms === undefined) throw new RangeError('a tone without cadence needs ms');

  const total = Math.round((ms * RATE) / 1000);
  const parts = partsOf(cadence, total);
  const oscillators = hz.map((f, i) => new Oscillator(f, PEAK_OF_0_DBM0 * 10 ** (levelOf(options, i) / 20)));
  let done = 0;
  let part = -1;
  let partStart = 0;
  let partEnd = 0;

  return {
    read(out) {
      const count = Math.min(out.length, total - done);
      for (let i = 0; i < count; i++, done++) {
        while (done >= partEnd) {
          part = (part + 1) % parts.length;
          partStart = partEnd;
          partEnd = Math.min(total, partStart + (parts[part] as number));
          for (const oscillator of oscillators) oscillator.restart();
        }
        out[i] = part % 2 === 0 ? ramp(done - partStart, partEnd - partStart) * mix(oscillators) : 0;
      }
      return count;
    },
    skip(count) {
      const skipped = Math.min(count, total - done);
      done += skipped;
      return skipped;
    },
  };
}

/** On and off lengths in samples, beginning with on and of even number, so that a part's parity tells what it is. */
function partsOf(cadence: readonly number[], total: number): number[] {
  if (sum(cadence) === 0) return [total, 0];
  const whole = cadence.length % 2 === 0 ? cadence : [...cadence, 0];
  return whole.map((ms) => Math.round((ms * RATE) / 1000));
}

function levelOf({ hz, dbm0 }: ToneOptions, index: number): number {
  if (typeof dbm0 === 'number') return dbm0;
  return dbm0?.[index] ?? DEFAULT_TOTAL_DBM0 - 10 * Math.log10(hz.length);
}

/** 1 in the middle of a sounding part, falling to 0 at both edges. */
function ramp(position: number, length: number): number {
  const distance = Math.min(position, length - 1 - position);
  return distance >= RAMP_SAMPLES ? 1 : 0.5 - 0.5 * Math.cos((Math.PI * (distance + 0.5)) / RAMP_SAMPLES);
}

function mix(oscillators: readonly Oscillator[]): number {
  let value = 0;
  for (const oscillator of oscillators) value += oscillator.next();
  return value;
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

/** A sine by the recurrence sin(n+1) = 2·cos(ω)·sin(n) − sin(n−1): one multiplication a sample, exact for hours in double precision. */
class Oscillator {
  readonly #factor: number;
  readonly #first: number;
  #current = 0;
  #previous = 0;

  constructor(hz: number, peak: number) {
    const step = (2 * Math.PI * hz) / RATE;
    this.#factor = 2 * Math.cos(step);
    this.#first = -peak * Math.sin(step);
    this.restart();
  }

  /** Back to the zero crossing. */
  restart(): void {
    this.#current = 0;
    this.#previous = this.#first;
  }

  next(): number {
    const value = this.#current;
    this.#current = this.#factor * value - this.#previous;
    this.#previous = value;
    return value;
  }
}
