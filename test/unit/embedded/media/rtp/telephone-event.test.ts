import { beforeEach, describe, expect, it } from 'vitest';
import { RtpPacket, writeHeader } from '../../../../../src/embedded/media/rtp/packet.ts';
import { eventOf, KeyPresses, writeEventPayload } from '../../../../../src/embedded/media/rtp/telephone-event.ts';

describe('KeyPresses', () => {
  let presses: KeyPresses;
  beforeEach(() => {
    presses = new KeyPresses();
  });

  const get = (key: string, timestamp: number, duration: number, { end = false, marker = false, ssrc = 1 } = {}) => {
    const bytes = new Uint8Array(16);
    writeHeader(bytes, 0, marker, 101, 0, timestamp, ssrc);
    writeEventPayload(bytes, 12, eventOf(key) ?? 16, end, duration);
    const packet = new RtpPacket();
    packet.parse(bytes);
    return presses.receive(bytes, packet) ?? '';
  };

  it('reports each press once, whichever of its packets arrive', () => {
    const heard =
      get('5', 1000, 160, { marker: true }) +
      get('5', 1000, 320) +
      get('5', 1000, 480, { end: true }) +
      get('5', 1000, 480, { end: true }) +
      get('5', 3000, 480, { end: true }) +
      get('5', 3000, 480, { end: true }) +
      get('6', 5000, 320) +
      get('D', 9000, 160);
    expect(heard).toBe('556D');
  });

  it('takes two presses of a key for two even if every end was lost', () => {
    expect(get('5', 1000, 160) + get('5', 1000, 800) + get('5', 4000, 160) + get('5', 4000, 320)).toBe('55');
  });

  it('ignores what arrives late of the press before', () => {
    expect(get('1', 1000, 800) + get('2', 3000, 160) + get('1', 1000, 960, { end: true }) + get('2', 3000, 320)).toBe(
      '12',
    );
  });

  it('takes the segments of a long press for one (RFC 4733 §2.5.1.3)', () => {
    expect(get('1', 1000, 0xffff) + get('1', 1000 + 0xffff, 160) + get('1', 1000 + 0xffff, 320, { end: true })).toBe(
      '1',
    );
  });

  it('takes a press whose packets have a time of their own each for one, if its duration counts on', () => {
    expect(get('1', 1000, 160, { marker: true }) + get('1', 1160, 320) + get('1', 1320, 480, { end: true })).toBe('1');
  });

  it('begins anew with another SSRC, and with a clock that was set back', () => {
    expect(get('1', 5_000_000, 160) + get('1', 5_000_000, 160, { ssrc: 2 }) + get('1', 1000, 160, { ssrc: 2 })).toBe(
      '111',
    );
  });

  it('survives the wrap of the clock', () => {
    expect(get('1', 2 ** 32 - 80, 160, { end: true }) + get('2', 500, 160) + get('2', 500, 320)).toBe('12');
  });

  it('ignores events that are no keys, and payloads that are too short', () => {
    expect(get('flash', 1000, 160)).toBe('');
    const bytes = new Uint8Array(14);
    writeHeader(bytes, 0, false, 101, 0, 0, 1);
    const packet = new RtpPacket();
    packet.parse(bytes);
    expect(presses.receive(bytes, packet)).toBeUndefined();
  });
});

it('knows the sixteen keys by their codes (RFC 4733 §3.2)', () => {
  expect([...'0123456789*#ABCD'].map(eventOf)).toEqual(Array.from({ length: 16 }, (_, code) => code));
  expect(['', 'a', 'E', '12'].map(eventOf)).toEqual([undefined, undefined, undefined, undefined]);
});
