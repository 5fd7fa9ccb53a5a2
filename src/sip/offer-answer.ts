import type { Logger } from 'pino';
import { type Clock, delay } from '../time/clock.ts';
import type { Random } from '../time/random.ts';
import { ALLOW_IN_CALLS } from './capabilities.ts';
import type { DrachtioRequest, DrachtioResponse } from './drachtio.ts';
import { type HeaderFields, ModifyFailure, type Offer, writtenOffer } from './port.ts';

export interface OfferAnswerOptions {
  /** Who sent the INVITE, and so owns the Call-ID (RFC 3261 §14.1). */
  readonly side: 'uac' | 'uas';
  readonly localSdp: string;
  /** Undefined: our 200 made the offer, and the ACK brings the answer. */
  readonly remoteSdp: string | undefined;
  readonly contact: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Aborted when the dialog is over. */
  readonly over: AbortSignal;
  readonly send: (response: DrachtioResponse, status: number, fields?: HeaderFields, body?: string) => void;
  /** @returns the final response, undefined if it could not be sent */
  readonly request: (method: 'INVITE', fields: HeaderFields, body: string) => Promise<DrachtioResponse | undefined>;
  readonly onRemoteSdp: (sdp: string) => void;
}

type OfferHandler = (offer: string | undefined) => Promise<string>;

/** How long an offer waits for somebody who answers it, in milliseconds. Well below timer B of the peer's transaction. */
const HANDLER_COMES_MS = 4000;

/** How often a re-INVITE that collides with the peer's is sent again. */
const GLARE_RETRIES = 3;

/**
 * The session of a dialog: who offers and answers after the call is established (RFC 3264), one at a time, and what both sides
 * have agreed on. A refused offer leaves the former session in force.
 */
export class OfferAnswer {
  readonly #options: OfferAnswerOptions;
  #localSdp: string;
  #remoteSdp: string | undefined;
  #answerInAck: boolean;
  #handler: OfferHandler | undefined;
  /** Tells an offer of the peer that came before there was a handler. */
  #onHandler: (() => void) | undefined;
  /** Our re-INVITEs, one after the other. */
  #queue: Promise<unknown> = Promise.resolve();
  /** Ours is on the wire. */
  #offering = false;
  /** The peer's offer that the handler is working on. */
  #answering: Promise<void> | undefined;

  constructor(options: OfferAnswerOptions) {
    this.#options = options;
    this.#localSdp = options.localSdp;
    this.#remoteSdp = options.remoteSdp;
    this.#answerInAck = options.remoteSdp === undefined;
  }

  get localSdp(): string {
    return this.#localSdp;
  }

  get remoteSdp(): string | undefined {
    return this.#remoteSdp;
  }

  handleBy(handler: OfferHandler): () => void {
    this.#handler = handler;
    this.#onHandler?.();
    return () => {
      if (this.#handler === handler) this.#handler = undefined;
    };
  }

  /** @throws ModifyFailure */
  modify(offer: Offer): Promise<string> {
    const answer = this.#queue.then(() => this.#offer(offer));
    // The next one waits for this one, and does not care how it ended.
    this.#queue = answer.catch(() => undefined);
    return answer;
  }

  /** The peer's re-INVITE or UPDATE: RFC 3261 §14.2, RFC 3311 §5.2. */
  offered(request: DrachtioRequest, response: DrachtioResponse): void {
    const { send, random } = this.#options;
    if (this.#answering) send(response, 500, { 'Retry-After': String(random.below(11)) });
    else if (this.#offering) send(response, 491);
    else {
      this.#answering = this.#answer(request.body || undefined, response).finally(() => {
        this.#answering = undefined;
      });
    }
  }

  /** The ACK of a 200 has come. */
  acknowledged(body: string | undefined): void {
    if (!this.#answerInAck) return;
    this.#answerInAck = false;
    if (!body) return;
    this.#remoteSdp = body;
    this.#options.onRemoteSdp(body);
  }

  async #answer(offer: string | undefined, response: DrachtioResponse): Promise<void> {
    const { send, log, over } = this.#options;
    if (!this.#handler) await this.#handlerComes();
    const handler = this.#handler;
    if (!handler) {
      send(response, over.aborted ? 481 : 491);
      return;
    }
    let sdp: string;
    try {
      sdp = await handler(offer);
    } catch (error) {
      log.info({ err: error }, 'offer of the peer refused');
      send(response, 488);
      return;
    }
    if (over.aborted) {
      send(response, 481);
      return;
    }
    this.#localSdp = sdp;
    if (offer === undefined) this.#answerInAck = true;
    else this.#remoteSdp = offer;
    send(response, 200, this.#fields(), sdp);
  }

  /** Exchanges move the audio with the same packet that acknowledges our 200 (`directmedia` of Asterisk): the leg is still being built then. */
  async #handlerComes(): Promise<void> {
    const { clock, over } = this.#options;
    const come = new AbortController();
    this.#onHandler = () => come.abort();
    await delay(clock, HANDLER_COMES_MS, AbortSignal.any([come.signal, over])).catch(() => undefined);
    this.#onHandler = undefined;
  }

  async #offer(offer: Offer): Promise<string> {
    for (let retries = 0; ; retries++) {
      await this.#answering;
      if (this.#options.over.aborted) throw new ModifyFailure(481, 'the dialog is over');
      const sdp = writtenOffer(offer);
      this.#offering = true;
      const response = await this.#options.request('INVITE', this.#fields(), sdp);
      this.#offering = false;
      if (!response) throw new ModifyFailure(503, 'it could not be sent');
      if (response.status === 491 && retries < GLARE_RETRIES) {
        await this.#glarePause();
        continue;
      }
      if (response.status !== 200) throw new ModifyFailure(response.status, response.reason);
      if (!response.body) throw new ModifyFailure(488, 'no SDP in the 200');
      this.#localSdp = sdp;
      this.#remoteSdp = response.body;
      return response.body;
    }
  }

  /** RFC 3261 §14.1: the side that owns the Call-ID waits longer, so that the two do not collide again. */
  async #glarePause(): Promise<void> {
    const { side, random, clock, over } = this.#options;
    const ms = side === 'uac' ? 2100 + 10 * random.below(191) : 10 * random.below(201);
    await delay(clock, ms, over).catch(() => undefined);
  }

  #fields(): HeaderFields {
    const { contact } = this.#options;
    return { ...(contact !== undefined && { Contact: contact }), Allow: ALLOW_IN_CALLS };
  }
}
