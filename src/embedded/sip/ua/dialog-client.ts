import { SipParseError, SipRequest, type SipResponse } from '../message/index.ts';
import { type Hop, type Source, TransportError } from '../transport/index.ts';
import { acknowledge, repeatAck } from './acknowledge.ts';
import { addAppHeaders, labelBody } from './app-headers.ts';
import type { Application, Peer, Reply } from './application.ts';
import { attempt } from './attempt.ts';
import { type Core, localEnd } from './core.ts';
import type { Dialog } from './dialog.ts';
import { hangUp, removeDialog } from './hang-up.ts';
import { hopsOf } from './next-hop.ts';
import { OutgoingRequest } from './outgoing.ts';
import { isNewReliable } from './received-reliable.ts';
import { orRefuse, RefusalError } from './refusal.ts';
import { SentAck } from './sent-ack.ts';
import { refreshesSession } from './session-timer.ts';
import { endsSubscription, failsSubscription } from './subscription.ts';
import { syntheticResponse } from './synthetic-response.ts';

/** Requests that say where we are, since the peer notes it or sends something there. */
const WITH_CONTACT = new Set(['INVITE', 'SUBSCRIBE', 'NOTIFY', 'REFER', 'UPDATE']);
/** Requests whose 2xx says where the peer is now. */
const REFRESHES = new Set(['INVITE', 'SUBSCRIBE', 'UPDATE']);

/** Requests of applications inside their dialogs. */
export class DialogClient {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** @param draft what the application says; where it goes and under which number is the dialog's affair */
  send(application: Application, id: string, draft: SipRequest, reply: Reply<SipRequest>): void {
    const newest = this.#core.dialogs.byId(id);
    if (draft.method === 'ACK') this.#core.supervise(this.#acknowledge(newest, id, draft, reply));
    else
      orRefuse(reply, () => {
        if (!newest) throw new RefusalError('unknown-dialog', id);
        newest.owner = application;
        const dialog = draft.method === 'PRACK' ? this.#unpracked(id, draft) : newest;
        if (!dialog) throw new RefusalError('prack-not-needed', id);
        if (!labelBody(draft.headers, draft.body)) throw new RefusalError('missing-content-type', id);
        const go = () => this.#core.supervise(this.#transmit(application, dialog, draft, reply));
        this.#whenAllowed(dialog, draft.method, reply, go);
      });
  }

  /** Refreshes a session without the application's knowledge: by UPDATE, or by an INVITE that changes nothing (RFC 4028 §7.4). */
  refresh(dialog: Dialog): void {
    const method = dialog.takesUpdate || !dialog.localSdp ? 'UPDATE' : 'INVITE';
    // Whatever is under way there refreshes the session as well, if it succeeds.
    if (dialog.phase !== 'confirmed' || !dialog.mayInvite || dialog.updateOut) return;
    const draft = new SipRequest(method, dialog.state.target);
    if (method === 'INVITE' && dialog.localSdp) draft.body = dialog.localSdp;
    labelBody(draft.headers, draft.body);
    this.#core.supervise(this.#transmit(undefined, dialog, draft, UNHEARD));
  }

  /** An INVITE waits for others to finish, a BYE for the ACK of our answer; the rest goes at once. */
  #whenAllowed(dialog: Dialog, method: string, reply: Reply<SipRequest>, go: () => void): void {
    const unknown = () => reply.refused({ code: 'unknown-dialog', detail: dialog.id });
    if (dialog.phase === 'ended') unknown();
    else if ((method !== 'INVITE' || dialog.mayInvite) && (method !== 'BYE' || dialog.mayHangUp)) go();
    else if (!dialog.wait(() => this.#whenAllowed(dialog, method, reply, go), unknown)) {
      reply.refused({ code: 'overloaded', detail: dialog.id });
    }
  }

  async #transmit(
    application: Application | undefined,
    dialog: Dialog,
    draft: SipRequest,
    reply: Reply<SipRequest>,
  ): Promise<void> {
    const invite = draft.method === 'INVITE';
    dialog.inviteStarting ||= invite;
    const hops = await this.#hops(dialog);
    if (invite) dialog.inviteStarting = false;
    if (dialog.phase === 'ended') return reply.refused({ code: 'unknown-dialog', detail: dialog.id });
    // What is being negotiated has become pointless.
    if (draft.method === 'BYE') dialog.inviteOut?.tx.cancel();
    const request = this.#complete(dialog, draft, hops[0]);
    if (hops.length === 0) return this.#unreachable(application, dialog, request, reply);
    try {
      this.#start(application, dialog, request, hops, reply);
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      this.#unreachable(application, dialog, request, reply);
    }
  }

  /** Empty when there is no way to the peer. */
  async #hops(dialog: Dialog): Promise<Hop[]> {
    try {
      return await hopsOf(this.#core, dialog);
    } catch (error) {
      if (error instanceof TransportError || error instanceof SipParseError) return [];
      throw error;
    }
  }

  #complete(dialog: Dialog, draft: SipRequest, hop: Hop | undefined): SipRequest {
    const { state } = dialog;
    const request = state.request(draft.method);
    if (draft.method === 'PRACK' && dialog.unpracked) {
      const { rseq, cseq } = dialog.unpracked;
      dialog.unpracked = undefined;
      draft.headers.set('RAck', `${rseq} ${cseq} INVITE`);
    }
    addAppHeaders(request.headers, draft.headers, localEnd(this.#core.ways, hop));
    request.body = draft.body;
    if (refreshesSession(draft.method)) proposeSession(dialog, request);
    if (draft.method === 'INVITE') state.contact = request.headers.get('Contact') ?? state.contact;
    if (WITH_CONTACT.has(draft.method) && !request.headers.has('Contact'))
      request.headers.append('Contact', state.contact);
    return request;
  }

  #start(
    application: Application | undefined,
    dialog: Dialog,
    request: SipRequest,
    hops: Hop[],
    reply: Reply<SipRequest>,
  ): void {
    const tx = attempt(this.#core, request, hops, {
      response: (response, source) => this.#responded(dialog, outgoing, response, source),
      failed: (why) => this.#failed(dialog, outgoing, why),
      moved: (next) => {
        outgoing.tx = next;
      },
      wanted: () => dialog.phase !== 'ended',
    });
    const outgoing = new OutgoingRequest(tx.id, application, tx);
    this.#core.outgoing.set(outgoing.id, outgoing);
    if (request.method === 'INVITE') {
      dialog.inviteOut = outgoing;
      dialog.rseq = undefined;
    }
    if (request.method === 'UPDATE') dialog.updateOut = outgoing;
    reply.sent({ message: tx.request, peer: leftFrom(tx), transactionId: outgoing.id, dialogId: dialog.id });
  }

  #responded(dialog: Dialog, outgoing: OutgoingRequest, response: SipResponse, source: Source): void {
    if (!this.#core.outgoing.has(outgoing.id)) {
      if (outgoing.ack) repeatAck(this.#core, outgoing.ack);
    } else if (response.status >= 200) this.#finished(dialog, outgoing, response, source);
    else if (isNewReliable(dialog, response)) this.#tell(dialog, outgoing, response, source);
  }

  #failed(dialog: Dialog, outgoing: OutgoingRequest, why: 'timeout' | 'transport'): void {
    const status = why === 'transport' ? 503 : outgoing.cancelled ? 487 : 408;
    this.#finished(dialog, outgoing, syntheticResponse(outgoing.request, status, this.#core.random), undefined);
  }

  #finished(dialog: Dialog, outgoing: OutgoingRequest, response: SipResponse, source: Source | undefined): void {
    const { request } = outgoing;
    const { status } = response;
    const success = status < 300;
    this.#core.outgoing.delete(outgoing.id);
    if (dialog.inviteOut === outgoing) dialog.inviteOut = undefined;
    if (dialog.updateOut === outgoing) dialog.updateOut = undefined;
    if (success && REFRESHES.has(request.method)) dialog.state.refresh(response);
    if (success && outgoing.isInvite) this.#answered(dialog, outgoing);
    // What was refused is not what a refresh is to repeat.
    if (success && refreshesSession(request.method)) {
      dialog.describe(request);
      this.#core.sessions.agreed(dialog, response, 'uac');
    }
    // A challenge is answered by the same request once more, inside a dialog that must still be there.
    const challenged = status === 401 || status === 407;
    const isOver = endsSubscription(dialog, request) || (!challenged && failsSubscription(dialog, request, response));
    if ((request.method === 'BYE' && !challenged) || isOver) removeDialog(this.#core, dialog);
    this.#tell(dialog, outgoing, response, source);
    if (dialog.mayInvite) dialog.settle();
  }

  #answered(dialog: Dialog, outgoing: OutgoingRequest): void {
    const { request, cancelled } = outgoing;
    outgoing.ack = new SentAck({ cseq: request.cseq.number, headers: request.headers, cancelled });
    dialog.ack = outgoing.ack;
    // Hung up meanwhile: the application's ACK would find no dialog any more.
    if (dialog.phase === 'ended' || !outgoing.application) {
      this.#core.supervise(acknowledge(this.#core, dialog, outgoing.ack));
    }
  }

  #tell(dialog: Dialog, outgoing: OutgoingRequest, response: SipResponse, source: Source | undefined): void {
    outgoing.application?.onResponse({ transactionId: outgoing.id, dialogId: dialog.id, response, source });
  }

  async #acknowledge(
    dialog: Dialog | undefined,
    id: string,
    draft: SipRequest,
    reply: Reply<SipRequest>,
  ): Promise<void> {
    const owed = dialog?.ack;
    if (!dialog || !owed?.isOwed) return reply.refused({ code: 'ack-not-needed', detail: id });
    if (!labelBody(draft.headers, draft.body)) return reply.refused({ code: 'missing-content-type', detail: id });
    const done = await acknowledge(this.#core, dialog, owed, draft);
    if (!done) return reply.refused({ code: 'no-target', detail: id });
    const { ack, hop } = done;
    const local = localEnd(this.#core.ways, hop);
    const peer = { protocol: hop.protocol, address: local.address, port: local.port };
    reply.sent({ message: ack, peer, transactionId: this.#core.random.uuid(), dialogId: id });
    if (owed.cancelled) hangUp(this.#core, dialog, 'ACK-BYE due to cancel race condition');
    else dialog.settle();
  }

  /** The fork whose reliable response this PRACK means; the one that has waited longest if several have the number. */
  #unpracked(id: string, draft: SipRequest): Dialog | undefined {
    const [rseq] = (draft.headers.get('RAck') ?? '').trim().split(/\s+/);
    return this.#core.dialogs.forks(id).find(({ unpracked }) => unpracked?.rseq === Number(rseq));
  }

  /** The application learns it as it would from the network: the request is gone, and a 503 came back. */
  #unreachable(
    application: Application | undefined,
    dialog: Dialog,
    request: SipRequest,
    reply: Reply<SipRequest>,
  ): void {
    const transactionId = this.#core.random.uuid();
    reply.sent({ message: request, peer: undefined, transactionId, dialogId: dialog.id });
    if (request.method === 'BYE' || endsSubscription(dialog, request)) removeDialog(this.#core, dialog);
    const response = syntheticResponse(request, 503, this.#core.random);
    application?.onResponse({ transactionId, dialogId: dialog.id, response, source: undefined });
    if (dialog.mayInvite) dialog.settle();
  }
}

/** A request that could refresh the session does so, as the same side as before (RFC 4028 §7.4). */
function proposeSession({ session }: Dialog, { headers }: SipRequest): void {
  if (!session || headers.has('Session-Expires')) return;
  headers.append('Session-Expires', `${session.seconds};refresher=${session.ours ? 'uac' : 'uas'}`);
  if (!headers.has('Supported')) headers.append('Supported', 'timer');
}

const UNHEARD: Reply<SipRequest> = { sent: () => undefined, refused: () => undefined };

/** The end that a request of ours went out from. */
export const leftFrom = ({ hop, local }: { hop: Hop; local: { address: string; port: number } }): Peer => ({
  protocol: hop.protocol,
  address: local.address,
  port: local.port,
});
