import { Emitter } from '../emitter.ts';
import type { FaxReceiveOptions, FaxSendOptions, FaxTransmission } from '../media/fax.ts';
import {
  type AudioSource,
  type CodecName,
  type Endpoint,
  type EndpointEvents,
  type EndpointStats,
  MediaError,
  type Playback,
  type PlayOptions,
  type SilenceLimits,
} from '../media/port.ts';
import type { Recording, RecordOptions } from '../media/recorder.ts';
import type { ImageForm } from '../media/sdp/image.ts';
import type { Capabilities, MediaParameters } from '../media/sdp/negotiate.ts';
import { parseRemote, type RemoteDescription, type RemoteImage } from '../media/sdp/remote.ts';
import { type Negotiation, readRemote, type SdpSession } from '../media/sdp/session.ts';
import { type Clock, delay } from '../time/clock.ts';
import { Bridge, type Joined } from './bridge.ts';
import type { Channel } from './channel.ts';
import type { Abilities } from './check.ts';
import { countersOf } from './counters.ts';
import { dtmfTone } from './dtmf-tone.ts';
import { type FaxTask, FreeswitchFax } from './fax.ts';
import type { PeerSdp } from './peer-sdp.ts';
import { FreeswitchPlayback } from './playback.ts';
import { FreeswitchRecording } from './recording.ts';
import { SilenceWatch } from './silence.ts';

const TONE_MS = 100;
const GAP_MS = 80;
/** FreeSWITCH does not say when a digit is out; it begins it so much after it was told, measured on 1.10. */
const DIGIT_LAG_MS = 400;

export interface FreeswitchEndpointParts {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly capabilities: Capabilities;
  readonly abilities: Abilities;
  readonly session: SdpSession;
  readonly peer: PeerSdp;
  /** What was agreed when it was made; undefined: we have offered. */
  readonly agreed: Negotiation | undefined;
  /** Another endpoint on the same server, for a bridge to one of another server. */
  readonly another: (remoteSdp?: string) => Promise<FreeswitchEndpoint>;
  /** Equal for endpoints that FreeSWITCH can bridge. */
  readonly server: object;
  /** Called once, when no event can come any more. */
  readonly onEnd: () => void;
}

/** One channel of a FreeSWITCH server as an end of an RTP session. */
export class FreeswitchEndpoint implements Endpoint {
  readonly id: string;
  readonly channel: Channel;
  readonly server: object;
  /** Kept by what connects it. */
  joined: Joined | undefined;
  readonly #parts: FreeswitchEndpointParts;
  readonly #events = new Emitter<EndpointEvents>();
  #agreed: Negotiation | undefined;
  #described = '';
  #playback: FreeswitchPlayback | undefined;
  #playing = 0;
  readonly #recordings = new Set<FreeswitchRecording>();
  #fax: FreeswitchFax | undefined;
  #listensForFax = false;
  #hearsTones = false;
  #watch: SilenceWatch | undefined;
  #offer: ((sdp: string) => Promise<string>) | undefined;
  /**
   * With whom an offer of ours is under way. Until it is answered no offer of his waits for its turn: after a collision (491) our signalling sends ours again only
   * when his has been answered (RFC 3261 §14.1), and each would wait for the other.
   */
  readonly #offering = new Set<'peer' | 'server'>();
  /** Answers the offer that FreeSWITCH was asked for, with a key of the peer's. */
  #rekeying: ((offer: string) => string) | undefined;
  /** The key of the peer that FreeSWITCH has. */
  #remoteKey: string | undefined;
  /** What the peer is to FreeSWITCH is the T.38 of his fax machine, not his audio. */
  #isImage = false;
  #ended = false;
  #destroying: Promise<void> | undefined;
  /** Each takes effect after the one before. */
  #exchanges: Promise<unknown> = Promise.resolve();
  #digits: Promise<unknown> = Promise.resolve();
  #bridgings: Promise<unknown> = Promise.resolve();

  constructor(parts: FreeswitchEndpointParts) {
    this.#parts = parts;
    this.channel = parts.channel;
    this.id = parts.channel.uuid;
    this.server = parts.server;
    this.#agreed = parts.agreed;
    this.#remoteKey = this.#parameters?.srtp?.remote;
    this.channel.on('DTMF', (event) => {
      const digit = (event.getHeader('DTMF-Digit') ?? '').toUpperCase();
      const source = event.getHeader('DTMF-Source') === 'RTP' ? 'rfc4733' : 'inband';
      if (/^[0-9*#A-D]$/.test(digit) && !this.#destroying) this.#events.emit('dtmf', { digit, source });
    });
    this.channel.on('DETECTED_TONE', (event) => {
      if (event.getHeader('Detected-Fax-Tone') !== 'true' || !this.#listensForFax) return;
      this.#events.emit('faxTone', {});
      // One detection ends it, a moment later.
      void this.#pause(REARM_MS).then(() => {
        if (this.#listensForFax) void this.channel.execute(...HEAR_FAX);
      });
    });
    this.channel.dialog.onReinvite(async (offer) => {
      if (this.#rekeying && offer !== undefined) return this.#rekeying(offer);
      this.#mustNotOffer('server');
      return this.#exchange(() => this.#offered(offer));
    });
    void this.channel.gone.then((reason) => this.#lose(reason));
  }

  get localSdp(): string {
    return this.#parts.session.sdp;
  }

  get heldByPeer(): boolean {
    return this.#parts.session.heldByPeer;
  }

  get counts(): { readonly playbacks: number; readonly recordings: number } {
    return { playbacks: this.#playing, recordings: this.#recordings.size };
  }

  async negotiate(remoteSdp: string): Promise<string> {
    this.#mustNotOffer('peer');
    return this.#exchange(async () => {
      const { session, capabilities } = this.#parts;
      const image = this.#fax ? imageOf(remoteSdp) : undefined;
      if (image) {
        session.acceptImage(...image, await this.#imageOfServer(image[1]));
        return this.localSdp;
      }
      const agreed = readRemote(remoteSdp, capabilities);
      this.#mustEncryptAsBefore(agreed.agreement.parameters);
      await this.#tellServer(agreed.agreement.parameters);
      this.#agreed = agreed;
      session.accept(agreed);
      await this.hearTones();
      return this.localSdp;
    });
  }

  bypass(): Promise<void> {
    return this.#exchange(async () => {
      const parameters = this.#parameters;
      if (parameters) await this.#tellServer({ ...parameters, sending: false, receiving: false });
    });
  }

  onOffer(handler: (sdp: string) => Promise<string>): void {
    this.#offer = handler;
  }

  play(sources: readonly AudioSource[], options: PlayOptions = {}): Playback {
    if (this.#ended || this.#destroying) return { ended: GONE, stop: () => GONE };
    const former = this.#playback?.end('replaced');
    const { channel, clock, abilities } = this.#parts;
    const playback = new FreeswitchPlayback({
      ...{ channel, clock, sources, options, mp3: abilities.mp3 },
      former: Promise.all([former, this.#fax?.stop()]).then(() => this.#backToAudio()),
    });
    this.#playback = playback;
    this.#playing++;
    void playback.ended.then(() => {
      this.#playing--;
      if (this.#playback === playback) this.#playback = undefined;
    });
    return playback;
  }

  record(options: RecordOptions): Recording {
    const recording = new FreeswitchRecording(this.channel, options, this.#parts.clock);
    this.#recordings.add(recording);
    void recording.ended.then(() => this.#recordings.delete(recording));
    return recording;
  }

  receiveFax({ file, maxPages, ...options }: FaxReceiveOptions): FaxTransmission {
    return this.#startFax({ application: 'rxfax', file, ...(maxPages === undefined ? {} : { maxPages }) }, options);
  }

  sendFax({ file, ...options }: FaxSendOptions): FaxTransmission {
    return this.#startFax({ application: 'txfax', file }, options);
  }

  #startFax(task: FaxTask, options: Omit<FaxSendOptions, 'file'>): FaxTransmission {
    const before = Promise.all([this.#playback?.end('replaced'), this.#fax?.stop(), this.unbridge()]);
    const fax = new FreeswitchFax(this.channel, this.#parts.clock, task, options, before);
    this.#fax = fax;
    void fax.ended.then(() => {
      if (this.#fax === fax) this.#fax = undefined;
    });
    return fax;
  }

  async sendDtmf(digits: string, { toneMs = TONE_MS, gapMs = GAP_MS } = {}): Promise<void> {
    if (!/^[0-9*#A-D]*$/.test(digits)) throw new RangeError(`not DTMF digits: '${digits}'`);
    this.mustLive();
    const sending = this.#digits.then(async () => {
      for (const digit of digits) {
        this.mustLive();
        if (this.#parameters?.eventPayloadType === undefined) {
          // Also while something else is played: it goes on where the tone has interrupted it.
          await this.channel.execute('playback', dtmfTone(digit, toneMs, gapMs));
          continue;
        }
        await this.channel.must('uuid_send_dtmf', `${digit}@${toneMs}`);
        await this.#pause(toneMs + gapMs);
      }
      await this.#pause(DIGIT_LAG_MS);
      this.mustLive();
    });
    this.#digits = sending.catch(() => undefined);
    return sending;
  }

  async #pause(ms: number): Promise<void> {
    await Promise.race([delay(this.#parts.clock, ms), this.channel.gone]);
  }

  async bridge(
    peer: Endpoint,
    { passDtmf = true, passPeersDtmf = passDtmf }: { passDtmf?: boolean; passPeersDtmf?: boolean } = {},
  ): Promise<void> {
    if (!(peer instanceof FreeswitchEndpoint)) throw new TypeError('only endpoints of one media server can be bridged');
    if (peer === this) throw new TypeError('an endpoint cannot be bridged to itself');
    await this.#inTurn(async () => {
      this.mustLive();
      peer.mustLive();
      await Promise.all([this.joined?.undo(), peer.joined?.undo()]);
      await Promise.all([this.#backToAudio(), peer.#backToAudio()]);
      await Bridge.make(this, peer, passDtmf, passPeersDtmf, this.#parts.clock);
    });
  }

  /** Takes its place in a conference, when it is free to. @param sit connects it */
  join<T extends Joined>(sit: () => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      this.mustLive();
      await this.joined?.undo();
      await this.#backToAudio();
      return sit();
    });
  }

  unbridge(): Promise<void> {
    return this.#inTurn(async () => this.joined?.undo());
  }

  /** Another endpoint on its server. */
  another(remoteSdp?: string): Promise<FreeswitchEndpoint> {
    return this.#parts.another(remoteSdp);
  }

  expectMedia(limits: SilenceLimits): void {
    if (this.#ended) return;
    this.#watched().expect(limits);
  }

  on<K extends keyof EndpointEvents>(event: K, listener: (payload: EndpointEvents[K]) => void): () => void {
    const off = this.#events.on(event, listener);
    if (event === 'media' && !this.#ended) this.#watched();
    if (event !== 'faxTone') return off;
    this.#listenForFax();
    return () => {
      off();
      this.#listenForFax();
    };
  }

  async stats(): Promise<EndpointStats> {
    this.mustLive();
    const variables = await this.channel.variables();
    this.mustLive();
    return countersOf(variables ?? {}, this.#parameters);
  }

  destroy(): Promise<void> {
    this.#destroying ??= this.#destroy();
    return this.#destroying;
  }

  /** A peer who takes no RFC 4733 events sends his keys as tones, and gets those of the other party as tones. */
  async hearTones(): Promise<void> {
    const parameters = this.#parameters;
    if (!parameters || parameters.eventPayloadType !== undefined || this.#hearsTones) return;
    this.#hearsTones = true;
    // FreeSWITCH takes them between two frames, both in one go.
    await Promise.all([
      this.channel.execute(this.#parts.abilities.spandsp ? 'spandsp_start_dtmf' : 'start_dtmf'),
      this.channel.execute('start_dtmf_generate', 'write'),
    ]);
  }

  /** @throws MediaError `endpoint-gone` */
  mustLive(): void {
    if (this.#ended || this.#destroying)
      throw new MediaError('endpoint-gone', `Endpoint ${this.id} does not exist any more`);
  }

  get #parameters(): MediaParameters | undefined {
    return this.#agreed?.agreement.parameters;
  }

  /** One exchange of descriptions after the other, with the peer and with FreeSWITCH. */
  #exchange<T>(run: () => Promise<T>): Promise<T> {
    const exchange = this.#exchanges.then(() => {
      this.mustLive();
      return run();
    });
    this.#exchanges = exchange.catch(() => undefined);
    return exchange;
  }

  #mustNotOffer(to: 'peer' | 'server'): void {
    if (this.#offering.has(to)) throw new MediaError('no-common-codec', 'An offer of ours is under way');
  }

  async #offerTo<T>(to: 'peer' | 'server', offer: Promise<T>): Promise<T> {
    this.#offering.add(to);
    try {
      return await offer;
    } finally {
      this.#offering.delete(to);
    }
  }

  /** FreeSWITCH has offered us something: T.38 for its fax machine, which goes on in the audio when the peer refuses it; or what it has told before, to see whether we live. */
  async #offered(sdp: string | undefined): Promise<string> {
    const { session, peer } = this.#parts;
    const theirs = sdp === undefined ? undefined : imageOf(sdp)?.[1];
    if (!theirs) {
      const parameters = this.#parameters;
      return parameters ? peer.known(parameters) : peer.unknown(this.#parts.capabilities);
    }
    if (!this.#offer) throw new MediaError('no-common-codec', 'Nobody brings T.38 to the peer');
    const proposal = session.propose(theirs);
    const image = imageOf(await this.#offerTo('peer', this.#offer(proposal)))?.[1];
    if (!image) {
      // He took it, and then not: nothing is heard any more. FreeSWITCH stays where it was.
      const agreed = await this.#offerAudio();
      void this.#exchange(() => this.#tellServer(agreed.agreement.parameters)).catch(() => undefined);
      throw new MediaError('no-common-codec', 'The peer answered T.38 with something else');
    }
    session.agree(proposal);
    this.#toImage();
    return peer.image(image);
  }

  /** Tells FreeSWITCH of the T.38 that the peer offers. @returns its own */
  async #imageOfServer(theirs: RemoteImage): Promise<ImageForm> {
    const refused = (cause?: unknown) => new MediaError('no-common-codec', 'FreeSWITCH takes no T.38 here', { cause });
    const asked = this.#offerTo('server', this.channel.dialog.modify(this.#parts.peer.image(theirs)));
    const answer = await asked.catch((error: unknown) => {
      throw refused(error);
    });
    const image = imageOf(answer)?.[1];
    if (!image) throw refused();
    this.#toImage();
    return image;
  }

  #toImage(): void {
    this.#isImage = true;
    this.#described = '';
  }

  /** Whatever is to be heard after a fax by T.38 needs audio. What comes of it shows in what is done then. */
  async #backToAudio(): Promise<void> {
    if (!this.#isImage) return;
    await this.#exchange(async () => {
      if (!this.#isImage) return;
      const { agreement } = await this.#offerAudio();
      await this.#tellServer(agreement.parameters);
    }).catch(() => undefined);
  }

  async #offerAudio(): Promise<Negotiation> {
    const { session, capabilities } = this.#parts;
    if (!this.#offer) throw new MediaError('endpoint-gone', 'Nobody brings offers to the peer');
    const proposal = session.propose();
    const agreed = readRemote(await this.#offerTo('peer', this.#offer(proposal)), capabilities);
    session.agree(proposal, agreed.agreement);
    this.#agreed = agreed;
    return agreed;
  }

  /** A re-INVITE on our leg, if the peer has changed anything that FreeSWITCH sees. */
  async #tellServer(parameters: MediaParameters): Promise<void> {
    const { peer } = this.#parts;
    const key = parameters.srtp?.remote;
    const described = JSON.stringify({ ...parameters, srtp: key });
    if (described === this.#described) return;
    try {
      if (key === this.#remoteKey) {
        peer.hear(await this.#offerTo('server', this.channel.dialog.modify(peer.known(parameters))));
      } else {
        await this.#rekey(parameters);
        this.#remoteKey = key;
      }
    } catch (error) {
      throw new MediaError('endpoint-gone', `FreeSWITCH refused a new description of endpoint ${this.id}`, {
        cause: error,
      });
    }
    this.#described = described;
    this.#isImage = false;
  }

  /**
   * From an answer FreeSWITCH takes another key of the peer's and keeps its own; with an offer that has one it would choose a new one for itself, which the peer
   * does not get who has answered an offer of ours. So it is asked to offer.
   */
  async #rekey(parameters: MediaParameters): Promise<void> {
    const { peer, clock } = this.#parts;
    const before = this.#parameters;
    // Its offer has the direction of what it was told last.
    if (before?.srtp && !(before.sending && before.receiving)) {
      await this.#offerTo('server', this.channel.dialog.modify(peer.known({ ...parameters, srtp: before.srtp })));
    }
    const answered = Promise.withResolvers<void>();
    this.#rekeying = (offer) => {
      peer.hear(offer);
      answered.resolve();
      return peer.known(parameters);
    };
    const over = new AbortController();
    try {
      await this.channel.must('uuid_media_reneg');
      const late = delay(clock, REKEY_PATIENCE_MS, over.signal).then(() => {
        throw new Error('It was asked to offer, and did not');
      });
      await Promise.race([answered.promise, late, this.channel.gone]);
    } finally {
      over.abort();
      this.#rekeying = undefined;
    }
  }

  /** FreeSWITCH cannot begin to encrypt in the middle of a call, nor stop it. */
  #mustEncryptAsBefore({ srtp, webrtc }: MediaParameters): void {
    const before = this.#parameters;
    if (!before || (!before.srtp === !srtp && !before.webrtc === !webrtc)) return;
    throw new MediaError('no-common-codec', 'Whether a call is encrypted cannot change while it lasts');
  }

  #listenForFax(): void {
    const on = this.#events.listenerCount('faxTone') > 0;
    if (on === this.#listensForFax || this.#ended || this.#destroying) return;
    this.#listensForFax = on;
    void (on ? this.channel.execute(...HEAR_FAX) : this.channel.execute('spandsp_stop_fax_detect'));
  }

  #watched(): SilenceWatch {
    this.#watch ??= new SilenceWatch({
      clock: this.#parts.clock,
      packetsIn: async () => {
        const variables = await this.channel.variables();
        return variables && countersOf(variables).packetsIn;
      },
      shouldSend: () => this.#parameters?.receiving === true && !this.heldByPeer && !this.#isImage,
      onMedia: () => {
        const { address, port } = this.#parameters?.remote ?? { address: '', port: 0 };
        this.#events.emit('media', { address, port });
      },
      onSilent: (ms) => this.#events.emit('silent', { ms }),
      onPaused: (ms) => this.#events.emit('paused', { ms }),
      onResumed: () => this.#events.emit('resumed', {}),
    });
    return this.#watch;
  }

  async #destroy(): Promise<void> {
    if (this.#ended) return;
    this.#watch?.close();
    this.joined?.dissolve();
    const running = [this.#playback?.ended, this.#fax?.ended];
    await this.#closeRecordings();
    await this.channel.hangUp();
    await Promise.all(running);
    this.#end();
    this.#events.clear();
  }

  async #closeRecordings(): Promise<void> {
    if (this.#recordings.size === 0) return;
    const closed = Promise.all([...this.#recordings].map((recording) => recording.close()));
    await Promise.race([closed, delay(this.#parts.clock, CLOSE_PATIENCE_MS)]);
  }

  /** The channel is gone, and nobody here has hung up. */
  #lose(reason: string): void {
    if (this.#ended || this.#destroying) return;
    this.joined?.dissolve();
    this.#end();
    this.#events.emit('gone', { reason });
    this.#events.clear();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#watch?.close();
    this.#parts.onEnd();
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#bridgings.then(change);
    this.#bridgings = turn.catch(() => undefined);
    return turn;
  }
}

/** What offers T.38 and no audio beside it. */
function imageOf(sdp: string): [RemoteDescription, RemoteImage] | undefined {
  const remote = parseRemote(sdp);
  return remote.image && !remote.audio ? [remote, remote.image] : undefined;
}

/** How long FreeSWITCH may take to offer something that it was asked for, milliseconds. */
const REKEY_PATIENCE_MS = 4000;
/** How long FreeSWITCH may take to close the files of a channel that is about to go. */
const CLOSE_PATIENCE_MS = 2000;
/** Milliseconds: the bursts of a calling tone are half a second long, and three apart. */
const REARM_MS = 500;
/**
 * The detector of mod_spandsp, not the one of FreeSWITCH itself (`tone_detect`), which hears nothing while something is played. It wants an application to run
 * when it has heard one, and a limit in seconds.
 */
const HEAR_FAX = ['spandsp_start_fax_detect', 'set fax_tone=heard 86400 cng'] as const;

const GONE = Promise.resolve({ reason: 'endpointGone', playedMs: 0 } as const);

/** The codecs of a server that has no say of its own. */
export const DEFAULT_CODECS: readonly CodecName[] = ['pcma', 'pcmu'];
