import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseReport, writeReport } from '../../../../../src/embedded/media/rtp/rtcp.ts';

const words = (bytes: Uint8Array): number[] => {
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i));
};

const received = {
  ssrc: 0xaabbccdd,
  fractionLost: 12,
  lost: 345,
  highestSequence: 0x1_0007,
  jitter: 67,
  lastSenderReport: 0x11223344,
  delaySinceIt: 65_536,
};

describe('writeReport', () => {
  it('writes a sender report with a block, a description and a goodbye (RFC 3550 §6.4.1, §6.5.1, §6.6)', () => {
    const bytes = writeReport({
      ssrc: 0x01020304,
      cname: 'ab',
      sent: { nowMs: 1_500, timestamp: 8000, packets: 50, octets: 8000 },
      received,
      bye: true,
    });
    expect(words(bytes)).toEqual([
      // V=2, one block, type 200, length 12; the time is 1.5 s after 1970.
      ...[0x81c8_000c, 0x01020304, 2_208_988_801, 0x8000_0000, 8000, 50, 8000],
      ...[0xaabbccdd, (12 << 24) | 345, 0x1_0007, 67, 0x11223344, 65_536],
      // CNAME of two characters and at least one zero; then BYE.
      ...[0x81ca_0003, 0x01020304, 0x0102_6162, 0],
      ...[0x81cb_0001, 0x01020304],
    ]);
  });

  it('writes an empty receiver report if nothing was sent or received', () => {
    expect(words(writeReport({ ssrc: 7, cname: 'abcdef' }))).toEqual([
      ...[0x80c9_0001, 7],
      ...[0x81ca_0004, 7, 0x0106_6162, 0x6364_6566, 0],
    ]);
  });

  it('is read by parseReport', () => {
    const sent = { nowMs: 1_500, timestamp: 0, packets: 1, octets: 160 };
    expect(parseReport(writeReport({ ssrc: 9, cname: 'x', sent }))).toEqual({
      senderReport: { ssrc: 9, ntpMiddle: (2_208_988_801 % 65_536) * 65_536 + 0x8000 },
      bye: false,
    });
    expect(parseReport(writeReport({ ssrc: 9, cname: 'x', received, bye: true }))).toEqual({ bye: true });
  });
});

describe('parseReport', () => {
  it.each([
    ['nothing', []],
    ['half a header', [0x80, 200, 0]],
    ['version 1', [0x40, 200, 0, 1, 0, 0, 0, 0]],
    ['RTP', [0x80, 8, 0, 1, 0, 0, 0, 0]],
    ['a length beyond the end', [0x80, 200, 0, 9, 0, 0, 0, 0]],
    ['something behind the last packet', [0x80, 201, 0, 1, 0, 0, 0, 0, 1]],
  ])('refuses %s (RFC 3550 §A.2)', (_what, bytes) => {
    expect(parseReport(Uint8Array.from(bytes))).toBeUndefined();
  });

  it('survives any bytes', () => {
    const head = fc.constantFrom([0x80, 200, 0, 6], [0x81, 201, 0, 1], [0x81, 203, 0, 1]);
    fc.assert(
      fc.property(head, fc.uint8Array({ maxLength: 100 }), (begin, rest) => {
        parseReport(Uint8Array.from([...begin, ...rest]));
      }),
      { numRuns: 1000 },
    );
  });
});
