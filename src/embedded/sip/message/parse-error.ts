import type { SipRequest } from './message.ts';

/**
 * A message, or a value in it, that cannot be understood. `status` and `reason` are the answer that a request with this fault
 * deserves; a response with a fault is discarded (RFC 3261 §18.1.2).
 */
export class SipParseError extends Error {
  readonly status: number;
  readonly reason: string;
  /** The request with the headers that could be read, good enough for `responseTo`. Absent when nobody can be answered: a response, an ACK, no Via. */
  readonly partial: SipRequest | undefined;

  constructor(status: number, reason: string, partial?: SipRequest) {
    super(`${status} ${reason}`);
    this.name = 'SipParseError';
    this.status = status;
    this.reason = reason;
    this.partial = partial;
  }
}
