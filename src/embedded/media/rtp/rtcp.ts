import { setUint32, uint16, uint32 } from './packet.ts';

const SENDER_REPORT = 200;
const RECEIVER_REPORT = 201;
const SOURCE_DESCRIPTION = 202;
const BYE = 203;
const CNAME = 1;
/** Seconds from 1900 (NTP) to 1970. */
const NTP_EPOCH = 2_208_988_800;

export interface ReportBlock {
  readonly ssrc: number;
  readonly fractionLost: number;
  readonly lost: number;
  readonly highestSequence: number;
  readonly jitter: number;
  /** Middle 32 bits of the peer's last NTP time, and how long ago it came in 1/65536 s; both 0 if none came. */
  readonly lastSenderReport: number;
  readonly delaySinceIt: number;
}

export interface Report {
  readonly ssrc: number;
  readonly cname: string;
  /** Present if something was sent since the last report: makes it a sender report. */
  readonly sent?: {
    readonly nowMs: number;
    readonly timestamp: number;
    readonly packets: number;
    readonly octets: number;
  };
  readonly received?: ReportBlock;
  /** The last words of this source (RFC 3550 §6.6). */
  readonly bye?: boolean;
}

/** A compound packet (RFC 3550 §6.1): report first, then our name, then perhaps goodbye. */
export function writeReport(report: Report): Uint8Array {
  const cname = new TextEncoder().encode(report.cname).subarray(0, 255);
  const reportLength = 8 + (report.sent ? 20 : 0) + (report.received ? 24 : 0);
  // SSRC, item type and length, text, at least one zero; filled up to whole words.
  const descriptionLength = 4 + 4 * Math.ceil((4 + 2 + cname.length + 1) / 4);
  const bytes = new Uint8Array(reportLength + descriptionLength + (report.bye ? 8 : 0));

  begin(bytes, 0, report.received ? 1 : 0, report.sent ? SENDER_REPORT : RECEIVER_REPORT, reportLength, report.ssrc);
  let at = 8;
  if (report.sent) {
    const { nowMs, timestamp, packets, octets } = report.sent;
    setUint32(bytes, at, Math.floor(nowMs / 1000) + NTP_EPOCH);
    setUint32(bytes, at + 4, ((nowMs % 1000) / 1000) * 2 ** 32);
    setUint32(bytes, at + 8, timestamp);
    setUint32(bytes, at + 12, packets);
    setUint32(bytes, at + 16, octets);
    at += 20;
  }
  if (report.received) writeBlock(bytes, at, report.received);

  begin(bytes, reportLength, 1, SOURCE_DESCRIPTION, descriptionLength, report.ssrc);
  bytes[reportLength + 8] = CNAME;
  bytes[reportLength + 9] = cname.length;
  bytes.set(cname, reportLength + 10);

  if (report.bye) begin(bytes, reportLength + descriptionLength, 1, BYE, 8, report.ssrc);
  return bytes;
}

export interface ReceivedReport {
  /** The peer's SSRC and the middle 32 bits of his NTP time, if he sent a sender report. */
  readonly senderReport?: { readonly ssrc: number; readonly ntpMiddle: number };
  readonly bye: boolean;
}

/** @returns undefined if the bytes are no RTCP compound packet (RFC 3550 §A.2) */
export function parseReport(bytes: Uint8Array): ReceivedReport | undefined {
  let senderReport: ReceivedReport['senderReport'];
  let bye = false;
  let at = 0;
  while (at < bytes.length) {
    if (at + 8 > bytes.length || (bytes[at] as number) >> 6 !== 2) return undefined;
    const type = bytes[at + 1] as number;
    const end = at + 4 + 4 * uint16(bytes, at + 2);
    if (type < 192 || type > 223 || end > bytes.length) return undefined;
    if (type === SENDER_REPORT && end - at >= 28) {
      senderReport = { ssrc: uint32(bytes, at + 4), ntpMiddle: uint32(bytes, at + 10) };
    }
    if (type === BYE) bye = true;
    at = end;
  }
  return at === 0 ? undefined : { ...(senderReport && { senderReport }), bye };
}

function begin(bytes: Uint8Array, at: number, count: number, type: number, length: number, ssrc: number): void {
  bytes[at] = 0x80 | count;
  bytes[at + 1] = type;
  bytes[at + 2] = (length / 4 - 1) >> 8;
  bytes[at + 3] = length / 4 - 1;
  setUint32(bytes, at + 4, ssrc);
}

function writeBlock(bytes: Uint8Array, at: number, block: ReportBlock): void {
  setUint32(bytes, at, block.ssrc);
  // Cumulative loss has 24 bits.
  setUint32(bytes, at + 4, (block.fractionLost << 24) | (Math.min(block.lost, 0x7fffff) & 0xffffff));
  setUint32(bytes, at + 8, block.highestSequence);
  setUint32(bytes, at + 12, block.jitter);
  setUint32(bytes, at + 16, block.lastSenderReport);
  setUint32(bytes, at + 20, block.delaySinceIt);
}
