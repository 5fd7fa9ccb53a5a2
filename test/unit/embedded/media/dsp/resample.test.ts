import { describe, expect, it } from 'vitest';
import { Resampler } from '../../../../../src/embedded/media/dsp/resample.ts';
import { levelDbm0, totalDbm0 } from '../../../../support/goertzel.ts';

const RATES = [6000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000];

const sine = (hz: number, rate: number, seconds = 1) =>
  Float32Array.from({ length: rate * seconds }, (_, i) => 0.5 * Math.sin((2 * Math.PI * hz * i) / rate));

function resampled(input: Float32Array, rate: number, block = 4096): Int16Array {
  const resampler = new Resampler(rate);
  const output: number[] = [];
  for (let at = 0; at < input.length; at += block) output.push(...resampler.push(input.subarray(at, at + block)));
  output.push(...resampler.flush());
  return Int16Array.from(output, (value) => Math.round(value * 32768));
}

/** Without the first and last 40 ms, where the filter sees the edge of the recording. */
const middle = (samples: Int16Array) => samples.subarray(320, -320);
const HALF_SCALE_DBM0 = 3.14 - 6.02;

describe.each(RATES)('resampling from %i Hz', (rate) => {
  const speech = [300, 1000, 2000, 3000, 3500].filter((hz) => hz < rate / 2 - 300);

  it.each(speech)('passes %i Hz unchanged', (hz) => {
    const output = middle(resampled(sine(hz, rate), rate));
    expect(levelDbm0(output, hz)).toBeCloseTo(HALF_SCALE_DBM0, 1);
    expect(totalDbm0(output)).toBeCloseTo(HALF_SCALE_DBM0, 1);
  });

  it.runIf(rate > 8000)('lets nothing above 4 kHz come back as a false tone', () => {
    for (const hz of [4010, 4500, 5000, 6000, 7900, 8300, 10_000, 15_000, 20_000, 40_000].filter((f) => f < rate / 2)) {
      expect(totalDbm0(middle(resampled(sine(hz, rate), rate))), `${hz} Hz`).toBeLessThan(HALF_SCALE_DBM0 - 68);
    }
  });

  it('keeps length and timing, whatever the block size', () => {
    // A single impulse at 0.5 s must come out at 0.5 s.
    const input = new Float32Array(rate);
    input[Math.round(rate / 2)] = 1;
    for (const block of [1, 999, rate]) {
      const output = resampled(input, rate, block);
      expect(output).toHaveLength(8000);
      const peak = output.reduce(
        (best, value, i) => (Math.abs(value) > Math.abs(output[best] as number) ? i : best),
        0,
      );
      expect(Math.abs(peak - 4000)).toBeLessThanOrEqual(1);
    }
  });
});

describe('Resampler', () => {
  it('keeps a level of 1 at 1: no ripple between the filters', () => {
    const output = middle(resampled(new Float32Array(44_100).fill(0.5), 44_100));
    expect(Math.min(...output)).toBeGreaterThanOrEqual(16_383);
    expect(Math.max(...output)).toBeLessThanOrEqual(16_385);
  });

  it('handles nothing, one sample, and an odd rate', () => {
    expect(resampled(new Float32Array(0), 44_100)).toHaveLength(0);
    expect(resampled(new Float32Array(1), 16_000).length).toBeLessThanOrEqual(1);
    const output = middle(resampled(sine(1000, 11_127), 11_127));
    expect(levelDbm0(output, 1000)).toBeCloseTo(HALF_SCALE_DBM0, 1);
  });
});
