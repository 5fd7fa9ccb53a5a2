import type { Identity } from './identity.ts';

/**
 * SIP as the call layer sees it: calls that come in, calls that are made, and the dialogs that they become. The adapter behind it
 * (`server.ts`) is the only user of drachtio-srf.
 *
 * Deliberately absent: authentication (an `IncomingInvite` has passed the guard), registration (`registrar.ts`), transactions,
 * retransmission, tags and routes (the SIP server's), media (an SDP is a string here), subscriptions of phones
 * (`subscriptions.ts`, beside this port).
 *
 * Everything named `on` returns the function that takes the listener off again.
 */
export interface SipServer {
  /** `up` while the connection to a SIP server stands. While there is none, `invite` fails at once with cause `transport`. */
  readonly state: SipServerState;
  /** Where the SIP servers listen that we are connected to, as `udp/192.0.2.1:5060`; empty while down. */
  readonly listening: readonly string[];
  /** Each of the SIP servers that are configured, in their order; after them those of other nodes. */
  readonly servers: readonly SipServerHealth[];

  on<K extends keyof SipServerEvents>(event: K, listener: (payload: SipServerEvents[K]) => void): () => void;

  /**
   * The handler gets every INVITE that opens a call and has passed the guard. It must ring, answer or reject it in time; one that throws makes
   * the answer 500. Only one handler; without any, calls are answered 503.
   */
  onInvite(handler: (invite: IncomingInvite) => void): () => void;

  /** Starts a call. Returns at once and never throws for the network's sake: whatever goes wrong rejects `answered`. */
  invite(request: OutgoingInviteRequest): OutgoingInvite;

  /**
   * Sends an OPTIONS or a REGISTER. Resolves to the final response, the last one where credentials were asked for.
   * @throws InviteFailure with cause `timeout` (nothing for 32 s) or `transport`
   */
  request(request: OutgoingRequest): Promise<FinalResponse>;

  stats(): SipStats;

  /** Rejects what rings (503), ends what talks (BYE), disconnects. Waits at most 2 s for the peers' confirmation. Idempotent. */
  close(): Promise<void>;
}

export type SipServerState = 'connecting' | 'up' | 'down' | 'closed';

/** `name`: `127.0.0.1:9022`; of another node's server, by which we ring phones that have registered there, the node's name. The counts are those of `SipStats`, of this server alone. */
export interface SipServerHealth extends SipStats {
  readonly name: string;
  readonly isNeighbour: boolean;
}

export interface SipServerEvents {
  /** Connected (again) to one of the servers, which listens there. */
  up: { readonly server: string; readonly listening: readonly string[] };
  /** The connection to one was lost: all calls on it have been ended (`by: 'lost'`), a new connection is being tried. */
  down: { readonly server: string; readonly reason: string };
}

export interface SipStats {
  readonly state: SipServerState;
  /** INVITEs received that have no final response yet. */
  readonly incoming: number;
  /** INVITEs sent that have no final response yet, those whose CANCEL is on its way included. */
  readonly outgoing: number;
  /** Those whose BYE is not confirmed yet included. */
  readonly dialogs: number;
}

/** A name in a From, To or P-Asserted-Identity header. Of a received one everything is unescaped; of one to send, everything is escaped for you. */
export interface Party {
  /** Empty if the URI has none (`sip:example.com`). Of a tel URI the number, visual separators removed. */
  readonly user: string;
  /** Lower case, without a port; IPv6 without brackets. Empty for a tel URI. */
  readonly host: string;
  /** Empty if none. */
  readonly display: string;
}

export type Transport = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';

/** Where a request came from, as seen on the socket (RFC 3581), not as it says. WebSocket connections look like `tcp`. */
export interface Source {
  readonly protocol: Transport;
  readonly address: string;
  readonly port: number;
}

/** Header fields by name. A list makes several lines. Values are cleaned of CR, LF and other control characters before they are sent. */
export type HeaderFields = Readonly<Record<string, string | readonly string[]>>;

/** RFC 3326: `SIP;cause=200;text="Call completed elsewhere"`. */
export interface Reason {
  readonly protocol: 'SIP' | 'Q.850';
  readonly cause: number;
  readonly text?: string;
}

/** The reasons that the engine gives to the phones that it stops ringing. */
export const reasons = {
  /** RFC 3326 §3.1: another phone took the call, so this one has not missed it. */
  completedElsewhere: { protocol: 'SIP', cause: 200, text: 'Call completed elsewhere' },
  /** The caller hung up, or the time was over: this one is missed. */
  callerGone: { protocol: 'SIP', cause: 487, text: 'Request Terminated' },
  noAnswer: { protocol: 'SIP', cause: 480, text: 'No answer' },
  shutdown: { protocol: 'SIP', cause: 503, text: 'Service Unavailable' },
} as const satisfies Record<string, Reason>;

/**
 * A call that comes in. Exactly one final response is sent, whatever is called: the first of `answer`, `reject`, and the caller's CANCEL wins,
 * what comes later has no effect on the wire.
 */
export interface IncomingInvite {
  /** The Call-ID. */
  readonly id: string;
  readonly identity: Identity;
  readonly from: Party;
  readonly to: Party;
  /** P-Asserted-Identity, first value (RFC 3325). Worth what the peer is worth: believe it of a trunk, not of a phone. */
  readonly asserted: Party | undefined;
  /** The caller asks not to be shown: anonymous From, or `Privacy: id` (RFC 3323, 3325). */
  readonly anonymous: boolean;
  readonly requestUser: string;
  readonly requestHost: string;
  readonly source: Source;
  /** From another PBX of this installation, over an internal trunk: its audio comes from this media server. */
  readonly internal?: true;
  /** The offer; undefined asks us to make one in the 200. */
  readonly sdp: string | undefined;
  readonly maxForwards: number;
  /** True once the caller has cancelled, or is known to be gone: nothing can be answered any more. */
  readonly cancelled: boolean;
  /** First value of a header, by any spelling of its name. */
  header(name: string): string | undefined;
  on<K extends keyof IncomingInviteEvents>(event: K, listener: (payload: IncomingInviteEvents[K]) => void): () => void;

  /** 180 Ringing or 183 Session Progress; with `sdp` it is early media. Reliable (RFC 3262) if the caller requires that. No effect after the end. */
  ring(status: 180 | 183, options?: { readonly sdp?: string; readonly headers?: HeaderFields }): void;

  /**
   * 200 OK. Resolves when it has been sent: the ACK may still be missing, and if it never comes the dialog ends by itself (`by: 'timeout'`).
   * @throws InviteGone when the caller has cancelled, the call was answered or rejected before, or the connection is lost
   */
  answer(options: { readonly sdp: string; readonly headers?: HeaderFields }): Promise<Dialog>;

  /** A final response of 300–699. No effect after the end. @param options.reason another reason phrase than the RFC's */
  reject(status: number, options?: { readonly reason?: string; readonly headers?: HeaderFields }): void;
}

export interface IncomingInviteEvents {
  /** The caller hung up before the answer. 487 has been sent. `reason` is his Reason header; also when the connection was lost. Late-safe: a listener
   * added after the fact is called too. */
  cancelled: { readonly reason: string | undefined };
}

/** `answer` came too late. */
export class InviteGone extends Error {
  readonly why: 'cancelled' | 'answered' | 'rejected' | 'lost';
  constructor(why: InviteGone['why'], options?: ErrorOptions) {
    super(`the INVITE is over: ${why}`, options);
    this.name = 'InviteGone';
    this.why = why;
  }
}

/** Where to send a request. `contactTarget` (registrar) and `peerTarget` (target.ts) make them. */
export interface SipTarget {
  /** The Request-URI. */
  readonly uri: string;
  /** Sent there rather than to where the URI points: a phone behind NAT, an outbound proxy. No Route header is added. */
  readonly nextHop?: Source;
  /** Where the phone has registered. Without it, by any server of ours. */
  readonly edge?: Edge;
}

export interface Edge {
  /** What registrations call the SIP server. */
  readonly server: string;
  /**
   * `held`: the server has the connection, so no other reaches the phone. `near`: the router before the phone lets in what comes from there; another server may try when this one is away.
   * `open`: any server reaches it.
   */
  readonly reach: 'held' | 'near' | 'open';
}

export interface OutgoingInviteRequest {
  readonly target: SipTarget;
  /** An empty `host` is replaced by our own address, as the peer sees it. */
  readonly from: Party;
  /** Default: user and host of the target. */
  readonly to?: Party;
  /** Sends P-Asserted-Identity (RFC 3325): only to peers that are trusted. */
  readonly asserted?: Party;
  readonly headers?: HeaderFields;
  /** Our offer. */
  readonly sdp: string;
  /** For 401 and 407 (RFC 7616 SHA-256 and MD5). Used once per request, again for a stale nonce; also for requests inside the dialog. */
  readonly auth?: { readonly user: string; readonly password: string };
  /** Default: a fresh one. */
  readonly callId?: string;
}

export interface OutgoingRequest {
  readonly method: 'OPTIONS' | 'REGISTER';
  readonly target: SipTarget;
  readonly from: Party;
  readonly to: Party;
  readonly headers?: HeaderFields;
  readonly auth?: { readonly user: string; readonly password: string };
  /** Set for requests that belong together, such as the REGISTERs of one account. */
  readonly series?: RequestSeries;
}

/** One Call-ID, and a CSeq that grows by one with each request, the repetitions with credentials included (RFC 3261 §10.2). */
export interface RequestSeries {
  readonly callId: string;
  next(): number;
}

export interface FinalResponse {
  readonly status: number;
  readonly reason: string;
  /** First value of each header, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** All Contact fields, as they stand. */
  readonly contacts: readonly string[];
}

export interface OutgoingInvite {
  readonly callId: string;
  /**
   * Rejects with `InviteFailure`. 3xx are not followed. After `cancel` it rejects at once; what the peer still sends is dealt with inside
   * (a 200 that crosses is acknowledged and hung up). May be left without a handler.
   */
  readonly answered: Promise<Answer>;
  on<K extends keyof OutgoingInviteEvents>(event: K, listener: (payload: OutgoingInviteEvents[K]) => void): () => void;
  /** Stops ringing, at any time: before any 1xx the CANCEL waits for one (RFC 3261 §9.1). No effect after the end. */
  cancel(reason?: Reason): void;
}

export interface Answer {
  readonly dialog: Dialog;
  /** The peer's answer to our offer. */
  readonly sdp: string;
}

export interface OutgoingInviteEvents {
  /** 101–199. Forks have different tags. Reliable ones have been acknowledged. */
  provisional: {
    readonly status: number;
    readonly reason: string;
    readonly sdp: string | undefined;
    readonly tag: string | undefined;
  };
}

export class InviteFailure extends Error {
  /** The peer's, or 487 (cancelled), 408 (timeout), 503 (transport) made here. */
  readonly status: number;
  readonly reason: string;
  /** `rejected`: the peer said so. `timeout`: he said nothing for 32 s. `transport`: he could not be reached. `cancelled`: by us. */
  override readonly cause: InviteFailureCause;
  /** First value of each header of the response, names in lower case. Empty if there was none. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of a 3xx: whom its Contact names. */
  readonly redirect: Party | undefined;

  constructor(failure: {
    status: number;
    reason: string;
    cause: InviteFailureCause;
    headers?: Readonly<Record<string, string>>;
    redirect?: Party | undefined;
  }) {
    super(`${failure.cause}: ${failure.status} ${failure.reason}`);
    this.name = 'InviteFailure';
    this.status = failure.status;
    this.reason = failure.reason;
    this.cause = failure.cause;
    this.headers = failure.headers ?? {};
    this.redirect = failure.redirect;
  }
}

export type InviteFailureCause = 'rejected' | 'timeout' | 'transport' | 'cancelled';

/** One established call leg. It ends once; all methods are safe after the end. */
export interface Dialog {
  /** Unique among the live dialogs of this engine. */
  readonly id: string;
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  readonly localSdp: string;
  /** Undefined until the ACK when the INVITE had no offer. */
  readonly remoteSdp: string | undefined;
  /** How it ended; undefined while it lives. */
  readonly ended: DialogEnd | undefined;

  on<K extends keyof DialogEvents>(event: K, listener: (payload: DialogEvents[K]) => void): () => void;

  /**
   * Who answers the peer's re-INVITE or UPDATE (hold, other codec, other address): gets his offer (undefined: he asks for ours) and returns our SDP.
   * If it throws, 488 is sent and the former session goes on. One handler. An offer that comes before waits for it, a few
   * seconds at most; then the peer is told to try again (491).
   */
  onReinvite(handler: (offer: string | undefined) => Promise<string>): () => void;

  /** Who takes REFERs. Without a handler they are answered 405. */
  onRefer(handler: (refer: ReferRequest) => void): () => void;

  /**
   * re-INVITE with a new offer; resolves to the peer's answer. Calls wait for one another; a collision (491) is tried again as §14.1 of RFC 3261 says.
   * @param offer a function is asked at each try, since an offer of the peer may have been answered in between; what it throws ends it
   * @throws ModifyFailure; the former session then goes on
   */
  modify(offer: Offer): Promise<string>;

  /** Sends DTMF or other data. Resolves to the status of the response; 503 if it could not be sent. */
  info(info: Info): Promise<number>;

  /** Asks the peer whether he still has this call (OPTIONS inside the dialog: RFC 3261 §11, §12.2.1.2), and waits for `patienceMs` at most. The dialog goes on whatever he says. */
  ask(): Promise<Presence>;

  /** Hangs up. `ended` is emitted at once; resolves when the peer has confirmed or cannot be reached. Never rejects. Idempotent. */
  bye(reason?: Reason): Promise<void>;
}

/** A session description that we offer, or who writes it when its turn comes. */
export type Offer = string | (() => string);

export const writtenOffer = (offer: Offer): string => (typeof offer === 'string' ? offer : offer());

/** `gone`: he does not have it any more (481, 408), or it is over. `silent`: nothing came back, or he could not be asked now. Whatever else he answers, he is there. */
export type Presence = 'there' | 'gone' | 'silent';

export interface DialogEvents {
  /** Once. Late-safe: a listener added after the end is called too. */
  ended: DialogEnd;
  /** The ACK brought the answer to the offer in our 200. */
  remoteSdp: { readonly sdp: string };
  /** A key press by SIP INFO (`application/dtmf-relay`, `application/dtmf`); `digit` is one of `0-9*#A-D`. */
  dtmf: { readonly digit: string; readonly durationMs: number };
  /** Any other INFO. Answered 200 if somebody listens, else 415. */
  info: Info;
  /** NOTIFY inside the call (progress of a REFER of ours). Answered 200 if somebody listens, else 481. */
  notify: Info & { readonly event: string; readonly subscriptionState: string };
}

export interface Info {
  readonly contentType: string;
  readonly body: string;
}

export interface DialogEnd {
  /** `timeout`: the peer fell silent (no ACK, session timer). `lost`: the connection to the SIP server broke. */
  readonly by: 'remote' | 'local' | 'timeout' | 'lost';
  /** The text of the Reason header, as received or sent. */
  readonly reason: string | undefined;
}

/** RFC 3515. Exactly one of `accept` and `reject` is to be called. */
export interface ReferRequest {
  /** Whom the Refer-To names. */
  readonly referTo: Party;
  /** Another call of his, whose other party takes his place: an attended transfer. */
  readonly replaces: Replaces | undefined;
  readonly referredBy: Party | undefined;
  /** 202. */
  accept(): void;
  reject(status: number): void;
  /**
   * After `accept`: how it goes, as the status of a response (RFC 3515 §2.4.5). One of 200 or more is the last. Resolves when he has been told, or cannot be;
   * never rejects.
   */
  tell(status: number): Promise<void>;
}

/** A dialog, as a Replaces names it (RFC 3891 §3): the tags are those of whom it is sent to, and of the other side. */
export interface Replaces {
  readonly callId: string;
  readonly toTag: string;
  readonly fromTag: string;
}

export class ModifyFailure extends Error {
  /** The response's status; 503 when it could not be sent, 481 when the dialog is over. */
  readonly status: number;
  constructor(status: number, reason: string) {
    super(`re-INVITE failed: ${status} ${reason}`);
    this.name = 'ModifyFailure';
    this.status = status;
  }
}
