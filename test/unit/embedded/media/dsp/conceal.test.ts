import { describe, expect, it } from 'vitest';
import { createConcealer } from '../../../../../src/embedded/media/dsp/conceal.ts';
import { isMissing, loadSpandsp } from '../../../../../src/embedded/media/dsp/spandsp.ts';
import { levelDbm0, totalDbm0 } from '../../../../support/goertzel.ts';

const spandsp = loadSpandsp();
if (isMissing(spandsp)) throw new Error(spandsp.missing);

const FRAME = 160;
/** A voice-like sound: 125 Hz and its harmonics. */
const voiced = (frame: number) =>
  Int16Array.from({ length: FRAME }, (_, i) => {
    const t = (frame * FRAME + i) / 8000;
    return 4000 * [1, 2, 3, 4, 5].reduce((sum, k) => sum + Math.sin(2 * Math.PI * 125 * k * t) / k, 0);
  });

describe('concealer', () => {
  it('goes on with the voice where a frame is missing', () => {
    const concealer = createConcealer(spandsp);
    for (let frame = 0; frame < 10; frame++) concealer.receive(voiced(frame));
    const filled = new Int16Array(FRAME);
    concealer.fill(filled);
    const missed = voiced(10);
    expect(totalDbm0(filled)).toBeGreaterThan(totalDbm0(missed) - 3);
    expect(levelDbm0(filled, 125)).toBeGreaterThan(levelDbm0(missed, 125) - 4);
    // The seam is no click: the step to the first sample is no bigger than steps of the voice itself.
    const before = voiced(9);
    const steps = before.slice(1).map((sample, i) => Math.abs(sample - (before[i] as number)));
    expect(Math.abs((filled[0] as number) - (before.at(-1) as number))).toBeLessThan(2 * Math.max(...steps));
    concealer.close();
  });

  it('fades a long gap to silence', () => {
    const concealer = createConcealer(spandsp);
    for (let frame = 0; frame < 10; frame++) concealer.receive(voiced(frame));
    const levels = [0, 1, 2, 3, 4].map(() => {
      const filled = new Int16Array(FRAME);
      concealer.fill(filled);
      return totalDbm0(filled);
    });
    expect(levels[1]).toBeLessThan(levels[0] as number);
    expect(levels[4]).toBeLessThan(-60);
    concealer.close();
  });

  it('leaves received frames alone while nothing is lost, and only blends the first one after a gap', () => {
    const concealer = createConcealer(spandsp);
    for (let frame = 0; frame < 10; frame++) {
      const samples = voiced(frame);
      concealer.receive(samples);
      expect(samples).toEqual(voiced(frame));
    }
    concealer.fill(new Int16Array(FRAME));
    const next = voiced(11);
    concealer.receive(next);
    const changed = next.findLastIndex((sample, i) => sample !== voiced(11)[i]);
    expect(changed).toBeGreaterThanOrEqual(0);
    expect(changed).toBeLessThan(FRAME / 2);
    concealer.close();
  });

  it('closes once and refuses to be used afterwards', () => {
    const concealer = createConcealer(spandsp);
    concealer.close();
    concealer.close();
    expect(() => concealer.fill(new Int16Array(FRAME))).toThrow(/after close/);
  });

  it('fills with silence where there is no library', () => {
    const concealer = createConcealer(undefined);
    concealer.receive(voiced(0));
    const filled = voiced(1);
    concealer.fill(filled);
    expect(filled).toEqual(new Int16Array(FRAME));
    concealer.close();
  });
});
