import type { SipResponse } from '../message/index.ts';
import type { ServerTransaction } from '../transaction/index.ts';
import type { Application } from './application.ts';
import type { Dialog } from './dialog.ts';
import type { ReliableResponses } from './reliable-responses.ts';

/** A request from the network that an application is to answer. */
export class IncomingRequest {
  /** By which the application knows it. */
  readonly id: string;
  readonly tx: ServerTransaction;
  readonly application: Application;
  /** The dialog it is in; of a first INVITE, the one that our responses make. */
  dialog: Dialog | undefined;
  /** It came inside `dialog`. */
  readonly inside: boolean;
  /** What is answered when the application says nothing, or something useless. */
  readonly fallback: number;
  /** The tag of our responses: the application's, or that of the transaction. */
  toTag: string | undefined;
  reliable: ReliableResponses | undefined;
  /** Called with the final response once it has been sent. */
  onFinal: ((response: SipResponse) => void) | undefined;

  constructor(fields: {
    tx: ServerTransaction;
    application: Application;
    dialog: Dialog | undefined;
    fallback: number;
  }) {
    this.id = fields.tx.id;
    this.tx = fields.tx;
    this.application = fields.application;
    this.dialog = fields.dialog;
    this.inside = fields.dialog !== undefined;
    this.fallback = fields.fallback;
  }

  get isInvite(): boolean {
    return this.tx.request.method === 'INVITE';
  }
}
