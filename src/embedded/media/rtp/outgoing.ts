import type { Random } from '../../../time/random.ts';
import { HEADER_BYTES, type RtpPacket, sequenceDelta, timestampDelta, writeHeader } from './packet.ts';

/** A relayed stream whose numbers jump further than this has begun anew (RFC 3550 §A.1: MAX_DROPOUT). */
const MAX_JUMP = 3000;
/** RTP clock of G.711 and of telephone-event: units per millisecond. */
const UNITS_PER_MS = 8;

/** How the numbers of a relayed stream become ours. */
interface RelayMap {
  readonly ssrc: number;
  readonly timestampOffset: number;
  /** The number that the stream had when we joined it: what is older belongs to nobody. */
  readonly firstSequence: number;
  sequenceOffset: number;
}

/**
 * The one stream that we send to a peer, whatever it is made of: prompts, tones, digits, and the relayed packets of another party follow
 * each other in it without a break in SSRC, sequence numbers and clock; the first packet of each new source carries the marker bit
 * (RFC 3551 §4.1). Loss and disorder of a relayed stream stay visible in our numbers, so that the receiver can conceal them.
 */
export class OutgoingStream {
  readonly ssrc: number;
  packets = 0;
  octets = 0;
  /** Of the last packet: for sender reports. */
  lastTimestamp: number;
  lastSentMs = 0;

  #sequence: number;
  /** Our timestamp clock stands at this value at monotonic time 0. */
  #base: number;
  /** Where the audio sent so far ends on that clock. */
  #end: number;
  #relay: RelayMap | undefined;
  /** True while own frames follow each other without a gap. */
  #ownRunning = false;

  constructor(random: Random) {
    this.ssrc = random.below(2 ** 32);
    this.#sequence = random.below(2 ** 16);
    this.#base = random.below(2 ** 32);
    this.#end = this.#base;
    this.lastTimestamp = this.#base;
  }

  /**
   * Puts the header of a frame of our own before the payload at `HEADER_BYTES`.
   * @param dueMs the frame's deadline, not the moment of its sending: lateness must not show in the timestamps
   */
  writeFrame(bytes: Uint8Array, payloadType: number, samples: number, dueMs: number): void {
    const begin = this.#end;
    const timestamp = this.#advanceTo(dueMs);
    const marker = !this.#ownRunning || timestamp !== begin;
    this.#beginOwn();
    this.#write(bytes, 0, marker, payloadType, timestamp, samples, dueMs);
    this.#end = (timestamp + samples) >>> 0;
  }

  /** The timestamp of an event that begins now; all its packets carry it (RFC 4733 §2.3.3). */
  beginEvent(dueMs: number): number {
    const timestamp = this.#advanceTo(dueMs);
    this.#beginOwn();
    return timestamp;
  }

  /** @param duration timestamp units since the event's beginning */
  writeEvent(
    bytes: Uint8Array,
    payloadType: number,
    first: boolean,
    timestamp: number,
    duration: number,
    dueMs: number,
  ) {
    this.#write(bytes, 0, first, payloadType, timestamp, bytes.length - HEADER_BYTES, dueMs);
    this.#end = (timestamp + duration) >>> 0;
  }

  /**
   * Turns a received packet into one of ours, in place: the header is written right before the payload.
   * @param samples audio in the packet, 0 for an event. @returns where it now begins, or −1 if it must not be sent
   */
  relay(bytes: Uint8Array, packet: RtpPacket, payloadType: number, samples: number, nowMs: number): number {
    let map = this.#relay;
    const joined = !map || map.ssrc !== packet.ssrc || this.#jumped(packet, map);
    if (joined) map = this.#join(packet, nowMs);
    if (!map || sequenceDelta(packet.sequence, map.firstSequence) < 0) return -1;
    const sequence = (packet.sequence + map.sequenceOffset) & 0xffff;
    const timestamp = (packet.timestamp + map.timestampOffset) >>> 0;
    const offset = packet.start - HEADER_BYTES;
    writeHeader(bytes, offset, joined || packet.marker, payloadType, sequence, timestamp, this.ssrc);
    if (sequenceDelta(sequence, this.#sequence) >= 0) {
      this.#sequence = (sequence + 1) & 0xffff;
      this.lastTimestamp = timestamp;
      this.lastSentMs = nowMs;
    }
    const end = (timestamp + samples) >>> 0;
    if (timestampDelta(end, this.#end) > 0) this.#end = end;
    this.packets++;
    this.octets += packet.end - packet.start;
    return offset;
  }

  /** A packet of the relayed stream that is not sent: its number is closed up, for the receiver would take it for a loss. */
  skipRelayed(packet: RtpPacket): void {
    if (this.#relay?.ssrc === packet.ssrc) this.#relay.sequenceOffset--;
  }

  /** The timestamp that belongs to this moment, for a sender report. */
  timestampNow(nowMs: number): number {
    return (this.lastTimestamp + Math.round((nowMs - this.lastSentMs) * UNITS_PER_MS)) >>> 0;
  }

  #write(
    bytes: Uint8Array,
    offset: number,
    marker: boolean,
    payloadType: number,
    timestamp: number,
    octets: number,
    nowMs: number,
  ): void {
    writeHeader(bytes, offset, marker, payloadType, this.#sequence, timestamp, this.ssrc);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.lastTimestamp = timestamp;
    this.lastSentMs = nowMs;
    this.packets++;
    this.octets += octets;
  }

  #beginOwn(): void {
    this.#ownRunning = true;
    this.#relay = undefined;
  }

  #join(packet: RtpPacket, nowMs: number): RelayMap {
    this.#ownRunning = false;
    this.#relay = {
      ssrc: packet.ssrc,
      timestampOffset: timestampDelta(this.#advanceTo(nowMs), packet.timestamp),
      firstSequence: packet.sequence,
      sequenceOffset: this.#sequence - packet.sequence,
    };
    return this.#relay;
  }

  #jumped(packet: RtpPacket, map: RelayMap): boolean {
    const step = sequenceDelta((packet.sequence + map.sequenceOffset) & 0xffff, this.#sequence);
    return step > MAX_JUMP || step < -MAX_JUMP;
  }

  /** Where the clock stands at `ms`. If more has been sent already (a relayed clock runs fast), ours is set forward: never back. */
  #advanceTo(ms: number): number {
    const timestamp = (this.#base + Math.round(ms * UNITS_PER_MS)) >>> 0;
    const behind = timestampDelta(this.#end, timestamp);
    if (behind <= 0) return timestamp;
    this.#base = (this.#base + behind) >>> 0;
    return this.#end;
  }
}
