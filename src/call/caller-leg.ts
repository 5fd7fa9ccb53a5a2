import { Leg, reasonFor } from '../dial/leg.ts';
import { Emitter } from '../emitter.ts';
import { type EndReason, endReasons } from '../end-reason.ts';
import type { Endpoint, EndpointOptions, MediaServer } from '../media/port.ts';
import { MediaError } from '../media/port.ts';
import { type DialogEnd, type HeaderFields, type IncomingInvite, type Reason, reasons } from '../sip/port.ts';

export interface CallerLegEvents {
  digit: { readonly digit: string };
  /** He is a fax machine that wants to send: its calling tone (CNG, 1100 Hz) was heard. */
  faxTone: object;
  /** Once: cancelled, hung up, or ended by us. */
  ended: { readonly by: 'caller' | 'engine'; readonly reason: EndReason };
}

type CallerSound = Pick<EndpointOptions, 'codecs' | 'dtmf' | 'srtp'>;

/**
 * The caller, from his INVITE to the end:
 *
 *   ringing ──answer──▶ talking ──hangup, BYE──▶ ended
 *      └──────reject, CANCEL─────────────────────▲
 *
 * While ringing he may hear early media. Each step is taken once, whoever asks for it how often.
 *
 * In a call of ours (a callback, click-to-call) nobody has sent an INVITE: we have rung him, and he is there when he has picked up (`pickedUp`).
 */
export class CallerLeg {
  readonly invite: IncomingInvite | undefined;
  readonly #media: MediaServer;
  readonly #sound: CallerSound;
  readonly #events = new Emitter<CallerLegEvents>();
  readonly #gone = new AbortController();
  #endpoint: Promise<Endpoint> | undefined;
  /** Why the media could not take the caller's offer. */
  #incompatible: MediaError | undefined;
  readonly #arrival = Promise.withResolvers<Leg>();
  #answer: Promise<Leg> | undefined;
  #early: Promise<Endpoint> | undefined;
  #leg: Leg | undefined;
  #rings = false;
  #offFaxTone: (() => void) | undefined;

  /** @param options.sound of the trunk that he comes over, or of a phone of ours */
  constructor(options: { invite?: IncomingInvite; media: MediaServer; sound?: CallerSound }) {
    this.invite = options.invite;
    this.#media = options.media;
    this.#sound = options.sound ?? {};
    this.invite?.on('cancelled', () => this.#end('caller', 'callerHungUp'));
    // Nobody may wait for one who is still being rung.
    this.#arrival.promise.catch(() => undefined);
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
    const off = this.#events.on(event, listener);
    if (event !== 'faxTone') return off;
    this.#listenForFax();
    return () => {
      off();
      this.#listenForFax();
    };
  }

  /** How many more hops his INVITE may take (RFC 3261 §20.22). */
  get maxForwards(): number {
    return this.invite?.maxForwards ?? FIRST_HOPS;
  }

  /** He hears what is played to him now, or could, before an answer. */
  get canHear(): boolean {
    return this.#leg !== undefined || this.invite?.sdp !== undefined;
  }

  /** He whom we have rung has answered: he is the caller from now on. One who is not wanted any more is hung up. */
  pickedUp(leg: Leg): void {
    if (this.#gone.signal.aborted) {
      void leg.hangup(reasons.callerGone);
      return;
    }
    this.#arrival.resolve(leg);
    this.#take(leg);
  }

  /** 180, once, unless he hears something already. */
  ring(): void {
    if (!this.invite || this.#rings || this.#early || this.#answer || this.#gone.signal.aborted) return;
    this.#rings = true;
    this.invite.ring(180);
  }

  /**
   * 183 with our SDP: what is played on the endpoint is heard before the answer.
   * @throws MediaError, CallerGone
   */
  async earlyMedia(): Promise<Endpoint> {
    const { invite } = this;
    if (!invite || this.#answer) return (await this.answer()).endpoint;
    this.#early ??= this.#openEndpoint(invite).then((endpoint) => {
      // Without an offer there is nothing to answer before the ACK: such a caller hears his own ring-back.
      if (invite.sdp === undefined) invite.ring(180);
      else invite.ring(183, { sdp: endpoint.localSdp });
      return endpoint;
    });
    return this.#early;
  }

  /**
   * 200. One whom we have rung is waited for.
   * @throws MediaError, CallerGone
   */
  answer(): Promise<Leg> {
    this.#answer ??= this.invite ? this.#sendAnswer(this.invite) : this.#arrival.promise;
    return this.#answer;
  }

  /** Refuses the call, or hangs up, whichever fits. Idempotent. */
  end(reason: EndReason): void {
    if (this.#gone.signal.aborted) return;
    if (this.#leg) void this.#leg.hangup(byeReason(reason));
    else {
      const { status } = endReasons[reason];
      this.invite?.reject(status, { headers: this.#hintsFor(status) });
    }
    this.#end('engine', reason);
  }

  /** What tells the caller, or who runs his phone, what to do about a refusal. */
  #hintsFor(status: number): HeaderFields {
    if (status === 503) return { 'Retry-After': '5' };
    const text = this.#incompatible?.message.replaceAll(/["\\\s]+/g, ' ');
    // RFC 3261 §20.43: a text for people, from one who needs no name.
    return status === 488 && text !== undefined ? { Warning: `399 kommutator "${text}"` } : {};
  }

  #openEndpoint({ id, sdp, internal }: IncomingInvite): Promise<Endpoint> {
    this.#endpoint ??= this.#media
      .createEndpoint({
        callId: id,
        ...(sdp === undefined ? {} : { remoteSdp: sdp }),
        ...this.#sound,
        ...(internal === undefined ? {} : { internal: true }),
      })
      .then((endpoint) => {
        if (!this.#gone.signal.aborted) return endpoint;
        void endpoint.destroy();
        throw new CallerGone();
      });
    this.#endpoint.catch((error: unknown) => {
      if (error instanceof MediaError) this.#incompatible = error;
    });
    return this.#endpoint;
  }

  async #sendAnswer(invite: IncomingInvite): Promise<Leg> {
    const endpoint = await this.#openEndpoint(invite);
    let dialog: Awaited<ReturnType<IncomingInvite['answer']>>;
    try {
      dialog = await invite.answer({ sdp: endpoint.localSdp });
    } catch (error) {
      this.#end('caller', 'callerHungUp');
      throw new CallerGone({ cause: error });
    }
    const leg = new Leg(dialog, endpoint, { isPhone: invite.identity.kind === 'account' });
    this.#take(leg);
    // He may have cancelled, or been hung up, while the 200 was on its way out.
    if (this.#gone.signal.aborted) {
      await leg.hangup(reasons.callerGone);
      throw new CallerGone();
    }
    if (leg.ended) this.#end('caller', 'callerHungUp');
    return leg;
  }

  /** The media listen for calling tones only while somebody wants to know of them. */
  #listenForFax(): void {
    if (this.#events.listenerCount('faxTone') > 0) {
      this.#offFaxTone ??= this.#leg?.on('faxTone', () => this.#events.emit('faxTone', {}));
    } else {
      this.#offFaxTone?.();
      this.#offFaxTone = undefined;
    }
  }

  #take(leg: Leg): void {
    this.#leg = leg;
    leg.on('digit', ({ digit }) => this.#events.emit('digit', { digit }));
    this.#listenForFax();
    leg.on('ended', ({ by }) => this.#end(by === 'local' ? 'engine' : 'caller', leg.cutFor ?? endOf(by)));
  }

  #end(by: 'caller' | 'engine', reason: EndReason): void {
    if (this.#gone.signal.aborted) return;
    this.#gone.abort(gone);
    this.#arrival.reject(gone);
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

/** What a call of ours starts with (RFC 3261 §8.1.1.6). */
const FIRST_HOPS = 70;

const endOf = (by: DialogEnd['by']): EndReason =>
  by === 'lost' || by === 'timeout' ? 'networkFailure' : 'callerHungUp';

/** Nothing where it is a plain end. */
function byeReason(reason: EndReason): Reason | undefined {
  const isPlain = reason === 'normal' || reason === 'schemeEnded' || reason === 'calleeHungUp';
  return isPlain ? undefined : reasonFor(reason);
}
