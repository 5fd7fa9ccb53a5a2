/**
 * Sample-rate conversion to 8 kHz by a polyphase filter: a windowed sinc (Kaiser) evaluated only at the instants of the output samples.
 * Everything from 4 kHz up, which would come back as a false tone (aliasing), is at least 70 dB down; speech up to 3.5 kHz passes unchanged.
 */

const OUT_RATE = 8000;
const STOP_HZ = OUT_RATE / 2;
const TRANSITION_HZ = 500;
/** Stop-band attenuation in dB and the Kaiser window's β for it (Kaiser's formula for more than 50 dB). */
const ATTENUATION_DB = 70;
const BETA = 0.1102 * (ATTENUATION_DB - 8.7);

/** One stream. Input samples are full scale at ±1; output length is that of the input times 8000/rate, rounded. */
export class Resampler {
  /** Output advances by `down` steps of 1/`up` input samples. */
  readonly #up: number;
  readonly #down: number;
  readonly #half: number;
  /** `up` filters of 2·half coefficients, one for each position of an output instant between two input samples. */
  readonly #filters: Float32Array;
  /** Input that is still needed; begins with the silence before the first sample. */
  #pending: Float32Array;
  #phase = 0;
  #read = 0;
  #written = 0;

  constructor(rate: number) {
    const divisor = gcd(rate, OUT_RATE);
    this.#up = OUT_RATE / divisor;
    this.#down = rate / divisor;
    const stop = Math.min(STOP_HZ, rate / 2);
    const transition = (TRANSITION_HZ * stop) / STOP_HZ;
    // Kaiser: the number of taps that reaches the attenuation within the transition band.
    this.#half = Math.ceil((((ATTENUATION_DB - 7.95) / 14.36) * rate) / transition / 2);
    this.#filters = design(this.#up, this.#half, (stop - transition / 2) / rate);
    this.#pending = new Float32Array(this.#half - 1);
  }

  push(input: Float32Array): Float32Array {
    this.#read += input.length;
    return this.#process(input);
  }

  /** The rest, after the last `push`. */
  flush(): Float32Array {
    const rest = this.#process(new Float32Array(this.#half + 1));
    const wanted = Math.round((this.#read * this.#up) / this.#down);
    return rest.subarray(0, Math.max(0, rest.length - (this.#written - wanted)));
  }

  #process(input: Float32Array): Float32Array {
    const data = new Float32Array(this.#pending.length + input.length);
    data.set(this.#pending);
    data.set(input, this.#pending.length);

    const taps = 2 * this.#half;
    const output = new Float32Array(Math.ceil((data.length * this.#up) / this.#down) + 1);
    let count = 0;
    let at = 0;
    while (at + taps <= data.length) {
      const filter = this.#phase * taps;
      let sum = 0;
      for (let k = 0; k < taps; k++) sum += (data[at + k] as number) * (this.#filters[filter + k] as number);
      output[count++] = sum;
      this.#phase += this.#down;
      at += Math.floor(this.#phase / this.#up);
      this.#phase %= this.#up;
    }
    // A step is always shorter than the filter, so `at` cannot lie beyond the data.
    this.#pending = data.slice(at);
    this.#written += count;
    return output.subarray(0, count);
  }
}

/** @param cutoff in cycles per input sample. */
function design(up: number, half: number, cutoff: number): Float32Array {
  const taps = 2 * half;
  const filters = new Float32Array(up * taps);
  const row = new Float64Array(taps);
  for (let phase = 0; phase < up; phase++) {
    let gain = 0;
    for (let k = 0; k < taps; k++) {
      const x = k - half + 1 - phase / up;
      const value = sinc(2 * cutoff * x) * kaiser(x / half);
      row[k] = value;
      gain += value;
    }
    for (let k = 0; k < taps; k++) filters[phase * taps + k] = (row[k] as number) / gain;
  }
  return filters;
}

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** @param x −1 to 1 over the window. */
const kaiser = (x: number) => (Math.abs(x) >= 1 ? 0 : bessel(BETA * Math.sqrt(1 - x * x)) / bessel(BETA));

/** Modified Bessel function of the first kind and order zero, by its power series. */
function bessel(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / 2 / k) ** 2;
    sum += term;
  }
  return sum;
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
