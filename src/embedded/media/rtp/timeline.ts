import type { CodecName } from '../../../media/port.ts';
import type { Concealer } from '../dsp/conceal.ts';
import { g711 } from '../dsp/g711.ts';
import { timestampDelta } from './packet.ts';

/** A power of two: how far audio may lie ahead of what was taken, samples. */
const CAPACITY = 8192;
const MASK = CAPACITY - 1;
/** The clock of the sender is believed as long as it agrees with ours to half a second; after that it is another one. */
const LARGEST_DEVIATION = 4000;
const FRAME = 160;
/** So much may the sender's clock be apart from ours before it is set again: a frame. */
const TOLERANCE = FRAME;
/** Deviations are judged over so many packets: the least delayed one among them tells the truth. */
const WINDOW_PACKETS = 100;
/**
 * Packets that are all later than the one, for as long as the other, samples: the sender's clock stood still in a pause, or the way has become longer. What was held up on the
 * way comes in a burst that makes up for it.
 */
const LATE = 800;
const LATE_FOR = 800;
const LATE_PACKETS = 4;
/** A longer gap is no loss but a pause: nothing is invented for it. 100 ms. */
const LONGEST_CONCEALED = 800;
/** The library blends a quarter of a pitch period into what it fills, and looks not whether there is room. */
const SHORTEST_CONCEALED = 40;

const decoded = new Int16Array(CAPACITY / 2);

/**
 * One direction of a call laid out on a clock: every packet stands where its timestamp says, so that loss, disorder, pauses and jitter do not shift what follows. How
 * the sender's clock and ours agree is found out from the arrivals, and followed when they drift apart or when the stream begins anew. Positions are samples of 1/8 ms
 * from an origin that the caller chooses.
 */
export class Timeline {
  readonly #concealer: Concealer;
  readonly #samples = new Int16Array(CAPACITY);
  /** Which samples hold received audio that has not been taken. */
  readonly #filled = new Uint8Array(CAPACITY);
  /** Positions: what is taken next, and the end of what came. */
  #taken = 0;
  #end = 0;
  /** Samples that were missing right before `#taken`. */
  #gap = 0;
  #source: number | undefined;
  /** A timestamp less this is a position, modulo 2³². */
  #offset = 0;
  #leastLateness = Number.POSITIVE_INFINITY;
  #packets = 0;
  /** Since when all packets have been late, and how many. */
  #late: { readonly since: number; count: number } | undefined;

  /** @param concealer fills gaps; closed with `close` */
  constructor(concealer: Concealer) {
    this.#concealer = concealer;
  }

  /**
   * A packet of G.711.
   * @param source tells streams apart: the SSRC
   * @param begins whether its marker bit is set: a pause came before, and the clock may be set without tearing anything apart (RFC 3551 §4.1)
   * @param now the position of this moment
   */
  push(payload: Uint8Array, codec: CodecName, source: number, timestamp: number, begins: boolean, now: number): void {
    const count = Math.min(payload.length, decoded.length);
    const position = this.#place(source, timestamp, begins, now);
    const skip = Math.max(0, this.#taken - position);
    if (skip >= count || position + count - this.#taken > CAPACITY) return;
    g711[codec].decode(payload, decoded, count);
    for (let i = skip; i < count; i++) {
      const place = (position + i) & MASK;
      this.#samples[place] = decoded[i] as number;
      this.#filled[place] = 1;
    }
    this.#end = Math.max(this.#end, position + count);
  }

  /**
   * The audio of the next `count` samples. What has not come by now never will.
   * @param received is set to how many samples of each frame of 160 were received
   */
  take(to: Int16Array, count: number, received: Uint8Array): void {
    received.fill(0);
    for (let at = 0; at < count; ) {
      const is = this.#filled[(this.#taken + at) & MASK] as number;
      let end = at + 1;
      while (end < count && this.#filled[(this.#taken + end) & MASK] === is) end++;
      if (is) this.#copy(to, at, end, received);
      else this.#bridgeGap(to.subarray(at, end), this.#taken + end);
      at = end;
    }
    for (let at = 0; at < count; at++) this.#filled[(this.#taken + at) & MASK] = 0;
    this.#taken += count;
  }

  /** What comes next is a new beginning, whatever its numbers say: a hold is over, in which the sender's clock may have stood still. */
  expectNew(): void {
    this.#source = undefined;
  }

  close(): void {
    this.#concealer.close();
  }

  #copy(to: Int16Array, begin: number, end: number, received: Uint8Array): void {
    for (let at = begin; at < end; at++) {
      to[at] = this.#samples[(this.#taken + at) & MASK] as number;
      const frame = Math.floor(at / FRAME);
      received[frame] = (received[frame] as number) + 1;
    }
    this.#concealer.receive(to.subarray(begin, end));
    this.#gap = 0;
  }

  /** @param end the position behind what is asked for now; the gap itself may go on */
  #bridgeGap(piece: Int16Array, end: number): void {
    piece.fill(0);
    this.#gap += piece.length;
    let rest = 0;
    while (end + rest < this.#end && this.#gap + rest <= LONGEST_CONCEALED && !this.#filled[(end + rest) & MASK])
      rest++;
    if (end + rest >= this.#end || this.#gap + rest > LONGEST_CONCEALED || piece.length < SHORTEST_CONCEALED) return;
    this.#concealer.fill(piece);
  }

  /** The position of a packet. */
  #place(source: number, timestamp: number, begins: boolean, now: number): number {
    if (source !== this.#source) return this.#anchor(source, timestamp, now);
    const lateness = timestampDelta((now + this.#offset) >>> 0, timestamp);
    const position = now - lateness;
    if (Math.abs(lateness) > LARGEST_DEVIATION) return this.#anchor(source, timestamp, now);
    if (begins && Math.abs(lateness) > TOLERANCE) return this.#anchor(source, timestamp, now);
    if (this.#isLateForGood(lateness, now)) return this.#anchor(source, timestamp, now);
    this.#judge(lateness);
    return position;
  }

  /** The clocks agree in this moment. */
  #anchor(source: number, timestamp: number, now: number): number {
    this.#source = source;
    this.#offset = timestampDelta(timestamp, now >>> 0);
    this.#late = undefined;
    this.#beginWindow();
    return now;
  }

  #isLateForGood(lateness: number, now: number): boolean {
    if (lateness < LATE) {
      this.#late = undefined;
      return false;
    }
    this.#late ??= { since: now, count: 0 };
    return ++this.#late.count >= LATE_PACKETS && now - this.#late.since >= LATE_FOR;
  }

  /** A clock that runs wrong, or a first packet that was held up, shows in the packet of a window that was least delayed. */
  #judge(lateness: number): void {
    this.#leastLateness = Math.min(this.#leastLateness, lateness);
    if (++this.#packets < WINDOW_PACKETS) return;
    if (Math.abs(this.#leastLateness) > TOLERANCE) this.#offset -= this.#leastLateness;
    this.#beginWindow();
  }

  #beginWindow(): void {
    this.#leastLateness = Number.POSITIVE_INFINITY;
    this.#packets = 0;
  }
}
