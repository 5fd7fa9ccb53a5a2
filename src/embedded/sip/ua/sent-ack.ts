import type { Headers, SipRequest } from '../message/index.ts';
import type { Hop } from '../transport/index.ts';

/** The ACK of a 2xx that we got: owed until the application gives it, kept for the repeats of the 2xx afterwards. */
export class SentAck {
  /** Of the INVITE. */
  readonly cseq: number;
  /** The ACK bears the credentials of its INVITE, RFC 3261 §22.1. */
  readonly credentials: readonly (readonly [name: string, value: string])[];
  /** The application had cancelled before the 2xx came: to be hung up after the ACK. */
  readonly cancelled: boolean;
  #sent: { readonly ack: SipRequest; readonly hop: Hop } | undefined;

  constructor(invite: { cseq: number; headers: Headers; cancelled: boolean }) {
    this.cseq = invite.cseq;
    this.cancelled = invite.cancelled;
    this.credentials = [...invite.headers.entries()].filter(([name]) => /^(?:proxy-)?authorization$/i.test(name));
  }

  get isOwed(): boolean {
    return this.#sent === undefined;
  }

  get sent(): { readonly ack: SipRequest; readonly hop: Hop } | undefined {
    return this.#sent;
  }

  keep(ack: SipRequest, hop: Hop): void {
    this.#sent = { ack, hop };
  }
}
