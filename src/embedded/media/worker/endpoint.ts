import type { FaxEnd, FaxProgress } from '../../../media/fax.ts';
import type { DtmfMode, EndpointStats } from '../../../media/port.ts';
import type { RecordingEnd, RecordOptions } from '../../../media/recorder.ts';
import type { SrtpKeys } from '../../../media/sdp/crypto.ts';
import type { MediaParameters } from '../../../media/sdp/negotiate.ts';
import { isUnspecified } from '../../../media/sdp/remote.ts';
import type { Clock } from '../../../time/clock.ts';
import type { Random } from '../../../time/random.ts';
import type { FaxTerminalOptions } from '../dsp/fax.ts';
import { FAX_NEEDS_SPANDSP, type Spandsp } from '../dsp/spandsp.ts';
import type { LatenessHistogram } from '../histogram.ts';
import { OutgoingStream } from '../rtp/outgoing.ts';
import { isRtcp } from '../rtp/packet.ts';
import { Srtp } from '../rtp/srtp.ts';
import { FaxLine } from './fax-line.ts';
import { Inbound, type InboundListener } from './inbound.ts';
import { Outbound, type OutboundListener } from './outbound.ts';
import type { Paced, Pacer } from './pacer.ts';
import type { DatagramReceiver, PortPair } from './port-pair.ts';
import { Recorder } from './recorder.ts';
import type { FileMaker } from './recording-file.ts';
import { RtcpReporter } from './rtcp-reporter.ts';
import type { SilenceWatch } from './silence.ts';

const FRAME_MS = 20;
/** Frames: longer ago, the other machine has given up. */
const MOST_MISSED = 100;

/** What the endpoints of one worker share. */
export interface EndpointSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly pacer: Pacer;
  readonly lateness: LatenessHistogram;
  readonly spandsp: Spandsp | undefined;
  readonly makeFile: FileMaker;
}

export interface RtpEndpointListener extends InboundListener, Pick<OutboundListener, 'played'> {
  faxProgress(fax: number, progress: FaxProgress): void;
  faxed(fax: number, end: FaxEnd): void;
  recorded(recording: number, end: RecordingEnd): void;
}

/** One end of an RTP session: its sockets, both directions, and RTCP between them. */
export class RtpEndpoint implements DatagramReceiver, Paced {
  readonly inbound: Inbound;
  readonly outbound: Outbound;
  readonly #around: EndpointSurroundings;
  readonly #listener: RtpEndpointListener;
  readonly #recorders = new Map<number, Recorder>();
  readonly #stream: OutgoingStream;
  readonly #rtcp: RtcpReporter;
  #fax: FaxLine | undefined;
  /** When it had its latest frame. */
  #faxDueMs = 0;
  #ports: PortPair | undefined;
  #parameters: MediaParameters | undefined;
  /** Undefined: it is plain RTP. */
  #srtp: Srtp | undefined;
  /** Behind a NAT the peer's RTCP comes from another port than his SDP says. */
  #rtcpSource: { readonly address: string; readonly port: number } | undefined;

  /** @param cname of the source description (RFC 3550 §6.5.1): tells nothing about a person */
  constructor(around: EndpointSurroundings, cname: string, listener: RtpEndpointListener) {
    const { clock, random, lateness, pacer } = around;
    this.#around = around;
    this.#listener = listener;
    this.#stream = new OutgoingStream(random);
    this.inbound = new Inbound(clock, around.spandsp, listener);
    this.outbound = new Outbound(this.#stream, clock, {
      send: (bytes, offset, end) => this.#send(bytes, offset, end),
      late: (ms, nowMs) => lateness.record(ms, nowMs),
      played: (playback, end) => listener.played(playback, end),
      awake: () => pacer.add(this),
    });
    this.#rtcp = new RtcpReporter(clock, random, cname, this.#stream, this.inbound.reception);
  }

  /** The sockets: given once, before anything else is called. */
  attach(ports: PortPair): void {
    this.#ports = ports;
  }

  /** Its peer is known. */
  get isConfigured(): boolean {
    return this.#parameters !== undefined;
  }

  configure(parameters: MediaParameters, dtmf: DtmfMode, key: string): void {
    this.#parameters = parameters;
    this.#rtcpSource = undefined;
    this.#encrypt(parameters.srtp && { ...parameters.srtp, local: key });
    this.inbound.configure(parameters, dtmf === 'inband' || parameters.eventPayloadType === undefined);
    this.outbound.configure(parameters);
    if (this.inbound.listening) this.#around.pacer.add(this);
  }

  /** Its peer is elsewhere, until it is configured again. */
  bypass(): void {
    this.#parameters = undefined;
  }

  #encrypt(keys: SrtpKeys | undefined): void {
    if (!keys) this.#srtp = undefined;
    else if (this.#srtp) this.#srtp.renegotiate(keys);
    else this.#srtp = new Srtp(keys);
  }

  /** Begins a fax, in place of one that goes on. @throws Error if there is no library, or no memory */
  startFax(id: number, options: FaxTerminalOptions): void {
    const { spandsp } = this.#around;
    if (!spandsp) throw new Error(FAX_NEEDS_SPANDSP);
    this.#endFax('stopped');
    this.#fax = new FaxLine(id, spandsp, options, {
      progress: (progress) => this.#listener.faxProgress(id, progress),
      over: () => this.#endFax(),
    });
    this.#faxDueMs = Number.POSITIVE_INFINITY;
    this.inbound.fax = this.#fax;
    this.outbound.fax = this.#fax;
  }

  /** Nothing happens if this fax has ended already. */
  stopFax(id: number): void {
    if (this.#fax?.id === id) this.#endFax('stopped');
  }

  /** @param reason in place of `failed`, where we did not want it to go on */
  #endFax(reason?: 'stopped'): void {
    const fax = this.#fax;
    if (!fax) return;
    this.#fax = undefined;
    this.inbound.fax = undefined;
    this.outbound.fax = undefined;
    const end = fax.end();
    this.#listener.faxed(fax.id, end.reason === 'failed' && reason ? { ...end, reason } : end);
  }

  tick(dueMs: number): void {
    if (this.#fax) this.#tickFax(dueMs);
    else this.inbound.listen();
    this.outbound.tick(dueMs);
    const listens = this.isConfigured && this.inbound.listening;
    if (this.outbound.idle && !listens) this.#around.pacer.remove(this);
  }

  /** A thread that stood still has lost its frames for everybody else; a modem makes up for them, for it would lose its place in the signal. */
  #tickFax(dueMs: number): void {
    const missed = Math.min(MOST_MISSED, Math.max(0, Math.round((dueMs - this.#faxDueMs) / FRAME_MS) - 1));
    this.#faxDueMs = dueMs;
    for (let ago = missed; ago >= 0 && this.#fax; ago--) {
      this.#fax.listen();
      if (ago > 0) this.outbound.tick(dueMs - ago * FRAME_MS);
    }
  }

  onRtp(bytes: Uint8Array, address: string, port: number): void {
    // Before the first negotiation nobody is expected: early media that overtakes the answer is dropped, but is no intrusion.
    if (!this.#parameters) return;
    if (this.#parameters.rtcp.mux && isRtcp(bytes)) return this.onRtcp(bytes, address, port);
    const packet = this.#srtp ? this.#srtp.unprotect(bytes) : bytes;
    if (packet) this.inbound.receive(packet, address, port);
    else this.inbound.reject();
  }

  onRtcp(bytes: Uint8Array, address: string, port: number): void {
    const packet = this.#srtp ? this.#srtp.unprotectControl(bytes) : bytes;
    if (!packet || this.inbound.lock.target?.address !== address || !this.#rtcp.receive(packet)) {
      this.inbound.reject();
      return;
    }
    this.silence.heard(this.#around.clock.monotonic());
    if (this.#rtcpSource?.port !== port) this.#rtcpSource = { address, port };
  }

  get silence(): SilenceWatch {
    return this.inbound.silence;
  }

  /** Called a few times a second. */
  keepHouse(): void {
    // One who holds us need not send, although he may.
    const { sending = false, receiving = false } = this.#parameters ?? {};
    this.silence.check(sending && receiving);
    const report = this.#rtcp.due();
    if (report) this.#sendRtcp(report);
  }

  stats(): EndpointStats {
    const { reception, rejected } = this.inbound;
    return {
      source: this.inbound.lock.locked,
      packetsIn: reception.packets,
      packetsOut: this.#stream.packets,
      lost: reception.lost,
      rejected,
      jitterMs: reception.jitterMs,
      codec: this.#parameters?.codec,
    };
  }

  /** How many recordings are being made. */
  get recording(): number {
    return this.#recorders.size;
  }

  record(id: number, options: RecordOptions): void {
    const recorder = new Recorder(id, options, this.#around);
    this.#recorders.set(id, recorder);
    this.inbound.taps.add(recorder);
    this.outbound.taps.add(recorder);
    void recorder.ended.then((end) => {
      this.#recorders.delete(id);
      this.inbound.taps.delete(recorder);
      this.outbound.taps.delete(recorder);
      this.#listener.recorded(id, end);
    });
  }

  /** Resolves when the file is closed, at once if it has been. */
  async stopRecording(id: number): Promise<void> {
    await this.#recorders.get(id)?.stop('stopped');
  }

  async destroy(): Promise<void> {
    this.#endFax();
    const recorded = [...this.#recorders.values()].map((recorder) => recorder.stop('endpointGone'));
    this.inbound.disconnect();
    this.inbound.close();
    this.outbound.close();
    this.#around.pacer.remove(this);
    if (this.#stream.packets > 0) this.#sendRtcp(this.#rtcp.farewell());
    this.#parameters = undefined;
    await Promise.all([...recorded, this.#ports?.close()]);
  }

  #send(bytes: Uint8Array, offset: number, end: number): void {
    const srtp = this.#srtp;
    if (!srtp) return this.#transmit(bytes, offset, end);
    const packet = srtp.protect(bytes.subarray(offset, end));
    this.#transmit(packet, 0, packet.length);
  }

  /** As it is, from the port of RTP. */
  #transmit(bytes: Uint8Array, offset: number, end: number): void {
    if (!this.#parameters) return;
    const target = this.inbound.lock.target;
    if (target) this.#ports?.sendRtp(bytes, offset, end, target.port, target.address);
  }

  #sendRtcp(plain: Uint8Array): void {
    if (!this.#parameters) return;
    const report = this.#srtp ? this.#srtp.protectControl(plain) : plain;
    const { mux, address, port } = this.#parameters.rtcp;
    if (mux) {
      this.#transmit(report, 0, report.length);
      return;
    }
    const target = this.#rtcpSource ?? { address, port };
    if (!isUnspecified(target.address)) this.#ports?.sendRtcp(report, target.port, target.address);
  }
}
