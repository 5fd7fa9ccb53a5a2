/** What a piece of a connection's bytes turned out to be. */
export type Frame =
  | { readonly kind: 'message'; readonly bytes: Buffer }
  /** The peer wants to hear from us: what he wants back, ready for the wire. */
  | { readonly kind: 'ping'; readonly answer: Buffer }
  /** The answer to a ping of ours. */
  | { readonly kind: 'pong' }
  /** A head that does not say where the message ends, or says too much. Nothing after it can be read. */
  | { readonly kind: 'broken'; readonly head: Buffer; readonly fault: { status: number; reason: string } }
  /** Not SIP. Nothing after it can be read. `goodbye` tells the peer why, where the protocol has words for it. */
  | { readonly kind: 'garbage'; readonly goodbye?: Buffer }
  /** The peer takes leave and wants this back. Nothing follows. */
  | { readonly kind: 'leaving'; readonly answer: Buffer };

/** How messages lie in the bytes of one connection. Pure: bytes in, frames out, whatever the pieces. After `broken`, `garbage` or `leaving` it yields nothing more. */
export interface Framing {
  /** Whether a message has begun and is not complete. */
  readonly midMessage: boolean;
  push(chunk: Buffer): Frame[];
  /** A message as it goes out. */
  wrap(message: Buffer): Buffer;
  /** Asks the peer whether he is still there, where every peer must answer. */
  readonly ping?: Buffer;
  /** The last words to a peer who sent what is no SIP, or whom we leave, where the protocol has words for it. */
  goodbye(why: 'not-sip' | 'we-leave'): Buffer | undefined;
}
