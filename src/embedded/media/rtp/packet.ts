const FIXED_HEADER = 12;
/** More than any G.711 packet that fits an Ethernet frame: what is longer is not audio. */
const LONGEST = 1500;

/**
 * A view of one received RTP packet (RFC 3550 §5.1). One object is used for all packets, so that a packet costs no allocation:
 * whoever wants to keep something copies it.
 */
export class RtpPacket {
  marker = false;
  payloadType = 0;
  sequence = 0;
  timestamp = 0;
  ssrc = 0;
  /** The payload is `bytes[start … end)`; contributing sources, header extension and padding lie outside. */
  start = 0;
  end = 0;

  /** @returns false if the bytes are no RTP version 2 packet; the fields are then meaningless */
  parse(bytes: Uint8Array): boolean {
    const length = bytes.length;
    if (length < FIXED_HEADER || length > LONGEST) return false;
    const first = at(bytes, 0);
    if (first >> 6 !== 2) return false;
    let start = FIXED_HEADER + 4 * (first & 0x0f);
    if (first & 0x10) {
      if (start + 4 > length) return false;
      start += 4 + 4 * uint16(bytes, start + 2);
    }
    let end = length;
    if (first & 0x20) {
      const padding = at(bytes, length - 1);
      if (padding === 0) return false;
      end -= padding;
    }
    if (start > end) return false;
    const second = at(bytes, 1);
    this.marker = second >= 0x80;
    this.payloadType = second & 0x7f;
    this.sequence = uint16(bytes, 2);
    this.timestamp = uint32(bytes, 4);
    this.ssrc = uint32(bytes, 8);
    this.start = start;
    this.end = end;
    return true;
  }
}

/** Bytes before the payload of every packet that we send: no contributing sources, no extension. */
export const HEADER_BYTES = FIXED_HEADER;

/** Writes the fixed header at `offset`. `sequence` and `timestamp` are taken modulo 2¹⁶ and 2³². */
export function writeHeader(
  bytes: Uint8Array,
  offset: number,
  marker: boolean,
  payloadType: number,
  sequence: number,
  timestamp: number,
  ssrc: number,
): void {
  bytes[offset] = 0x80;
  bytes[offset + 1] = (marker ? 0x80 : 0) | payloadType;
  bytes[offset + 2] = sequence >> 8;
  bytes[offset + 3] = sequence;
  setUint32(bytes, offset + 4, timestamp);
  setUint32(bytes, offset + 8, ssrc);
}

/** RFC 5761 §4: on a shared port the second byte tells RTCP (packet types 192–223) from RTP. */
export const isRtcp = (bytes: Uint8Array): boolean => at(bytes, 1) >= 192 && at(bytes, 1) <= 223;

const at = (bytes: Uint8Array, offset: number): number => bytes[offset] as number;

export const uint16 = (bytes: Uint8Array, offset: number): number => (at(bytes, offset) << 8) | at(bytes, offset + 1);

export const uint32 = (bytes: Uint8Array, offset: number): number =>
  ((uint16(bytes, offset) << 16) | uint16(bytes, offset + 2)) >>> 0;

export function setUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

/** `a − b` on a circle of 2¹⁶ sequence numbers: negative if `a` comes before `b`. */
export const sequenceDelta = (a: number, b: number): number => ((a - b) << 16) >> 16;

/** `a − b` on a circle of 2³² timestamps. */
export const timestampDelta = (a: number, b: number): number => (a - b) | 0;
