import {
  type Headers,
  headerKey,
  parseNameAddr,
  parseUri,
  printUri,
  responseTo,
  SipParseError,
  type SipRequest,
  type SipResponse,
  type SipUri,
} from '../message/index.ts';
import type { ServerTransaction } from '../transaction/index.ts';
import { type Hop, type Source, TransportError } from '../transport/index.ts';
import { addAppHeaders } from './app-headers.ts';
import type { Application } from './application.ts';
import { type Core, hasOption, localEnd } from './core.ts';
import { removeDialog } from './hang-up.ts';
import { ProxyRun } from './proxy-run.ts';
import { RecordRoutes } from './record-route.ts';
import { orRefuse, type Refusal, RefusalError } from './refusal.ts';
import type { Responder } from './responder.ts';

/** How an application wants a request proxied. */
export interface ProxyOrder {
  /** Stay in the way of the requests that follow. */
  readonly recordRoute: boolean;
  readonly followRedirects: boolean;
  /** All targets at once, or one after the other. */
  readonly parallel: boolean;
  /** Milliseconds without any response until a target is given up. */
  readonly provisionalTimeout: number | undefined;
  /** Milliseconds without a final response until a target is given up. */
  readonly finalTimeout: number | undefined;
  /** URIs, in order. */
  readonly targets: readonly string[];
  /** Replace those of the request. */
  readonly headers: Headers;
}

export interface ProxyReply {
  /** A target's final response; `source` is absent when we made it, because none came. */
  progress(event: { response: SipResponse; source: Source | undefined }): void;
  /** The caller has its final response. */
  done(): void;
  refused(refusal: Refusal): void;
}

/** Where a branch goes, and the Request-URI that it gets; that of the request if there is none. */
export interface RouteTarget {
  readonly uri: SipUri;
  readonly requestUri?: string;
  readonly hop?: Hop;
}

/** Requests that pass through us: because an application says so, or because their Route does. RFC 3261 §16. */
export class RequestProxy {
  readonly #core: Core;
  readonly #responder: Responder;
  readonly #routes: RecordRoutes;
  /** By server transaction. */
  readonly #runs = new Map<string, ProxyRun>();

  constructor(core: Core, responder: Responder) {
    this.#core = core;
    this.#responder = responder;
    this.#routes = new RecordRoutes(core.random, core.ways);
  }

  get size(): number {
    return this.#runs.size;
  }

  /** Proxies a request that the application was given. */
  start(application: Application, transactionId: string, order: ProxyOrder, reply: ProxyReply): void {
    orRefuse(reply, () => {
      const incoming = this.#responder.find(transactionId);
      if (!incoming || incoming.application !== application) {
        throw new RefusalError('unknown-proxy-transaction', transactionId);
      }
      const targets = order.targets.map((text) => this.#target(incoming.tx.request, text));
      if (targets.length === 0) throw new RefusalError('no-proxy-target');
      if (hopsLeft(incoming.tx.request) === 0) {
        this.#responder.end(incoming, 483);
        throw new RefusalError('too-many-hops', transactionId);
      }
      this.#responder.take(incoming);
      if (incoming.dialog && !incoming.inside) removeDialog(this.#core, incoming.dialog);
      this.#run(incoming.tx, {
        ...order,
        targets,
        prepare: (target) => this.#prepare(incoming.tx, target, order),
        progress: (response, source) => reply.progress({ response, source }),
        done: () => reply.done(),
      });
    });
  }

  /** Whether a request belongs to a dialog that was proxied with a Record-Route. */
  passesThrough(request: SipRequest): boolean {
    return this.#routes.passesThrough(request);
  }

  /** Forwards a request by its Route; applications do not see it. */
  forward(tx: ServerTransaction): void {
    const { request } = tx;
    const uri = hopsLeft(request) === 0 ? undefined : this.#nextUri(request);
    if (!uri) {
      const status = hopsLeft(request) === 0 ? 483 : 404;
      // A peer that cannot be answered will ask again or give up.
      tx.respond(responseTo(request, status, { toTag: tx.toTag })).catch(() => undefined);
      return;
    }
    this.#run(tx, {
      targets: [{ uri }],
      parallel: false,
      followRedirects: false,
      provisionalTimeout: undefined,
      finalTimeout: undefined,
      prepare: () => this.#forwarded(request),
      progress: () => undefined,
      done: () => undefined,
    });
  }

  /** The ACK of a 2xx has no transaction: it is passed on as it is (§16.11). */
  forwardAck(ack: SipRequest): void {
    const uri = hopsLeft(ack) === 0 ? undefined : this.#nextUri(ack);
    if (!uri) return;
    const send = async () => {
      const [hop] = await this.#core.ways.resolve(uri);
      if (hop) await this.#core.layer.sendStateless(this.#forwarded(ack), hop);
    };
    const sent = send().catch((error: unknown) => {
      // The 2xx comes again, and so does the ACK.
      if (!(error instanceof TransportError)) throw error;
    });
    this.#core.supervise(sent);
  }

  /** @returns whether the INVITE is one of ours */
  cancelled(invite: ServerTransaction): boolean {
    const run = this.#runs.get(invite.id);
    run?.cancel();
    return run !== undefined;
  }

  close(): void {
    for (const run of this.#runs.values()) run.close();
    this.#runs.clear();
  }

  #run(tx: ServerTransaction, how: Omit<ConstructorParameters<typeof ProxyRun>[0], 'core' | 'tx'>): void {
    const done = () => {
      this.#runs.delete(tx.id);
      how.done();
    };
    const run = new ProxyRun({ ...how, core: this.#core, tx, done });
    this.#runs.set(tx.id, run);
    run.start();
  }

  /** The Request-URI is replaced only where it names us; otherwise the target is just the next hop. */
  #target(request: SipRequest, text: string): RouteTarget {
    try {
      const { uri } = parseNameAddr(`<${/^sips?:/i.test(text) ? text : `sip:${text}`}>`);
      const asked = parseUri(request.uri);
      const forUs = asked.kind !== 'sip' || this.#core.ways.isOwn(asked);
      if (uri.kind === 'sip') return forUs ? { uri, requestUri: printUri(uri) } : { uri };
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error;
    }
    throw new RefusalError('no-proxy-target', text);
  }

  #prepare(tx: ServerTransaction, target: RouteTarget, order: ProxyOrder): SipRequest {
    const request = this.#forwarded(tx.request);
    request.uri = target.requestUri ?? request.uri;
    const from = this.#core.ways.localFor(tx.source);
    const to = localEnd(this.#core.ways, target.hop);
    for (const [name] of order.headers.entries()) if (!IDENTITY.has(headerKey(name))) request.headers.remove(name);
    addAppHeaders(request.headers, order.headers, to);
    if (!order.recordRoute) return request;
    if (request.method !== 'REGISTER') this.#routes.record(request, from, to);
    else if (hasOption(request, 'Supported', 'path')) this.#routes.path(request, from);
    return request;
  }

  /** A copy for the next hop: one hop less, our own Route entries gone. */
  #forwarded(request: SipRequest): SipRequest {
    const copy = request.clone();
    copy.headers.set('Max-Forwards', String(hopsLeft(request) - 1));
    this.#routes.strip(copy);
    return copy;
  }

  #nextUri(request: SipRequest): SipUri | undefined {
    const copy = request.clone();
    this.#routes.strip(copy);
    const route = copy.headers.get('Route');
    try {
      const uri = route === undefined ? parseUri(copy.uri) : parseNameAddr(route).uri;
      return uri.kind === 'sip' && !this.#core.ways.isOwn(uri) ? uri : undefined;
    } catch (error) {
      if (error instanceof SipParseError) return undefined;
      throw error;
    }
  }
}

/** What no application replaces in a request that is not its own. */
const IDENTITY = new Set([
  'via',
  'from',
  'to',
  'call-id',
  'cseq',
  'route',
  'record-route',
  'max-forwards',
  'content-length',
  'rseq',
]);

const hopsLeft = (request: SipRequest): number => Number(request.headers.get('Max-Forwards') ?? 70);
