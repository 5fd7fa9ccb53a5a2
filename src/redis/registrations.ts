/**
 * Who can be reached where: the bindings of RFC 3261 §10, several devices to an account, shared by all nodes and kept over a restart.
 * This is the registrar's memory only; digests, limits on `Expires` and the wording of responses are the registrar's. Deliberately
 * absent: AORs of several PBXs in one call, lookups by contact.
 */
export interface RegistrationStore {
  /**
   * Applies all contacts of one REGISTER, or none of them (RFC 3261 §10.3 step 7). A contact with `expires: 0` is removed. Events are
   * emitted before the promise resolves.
   */
  bind(pbx: string, account: string, register: Register, limits: BindingLimits): Promise<BindResult>;

  /** `Contact: *`: removes every binding of the account, unless one of them was made by a later request of the same Call-ID. */
  removeAll(pbx: string, account: string, register: Pick<Register, 'callId' | 'cseq'>): Promise<BindResult>;

  /** Removes one binding whatever its CSeq: an operator's command, or a connection that is known to be gone. False: there was none. */
  remove(pbx: string, account: string, key: string): Promise<boolean>;

  /** The account's live bindings, best `q` first, then the latest. */
  contacts(pbx: string, account: string): Promise<Binding[]>;

  /** All live bindings of a PBX, by account. */
  list(pbx: string): Promise<Binding[]>;

  /** How many live bindings a PBX has. O(log n). */
  count(pbx: string): Promise<number>;

  /** Removes what has expired and emits `expired` for each, on the one node that removed it. Returns how many. */
  sweep(pbx: string): Promise<number>;

  /** What this node did or saw. Other nodes' registrations are not repeated here. */
  on<K extends keyof RegistrationEvents>(event: K, listener: (binding: RegistrationEvents[K]) => void): () => void;
}

/** One REGISTER as the registrar understood it. */
export interface Register {
  readonly callId: string;
  readonly cseq: number;
  readonly contacts: readonly NewContact[];
  readonly userAgent?: string;
  /** Where the packets came from: what a response or a call is sent to when the phone is behind NAT. */
  readonly receivedFrom: PacketSource;
  /** Path header values, topmost first (RFC 3327); a call to the binding takes them as Route. */
  readonly path: readonly string[];
  /** The engine node that took the REGISTER. */
  readonly node: string;
  /** The SIP server that the REGISTER came by: it alone holds the connection of a TCP, TLS or WebSocket phone. Unknown of those that an older version has taken. */
  readonly server?: string;
}

export interface NewContact {
  /**
   * What makes two contacts the same binding: `+sip.instance` with `reg-id` where both are given (RFC 5626 §6), else the URI in a form in which
   * equal URIs (RFC 3261 §19.1.4) are equal strings. Without line feeds.
   */
  readonly key: string;
  /** As it stood in the request: what goes into Contact of the 200, and into the Request-URI of calls. */
  readonly uri: string;
  /** Seconds from now; 0 removes. */
  readonly expires: number;
  /** 0 to 1; 1 when not given. */
  readonly q: number;
  readonly instance?: string;
  readonly regId?: number;
}

export interface PacketSource {
  readonly protocol: 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';
  readonly address: string;
  readonly port: number;
}

export interface Binding extends Omit<NewContact, 'expires'>, Omit<Register, 'contacts'> {
  readonly pbx: string;
  readonly account: string;
  /** Milliseconds since 1970, by the server's clock. */
  readonly boundAt: number;
  readonly expiresAt: number;
  /** Seconds left when it was read, rounded up: the `expires` of the 200. */
  readonly expires: number;
}

export interface BindingLimits {
  /** Live bindings that one account may have after the request. */
  readonly max: number;
  /**
   * What to do beyond `max`: refuse the request, or drop the bindings that were bound longest ago. The second lets a phone back in that lost its
   * state and comes from a new port each time.
   */
  readonly beyond: 'refuse' | 'dropOldest';
}

export type BindResult =
  /** All live bindings of the account after the request, as `contacts` gives them. */
  | { readonly outcome: 'bound'; readonly bindings: Binding[] }
  /** A request of the same Call-ID with a CSeq not lower has been there before: 500 (RFC 3261 §10.3 steps 6 and 7). Nothing has changed. */
  | { readonly outcome: 'outOfOrder' }
  /** More than `max`, with `beyond: 'refuse'`. Nothing has changed. */
  | { readonly outcome: 'tooMany' };

export interface RegistrationEvents {
  /** A binding that was not there before. */
  bound: Binding;
  /** The same binding again, with a new expiry. */
  refreshed: Binding;
  /** By request, by an operator, or to make room. */
  removed: Binding;
  expired: Binding;
}
