import { type RtpPacket, timestampDelta, uint16 } from './packet.ts';

/** Event codes 0–15 of RFC 4733 §3.2 are these keys in this order. */
const KEYS = '0123456789*#ABCD';
export const EVENT_BYTES = 4;
/** A segment of a long event ends here, and the next one begins where it ended (RFC 4733 §2.5.1.3). */
const LONGEST_SEGMENT = 0xffff;
/** −8 dBm0: what phones send. */
const VOLUME = 8;

/** @returns undefined for a character that no key has */
export const eventOf = (digit: string): number | undefined => {
  const code = digit.length === 1 ? KEYS.indexOf(digit) : -1;
  return code < 0 ? undefined : code;
};

/** @param duration units of 1/8 ms since the event's beginning */
export function writeEventPayload(bytes: Uint8Array, offset: number, event: number, end: boolean, duration: number) {
  bytes[offset] = event;
  bytes[offset + 1] = (end ? 0x80 : 0) | VOLUME;
  bytes[offset + 2] = duration >> 8;
  bytes[offset + 3] = duration;
}

/**
 * Tells key presses from the packets that repeat them. A press is known by its timestamp, which all its packets carry; so it is
 * reported by whichever of them comes first, and once.
 */
export class KeyPresses {
  #known = false;
  #ssrc = 0;
  #timestamp = 0;
  #event = 0;
  #duration = 0;
  #ended = false;

  /** @returns the key if this packet is the first one of a press */
  receive(bytes: Uint8Array, packet: RtpPacket): string | undefined {
    if (packet.end - packet.start < EVENT_BYTES) return undefined;
    const event = bytes[packet.start] as number;
    const key = KEYS[event];
    if (key === undefined) return undefined;
    const ended = (bytes[packet.start + 1] as number) >= 0x80;
    const duration = uint16(bytes, packet.start + 2);
    const repeats = this.#known && this.#ssrc === packet.ssrc && this.#repeats(event, packet, duration);
    if (repeats === 'older') return undefined;
    this.#ended = ended || (repeats === 'same' && this.#ended);
    this.#known = true;
    this.#ssrc = packet.ssrc;
    this.#event = event;
    this.#timestamp = packet.timestamp;
    this.#duration = duration;
    return repeats ? undefined : key;
  }

  #repeats(event: number, packet: RtpPacket, duration: number): 'same' | 'next segment' | 'older' | false {
    const later = timestampDelta(packet.timestamp, this.#timestamp);
    if (later === 0) return 'same';
    // A packet of the press before, delayed. A jump back by more is a phone that began to count anew.
    if (later < 0 && later > -2 * LONGEST_SEGMENT) return 'older';
    if (event !== this.#event || this.#ended) return false;
    if (later === this.#duration) return 'next segment';
    // Differs from RFC 4733 §2.3.3: some gateways give each packet of a press its own time. Theirs count the duration on.
    const oneTimeEach = later > 0 && later < LONGEST_SEGMENT && !packet.marker && duration > this.#duration;
    return oneTimeEach ? 'next segment' : false;
  }
}
