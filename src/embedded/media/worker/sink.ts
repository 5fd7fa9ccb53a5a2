import type { CodecName } from '../../../media/port.ts';
import type { RtpPacket } from '../rtp/packet.ts';

/**
 * Where a connected endpoint's packets go: another endpoint, here or in another worker. `packet` describes `bytes` only during the call,
 * and the bytes may be overwritten by it.
 */
export interface Sink {
  relayAudio(bytes: Uint8Array, packet: RtpPacket, codec: CodecName): void;
  /** @param pressed the key, in the first packet of a press */
  relayEvent(bytes: Uint8Array, packet: RtpPacket, pressed: string | undefined): void;
  /** A packet that the other side must not get: its sequence number is closed up. */
  withhold(bytes: Uint8Array, packet: RtpPacket): void;
}
