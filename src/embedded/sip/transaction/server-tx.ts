import type { Clock } from '../../../time/clock.ts';
import type { Random } from '../../../time/random.ts';
import { SipRequest, type SipResponse } from '../message/message.ts';
import { printMessage } from '../message/print.ts';
import { responseTo } from '../message/response-to.ts';
import { isReliable, type Source } from '../transport/types.ts';
import { type InviteServerEvent, type InviteServerState, inviteServer } from './invite-server.ts';
import type { Machine } from './machine.ts';
import { MachineRun, type WorldEffect } from './machine-run.ts';
import { type OtherServerEvent, type OtherServerState, otherServer } from './other-server.ts';
import { responseClass } from './response-class.ts';
import type { ServerTransaction, TimerValues, Wire } from './types.ts';

type Name = InviteServerState | OtherServerState;
type Event = InviteServerEvent | OtherServerEvent;

/** What the layer learns from a server transaction. */
export interface ServerTxEvents {
  request(tx: ServerTx): void;
  ack(ack: SipRequest, source: Source): void;
  /** The first response of the user of the layer has been given. */
  answered(): void;
  /** A response was sent again. */
  repeated(): void;
  ended(tx: ServerTx): void;
}

export interface ServerTxOptions {
  readonly request: SipRequest;
  readonly source: Source;
  readonly wire: Wire;
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: TimerValues;
  readonly on: ServerTxEvents;
}

interface Incoming {
  readonly request: SipRequest;
  readonly source: Source;
}

export class ServerTx implements ServerTransaction {
  readonly id: string;
  readonly source: Source;
  readonly #options: ServerTxOptions;
  readonly #run: MachineRun<Name, Event, Incoming>;
  #request: SipRequest;
  #toTag: string | undefined;
  /** The response to repeat. Only its bytes and its Via are needed. */
  #last: { readonly bytes: Buffer; readonly response: SipResponse } | undefined;
  #sending: Promise<unknown> = Promise.resolve();
  /** The next send is the first of its response. */
  #fresh = false;
  #answered = false;

  constructor(options: ServerTxOptions) {
    this.#options = options;
    this.id = options.random.uuid();
    this.source = options.source;
    this.#request = options.request;
    const machine: Machine<Name, Event> = options.request.method === 'INVITE' ? inviteServer : otherServer;
    this.#run = new MachineRun<Name, Event, Incoming>({
      machine,
      rules: { timers: options.timers, reliable: isReliable(options.source.protocol) },
      clock: options.clock,
      perform: (effect, cause) => this.#perform(effect, cause),
      ended: () => options.on.ended(this),
    });
  }

  get request(): SipRequest {
    return this.#request;
  }

  get state(): ServerTransaction['state'] {
    const { state } = this.#run;
    // The layer starts a transaction before anyone sees it.
    return state === 'waiting' ? 'trying' : state;
  }

  get toTag(): string {
    this.#toTag ??= this.#request.to.params.get('tag') || this.#options.random.hex(8);
    return this.#toTag;
  }

  /** Whether a final response has been given. */
  get finished(): boolean {
    return this.state !== 'trying' && this.state !== 'proceeding';
  }

  start(): void {
    this.#run.apply('start', { request: this.#request, source: this.source });
  }

  /** The request again, or the ACK. */
  receive(request: SipRequest, source: Source): void {
    this.#run.apply(request.method === 'ACK' ? 'ack' : 'request', { request, source });
  }

  async respond(response: SipResponse): Promise<void> {
    const event = responseClass(response.status);
    if (!this.#run.handles(event)) return;
    this.#noteAnswer(response);
    this.#last = { bytes: printMessage(response), response };
    const final = event !== 'provisional';
    if (final) this.#dropBody();
    this.#fresh = true;
    this.#run.apply(event);
    const sending = this.#sending;
    if (this.#run.state === 'accepted' || this.#run.state === 'terminated') this.#last = undefined;
    try {
      await sending;
    } catch (error) {
      // Differs from RFC 3261 §17.2.4 for a provisional response: a ringing that got lost is no reason to lose the answer too.
      if (final) this.#run.apply('broken');
      throw error;
    }
  }

  /** Ends it without another word: the layer closes. */
  abandon(): void {
    this.#run.stop();
  }

  #perform(effect: WorldEffect, cause: Incoming | undefined): void {
    const { on } = this.#options;
    if (effect.do === 'send') this.#send(effect.what === 'trying');
    else if (effect.what === 'request') on.request(this);
    else if (effect.what === 'ack' && cause) on.ack(cause.request, cause.source);
  }

  #send(trying: boolean): void {
    if (trying) {
      const response = responseTo(this.#request, 100);
      this.#last = { bytes: printMessage(response), response };
    } else if (!this.#fresh) this.#options.on.repeated();
    this.#fresh = false;
    const last = this.#last;
    if (!last) return;
    this.#sending = this.#options.wire.sendResponse(last.bytes, this.source, last.response);
    // Repeats and the 100 have nobody who waits for them; `respond` waits for its own.
    this.#sending.catch(() => undefined);
  }

  #noteAnswer(response: SipResponse): void {
    if (response.status > 100) this.#toTag = response.to.params.get('tag') || this.#toTag;
    if (this.#answered) return;
    this.#answered = true;
    this.#options.on.answered();
  }

  #dropBody(): void {
    const { method, uri, headers, body } = this.#request;
    if (body.length > 0) this.#request = new SipRequest(method, uri, headers);
  }
}
