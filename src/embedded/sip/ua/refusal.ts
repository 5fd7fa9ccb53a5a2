/** Why something that an application wants cannot be done. `protocol/` has the words for each. */
export type RefusalCode =
  | 'invalid-request-uri'
  | 'invalid-from'
  | 'missing-content-type'
  /** No listener speaks the protocol that was asked for. */
  | 'no-transport'
  /** The next hop is one of our own listeners. */
  | 'request-to-self'
  /** No request of this transaction id waits for an answer. */
  | 'unknown-transaction'
  /** No INVITE of this transaction id can be cancelled. */
  | 'nothing-to-cancel'
  | 'unknown-dialog'
  /** There is no way to the peer of the dialog. */
  | 'no-target'
  /** There is no 2xx that waits for an ACK; we acknowledge other responses ourselves. */
  | 'ack-not-needed'
  /** No reliable provisional response waits for a PRACK. */
  | 'prack-not-needed'
  /** The peer does not support 100rel. */
  | 'no-100rel'
  /** No request of this transaction id can be proxied. */
  | 'unknown-proxy-transaction'
  /** Max-Forwards is used up; the peer got 483. */
  | 'too-many-hops'
  /** None of the proxy's targets is a URI that we can send to. */
  | 'no-proxy-target'
  /** Bounds of the server. */
  | 'overloaded';

export interface Refusal {
  readonly code: RefusalCode;
  /** The offending value or id. */
  readonly detail: string;
}

/** For refusing from the depths; the entry points turn it into `Reply.refused`. */
export class RefusalError extends Error implements Refusal {
  readonly code: RefusalCode;
  readonly detail: string;

  constructor(code: RefusalCode, detail = '') {
    super(`${code} ${detail}`.trimEnd());
    this.name = 'RefusalError';
    this.code = code;
    this.detail = detail;
  }
}

/** Runs `action`; a RefusalError goes to the reply, anything else on its way. */
export function orRefuse(reply: { refused(refusal: Refusal): void }, action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    reply.refused(error);
  }
}
