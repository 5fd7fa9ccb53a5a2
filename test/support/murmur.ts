import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

/** Each call is heard so often: no pause in it is longer than what a silence detector leaves (RFC 3389 §3), and none makes anybody ask whether it is still there. */
const EVERY_MS = 1000;
const TURNS = 20;
const PCMA = 8;
const SILENCE = 0xd5;

/**
 * What many muted phones send: now and then 20 ms of silence, all from one port. A queue of a thousand callers is no load of media so, and yet each of them is there,
 * as a caller is.
 */
export class Murmur implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #calls = new Map<string, { readonly port: number; readonly turn: number; sent: number }>();
  readonly #packet = Buffer.alloc(172, SILENCE);
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

  /** The audio of a phone that is sent none: it hears nothing that would have to be mixed or paced for it. */
  get sdp(): string {
    return [
      'v=0',
      'o=bank 1 1 IN IP4 127.0.0.1',
      's=-',
      'c=IN IP4 127.0.0.1',
      't=0 0',
      `m=audio ${this.#socket.address().port} RTP/AVP ${PCMA}`,
      `a=rtpmap:${PCMA} PCMA/8000`,
      'a=sendonly',
      '',
    ].join('\r\n');
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
      // RFC 3550 §5.1, the marker of RFC 3551 §4.1: something is heard after a silence.
      this.#packet.writeUInt16BE(0x80_80 | PCMA, 0);
      this.#packet.writeUInt16BE(call.sent & 0xffff, 2);
      this.#packet.writeUInt32BE(call.sent * EVERY_MS * 8, 4);
      this.#packet.writeUInt32BE(port, 8);
      this.#socket.send(Buffer.from(this.#packet), port, '127.0.0.1', (error) => {
        if (error) this.#calls.delete(callId);
      });
      call.sent++;
    }
  }
}
