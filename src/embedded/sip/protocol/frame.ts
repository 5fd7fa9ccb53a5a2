/** The framing of drachtio's client protocol: `<decimal length>#<payload>`, frames back to back, length in bytes of UTF-8. */

/** More than any SIP message that an application has reason to send. */
export const MAX_FRAME_BYTES = 1024 * 1024;

/** The peer does not speak the protocol: what follows in its stream cannot be understood. */
export class FrameError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FrameError';
  }
}

/** Cuts a stream of bytes into payloads. */
export class FrameReader {
  /** Longest payload that is accepted; may change between two payloads. */
  maxBytes: number;
  #rest: Buffer = NOTHING;

  constructor(maxBytes: number = MAX_FRAME_BYTES) {
    this.maxBytes = maxBytes;
  }

  /** The payloads that are complete with this chunk; what is left over waits for the next. @throws FrameError */
  *read(chunk: Buffer): Generator<Buffer, void> {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = NOTHING;
    for (;;) {
      const start = this.#payloadStart(bytes);
      const end = start + this.#length(bytes, start);
      if (start === 0 || bytes.length < end) break;
      const payload = bytes.subarray(start, end);
      bytes = bytes.subarray(end);
      yield payload;
    }
    this.#rest = bytes;
  }

  /** 0 while the length has not come whole. */
  #payloadStart(bytes: Buffer): number {
    const maxDigits = String(this.maxBytes).length;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (byte === HASH && at > 0) return at + 1;
      if (byte < ZERO || byte > NINE || at >= maxDigits) throw new FrameError('a frame begins with its length and a #');
    }
    return 0;
  }

  #length(bytes: Buffer, payloadStart: number): number {
    if (payloadStart === 0) return 0;
    const length = Number(bytes.toString('latin1', 0, payloadStart - 1));
    if (length === 0 || length > this.maxBytes) throw new FrameError(`a frame of ${length} bytes`);
    return length;
  }
}

/** A frame of a leader line and, where there is one, a SIP message. */
export function encodeFrame(leader: string, message?: Buffer): Buffer {
  if (!message) return Buffer.from(`${Buffer.byteLength(leader)}#${leader}`);
  const length = Buffer.byteLength(leader) + 2 + message.length;
  const head = Buffer.from(`${length}#${leader}\r\n`);
  return Buffer.concat([head, message], head.length + message.length);
}

const NOTHING = Buffer.alloc(0);
const HASH = 0x23;
const ZERO = 0x30;
const NINE = 0x39;
