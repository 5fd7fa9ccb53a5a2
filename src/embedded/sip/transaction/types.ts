import type { Emitter } from '../../../emitter.ts';
import type { SipRequest, SipResponse } from '../message/message.ts';
import type { Hop, LocalEnd, Source, TransportEvents } from '../transport/types.ts';

/** Milliseconds. RFC 3261 §17.1.1.1 and Table 4 of its appendix A. */
export interface TimerValues {
  /** Round trip estimate: first gap of retransmissions, and 64 times it the end of patience. */
  readonly t1: number;
  /** Longest gap between retransmissions of non-INVITE requests and of INVITE responses. */
  readonly t2: number;
  /** Longest time that a message stays in the network. */
  readonly t4: number;
  /** Timer D: how long repeated final responses of an INVITE are acknowledged over UDP. */
  readonly d: number;
}

export interface Limits {
  /** Server transactions alive at once, finished ones that wait for stragglers included. */
  readonly serverTransactions: number;
  /** Of these, the ones without a final response: each keeps its whole request. */
  readonly unfinished: number;
  /**
   * What finished ones keep of messages: responses to repeat, as printed, and the keys by which repeats are recognised. One byte
   * each. New requests are refused from here on, so the last may go beyond by its own length.
   */
  readonly keptChars: number;
  /** Requests that the user of the layer has not answered at all yet: the queue in front of it. */
  readonly unanswered: number;
  /** What the 503 tells the peer to wait. */
  readonly retryAfterSeconds: number;
}

/** What happens to a request of ours. After `timeout` or `transportError` nothing follows. */
export interface ClientEvents {
  /**
   * Every provisional response but 100, every final one once, and each 2xx to an INVITE, repeated or from another fork, for
   * 64·T1 (RFC 6026 §7.2); a 2xx that comes later goes to `onStrayResponse`.
   */
  response(response: SipResponse, source: Source): void;
  /** No final response in time: timer B or F, or 64·T1 after a CANCEL without one. */
  timeout(): void;
  transportError(error: Error): void;
}

/** The core above the transactions: a user agent, or the proxy. */
export interface TransactionUser {
  /** Every new request but ACK and a CANCEL that matches. An INVITE has had its 100. */
  onRequest(tx: ServerTransaction): void;
  /** ACK of a 2xx, first copy and repeats. */
  onAck(ack: SipRequest, source: Source): void;
  /** The caller gave up while the INVITE had no final answer; the 200 to the CANCEL has been sent, the 487 has not. */
  onCancel(invite: ServerTransaction, cancel: SipRequest, source: Source): void;
  /** A response without a transaction: a 2xx that is repeated, or comes from another fork, later than 64·T1. */
  onStrayResponse(response: SipResponse, source: Source): void;
}

/** A request from the network, until its last repeat has been dealt with. */
export interface ServerTransaction {
  /** Unique while the process lives. */
  readonly id: string;
  /**
   * With `received` and `rport` in its top Via. The body is dropped once a final response has been given; the rest lives for as
   * long as somebody holds this object, which the layer itself does not from then on.
   */
  readonly request: SipRequest;
  readonly source: Source;
  readonly state: 'trying' | 'proceeding' | 'completed' | 'confirmed' | 'accepted' | 'terminated';
  /** The tag that our responses bear: that of the last response sent if it had one, else one made for this transaction. */
  readonly toTag: string;
  /**
   * Sends a response and, where RFC 3261 §17.2 says so, repeats it; a 2xx to an INVITE may be given again and again, repeating it
   * is the user's task (§13.3.1.4). A response that the state no longer allows (a second final one) is ignored.
   * @throws TransportError (the promise rejects) when it cannot be sent
   */
  respond(response: SipResponse): Promise<void>;
}

/** A request of ours. */
export interface ClientTransaction {
  /** Unique while the process lives. */
  readonly id: string;
  /** As sent, our Via on top. The body is dropped once it need not be repeated. */
  readonly request: SipRequest;
  readonly hop: Hop;
  readonly local: LocalEnd;
  readonly state: 'waiting' | 'calling' | 'trying' | 'proceeding' | 'completed' | 'accepted' | 'terminated';
  /**
   * Cancels an INVITE, RFC 3261 §9.1: at once after a provisional response, else as soon as one comes (state `waiting` until
   * then). Its own response is not reported; without a final response to the INVITE within 64·T1 the INVITE times out.
   * @returns the transaction of the CANCEL; `undefined` when there is nothing left to cancel, or a CANCEL is under way
   */
  cancel(extraHeaders?: Iterable<readonly [name: string, value: string]>): ClientTransaction | undefined;
}

/** The part of `Transports` that transactions need; tests put a scripted wire here. */
export interface Wire extends Pick<Emitter<TransportEvents>, 'on'> {
  /** Our end of the way to `hop`. @throws TransportError `no-listener` */
  localFor(hop: Hop): LocalEnd;
  send(bytes: Buffer, hop: Hop): Promise<LocalEnd>;
  /** As `send` to `source`, and where its connection is gone, to what the top Via says (RFC 3261 §18.2.2). */
  sendResponse(bytes: Buffer, source: Source, response: SipResponse): Promise<LocalEnd>;
  /** Whether this Via names one of our ends. */
  isOwn(via: { readonly host: string; readonly port: number | undefined }): boolean;
}

export interface TransactionStats {
  clientInvite: number;
  clientOther: number;
  serverInvite: number;
  serverOther: number;
}

/** Counts since the start. */
export interface TransactionCounters {
  /** Requests that got a 503 because there was no room. */
  overloaded: number;
  /** Copies of one request, answered 482. */
  merged: number;
  /** Requests that could not be understood, answered 4xx or 5xx. */
  malformed: number;
  /** What the network loses shows here. */
  requestRepeatsSent: number;
  responseRepeatsSent: number;
  /** Responses, other than 2xx to INVITE, that came when their transaction was gone. */
  strayResponses: number;
}
