import type { Random } from '../../../time/random.ts';
import type { SipRequest, SipResponse } from '../message/message.ts';
import { printMessage } from '../message/print.ts';
import { responseTo } from '../message/response-to.ts';
import { isReliable, type Protocol, type Source } from '../transport/types.ts';
import { type InviteServerEvent, type InviteServerState, inviteServer } from './invite-server.ts';
import type { Machine, Rules } from './machine.ts';
import { MachineRun, type WorldEffect } from './machine-run.ts';
import { type OtherServerEvent, type OtherServerState, otherServer } from './other-server.ts';
import { responseClass } from './response-class.ts';
import type { ServerTx } from './server-tx.ts';
import type { TimerQueues } from './timer-queues.ts';
import type { Wire } from './types.ts';

type Name = InviteServerState | OtherServerState;
type Event = InviteServerEvent | OtherServerEvent;

/** What all server transactions share, and what the layer learns from them. */
export interface ServerHost {
  readonly wire: Wire;
  readonly random: Random;
  readonly queues: TimerQueues;
  rulesFor(protocol: Protocol): Rules;
  request(tx: ServerTx): void;
  ack(ack: SipRequest, source: Source): void;
  /** The user of the layer has given its first response. */
  answered(): void;
  /** It has given its final response. */
  finished(): void;
  /** A response was sent again. */
  repeated(): void;
  /** After the final response: characters that are kept from now on, or (negative) no longer. */
  kept(chars: number): void;
  ended(run: ServerRun): void;
}

/** By what the layer finds a server transaction. */
export interface ServerKeys {
  readonly key: string;
  /** Of a request that may have copies. */
  readonly merge: string | undefined;
  readonly isInvite: boolean;
}

interface Incoming {
  readonly request: SipRequest;
  readonly source: Source;
}

/**
 * The part of a server transaction that lives until its last repeat has been dealt with: at 5,000 requests a second 160,000 of
 * them wait for timer J. So once the final response is given, it keeps that as text, and the way back, and lets go of the request
 * and of everyone who worked on it.
 */
export class ServerRun extends MachineRun<Name, Event, Incoming> {
  readonly key: string;
  readonly merge: string | undefined;
  readonly isInvite: boolean;
  readonly source: Source;
  readonly #host: ServerHost;
  /** Until the final response. */
  #tx: ServerTx | undefined;
  #toTag: string | undefined;
  /** The response in print, until it has been sent for the first time. */
  #fresh: Buffer | undefined;
  /** The response to repeat, a character for a byte: a Buffer costs as much again for its store, or holds on to a slab. */
  #last: string | undefined;
  /** That response, for its Via, which shows the way back when a connection is gone; needless over UDP. */
  #response: SipResponse | undefined;
  #sending: Promise<unknown> | undefined;
  #answered = false;
  #kept = 0;

  constructor(host: ServerHost, { key, merge, isInvite }: ServerKeys, source: Source) {
    const machine: Machine<Name, Event> = isInvite ? inviteServer : otherServer;
    super(machine, host.rulesFor(source.protocol), host.queues);
    this.#host = host;
    this.key = key;
    this.merge = merge;
    this.isInvite = isInvite;
    this.source = source;
  }

  /** The user's end; nobody's any more after the final response. */
  get tx(): ServerTx | undefined {
    return this.#tx;
  }

  /** Whether a final response has been given. */
  get finished(): boolean {
    return this.name !== 'waiting' && this.name !== 'trying' && this.name !== 'proceeding';
  }

  /** That of the last response if it had one, else that of the request, else a new one. */
  get toTag(): string {
    this.#toTag ??= this.#tx?.request.to.params.get('tag') || this.#host.random.hex(8);
    return this.#toTag;
  }

  /** @param tx what the user of the layer gets */
  start(tx: ServerTx): void {
    this.#tx = tx;
    this.apply('start', { request: tx.request, source: this.source });
  }

  /** The request again, or the ACK. */
  receive(request: SipRequest, source: Source): void {
    this.apply(request.method === 'ACK' ? 'ack' : 'request', { request, source });
    if (this.name === 'confirmed') this.#forgetResponse();
  }

  async respond(response: SipResponse): Promise<void> {
    const event = responseClass(response.status);
    if (!this.handles(event)) return;
    this.#noteAnswer(response);
    this.#print(response);
    const final = event !== 'provisional';
    if (final) this.#letGo();
    this.apply(event);
    const sending = this.#sending;
    this.#sending = undefined;
    // An answered INVITE is not answered again by us, nor is anything over a reliable transport.
    if (this.name === 'accepted' || this.name === 'terminated') this.#forgetResponse();
    else if (final && !isReliable(this.source.protocol)) this.#response = undefined;
    if (final) this.#account();
    try {
      await sending;
    } catch (error) {
      // Differs from RFC 3261 §17.2.4 for a provisional response: a ringing that got lost is no reason to lose the answer too.
      if (final) this.apply('broken');
      throw error;
    }
  }

  protected override perform(effect: WorldEffect, cause: Incoming | undefined): void {
    if (effect.do === 'send') this.#send(effect.what === 'trying');
    else if (effect.what === 'request' && this.#tx) this.#host.request(this.#tx);
    else if (effect.what === 'ack' && cause) this.#host.ack(cause.request, cause.source);
  }

  protected override ended(): void {
    this.#host.kept(-this.#kept);
    this.#host.ended(this);
  }

  #send(trying: boolean): void {
    if (trying && this.#tx) this.#print(responseTo(this.#tx.request, 100));
    else if (!this.#fresh) this.#host.repeated();
    const bytes = this.#fresh ?? (this.#last === undefined ? undefined : Buffer.from(this.#last, 'latin1'));
    this.#fresh = undefined;
    if (!bytes) return;
    const { wire } = this.#host;
    const sending = this.#response
      ? wire.sendResponse(bytes, this.source, this.#response)
      : wire.send(bytes, this.source);
    // Repeats and the 100 have nobody who waits for them; `respond` waits for its own.
    sending.catch(() => undefined);
    this.#sending = sending;
  }

  #print(response: SipResponse): void {
    this.#fresh = printMessage(response);
    this.#last = this.#fresh.toString('latin1');
    this.#response = response;
  }

  #noteAnswer(response: SipResponse): void {
    if (response.status > 100) this.#toTag = response.to.params.get('tag') || this.#toTag;
    if (this.#answered) return;
    this.#answered = true;
    this.#host.answered();
  }

  /** The user may hold on to its end for as long as it likes; we do not. */
  #letGo(): void {
    if (!this.#tx) return;
    this.#toTag = ownCopy(this.toTag);
    this.#tx.dropBody();
    this.#tx = undefined;
    this.#host.finished();
  }

  #forgetResponse(): void {
    this.#last = undefined;
    this.#response = undefined;
  }

  #account(): void {
    if (this.#kept > 0 || this.name === 'terminated') return;
    this.#kept = this.key.length + (this.merge?.length ?? 0) + (this.#last?.length ?? 0);
    this.#host.kept(this.#kept);
  }
}

/** A string that was cut out of a message holds on to the whole of it. */
const ownCopy = (text: string): string => Buffer.from(text).toString();
