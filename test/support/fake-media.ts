import { Emitter } from '../../src/emitter.ts';
import type { Conference, ConferenceMixer, Participant } from '../../src/media/conference.ts';
import {
  type FaxEnd,
  type FaxOptions,
  type FaxReceiveOptions,
  type FaxSendOptions,
  type FaxTransmission,
  noFaxYet,
} from '../../src/media/fax.ts';
import {
  type AudioSource,
  type Endpoint,
  type EndpointEvents,
  type EndpointOptions,
  type EndpointStats,
  MediaError,
  type MediaServer,
  type MediaServerStats,
  type Playback,
  type PlaybackEnd,
  type PlayOptions,
  type SilenceLimits,
} from '../../src/media/port.ts';
import type { Recording, RecordingEnd, RecordOptions } from '../../src/media/recorder.ts';

/** A media server without media: endpoints note what they are told, and the test says when a playback ends. */
export class FakeMediaServer implements MediaServer, ConferenceMixer {
  readonly name = 'fake';
  readonly endpoints: FakeEndpoint[] = [];
  /** Thrown by the next `createEndpoint`s. */
  failure: Error | undefined;
  /** Thrown by `bridge` of its endpoints. */
  bridgeFailure: Error | undefined;
  faxProblem: string | undefined;

  async createEndpoint(options: EndpointOptions): Promise<FakeEndpoint> {
    if (this.failure) throw this.failure;
    const endpoint = new FakeEndpoint(`e${this.endpoints.length}`, options, this);
    this.endpoints.push(endpoint);
    return endpoint;
  }

  /** Those that go on. */
  readonly conferences = new Set<FakeConference>();

  async createConference(): Promise<FakeConference> {
    if (this.failure) throw this.failure;
    const conference: FakeConference = new FakeConference(() => this.conferences.delete(conference));
    this.conferences.add(conference);
    return conference;
  }

  get alive(): FakeEndpoint[] {
    return this.endpoints.filter(({ destroyed }) => !destroyed);
  }

  async stats(): Promise<MediaServerStats> {
    return { endpoints: this.alive.length, bridges: 0, conferences: 0, playbacks: 0, recordings: 0, rejected: 0 };
  }

  async close(): Promise<void> {
    await Promise.all(this.endpoints.map((endpoint) => endpoint.destroy()));
  }
}

/** A conference in which nobody hears anything: it knows who is in it. */
export class FakeConference implements Conference {
  readonly lost: Promise<string>;
  /** Who takes part, and whether he is mute. */
  readonly members = new Map<Endpoint, { isMute: boolean }>();
  readonly #lost = Promise.withResolvers<string>();
  readonly #over: () => void;

  constructor(over: () => void) {
    this.lost = this.#lost.promise;
    this.#over = over;
  }

  get size(): number {
    return this.members.size;
  }

  async join(endpoint: Endpoint): Promise<Participant> {
    if (endpoint instanceof FakeEndpoint && endpoint.destroyed) throw new MediaError('endpoint-gone', 'it is gone');
    this.members.set(endpoint, { isMute: false });
    return {
      mute: async (on) => {
        const member = this.members.get(endpoint);
        if (member) member.isMute = on;
      },
      leave: async () => void this.members.delete(endpoint),
    };
  }

  lose(reason: string): void {
    this.#over();
    this.#lost.resolve(reason);
  }

  async end(): Promise<void> {
    this.members.clear();
    this.#over();
  }
}

export class FakeEndpoint implements Endpoint {
  readonly id: string;
  readonly options: EndpointOptions;
  readonly localSdp: string;
  readonly #events = new Emitter<EndpointEvents>();
  readonly #server: Pick<FakeMediaServer, 'bridgeFailure'> | undefined;
  heldByPeer = false;
  source: EndpointStats['source'];
  remoteSdp: string | undefined;
  destroyed = false;
  bridgedTo: Endpoint | undefined;
  sentDigits = '';
  /** The fax under way; the test says how it ends. */
  fax:
    | {
        readonly kind: 'receive' | 'send';
        readonly options: FaxOptions & { readonly file: string };
        end(end: Partial<FaxEnd>): void;
      }
    | undefined;
  /** How many pages of a fax there are when the endpoint is destroyed. */
  faxPages = 0;
  /** Since the peer is to be heard. */
  expected: SilenceLimits | undefined;
  /** Those that run. The test says how long they are when they end. */
  readonly recordings: FakeRecording[] = [];
  playing:
    | {
        readonly sources: readonly AudioSource[];
        readonly loop: boolean;
        readonly startAtMs: number;
        /** How much of it was heard, when it ends. */
        playedMs: number;
        /** @param error of one that failed */
        end(reason: PlaybackEnd['reason'], error?: string): void;
      }
    | undefined;

  constructor(id: string, options: EndpointOptions, server?: Pick<FakeMediaServer, 'bridgeFailure'>) {
    this.#server = server;
    this.id = id;
    this.options = options;
    this.localSdp = `sdp of ${id}`;
    this.remoteSdp = options.remoteSdp;
  }

  /** The first packet of the peer has come from there. */
  hears(from: EndpointEvents['media']): void {
    this.source = from;
    this.#events.emit('media', from);
  }

  /** His audio goes elsewhere. */
  bypassed = false;

  async bypass(): Promise<void> {
    this.bypassed = true;
  }

  async negotiate(remoteSdp: string): Promise<string> {
    this.bypassed = false;
    this.remoteSdp = remoteSdp;
    this.heldByPeer = remoteSdp.includes('sendonly');
    return this.localSdp;
  }

  /** The media layer wants another session with the peer. */
  offer: ((sdp: string) => Promise<string>) | undefined;
  onOffer(handler: (sdp: string) => Promise<string>): void {
    this.offer = handler;
  }

  play(sources: readonly AudioSource[], { loop = false, startAtMs = 0 }: PlayOptions = {}): Playback {
    this.playing?.end('replaced');
    const { promise: ended, resolve } = Promise.withResolvers<PlaybackEnd>();
    const playing = {
      sources,
      loop,
      startAtMs,
      playedMs: 0,
      end: (reason: PlaybackEnd['reason'], error?: string) => {
        if (this.playing === playing) this.playing = undefined;
        resolve({ reason, playedMs: playing.playedMs, ...(error === undefined ? {} : { error }) });
      },
    };
    this.playing = playing;
    return {
      ended,
      stop: () => {
        playing.end('stopped');
        return ended;
      },
    };
  }

  record(options: RecordOptions): Recording {
    const recording = new FakeRecording(options, () => this.recordings.splice(this.recordings.indexOf(recording), 1));
    this.recordings.push(recording);
    return recording;
  }

  async sendDtmf(digits: string): Promise<void> {
    this.sentDigits += digits;
  }

  receiveFax(options: FaxReceiveOptions): FaxTransmission {
    return this.#startFax('receive', options);
  }

  sendFax(options: FaxSendOptions): FaxTransmission {
    return this.#startFax('send', options);
  }

  #startFax(kind: 'receive' | 'send', options: FaxOptions & { readonly file: string }): FaxTransmission {
    const { promise: ended, resolve } = Promise.withResolvers<FaxEnd>();
    const fax = {
      kind,
      options,
      end: (end: Partial<FaxEnd>) => {
        if (this.fax === fax) this.fax = undefined;
        resolve({ ...noFaxYet, reason: 'finished', ...end });
      },
    };
    this.fax = fax;
    return {
      ended,
      stop: () => {
        fax.end({ reason: 'stopped' });
        return ended;
      },
    };
  }

  faxTone(): void {
    this.#events.emit('faxTone', {});
  }

  /** Whether anybody wants to know of calling tones. */
  get listensForFax(): boolean {
    return this.#events.listenerCount('faxTone') > 0;
  }

  async bridge(peer: Endpoint): Promise<void> {
    if (this.#server?.bridgeFailure) throw this.#server.bridgeFailure;
    this.bridgedTo = peer;
  }

  async unbridge(): Promise<void> {
    this.bridgedTo = undefined;
  }

  expectMedia(limits: SilenceLimits): void {
    this.expected = limits;
  }

  /** Nothing comes from the peer any more. */
  fallsSilent(): void {
    if (this.expected) this.#events.emit('silent', { ms: this.expected.firstMs });
  }

  pauses(ms: number): void {
    this.#events.emit('paused', { ms });
  }

  resumes(): void {
    this.#events.emit('resumed', {});
  }

  on<K extends keyof EndpointEvents>(event: K, listener: (payload: EndpointEvents[K]) => void): () => void {
    return this.#events.on(event, listener);
  }

  press(digit: string): void {
    this.#events.emit('dtmf', { digit, source: 'rfc4733' });
  }

  async stats(): Promise<EndpointStats> {
    return { source: this.source, packetsIn: 0, packetsOut: 0, lost: 0, rejected: 0, jitterMs: 0, codec: 'pcma' };
  }

  async destroy(): Promise<void> {
    this.destroyed = true;
    this.playing?.end('endpointGone');
    this.fax?.end({ pages: this.faxPages, reason: 'failed', error: 'the call ended before the fax did' });
    for (const recording of [...this.recordings]) recording.end({ reason: 'endpointGone' });
  }
}

/** A recording without a file. */
export class FakeRecording implements Recording {
  readonly options: RecordOptions;
  readonly ended: Promise<RecordingEnd>;
  /** What the next end reports. */
  ms = 10_000;
  readonly #settle: (end: RecordingEnd) => void;
  readonly #over: () => void;
  #isOver = false;

  constructor(options: RecordOptions, over: () => void) {
    this.options = options;
    this.#over = over;
    ({ promise: this.ended, resolve: this.#settle } = Promise.withResolvers<RecordingEnd>());
  }

  end(end: Partial<RecordingEnd> & Pick<RecordingEnd, 'reason'>): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#over();
    this.#settle({ ms: this.ms, speechMs: end.ms ?? this.ms, ...end });
  }

  stop(): Promise<RecordingEnd> {
    this.end({ reason: 'stopped' });
    return this.ended;
  }
}
