/** Why a message could not be sent. */
export type TransportErrorCode =
  /** No listener speaks this protocol towards this address. */
  | 'no-listener'
  /** The name has no address, or the resolver did not answer. */
  | 'unresolved'
  /** Refused, unreachable, reset, timed out while connecting. */
  | 'unreachable'
  /** The connection closed, or the peer does not read what we send. */
  | 'closed'
  /** Over what a datagram can hold. */
  | 'too-large';

export class TransportError extends Error {
  readonly code: TransportErrorCode;

  constructor(code: TransportErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TransportError';
    this.code = code;
  }
}
