import type { CodecName } from '../../../media/port.ts';
import { type Concealer, createConcealer } from '../dsp/conceal.ts';
import { createDtmfDetector, type DtmfDetector } from '../dsp/dtmf.ts';
import { g711 } from '../dsp/g711.ts';
import type { Spandsp } from '../dsp/spandsp.ts';
import { JitterBuffer } from '../rtp/jitter-buffer.ts';
import type { RtpPacket } from '../rtp/packet.ts';
import { FRAME } from './playback.ts';

const linear = new Int16Array(2048);
const frame = new Int16Array(FRAME);

/** Listens for digits that the peer sends as tones in his audio. */
export class InbandEar {
  readonly #buffer = new JitterBuffer();
  readonly #concealer: Concealer;
  readonly #detector: DtmfDetector;

  constructor(spandsp: Spandsp) {
    this.#concealer = createConcealer(spandsp);
    this.#detector = createDtmfDetector(spandsp);
  }

  receive(bytes: Uint8Array, packet: RtpPacket, codec: CodecName): void {
    const count = packet.end - packet.start;
    g711[codec].decode(bytes.subarray(packet.start, packet.end), linear, count);
    this.#buffer.push(packet.timestamp, linear, count);
  }

  /** Once per 20 ms. @returns the digits that began, mostly none */
  listen(jitterMs: number): string {
    const heard = this.#buffer.pull(frame, jitterMs);
    if (heard === 'empty') return '';
    if (heard === 'audio') this.#concealer.receive(frame);
    else this.#concealer.fill(frame);
    return this.#detector.process(frame);
  }

  close(): void {
    this.#concealer.close();
    this.#detector.close();
  }
}
