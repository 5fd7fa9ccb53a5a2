import { Emitter } from '../../emitter.ts';
import { errorText } from '../../errors.ts';
import {
  type FaxEnd,
  type FaxOptions,
  type FaxProgress,
  type FaxReceiveOptions,
  type FaxSendOptions,
  type FaxTransmission,
  noFaxYet,
} from '../../media/fax.ts';
import {
  type AudioSource,
  type Endpoint,
  type EndpointEvents,
  type EndpointStats,
  MediaError,
  type Playback,
  type PlaybackEnd,
  type PlayOptions,
  type SilenceLimits,
} from '../../media/port.ts';
import type { Recording, RecordingEnd, RecordOptions } from '../../media/recorder.ts';
import type { Capabilities } from '../../media/sdp/negotiate.ts';
import { readRemote, type SdpSession } from '../../media/sdp/session.ts';
import type { FaxTask } from './dsp/fax.ts';
import type { FromWorker, Place, Requests } from './protocol.ts';
import type { WorkerLink } from './worker-link.ts';

const TONE_MS = 100;
const GAP_MS = 80;

export interface EmbeddedEndpointParts {
  readonly place: Place;
  readonly link: WorkerLink;
  readonly capabilities: Capabilities;
  /** What it encrypts with: 30 bytes in base64. */
  readonly key: string;
  readonly session: SdpSession;
  /** Called once, when no event can come any more. */
  readonly onEnd: () => void;
}

/** Where it is in a conference. */
export interface Seat {
  readonly place: Place;
  /** The others do not hear it any more, nor it them. Never rejects. */
  leave(): Promise<void>;
}

/** The main thread's side of an endpoint: the negotiation and the wishes; the audio itself is `worker/endpoint.ts`. */
export class EmbeddedEndpoint implements Endpoint {
  readonly id: string;
  readonly #place: Place;
  readonly #link: WorkerLink;
  readonly #capabilities: Capabilities;
  readonly #key: string;
  readonly #session: SdpSession;
  readonly #onEnd: () => void;
  readonly #events = new Emitter<EndpointEvents>();
  readonly #playbacks = new Map<number, (end: PlaybackEnd) => void>();
  readonly #faxes = new Map<number, FaxUnderWay>();
  readonly #recordings = new Map<number, (end: RecordingEnd) => void>();
  #lastPlayback = 0;
  #lastRecording = 0;
  #lastFax = 0;
  #peer: EmbeddedEndpoint | undefined;
  #seat: Seat | undefined;
  #ended = false;
  #listensForFax = false;
  #destroying: Promise<void> | undefined;
  /** Negotiations take effect one after the other. */
  #negotiations: Promise<unknown> = Promise.resolve();

  constructor({ place, link, capabilities, key, session, onEnd }: EmbeddedEndpointParts) {
    this.id = String(place.endpoint);
    this.#place = place;
    this.#link = link;
    this.#capabilities = capabilities;
    this.#key = key;
    this.#session = session;
    this.#onEnd = onEnd;
  }

  get localSdp(): string {
    return this.#session.sdp;
  }

  get heldByPeer(): boolean {
    return this.#session.heldByPeer;
  }

  negotiate(remoteSdp: string): Promise<string> {
    const negotiation = this.#negotiations.then(async () => {
      this.#mustLive();
      const agreed = readRemote(remoteSdp, this.#capabilities);
      const { dtmf } = this.#capabilities;
      const { parameters } = agreed.agreement;
      await this.#link.request('configure', { ...this.#named, dtmf, key: this.#key, parameters });
      this.#session.accept(agreed);
      return this.localSdp;
    });
    this.#negotiations = negotiation.catch(() => undefined);
    return negotiation;
  }

  bypass(): Promise<void> {
    const bypassed = this.#negotiations.then(() => {
      this.#mustLive();
      return this.#link.request('bypass', this.#named);
    });
    this.#negotiations = bypassed.catch(() => undefined);
    return bypassed;
  }

  onOffer(): void {
    // Our fax machines speak through the audio alone. A peer who offers T.38 is refused, and goes on in it.
  }

  play(sources: readonly AudioSource[], { loop = false, startAtMs = 0 }: PlayOptions = {}): Playback {
    const playback = ++this.#lastPlayback;
    const ended = new Promise<PlaybackEnd>((resolve) => this.#playbacks.set(playback, resolve));
    this.#wish('play', { ...this.#named, playback, sources, loop, startAtMs }, () => this.#played(playback, GONE));
    return {
      ended,
      stop: () => {
        if (this.#playbacks.has(playback)) {
          this.#wish('stop', { ...this.#named, playback }, () => this.#played(playback, GONE));
        }
        return ended;
      },
    };
  }

  receiveFax({ file, maxPages, ...options }: FaxReceiveOptions): FaxTransmission {
    return this.#startFax({ do: 'receive', file, ...(maxPages === undefined ? {} : { maxPages }) }, options);
  }

  sendFax({ file, ...options }: FaxSendOptions): FaxTransmission {
    return this.#startFax({ do: 'send', file }, options);
  }

  #startFax(task: FaxTask, { stationId, ecm = true, onProgress }: FaxOptions): FaxTransmission {
    const fax = ++this.#lastFax;
    const ended = new Promise<FaxEnd>((over) => this.#faxes.set(fax, { over, onProgress, progress: noFaxYet }));
    const stop = () => {
      if (this.#faxes.has(fax)) this.#link.request('stopFax', { ...this.#named, fax }).catch(ignoreGone);
      return ended;
    };
    this.#link
      .request('fax', { ...this.#named, fax, options: { ...task, stationId, ecm } })
      .catch((error: unknown) => this.#faxOver(fax, errorText(error)));
    return { ended, stop };
  }

  record(options: RecordOptions): Recording {
    const recording = ++this.#lastRecording;
    const ended = new Promise<RecordingEnd>((resolve) => this.#recordings.set(recording, resolve));
    this.#wish('record', { ...this.#named, recording, options }, () => this.#recorded(recording, LOST));
    return {
      ended,
      stop: () => {
        if (this.#recordings.has(recording)) {
          this.#wish('stopRecording', { ...this.#named, recording }, () => this.#recorded(recording, LOST));
        }
        return ended;
      },
    };
  }

  async sendDtmf(digits: string, { toneMs = TONE_MS, gapMs = GAP_MS } = {}): Promise<void> {
    if (!/^[0-9*#A-D]*$/.test(digits)) throw new RangeError(`not DTMF digits: '${digits}'`);
    this.#mustLive();
    await this.#link.request('sendDtmf', { ...this.#named, digits, toneMs, gapMs });
  }

  async bridge(
    peer: Endpoint,
    { passDtmf = true, passPeersDtmf = passDtmf }: { passDtmf?: boolean; passPeersDtmf?: boolean } = {},
  ): Promise<void> {
    if (!(peer instanceof EmbeddedEndpoint)) throw new TypeError('only endpoints of one media server can be bridged');
    if (peer === this) throw new TypeError('an endpoint cannot be bridged to itself');
    this.#mustLive();
    peer.#mustLive();
    const seats = [this.#rise(), peer.#rise()];
    const left = [this.#leave(), peer.#leave()];
    this.#peer = peer;
    peer.#peer = this;
    await Promise.all([
      ...seats,
      ...left.map((endpoint) => endpoint && endpoint.#peer === undefined && endpoint.silence()),
      this.#link.request('connect', { ...this.#named, to: peer.#place, passDtmf }),
      peer.#link.request('connect', { ...peer.#named, to: this.#place, passDtmf: passPeersDtmf }),
    ]);
  }

  async unbridge(): Promise<void> {
    const risen = this.#rise();
    const peer = this.#leave();
    await Promise.all([risen, ...(peer || risen ? [this.silence(), peer?.silence()] : [])]);
  }

  /**
   * Takes part in a conference from now on.
   * @param take makes the seat, for who is at this place
   */
  async sit(seat: Seat, take: (at: Place) => Promise<unknown>): Promise<void> {
    this.#mustLive();
    const risen = this.#rise();
    const peer = this.#leave();
    this.#seat = seat;
    await Promise.all([
      risen,
      peer?.silence(),
      take(this.#place),
      this.#link.request('connect', { ...this.#named, to: seat.place, passDtmf: false }),
    ]);
  }

  expectMedia(limits: SilenceLimits): void {
    this.#wish('expectMedia', { ...this.#named, limits }, () => undefined);
  }

  on<K extends keyof EndpointEvents>(event: K, listener: (payload: EndpointEvents[K]) => void): () => void {
    const off = this.#events.on(event, listener);
    if (event !== 'faxTone') return off;
    this.#listenForFax();
    return () => {
      off();
      this.#listenForFax();
    };
  }

  /** Calling tones cost processor time: they are listened for as long as somebody wants to know. */
  #listenForFax(): void {
    const on = this.#events.listenerCount('faxTone') > 0;
    if (on === this.#listensForFax || this.#ended || this.#destroying) return;
    this.#listensForFax = on;
    this.#link.request('listenForFax', { ...this.#named, on }).catch(ignoreGone);
  }

  async stats(): Promise<EndpointStats> {
    this.#mustLive();
    return this.#link.request('endpointStats', this.#named);
  }

  destroy(): Promise<void> {
    this.#destroying ??= this.#destroy();
    return this.#destroying;
  }

  /** An event from the worker. */
  receive(message: Extract<FromWorker, { endpoint: number }>): void {
    switch (message.kind) {
      case 'played':
        return this.#played(message.playback, message.end);
      case 'dtmf':
        return this.#events.emit('dtmf', message.event);
      case 'media':
        return this.#events.emit('media', message.event);
      case 'silent':
        return this.#events.emit('silent', message.event);
      case 'paused':
        return this.#events.emit('paused', message.event);
      case 'resumed':
        return this.#events.emit('resumed', {});
      case 'faxTone':
        return this.#events.emit('faxTone', {});
      case 'faxProgress':
        return this.#faxGoesOn(message.fax, message.progress);
      case 'faxed':
        this.#faxes.get(message.fax)?.over(message.end);
        this.#faxes.delete(message.fax);
        return;
      case 'recorded':
        return this.#recorded(message.recording, message.end);
    }
  }

  /** The worker is gone, and this with it. */
  lose(reason: string): void {
    if (this.#ended) return;
    void this.#rise();
    const peer = this.#leave();
    this.#end();
    // The other party may live in another worker; if that is gone too, there is nothing to be silenced.
    void peer?.silence();
    this.#events.emit('gone', { reason });
    this.#events.clear();
  }

  async #destroy(): Promise<void> {
    if (this.#ended) return;
    const silenced = Promise.all([this.#rise(), this.#leave()?.silence()]);
    // If the worker dies meanwhile, its sockets are closed as well.
    await this.#link.request('destroy', this.#named).catch(ignoreGone);
    await silenced;
    this.#end();
    this.#events.clear();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const playback of [...this.#playbacks.keys()]) this.#played(playback, GONE);
    for (const fax of [...this.#faxes.keys()]) this.#faxOver(fax, 'the media server was lost');
    for (const recording of [...this.#recordings.keys()]) this.#recorded(recording, LOST);
    this.#onEnd();
  }

  #played(playback: number, end: PlaybackEnd): void {
    this.#playbacks.get(playback)?.(end);
    this.#playbacks.delete(playback);
  }

  #faxGoesOn(fax: number, progress: FaxProgress): void {
    const underWay = this.#faxes.get(fax);
    if (!underWay) return;
    underWay.progress = progress;
    underWay.onProgress?.(progress);
  }

  /** The worker cannot tell any more how it ended. */
  #faxOver(fax: number, error: string): void {
    const underWay = this.#faxes.get(fax);
    this.#faxes.delete(fax);
    underWay?.over({ ...underWay.progress, reason: 'failed', error });
  }

  #recorded(recording: number, end: RecordingEnd): void {
    this.#recordings.get(recording)?.(end);
    this.#recordings.delete(recording);
  }

  /** Undoes the bridge on this side of the thread. @returns whom it was with */
  #leave(): EmbeddedEndpoint | undefined {
    const peer = this.#peer;
    this.#peer = undefined;
    if (peer) peer.#peer = undefined;
    return peer;
  }

  /** Leaves the conference that it is in. */
  #rise(): Promise<void> | undefined {
    const seat = this.#seat;
    this.#seat = undefined;
    return seat?.leave();
  }

  /** His audio goes nowhere any more. For the endpoint that he was bridged with. */
  async silence(): Promise<void> {
    await this.#link.request('disconnect', this.#named).catch(ignoreGone);
  }

  /** Asks for what only an endpoint that is gone can refuse. */
  #wish<K extends 'play' | 'stop' | 'record' | 'stopRecording' | 'expectMedia'>(
    name: K,
    ask: Requests[K]['ask'],
    onGone: () => void,
  ): void {
    if (this.#ended) {
      onGone();
      return;
    }
    this.#link.request(name, ask).catch((error: unknown) => {
      onGone();
      return ignoreGone(error);
    });
  }

  get #named(): { endpoint: number } {
    return { endpoint: this.#place.endpoint };
  }

  #mustLive(): void {
    if (this.#ended || this.#destroying)
      throw new MediaError('endpoint-gone', `Endpoint ${this.id} does not exist any more`);
  }
}

interface FaxUnderWay {
  readonly over: (end: FaxEnd) => void;
  readonly onProgress: FaxOptions['onProgress'];
  progress: FaxProgress;
}

/** How much of it was heard before the worker died, nobody knows. */
const GONE: PlaybackEnd = { reason: 'endpointGone', playedMs: 0 };
/** The file has what was written by then; its header counts it but for the last second. */
const LOST: RecordingEnd = { reason: 'endpointGone', ms: 0 };

/** What was to be ended has ended by itself. */
function ignoreGone(error: unknown): void {
  if (!(error instanceof MediaError)) throw error;
}
