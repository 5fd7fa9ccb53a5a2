import { describe, expect, it } from 'vitest';
import { dtmfSamples } from '../../../../../src/embedded/media/dsp/dtmf.ts';
import { type ToneOptions, toneSource } from '../../../../../src/embedded/media/dsp/tone.ts';
import { levelDbm0, totalDbm0 } from '../../../../support/goertzel.ts';

/** Reads a tone to its end in frames, as a player does. */
function render(options: ToneOptions, frame = 160): Int16Array {
  const source = toneSource(options);
  const all: number[] = [];
  for (;;) {
    const out = new Int16Array(frame);
    const count = source.read(out);
    all.push(...out.subarray(0, count));
    if (count < frame) return Int16Array.from(all);
  }
}

const soundingMs = (samples: Int16Array) => {
  const parts: [boolean, number][] = [];
  for (let at = 0; at + 40 <= samples.length; at += 40) {
    const on = totalDbm0(samples.subarray(at, at + 40)) > -40;
    const last = parts.at(-1);
    if (last?.[0] === on) last[1] += 5;
    else parts.push([on, 5]);
  }
  return parts.map(([on, ms]) => (on ? ms : -ms));
};

describe('toneSource', () => {
  it('keeps the cadence, one round of it by default', () => {
    expect(soundingMs(render({ hz: [425], cadence: [400, 200] }))).toEqual([400, -200]);
    expect(soundingMs(render({ hz: [425], cadence: [100, 50], ms: 400 }))).toEqual([100, -50, 100, -50, 100]);
    expect(soundingMs(render({ hz: [425], cadence: [100, 50, 200], ms: 450 }))).toEqual([100, -50, 300]);
  });

  it('is as long as told, whatever the frame size', () => {
    for (const frame of [1, 7, 160, 1000])
      expect(render({ hz: [425], cadence: [], ms: 125 }, frame)).toHaveLength(1000);
    expect(render({ hz: [425], cadence: [], ms: 125 }, 7)).toEqual(render({ hz: [425], cadence: [], ms: 125 }, 160));
    expect(render({ hz: [425], cadence: [], ms: 0 })).toHaveLength(0);
  });

  it('sounds at −10 dBm0 in all, shared among its frequencies', () => {
    const one = render({ hz: [425], cadence: [1000] }).subarray(400, 7600);
    expect(totalDbm0(one)).toBeCloseTo(-10, 1);
    const two = render({ hz: [440, 480], cadence: [1000] }).subarray(400, 7600);
    expect(levelDbm0(two, 440)).toBeCloseTo(-13, 1);
    expect(levelDbm0(two, 480)).toBeCloseTo(-13, 1);
    expect(levelDbm0(two, 425)).toBeLessThan(-60);
  });

  it('begins and ends each burst without a click', () => {
    const samples = render({ hz: [425], cadence: [100, 100], ms: 400, dbm0: 0 });
    const steepest = 2 * Math.PI * (425 / 8000) * 22900;
    for (let i = 1; i < samples.length; i++) {
      expect(Math.abs((samples[i] as number) - (samples[i - 1] as number))).toBeLessThan(steepest * 1.02);
    }
    // No energy far from the tone beyond the edges' own spectrum.
    expect(levelDbm0(samples, 3000)).toBeLessThan(-60);
  });

  it('still has its frequency and level after an hour', () => {
    const source = toneSource({ hz: [425], cadence: [], ms: Number.POSITIVE_INFINITY });
    const second = new Int16Array(8000);
    for (let s = 0; s < 3600; s++) source.read(second);
    expect(levelDbm0(second, 425)).toBeCloseTo(-10, 2);
    expect(levelDbm0(second, 428)).toBeLessThan(-60);
  });

  it.each([
    [{ hz: [0], cadence: [100] }],
    [{ hz: [4000], cadence: [100] }],
    [{ hz: [425], cadence: [-1] }],
    [{ hz: [425], cadence: [] }],
    [{ hz: [425], cadence: [100], ms: Number.NaN }],
  ])('refuses %j', (options) => {
    expect(() => toneSource(options)).toThrow(RangeError);
  });
});

describe('dtmfSamples', () => {
  const rows = [697, 770, 852, 941];
  const columns = [1209, 1336, 1477, 1633];

  it.each(
    [...'123A456B789C*0#D'].map((digit, i) => [digit, rows[i >> 2] as number, columns[i & 3] as number] as const),
  )('plays %s as %i and %i Hz with 2 dB of twist and nothing else', (digit, low, high) => {
    const samples = dtmfSamples(digit, 100);
    expect(samples).toHaveLength(800);
    expect(levelDbm0(samples, low)).toBeCloseTo(-11, 0);
    expect(levelDbm0(samples, high) - levelDbm0(samples, low)).toBeCloseTo(2, 0);
    for (const hz of [...rows, ...columns]) {
      if (hz !== low && hz !== high) expect(levelDbm0(samples, hz), `${hz} Hz`).toBeLessThan(-45);
    }
  });

  it.each(['', 'E', '12', 'a', '٣'])('refuses %j', (digit) => {
    expect(() => dtmfSamples(digit, 100)).toThrow(RangeError);
  });
});
