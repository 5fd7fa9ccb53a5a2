import { MediaError } from '../../../media/port.ts';
import type { Clock, TimerId } from '../../../time/clock.ts';
import type { Random } from '../../../time/random.ts';
import type { Spandsp } from '../dsp/spandsp.ts';
import { LatenessHistogram } from '../histogram.ts';
import type { FromWorker, Place, RequestName, Requests, WorkerStats } from '../protocol.ts';
import { ConferenceBridge } from './conference.ts';
import { RtpEndpoint } from './endpoint.ts';
import { Links } from './links.ts';
import { Pacer } from './pacer.ts';
import { type ClipLoader, Playback } from './playback.ts';
import type { DatagramReceiver, PortPair } from './port-pair.ts';
import type { PortRange } from './port-range.ts';
import type { FileMaker } from './recording-file.ts';
import type { Sink } from './sink.ts';

/**
 * RTCP is due every few seconds, and a peer may fall silent; how often that is looked after. Not for all endpoints at once: what is found in a thousand calls, of
 * which many began together, would hold up everything else.
 */
const HOUSEKEEPING_MS = 500;
/** So many parts of the endpoints, one after the other in that time. */
const HOUSEKEEPING_TURNS = 25;

export interface MediaCoreOptions {
  readonly worker: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly ports: PortRange;
  readonly bind: (port: number, receiver: DatagramReceiver) => Promise<PortPair>;
  readonly clips: ClipLoader;
  readonly spandsp: Spandsp | undefined;
  readonly makeFile: FileMaker;
  readonly emit: (event: Extract<FromWorker, { endpoint: number }>) => void;
}

type Handlers = { readonly [K in RequestName]: (ask: Requests[K]['ask']) => Answer<K> | Promise<Answer<K>> };
type Answer<K extends RequestName> = Requests[K]['answer'];

/** The endpoints and conferences of one worker and what can be asked of them. Knows sockets, files and threads only by what is handed in. */
export class MediaCore {
  readonly #options: MediaCoreOptions;
  readonly #endpoints = new Map<number, RtpEndpoint>();
  readonly #pacer: Pacer;
  readonly #lateness = new LatenessHistogram();
  readonly #conferences = new Map<number, ConferenceBridge>();
  /** Of all conferences: where what each participant says goes. */
  readonly #seats = new Map<number, Sink>();
  readonly #links = new Links((number) => this.#endpoints.get(number)?.outbound ?? this.#seats.get(number));
  #rejectedBefore = 0;
  #housekeeping: TimerId | undefined;
  #turn = 0;

  constructor(options: MediaCoreOptions) {
    this.#options = options;
    this.#pacer = new Pacer(options.clock);
  }

  readonly handlers: Handlers = {
    open: async ({ endpoint: id }) => {
      const { clock, random, spandsp, makeFile, emit, ports, bind } = this.#options;
      const around = { clock, random, pacer: this.#pacer, lateness: this.#lateness, spandsp, makeFile };
      const endpoint = new RtpEndpoint(around, random.hex(8), {
        dtmf: (event) => emit({ kind: 'dtmf', endpoint: id, event }),
        media: (event) => emit({ kind: 'media', endpoint: id, event }),
        faxTone: () => emit({ kind: 'faxTone', endpoint: id }),
        faxProgress: (fax, progress) => emit({ kind: 'faxProgress', endpoint: id, fax, progress }),
        faxed: (fax, end) => emit({ kind: 'faxed', endpoint: id, fax, end }),
        silent: (event) => emit({ kind: 'silent', endpoint: id, event }),
        paused: (event) => emit({ kind: 'paused', endpoint: id, event }),
        resumed: () => emit({ kind: 'resumed', endpoint: id }),
        played: (playback, end) => emit({ kind: 'played', endpoint: id, playback, end }),
        recorded: (recording, end) => emit({ kind: 'recorded', endpoint: id, recording, end }),
      });
      const pair = await ports.take((port) => bind(port, endpoint));
      endpoint.attach(pair);
      this.#endpoints.set(id, endpoint);
      return { port: pair.port };
    },
    configure: ({ endpoint, dtmf, key, parameters }) => {
      this.#endpoint(endpoint).configure(parameters, dtmf, key);
      this.#keepHouse();
      return undefined;
    },
    bypass: ({ endpoint }) => {
      this.#endpoint(endpoint).bypass();
      return undefined;
    },
    play: ({ endpoint, playback, ...wish }) => {
      this.#endpoint(endpoint).outbound.play(new Playback(playback, wish, this.#options.clips));
      return undefined;
    },
    stop: ({ endpoint, playback }) => {
      this.#endpoint(endpoint).outbound.stop(playback);
      return undefined;
    },
    record: ({ endpoint, recording, options }) => {
      this.#endpoint(endpoint).record(recording, options);
      return undefined;
    },
    stopRecording: async ({ endpoint, recording }) => {
      await this.#endpoints.get(endpoint)?.stopRecording(recording);
      return undefined;
    },
    sendDtmf: ({ endpoint: id, digits, toneMs, gapMs }) => {
      const endpoint = this.#endpoint(id);
      return new Promise((resolve, reject) =>
        endpoint.outbound.sendDtmf(digits, toneMs, gapMs, () =>
          this.#endpoints.get(id) === endpoint ? resolve(undefined) : reject(gone(id)),
        ),
      );
    },
    listenForFax: ({ endpoint, on }) => {
      this.#endpoints.get(endpoint)?.inbound.listenForFax(on);
      return undefined;
    },
    fax: ({ endpoint, fax, options }) => {
      this.#endpoint(endpoint).startFax(fax, options);
      return undefined;
    },
    stopFax: ({ endpoint, fax }) => {
      this.#endpoints.get(endpoint)?.stopFax(fax);
      return undefined;
    },
    connect: ({ endpoint, to, passDtmf }) => {
      this.#endpoint(endpoint).inbound.connect(this.#sinkOf(to), passDtmf);
      return undefined;
    },
    disconnect: ({ endpoint }) => {
      this.#endpoints.get(endpoint)?.inbound.disconnect();
      return undefined;
    },
    conference: ({ conference }) => {
      const { clock, random, spandsp } = this.#options;
      this.#conferences.set(conference, new ConferenceBridge({ clock, random, pacer: this.#pacer, spandsp }));
      return undefined;
    },
    seat: ({ conference, seat, to }) => {
      const bridge = this.#conferences.get(conference);
      if (!bridge) throw new MediaError('server-gone', `Conference ${conference} is over`);
      this.#seats.set(seat, bridge.seat(seat, this.#sinkOf(to)));
      return undefined;
    },
    mute: ({ conference, seat, on }) => {
      this.#conferences.get(conference)?.mute(seat, on);
      return undefined;
    },
    vacate: ({ conference, seat }) => {
      this.#seats.delete(seat);
      this.#conferences.get(conference)?.vacate(seat);
      return undefined;
    },
    endConference: ({ conference }) => {
      const bridge = this.#conferences.get(conference);
      for (const seat of bridge?.seats ?? []) this.#seats.delete(seat);
      bridge?.close();
      this.#conferences.delete(conference);
      return undefined;
    },
    expectMedia: ({ endpoint, limits }) => {
      this.#endpoint(endpoint).silence.expect(limits);
      return undefined;
    },
    endpointStats: ({ endpoint }) => this.#endpoint(endpoint).stats(),
    destroy: async ({ endpoint }) => {
      await this.#destroy(endpoint);
      return undefined;
    },
    stats: () => this.#stats(),
    link: ({ worker, port }) => {
      this.#links.add(worker, port);
      return undefined;
    },
    close: async () => {
      for (const conference of this.#conferences.values()) conference.close();
      await Promise.all([...this.#endpoints.keys()].map((id) => this.#destroy(id)));
      this.#pacer.stop();
      this.#links.close();
      return undefined;
    },
  };

  #endpoint(id: number): RtpEndpoint {
    const endpoint = this.#endpoints.get(id);
    if (!endpoint) throw gone(id);
    return endpoint;
  }

  /** @throws MediaError if it is one of this worker, and is gone */
  #sinkOf({ worker, endpoint: number }: Place): Sink {
    if (worker !== this.#options.worker) return this.#links.to(worker, number);
    return this.#seats.get(number) ?? this.#endpoint(number).outbound;
  }

  async #destroy(id: number): Promise<void> {
    const endpoint = this.#endpoints.get(id);
    if (!endpoint) return;
    this.#endpoints.delete(id);
    this.#rejectedBefore += endpoint.inbound.rejected;
    await endpoint.destroy();
    if (this.#isInUse() || this.#housekeeping === undefined) return;
    this.#options.clock.clearTimeout(this.#housekeeping);
    this.#housekeeping = undefined;
  }

  #stats(): WorkerStats {
    const endpoints = [...this.#endpoints.values()];
    return {
      connected: endpoints.filter((endpoint) => endpoint.inbound.connected).length,
      conferences: this.#conferences.size,
      seats: this.#seats.size,
      playbacks: endpoints.filter((endpoint) => endpoint.outbound.playing).length,
      recordings: endpoints.reduce((sum, endpoint) => sum + endpoint.recording, 0),
      rejected: endpoints.reduce((sum, endpoint) => sum + endpoint.inbound.rejected, this.#rejectedBefore),
      lateness: this.#lateness.lastMinute(this.#options.clock.monotonic()),
    };
  }

  /** One timer for the reports and the silence of all endpoints; none while no endpoint has a peer. */
  #keepHouse(): void {
    if (this.#housekeeping !== undefined) return;
    this.#housekeeping = this.#options.clock.setTimeout(() => {
      this.#housekeeping = undefined;
      this.#turn = (this.#turn + 1) % HOUSEKEEPING_TURNS;
      for (const [id, endpoint] of this.#endpoints) if (id % HOUSEKEEPING_TURNS === this.#turn) endpoint.keepHouse();
      if (this.#isInUse()) this.#keepHouse();
    }, HOUSEKEEPING_MS / HOUSEKEEPING_TURNS);
  }

  /** Endpoints are opened before anybody needs them. */
  #isInUse(): boolean {
    return [...this.#endpoints.values()].some((endpoint) => endpoint.isConfigured);
  }
}

const gone = (id: number) => new MediaError('endpoint-gone', `Endpoint ${id} does not exist any more`);
