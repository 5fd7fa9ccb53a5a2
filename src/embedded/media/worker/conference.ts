import type { CodecName } from '../../../media/port.ts';
import type { Clock } from '../../../time/clock.ts';
import type { Random } from '../../../time/random.ts';
import { type Concealer, createConcealer } from '../dsp/conceal.ts';
import { g711 } from '../dsp/g711.ts';
import type { Spandsp } from '../dsp/spandsp.ts';
import { JitterBuffer } from '../rtp/jitter-buffer.ts';
import { HEADER_BYTES, RtpPacket, writeHeader } from '../rtp/packet.ts';
import { Reception } from '../rtp/reception.ts';
import type { Paced, Pacer } from './pacer.ts';
import { FRAME } from './playback.ts';
import type { Sink } from './sink.ts';

const SAMPLES_PER_MS = 8;
const STATIC_TYPE: Record<CodecName, number> = { pcmu: 0, pcma: 8 };

export interface ConferenceSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly pacer: Pacer;
  readonly spandsp: Spandsp | undefined;
}

/** One frame is mixed at a time in a thread, so these serve all its conferences. */
const sum = new Int32Array(FRAME);
const mixed = new Int16Array(FRAME);
const linear = new Int16Array(2048);
const packet = new RtpPacket();

/**
 * Mixes those who take part, a frame every 20 ms by the pacer: the sum of all, and for each who says something the same less himself. A frame costs each participant one
 * G.711 decoding and one encoding, so the cost grows with their number alone, not with its square.
 */
export class ConferenceBridge implements Paced {
  readonly #around: ConferenceSurroundings;
  readonly #seats = new Map<number, Seat>();

  constructor(around: ConferenceSurroundings) {
    this.#around = around;
  }

  get size(): number {
    return this.#seats.size;
  }

  /** The numbers of those who take part. */
  get seats(): readonly number[] {
    return [...this.#seats.keys()];
  }

  /** @param to gets what this one hears. @returns where what he says goes */
  seat(id: number, to: Sink): Sink {
    const seat = new Seat(this.#around, to);
    this.#seats.set(id, seat);
    this.#around.pacer.add(this);
    return seat;
  }

  mute(id: number, on: boolean): void {
    const seat = this.#seats.get(id);
    if (seat) seat.isMute = on;
  }

  /** Idempotent. */
  vacate(id: number): void {
    this.#seats.get(id)?.close();
    this.#seats.delete(id);
    if (this.#seats.size === 0) this.#around.pacer.remove(this);
  }

  close(): void {
    for (const id of this.seats) this.vacate(id);
  }

  tick(dueMs: number): void {
    sum.fill(0);
    for (const seat of this.#seats.values()) {
      seat.listen();
      if (!seat.isHeard) continue;
      for (let i = 0; i < FRAME; i++) sum[i] = (sum[i] as number) + (seat.frame[i] as number);
    }
    for (const seat of this.#seats.values()) seat.speak(sum, dueMs);
  }
}

/** One who takes part: a stream in, a stream out. */
class Seat implements Sink {
  isMute = false;
  /** What he says in this frame; it means something while `isHeard`. */
  readonly frame = new Int16Array(FRAME);
  /** True if the others hear him in this frame. */
  isHeard = false;
  readonly #to: Sink;
  readonly #clock: Clock;
  // A pause makes no delay: he begins anew after it.
  readonly #buffer = new JitterBuffer({ pauses: 'skipped' });
  readonly #concealer: Concealer;
  readonly #reception = new Reception();
  readonly #bytes = new Uint8Array(HEADER_BYTES + FRAME);
  readonly #ssrc: number;
  /** The law that he speaks, so probably the one that he hears. */
  #codec: CodecName = 'pcma';
  #sequence: number;
  #timestamp: number;
  #latestMs: number | undefined;
  #closed = false;

  constructor({ clock, random, spandsp }: ConferenceSurroundings, to: Sink) {
    this.#to = to;
    this.#clock = clock;
    this.#concealer = createConcealer(spandsp);
    this.#ssrc = random.below(2 ** 32);
    this.#sequence = random.below(2 ** 16);
    this.#timestamp = random.below(2 ** 32);
  }

  relayAudio(bytes: Uint8Array, said: RtpPacket, codec: CodecName): void {
    if (this.#closed || !this.#reception.record(said, this.#clock.monotonic(), true)) return;
    this.#codec = codec;
    const count = said.end - said.start;
    g711[codec].decode(bytes.subarray(said.start, said.end), linear, count);
    this.#buffer.push(said.timestamp, linear, count);
  }

  relayEvent(): void {
    // Keys are told by events; nobody else gets them.
  }

  withhold(): void {
    // What he is sent is numbered here.
  }

  /** Once per 20 ms. */
  listen(): void {
    const heard = this.#buffer.pull(this.frame, this.#reception.jitterMs);
    if (heard === 'audio') this.#concealer.receive(this.frame);
    else if (heard === 'missing') this.#concealer.fill(this.frame);
    this.isHeard = heard !== 'empty' && !this.isMute;
  }

  /** Sends him what all say but himself. */
  speak(all: Int32Array, dueMs: number): void {
    for (let i = 0; i < FRAME; i++) {
      const others = (all[i] as number) - (this.isHeard ? (this.frame[i] as number) : 0);
      mixed[i] = others > 32_767 ? 32_767 : others < -32_768 ? -32_768 : others;
    }
    g711[this.#codec].encode(mixed, this.#bytes.subarray(HEADER_BYTES), FRAME);
    this.#send(dueMs);
  }

  close(): void {
    this.#closed = true;
    this.#concealer.close();
  }

  #send(dueMs: number): void {
    const isFirst = this.#latestMs === undefined;
    // Frames that a standstill has cost are missing in the clock too.
    this.#timestamp = (this.#timestamp + Math.round((dueMs - (this.#latestMs ?? dueMs)) * SAMPLES_PER_MS)) >>> 0;
    this.#latestMs = dueMs;
    this.#sequence = (this.#sequence + 1) & 0xffff;
    const bytes = this.#bytes;
    writeHeader(bytes, 0, isFirst, STATIC_TYPE[this.#codec], this.#sequence, this.#timestamp, this.#ssrc);
    packet.parse(bytes);
    this.#to.relayAudio(bytes, packet, this.#codec);
  }
}
