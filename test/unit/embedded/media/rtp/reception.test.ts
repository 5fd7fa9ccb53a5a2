import { describe, expect, it } from 'vitest';
import { RtpPacket, writeHeader } from '../../../../../src/embedded/media/rtp/packet.ts';
import { Reception } from '../../../../../src/embedded/media/rtp/reception.ts';

const packet = new RtpPacket();
function receive(reception: Reception, sequence: number, { ms = 0, timestamp = 0, ssrc = 1, timed = true } = {}) {
  const bytes = new Uint8Array(172);
  writeHeader(bytes, 0, false, 8, sequence & 0xffff, timestamp, ssrc);
  packet.parse(bytes);
  return reception.record(packet, ms, timed);
}

describe('Reception', () => {
  it.each([
    ['nothing', [1, 2, 3], 0],
    ['a gap', [1, 2, 5], 2],
    ['disorder', [1, 3, 2, 4], 0],
    ['repetition', [1, 2, 2, 2, 5], 2],
    ['a wrap', [65534, 65535, 0, 2], 1],
    ['a wrap, disordered', [65535, 1, 0, 65534], 0],
    ['packets from before the first', [10, 8, 9, 11], 0],
  ])('counts the loss: %s', (_what, sequence, lost) => {
    const reception = new Reception();
    for (const number of sequence) receive(reception, number);
    expect(reception.lost).toBe(lost);
    expect(reception.packets).toBe(new Set(sequence).size);
  });

  it('knows a repetition', () => {
    const reception = new Reception();
    expect([1, 2, 1, 2, 3].map((number) => receive(reception, number))).toEqual([true, true, false, false, true]);
  });

  it('begins anew with another SSRC or a jump, and keeps what was lost before', () => {
    const reception = new Reception();
    for (const number of [1, 3]) receive(reception, number);
    for (const number of [40_000, 40_001]) receive(reception, number);
    for (const number of [5, 7]) receive(reception, number, { ssrc: 2 });
    expect(reception.lost).toBe(2);
    expect(reception.packets).toBe(6);
  });

  it('measures no jitter in an even stream, and that of an uneven one (RFC 3550 §A.8)', () => {
    const even = new Reception();
    for (let n = 0; n < 100; n++) receive(even, n, { ms: 1000 + 20 * n, timestamp: 160 * n });
    expect(even.jitterMs).toBe(0);

    const uneven = new Reception();
    for (let n = 0; n < 500; n++) receive(uneven, n, { ms: 20 * n + (n % 2) * 8, timestamp: 160 * n });
    expect(uneven.jitterMs).toBeCloseTo(8, 1);
  });

  it('takes no event for jitter: all its packets carry one timestamp', () => {
    const reception = new Reception();
    for (let n = 0; n < 50; n++) receive(reception, n, { ms: 20 * n, timestamp: 160 * n });
    for (let n = 50; n < 60; n++) receive(reception, n, { ms: 20 * n, timestamp: 8000, timed: false });
    expect(reception.jitterMs).toBe(0);
  });

  it('survives the wrap of the timestamp', () => {
    const reception = new Reception();
    for (let n = 0; n < 20; n++) receive(reception, n, { ms: 20 * n, timestamp: (2 ** 32 - 1600 + 160 * n) >>> 0 });
    expect(reception.jitterMs).toBe(0);
  });

  it('reports the loss since the last report in 1/256, and all of it', () => {
    const reception = new Reception();
    for (const number of [0, 1, 2, 4]) receive(reception, number);
    expect(reception.report()).toMatchObject({ fractionLost: Math.floor(256 / 5), lost: 1 });
    for (const number of [5, 6, 7]) receive(reception, number);
    expect(reception.report()).toMatchObject({ fractionLost: 0, lost: 1 });
    expect(reception.report().highestSequence & 0xffff).toBe(7);
  });
});
