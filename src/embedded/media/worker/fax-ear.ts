import type { CodecName } from '../../../media/port.ts';
import { type CngDetector, createCngDetector } from '../dsp/cng.ts';
import { g711 } from '../dsp/g711.ts';
import type { Spandsp } from '../dsp/spandsp.ts';
import type { RtpPacket } from '../rtp/packet.ts';

const linear = new Int16Array(2048);

/**
 * Listens for the calling tone of a fax machine. It takes the packets as they come: a tone of half a second is the same in whatever order its parts arrive,
 * and a gap or two do not hide it; so it costs no buffer and no tick.
 */
export class FaxEar {
  readonly #detector: CngDetector;

  constructor(spandsp: Spandsp) {
    this.#detector = createCngDetector(spandsp);
  }

  /** @returns true for the packet in which a calling tone was recognised */
  receive(bytes: Uint8Array, packet: RtpPacket, codec: CodecName): boolean {
    const count = packet.end - packet.start;
    g711[codec].decode(bytes.subarray(packet.start, packet.end), linear, count);
    return this.#detector.process(linear.subarray(0, count));
  }

  close(): void {
    this.#detector.close();
  }
}
