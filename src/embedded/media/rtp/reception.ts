import { type RtpPacket, sequenceDelta, timestampDelta } from './packet.ts';

/** A power of two, so that `& (WINDOW - 1)` finds the slot: how far back a repetition of a packet is recognised. */
const WINDOW = 256;
/** A larger step is no loss but a new beginning (RFC 3550 §A.1: MAX_DROPOUT, MAX_MISORDER). */
const MAX_DROPOUT = 3000;
const MAX_MISORDER = 100;

/** What has come from the peer: counts, loss and jitter (RFC 3550 §6.4.1, §A.3, §A.8), for statistics and receiver reports. */
export class Reception {
  packets = 0;
  ssrc = 0;
  /** In timestamp units of 1/8 ms. */
  #jitter = 0;
  #transit = 0;
  #transitKnown = false;

  /** Numbers of the current run: `first` and `highest` are extended by the number of wraps, so they only grow. */
  #running = false;
  #first = 0;
  #highest = 0;
  #receivedInRun = 0;
  /** Of runs that ended: the peer changed his SSRC or his numbers jumped. */
  #lostBefore = 0;
  readonly #seen = new Float64Array(WINDOW).fill(-1);

  #expectedReported = 0;
  #receivedReported = 0;

  /**
   * @param nowMs arrival
   * @param timed false for packets whose timestamp tells nothing about their sending: events repeat that of their beginning
   * @returns false if this packet came before
   */
  record(packet: RtpPacket, nowMs: number, timed: boolean): boolean {
    if (!this.#running || packet.ssrc !== this.ssrc) this.#begin(packet);
    let step = sequenceDelta(packet.sequence, this.#highest & 0xffff);
    if (step > MAX_DROPOUT || step < -MAX_MISORDER) {
      this.#begin(packet);
      step = 0;
    }
    const extended = this.#highest + step;
    const slot = extended & (WINDOW - 1);
    if (this.#seen[slot] === extended) return false;
    this.#seen[slot] = extended;
    if (extended > this.#highest) this.#highest = extended;
    if (extended < this.#first) this.#first = extended;
    this.#receivedInRun++;
    this.packets++;
    if (timed) this.#measureJitter(packet, nowMs);
    return true;
  }

  get lost(): number {
    return this.#lostBefore + this.#lostInRun;
  }

  get jitterMs(): number {
    return this.#jitter / 8;
  }

  /** The numbers of a report block; the loss fraction counts from the last call of this. */
  report(): { fractionLost: number; lost: number; highestSequence: number; jitter: number } {
    const expected = this.#running ? this.#highest - this.#first + 1 : 0;
    const expectedSince = expected - this.#expectedReported;
    const lostSince = expectedSince - (this.#receivedInRun - this.#receivedReported);
    this.#expectedReported = expected;
    this.#receivedReported = this.#receivedInRun;
    return {
      fractionLost: expectedSince > 0 && lostSince > 0 ? Math.floor((lostSince * 256) / expectedSince) : 0,
      lost: this.lost,
      highestSequence: this.#highest >>> 0,
      jitter: Math.round(this.#jitter),
    };
  }

  get #lostInRun(): number {
    return this.#running ? this.#highest - this.#first + 1 - this.#receivedInRun : 0;
  }

  #begin(packet: RtpPacket): void {
    this.#lostBefore += this.#lostInRun;
    this.#running = true;
    this.ssrc = packet.ssrc;
    // One wrap ahead, so that packets from before the first one do not make the number negative.
    this.#first = this.#highest = 0x10000 + packet.sequence;
    this.#receivedInRun = 0;
    this.#expectedReported = this.#receivedReported = 0;
    this.#transitKnown = false;
    this.#seen.fill(-1);
  }

  #measureJitter(packet: RtpPacket, nowMs: number): void {
    const transit = (Math.round(nowMs * 8) - packet.timestamp) | 0;
    if (this.#transitKnown) {
      const difference = Math.abs(timestampDelta(transit, this.#transit));
      this.#jitter += (difference - this.#jitter) / 16;
    }
    this.#transit = transit;
    this.#transitKnown = true;
  }
}
