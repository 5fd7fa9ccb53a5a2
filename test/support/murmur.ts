import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { g711 } from '../../src/embedded/media/dsp/g711.ts';
import { HEADER_BYTES, writeHeader } from '../../src/embedded/media/rtp/packet.ts';

/** Each call is heard so often: no pause in it is longer than what a silence detector leaves (RFC 3389 §3), and none makes anybody ask whether it is still there. */
const EVERY_MS = 1000;
const TURNS = 20;
const PCMA = 8;
/** 20 ms of G.711. */
const FRAME_BYTES = 160;

/**
 * What many muted phones send: now and then 20 ms of silence, all from one port. A queue of a thousand callers is no load of media so, and yet each of them is there,
 * as a caller is.
 */
export class Murmur implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #calls = new Map<string, { readonly port: number; readonly turn: number; sent: number }>();
  readonly #timer: NodeJS.Timeout;
  #turn = 0;

  static async open(): Promise<Murmur> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new Murmur(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#timer = setInterval(() => this.#next(), EVERY_MS / TURNS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }

  /** Where its calls have their audio. */
  get port(): number {
    return this.#socket.address().port;
  }

  /** @param sdp of the other side */
  begin(callId: string, sdp: string): void {
    const port = Number(/^m=audio (\d+)/m.exec(sdp)?.[1] ?? 0);
    if (port > 0) this.#calls.set(callId, { port, turn: this.#calls.size % TURNS, sent: 0 });
  }

  end(callId: string): void {
    this.#calls.delete(callId);
  }

  #next(): void {
    this.#turn = (this.#turn + 1) % TURNS;
    for (const [callId, call] of this.#calls) {
      if (call.turn !== this.#turn) continue;
      const { port } = call;
      // The marker: something is heard after a silence (RFC 3551 §4.1).
      const packet = Buffer.alloc(HEADER_BYTES + FRAME_BYTES, g711.pcma.silence);
      writeHeader(packet, 0, true, PCMA, call.sent, call.sent * EVERY_MS * 8, port);
      this.#socket.send(packet, port, '127.0.0.1', (error) => {
        if (error) this.#calls.delete(callId);
      });
      call.sent++;
    }
  }
}
