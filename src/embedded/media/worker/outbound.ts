import type { CodecName, PlaybackEnd } from '../../../media/port.ts';
import type { MediaParameters } from '../../../media/sdp/negotiate.ts';
import type { Clock } from '../../../time/clock.ts';
import { alawToUlaw, ulawToAlaw } from '../dsp/g711.ts';
import type { OutgoingStream } from '../rtp/outgoing.ts';
import { HEADER_BYTES, type RtpPacket, uint32 } from '../rtp/packet.ts';
import { EVENT_BYTES, writeEventPayload } from '../rtp/telephone-event.ts';
import { type DigitOutput, DigitSender } from './digit-sender.ts';
import type { FaxLine } from './fax-line.ts';
import { FRAME, type Playback } from './playback.ts';
import type { AudioTap } from './recorder.ts';
import type { Sink } from './sink.ts';

/** What another party's detector needs of a digit that it gets as a tone. */
const PASSED_TONE_MS = 100;
const PASSED_GAP_MS = 60;

export interface OutboundListener {
  /** `bytes[offset … end)` is a packet for the peer; it may be reused after the call. */
  send(bytes: Uint8Array, offset: number, end: number): void;
  /** A frame of our own left so late. */
  late(ms: number, nowMs: number): void;
  played(playback: number, end: PlaybackEnd): void;
  /** There is something to do every 20 ms: `tick` must be called until `idle`. */
  awake(): void;
}

/** What goes to the peer, from one source at a time: a fax before digits before playback before the party that is connected to us. */
export class Outbound implements Sink, DigitOutput {
  /** Who records what the peer hears. */
  readonly taps = new Set<AudioTap>();
  readonly #stream: OutgoingStream;
  readonly #clock: Clock;
  readonly #listener: OutboundListener;
  readonly #digits = new DigitSender();
  readonly #frame = new Uint8Array(HEADER_BYTES + FRAME);
  readonly #eventPacket = new Uint8Array(HEADER_BYTES + EVENT_BYTES);
  #parameters: MediaParameters | undefined;
  #playback: Playback | undefined;
  #fax: FaxLine | undefined;
  #eventTimestamp = 0;

  constructor(stream: OutgoingStream, clock: Clock, listener: OutboundListener) {
    this.#stream = stream;
    this.#clock = clock;
    this.#listener = listener;
  }

  configure(parameters: MediaParameters): void {
    this.#parameters = parameters;
  }

  play(playback: Playback): void {
    this.#endPlayback('replaced');
    this.#playback = playback;
    this.#listener.awake();
  }

  /** Nothing happens if this playback has ended already. */
  stop(playback: number): void {
    if (this.#playback?.id === playback) this.#endPlayback('stopped');
  }

  /** While it is there nothing else is sent: digits and playbacks wait. What was playing is replaced. */
  set fax(line: FaxLine | undefined) {
    this.#fax = line;
    if (!line) return;
    this.#endPlayback('replaced');
    this.#listener.awake();
  }

  get playing(): boolean {
    return this.#playback !== undefined;
  }

  /** @param sent called when the last digit is out, or will not be any more */
  sendDtmf(digits: string, toneMs: number, gapMs: number, sent?: () => void): void {
    this.#digits.add(digits, toneMs, gapMs, sent);
    this.#listener.awake();
  }

  /** Nothing more is sent; what was asked for ends. */
  close(): void {
    this.#endPlayback('endpointGone');
    this.#parameters = undefined;
    for (const sent of this.#digits.abandon()) sent();
  }

  /** False while the connected party is not heard. */
  get idle(): boolean {
    return this.#fax === undefined && this.#playback === undefined && this.#digits.idle;
  }

  tick(dueMs: number): void {
    if (this.#fax) this.#sendFax(this.#fax, dueMs);
    else if (!this.#digits.idle) this.#digits.tick(this, dueMs);
    else if (this.#playback) this.#playFrame(this.#playback, dueMs);
  }

  relayAudio(bytes: Uint8Array, packet: RtpPacket, codec: CodecName): void {
    const parameters = this.#parameters;
    if (!parameters?.sending || !this.idle) return;
    if (codec !== parameters.codec) transcode(bytes, packet, codec);
    this.#relay(bytes, packet, parameters.payloadType, packet.end - packet.start);
  }

  relayEvent(bytes: Uint8Array, packet: RtpPacket, pressed: string | undefined): void {
    const parameters = this.#parameters;
    if (!parameters?.sending) return;
    if (parameters.eventPayloadType === undefined) {
      this.#stream.skipRelayed(packet);
      if (pressed !== undefined) this.sendDtmf(pressed, PASSED_TONE_MS, PASSED_GAP_MS);
    } else if (this.idle) {
      this.#relay(bytes, packet, parameters.eventPayloadType, 0);
    }
  }

  withhold(_bytes: Uint8Array, packet: RtpPacket): void {
    this.#stream.skipRelayed(packet);
  }

  get codec(): CodecName {
    return this.#parameters?.codec ?? 'pcma';
  }

  get takesEvents(): boolean {
    return this.#parameters?.eventPayloadType !== undefined;
  }

  sendAudio(payload: Uint8Array, dueMs: number): void {
    this.#frame.set(payload, HEADER_BYTES);
    this.#sendFrame(dueMs);
  }

  sendEvent(event: number, frames: number, end: boolean, dueMs: number): void {
    const parameters = this.#parameters;
    if (!parameters?.sending || parameters.eventPayloadType === undefined) return;
    const first = frames === 1;
    if (first) this.#eventTimestamp = this.#stream.beginEvent(dueMs);
    const duration = frames * FRAME;
    const packet = this.#eventPacket;
    writeEventPayload(packet, HEADER_BYTES, event, end, duration);
    this.#stream.writeEvent(packet, parameters.eventPayloadType, first, this.#eventTimestamp, duration, dueMs);
    this.#sendOwn(packet, dueMs);
  }

  #relay(bytes: Uint8Array, packet: RtpPacket, payloadType: number, samples: number): void {
    const now = this.#clock.monotonic();
    const offset = this.#stream.relay(bytes, packet, payloadType, samples, now);
    if (offset < 0) return;
    if (samples > 0) this.#tap(bytes, offset, packet.end, now);
    this.#listener.send(bytes, offset, packet.end);
  }

  #sendFax(fax: FaxLine, dueMs: number): void {
    fax.send(this.#frame, HEADER_BYTES, this.codec);
    this.#sendFrame(dueMs);
  }

  #playFrame(playback: Playback, dueMs: number): void {
    if (playback.read(this.#frame, HEADER_BYTES, this.codec)) this.#sendFrame(dueMs);
    else if (playback.ended) this.#endPlayback('finished');
  }

  /** While the peer holds us nothing is sent, but time goes on. */
  #sendFrame(dueMs: number): void {
    if (!this.#parameters?.sending) return;
    this.#stream.writeFrame(this.#frame, this.#parameters.payloadType, FRAME, dueMs);
    this.#tap(this.#frame, 0, this.#frame.length, dueMs);
    this.#sendOwn(this.#frame, dueMs);
  }

  #sendOwn(bytes: Uint8Array, dueMs: number): void {
    this.#listener.send(bytes, 0, bytes.length);
    const now = this.#clock.monotonic();
    this.#listener.late(now - dueMs, now);
  }

  /** `bytes[offset … end)` is one of our packets of audio. */
  #tap(bytes: Uint8Array, offset: number, end: number, nowMs: number): void {
    for (const tap of this.taps) {
      const payload = bytes.subarray(offset + HEADER_BYTES, end);
      const marker = (bytes[offset + 1] as number) >= 0x80;
      tap.heard(payload, this.codec, this.#stream.ssrc, uint32(bytes, offset + 4), marker, nowMs);
    }
  }

  #endPlayback(reason: Exclude<PlaybackEnd['reason'], 'failed'>): void {
    const playback = this.#playback;
    this.#playback = undefined;
    if (playback) this.#listener.played(playback.id, playback.outcome(reason));
  }
}

/** From `codec` to the other law, in place. */
function transcode(bytes: Uint8Array, { start, end }: RtpPacket, codec: CodecName): void {
  const table = codec === 'pcma' ? alawToUlaw : ulawToAlaw;
  for (let i = start; i < end; i++) bytes[i] = table[bytes[i] as number] as number;
}
