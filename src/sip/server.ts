import type { Logger } from 'pino';
import { Emitter } from '../emitter.ts';
import { errorText } from '../errors.ts';
import type { Clock } from '../time/clock.ts';
import type { Random } from '../time/random.ts';
import { PRODUCT } from './capabilities.ts';
import { type DrachtioRequest, type DrachtioResponse, type DrachtioSrf, sendableStatus } from './drachtio.ts';
import type { Guard } from './guard.ts';
import { headerLines } from './header-fields.ts';
import { AdmittedInvite, type ArrivedInvite } from './incoming-invite.ts';
import { SipLink, type SipServerPlace, within } from './link.ts';
import { SipParseError } from './message.ts';
import type { NeighbourServer } from './neighbours.ts';
import type {
  Edge,
  FinalResponse,
  IncomingInvite,
  OutgoingInvite,
  OutgoingInviteRequest,
  OutgoingRequest,
  RequestSeries,
  SipServer,
  SipServerEvents,
  SipServerHealth,
  SipServerState,
  SipStats,
} from './port.ts';
import type { Registrar } from './registrar.ts';
import { readRequest, type SipRequest, type SipResponse } from './request.ts';
import { answerWithoutIdentity } from './responder.ts';
import type { Subscriptions } from './subscriptions.ts';

export interface SipServerOptions {
  /** At least one. What nothing else decides goes by the first that works. */
  readonly places: readonly SipServerPlace[];
  readonly guard: Guard;
  readonly registrar: Registrar;
  readonly subscriptions: Subscriptions;
  /** See `SipOptions`. */
  readonly patienceMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** How long `close` waits for phones to confirm the end of their subscriptions. */
const CLOSE_LIMIT_MS = 2000;

/** `SipServer` over drachtio-srf: one link to each SIP server, and the choice between them. */
export class DrachtioSipServer implements SipServer {
  readonly #options: SipServerOptions;
  readonly #events = new Emitter<SipServerEvents>();
  readonly #links: readonly SipLink[];
  /** By what registrations call the server; with the secret that it was announced with. */
  readonly #neighbours = new Map<string, { readonly link: SipLink; announced: NeighbourServer }>();
  /** Servers that phones wanted and nobody could reach, so that it is logged once. */
  readonly #missed = new Set<string>();
  /** Requests that belong together go by one link as long as it stands: their Contact would be another by another. */
  readonly #series = new WeakMap<RequestSeries, SipLink>();
  #closing = false;
  #listening = NOWHERE;
  #handler: ((invite: IncomingInvite) => void) | undefined;
  #closed: Promise<void> | undefined;

  private constructor(options: SipServerOptions) {
    this.#options = options;
    this.#links = options.places.map((place) => this.#linkTo(place));
  }

  /**
   * Connects to all servers at once, and stays connected until `close`; one of them is enough to begin with.
   * @throws UserError `sip-server-unreachable`, `sip-server-refused` when the first attempt fails with all of them
   */
  static async start(options: SipServerOptions): Promise<DrachtioSipServer> {
    const server = new DrachtioSipServer(options);
    await server.#connect();
    return server;
  }

  get state(): SipServerState {
    if (this.#closing) return 'closed';
    if (this.#links.some(({ state }) => state === 'up')) return 'up';
    return this.#links.some(({ state }) => state === 'down') ? 'down' : 'connecting';
  }

  get listening(): readonly string[] {
    return this.#listening;
  }

  get servers(): readonly SipServerHealth[] {
    return this.#all().map(({ place: { name, isNeighbour = false }, state, stats }) => ({
      ...{ name, isNeighbour, state },
      ...stats,
    }));
  }

  /** From now on these are the servers of other nodes. One that is not named any more is given up when its connection is lost. */
  follow(servers: readonly NeighbourServer[]): void {
    if (this.#closing) return;
    const named = new Set(servers.map(({ server }) => server));
    for (const announced of servers) {
      const known = this.#neighbours.get(announced.server);
      if (known) known.announced = announced;
      else this.#meet(announced);
    }
    for (const [server, { link }] of this.#neighbours) {
      if (named.has(server) || link.up) continue;
      this.#neighbours.delete(server);
      void link.end();
    }
  }

  on<K extends keyof SipServerEvents>(event: K, listener: (payload: SipServerEvents[K]) => void): () => void {
    return this.#events.on(event, listener);
  }

  onInvite(handler: (invite: IncomingInvite) => void): () => void {
    this.#handler = handler;
    return () => {
      if (this.#handler === handler) this.#handler = undefined;
    };
  }

  invite(request: OutgoingInviteRequest): OutgoingInvite {
    const { edge } = request.target;
    const link = edge ? this.#linkTowards(edge) : this.#anyLink();
    if (link) return link.invite(request);
    return this.#anyLink().invite(
      request,
      `the SIP server ${edge?.server}, which has the phone's connection, is not connected`,
    );
  }

  request(request: OutgoingRequest): Promise<FinalResponse> {
    const { series } = request;
    const former = series && this.#series.get(series);
    const link = former?.up ? former : this.#anyLink();
    if (series) this.#series.set(series, link);
    return link.request(request);
  }

  stats(): SipStats {
    const sum = (count: (link: SipLink) => number) => this.#all().reduce((total, link) => total + count(link), 0);
    return {
      state: this.state,
      incoming: sum(({ stats }) => stats.incoming),
      outgoing: sum(({ stats }) => stats.outgoing),
      dialogs: sum(({ stats }) => stats.dialogs),
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing = true;
    const { clock, subscriptions } = this.#options;
    const links = this.#all();
    const ended = links.map((link) => link.end());
    await Promise.all([...ended, within(clock, CLOSE_LIMIT_MS, subscriptions.end())]);
    await Promise.all(links.map((link) => link.disconnect()));
    this.#events.clear();
  }

  #linkTo(place: SipServerPlace): SipLink {
    const { patienceMs, clock, random, log, subscriptions } = this.#options;
    return new SipLink({
      place,
      onRequest: (request, response, srf, link) => this.#take(request, response, srf, link),
      onUp: ({ listening, serverId }) => {
        this.#missed.delete(serverId);
        if (place.isNeighbour) return;
        this.#listen();
        this.#emit('up', { server: place.name, listening });
      },
      onDown: (reason, srf) => {
        if (place.isNeighbour) return;
        this.#listen();
        subscriptions.lose(srf);
        this.#emit('down', { server: place.name, reason });
      },
      patienceMs,
      clock,
      random,
      log,
    });
  }

  async #connect(): Promise<void> {
    const { log } = this.#options;
    const settled = await Promise.allSettled(this.#links.map((link) => link.connect()));
    const failed = settled.filter((one) => one.status === 'rejected');
    if (failed.length === settled.length) {
      await this.close();
      throw failed[0]?.reason;
    }
    settled.forEach((one, at) => {
      if (one.status === 'fulfilled') return;
      log.error({ server: this.#links[at]?.place.name }, `SIP server: ${errorText(one.reason)}`);
      void this.#links[at]?.retry();
    });
  }

  /** The first that works; the first of all when none does, which says so. */
  #anyLink(): SipLink {
    const found = this.#links.find(({ up }) => up) ?? this.#links[0];
    if (!found) throw new Error('no SIP server is configured');
    return found;
  }

  /** The way to a registered phone; undefined: only a server reaches it that is not connected. */
  #linkTowards({ server, reach }: Edge): SipLink | undefined {
    const own = this.#links.find(({ up }) => up?.serverId === server);
    if (own) return own;
    // What any server reaches does not depend on another node.
    if (reach === 'open') return this.#anyLink();
    const neighbour = this.#neighbours.get(server)?.link;
    if (neighbour?.up) return neighbour;
    if (!this.#missed.has(server)) {
      this.#missed.add(server);
      const hint =
        'Connect this node to it: DRACHTIO for drachtio servers, NODE_LISTEN at that node for an embedded one.';
      this.#options.log.warn(
        { server, hint },
        `phones have registered at the SIP server ${server}, which is not connected`,
      );
    }
    return reach === 'near' ? this.#anyLink() : undefined;
  }

  #meet(announced: NeighbourServer): void {
    const { server } = announced;
    const address = async () => this.#neighbours.get(server)?.announced ?? announced;
    const link = this.#linkTo({ name: server, id: server, isNeighbour: true, address });
    this.#neighbours.set(server, { link, announced });
    // Not there yet, or not from here: `retry` tells.
    link.connect().catch(() => link.retry());
  }

  #all(): readonly SipLink[] {
    return [...this.#links, ...[...this.#neighbours.values()].map(({ link }) => link)];
  }

  #listen(): void {
    const ends = new Set(this.#links.flatMap(({ up }) => up?.listening ?? []));
    this.#listening = ends.size === 0 ? NOWHERE : [...ends];
  }

  /** A request that belongs to no dialog of ours. Must not throw: it runs in the library's socket handler. */
  #take(native: DrachtioRequest, response: DrachtioResponse, srf: DrachtioSrf, link: SipLink): void {
    // Of a dialog that is over, or of a refusal.
    if (native.method === 'ACK') return;
    const arrived = native.method === 'INVITE' ? link.track(native, response, srf) : undefined;
    const answer = ({ status, reason, headers }: SipResponse): void => {
      if (arrived) arrived.reject(status, { ...(reason !== undefined && { reason }), ...(headers && { headers }) });
      else response.send(sendableStatus(status), reason, { headers: headerLines({ Server: PRODUCT, ...headers }) });
    };
    this.#handle({ native, response, srf, link }, arrived, answer).catch((error: unknown) => {
      this.#options.log.error({ err: error, method: native.method }, `request failed: ${errorText(error)}`);
      answer({ status: 500 });
    });
  }

  async #handle(
    { native, response, srf, link }: TakenRequest,
    arrived: ArrivedInvite | undefined,
    answer: (response: SipResponse) => void,
  ): Promise<void> {
    const { guard, registrar, subscriptions } = this.#options;
    if (this.#closing) return answer({ status: 503 });
    let request: SipRequest;
    try {
      request = readRequest(native);
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error;
      return answer({ status: error.status, reason: error.message });
    }
    const subscribe = { native, response, srf, request };
    if (request.method === 'SUBSCRIBE' && request.toTag !== undefined) return subscriptions.refresh(subscribe);
    const simple = answerWithoutIdentity(request);
    if (simple) return answer(guard.mayAnswer(request) ? simple : { status: 503, headers: { 'Retry-After': '10' } });

    const admission = await guard.admit(request);
    if (admission.outcome === 'refused') return answer(admission.response);
    const { identity } = admission;
    if (arrived) this.#arrive(new AdmittedInvite(arrived, request, identity));
    else if (identity.kind !== 'account') answer({ status: 403 });
    else if (request.method === 'SUBSCRIBE') subscriptions.subscribe(subscribe, identity);
    else answer(await registrar.register(request, identity, link.up?.serverId));
  }

  #arrive(invite: AdmittedInvite): void {
    if (invite.cancelled) return;
    if (this.#handler) this.#handler(invite);
    else invite.reject(503, { headers: { 'Retry-After': '10' } });
  }

  #emit<K extends keyof SipServerEvents>(event: K, payload: SipServerEvents[K]): void {
    try {
      this.#events.emit(event, payload);
    } catch (error) {
      this.#options.log.error({ err: error, event }, 'listener of the SIP server failed');
    }
  }
}

interface TakenRequest {
  readonly native: DrachtioRequest;
  readonly response: DrachtioResponse;
  readonly srf: DrachtioSrf;
  readonly link: SipLink;
}

/** One and the same empty list, so that what is derived from `listening` need not be derived again. */
const NOWHERE: readonly string[] = [];
