import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createConcealer } from '../../../../../src/embedded/media/dsp/conceal.ts';
import { alawEncode } from '../../../../../src/embedded/media/dsp/g711.ts';
import { Timeline } from '../../../../../src/embedded/media/rtp/timeline.ts';

const FRAME = 160;
/** A level that A-law carries exactly. */
const LEVEL = 8064;
const payload = new Uint8Array(FRAME);
alawEncode(new Int16Array(FRAME).fill(LEVEL), payload);

interface Packet {
  readonly timestamp: number;
  /** Position at its arrival. */
  readonly at: number;
  readonly source?: number;
  readonly begins?: boolean;
}

/** Pushes packets as they arrive, and takes what is 200 ms old, as a recorder does. @returns the frames in which there was audio, in fractions of a frame where it is not whole */
function heard(packets: readonly Packet[], samples: number): Int16Array {
  const timeline = new Timeline(createConcealer(undefined));
  const all = new Int16Array(samples);
  const received = new Uint8Array(5);
  const block = new Int16Array(800);
  let taken = 0;
  const takeUntil = (position: number) => {
    for (; taken + 800 <= position && taken + 800 <= samples; taken += 800) {
      timeline.take(block, 800, received);
      all.set(block, taken);
    }
  };
  for (const { timestamp, at, source = 1, begins = false } of packets.toSorted((a, b) => a.at - b.at)) {
    takeUntil(at - 1600);
    timeline.push(payload, 'pcma', source, timestamp >>> 0, begins, at);
  }
  takeUntil(samples);
  return all;
}

/** Where audio begins and ends, in samples. */
function spans(samples: Int16Array): [number, number][] {
  const found: [number, number][] = [];
  samples.forEach((sample, i) => {
    if (sample === 0) return;
    const last = found.at(-1);
    if (last?.[1] === i) last[1] = i + 1;
    else found.push([i, i + 1]);
  });
  return found;
}

const stream = (count: number, { from = 0, base = 1000 } = {}): Packet[] =>
  Array.from({ length: count }, (_, i) => ({ timestamp: base + i * FRAME, at: from + i * FRAME }));

describe('Timeline', () => {
  it('lays a stream out where it came, sample by sample', () => {
    expect(spans(heard(stream(20, { from: 320 }), 8000))).toEqual([[320, 320 + 20 * FRAME]]);
  });

  it('keeps the place of what follows a loss', () => {
    const packets = stream(30).filter((_, i) => i < 5 || i >= 18);
    expect(spans(heard(packets, 8000))).toEqual([
      [0, 5 * FRAME],
      [18 * FRAME, 30 * FRAME],
    ]);
  });

  it('puts into order what came out of order or late by less than the time that is held back', () => {
    const delays = fc.array(fc.integer({ min: 0, max: 1200 }), { minLength: 60, maxLength: 60 });
    fc.assert(
      fc.property(delays, (late) => {
        // Were all late for a tenth of a second, also at the end, it would be the way that has become longer.
        const packets = stream(70).map((packet, i) => ({
          ...packet,
          at: packet.at + (i % 4 === 0 ? 0 : (late[i] ?? 0)),
        }));
        expect(spans(heard(packets, 16_000))).toEqual([[0, 70 * FRAME]]);
      }),
    );
  });

  it('goes on over the wrap of the timestamps', () => {
    expect(spans(heard(stream(20, { base: 2 ** 32 - 10 * FRAME }), 8000))).toEqual([[0, 20 * FRAME]]);
  });

  it.each([
    ['another source', { source: 2 }],
    ['a jump of the numbers', { source: 1 }],
  ])('takes %s for a new beginning, in the moment in which it comes', (_, { source }) => {
    const next = stream(10, { from: 4000, base: 77_000_000 }).map((packet) => ({ ...packet, source }));
    expect(spans(heard([...stream(10), ...next], 8000))).toEqual([
      [0, 1600],
      [4000, 5600],
    ]);
  });

  it('believes the marker that a pause was longer than the timestamps say', () => {
    const after = stream(10, { from: 3600, base: 1000 + 10 * FRAME }).map((packet, i) => ({
      ...packet,
      begins: i === 0,
    }));
    expect(spans(heard([...stream(10), ...after], 8000))).toEqual([
      [0, 1600],
      [3600, 5200],
    ]);
  });

  it('finds out after a tenth of a second that a sender whose clock stood still is late for good', () => {
    const after = stream(40, { from: 1600 + 1200, base: 1000 + 10 * FRAME });
    const found = spans(heard([...stream(10), ...after], 16_000));
    // From some packet on they stand where they come.
    expect(found.at(-1)?.[1]).toBe(1600 + 1200 + 40 * FRAME);
  });

  it.each([
    ['fast', 159.9],
    ['slow', 160.1],
  ])('follows a clock that runs %s, by a frame now and then', (_, step) => {
    const packets = Array.from({ length: 6000 }, (_, i) => ({ timestamp: i * FRAME, at: Math.round(i * step) }));
    const samples = heard(packets, 961_600);
    const end = spans(samples).at(-1)?.[1] ?? 0;
    // 600 samples apart after two minutes, were it not followed.
    expect(Math.abs(end - (5999 * step + FRAME))).toBeLessThan(1.5 * FRAME);
    expect(samples.subarray(0, 900_000).filter((sample) => sample === LEVEL).length).toBeGreaterThan(890_000);
  });

  it('fills a short gap with what the concealer makes of it, and a long one with silence', () => {
    const asked: number[] = [];
    const timeline = new Timeline({
      receive: () => undefined,
      fill: (samples) => {
        asked.push(samples.length);
        samples.fill(7);
      },
      close: () => undefined,
    });
    const packets = stream(60).filter((_, i) => i !== 3 && !(i >= 20 && i < 30));
    for (const { timestamp, at } of packets) timeline.push(payload, 'pcma', 1, timestamp, false, at);
    const samples = new Int16Array(40 * FRAME);
    timeline.take(samples, samples.length, new Uint8Array(40));
    expect(asked).toEqual([FRAME]);
    expect([...new Set(samples.subarray(3 * FRAME, 4 * FRAME))]).toEqual([7]);
    expect([...new Set(samples.subarray(20 * FRAME, 30 * FRAME))]).toEqual([0]);
  });
});
