import { describe, expect, it } from 'vitest';
import { JitterBuffer } from '../../../../../src/embedded/media/rtp/jitter-buffer.ts';

const FRAME = 160;
/** A packet of constant value, so that each frame shows which packet it came from. */
const packetOf = (value: number, count = FRAME) => new Int16Array(count).fill(value);

/** Pulls a frame and says what it was: the value of its samples, or why there were none. */
function pull(buffer: JitterBuffer, jitterMs = 0): number | string {
  const frame = new Int16Array(FRAME);
  const heard = buffer.pull(frame, jitterMs);
  return heard === 'audio' ? (frame[FRAME - 1] ?? 0) : heard;
}

describe('JitterBuffer', () => {
  const push = (buffer: JitterBuffer, ...numbers: number[]) => {
    for (const n of numbers) buffer.push((n * FRAME) >>> 0, packetOf(n), FRAME);
  };

  it('waits until it has 40 ms, then gives frame by frame', () => {
    const buffer = new JitterBuffer();
    expect(pull(buffer)).toBe('empty');
    push(buffer, 1);
    expect(pull(buffer)).toBe('empty');
    push(buffer, 2);
    expect([pull(buffer), pull(buffer), pull(buffer)]).toEqual([1, 2, 'empty']);
  });

  it('puts disordered and repeated packets into order', () => {
    const buffer = new JitterBuffer();
    push(buffer, 3, 1, 2, 2, 4);
    expect([pull(buffer), pull(buffer), pull(buffer), pull(buffer)]).toEqual([1, 2, 3, 4]);
  });

  it('tells a lost frame from the end of the talk', () => {
    const buffer = new JitterBuffer();
    push(buffer, 1, 2, 4);
    expect([pull(buffer), pull(buffer), pull(buffer), pull(buffer), pull(buffer)]).toEqual([
      1,
      2,
      'missing',
      4,
      'empty',
    ]);
  });

  it('does not care how long the packets are', () => {
    const buffer = new JitterBuffer();
    buffer.push(0, packetOf(7, 480), 480);
    buffer.push(480, packetOf(8, 80), 80);
    buffer.push(560, packetOf(8, 80), 80);
    expect([pull(buffer), pull(buffer), pull(buffer), pull(buffer)]).toEqual([7, 7, 7, 8]);
  });

  it('waits longer when the network is uneven', () => {
    const buffer = new JitterBuffer();
    push(buffer, 1, 2, 3);
    expect(pull(buffer, 20)).toBe('empty');
    push(buffer, 4);
    expect(pull(buffer, 20)).toBe(1);
  });

  it('becomes deeper by a frame for what came too late', () => {
    const buffer = new JitterBuffer();
    push(buffer, 1, 2, 3, 5);
    for (const heard of [1, 2, 3, 'missing', 5]) expect(pull(buffer)).toBe(heard);
    push(buffer, 4);
    expect(pull(buffer)).toBe('empty');
    push(buffer, 6, 7);
    expect(pull(buffer)).toBe('empty');
    push(buffer, 8);
    expect(pull(buffer)).toBe(6);
  });

  it('gives the frame back when nothing came too late for ten seconds', () => {
    const buffer = new JitterBuffer();
    push(buffer, 1, 2, 3, 5);
    for (let i = 0; i < 5; i++) pull(buffer);
    push(buffer, 4);
    for (let ms = 0; ms < 10_000; ms += 20) expect(pull(buffer)).toBe('empty');
    push(buffer, 1000, 1001);
    expect(pull(buffer)).toBe(1000);
  });

  it('skips a frame when it has been too deep for a second', () => {
    const buffer = new JitterBuffer();
    push(buffer, 1, 2, 3, 4, 5, 6);
    const heard: (number | string)[] = [];
    for (let n = 7; n < 70; n++) {
      heard.push(pull(buffer));
      push(buffer, n);
    }
    const skipped = heard.filter((value, i) => i > 0 && Number(value) - Number(heard[i - 1]) === 2);
    expect(skipped).toHaveLength(1);
    expect(heard).not.toContain('missing');
  });

  it('begins anew after a pause, a jump and the wrap of the clock', () => {
    const buffer = new JitterBuffer();
    push(buffer, 1, 2);
    for (const heard of [1, 2, 'empty', 'empty']) expect(pull(buffer)).toBe(heard);
    push(buffer, 500, 501);
    for (const heard of [500, 501, 'empty']) expect(pull(buffer)).toBe(heard);
    buffer.push(2 ** 32 - FRAME, packetOf(1), FRAME);
    buffer.push(0, packetOf(2), FRAME);
    for (const heard of [1, 2, 'empty']) expect(pull(buffer)).toBe(heard);
  });

  it('keeps a pause as silence, or skips it', () => {
    const heardOf = (buffer: JitterBuffer) => {
      push(buffer, 1, 2);
      const heard = [pull(buffer), pull(buffer), pull(buffer)];
      push(buffer, 6, 7, 9);
      return [...heard, pull(buffer), pull(buffer), pull(buffer), pull(buffer)];
    };
    expect(heardOf(new JitterBuffer())).toEqual([1, 2, 'empty', 'missing', 'missing', 'missing', 6]);
    // A loss is no pause.
    expect(heardOf(new JitterBuffer({ pauses: 'skipped' }))).toEqual([1, 2, 'empty', 6, 7, 'missing', 9]);
  });

  describe('of fixed depth', () => {
    it('neither skips nor invents a frame, however the packets come', () => {
      const buffer = new JitterBuffer({ fixedMs: 200 });
      const heard: (number | string)[] = [];
      // Two in a hundred come 40 ms late, and once nothing comes for 300 ms.
      for (let tick = 1; tick <= 2000; tick++) {
        const arrives = (n: number) => {
          const late = n % 50 === 0 ? 2 : 0;
          const due = n + late;
          return due >= 1000 && due < 1015 ? 1015 : due;
        };
        for (let n = Math.max(1, tick - 20); n <= tick; n++) if (arrives(n) === tick) push(buffer, n);
        heard.push(pull(buffer, 60));
      }
      const frames = heard.filter((one) => one !== 'empty');
      expect(frames).toEqual(Array.from({ length: frames.length }, (_, i) => i + 1));
      expect(frames.length).toBeGreaterThan(1900);
    });

    it('gives out the rest when nothing more is to come', () => {
      const buffer = new JitterBuffer({ fixedMs: 200 });
      push(buffer, 1, 2);
      const frame = new Int16Array(FRAME);
      expect(pull(buffer)).toBe('empty');
      expect([buffer.drain(frame), frame[0], buffer.drain(frame), frame[0], buffer.drain(frame)]).toEqual([
        true,
        1,
        true,
        2,
        false,
      ]);
    });
  });
});
