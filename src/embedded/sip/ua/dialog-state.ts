import {
  Headers,
  parseNameAddr,
  parseUri,
  printUri,
  SipParseError,
  SipRequest,
  type SipResponse,
  type SipUri,
  type Uri,
} from '../message/index.ts';

interface Ends {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  /** From and To of our requests, tags included. */
  readonly local: string;
  readonly remote: string;
}

/**
 * What RFC 3261 §12 calls the state of a dialog: who the two ends are, by which way and under which numbers they exchange
 * requests. No sockets, no timers, no transactions.
 */
export class DialogState {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  /** The Route headers of our requests. */
  readonly routes: readonly string[];
  /** Our Contact, as the peer was told it. */
  contact: string;
  readonly #local: string;
  readonly #remote: string;
  #localSeq: number;
  #remoteSeq: number | undefined;
  #target: string;

  private constructor(
    ends: Ends,
    way: {
      routes: string[];
      target: string;
      contact: string;
      localSeq: number;
      remoteSeq: number | undefined;
    },
  ) {
    this.callId = ends.callId;
    this.localTag = ends.localTag;
    this.remoteTag = ends.remoteTag;
    this.#local = ends.local;
    this.#remote = ends.remote;
    this.routes = way.routes;
    this.contact = way.contact;
    this.#target = way.target;
    this.#localSeq = way.localSeq;
    this.#remoteSeq = way.remoteSeq;
  }

  /**
   * Of a request of ours and a response with a To tag, RFC 3261 §12.1.2. A ringing phone need not have said its Contact yet;
   * until it does, requests go where the first one went.
   * @param early the dialog before its 2xx: what was sent in it counts on (§13.2.2.4 computes the route set anew)
   */
  static ofUac(request: SipRequest, response: SipResponse, early?: DialogState): DialogState {
    return new DialogState(
      {
        callId: request.callId,
        localTag: request.from.params.get('tag') ?? '',
        remoteTag: response.to.params.get('tag') ?? '',
        local: request.headers.get('From') ?? '',
        remote: response.headers.get('To') ?? '',
      },
      {
        routes: usableRoutes(response).reverse(),
        target: contactOf(response) ?? early?.target ?? request.uri,
        contact: request.headers.get('Contact') ?? '',
        localSeq: Math.max(early?.localSeq ?? 0, request.cseq.number),
        remoteSeq: early?.remoteSeq,
      },
    );
  }

  /**
   * Of a request from the network and our response to it, RFC 3261 §12.1.1. Our numbers go on from the peer's; a caller that gives no
   * Contact is taken by its From.
   */
  static ofUas(request: SipRequest, response: SipResponse, contact: string): DialogState {
    return new DialogState(
      {
        callId: request.callId,
        localTag: response.to.params.get('tag') ?? '',
        remoteTag: request.from.params.get('tag') ?? '',
        local: response.headers.get('To') ?? '',
        remote: request.headers.get('From') ?? '',
      },
      {
        routes: usableRoutes(request),
        target: contactOf(request) ?? printUri(request.from.uri),
        contact,
        localSeq: request.cseq.number,
        remoteSeq: request.cseq.number,
      },
    );
  }

  /** The peer's Contact. */
  get target(): string {
    return this.#target;
  }

  get localSeq(): number {
    return this.#localSeq;
  }

  get remoteSeq(): number | undefined {
    return this.#remoteSeq;
  }

  /** The next request of ours, without Via and Contact: RFC 3261 §12.2.1.1. */
  request(method: string): SipRequest {
    this.#localSeq = (this.#localSeq + 1) % 2 ** 31;
    return this.#build(method, this.#localSeq);
  }

  /** The ACK of the 2xx to our INVITE of that number (§13.2.2.4), however many requests have followed it. */
  ack(inviteSeq: number): SipRequest {
    return this.#build('ACK', inviteSeq);
  }

  /** Where our requests are sent to. @throws SipParseError when the peer's Contact or Record-Route is of no use */
  firstHop(): SipUri {
    const first = this.routes[0];
    const uri = first === undefined ? parseUri(this.#target) : parseNameAddr(first).uri;
    if (uri.kind !== 'sip') throw new SipParseError(416, 'Unsupported URI Scheme');
    return uri;
  }

  /** Whether a request of the peer is newer than those before (§12.2.2); if so, it is noted. */
  inOrder(request: SipRequest): boolean {
    const { number } = request.cseq;
    if (this.#remoteSeq !== undefined && number < this.#remoteSeq) return false;
    this.#remoteSeq = number;
    return true;
  }

  /** Takes over the Contact of a message that refreshes the target: INVITE, UPDATE, SUBSCRIBE and their 2xx. */
  refresh(message: SipRequest | SipResponse): void {
    this.#target = contactOf(message) ?? this.#target;
  }

  /** §12.2.1.1: a first route without `lr` is a strict router; it wants to be the Request-URI, and the target last in the Route. */
  #build(method: string, number: number): SipRequest {
    const [first, ...others] = this.routes;
    const target = this.#target;
    const strict = first === undefined ? undefined : strictRouter(first);
    const routes = strict === undefined ? this.routes : [...others, `<${target}>`];
    const headers = new Headers();
    headers.append('Max-Forwards', '70');
    for (const route of routes) headers.append('Route', route);
    headers.append('From', this.#local);
    headers.append('To', this.#remote);
    headers.append('Call-ID', this.callId);
    headers.append('CSeq', `${number} ${method}`);
    return new SipRequest(method, strict ?? target, headers);
  }
}

/** A Record-Route that nobody could send to is left out; the rest of the way may still lead there. */
const usableRoutes = (message: SipRequest | SipResponse): string[] =>
  message.headers.all('Record-Route').filter((route) => uriOf(route)?.kind === 'sip');

function strictRouter(route: string): string | undefined {
  const { uri } = parseNameAddr(route);
  return uri.kind === 'sip' && uri.params.has('lr') ? undefined : printUri(uri);
}

/** The URI of a Contact that can be used. */
export function contactOf(message: SipRequest | SipResponse): string | undefined {
  const uri = uriOf(message.headers.get('Contact'));
  return uri === undefined ? undefined : printUri(uri);
}

function uriOf(address: string | undefined): Uri | undefined {
  if (address === undefined || address === '*') return undefined;
  try {
    return parseNameAddr(address).uri;
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}
