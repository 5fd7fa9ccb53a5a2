import { responseTo, type SipRequest } from '../message/index.ts';
import type { ServerTransaction } from '../transaction/index.ts';
import type { Source } from '../transport/index.ts';
import type { Application, Unwanted } from './application.ts';
import type { Core } from './core.ts';
import type { Dialog } from './dialog.ts';
import { removeDialog } from './hang-up.ts';
import type { Responder } from './responder.ts';
import { intervalTooSmall, MIN_SE } from './session-timer.ts';
import { endsSubscription } from './subscription.ts';

/** What an application can be given inside a dialog; anything else is answered 501 here. */
const KNOWN = new Set([
  'INVITE',
  'BYE',
  'INFO',
  'UPDATE',
  'PRACK',
  'REFER',
  'NOTIFY',
  'SUBSCRIBE',
  'MESSAGE',
  'OPTIONS',
  'PUBLISH',
]);

/** Requests of the peer inside a dialog: whether they may come now, and to whom they go. */
export class DialogServer {
  readonly #core: Core;
  readonly #responder: Responder;

  constructor(core: Core, responder: Responder) {
    this.#core = core;
    this.#responder = responder;
  }

  receive(dialog: Dialog, tx: ServerTransaction): void {
    const { request } = tx;
    const refusal = this.#refusal(dialog, request);
    if (refusal) {
      this.#answer(tx, refusal.status, refusal.headers);
    } else if (request.method === 'BYE') this.#hangUp(dialog, tx);
    else {
      const owner = this.#ownerOf(dialog);
      if (owner) this.#handOver(dialog, tx, owner);
      else this.#answer(tx, 500, this.#retryAfter(5));
    }
  }

  /** The ACK of a 2xx of ours. Repeats, and ACKs that come too late, are of no consequence. */
  acknowledged(dialog: Dialog, ack: SipRequest, source: Source): void {
    const { answer } = dialog;
    if (!answer || answer.cseq !== ack.cseq.number) return;
    answer.stop();
    dialog.answer = undefined;
    const { transactionId } = answer;
    this.#ownerOf(dialog)?.onRequest({ transactionId, dialogId: dialog.id, request: ack, source });
    dialog.settle();
  }

  #refusal(dialog: Dialog, request: SipRequest): Unwanted | undefined {
    const { method } = request;
    if (!dialog.state.inOrder(request)) {
      this.#core.counters.outOfOrder++;
      return { status: 500 };
    }
    if (!KNOWN.has(method)) return { status: 501 };
    if (intervalTooSmall(request)) return { status: 422, headers: [['Min-SE', String(MIN_SE)]] };
    const crossing = clash(dialog, method);
    if (crossing) return { status: crossing, headers: crossing === 500 ? this.#retryAfter(10) : [] };
    const acknowledges = dialog.inviteIn?.reliable?.acknowledge(request.headers.get('RAck'));
    return method === 'PRACK' && !acknowledges ? { status: 481 } : undefined;
  }

  #handOver(dialog: Dialog, tx: ServerTransaction, owner: Application): void {
    const { request, source } = tx;
    // PRACK and BYE have done what they are for when they have come; the rest needs somebody who says so.
    const fallback = request.method === 'PRACK' || request.method === 'BYE' ? 200 : 408;
    const incoming = this.#responder.accept(tx, owner, { dialog, fallback });
    if (request.method === 'INVITE') dialog.inviteIn = incoming;
    if (request.method === 'UPDATE') dialog.updateIn = incoming;
    if (endsSubscription(dialog, request)) incoming.onFinal = () => removeDialog(this.#core, dialog);
    owner.onRequest({ transactionId: incoming.id, dialogId: dialog.id, request, source });
  }

  /** Whoever's connection is gone is replaced by whoever is there. */
  #ownerOf(dialog: Dialog): Application | undefined {
    dialog.owner ??= this.#core.applications.any();
    return dialog.owner;
  }

  /**
   * What is under way in the dialog is over, RFC 3261 §15.1.2. A caller who hangs up before our answer has, for the application,
   * cancelled.
   */
  #hangUp(dialog: Dialog, tx: ServerTransaction): void {
    const owner = dialog.phase === 'early' ? undefined : this.#ownerOf(dialog);
    if (dialog.phase === 'early' && dialog.inviteIn)
      this.#responder.refuse(dialog.inviteIn, 487, 'hung up by the caller');
    for (const open of [dialog.inviteIn, dialog.updateIn]) if (open) this.#responder.end(open, 487);
    if (!dialog.inviteOut || dialog.phase === 'confirmed') removeDialog(this.#core, dialog);
    if (owner) this.#handOver(dialog, tx, owner);
    else this.#answer(tx, 200);
  }

  #answer(tx: ServerTransaction, status: number, headers: [name: string, value: string][] = []): void {
    // A peer that cannot be answered will ask again or give up.
    tx.respond(responseTo(tx.request, status, { toTag: tx.toTag, headers })).catch(() => undefined);
  }

  #retryAfter(seconds: number): [name: string, value: string][] {
    return [['Retry-After', String(this.#core.random.below(seconds + 1))]];
  }
}

/** Offers that cross: RFC 3261 §14.2 for INVITE, RFC 3311 §5.2 for UPDATE. @returns the status of the refusal */
function clash(dialog: Dialog, method: string): 491 | 500 | undefined {
  if (method === 'INVITE') {
    if (dialog.inviteIn) return 500;
    return dialog.inviteOut ? 491 : undefined;
  }
  if (method === 'UPDATE') {
    if (dialog.updateIn) return 500;
    return dialog.updateOut ? 491 : undefined;
  }
  return undefined;
}
