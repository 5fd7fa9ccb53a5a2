import type { Logger } from 'pino';
import { Emitter } from '../emitter.ts';
import { errorText } from '../errors.ts';
import type { Clock } from '../time/clock.ts';
import type { Random } from '../time/random.ts';
import { ALLOW_IN_CALLS, PRODUCT, SUPPORTED } from './capabilities.ts';
import {
  type DrachtioDialog,
  type DrachtioRequest,
  type DrachtioResponse,
  type DrachtioSrf,
  sendableStatus,
} from './drachtio.ts';
import { headerLines, oneLine } from './header-fields.ts';
import type { Identity } from './identity.ts';
import { contactForAnswer } from './own-contact.ts';
import { isAnonymous, remoteParty, tryParseParty } from './party.ts';
import {
  type Dialog,
  type HeaderFields,
  type IncomingInvite,
  type IncomingInviteEvents,
  InviteGone,
  type Party,
  type Source,
} from './port.ts';
import { reasonText } from './reason.ts';
import type { SipRequest } from './request.ts';
import { SipDialog } from './sip-dialog.ts';

export interface InviteOptions {
  readonly srf: DrachtioSrf;
  readonly request: DrachtioRequest;
  readonly response: DrachtioResponse;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** The INVITE has its final response, or is lost. */
  readonly onSettled: (invite: ArrivedInvite) => void;
  readonly onDialog: (dialog: SipDialog) => void;
  readonly onDialogReleased: (dialog: SipDialog) => void;
  /** Of the dialog: `DialogOptions`. */
  readonly patienceMs: number;
}

type State = 'ringing' | 'answering' | InviteGone['why'];

interface Ringing {
  readonly status: 180 | 183;
  readonly headers: HeaderFields;
  readonly sdp: string | undefined;
}

/**
 * An INVITE from its arrival to its one final response:
 *
 *   ringing ──answer──▶ answering ──200 sent──▶ answered
 *      │                    └─CANCEL crossed──▶ cancelled
 *      ├─reject──▶ rejected     CANCEL──▶ cancelled     connection gone──▶ lost
 *
 * It exists before the guard has decided, so that a CANCEL in the meantime is not missed.
 */
export class ArrivedInvite {
  readonly #options: InviteOptions;
  readonly #events = new Emitter<IncomingInviteEvents>();
  readonly #reliable: boolean;
  #state: State = 'ringing';
  #cancelReason: string | undefined;
  /** A reliable provisional response waits for its PRACK; only the latest behind it is kept (RFC 3262 §3). */
  #unacknowledged = false;
  #next: Ringing | undefined;
  /** Rejects an `answer` whose 200 will never be confirmed. */
  #onLost: (() => void) | undefined;

  constructor(options: InviteOptions) {
    this.#options = options;
    this.#reliable = /\b100rel\b/i.test(options.request.get('Require') ?? '');
    options.request.on('cancel', (cancel) => this.#gone('cancelled', reasonText(cancel.get('Reason'))));
  }

  get over(): boolean {
    return this.#state !== 'ringing' && this.#state !== 'answering';
  }

  get cancelled(): boolean {
    return this.#state === 'cancelled' || this.#state === 'lost';
  }

  on<K extends keyof IncomingInviteEvents>(event: K, listener: (payload: IncomingInviteEvents[K]) => void): () => void {
    const off = this.#events.on(event, listener);
    if (!this.cancelled) return off;
    let wanted = true;
    queueMicrotask(() => wanted && this.#safely(() => listener({ reason: this.#cancelReason })));
    return () => {
      wanted = false;
    };
  }

  ring(status: 180 | 183, { sdp, headers = {} }: { sdp?: string; headers?: HeaderFields } = {}): void {
    if (this.#state !== 'ringing') return;
    const ringing = { status, headers, sdp };
    if (this.#unacknowledged) this.#next = ringing;
    else this.#sendRinging(ringing);
  }

  async answer({ sdp, headers = {} }: { sdp: string; headers?: HeaderFields }): Promise<Dialog> {
    if (this.#state !== 'ringing') throw new InviteGone(this.#state === 'answering' ? 'answered' : this.#state);
    this.#state = 'answering';
    const { srf, request, response } = this.#options;
    const fields = {
      ...contactForAnswer(request),
      Allow: ALLOW_IN_CALLS,
      Supported: SUPPORTED.join(', '),
      Server: PRODUCT,
    };
    const lines = headerLines({ ...fields, ...headers });
    return new Promise((resolve, reject) => {
      srf.createUAS(request, response, { localSdp: sdp, headers: lines }, (error, native) => {
        if (native) return resolve(this.#established(native, sdp));
        // The server knows the transaction no more: the CANCEL came first, and its frame is on the way or was overtaken.
        if (this.#state === 'answering') this.#gone('cancelled', undefined);
        reject(new InviteGone(this.#state === 'lost' ? 'lost' : 'cancelled', { cause: error }));
      });
      this.#onLost = () => reject(new InviteGone('lost'));
    });
  }

  reject(status: number, { reason, headers }: { reason?: string; headers?: HeaderFields } = {}): void {
    if (this.#state !== 'ringing') return;
    this.#settle('rejected');
    this.#options.response.send(sendableStatus(status), reason === undefined ? undefined : oneLine(reason), {
      headers: headerLines({ Server: PRODUCT, ...headers }),
    });
  }

  /** The connection to the SIP server is gone, and the transaction with it. */
  lose(cause: string): void {
    this.#gone('lost', cause);
  }

  #established(native: DrachtioDialog, localSdp: string): Dialog {
    const { srf, request, clock, random, log, patienceMs, onDialog, onDialogReleased } = this.#options;
    const remoteSdp = request.body || undefined;
    const dialog = new SipDialog({
      srf,
      native,
      side: 'uas',
      localSdp,
      remoteSdp,
      clock,
      random,
      log,
      patienceMs,
      onReleased: onDialogReleased,
    });
    onDialog(dialog);
    this.#settle('answered');
    return dialog;
  }

  #sendRinging({ status, headers, sdp }: Ringing): void {
    const { response, log, request } = this.#options;
    const contact = contactForAnswer(request);
    const fields = { ...contact, Allow: ALLOW_IN_CALLS, ...headers, ...(this.#reliable && { Require: '100rel' }) };
    this.#unacknowledged = this.#reliable;
    response.send(
      status,
      undefined,
      { headers: headerLines(fields), ...(sdp !== undefined && { body: sdp }) },
      (error) => {
        if (!error) return;
        this.#unacknowledged = false;
        log.debug({ callId: request.get('Call-ID'), status }, `provisional response not sent: ${errorText(error)}`);
      },
      this.#reliable ? () => this.#pracked() : undefined,
    );
  }

  #pracked(): void {
    this.#unacknowledged = false;
    const next = this.#next;
    this.#next = undefined;
    if (next && this.#state === 'ringing') this.#sendRinging(next);
  }

  #gone(state: 'cancelled' | 'lost', reason: string | undefined): void {
    if (this.over) return;
    this.#cancelReason = reason;
    this.#settle(state);
    if (state === 'lost') this.#onLost?.();
    this.#safely(() => this.#events.emit('cancelled', { reason }));
  }

  /** What listeners throw must not reach the library's socket handler. */
  #safely(run: () => void): void {
    try {
      run();
    } catch (error) {
      const { log, request } = this.#options;
      log.error({ callId: request.get('Call-ID'), err: error }, 'listener of an INVITE failed');
    }
  }

  #settle(state: Exclude<State, 'ringing' | 'answering'>): void {
    this.#state = state;
    this.#options.onSettled(this);
  }
}

/** What the call layer gets: the request as a value, and the handle to answer it. */
export class AdmittedInvite implements IncomingInvite {
  readonly id: string;
  readonly identity: Identity;
  readonly from: Party;
  readonly to: Party;
  readonly asserted: Party | undefined;
  readonly anonymous: boolean;
  readonly requestUser: string;
  readonly requestHost: string;
  readonly source: Source;
  readonly sdp: string | undefined;
  readonly maxForwards: number;
  readonly #request: SipRequest;
  readonly #invite: ArrivedInvite;

  constructor(invite: ArrivedInvite, request: SipRequest, identity: Identity) {
    this.#invite = invite;
    this.#request = request;
    this.id = request.callId;
    this.identity = identity;
    this.from = request.from;
    this.to = request.to;
    const remote = remoteParty(request.headers.all('Remote-Party-ID'));
    this.asserted = tryParseParty(request.headers.get('P-Asserted-Identity')) ?? remote?.party;
    this.anonymous = isAnonymous(request.from, request.headers.get('Privacy')) || remote?.hidden === true;
    this.requestUser = request.requestUser;
    this.requestHost = request.requestHost;
    this.source = request.source;
    this.sdp = request.body;
    this.maxForwards = maxForwardsOf(request.headers.get('Max-Forwards'));
  }

  get cancelled(): boolean {
    return this.#invite.cancelled;
  }

  header(name: string): string | undefined {
    return this.#request.headers.get(name);
  }

  on: IncomingInvite['on'] = (event, listener) => this.#invite.on(event, listener);
  ring: IncomingInvite['ring'] = (status, options) => this.#invite.ring(status, options);
  answer: IncomingInvite['answer'] = (options) => this.#invite.answer(options);
  reject: IncomingInvite['reject'] = (status, options) => this.#invite.reject(status, options);
}

/** RFC 3261 §20.22: 70 is what a sender should say who does not. */
const maxForwardsOf = (value: string | undefined): number =>
  value !== undefined && /^\d{1,3}$/.test(value) ? Number(value) : 70;
