import type { Clock } from '../../../time/clock.ts';
import { parseNameAddr, SipParseError, type SipRequest, type SipResponse, type Uri } from '../message/index.ts';
import { type ConnectionId, type Hop, isReliable, type Source } from '../transport/index.ts';

interface Flow {
  readonly hop: Hop;
  readonly connection: ConnectionId;
  readonly until: number;
}

/** Without a figure of its own a registration is taken to last as long as RFC 3261 §10.2 proposes. */
const DEFAULT_SECONDS = 3600;

/**
 * The connections by which registered contacts are reached. A phone behind NAT, or in a browser, cannot be connected to: what
 * is for its Contact goes back by the connection on which it registered or subscribed.
 */
export class Flows {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #byContact = new Map<string, Flow>();
  readonly #byConnection = new Map<ConnectionId, Set<string>>();

  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  get size(): number {
    return this.#byContact.size;
  }

  /** Notes what a 2xx to a REGISTER or SUBSCRIBE means for later requests. */
  learn(request: SipRequest, response: SipResponse, source: Source): void {
    const { connection } = source;
    if (connection === undefined || !isReliable(source.protocol)) return;
    for (const contact of request.headers.all('Contact')) {
      const address = safely(() => parseNameAddr(contact));
      const key = address && contactKey(address.uri);
      if (!address || key === undefined) continue;
      const seconds = expiry(address.params.get('expires'), request, response);
      if (seconds > 0) this.#set(key, { hop: source, connection, until: this.#clock.monotonic() + seconds * 1000 });
      else if (this.#byContact.get(key)?.connection === connection) this.#delete(key);
    }
  }

  /** The connection for a Request-URI that is a registered Contact. */
  find(uri: Uri): Hop | undefined {
    const key = contactKey(uri);
    const flow = key === undefined ? undefined : this.#byContact.get(key);
    if (key === undefined || !flow) return undefined;
    if (flow.until > this.#clock.monotonic()) return flow.hop;
    this.#delete(key);
    return undefined;
  }

  /** The connection is closed. */
  forget(connection: ConnectionId): void {
    for (const key of this.#byConnection.get(connection) ?? []) this.#byContact.delete(key);
    this.#byConnection.delete(connection);
  }

  #set(key: string, flow: Flow): void {
    this.#delete(key);
    if (this.#byContact.size >= this.#limit) {
      const [oldest] = this.#byContact.keys();
      if (oldest !== undefined) this.#delete(oldest);
    }
    this.#byContact.set(key, flow);
    const keys = this.#byConnection.get(flow.connection) ?? new Set();
    this.#byConnection.set(flow.connection, keys.add(key));
  }

  #delete(key: string): void {
    const flow = this.#byContact.get(key);
    if (!flow) return;
    this.#byContact.delete(key);
    const keys = this.#byConnection.get(flow.connection);
    keys?.delete(key);
    if (keys?.size === 0) this.#byConnection.delete(flow.connection);
  }
}

/** Which of the messages says how long: the response's Contact, its Expires, the request's (RFC 3261 §10.2.4). */
function expiry(own: string | undefined, request: SipRequest, response: SipResponse): number {
  const granted = response.headers
    .all('Contact')
    .map((contact) => safely(() => parseNameAddr(contact))?.params.get('expires'))
    .find((value) => value !== undefined);
  const header = response.headers.get('Expires') ?? own ?? request.headers.get('Expires');
  // A contact that asks for 0 is being removed, whatever is granted to others in the same response.
  const value = own === '0' || request.headers.get('Expires') === '0' ? '0' : (granted ?? header);
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : DEFAULT_SECONDS;
}

const contactKey = (uri: Uri): string | undefined =>
  uri.kind === 'sip' ? `${uri.user ?? ''}@${uri.host.toLowerCase()}:${uri.port ?? ''}` : undefined;

function safely<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}
