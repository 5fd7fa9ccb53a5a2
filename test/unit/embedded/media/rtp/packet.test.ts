import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isRtcp,
  RtpPacket,
  sequenceDelta,
  timestampDelta,
  writeHeader,
} from '../../../../../src/embedded/media/rtp/packet.ts';

const uint = (bits: number) => fc.integer({ min: 0, max: 2 ** bits - 1 });

describe('RtpPacket', () => {
  it('reads what writeHeader wrote', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        uint(7),
        uint(16),
        uint(32),
        uint(32),
        fc.uint8Array({ maxLength: 480 }),
        (marker, payloadType, sequence, timestamp, ssrc, payload) => {
          const bytes = new Uint8Array(12 + payload.length);
          writeHeader(bytes, 0, marker, payloadType, sequence, timestamp, ssrc);
          bytes.set(payload, 12);
          const packet = new RtpPacket();
          expect(packet.parse(bytes)).toBe(true);
          expect(packet).toMatchObject({
            marker,
            payloadType,
            sequence,
            timestamp,
            ssrc,
            start: 12,
            end: bytes.length,
          });
        },
      ),
    );
  });

  it('finds the payload inside every packet that it accepts, whatever the bytes are', () => {
    const packet = new RtpPacket();
    const header = fc.tuple(uint(6), uint(8)).map(([flags, type]) => [0x80 | flags, type]);
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 200 }), (head, rest) => {
        const bytes = Uint8Array.from([...head, ...rest]);
        if (!packet.parse(bytes)) return;
        expect(packet.start).toBeGreaterThanOrEqual(12);
        expect(packet.end).toBeGreaterThanOrEqual(packet.start);
        expect(bytes.length).toBeGreaterThanOrEqual(packet.end);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['nothing', []],
    ['a truncated header', new Array(11).fill(0x80)],
    ['version 1', [0x40, ...new Array(11).fill(0)]],
    ['more sources than bytes', [0x8f, ...new Array(20).fill(0)]],
    ['an extension that goes beyond the end', [0x90, ...new Array(11).fill(0), 0, 0, 0xff, 0xff]],
    ['padding of length 0', [0xa0, ...new Array(11).fill(0), 1, 0]],
    ['padding longer than the payload', [0xa0, ...new Array(11).fill(0), 1, 3]],
    ['a jumbo', [0x80, ...new Array(1500).fill(0)]],
  ])('refuses %s', (_what, bytes) => {
    expect(new RtpPacket().parse(Uint8Array.from(bytes))).toBe(false);
  });
});

it('tells RTCP from RTP on one port (RFC 5761 §4)', () => {
  const second = (byte: number) => isRtcp(Uint8Array.from([0x80, byte]));
  expect([0, 8, 101, 128 + 8, 191, 224].some(second)).toBe(false);
  expect([192, 200, 201, 202, 203, 204, 223].every(second)).toBe(true);
  expect(isRtcp(new Uint8Array(1))).toBe(false);
});

it('subtracts on a circle', () => {
  expect(sequenceDelta(2, 0xffff)).toBe(3);
  expect(sequenceDelta(0xffff, 2)).toBe(-3);
  expect(timestampDelta(160, 2 ** 32 - 160)).toBe(320);
  expect(timestampDelta(2 ** 32 - 160, 160)).toBe(-320);
});
