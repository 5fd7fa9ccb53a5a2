import type { CodecName, EndpointEvents } from '../../../media/port.ts';
import type { MediaParameters } from '../../../media/sdp/negotiate.ts';
import type { Clock } from '../../../time/clock.ts';
import { g711 } from '../dsp/g711.ts';
import type { Spandsp } from '../dsp/spandsp.ts';
import { RtpPacket } from '../rtp/packet.ts';
import { Reception } from '../rtp/reception.ts';
import { SourceLock } from '../rtp/source-lock.ts';
import { KeyPresses } from '../rtp/telephone-event.ts';
import { FaxEar } from './fax-ear.ts';
import type { FaxLine } from './fax-line.ts';
import { InbandEar } from './inband-ear.ts';
import type { AudioTap } from './recorder.ts';
import { SilenceWatch } from './silence.ts';
import type { Sink } from './sink.ts';

/** A digit is known to be one only after it has begun; so long the sound of a withheld in-band digit is then silenced. */
const MUTE_MS = 120;

/** What is told of the peer. */
export interface InboundListener {
  dtmf(event: EndpointEvents['dtmf']): void;
  media(event: EndpointEvents['media']): void;
  faxTone(): void;
  silent(event: EndpointEvents['silent']): void;
  paused(event: EndpointEvents['paused']): void;
  resumed(): void;
}

/** One packet is looked at at a time, so one view serves all endpoints of the thread. */
const packet = new RtpPacket();

/** What comes from the peer: it is checked, counted, listened to for digits, and passed on to the sink. */
export class Inbound {
  readonly lock = new SourceLock();
  readonly reception = new Reception();
  /** Who records what the peer says. */
  readonly taps = new Set<AudioTap>();
  readonly silence: SilenceWatch;
  rejected = 0;

  readonly #clock: Clock;
  readonly #spandsp: Spandsp | undefined;
  readonly #listener: InboundListener;
  readonly #presses = new KeyPresses();
  /** What each payload type, 0–127, means. */
  readonly #meanings: (CodecName | 'telephone-event' | undefined)[] = new Array(128).fill(undefined);
  #receiving = false;
  #heard = false;
  #ear: InbandEar | undefined;
  #faxEar: FaxEar | undefined;
  #fax: FaxLine | undefined;
  #sink: Sink | undefined;
  #passDtmf = true;
  #mutedUntilMs = 0;

  constructor(clock: Clock, spandsp: Spandsp | undefined, listener: InboundListener) {
    this.#clock = clock;
    this.#spandsp = spandsp;
    this.#listener = listener;
    this.silence = new SilenceWatch(clock, {
      silent: (ms) => listener.silent({ ms }),
      paused: (ms) => listener.paused({ ms }),
      resumed: () => listener.resumed(),
    });
  }

  /** @param listenInband whether the peer's digits may come as tones */
  configure(parameters: MediaParameters, listenInband: boolean): void {
    if (parameters.receiving && !this.#receiving) for (const tap of this.taps) tap.resumed();
    this.#receiving = parameters.receiving;
    this.#meanings.fill(undefined);
    for (const { payloadType, name } of parameters.accepted) this.#meanings[payloadType] = name;
    if (parameters.remote) this.lock.expect(parameters.remote.address, parameters.remote.port);
    if (!listenInband) this.#closeEar();
    else if (this.#spandsp) this.#ear ??= new InbandEar(this.#spandsp);
  }

  /** Whether calling tones are told of. Without the library none is. */
  listenForFax(on: boolean): void {
    if (on && this.#spandsp) this.#faxEar ??= new FaxEar(this.#spandsp);
    if (on) return;
    this.#faxEar?.close();
    this.#faxEar = undefined;
  }

  /** A fax takes all audio for itself: no digits are heard in it, and it goes to nobody else. */
  set fax(line: FaxLine | undefined) {
    this.#fax = line;
  }

  connect(sink: Sink, passDtmf: boolean): void {
    this.#sink = sink;
    this.#passDtmf = passDtmf;
  }

  disconnect(): void {
    this.#sink = undefined;
  }

  get connected(): boolean {
    return this.#sink !== undefined;
  }

  /** True if `listen` must be called every 20 ms. */
  get listening(): boolean {
    return this.#ear !== undefined;
  }

  listen(): void {
    const digits = this.#ear?.listen(this.reception.jitterMs);
    if (!digits) return;
    if (!this.#passDtmf && this.#sink) this.#mutedUntilMs = this.#clock.monotonic() + MUTE_MS;
    for (const digit of digits) this.#listener.dtmf({ digit, source: 'inband' });
  }

  /** @param bytes may be overwritten */
  receive(bytes: Uint8Array, address: string, port: number): void {
    if (!packet.parse(bytes)) {
      this.reject();
      return;
    }
    const now = this.#clock.monotonic();
    const verdict = this.lock.admit(address, port, packet, now);
    if (verdict === 'rejected') {
      this.reject();
      return;
    }
    if (verdict === 'probation') return;
    this.silence.heard(now);
    const meaning = this.#meanings[packet.payloadType];
    if (!this.reception.record(packet, now, meaning !== 'telephone-event')) return;
    if (!this.#heard) {
      this.#heard = true;
      this.#listener.media({ address, port });
    }
    if (!this.#receiving || meaning === undefined || packet.start === packet.end) return;
    if (meaning === 'telephone-event') this.#onEvent(bytes);
    else this.#onAudio(bytes, meaning, now);
  }

  reject(): void {
    this.rejected++;
  }

  /** Frees the detectors. */
  close(): void {
    this.#closeEar();
    this.listenForFax(false);
  }

  #closeEar(): void {
    this.#ear?.close();
    this.#ear = undefined;
  }

  #onEvent(bytes: Uint8Array): void {
    const pressed = this.#presses.receive(bytes, packet);
    if (this.#passDtmf) this.#sink?.relayEvent(bytes, packet, pressed);
    else this.#sink?.withhold(bytes, packet);
    if (pressed !== undefined) this.#listener.dtmf({ digit: pressed, source: 'rfc4733' });
  }

  #onAudio(bytes: Uint8Array, codec: CodecName, nowMs: number): void {
    if (this.#fax) {
      this.#fax.receive(bytes, packet, codec);
      return;
    }
    if (this.#faxEar?.receive(bytes, packet, codec)) this.#listener.faxTone();
    this.#ear?.receive(bytes, packet, codec);
    if (nowMs < this.#mutedUntilMs) bytes.fill(g711[codec].silence, packet.start, packet.end);
    for (const tap of this.taps) {
      const payload = bytes.subarray(packet.start, packet.end);
      tap.said(payload, codec, packet.ssrc, packet.timestamp, packet.marker, nowMs);
    }
    this.#sink?.relayAudio(bytes, packet, codec);
  }
}
