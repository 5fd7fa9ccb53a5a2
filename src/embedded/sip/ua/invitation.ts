import type { SipRequest, SipResponse } from '../message/index.ts';
import type { Source } from '../transport/index.ts';
import { acknowledge, repeatAck } from './acknowledge.ts';
import type { Core } from './core.ts';
import { Dialog, dialogId } from './dialog.ts';
import { contactOf, DialogState } from './dialog-state.ts';
import { hangUp, removeDialog } from './hang-up.ts';
import { seenAt } from './next-hop.ts';
import type { OutgoingRequest } from './outgoing.ts';
import { isNewReliable } from './received-reliable.ts';
import { SentAck } from './sent-ack.ts';

/**
 * An INVITE or SUBSCRIBE of ours and the dialogs that it makes: an early one for each phone that answers with a tag, of which
 * the first 2xx confirms one. Phones that pick up later are thanked and hung up (RFC 3261 §13.2.2.4).
 */
export class Invitation {
  readonly #core: Core;
  readonly #outgoing: OutgoingRequest;
  /** As sent: the transaction forgets its body, and a later hop has another Via. */
  readonly #request: SipRequest;
  readonly #id: string;
  /** By remote tag. */
  readonly #forks = new Map<string, Dialog>();
  #confirmed: Dialog | undefined;
  /** Surplus answers that have been dealt with, and their ACKs. */
  readonly #surplus = new Map<string, SentAck>();

  constructor(core: Core, outgoing: OutgoingRequest) {
    this.#core = core;
    this.#outgoing = outgoing;
    this.#request = outgoing.request;
    this.#id = core.dialogs.freeId(dialogId(this.#request.callId, this.#request.from.params.get('tag') ?? ''));
  }

  provisional(response: SipResponse, source: Source): void {
    const tag = response.to.params.get('tag');
    const fork = tag === undefined ? undefined : (this.#forks.get(tag) ?? this.#ring(tag, response, source));
    if (fork && !isNewReliable(fork, response)) return;
    this.#tell(response, source);
  }

  final(response: SipResponse, source: Source | undefined): void {
    this.#core.outgoing.delete(this.#outgoing.id);
    const answered = response.status < 300 && source ? this.#answered(response, source) : undefined;
    for (const fork of this.#forks.values()) if (fork !== answered) removeDialog(this.#core, fork);
    this.#forks.clear();
    this.#tell(response, source);
    if (answered && !this.#outgoing.application) this.#decline(answered);
  }

  /** A 2xx after the first: the same again, or that of another phone. */
  repeated(response: SipResponse, source: Source): void {
    if (!this.#outgoing.isInvite) return;
    const tag = response.to.params.get('tag') ?? '';
    const known = this.#confirmed?.state.remoteTag === tag ? this.#outgoing.ack : this.#surplus.get(tag);
    if (known) return repeatAck(this.#core, known);
    if (this.#surplus.size >= this.#core.limits.forks) return;
    this.#core.counters.surplusAnswers++;
    const dialog = this.#dialog(response, source, 'confirmed');
    dialog.owner = undefined;
    this.#surplus.set(tag, this.#decline(dialog));
  }

  #ring(tag: string, response: SipResponse, source: Source): Dialog | undefined {
    if (this.#forks.size >= this.#core.limits.forks) return undefined;
    const fork = this.#dialog(response, source, 'early');
    fork.inviteOut = this.#outgoing;
    this.#forks.set(tag, fork);
    this.#core.dialogs.add(fork);
    return fork;
  }

  /** @returns the dialog that the application gets; `undefined` when it could do nothing with it */
  #answered(response: SipResponse, source: Source): Dialog | undefined {
    const { isInvite } = this.#outgoing;
    const tag = response.to.params.get('tag') ?? '';
    const early = this.#forks.get(tag);
    const dialog = early ?? this.#dialog(response, source, 'confirmed');
    if (early) {
      dialog.state = DialogState.ofUac(this.#request, response, early.state);
      dialog.via = seenAt(dialog.state, source, 'uac');
    } else this.#core.dialogs.add(dialog);
    dialog.phase = 'confirmed';
    dialog.inviteOut = undefined;
    this.#confirmed = dialog;
    if (!isInvite) {
      this.#core.flows.learn(this.#request, response, source);
      return dialog;
    }
    dialog.ack = this.#owed();
    this.#outgoing.ack = dialog.ack;
    dialog.learn(response);
    dialog.describe(this.#request);
    this.#core.sessions.agreed(dialog, response, 'uac');
    if (contactOf(response) !== undefined) return dialog;
    // Without a Contact applications give up, and the phone would ring off by itself only after 32 s.
    dialog.owner = undefined;
    this.#decline(dialog, source);
    return dialog;
  }

  /** ACK and BYE. */
  #decline(dialog: Dialog, source?: Source): SentAck {
    const ack = dialog.ack ?? this.#owed();
    if (source) dialog.via = source;
    const declined = acknowledge(this.#core, dialog, ack).then(() => hangUp(this.#core, dialog, 'answer not wanted'));
    this.#core.supervise(declined);
    return ack;
  }

  #owed(): SentAck {
    const { cancelled } = this.#outgoing;
    return new SentAck({ cseq: this.#request.cseq.number, headers: this.#request.headers, cancelled });
  }

  #dialog(response: SipResponse, source: Source, phase: 'early' | 'confirmed'): Dialog {
    const state = DialogState.ofUac(this.#request, response);
    const dialog = new Dialog({
      id: this.#id,
      method: this.#outgoing.isInvite ? 'INVITE' : 'SUBSCRIBE',
      state,
      phase,
      owner: this.#outgoing.application,
    });
    dialog.via = seenAt(state, source, 'uac');
    return dialog;
  }

  #tell(response: SipResponse, source: Source | undefined): void {
    const { application, id } = this.#outgoing;
    application?.onResponse({ transactionId: id, dialogId: this.#id, response, source });
  }
}
