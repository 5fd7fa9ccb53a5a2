import { Leg } from '../dial/leg.ts';
import { Emitter } from '../emitter.ts';
import { type EndReason, endReasons } from '../end-reason.ts';
import type { CodecName, Endpoint, MediaServer } from '../media/port.ts';
import { MediaError } from '../media/port.ts';
import { type DialogEnd, type IncomingInvite, type Reason, reasons } from '../sip/port.ts';

export interface CallerLegEvents {
  digit: { readonly digit: string };
  /** He is a fax machine that wants to send: its calling tone (CNG, 1100 Hz) was heard. */
  faxTone: object;
  /** Once: cancelled, hung up, or ended by us. */
  ended: { readonly by: 'caller' | 'engine'; readonly reason: EndReason };
}

/**
 * The caller, from his INVITE to the end:
 *
 *   ringing ──answer──▶ talking ──hangup, BYE──▶ ended
 *      └──────reject, CANCEL─────────────────────▲
 *
 * While ringing he may hear early media. Each step is taken once, whoever asks for it how often.
 */
export class CallerLeg {
  readonly invite: IncomingInvite;
  readonly #media: MediaServer;
  readonly #codecs: readonly CodecName[] | undefined;
  readonly #events = new Emitter<CallerLegEvents>();
  readonly #gone = new AbortController();
  #endpoint: Promise<Endpoint> | undefined;
  #answer: Promise<Leg> | undefined;
  #early: Promise<Endpoint> | undefined;
  #leg: Leg | undefined;
  #rings = false;

  constructor(options: { invite: IncomingInvite; media: MediaServer; codecs?: readonly CodecName[] }) {
    this.invite = options.invite;
    this.#media = options.media;
    this.#codecs = options.codecs;
    this.invite.on('cancelled', () => this.#end('caller', 'callerHungUp'));
  }

  /** Set as soon as the 200 has been sent. */
  get leg(): Leg | undefined {
    return this.#leg;
  }

  /** Aborted when the caller is gone, for whatever reason. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  on<K extends keyof CallerLegEvents>(event: K, listener: (payload: CallerLegEvents[K]) => void): () => void {
    return this.#events.on(event, listener);
  }

  /** 180, once, unless he hears something already. */
  ring(): void {
    if (this.#rings || this.#early || this.#answer || this.#gone.signal.aborted) return;
    this.#rings = true;
    this.invite.ring(180);
  }

  /**
   * 183 with our SDP: what is played on the endpoint is heard before the answer.
   * @throws MediaError, CallerGone
   */
  async earlyMedia(): Promise<Endpoint> {
    if (this.#answer) return (await this.#answer).endpoint;
    this.#early ??= this.#openEndpoint().then((endpoint) => {
      // Without an offer there is nothing to answer before the ACK: such a caller hears his own ring-back.
      if (this.invite.sdp === undefined) this.invite.ring(180);
      else this.invite.ring(183, { sdp: endpoint.localSdp });
      return endpoint;
    });
    return this.#early;
  }

  /**
   * 200.
   * @throws MediaError, CallerGone
   */
  answer(): Promise<Leg> {
    this.#answer ??= this.#sendAnswer();
    return this.#answer;
  }

  /** Refuses the call, or hangs up, whichever fits. Idempotent. */
  end(reason: EndReason): void {
    if (this.#gone.signal.aborted) return;
    if (this.#leg) void this.#leg.hangup(byeReason(reason));
    else {
      const { status } = endReasons[reason];
      this.invite.reject(status, status === 503 ? { headers: { 'Retry-After': '5' } } : {});
    }
    this.#end('engine', reason);
  }

  #openEndpoint(): Promise<Endpoint> {
    this.#endpoint ??= this.#media
      .createEndpoint({
        callId: this.invite.id,
        ...(this.invite.sdp === undefined ? {} : { remoteSdp: this.invite.sdp }),
        ...(this.#codecs === undefined ? {} : { codecs: this.#codecs }),
        ...(this.invite.internal === undefined ? {} : { internal: true }),
      })
      .then((endpoint) => {
        if (!this.#gone.signal.aborted) return endpoint;
        void endpoint.destroy();
        throw new CallerGone();
      });
    return this.#endpoint;
  }

  async #sendAnswer(): Promise<Leg> {
    const endpoint = await this.#openEndpoint();
    let dialog: Awaited<ReturnType<IncomingInvite['answer']>>;
    try {
      dialog = await this.invite.answer({ sdp: endpoint.localSdp });
    } catch (error) {
      this.#end('caller', 'callerHungUp');
      throw new CallerGone({ cause: error });
    }
    dialog.on('remoteSdp', ({ sdp }) => {
      endpoint.negotiate(sdp).catch((error: unknown) => {
        if (!(error instanceof MediaError)) throw error;
        this.end('mediaIncompatible');
      });
    });
    const leg = new Leg(dialog, endpoint);
    this.#leg = leg;
    leg.on('digit', ({ digit }) => this.#events.emit('digit', { digit }));
    leg.on('faxTone', () => this.#events.emit('faxTone', {}));
    leg.on('ended', (end) => this.#end(end.by === 'local' ? 'engine' : 'caller', endOf(end.by)));
    // He may have cancelled, or been hung up, while the 200 was on its way out.
    if (this.#gone.signal.aborted) {
      await leg.hangup(reasons.callerGone);
      throw new CallerGone();
    }
    if (leg.ended) this.#end('caller', 'callerHungUp');
    return leg;
  }

  #end(by: 'caller' | 'engine', reason: EndReason): void {
    if (this.#gone.signal.aborted) return;
    this.#gone.abort(gone);
    // A leg frees its endpoint itself; before there is one, it is ours to free.
    if (!this.#leg) this.#endpoint?.then((endpoint) => endpoint.destroy()).catch(() => undefined);
    this.#events.emit('ended', { by, reason });
  }
}

/** The caller hung up while something was being done for him. */
export class CallerGone extends Error {
  constructor(options?: ErrorOptions) {
    super('the caller is gone', options);
    this.name = 'CallerGone';
  }
}

/** One for all calls: every call ends so, and a stack trace of it, which costs more than all else at its end, would tell nothing. */
const gone = new CallerGone();

const endOf = (by: DialogEnd['by']): EndReason =>
  by === 'lost' || by === 'timeout' ? 'networkFailure' : 'callerHungUp';

/** RFC 3326: tells the phone why, where that is no plain end. */
function byeReason(reason: EndReason): Reason | undefined {
  if (reason === 'normal' || reason === 'schemeEnded' || reason === 'calleeHungUp') return undefined;
  const { status, text } = endReasons[reason];
  return { protocol: 'SIP', cause: status, text };
}
