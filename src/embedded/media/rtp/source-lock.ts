import { type RtpPacket, sequenceDelta } from './packet.ts';

/** Packets in sequence that a source which SDP did not announce must send before it is believed (RFC 3550 §A.1 asks for two). */
const PROBATION = 3;
/** After so long without a packet, the peer may have moved: another source may apply. Longer than pauses of silence suppression. */
const LONG_SILENCE_MS = 10_000;

interface Source {
  readonly address: string;
  readonly port: number;
}

interface Candidate extends Source {
  readonly ssrc: number;
  sequence: number;
  inSequence: number;
}

/**
 * Symmetric RTP: finds out from where the peer really sends (he may be behind a NAT), then holds on to it, so that nobody else can
 * speak into the call or have its audio sent to him.
 *
 * The address of the SDP is believed at its first packet; any other source only after a few packets in sequence, and only while
 * nobody is locked, after a renegotiation, or after a long silence.
 */
export class SourceLock {
  #signalled: Source | undefined;
  #locked: Source | undefined;
  #candidate: Candidate | undefined;
  #relearning = true;
  #lastHeard = 0;

  /** Where to send to: the locked source, until then the address of the SDP. */
  get target(): Source | undefined {
    return this.#locked ?? this.#signalled;
  }

  get locked(): Source | undefined {
    return this.#locked;
  }

  /** A negotiation has named the peer's address. If it is a new one, the former source is forgotten. */
  expect(address: string, port: number): void {
    if (this.#signalled?.address !== address || this.#signalled.port !== port) this.#locked = undefined;
    this.#signalled = { address, port };
    this.#candidate = undefined;
    this.#relearning = true;
  }

  /** @returns `accepted`; `probation` if the source may yet become the peer's; `rejected` if it is a stranger */
  admit(address: string, port: number, packet: RtpPacket, nowMs: number): 'accepted' | 'probation' | 'rejected' {
    const locked = this.#locked;
    if (locked && locked.port === port && locked.address === address) return this.#accept(nowMs);
    if (this.#signalled?.port === port && this.#signalled.address === address) {
      this.#locked = this.#signalled;
      return this.#accept(nowMs);
    }
    if (locked && !this.#relearning && nowMs - this.#lastHeard < LONG_SILENCE_MS) return 'rejected';
    if (!this.#passesProbation(address, port, packet)) return 'probation';
    this.#locked = { address, port };
    return this.#accept(nowMs);
  }

  #accept(nowMs: number): 'accepted' {
    this.#lastHeard = nowMs;
    this.#relearning = false;
    this.#candidate = undefined;
    return 'accepted';
  }

  #passesProbation(address: string, port: number, packet: RtpPacket): boolean {
    const candidate = this.#candidate;
    if (
      candidate?.port === port &&
      candidate.address === address &&
      candidate.ssrc === packet.ssrc &&
      sequenceDelta(packet.sequence, candidate.sequence) === 1
    ) {
      candidate.sequence = packet.sequence;
      candidate.inSequence++;
    } else {
      this.#candidate = { address, port, ssrc: packet.ssrc, sequence: packet.sequence, inSequence: 1 };
    }
    return (this.#candidate?.inSequence ?? 0) >= PROBATION;
  }
}
