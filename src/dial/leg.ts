import { Emitter } from '../emitter.ts';
import { type EndReason, endReasons } from '../end-reason.ts';
import type { Endpoint } from '../media/port.ts';
import { isSameSession, SdpOrigin } from '../media/sdp/direct.ts';
import {
  type Dialog,
  type DialogEnd,
  ModifyFailure,
  type Reason,
  type ReferRequest,
  type Replaces,
} from '../sip/port.ts';

export interface LegEvents {
  /** A key press, whichever way it came: RFC 4733 (`media`), as a tone in the audio, or SIP INFO, which a bridge of media does not carry. */
  digit: { readonly digit: string; readonly via: 'media' | 'inband' | 'info' };
  /** The party is a fax machine that wants to send (CNG, ITU-T T.30). */
  faxTone: object;
  /** The party put us on hold, or took us off again (re-INVITE). */
  hold: { readonly held: boolean };
  /** His audio, which went past the media server, comes here again: he has changed his session himself. Told after `hold`. */
  returned: object;
  /** Once. Late-safe: a listener added after the end is called too. */
  ended: DialogEnd;
}

/**
 * A peer who has answered and sends nothing, or whose network is gone, does not hold a call for ever. A pause says nothing: he may hold, or have a phone that
 * sends nothing while nobody speaks, not even RTCP. So he is asked by SIP whether he is there, which a phone that lives answers. One that does, and still
 * sends nothing, has lost its audio.
 */
const SILENCE = { firstMs: 60_000, thenMs: 300_000, pauseMs: 1500 } as const;

/** Of one whose audio does not come here. */
const NOT_EXPECTED = { firstMs: 0, thenMs: 0, pauseMs: 0 } as const;

/** One established SIP dialog with its end of the media: somebody who can be heard. Ends once, and frees its endpoint then. */
export class Leg {
  readonly endpoint: Endpoint;
  readonly #dialog: Dialog;
  readonly #events = new Emitter<LegEvents>();
  #held = false;
  #cutFor: EndReason | undefined;
  #isPaused = false;
  #isAsked = false;
  #isDirect = false;
  /** Since his audio went past the media server for the first time. */
  #origin: SdpOrigin | undefined;
  /** A phone that has registered here. */
  readonly isPhone: boolean;

  constructor(dialog: Dialog, endpoint: Endpoint, { isPhone = false }: { readonly isPhone?: boolean } = {}) {
    this.isPhone = isPhone;
    this.#dialog = dialog;
    this.endpoint = endpoint;
    endpoint.on('dtmf', ({ digit, source }) =>
      this.#events.emit('digit', { digit, via: source === 'inband' ? 'inband' : 'media' }),
    );
    dialog.on('dtmf', ({ digit }) => this.#events.emit('digit', { digit, via: 'info' }));
    endpoint.on('silent', () => this.cut('mediaTimeout'));
    endpoint.on('paused', () => {
      this.#isPaused = true;
      void this.#ask();
    });
    endpoint.on('resumed', () => {
      this.#isPaused = false;
    });
    endpoint.expectMedia(SILENCE);
    endpoint.on('gone', () => void this.hangup({ protocol: 'SIP', cause: 503, text: 'Media server lost' }));
    dialog.onReinvite(async (offer) => {
      // RFC 4028 §7.4: he refreshes the session, and changes nothing.
      if (this.#isDirect && offer && isSameSession(offer, dialog.remoteSdp)) return dialog.localSdp;
      const answer = offer === undefined ? endpoint.localSdp : await endpoint.negotiate(offer);
      const hasReturned = this.#comeBack();
      this.#noteHold();
      if (hasReturned) this.#events.emit('returned', {});
      return this.#numbered(answer);
    });
    // Our offer was in a 200, so his answer is in the ACK.
    dialog.on('remoteSdp', ({ sdp }) => {
      endpoint.negotiate(sdp).then(
        () => this.#noteHold(),
        () => this.cut('mediaIncompatible'),
      );
    });
    endpoint.onOffer((offer) => dialog.modify(() => this.#numbered(offer)));
    // Late-safe, so a leg whose party hung up while it was being built ends like any other.
    dialog.on('ended', (end) => {
      void endpoint.destroy();
      this.#events.emit('ended', end);
    });
  }

  get ended(): DialogEnd | undefined {
    return this.#dialog.ended;
  }

  /** His last description. */
  get remoteSdp(): string | undefined {
    return this.#dialog.remoteSdp;
  }

  /** True while his audio goes past the media server (`sendAudioTo`). */
  get isDirect(): boolean {
    return this.#isDirect;
  }

  /**
   * Offers him another address than the media server's for his audio (re-INVITE, RFC 3261 §14). It is not missed here then; `confirm` says whether he is there.
   * @returns his answer
   * @throws ModifyFailure; his audio stays where it was
   */
  async sendAudioTo(offer: string): Promise<string> {
    const { remoteSdp, localSdp } = this.#dialog;
    const origin = this.#origin ?? new SdpOrigin(localSdp);
    this.#origin = origin;
    const answer = await this.#dialog.modify(() => {
      if (this.remoteSdp !== remoteSdp) throw new ModifyFailure(491, 'he has changed his session meanwhile');
      return origin.next(offer);
    });
    this.#isDirect = true;
    this.endpoint.expectMedia(NOT_EXPECTED);
    return answer;
  }

  /** Has his audio come to the media server again. One who refuses that is hung up: nobody would hear him. Never rejects. */
  async takeAudioBack(): Promise<void> {
    if (!this.#isDirect || this.ended) return;
    try {
      const answer = await this.#dialog.modify(() => {
        if (!this.#isDirect) throw new ModifyFailure(491, 'he has brought it back himself');
        return this.#numbered(this.endpoint.localSdp);
      });
      this.#comeBack();
      await this.endpoint.negotiate(answer);
      this.#noteHold();
    } catch (error) {
      const isBack = !this.#isDirect && error instanceof ModifyFailure;
      if (!isBack) this.cut('mediaIncompatible');
    }
  }

  /** Asks him by SIP whether he is there, twice; who is not is hung up as one of whom nothing is heard. Never rejects. */
  async confirm(): Promise<void> {
    for (let unanswered = 0; !this.ended && this.#isDirect; unanswered++) {
      const presence = await this.#dialog.ask();
      if (presence === 'there') return;
      if (presence === 'gone' || unanswered > 0) this.cut('mediaTimeout');
    }
  }

  /** True while the party has us on hold. */
  get held(): boolean {
    return this.#held;
  }

  on<K extends keyof LegEvents>(event: K, listener: (payload: LegEvents[K]) => void): () => void {
    if (event === 'ended' && this.ended) listener(this.ended as LegEvents[K]);
    // Listened for only while somebody wants to know.
    if (event === 'faxTone') return this.endpoint.on('faxTone', listener as (payload: object) => void);
    return this.#events.on(event, listener);
  }

  /** Who takes his REFERs. Without a handler they are answered 405. */
  onRefer(handler: (refer: ReferRequest) => void): () => void {
    return this.#dialog.onRefer(handler);
  }

  /** Whether it is this one's dialog that he names (RFC 3891 §3). Some phones take the tags from their own side. */
  isDialog({ callId, toTag, fromTag }: Replaces): boolean {
    const { callId: own, localTag, remoteTag } = this.#dialog;
    if (callId !== own) return false;
    return (toTag === localTag && fromTag === remoteTag) || (toTag === remoteTag && fromTag === localTag);
  }

  /** Why it was cut off by us; undefined: it was not. */
  get cutFor(): EndReason | undefined {
    return this.#cutFor;
  }

  /** Hangs up because it cannot go on, whatever is being done with it: the call that it is part of ends for this reason. */
  cut(reason: EndReason): void {
    if (this.ended) return;
    this.#cutFor = reason;
    void this.hangup(reasonFor(reason));
  }

  /** BYE. Never rejects; idempotent. */
  async hangup(reason?: Reason): Promise<void> {
    await this.#dialog.bye(reason);
  }

  /** Whether the party is still there. One who does not answer, but is heard again meanwhile, is. */
  async #ask(): Promise<void> {
    if (this.#isAsked || this.ended) return;
    this.#isAsked = true;
    const presence = await this.#dialog.ask();
    this.#isAsked = false;
    if (presence === 'gone' || (presence === 'silent' && this.#isPaused)) this.cut('mediaTimeout');
  }

  /** @returns false: it had never gone */
  #comeBack(): boolean {
    if (!this.#isDirect) return false;
    this.#isDirect = false;
    this.endpoint.expectMedia(SILENCE);
    return true;
  }

  #numbered(sdp: string): string {
    return this.#origin?.next(sdp) ?? sdp;
  }

  #noteHold(): void {
    if (this.endpoint.heldByPeer === this.#held) return;
    this.#held = this.endpoint.heldByPeer;
    this.#events.emit('hold', { held: this.#held });
  }
}

/** RFC 3326: tells the phone why. */
export function reasonFor(reason: EndReason): Reason {
  const { status, text } = endReasons[reason];
  return { protocol: 'SIP', cause: status, text };
}
