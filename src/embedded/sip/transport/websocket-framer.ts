import { isUtf8 } from 'node:buffer';
import { MESSAGE_LIMITS } from '../message/parse.ts';
import type { Frame, Framing } from './framing.ts';

/** The kinds of frames, RFC 6455 §5.2. */
const OPCODE = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

/** Why a connection is closed, RFC 6455 §7.4.1. */
const CLOSE = { goingAway: 1001, protocolError: 1002, notUtf8: 1007, policy: 1008, tooBig: 1009 } as const;

/** Pieces of one message. Nobody sends SIP in more; each costs memory beyond its bytes. */
const MAX_FRAGMENTS = 1_000;

interface Head {
  readonly final: boolean;
  readonly opcode: number;
  /** Where the mask begins; the payload lies behind its four bytes. */
  readonly maskAt: number;
  /** Of the payload, bytes. */
  readonly length: number;
}

/**
 * The server's side of a WebSocket (RFC 6455) that carries SIP (RFC 7118): each WebSocket message, text or binary, is one SIP message and says by itself where it
 * ends. Line ends alone are a ping as on other streams, which browsers' SIP libraries send since scripts cannot send WebSocket pings. No extensions: SIP over
 * a LAN gains nothing by compression.
 */
export class WebSocketFramer implements Framing {
  readonly ping = frame(OPCODE.ping, Buffer.alloc(0));
  readonly #maxMessage: number;
  #pending: Buffer[] = [];
  #size = 0;
  /** Bytes before which it is of no use to look again. */
  #needed = 2;
  /** The payloads of a message whose last frame has not come. */
  #fragments: Buffer[] = [];
  #fragmented: { readonly text: boolean; bytes: number } | undefined;
  #ended = false;

  /** @param maxBodyBytes the most that the body of a message may have; its head has the limit of all heads */
  constructor(maxBodyBytes: number) {
    this.#maxMessage = maxBodyBytes + MESSAGE_LIMITS.headBytes;
  }

  get midMessage(): boolean {
    return this.#size > 0 || this.#fragmented !== undefined;
  }

  push(chunk: Buffer): Frame[] {
    const frames: Frame[] = [];
    if (this.#ended) return frames;
    this.#pending.push(chunk);
    this.#size += chunk.length;
    while (!this.#ended && this.#size >= this.#needed) {
      const next = this.#next();
      if (next === 'incomplete') break;
      if (next) frames.push(next);
    }
    return frames;
  }

  /** As text where it is, since some browsers' libraries read nothing else; binary bodies leave no choice. */
  wrap(message: Buffer): Buffer {
    return frame(isUtf8(message) ? OPCODE.text : OPCODE.binary, message);
  }

  goodbye(why: 'not-sip' | 'we-leave'): Buffer {
    return why === 'not-sip' ? close(CLOSE.policy, 'not a SIP message') : close(CLOSE.goingAway, 'the server stops');
  }

  /** @returns `undefined` for a frame that says nothing by itself */
  #next(): Frame | 'incomplete' | undefined {
    const bytes = this.#joined();
    const head = readHead(bytes);
    if (typeof head === 'number') {
      this.#needed = head;
      return 'incomplete';
    }
    const fault = this.#faultOf(bytes, head);
    if (fault) return this.#end({ kind: 'garbage', goodbye: close(...fault) });
    const begin = head.maskAt + 4;
    this.#needed = begin + head.length;
    if (bytes.length < this.#needed) return 'incomplete';
    const payload = unmasked(bytes, head);
    this.#keep(bytes.subarray(this.#needed));
    this.#needed = 2;
    return head.opcode >= OPCODE.close ? this.#control(head.opcode, payload) : this.#data(head, payload);
  }

  /** What forbids a frame, known before its payload has come. */
  #faultOf(bytes: Buffer, { final, opcode, length }: Head): [code: number, reason: string] | undefined {
    const [first = 0, second = 0] = bytes;
    if ((first & 0x70) !== 0) return [CLOSE.protocolError, 'no extension was agreed on'];
    if ((second & 0x80) === 0) return [CLOSE.protocolError, 'frames of clients are masked'];
    if (opcode >= OPCODE.close) {
      if (opcode > OPCODE.pong) return [CLOSE.protocolError, 'unknown kind of frame'];
      return final && length <= 125 ? undefined : [CLOSE.protocolError, 'control frames are short and whole'];
    }
    if (opcode > OPCODE.binary) return [CLOSE.protocolError, 'unknown kind of frame'];
    if ((opcode === OPCODE.continuation) !== (this.#fragmented !== undefined)) {
      return [CLOSE.protocolError, 'frames of one message follow each other'];
    }
    if (length + (this.#fragmented?.bytes ?? 0) > this.#maxMessage) return [CLOSE.tooBig, 'the message is too large'];
    return this.#fragments.length < MAX_FRAGMENTS ? undefined : [CLOSE.policy, 'the message has too many frames'];
  }

  #control(opcode: number, payload: Buffer): Frame {
    if (opcode === OPCODE.ping) return { kind: 'ping', answer: frame(OPCODE.pong, payload) };
    if (opcode === OPCODE.pong) return { kind: 'pong' };
    // The same code back, without words, RFC 6455 §5.5.1.
    return this.#end({ kind: 'leaving', answer: frame(OPCODE.close, payload.subarray(0, payload.length < 2 ? 0 : 2)) });
  }

  #data({ final, opcode }: Head, payload: Buffer): Frame | undefined {
    const message = this.#fragmented ?? { text: opcode === OPCODE.text, bytes: 0 };
    message.bytes += payload.length;
    this.#fragments.push(payload);
    if (!final) {
      this.#fragmented = message;
      return undefined;
    }
    const whole = this.#fragments.length === 1 ? payload : Buffer.concat(this.#fragments, message.bytes);
    this.#fragments = [];
    this.#fragmented = undefined;
    if (message.text && !isUtf8(whole)) {
      return this.#end({ kind: 'garbage', goodbye: close(CLOSE.notUtf8, 'text is UTF-8') });
    }
    if (!isLineEnds(whole)) return { kind: 'message', bytes: whole };
    return whole.length < 4 ? { kind: 'pong' } : { kind: 'ping', answer: frame(OPCODE.text, Buffer.from('\r\n')) };
  }

  #joined(): Buffer {
    if (this.#pending.length > 1) this.#pending = [Buffer.concat(this.#pending, this.#size)];
    return this.#pending[0] as Buffer;
  }

  #keep(rest: Buffer): void {
    this.#pending = rest.length > 0 ? [rest] : [];
    this.#size = rest.length;
  }

  #end(last: Frame): Frame {
    this.#ended = true;
    this.#keep(Buffer.alloc(0));
    this.#fragments = [];
    this.#fragmented = undefined;
    return last;
  }
}

/** @returns a number when more bytes are needed: how many in all */
function readHead(bytes: Buffer): Head | number {
  const [first = 0, second = 0] = bytes;
  const base = { final: (first & 0x80) !== 0, opcode: first & 0x0f };
  const short = second & 0x7f;
  if (short < 126) return { ...base, maskAt: 2, length: short };
  const maskAt = short === 126 ? 4 : 10;
  if (bytes.length < maskAt) return maskAt;
  // Far beyond any limit a number that is not exact does no harm.
  const length = short === 126 ? bytes.readUInt16BE(2) : bytes.readUInt32BE(2) * 2 ** 32 + bytes.readUInt32BE(6);
  return { ...base, maskAt, length };
}

function unmasked(bytes: Buffer, { maskAt, length }: Head): Buffer {
  const payload = Buffer.from(bytes.subarray(maskAt + 4, maskAt + 4 + length));
  for (let at = 0; at < length; at++) {
    payload[at] = (payload[at] as number) ^ (bytes[maskAt + (at & 3)] as number);
  }
  return payload;
}

/** One whole frame of a server: without a mask, RFC 6455 §5.1. */
function frame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  head[1] = length < 126 ? length : length < 65_536 ? 126 : 127;
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

function close(code: number, reason: string): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code, 0);
  payload.write(reason, 2);
  return frame(OPCODE.close, payload);
}

const isLineEnds = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0x0d || byte === 0x0a);
