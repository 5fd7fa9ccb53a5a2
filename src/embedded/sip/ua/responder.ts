import { Headers, SipRequest, SipResponse } from '../message/index.ts';
import type { ServerTransaction } from '../transaction/index.ts';
import { Answer } from './answer.ts';
import { ownContact } from './app-headers.ts';
import type { Application, Reply } from './application.ts';
import { buildResponse } from './build-response.ts';
import { type Core, hasOption } from './core.ts';
import { Deadlines } from './deadlines.ts';
import { Dialog, dialogId } from './dialog.ts';
import { DialogState } from './dialog-state.ts';
import { hangUp, removeDialog } from './hang-up.ts';
import { IncomingRequest } from './incoming.ts';
import { seenAt } from './next-hop.ts';
import { orRefuse, RefusalError } from './refusal.ts';
import { ReliableResponses } from './reliable-responses.ts';
import { refreshesSession } from './session-timer.ts';

/** The requests that applications have been given, until each has its final response. */
export class Responder {
  readonly #core: Core;
  readonly #pending = new Map<string, IncomingRequest>();
  /** Those that no application has said anything about yet. */
  readonly #silent: Deadlines<IncomingRequest>;

  constructor(core: Core) {
    this.#core = core;
    this.#silent = new Deadlines(core.clock, core.limits.answerMs, (incoming) => {
      core.counters.unansweredByApplication++;
      this.refuse(incoming, incoming.fallback, 'no answer from the application');
    });
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Registers a request and gives it to the application. */
  accept(
    tx: ServerTransaction,
    application: Application,
    options: { dialog?: Dialog; fallback?: number } = {},
  ): IncomingRequest {
    const { dialog, fallback = 408 } = options;
    const incoming = new IncomingRequest({ tx, application, dialog, fallback });
    this.#pending.set(incoming.id, incoming);
    this.#silent.add(incoming);
    return incoming;
  }

  find(transactionId: string): IncomingRequest | undefined {
    return this.#pending.get(transactionId);
  }

  /** Takes a request away from the application: the proxy or we ourselves will answer it. */
  take(incoming: IncomingRequest): void {
    this.#pending.delete(incoming.id);
    this.#silent.delete(incoming);
    incoming.reliable?.stop();
  }

  /** Sends the response that an application drafted. */
  respond(application: Application, transactionId: string, draft: SipResponse, reply: Reply<SipResponse>): void {
    orRefuse(reply, () => {
      const incoming = this.#pending.get(transactionId);
      if (incoming?.application !== application) throw new RefusalError('unknown-transaction', transactionId);
      const { request } = incoming.tx;
      const provisional = draft.status < 200;
      const reliable = incoming.isInvite && provisional && draft.status > 100 && this.#isReliable(incoming, draft);
      if (reliable && !supports100rel(request)) throw new RefusalError('no-100rel', transactionId);
      const response = this.#build(incoming, useful(incoming, draft), reliable);
      const sent = () => {
        const makesDialog = incoming.isInvite || request.method === 'SUBSCRIBE';
        const id = makesDialog ? idOf(incoming) : undefined;
        reply.sent({ message: response, peer: incoming.tx.source, transactionId, dialogId: id });
      };
      this.#silent.delete(incoming);
      if (provisional) this.#provisional(incoming, response, reliable, sent);
      else this.#final(incoming, response, sent);
    });
  }

  /** Answers in the application's place, and tells it so if it was an INVITE: there is no other way to take it back. */
  refuse(incoming: IncomingRequest, status: number, why: string): void {
    const { application, id, tx } = incoming;
    const cancel = incoming.isInvite ? cancelOf(tx.request, why) : undefined;
    this.end(incoming, status);
    if (!cancel) return;
    application.onRequest({
      transactionId: id,
      dialogId: incoming.dialog && idOf(incoming),
      request: cancel,
      source: tx.source,
    });
  }

  /** Answers in the application's place, without telling it. */
  end(incoming: IncomingRequest, status: number, headers: [name: string, value: string][] = []): void {
    if (!this.#pending.has(incoming.id)) return;
    const draft = new SipResponse(status, undefined, Headers.from(headers));
    this.#final(incoming, this.#build(incoming, draft, false), () => undefined);
  }

  /** The application is gone: nobody else knows what it had in mind. */
  detach(application: Application): void {
    for (const incoming of [...this.#pending.values()]) {
      if (incoming.application === application) this.end(incoming, incoming.fallback === 200 ? 200 : 500);
    }
  }

  close(): void {
    this.#silent.clear();
    for (const incoming of this.#pending.values()) incoming.reliable?.stop();
    this.#pending.clear();
  }

  #build(incoming: IncomingRequest, draft: SipResponse, reliable: boolean): SipResponse {
    return buildResponse(incoming, draft, this.#core.ways.localFor(incoming.tx.source), reliable);
  }

  #provisional(incoming: IncomingRequest, response: SipResponse, reliable: boolean, sent: () => void): void {
    const trying = response.status === 100;
    if (incoming.isInvite && !incoming.inside && !trying) this.#early(incoming, response);
    if (reliable) {
      if (!this.#reliableOf(incoming).push(response, sent)) throw new RefusalError('overloaded', incoming.id);
    } else {
      // The 100 has been sent long ago.
      if (!trying) this.#send(incoming, response);
      sent();
    }
  }

  #final(incoming: IncomingRequest, response: SipResponse, sent: () => void): void {
    const { tx, inside } = incoming;
    const { request } = tx;
    const success = response.status < 300;
    this.take(incoming);
    const answered = success && incoming.isInvite;
    if (inside) this.#finalInside(incoming, success);
    else if (success && (request.method === 'INVITE' || request.method === 'SUBSCRIBE'))
      this.#confirm(incoming, response);
    else if (incoming.dialog) removeDialog(this.#core, incoming.dialog);
    if (success && (request.method === 'REGISTER' || request.method === 'SUBSCRIBE')) {
      this.#core.flows.learn(request, response, tx.source);
    }
    const { dialog } = incoming;
    if (answered && dialog) this.#repeatUntilAck(incoming, dialog, response);
    if (dialog && success && refreshesSession(request.method)) {
      dialog.learn(request);
      dialog.describe(response);
      this.#core.sessions.agreed(dialog, response, 'uas');
    }
    this.#send(incoming, response);
    sent();
    incoming.onFinal?.(response);
    if (!answered) dialog?.settle();
  }

  #finalInside(incoming: IncomingRequest, success: boolean): void {
    const { dialog, tx } = incoming;
    if (!dialog) return;
    const { request } = tx;
    if (dialog.inviteIn === incoming) dialog.inviteIn = undefined;
    if (dialog.updateIn === incoming) dialog.updateIn = undefined;
    // Only when accepted: a refused offer must not move the dialog (RFC 6141 §4.3).
    if (!success || !['INVITE', 'UPDATE', 'SUBSCRIBE'].includes(request.method)) return;
    dialog.state.refresh(request);
    if (dialog.via) dialog.via = tx.source;
  }

  #early(incoming: IncomingRequest, response: SipResponse): void {
    if (incoming.dialog) return;
    const dialog = this.#newDialog(incoming, response, 'early');
    dialog.inviteIn = incoming;
  }

  #confirm(incoming: IncomingRequest, response: SipResponse): void {
    const dialog = incoming.dialog ?? this.#newDialog(incoming, response, 'confirmed');
    dialog.phase = 'confirmed';
    dialog.inviteIn = undefined;
    dialog.state.contact = response.headers.get('Contact') ?? dialog.state.contact;
  }

  #newDialog(incoming: IncomingRequest, response: SipResponse, phase: 'early' | 'confirmed'): Dialog {
    const { tx, application } = incoming;
    const contact = response.headers.get('Contact') ?? ownContact(this.#core.ways.localFor(tx.source));
    const state = DialogState.ofUas(tx.request, response, contact);
    const dialog = new Dialog({
      id: this.#core.dialogs.freeId(idOf(incoming)),
      method: incoming.isInvite ? 'INVITE' : 'SUBSCRIBE',
      state,
      phase,
      owner: application,
    });
    dialog.via = seenAt(state, tx.source, 'uas');
    incoming.dialog = dialog;
    this.#core.dialogs.add(dialog);
    return dialog;
  }

  #repeatUntilAck(incoming: IncomingRequest, dialog: Dialog, response: SipResponse): void {
    const { clock, timers } = this.#core;
    dialog.answer?.stop();
    dialog.answer = new Answer({
      cseq: response.cseq.number,
      transactionId: incoming.id,
      clock,
      timers,
      repeat: () => this.#send(incoming, response),
      unheard: () => {
        dialog.answer = undefined;
        hangUp(this.#core, dialog, 'ACK timeout');
      },
    });
  }

  #send({ tx, dialog, isInvite }: IncomingRequest, response: SipResponse): void {
    tx.respond(response).catch(() => {
      // A refusal that did not get through is asked for again or given up; an answer that did not is a call without a caller.
      if (isInvite && dialog?.answer && response.status < 300) hangUp(this.#core, dialog, 'answer could not be sent');
    });
  }

  /** Reliable when the application wants it so, or the peer insists (RFC 3262 §3). */
  #isReliable(incoming: IncomingRequest, draft: SipResponse): boolean {
    if (hasOption(draft, 'Require', '100rel')) return true;
    if (!hasOption(incoming.tx.request, 'Require', '100rel')) return false;
    draft.headers.append('Require', '100rel');
    return true;
  }

  #reliableOf(incoming: IncomingRequest): ReliableResponses {
    const { clock, random, timers } = this.#core;
    incoming.reliable ??= new ReliableResponses({
      clock,
      random,
      t1: timers.t1,
      send: (response) => this.#send(incoming, response),
      unheard: () => this.refuse(incoming, 503, 'no PRACK'),
    });
    return incoming.reliable;
  }
}

/** An application that answers these with 404 or 501 does not know what has already happened; the peer need not suffer from it. */
function useful({ inside, tx }: IncomingRequest, draft: SipResponse): SipResponse {
  const happened = tx.request.method === 'PRACK' || (tx.request.method === 'BYE' && inside);
  return happened && draft.status >= 300 ? new SipResponse(200) : draft;
}

const supports100rel = (request: SipRequest): boolean =>
  hasOption(request, 'Supported', '100rel') || hasOption(request, 'Require', '100rel');

/** Of the dialog that it is in or makes. */
const idOf = ({ dialog, tx }: IncomingRequest): string =>
  dialog?.id ?? dialogId(tx.request.callId, tx.request.from.params.get('tag') ?? '');

const KEPT_IN_CANCEL = /^(?:via|v|from|f|to|t|call-id|i|max-forwards)$/i;

/** A CANCEL that no peer sent. */
function cancelOf(invite: SipRequest, why: string): SipRequest {
  const kept = [...invite.headers.entries()].filter(([name]) => KEPT_IN_CANCEL.test(name));
  const headers = Headers.from(kept);
  headers.append('CSeq', `${invite.cseq.number} CANCEL`);
  headers.append('Reason', `SIP;cause=487;text="${why}"`);
  return new SipRequest('CANCEL', invite.uri, headers);
}
