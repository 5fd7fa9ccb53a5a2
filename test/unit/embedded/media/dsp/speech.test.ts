import { describe, expect, it } from 'vitest';
import { SpeechDetector } from '../../../../../src/embedded/media/dsp/speech.ts';
import { seededRandom } from '../../../../support/seeded-random.ts';
import { tone } from '../../../../support/tones.ts';

const random = seededRandom();
/** White noise of some level, 0 dBm0 being 23,170 as an effective value. */
const noise = (ms: number, dbm0: number) => {
  const peak = Math.sqrt(3) * 22_800 * 10 ** (dbm0 / 20);
  return Int16Array.from({ length: 8 * ms }, () => ((random.below(20_001) - 10_000) / 10_000) * peak);
};
const hum = (ms: number, dbm0: number) => {
  const peak = Math.SQRT2 * 22_800 * 10 ** (dbm0 / 20);
  return Int16Array.from({ length: 8 * ms }, (_, i) => peak * Math.sin((2 * Math.PI * 50 * i) / 8000));
};
/** Syllables: 180 ms of voice with overtones, 60 ms of pause, over whatever noise there is. */
const speech = (ms: number, dbm0: number, floor = -65) => {
  const under = noise(ms, floor);
  const peak = 22_800 * 10 ** (dbm0 / 20);
  return under.map((sample, i) => {
    if (i % 1920 >= 1440) return sample;
    const angle = (2 * Math.PI * 140 * i) / 8000;
    return sample + peak * (Math.sin(2 * angle) + 0.7 * Math.sin(3 * angle) + 0.5 * Math.sin(5 * angle));
  });
};
const silence = (ms: number) => new Int16Array(8 * ms);

function listen(...parts: readonly Int16Array[]) {
  const detector = new SpeechDetector();
  for (const part of parts) {
    for (let at = 0; at + 160 <= part.length; at += 160) detector.process(part, at, true);
  }
  return { speech: detector.speechMs, silent: detector.silentMs };
}

describe('SpeechDetector', () => {
  it.each([
    ['digital silence', silence(6000)],
    ['comfort noise', noise(6000, -55)],
    ['a noisy line', noise(6000, -38)],
    ['a very noisy line', noise(6000, -30)],
    ['hum of the mains', hum(6000, -20)],
  ])('takes %s for silence', (_, samples) => {
    expect(listen(samples)).toEqual({ speech: 0, silent: 6000 });
  });

  it.each([
    ['loud', speech(4000, -15)],
    ['faint', speech(4000, -33)],
    ['over a noisy line', speech(4000, -18, -38)],
  ])('hears speech, %s', (_, samples) => {
    const heard = listen(silence(500), samples);
    expect(heard.speech).toBeGreaterThan(3300);
    expect(heard.silent).toBeLessThan(300);
  });

  it('hears that it is over, down to the frame', () => {
    const heard = listen(speech(1980, -15), noise(3000, -55));
    expect(heard.silent).toBeGreaterThan(2950);
    expect(heard.silent).toBeLessThan(3120);
    expect(heard.speech).toBeGreaterThan(1700);
  });

  it('takes a loud tone for a sound, however long', () => {
    expect(listen(tone(440, 10_000))).toEqual({ speech: 10_000, silent: 0 });
  });

  it('takes no click for speech', () => {
    const click = silence(3000);
    click.fill(20_000, 8000, 8200);
    expect(listen(click)).toEqual({ speech: 0, silent: 3000 });
  });

  it('learns the noise of a line that becomes noisy within three seconds', () => {
    expect(listen(noise(4000, -60), noise(10_000, -36)).silent).toBeGreaterThan(6500);
  });

  it('counts what did not come as silence, and learns nothing of it', () => {
    const detector = new SpeechDetector();
    for (let i = 0; i < 100; i++) detector.process(silence(20), 0, false);
    expect([detector.speechMs, detector.silentMs]).toEqual([0, 2000]);
  });
});
