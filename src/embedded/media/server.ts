import { isIPv4 } from 'node:net';
import { availableParallelism } from 'node:os';
import { MessageChannel } from 'node:worker_threads';
import { errorText, UserError } from '../../errors.ts';
import type { Conference, ConferenceMixer } from '../../media/conference.ts';
import {
  type Endpoint,
  type EndpointOptions,
  MediaError,
  type MediaServer,
  type MediaServerStats,
} from '../../media/port.ts';
import { newKey } from '../../media/sdp/crypto.ts';
import { type Capabilities, noWebRtc } from '../../media/sdp/negotiate.ts';
import { readRemote, SdpSession } from '../../media/sdp/session.ts';
import { systemRandom } from '../../time/random.ts';
import { EmbeddedConference } from './conference.ts';
import { FAX_NEEDS_SPANDSP } from './dsp/spandsp.ts';
import { EmbeddedEndpoint } from './endpoint.ts';
import { merge, quantiles } from './histogram.ts';
import type { EmbeddedMediaOptions } from './index.ts';
import { divide, type PortInterval, pairsIn } from './worker/port-range.ts';
import { WorkerLink } from './worker-link.ts';

const WEBRTC_HINT =
  'the embedded media do not speak WebRTC; give the engine a FreeSWITCH server (FREESWITCH=host:port:secret)';

/** A place for a worker. One that died is started anew when the next endpoint needs it. */
interface Slot {
  readonly index: number;
  readonly ports: PortInterval;
  /** Being started, or running. */
  link: Promise<WorkerLink> | undefined;
  live: WorkerLink | undefined;
  endpoints: number;
  /** Opened before anybody needs them; undefined comes of one that could not be. */
  spares: Promise<Opened | undefined>[];
}

/** An endpoint of a worker, as yet without a peer. */
interface Opened {
  readonly number: number;
  readonly port: number;
}

/**
 * Of each worker. Whoever is rung need not wait until a thread has woken and opened two sockets: a millisecond on a busy machine, while a caller
 * hears nothing. Two: a caller, and the one who is rung for him.
 */
const SPARES = 2;

export class EmbeddedMediaServer implements MediaServer, ConferenceMixer {
  readonly name = 'embedded';
  faxProblem: string | undefined;
  readonly #options: EmbeddedMediaOptions;
  readonly #slots: readonly Slot[];
  readonly #endpoints = new Map<number, { readonly endpoint: EmbeddedEndpoint; readonly slot: Slot }>();
  /** Where the endpoints of a call live, while there are any. */
  readonly #calls = new Map<string, { readonly slot: Slot; endpoints: number }>();
  readonly #conferences = new Set<EmbeddedConference>();
  /** Endpoints, conferences and the seats in them are numbered together. */
  #lastNumber = 0;
  #warned = new Set<string>();
  #closing: Promise<void> | undefined;

  static async start(options: EmbeddedMediaOptions): Promise<EmbeddedMediaServer> {
    const server = new EmbeddedMediaServer(options);
    try {
      await Promise.all(server.#slots.map((slot) => server.#linkOf(slot)));
    } catch (error) {
      await server.close();
      throw new UserError(
        'media-address',
        `The media server cannot bind ${options.address}: ${errorText(error)}`,
        'Give it an IP address of this machine.',
        { cause: error },
      );
    }
    return server;
  }

  private constructor(options: EmbeddedMediaOptions) {
    const workers = options.workers ?? Math.max(1, Math.floor(availableParallelism() / 2));
    if (pairsIn(options.ports) < workers) {
      throw new UserError(
        'media-ports',
        `The RTP port range ${options.ports.from}-${options.ports.to} is too small for ${workers} media workers`,
        'Each call needs four ports: give at least a few hundred.',
      );
    }
    this.#options = options;
    this.#slots = divide(options.ports, workers).map((ports, index) => ({
      index,
      ports,
      link: undefined,
      live: undefined,
      endpoints: 0,
      spares: [],
    }));
  }

  async createEndpoint(options: EndpointOptions): Promise<Endpoint> {
    if (this.#closing) throw new MediaError('server-gone', 'The media server is closed');
    if (options.webrtc) throw noWebRtc(WEBRTC_HINT);
    const capabilities: Capabilities = {
      codecs: options.codecs ?? ['pcma', 'pcmu'],
      dtmf: options.dtmf ?? 'rfc2833',
      family: isIPv4(this.#options.address) ? 4 : 6,
      srtp: { required: options.srtp === 'required' },
      webrtcHint: WEBRTC_HINT,
    };
    const key = newKey(systemRandom);
    const agreed = options.remoteSdp === undefined ? undefined : readRemote(options.remoteSdp, capabilities);
    const { slot, link, number, port } = await this.#open(options.callId);
    const session = new SdpSession(capabilities, () => ({ key }), {
      sessionId: systemRandom.below(2 ** 47),
      address: (options.internal ? undefined : this.#options.externalIp) ?? this.#options.address,
      port,
    });
    const endpoint = new EmbeddedEndpoint({
      place: { worker: slot.index, endpoint: number },
      link,
      capabilities,
      key,
      session,
      onEnd: () => {
        this.#endpoints.delete(number);
        this.#release(slot, options.callId);
      },
    });
    this.#endpoints.set(number, { endpoint, slot });
    if (agreed) {
      const { dtmf } = capabilities;
      await link.request('configure', { endpoint: number, dtmf, key, parameters: agreed.agreement.parameters });
      session.accept(agreed);
    } else {
      session.offer();
    }
    return endpoint;
  }

  async createConference({ callId }: { readonly callId: string }): Promise<Conference> {
    if (this.#closing) throw new MediaError('server-gone', 'The media server is closed');
    const [slot] = this.#candidates(callId);
    if (!slot) throw new MediaError('server-gone', 'There is no media worker');
    const link = await this.#linkOf(slot);
    const number = ++this.#lastNumber;
    await link.request('conference', { conference: number });
    const conference: EmbeddedConference = new EmbeddedConference({
      ...{ number, worker: slot.index, link },
      nextNumber: () => ++this.#lastNumber,
      onEnd: () => this.#conferences.delete(conference),
    });
    this.#conferences.add(conference);
    return conference;
  }

  async stats(): Promise<MediaServerStats> {
    const live = this.#slots.flatMap((slot) => slot.live ?? []);
    const asked = await Promise.allSettled(live.map((link) => link.request('stats', undefined)));
    // A worker that dies meanwhile has nothing any more.
    const parts = asked.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    const sum = (pick: (part: (typeof parts)[number]) => number) =>
      parts.reduce((total, part) => total + pick(part), 0);
    const pacingErrorMs = quantiles(merge(parts.map((part) => part.lateness)));
    return {
      endpoints: this.#endpoints.size,
      bridges: Math.ceil((sum((part) => part.connected) - sum((part) => part.seats)) / 2),
      conferences: sum((part) => part.conferences),
      playbacks: sum((part) => part.playbacks),
      recordings: sum((part) => part.recordings),
      rejected: sum((part) => part.rejected),
      ...(pacingErrorMs && { pacingErrorMs }),
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#conferences].map((conference) => conference.end()));
    await Promise.all([...this.#endpoints.values()].map(({ endpoint }) => endpoint.destroy()));
    // A worker that is opening one when it is told to end would not end.
    await Promise.all(this.#slots.flatMap((slot) => slot.spares));
    const started = await Promise.allSettled(this.#slots.map((slot) => slot.link));
    await Promise.all(started.map((result) => result.status === 'fulfilled' && result.value?.close()));
  }

  /** The worker where the call already is, else the emptiest one, then the others. */
  #candidates(callId: string): Slot[] {
    const home = this.#calls.get(callId)?.slot;
    const byLoad = [...this.#slots].sort((a, b) => a.endpoints - b.endpoints);
    return home ? [home, ...byLoad.filter((slot) => slot !== home)] : byLoad;
  }

  /** On the first of them that has ports left. */
  async #open(callId: string) {
    let problem: unknown;
    for (const slot of this.#candidates(callId)) {
      this.#reserve(slot, callId);
      try {
        const link = await this.#linkOf(slot);
        const opened = (await this.#spareOf(slot)) ?? (await this.#openOn(link));
        return { slot, link, ...opened };
      } catch (error) {
        this.#release(slot, callId);
        if (!(error instanceof MediaError)) throw error;
        problem = error;
      }
    }
    throw problem;
  }

  async #openOn(link: WorkerLink): Promise<Opened> {
    const number = ++this.#lastNumber;
    const { port } = await link.request('open', { endpoint: number });
    return { number, port };
  }

  /** Another one takes its place, when what this one is for is on its way. */
  #spareOf(slot: Slot): Promise<Opened | undefined> | undefined {
    setImmediate(() => this.#prepare(slot));
    return slot.spares.shift();
  }

  /** What goes wrong, with the last ports taken, goes wrong again when somebody needs one, who is told. */
  #prepare(slot: Slot): void {
    const { live } = slot;
    if (!live || this.#closing) return;
    while (slot.spares.length < SPARES) slot.spares.push(this.#openOn(live).catch(() => undefined));
  }

  #linkOf(slot: Slot): Promise<WorkerLink> {
    slot.link ??= this.#startWorker(slot);
    return slot.link;
  }

  async #startWorker(slot: Slot): Promise<WorkerLink> {
    const { address, audioCacheDir, libspandsp, log } = this.#options;
    try {
      const link = await WorkerLink.start(
        { worker: slot.index, address, ports: slot.ports, audioCacheDir, ...(libspandsp && { libspandsp }) },
        {
          event: (event) => this.#endpoints.get(event.endpoint)?.endpoint.receive(event),
          warning: ({ message, hint }) => this.#warnOnce(message, hint),
          missing: ({ message, hint }) => {
            this.faxProblem = FAX_NEEDS_SPANDSP;
            this.#warnOnce(message, hint);
          },
          gone: (reason) => this.#lose(slot, reason),
        },
      );
      log?.info({ worker: slot.index, ports: slot.ports }, 'media worker started');
      slot.live = link;
      await this.#introduce(slot, link);
      this.#prepare(slot);
      return link;
    } catch (error) {
      slot.link = undefined;
      throw error;
    }
  }

  /** Connects the new worker with those that run, so that endpoints of both can be bridged. */
  async #introduce(slot: Slot, link: WorkerLink): Promise<void> {
    await Promise.all(
      this.#slots.map(async (other) => {
        if (other === slot || !other.live) return;
        const { port1, port2 } = new MessageChannel();
        await Promise.all([
          link.request('link', { worker: other.index, port: port1 }, [port1]),
          other.live.request('link', { worker: slot.index, port: port2 }, [port2]),
        ]);
      }),
    );
  }

  #lose(slot: Slot, reason: string): void {
    slot.link = undefined;
    slot.live = undefined;
    slot.spares = [];
    const lost = [...this.#endpoints.values()].filter((entry) => entry.slot === slot);
    this.#options.log?.warn({ worker: slot.index, endpoints: lost.length, reason }, 'media worker died');
    for (const { endpoint } of lost) endpoint.lose(reason);
    for (const conference of this.#conferences) if (conference.worker === slot.index) void conference.lose(reason);
  }

  /** Before the worker is asked, so that endpoints that are made at once are spread, and those of one call kept together. */
  #reserve(slot: Slot, callId: string): void {
    slot.endpoints++;
    const call = this.#calls.get(callId);
    if (call) call.endpoints++;
    else this.#calls.set(callId, { slot, endpoints: 1 });
  }

  #release(slot: Slot, callId: string): void {
    slot.endpoints--;
    const call = this.#calls.get(callId);
    if (call && --call.endpoints === 0) this.#calls.delete(callId);
  }

  /** Each worker finds out for itself what is missing; it is told once. */
  #warnOnce(message: string, hint: string): void {
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    this.#options.log?.warn({ hint }, message);
  }
}
