import { Emitter } from '../emitter.ts';
import { audioLength } from '../media/audio-length.ts';
import type {
  AudioSource,
  Endpoint,
  EndpointEvents,
  EndpointOptions,
  EndpointStats,
  MediaServer,
  MediaServerStats,
  Playback,
  PlaybackEnd,
  PlayOptions,
} from '../media/port.ts';
import type { Recording, RecordingEnd, RecordOptions } from '../media/recorder.ts';
import type { Clock } from '../time/clock.ts';

/** What a file counts as that is missing on this machine, milliseconds. */
export const unknownLengthMs = 3000;

/** Lengths of audio, each file looked at once. */
export class AudioLengths {
  readonly #known = new Map<string, number>();

  /** Milliseconds. */
  of(sources: readonly AudioSource[]): number {
    return Math.round(sources.reduce((sum, source) => sum + this.#ofOne(source), 0));
  }

  #ofOne(source: AudioSource): number {
    if ('silenceMs' in source) return source.silenceMs;
    if ('tone' in source) return source.tone.ms ?? source.tone.cadence.reduce((sum, ms) => sum + ms, 0);
    const known = this.#known.get(source.file) ?? audioLength(source.file) ?? unknownLengthMs;
    this.#known.set(source.file, known);
    return known;
  }
}

/** Media without sound: what is played lasts as long as it would. */
export class SimulatedMedia implements MediaServer {
  readonly name = 'simulated';
  /** Called when two endpoints are bridged. */
  onBridge: (one: SimulatedEndpoint, other: SimulatedEndpoint) => void = () => undefined;
  readonly #clock: Clock;
  readonly #lengths: AudioLengths;
  readonly #endpoints = new Set<SimulatedEndpoint>();
  #made = 0;

  constructor(clock: Clock, lengths: AudioLengths) {
    this.#clock = clock;
    this.#lengths = lengths;
  }

  async createEndpoint(options: EndpointOptions): Promise<Endpoint> {
    const endpoint: SimulatedEndpoint = new SimulatedEndpoint(`endpoint ${++this.#made}`, options, {
      clock: this.#clock,
      lengths: this.#lengths,
      bridged: (one, other) => this.onBridge(one, other),
      gone: () => this.#endpoints.delete(endpoint),
    });
    this.#endpoints.add(endpoint);
    return endpoint;
  }

  /** Endpoints that live. */
  get size(): number {
    return this.#endpoints.size;
  }

  /** The end that a party hears, by the SDP that it came with. */
  endpointFor(remoteSdp: string): SimulatedEndpoint | undefined {
    return [...this.#endpoints].find(({ options }) => options.remoteSdp === remoteSdp);
  }

  async stats(): Promise<MediaServerStats> {
    return { endpoints: this.size, bridges: 0, conferences: 0, playbacks: 0, recordings: 0, rejected: 0 };
  }

  async close(): Promise<void> {
    for (const endpoint of this.#endpoints) await endpoint.destroy();
  }
}

interface Surroundings {
  readonly clock: Clock;
  readonly lengths: AudioLengths;
  readonly bridged: (one: SimulatedEndpoint, other: SimulatedEndpoint) => void;
  readonly gone: () => void;
}

export class SimulatedEndpoint implements Endpoint {
  readonly id: string;
  readonly options: EndpointOptions;
  readonly localSdp: string;
  readonly heldByPeer = false;
  readonly #around: Surroundings;
  readonly #events = new Emitter<EndpointEvents>();
  #playing: { end(reason: PlaybackEnd['reason']): void } | undefined;
  readonly #recordings = new Set<(reason: RecordingEnd['reason']) => void>();

  constructor(id: string, options: EndpointOptions, around: Surroundings) {
    this.id = id;
    this.localSdp = id;
    this.options = options;
    this.#around = around;
  }

  async negotiate(): Promise<string> {
    return this.localSdp;
  }

  onOffer(): void {
    // A fax is over at once here, in whatever form.
  }

  play(sources: readonly AudioSource[], { loop = false, startAtMs = 0 }: PlayOptions = {}): Playback {
    this.#playing?.end('replaced');
    const { clock, lengths } = this.#around;
    const { promise: ended, resolve } = Promise.withResolvers<PlaybackEnd>();
    const began = clock.monotonic();
    const playing = {
      end: (reason: PlaybackEnd['reason']) => {
        clock.clearTimeout(timer);
        if (this.#playing === playing) this.#playing = undefined;
        resolve({ reason, playedMs: clock.monotonic() - began });
      },
    };
    const left = Math.max(0, lengths.of(sources) - startAtMs);
    const timer = loop ? undefined : clock.setTimeout(() => playing.end('finished'), left);
    this.#playing = playing;
    return {
      ended,
      stop: () => {
        playing.end('stopped');
        return ended;
      },
    };
  }

  /** Nothing is written. Parties talk as long as they are there, so silence never ends it. */
  record({ maxMs }: RecordOptions): Recording {
    const { clock } = this.#around;
    const { promise: ended, resolve } = Promise.withResolvers<RecordingEnd>();
    const began = clock.monotonic();
    const end = (reason: RecordingEnd['reason']) => {
      if (timer !== undefined) clock.clearTimeout(timer);
      this.#recordings.delete(end);
      const ms = clock.monotonic() - began;
      resolve({ reason, ms, speechMs: ms });
    };
    const timer = maxMs === undefined ? undefined : clock.setTimeout(() => end('maxLength'), maxMs);
    this.#recordings.add(end);
    return {
      ended,
      stop: () => {
        end('stopped');
        return ended;
      },
    };
  }

  async sendDtmf(): Promise<void> {
    // Nobody listens.
  }

  receiveFax(): never {
    throw new Error('a simulated fax is received by the call layer: facilities.ts');
  }

  sendFax(): never {
    throw new Error('a simulated call sends no fax');
  }

  async bridge(peer: Endpoint): Promise<void> {
    if (peer instanceof SimulatedEndpoint) this.#around.bridged(this, peer);
  }

  async unbridge(): Promise<void> {
    // There was nothing to connect.
  }

  expectMedia(): void {
    // Parties are heard for as long as they are there.
  }

  on<K extends keyof EndpointEvents>(event: K, listener: (payload: EndpointEvents[K]) => void): () => void {
    return this.#events.on(event, listener);
  }

  /** The party presses a key. */
  press(digit: string): void {
    this.#events.emit('dtmf', { digit, source: 'rfc4733' });
  }

  /** The party is a fax machine, and calls. */
  faxTone(): void {
    this.#events.emit('faxTone', {});
  }

  async stats(): Promise<EndpointStats> {
    return { packetsIn: 0, packetsOut: 0, lost: 0, rejected: 0, jitterMs: 0, codec: 'pcma' };
  }

  async destroy(): Promise<void> {
    this.#playing?.end('endpointGone');
    for (const end of [...this.#recordings]) end('endpointGone');
    this.#around.gone();
  }
}
