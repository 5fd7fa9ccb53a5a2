import type { Clock } from '../../../time/clock.ts';
import type { Random } from '../../../time/random.ts';
import type { OutgoingStream } from '../rtp/outgoing.ts';
import type { Reception } from '../rtp/reception.ts';
import { parseReport, type ReportBlock, writeReport } from '../rtp/rtcp.ts';

/** RFC 3550 §6.2: 5 s on average, scattered by half to both sides so that endpoints do not report in step. */
const INTERVAL_MS = 5000;

/** One endpoint's side of RTCP: reports on what was sent and received, and notes the peer's reports to answer them. */
export class RtcpReporter {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #cname: string;
  readonly #outgoing: OutgoingStream;
  readonly #reception: Reception;
  #dueMs: number;
  #packetsReported = 0;
  #lastSenderReport = 0;
  #lastSenderReportAtMs = 0;

  constructor(clock: Clock, random: Random, cname: string, outgoing: OutgoingStream, reception: Reception) {
    this.#clock = clock;
    this.#random = random;
    this.#cname = cname;
    this.#outgoing = outgoing;
    this.#reception = reception;
    this.#dueMs = this.#scatter();
  }

  /** @returns false if it was no RTCP */
  receive(bytes: Uint8Array): boolean {
    const report = parseReport(bytes);
    if (!report) return false;
    if (report.senderReport) {
      this.#lastSenderReport = report.senderReport.ntpMiddle;
      this.#lastSenderReportAtMs = this.#clock.monotonic();
    }
    return true;
  }

  /** @returns the report to be sent now, or undefined if its time has not come */
  due(): Uint8Array | undefined {
    if (this.#clock.monotonic() < this.#dueMs) return undefined;
    this.#dueMs = this.#scatter();
    return this.#write(false);
  }

  farewell(): Uint8Array {
    return this.#write(true);
  }

  #write(bye: boolean): Uint8Array {
    const now = this.#clock.monotonic();
    const { ssrc, packets, octets } = this.#outgoing;
    const sending = packets > this.#packetsReported;
    this.#packetsReported = packets;
    return writeReport({
      ssrc,
      cname: this.#cname,
      bye,
      ...(sending && {
        sent: { nowMs: this.#clock.now(), timestamp: this.#outgoing.timestampNow(now), packets, octets },
      }),
      ...(this.#reception.packets > 0 && { received: this.#block(now) }),
    });
  }

  #block(nowMs: number): ReportBlock {
    const known = this.#lastSenderReport !== 0;
    return {
      ssrc: this.#reception.ssrc,
      ...this.#reception.report(),
      lastSenderReport: this.#lastSenderReport,
      delaySinceIt: known ? Math.round((nowMs - this.#lastSenderReportAtMs) * 65.536) : 0,
    };
  }

  #scatter(): number {
    return this.#clock.monotonic() + INTERVAL_MS * (0.5 + this.#random.next());
  }
}
