import { contentLength, endOfHead, MESSAGE_LIMITS } from '../message/parse.ts';
import type { Frame, Framing } from './framing.ts';

/**
 * Cuts a byte stream into messages by Content-Length (RFC 3261 §18.3; on a stream it must be there). Two empty lines are a ping, one is a pong
 * (RFC 5626 §3.5.1).
 */
export class StreamFramer implements Framing {
  readonly #maxBody: number;
  #pending: Buffer[] = [];
  #size = 0;
  /** Bytes of the message at the front, once its head is complete. */
  #needed: number | undefined;
  #ended = false;

  constructor(maxBodyBytes: number) {
    this.#maxBody = maxBodyBytes;
  }

  get midMessage(): boolean {
    const first = this.#pending[0]?.[0];
    return first !== undefined && first !== CR && first !== LF;
  }

  push(chunk: Buffer): Frame[] {
    const frames: Frame[] = [];
    if (this.#ended) return frames;
    this.#pending.push(chunk);
    this.#size += chunk.length;
    while (this.#size > 0 && this.#size >= (this.#needed ?? 1)) {
      const frame = this.#next();
      if (!frame) break;
      frames.push(frame);
      if (frame.kind === 'broken' || frame.kind === 'garbage') {
        this.#end();
        break;
      }
    }
    return frames;
  }

  wrap(message: Buffer): Buffer {
    return message;
  }

  goodbye(): undefined {
    return undefined;
  }

  #next(): Frame | undefined {
    const bytes = this.#joined();
    if (this.#needed !== undefined) return this.#cut(bytes, this.#needed);
    if (bytes[0] === CR || bytes[0] === LF) return this.#lineEnds(bytes);
    if (!isTokenStart(bytes[0] as number)) return { kind: 'garbage' };
    const headEnd = endOfHead(bytes);
    if (headEnd < 0) return bytes.length > MESSAGE_LIMITS.headBytes ? { kind: 'garbage' } : undefined;
    const head = bytes.subarray(0, headEnd);
    const length = contentLength(contentLengths(head));
    if (length === undefined) return broken(head, 400, 'Missing or malformed Content-Length');
    if (length > this.#maxBody) return broken(head, 513, 'Message Too Large');
    this.#needed = headEnd + length;
    return bytes.length >= this.#needed ? this.#cut(bytes, this.#needed) : undefined;
  }

  #cut(bytes: Buffer, length: number): Frame {
    this.#keep(bytes.subarray(length));
    this.#needed = undefined;
    return { kind: 'message', bytes: bytes.subarray(0, length) };
  }

  /** Line ends between messages: a pair is a ping, a single one a pong. A ping may come in two pieces. */
  #lineEnds(bytes: Buffer): Frame | undefined {
    if (bytes.length >= 4 && bytes.compare(PING, 0, 4, 0, 4) === 0) {
      this.#keep(bytes.subarray(4));
      return { kind: 'ping', answer: CRLF };
    }
    if (PING.subarray(0, bytes.length).equals(bytes)) {
      // Half a ping looks like a pong. Either is answered right: a pong needs nothing, a ping gets its answer when complete.
      return undefined;
    }
    this.#keep(bytes.subarray(bytes[0] === CR && bytes[1] === LF ? 2 : 1));
    return { kind: 'pong' };
  }

  #joined(): Buffer {
    if (this.#pending.length > 1) this.#pending = [Buffer.concat(this.#pending, this.#size)];
    return this.#pending[0] as Buffer;
  }

  #keep(rest: Buffer): void {
    this.#pending = rest.length > 0 ? [rest] : [];
    this.#size = rest.length;
  }

  #end(): void {
    this.#ended = true;
    this.#keep(Buffer.alloc(0));
  }
}

const broken = (head: Buffer, status: number, reason: string): Frame => ({
  kind: 'broken',
  head,
  fault: { status, reason },
});

/** The values of the Content-Length lines, without reading the rest of the head twice. */
function contentLengths(head: Buffer): string[] {
  const values: string[] = [];
  for (const line of head.toString('latin1').matchAll(/^(?:l|content-length)[ \t]*:(.*)$/gim)) {
    values.push((line[1] as string).trim());
  }
  return values;
}

/** A method or `SIP/2.0` begins with one of these; a TLS handshake, RTP or STUN does not. */
const isTokenStart = (byte: number): boolean => byte > 0x20 && byte < 0x7f;

const PING = Buffer.from('\r\n\r\n');
const CRLF = Buffer.from('\r\n');
const CR = 0x0d;
const LF = 0x0a;
