import type { SipRequest, SipResponse } from '../message/index.ts';
import type { Protocol, Source } from '../transport/index.ts';
import type { Refusal } from './refusal.ts';

/** The other end of a message, or for a request of ours the end that it left from. */
export interface Peer {
  readonly protocol: Protocol;
  readonly address: string;
  readonly port: number;
}

/** A request from the network. */
export interface IncomingEvent {
  /** By which `UserAgent.respond` finds it; an ACK and a CANCEL bear that of their INVITE. */
  readonly transactionId: string;
  /** Absent for a request that begins something new. */
  readonly dialogId: string | undefined;
  readonly request: SipRequest;
  readonly source: Source;
}

export interface ResponseEvent {
  /** Of the request, as it was told when the request was sent. */
  readonly transactionId: string;
  /** Of the dialog that the response belongs to, creates, or would have created. */
  readonly dialogId: string | undefined;
  readonly response: SipResponse;
  /** `undefined` for a response that we made ourselves, because none came. */
  readonly source: Source | undefined;
}

/** A dialog was ended by us without the application's asking. */
export interface HungUpEvent {
  readonly dialogId: string;
  /** Its Reason says why. */
  readonly bye: SipRequest;
  readonly peer: Peer | undefined;
}

/** What the core tells an application: one connection of a program that decides about calls. */
export interface Application {
  onRequest(event: IncomingEvent): void;
  /**
   * Follows the `sent` of its request, never precedes it. Every request but ACK and CANCEL gets a final one, be it made here; a
   * 100 and the response to a CANCEL are not told.
   */
  onResponse(event: ResponseEvent): void;
  onHungUp(event: HungUpEvent): void;
}

/** No application may have this request: the status and reason of the answer. */
export interface Unwanted {
  readonly status: number;
  readonly reason?: string;
  readonly headers?: [name: string, value: string][];
}

/** All applications that are connected. */
export interface Applications {
  /** Who gets a request that begins something new. */
  choose(request: SipRequest): Application | Unwanted;
  /** Somebody to take over a dialog whose application is gone. */
  any(): Application | undefined;
}

/** A message that was sent for an application. */
export interface Sent<M> {
  readonly message: M;
  /** `undefined` when the message never got as far as a socket. */
  readonly peer: Peer | undefined;
  readonly transactionId: string;
  readonly dialogId: string | undefined;
}

/** What becomes of something that an application wants sent. Exactly one of the two is called, once. */
export interface Reply<M> {
  sent(sent: Sent<M>): void;
  refused(refusal: Refusal): void;
}
