import type { MessagePort } from 'node:worker_threads';
import type { CodecName } from '../../../media/port.ts';
import type { LinkMessage } from '../protocol.ts';
import { HEADER_BYTES, RtpPacket, writeHeader } from '../rtp/packet.ts';
import type { Sink } from './sink.ts';

const received = new RtpPacket();

/**
 * The way to endpoints in other workers. It costs a copy and a thread switch per packet, so the server places the endpoints of one call in one
 * worker; this is for those that meet later.
 */
export class Links {
  readonly #ports = new Map<number, MessagePort>();
  readonly #find: (endpoint: number) => Sink | undefined;

  /** @param find the endpoint of this worker with that number */
  constructor(find: (endpoint: number) => Sink | undefined) {
    this.#find = find;
  }

  /** A worker that was restarted comes with a new port. */
  add(worker: number, port: MessagePort): void {
    this.#ports.get(worker)?.close();
    this.#ports.set(worker, port);
    port.on('message', (message: LinkMessage) => this.#deliver(message));
  }

  /** @returns a sink for an endpoint over there; if the other worker is gone, the packets are lost */
  to(worker: number, endpoint: number): Sink {
    const post = (message: LinkMessage) => this.#ports.get(worker)?.postMessage(message);
    return {
      relayAudio: (bytes, packet, codec: CodecName) =>
        post({ kind: 'audio', to: endpoint, bytes: plain(bytes, packet), codec }),
      relayEvent: (bytes, packet, pressed) =>
        post({ kind: 'event', to: endpoint, bytes: plain(bytes, packet), pressed }),
      withhold: (bytes, packet) => post({ kind: 'withheld', to: endpoint, bytes: plain(bytes, packet) }),
    };
  }

  close(): void {
    for (const port of this.#ports.values()) port.close();
    this.#ports.clear();
  }

  #deliver(message: LinkMessage): void {
    const sink = this.#find(message.to);
    if (!sink || !received.parse(message.bytes)) return;
    if (message.kind === 'audio') sink.relayAudio(message.bytes, received, message.codec);
    else if (message.kind === 'event') sink.relayEvent(message.bytes, received, message.pressed);
    else sink.withhold(message.bytes, received);
  }
}

/** A copy with nothing but the fixed header before the payload. */
function plain(bytes: Uint8Array, packet: RtpPacket): Uint8Array {
  const copy = new Uint8Array(HEADER_BYTES + packet.end - packet.start);
  writeHeader(copy, 0, packet.marker, packet.payloadType, packet.sequence, packet.timestamp, packet.ssrc);
  copy.set(bytes.subarray(packet.start, packet.end), HEADER_BYTES);
  return copy;
}
