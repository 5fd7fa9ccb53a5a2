import type { Logger } from 'pino';
import { Emitter } from '../emitter.ts';
import { errorText } from '../errors.ts';
import { type Clock, delay } from '../time/clock.ts';
import type { Random } from '../time/random.ts';
import { ACCEPT, ALLOW_EVENTS, ALLOW_IN_CALLS } from './capabilities.ts';
import { Challenges } from './challenged.ts';
import type { DialogRequest, DrachtioDialog, DrachtioRequest, DrachtioResponse, DrachtioSrf } from './drachtio.ts';
import { isDtmfType, parseDtmfInfo } from './dtmf-info.ts';
import { headerLines } from './header-fields.ts';
import { SipParseError } from './message.ts';
import { OfferAnswer } from './offer-answer.ts';
import {
  type Dialog,
  type DialogEnd,
  type DialogEvents,
  type HeaderFields,
  type Info,
  ModifyFailure,
  type Offer,
  type Presence,
  type Reason,
  type ReferRequest,
} from './port.ts';
import { printReason, reasonText } from './reason.ts';
import { parseRefer } from './refer.ts';

export interface DialogOptions {
  readonly srf: DrachtioSrf;
  readonly native: DrachtioDialog;
  /** Who sent the INVITE, and so owns the Call-ID (RFC 3261 §14.1). */
  readonly side: 'uac' | 'uas';
  readonly localSdp: string;
  readonly remoteSdp: string | undefined;
  readonly auth?: { readonly user: string; readonly password: string };
  /** How long the answer to `ask` is waited for, milliseconds. */
  readonly patienceMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Nothing more will be sent or received. After a BYE of ours that is later than `ended`. */
  readonly onReleased: (dialog: SipDialog) => void;
}

/** RFC 3261 §12.2.1.2: the peer has no such dialog any more, or is gone. */
const NO_DIALOG: ReadonlySet<number> = new Set([408, 481]);

/** `Dialog` over drachtio-srf. Made in the callback that brings the native dialog, before anything else can arrive on it. */
export class SipDialog implements Dialog {
  readonly id: string;
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  readonly #options: DialogOptions;
  readonly #native: DrachtioDialog;
  readonly #events = new Emitter<DialogEvents>();
  /** Aborted when the dialog is over. */
  readonly #over = new AbortController();
  /** Settles what waits for an answer that will not come any more. */
  readonly #lost = Promise.withResolvers<undefined>();
  #ended: DialogEnd | undefined;
  #bye: Promise<void> | undefined;
  readonly #session: OfferAnswer;
  #onRefer: ((refer: ReferRequest) => void) | undefined;

  constructor(options: DialogOptions) {
    const { native } = options;
    this.#options = options;
    this.#native = native;
    this.id = native.id;
    this.callId = native.sip.callId;
    this.localTag = native.sip.localTag;
    this.remoteTag = native.sip.remoteTag;
    const { side, localSdp, remoteSdp, clock, random } = options;
    this.#session = new OfferAnswer({
      side,
      localSdp,
      remoteSdp,
      contact: native.local.contact,
      clock,
      random,
      log: options.log.child({ callId: this.callId }),
      over: this.#over.signal,
      send: (response, status, fields, body) => this.#send(response, status, fields, body),
      request: (method, fields, body) => this.#request(method, fields, body),
      onRemoteSdp: (sdp) => this.#emit('remoteSdp', { sdp }),
    });
    this.#listen();
  }

  get localSdp(): string {
    return this.#session.localSdp;
  }

  get remoteSdp(): string | undefined {
    return this.#session.remoteSdp;
  }

  get ended(): DialogEnd | undefined {
    return this.#ended;
  }

  on<K extends keyof DialogEvents>(event: K, listener: (payload: DialogEvents[K]) => void): () => void {
    const off = this.#events.on(event, listener);
    if (event !== 'ended' || !this.#ended) return off;
    const end = this.#ended;
    let wanted = true;
    queueMicrotask(() => wanted && this.#safely(() => (listener as (payload: DialogEnd) => void)(end)));
    return () => {
      wanted = false;
    };
  }

  onReinvite(handler: (offer: string | undefined) => Promise<string>): () => void {
    return this.#session.handleBy(handler);
  }

  onRefer(handler: (refer: ReferRequest) => void): () => void {
    this.#onRefer = handler;
    return () => {
      if (this.#onRefer === handler) this.#onRefer = undefined;
    };
  }

  async modify(offer: Offer): Promise<string> {
    try {
      return await this.#session.modify(offer);
    } catch (error) {
      if (error instanceof ModifyFailure && NO_DIALOG.has(error.status) && !this.#ended) {
        void this.#hangUp({ by: 'timeout', reason: error.message });
      }
      throw error;
    }
  }

  async info({ contentType, body }: Info): Promise<number> {
    if (this.#ended) return 481;
    const response = await this.#request('INFO', { 'Content-Type': contentType }, body);
    return response?.status ?? 503;
  }

  async ask(): Promise<Presence> {
    const { clock, patienceMs } = this.#options;
    const answered = new AbortController();
    const patience = delay(clock, patienceMs, AbortSignal.any([answered.signal, this.#over.signal])).catch(
      () => undefined,
    );
    const response = await Promise.race([this.#request('OPTIONS', { Accept: ACCEPT }), patience]);
    // RFC 3261 §8.1.3.1: 503 also stands for what could not be sent. His network may be back in a second.
    if (!response || response.status === 503) {
      await patience;
      return this.#ended ? 'gone' : 'silent';
    }
    answered.abort();
    return NO_DIALOG.has(response.status) ? 'gone' : 'there';
  }

  bye(reason?: Reason): Promise<void> {
    if (this.#ended) return this.#bye ?? Promise.resolve();
    return this.#hangUp({ by: 'local', reason: reason && (reason.text ?? printReason(reason)) }, reason);
  }

  /** The connection to the SIP server is gone, and the dialog with it. */
  lose(cause: string): void {
    this.#lost.resolve(undefined);
    this.#end({ by: 'lost', reason: cause });
    this.#release();
  }

  #hangUp(end: DialogEnd, reason?: Reason): Promise<void> {
    this.#bye = this.#request('BYE', reason ? { Reason: printReason(reason) } : {}).then(() => this.#release());
    this.#end(end);
    return this.#bye;
  }

  #end(end: DialogEnd): void {
    if (this.#ended) return;
    this.#ended = end;
    this.#over.abort();
    this.#emit('ended', end);
  }

  #release(): void {
    this.#options.srf.removeDialog(this.#native);
    this.#options.onReleased(this);
  }

  #listen(): void {
    const native = this.#native;
    native.on('destroy', (bye) => {
      const reason = reasonText(bye.get('Reason'));
      // A BYE that the server sends by itself: no ACK came, or the session was not refreshed.
      this.#end({ by: bye.source === 'application' ? 'timeout' : 'remote', reason });
      this.#release();
    });
    native.on('ack', (ack) => this.#session.acknowledged(ack.body));
    this.#take('modify', (request, response) => this.#session.offered(request, response));
    this.#take('update', (request, response) => {
      if (request.body) this.#session.offered(request, response);
      else this.#send(response, 200);
    });
    this.#take('info', (request, response) => this.#informed(request, response));
    this.#take('notify', (request, response) => this.#notified(request, response));
    this.#take('refer', (request, response) => this.#referred(request, response));
    this.#take('options', (_, response) => this.#send(response, 200, { Allow: ALLOW_IN_CALLS, Accept: ACCEPT }));
    this.#take('message', (_, response) => this.#send(response, 405, { Allow: ALLOW_IN_CALLS }));
    this.#take('publish', (_, response) => this.#send(response, 405, { Allow: ALLOW_IN_CALLS }));
    this.#take('subscribe', (_, response) => this.#send(response, 489, { 'Allow-Events': ALLOW_EVENTS }));
  }

  #take(event: DialogRequest, handle: (request: DrachtioRequest, response: DrachtioResponse) => void): void {
    this.#native.on(event, (request, response) => {
      if (this.#ended) this.#send(response, 481);
      else handle(request, response);
    });
  }

  #informed(request: DrachtioRequest, response: DrachtioResponse): void {
    const contentType = request.get('Content-Type') ?? '';
    const body = request.body ?? '';
    if (isDtmfType(contentType)) {
      const digit = parseDtmfInfo(contentType, body);
      this.#send(response, 200);
      if (digit) this.#emit('dtmf', digit);
    } else if (contentType === '' && body === '') {
      // An empty INFO asks whether we are still there.
      this.#send(response, 200);
    } else if (this.#events.listenerCount('info') > 0) {
      this.#send(response, 200);
      this.#emit('info', { contentType, body });
    } else {
      this.#send(response, 415, { Accept: ACCEPT });
    }
  }

  #notified(request: DrachtioRequest, response: DrachtioResponse): void {
    if (this.#events.listenerCount('notify') === 0) {
      this.#send(response, 481);
      return;
    }
    this.#send(response, 200);
    this.#emit('notify', {
      event: request.get('Event') ?? '',
      subscriptionState: request.get('Subscription-State') ?? '',
      contentType: request.get('Content-Type') ?? '',
      body: request.body ?? '',
    });
  }

  #referred(request: DrachtioRequest, response: DrachtioResponse): void {
    const handler = this.#onRefer;
    if (!handler) {
      this.#send(response, 405, { Allow: ALLOW_IN_CALLS });
      return;
    }
    let refer: ReferRequest;
    try {
      refer = parseRefer(
        {
          referTo: request.get('Refer-To') ?? '',
          referredBy: request.get('Referred-By'),
          cseq: Number.parseInt(request.get('CSeq') ?? '', 10),
        },
        (status) => this.#send(response, status),
        async (fields, body) => this.#ended ?? (await this.#request('NOTIFY', fields, body)),
      );
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error;
      this.#send(response, 400);
      return;
    }
    this.#safely(() => handler(refer));
  }

  /** A request inside the dialog; challenges are answered. @returns the final response, undefined if it could not be sent */
  async #request(method: string, fields: HeaderFields, body?: string): Promise<DrachtioResponse | undefined> {
    const send = (more: HeaderFields) => {
      const sent = this.#native.request({
        method,
        headers: headerLines({ ...fields, ...more }),
        ...(body !== undefined && { body }),
      });
      return Promise.race([sent, this.#lost.promise]);
    };
    const { auth, random } = this.#options;
    const challenges = auth && new Challenges(auth, random);
    try {
      for (let credentials: HeaderFields | undefined = {}; ; ) {
        const response: DrachtioResponse | undefined = await send(credentials);
        credentials = response && challenges?.answer(response, { method, uri: this.#native.remote.uri });
        if (!credentials) return response;
      }
    } catch (error) {
      this.#options.log.debug({ callId: this.callId, method }, `not sent: ${errorText(error)}`);
      return undefined;
    }
  }

  #send(response: DrachtioResponse, status: number, fields?: HeaderFields, body?: string): void {
    response.send(status, undefined, { headers: headerLines(fields), ...(body !== undefined && { body }) });
  }

  #emit<K extends keyof DialogEvents>(event: K, payload: DialogEvents[K]): void {
    this.#safely(() => this.#events.emit(event, payload));
  }

  /** What listeners throw must not reach the library's socket handler: it would take the whole connection down. */
  #safely(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#options.log.error({ callId: this.callId, err: error }, 'listener of a SIP dialog failed');
    }
  }
}
