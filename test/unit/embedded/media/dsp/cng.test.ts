import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createCngDetector } from '../../../../../src/embedded/media/dsp/cng.ts';
import { dtmfSamples } from '../../../../../src/embedded/media/dsp/dtmf.ts';
import { isMissing, loadSpandsp, type Spandsp } from '../../../../../src/embedded/media/dsp/spandsp.ts';
import { type ToneOptions, toneSource } from '../../../../../src/embedded/media/dsp/tone.ts';

const loaded = loadSpandsp();
if (isMissing(loaded)) throw new Error(loaded.missing);
const spandsp: Spandsp = loaded;

/** When a fresh detector recognises a fax machine, in milliseconds from the start. */
function recognisedAt(tone: ToneOptions): number[] {
  const detector = createCngDetector(spandsp);
  const source = toneSource(tone);
  const frame = new Int16Array(160);
  const times: number[] = [];
  for (let ms = 0; source.read(frame) === frame.length; ms += 20) if (detector.process(frame)) times.push(ms);
  detector.close();
  return times;
}

describe('CNG detector', () => {
  it.each([1062, 1100, 1138])('recognises each calling tone of %i Hz before it ends', (hz) => {
    const times = recognisedAt({ hz: [hz], cadence: [500, 3000], ms: 7000 });
    expect(times).toHaveLength(2);
    expect(times[0]).toBeLessThan(500);
    expect(times[1]).toBeGreaterThan(3500);
    expect(times[1]).toBeLessThan(4000);
  });

  it('recognises a faint one', () => {
    expect(recognisedAt({ hz: [1100], dbm0: -30, cadence: [500, 3000] })).toHaveLength(1);
  });

  it.each([
    ['ring-back', { hz: [425], cadence: [1000, 4000], ms: 10_000 }],
    ['the answer tone of a modem', { hz: [2100], cadence: [3000] }],
    ['a beep of the same pitch', { hz: [1100], cadence: [200, 3000], ms: 10_000 }],
  ])('takes %s for no fax', (_, tone) => {
    expect(recognisedAt(tone)).toEqual([]);
  });

  it('takes no key for a fax', () => {
    const detector = createCngDetector(spandsp);
    for (const digit of '123A456B789C*0#D') expect(detector.process(dtmfSamples(digit, 1000)), digit).toBe(false);
    detector.close();
    detector.close();
    expect(() => detector.process(new Int16Array(160))).toThrow(/after close/);
  });

  it('takes nothing for a fax in an hour of speech and music, and in the same higher and lower', () => {
    const files = ['/usr/share/asterisk/sounds', '/usr/share/asterisk/moh'].flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.wav'))
        .map((name) => join(folder, name)),
    );
    let seconds = 0;
    const alarms: string[] = [];
    for (const file of files) {
      const wav = readFileSync(file);
      // Debian's packs: 8 kHz, 16 bit, one channel, a header of 44 bytes.
      const recorded = new Int16Array(wav.buffer, wav.byteOffset + 44, (wav.length - 44) >> 1);
      for (const pitch of [0.8, 1, 1.25]) {
        const samples = pitched(recorded, pitch);
        seconds += samples.length / 8000;
        const detector = createCngDetector(spandsp);
        for (let i = 0; i < samples.length; i += 160) {
          if (detector.process(samples.subarray(i, i + 160))) alarms.push(`${file} at ${i / 8000} s, pitch ${pitch}`);
        }
        detector.close();
      }
    }
    expect(alarms).toEqual([]);
    expect(seconds / 3600).toBeGreaterThan(3);
  }, 60_000);
});

/** Nearest samples will do: what that adds to the sound can only raise alarms. */
const pitched = (samples: Int16Array, factor: number): Int16Array =>
  factor === 1
    ? samples
    : Int16Array.from({ length: samples.length / factor }, (_, i) => samples[Math.round(i * factor)] ?? 0);
