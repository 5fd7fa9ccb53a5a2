/**
 * The media port: what the engine asks of a media layer. Two adapters implement it (`embedded/media`, `freeswitch`), one
 * contract suite (`test/contract/media.ts`) states what both must do.
 *
 * Deliberately absent: SIP (a caller of this port carries the SDP), routing, prompt names (only files and tones), and
 * conferences, which have a port of their own beside this one (`conference.ts`).
 */

import type { FaxReceiveOptions, FaxSendOptions, FaxTransmission } from './fax.ts';
import type { Recording, RecordOptions } from './recorder.ts';

export type CodecName = 'pcma' | 'pcmu';
export type DtmfMode = 'rfc2833' | 'inband';

export interface MediaServer {
  /** For logs and metrics: `embedded`, `freeswitch 10.0.0.5:8021`. */
  readonly name: string;

  /**
   * Makes one end of an RTP session (RFC 3264).
   * With `remoteSdp` (an offer) the endpoint answers it, and `localSdp` is that answer; without, `localSdp` is an offer and the
   * peer's answer must be given to `negotiate`.
   * @throws MediaError `no-common-codec`, `bad-sdp`, `no-port` (the RTP port range is used up), `server-gone`
   */
  createEndpoint(options: EndpointOptions): Promise<Endpoint>;

  stats(): Promise<MediaServerStats>;

  /** Why its endpoints cannot be fax machines, and what is to be done, in one sentence; undefined: they can. Nothing that calls is heard as one then. */
  readonly faxProblem?: string | undefined;

  /** Destroys every endpoint, then the server. Idempotent. */
  close(): Promise<void>;
}

export interface EndpointOptions {
  /** Whose call this is: stands in the logs. */
  readonly callId: string;
  readonly remoteSdp?: string;
  /** Allowed codecs, best first. Default: A-law, then µ-law. */
  readonly codecs?: readonly CodecName[];
  /** `rfc2833` (default): offers telephone-event, and listens in-band too where the peer does not take it. `inband`: never offers it. */
  readonly dtmf?: DtmfMode;
  /** The other side is an endpoint of this media server too: it is told the address that the server has inside. */
  readonly internal?: true;
  /** Audio is encrypted (SRTP with its keys in the session descriptions, RFC 4568), or there is none. Default: as the peer offers it. */
  readonly srtp?: 'required';
  /** The other side is a browser: he is offered WebRTC (RFC 8827), which is encrypted too. One who offers it himself has it without. */
  readonly webrtc?: true;
}

export interface Endpoint {
  readonly id: string;
  /** Our side of the last negotiation, complete with addresses: ready to be sent. */
  readonly localSdp: string;

  /**
   * Takes the peer's SDP: the answer to our offer, or a new offer (re-INVITE: hold, codec or address change). Resolves to our SDP:
   * the answer if it was an offer, else unchanged. While the peer holds (sendonly, inactive, 0.0.0.0) nothing is sent to him.
   * @throws MediaError `no-common-codec`, `bad-sdp`; the former session then goes on
   */
  negotiate(remoteSdp: string): Promise<string>;

  /**
   * Who brings offers of the media layer to the peer: T.38 in the place of the audio of a fax, and audio again afterwards. He gets our SDP, and resolves to the
   * peer's answer; when he rejects, the session goes on as it was, a fax in its audio. One handler; without one nothing is offered.
   */
  onOffer(handler: (sdp: string) => Promise<string>): void;

  /** True while the peer's last SDP puts us on hold. */
  readonly heldByPeer: boolean;

  /**
   * Plays the sources one after the other to the peer. A running playback is replaced. On a bridged endpoint the playback is heard
   * instead of the bridged party until it ends. Returns at once; `ended` always resolves, it never rejects.
   */
  play(sources: readonly AudioSource[], options?: PlayOptions): Playback;

  /**
   * Records this end of the call into a WAV file; several recordings may run at once. Begins with the next packet, and returns at once: what goes wrong (no folder, no space) is told by
   * `ended`. Goes on through holds, re-INVITEs, playbacks and bridges until it is stopped or the endpoint is destroyed.
   */
  record(options: RecordOptions): Recording;

  /**
   * Sends digits (`0-9*#A-D`) to the peer: RFC 4733 events if negotiated, else in-band tones. Resolves when the last one is out. Digits
   * that are asked for meanwhile are sent after these. Default: 100 ms tones, 80 ms apart.
   * @throws RangeError for other characters, MediaError `endpoint-gone`
   */
  sendDtmf(digits: string, options?: { readonly toneMs?: number; readonly gapMs?: number }): Promise<void>;

  /**
   * Is a fax machine that answers, until it has the fax or the endpoint is destroyed. It has the audio for itself meanwhile: nothing else is sent or passed
   * to a bridged party, no digits are heard. A fax under way and a playback are replaced. Returns at once.
   */
  receiveFax(options: FaxReceiveOptions): FaxTransmission;
  /** Is a fax machine that has called; else as `receiveFax`. */
  sendFax(options: FaxSendOptions): FaxTransmission;

  /**
   * Connects the audio of two endpoints both ways. Media is relayed without decoding when codecs agree. Digits are reported by `dtmf`
   * events on the endpoint that they came from, and pass through to the other one unless `passDtmf` is false; `passPeersDtmf` says the same of those of
   * the other side, and is what `passDtmf` is unless given.
   * An endpoint is in at most one bridge: bridging it again replaces the former one.
   */
  bridge(peer: Endpoint, options?: { readonly passDtmf?: boolean; readonly passPeersDtmf?: boolean }): Promise<void>;
  /** Ends the bridge from either side, or leaves the conference. Idempotent. */
  unbridge(): Promise<void>;

  /**
   * The peer is to be heard from now on: `silent` is told, once for each silence, when nothing comes from him, neither RTP nor RTCP. Not while he holds, or
   * said that he will send nothing. `paused` is told of every pause, also of one that was agreed on. Calling it again begins anew, with other limits.
   */
  expectMedia(limits: SilenceLimits): void;

  /** @returns the function that takes the listener off. */
  on<K extends keyof EndpointEvents>(event: K, listener: (payload: EndpointEvents[K]) => void): () => void;

  stats(): Promise<EndpointStats>;

  /** Frees the RTP port; a playback ends as `endpointGone`, a recording too with its file complete, a bridge is undone. Idempotent. */
  destroy(): Promise<void>;
}

/** Milliseconds; 0: for ever. */
export interface SilenceLimits {
  /** Until the first packet. */
  readonly firstMs: number;
  /** Between two, of one who has sent some: a phone may send nothing while nobody speaks. */
  readonly thenMs: number;
  /** Of a pause, until it is told of for the first time; while it lasts, it is told of again after twice the time, at the latest after another four times this. 0: never. */
  readonly pauseMs: number;
}

export interface EndpointEvents {
  /** One key press, once, at its beginning, whatever way it came; `digit` is one of `0-9*#A-D`. */
  dtmf: { readonly digit: string; readonly source: 'rfc4733' | 'inband' };
  /** The calling tone of a fax machine was heard (CNG, 1100 Hz, ITU-T T.30 §4.3.3.3), each of its bursts. Listened for while this has a listener. */
  faxTone: object;
  /** First RTP packet of the peer. */
  media: { readonly address: string; readonly port: number };
  /** Nothing came from the peer for so long, who should send (`expectMedia`). */
  silent: { readonly ms: number };
  /** Nothing has come from the peer for so long, be it that he holds, or says nothing, or is gone (`expectMedia`). */
  paused: { readonly ms: number };
  /** Something comes again. */
  resumed: object;
  /** The media layer lost the endpoint (worker or server died). `destroy` need not be called, but may be. */
  gone: { readonly reason: string };
}

/**
 * A file is WAV PCM or MP3 by absolute path; it is converted once and cached. `once`: it is nobody's but who hears it now, such as a voice message, and nothing
 * of it is kept beside the file.
 */
export type AudioSource =
  | { readonly file: string; readonly once?: true }
  /** A call-progress tone: frequencies in Hz played together, cadence as on/off milliseconds in turn, for `ms` in all (default one cadence). */
  | { readonly tone: { readonly hz: readonly number[]; readonly cadence: readonly number[]; readonly ms?: number } }
  | { readonly silenceMs: number };

export interface PlayOptions {
  /** Start again after the last source, until stopped. */
  readonly loop?: boolean;
  /**
   * Begin so far into the sources, milliseconds, of a loop counted over all its passes: one that was stopped goes on where it was with the sum of its own
   * `startAtMs` and `playedMs`. A list that is over by then finishes at once.
   */
  readonly startAtMs?: number;
}

export interface Playback {
  readonly ended: Promise<PlaybackEnd>;
  /** Takes effect with the next 20 ms frame. Resolves with `ended`. Idempotent. */
  stop(): Promise<PlaybackEnd>;
}

export interface PlaybackEnd {
  readonly reason: 'finished' | 'stopped' | 'replaced' | 'endpointGone' | 'failed';
  /** What was heard of it, without what `startAtMs` has passed over. */
  readonly playedMs: number;
  /** Of `failed`: which file and why. Sources that can be played are played: a list fails only after its last source. */
  readonly error?: string;
}

export interface EndpointStats {
  readonly packetsIn: number;
  readonly packetsOut: number;
  /** Sequence numbers that never came. */
  readonly lost: number;
  /** Packets that were not ours: wrong source after the lock, malformed. */
  readonly rejected: number;
  /** RFC 3550 interarrival jitter, milliseconds. */
  readonly jitterMs: number;
  readonly codec: CodecName | undefined;
}

export interface MediaServerStats {
  readonly endpoints: number;
  readonly bridges: number;
  readonly conferences: number;
  readonly playbacks: number;
  readonly recordings: number;
  /** Packets dropped on our ports because they were no RTP or came from elsewhere. */
  readonly rejected: number;
  /** How late 20 ms frames were sent over the last minute, milliseconds; undefined where the adapter cannot tell. */
  readonly pacingErrorMs?: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** `endpoint-gone`: the endpoint had been destroyed, or was lost with its worker. */
export type MediaErrorCode = 'no-common-codec' | 'bad-sdp' | 'no-port' | 'server-gone' | 'endpoint-gone';

export class MediaError extends Error {
  readonly code: MediaErrorCode;
  constructor(code: MediaErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MediaError';
    this.code = code;
  }
}
