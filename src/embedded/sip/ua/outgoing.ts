import type { SipRequest } from '../message/index.ts';
import type { ClientTransaction } from '../transaction/index.ts';
import type { Application } from './application.ts';
import type { SentAck } from './sent-ack.ts';

/** A request of an application that has no final response yet. */
export class OutgoingRequest {
  /** By which the application knows it. */
  readonly id: string;
  /** `undefined` when its connection is gone, or it is our own: then nobody needs the response. */
  application: Application | undefined;
  /** The way it takes now: changes when a hop fails and the next is tried. */
  tx: ClientTransaction;
  cancelled = false;
  /** Of an INVITE that was answered. */
  ack: SentAck | undefined;

  constructor(id: string, application: Application | undefined, tx: ClientTransaction) {
    this.id = id;
    this.application = application;
    this.tx = tx;
  }

  get request(): SipRequest {
    return this.tx.request;
  }

  get isInvite(): boolean {
    return this.tx.request.method === 'INVITE';
  }
}
