import type { Logger } from 'pino';
import { Emitter } from '../emitter.ts';
import { errorText } from '../errors.ts';
import type { Clock, TimerId } from '../time/clock.ts';
import type { Random } from '../time/random.ts';
import { ALLOW_IN_CALLS, PRODUCT, SUPPORTED } from './capabilities.ts';
import { Challenges } from './challenged.ts';
import {
  type DrachtioDialog,
  type DrachtioRequest,
  type DrachtioResponse,
  type DrachtioSrf,
  isRefusal,
} from './drachtio.ts';
import { headerLines } from './header-fields.ts';
import { localFailure } from './local-failure.ts';
import { parseNameAddr, splitList } from './message.ts';
import { contactForRequest } from './own-contact.ts';
import { partyOfUri, printParty, tryParseParty } from './party.ts';
import {
  type Answer,
  type HeaderFields,
  InviteFailure,
  type OutgoingInvite,
  type OutgoingInviteEvents,
  type OutgoingInviteRequest,
  type Reason,
} from './port.ts';
import { printReason } from './reason.ts';
import { SipDialog } from './sip-dialog.ts';
import { hopUri, targetUri } from './target.ts';

export interface CallOptions {
  /** A text: why it cannot be sent. */
  readonly srf: DrachtioSrf | string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Nothing more will come. */
  readonly onSettled: (invite: SentInvite) => void;
  readonly onDialog: (dialog: SipDialog) => void;
  readonly onDialogReleased: (dialog: SipDialog) => void;
  /** Of the dialog: `DialogOptions`. */
  readonly patienceMs: number;
}

/** Forks whose early SDP is remembered. */
const MAX_EARLY = 20;

/** A server that never tells how a cancelled INVITE ended is not waited for longer: 64·T1 and a little. */
const CANCEL_LIMIT_MS = 40_000;

/**
 * An INVITE of ours, the repetition with credentials included:
 *
 *   calling ──200──▶ settled          calling ──cancel──▶ cancelled ──any final, or 40 s──▶ settled
 *      └─refused, lost──▶ settled
 *
 * `answered` settles with the first of answer, failure and `cancel`; the transaction is seen through behind it.
 */
export class SentInvite implements OutgoingInvite {
  readonly callId: string;
  readonly answered: Promise<Answer>;
  readonly #options: CallOptions;
  readonly #request: OutgoingInviteRequest;
  readonly #events = new Emitter<OutgoingInviteEvents>();
  readonly #answer = Promise.withResolvers<Answer>();
  readonly #challenges: Challenges | undefined;
  #state: 'calling' | 'cancelled' | 'settled' = 'calling';
  #cancelReason: Reason | undefined;
  /** The INVITE as it went out last; undefined until the server has it. */
  #sent: DrachtioRequest | undefined;
  #limit: TimerId | undefined;
  /** SDP of provisional responses, by To tag. */
  readonly #early = new Map<string, string>();

  constructor(request: OutgoingInviteRequest, options: CallOptions) {
    this.#request = request;
    this.#options = options;
    this.#challenges = request.auth && new Challenges(request.auth, options.random);
    this.callId = request.callId ?? options.random.uuid();
    this.answered = this.#answer.promise;
    // Of a fork that nobody waits for any more.
    this.answered.catch(() => undefined);
  }

  on<K extends keyof OutgoingInviteEvents>(event: K, listener: (payload: OutgoingInviteEvents[K]) => void): () => void {
    return this.#events.on(event, listener);
  }

  /** Sends the INVITE. */
  start(): void {
    try {
      const uri = targetUri(this.#request.target.uri);
      this.#send(uri, this.#firstHeaders());
    } catch (error) {
      this.#fail(transportFailure(error));
    }
  }

  cancel(reason?: Reason): void {
    if (this.#state !== 'calling') return;
    this.#state = 'cancelled';
    this.#cancelReason = reason;
    this.#answer.reject(
      new InviteFailure({ status: 487, reason: reason?.text ?? 'Request Terminated', cause: 'cancelled' }),
    );
    this.#limit = this.#options.clock.setTimeout(() => this.#settle(), CANCEL_LIMIT_MS);
    if (this.#sent) this.#sendCancel(this.#sent);
  }

  /** The connection to the SIP server is gone. */
  lose(cause: string): void {
    this.#fail(new InviteFailure({ status: 503, reason: cause, cause: 'transport' }));
  }

  #send(uri: string, fields: HeaderFields, proxy = this.#nextHop()): void {
    const { srf } = this.#options;
    if (typeof srf === 'string') throw new Error(srf);
    let sent: DrachtioRequest | undefined;
    srf.createUAC(
      { uri, headers: headerLines(fields), localSdp: this.#request.sdp, ...(proxy !== undefined && { proxy }) },
      {
        cbRequest: (_, request) => {
          sent = request;
          this.#sent = request;
          if (request && this.#state === 'cancelled') this.#sendCancel(request);
        },
        cbProvisional: (response) => this.#progressed(response),
      },
      (error, native) => {
        if (native) this.#established(native, srf);
        else if (!this.#repeat(uri, sent, error)) this.#fail(failureOf(error));
      },
    );
  }

  #nextHop(): string | undefined {
    const { nextHop } = this.#request.target;
    return nextHop && hopUri(nextHop);
  }

  #firstHeaders(): HeaderFields {
    const { target, from, asserted, headers } = this.#request;
    const to = this.#request.to ?? partyOfUri(parseNameAddr(`<${target.uri}>`).uri);
    return {
      ...contactForRequest(target),
      Allow: ALLOW_IN_CALLS,
      Supported: SUPPORTED.filter((tag) => tag !== 'path').join(', '),
      'User-Agent': PRODUCT,
      ...headers,
      'Call-ID': this.callId,
      From: printParty(from),
      To: printParty(to),
      ...(asserted && { 'P-Asserted-Identity': printParty(asserted) }),
    };
  }

  /** RFC 3261 §22.2: again with credentials, the same Call-ID and From tag, CSeq + 1, to the peer that asked for them. */
  #repeat(uri: string, sent: DrachtioRequest | undefined, error: unknown): boolean {
    const response = isRefusal(error) ? error.res : undefined;
    if (!response || !sent || this.#state !== 'calling') return false;
    const credentials = this.#challenges?.answer(response, { method: 'INVITE', uri });
    if (!credentials) return false;
    this.#sent = undefined;
    const cseq = Number.parseInt(sent.get('CSeq') ?? '', 10) + 1;
    const asker = { address: response.source_address, port: response.source_port, protocol: response.protocol };
    this.#send(
      uri,
      { ...this.#firstHeaders(), From: sent.get('From') ?? '', CSeq: `${cseq} INVITE`, ...credentials },
      this.#nextHop() ?? hopUri(asker),
    );
    return true;
  }

  #progressed(response: DrachtioResponse): void {
    if (this.#state !== 'calling') return;
    const { status, reason, body } = response;
    const to = response.get('To');
    const tag = to === undefined ? undefined : parseNameAddr(to).params.get('tag');
    if (tag !== undefined && body && this.#early.size < MAX_EARLY) this.#early.set(tag, body);
    try {
      this.#events.emit('provisional', { status, reason, sdp: body || undefined, tag });
    } catch (error) {
      this.#options.log.error({ callId: this.callId, err: error }, 'listener of an INVITE failed');
    }
  }

  #established(native: DrachtioDialog, srf: DrachtioSrf): void {
    const { clock, random, log, patienceMs, onDialog, onDialogReleased } = this.#options;
    const { sdp: localSdp, auth } = this.#request;
    // RFC 3261 §13.2.1: the first session description in a response is the answer. Some peers send it with the 183 and not again.
    const remoteSdp = native.remote.sdp || this.#early.get(native.sip.remoteTag) || '';
    const dialog = new SipDialog({
      srf,
      native,
      side: 'uac',
      localSdp,
      remoteSdp,
      ...(auth && { auth }),
      clock,
      random,
      log,
      patienceMs,
      onReleased: onDialogReleased,
    });
    onDialog(dialog);
    if (this.#state !== 'calling') {
      // The 200 crossed our CANCEL. The server may hang up too; the second BYE gets a 481, which is as good.
      void dialog.bye(this.#cancelReason);
    } else if (remoteSdp === '') {
      void dialog.bye({ protocol: 'SIP', cause: 488, text: 'No answer to our offer' });
      this.#answer.reject(new InviteFailure({ status: 488, reason: 'No SDP in the 200', cause: 'rejected' }));
    } else {
      this.#answer.resolve({ dialog, sdp: remoteSdp });
    }
    this.#settle();
  }

  #sendCancel(request: DrachtioRequest): void {
    const headers = headerLines(this.#cancelReason ? { Reason: printReason(this.#cancelReason) } : {});
    request.cancel({ headers }, (error) => {
      // It was answered or refused in the meantime; that answer is handled like any.
      if (error) this.#options.log.debug({ callId: this.callId }, `CANCEL not sent: ${errorText(error)}`);
    });
  }

  #fail(failure: InviteFailure): void {
    if (this.#state === 'calling') this.#answer.reject(failure);
    this.#settle();
  }

  #settle(): void {
    if (this.#state === 'settled') return;
    this.#state = 'settled';
    this.#options.clock.clearTimeout(this.#limit);
    this.#options.onSettled(this);
  }
}

function failureOf(error: unknown): InviteFailure {
  if (!isRefusal(error)) return transportFailure(error);
  const { status, res } = error;
  const reason = res?.reason || error.reason || '';
  const headers = firstValues(res);
  if (res !== undefined && !res.source_address) return localFailure(status, reason, headers);
  const redirect = status >= 300 && status < 400 ? tryParseParty(headers.contact) : undefined;
  return new InviteFailure({ status, reason, cause: 'rejected', headers, redirect });
}

const transportFailure = (error: unknown): InviteFailure =>
  new InviteFailure({ status: 503, reason: errorText(error), cause: 'transport' });

function firstValues(response: DrachtioResponse | undefined): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(response?.headers ?? {})) {
    values[name.toLowerCase()] = splitList(value)[0] ?? '';
  }
  return values;
}
