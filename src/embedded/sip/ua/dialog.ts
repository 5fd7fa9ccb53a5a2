import type { SipRequest, SipResponse } from '../message/index.ts';
import type { Hop } from '../transport/index.ts';
import type { Answer } from './answer.ts';
import type { Application } from './application.ts';
import type { DialogState } from './dialog-state.ts';
import type { IncomingRequest } from './incoming.ts';
import type { OutgoingRequest } from './outgoing.ts';
import type { SentAck } from './sent-ack.ts';
import type { SessionTimer } from './session-timer.ts';

/** More than any application has reason to queue up behind an unanswered INVITE. */
const MAX_WAITING = 16;

/**
 * - `early`: not answered yet; the caller may have several, one for each phone that rings.
 * - `confirmed`: answered.
 * - `ended`: a BYE has gone or come. Whoever still holds it finds nothing to do.
 */
export type DialogPhase = 'early' | 'confirmed' | 'ended';

/** A dialog while it lives: its state, its owner, and what is under way in it. The machinery around it decides, this remembers. */
export class Dialog {
  /** By which applications know it: `<Call-ID>;from-tag=<tag of the request that began it>`. Forks of one INVITE share it. */
  readonly id: string;
  readonly method: 'INVITE' | 'SUBSCRIBE';
  /** Replaced when an early dialog is confirmed: the 2xx says anew which way requests take. */
  state: DialogState;
  phase: DialogPhase;
  /** `undefined` when its connection is gone. */
  owner: Application | undefined;
  /** Where our requests go whatever the route set says: the connection it came by, or the public side of a NAT. */
  via: Hop | undefined;
  /** INVITE of the peer that has no final response yet. */
  inviteIn: IncomingRequest | undefined;
  updateIn: IncomingRequest | undefined;
  /** Our 2xx that has not been acknowledged. */
  answer: Answer | undefined;
  /** INVITE of ours that has no final response yet. */
  inviteOut: OutgoingRequest | undefined;
  /** The next hop for one is being looked up. */
  inviteStarting = false;
  updateOut: OutgoingRequest | undefined;
  /** The last 2xx that we got, acknowledged or not. */
  ack: SentAck | undefined;
  /** RSeq of the last reliable provisional response in it, RFC 3262 §4. */
  rseq: number | undefined;
  /** RSeq that the application has not acknowledged by PRACK. */
  unpracked: { readonly rseq: number; readonly cseq: number } | undefined;
  /** The interval after which the session is over unless refreshed, RFC 4028. */
  session: SessionTimer | undefined;
  /** Our last description of the session: a refresh by INVITE repeats it. */
  localSdp: Buffer | undefined;
  /** The peer takes UPDATE, by which a session is refreshed without an offer. */
  takesUpdate = false;
  readonly #waiting: { readonly go: () => void; readonly lost: () => void }[] = [];

  constructor(fields: {
    id: string;
    method: 'INVITE' | 'SUBSCRIBE';
    state: DialogState;
    phase: DialogPhase;
    owner: Application | undefined;
  }) {
    this.id = fields.id;
    this.method = fields.method;
    this.state = fields.state;
    this.phase = fields.phase;
    this.owner = fields.owner;
  }

  /** Takes from a message of the peer what it says about itself. */
  learn(message: SipRequest | SipResponse): void {
    if (message.headers.has('Allow')) {
      this.takesUpdate = message.headers.all('Allow').some((method) => method.toUpperCase() === 'UPDATE');
    }
  }

  /** Notes a description that goes out. */
  describe(message: SipRequest | SipResponse): void {
    if (/^application\/sdp\b/i.test(message.headers.get('Content-Type') ?? '')) this.localSdp = message.body;
  }

  /** Whether a BYE may be sent: not before the ACK of our answer, RFC 3261 §15. */
  get mayHangUp(): boolean {
    return this.answer === undefined;
  }

  /** Whether an INVITE may be sent: only when none is under way in either direction, its ACK included (§14.1). */
  get mayInvite(): boolean {
    const ours = this.inviteStarting || this.inviteOut !== undefined || this.ack?.isOwed === true;
    return !ours && this.inviteIn === undefined && this.answer === undefined;
  }

  /**
   * Runs `go` when something that was under way has come to its end; `lost` if the dialog ends before.
   * @returns false when too much is waiting already
   */
  wait(go: () => void, lost: () => void): boolean {
    if (this.#waiting.length >= MAX_WAITING) return false;
    this.#waiting.push({ go, lost });
    return true;
  }

  /** Something has come to its end: those who waited look again, in their order. */
  settle(): void {
    for (const { go } of this.#waiting.splice(0)) go();
  }

  end(): void {
    this.phase = 'ended';
    this.session?.stop();
    this.answer?.stop();
    this.answer = undefined;
    for (const { lost } of this.#waiting.splice(0)) lost();
  }
}

/** The id of the dialog that a request begins, or would begin. */
export const dialogId = (callId: string, fromTag: string): string => `${callId};from-tag=${fromTag}`;
