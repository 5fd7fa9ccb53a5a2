import type { Clock } from '../../../time/clock.ts';
import type { Random } from '../../../time/random.ts';
import { SipRequest, type SipResponse } from '../message/message.ts';
import { printMessage } from '../message/print.ts';
import { type Hop, isReliable, type LocalEnd, type Source } from '../transport/types.ts';
import { ackFor, cancelFor } from './hop-by-hop.ts';
import { type InviteClientEvent, type InviteClientState, inviteClient } from './invite-client.ts';
import type { Machine } from './machine.ts';
import { MachineRun, type WorldEffect } from './machine-run.ts';
import { type OtherClientEvent, type OtherClientState, otherClient } from './other-client.ts';
import { responseClass } from './response-class.ts';
import type { ClientEvents, ClientTransaction, TimerValues, Wire } from './types.ts';

type Name = InviteClientState | OtherClientState;
type Event = InviteClientEvent | OtherClientEvent;

export interface ClientTxOptions {
  /** With our Via on top. */
  readonly request: SipRequest;
  readonly hop: Hop;
  readonly local: LocalEnd;
  readonly wire: Wire;
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: TimerValues;
  readonly on: ClientEvents;
  /** A request was sent again. */
  readonly repeated: () => void;
  readonly ended: (tx: ClientTx) => void;
  /** Makes the transaction of a CANCEL, not started yet, and registers it. */
  readonly cancelling: (cancel: SipRequest, invite: ClientTx) => ClientTx;
}

interface Incoming {
  readonly response: SipResponse;
  readonly source: Source;
}

export class ClientTx implements ClientTransaction {
  readonly id: string;
  readonly hop: Hop;
  readonly local: LocalEnd;
  readonly #options: ClientTxOptions;
  readonly #run: MachineRun<Name, Event, Incoming>;
  readonly #vias: number;
  #request: SipRequest;
  /** The request, later the ACK: what would have to be sent again. */
  #bytes: Buffer | undefined;
  #sends = 0;
  #cancel: ClientTx | undefined;

  constructor(options: ClientTxOptions) {
    this.#options = options;
    this.id = options.random.uuid();
    this.hop = options.hop;
    this.local = options.local;
    this.#request = options.request;
    this.#vias = options.request.headers.all('Via').length;
    const machine: Machine<Name, Event> = options.request.method === 'INVITE' ? inviteClient : otherClient;
    this.#run = new MachineRun<Name, Event, Incoming>({
      machine,
      rules: { timers: options.timers, reliable: isReliable(options.hop.protocol) },
      clock: options.clock,
      perform: (effect, cause) => this.#perform(effect, cause),
      ended: () => this.#end(),
    });
  }

  get request(): SipRequest {
    return this.#request;
  }

  get state(): ClientTransaction['state'] {
    return this.#run.state;
  }

  start(): void {
    this.#run.apply('start');
  }

  /** A response with a different stack of Vias than the request's was misrouted and is ignored (RFC 3261 §8.1.3.3). */
  receive(response: SipResponse, source: Source): void {
    if (response.headers.all('Via').length !== this.#vias) return;
    this.#run.apply(responseClass(response.status), { response, source });
    const cancel = this.#cancel;
    if (cancel?.state !== 'waiting') return;
    if (this.#run.state === 'proceeding') this.#startCancel(cancel);
    else cancel.dismiss();
  }

  cancel(extraHeaders: Iterable<readonly [name: string, value: string]> = []): ClientTransaction | undefined {
    const { state } = this.#run;
    if (this.#request.method !== 'INVITE' || this.#cancel) return undefined;
    if (state !== 'calling' && state !== 'proceeding') return undefined;
    this.#cancel = this.#options.cancelling(cancelFor(this.#request, extraHeaders), this);
    if (state === 'proceeding') this.#startCancel(this.#cancel);
    return this.#cancel;
  }

  /** Ends it without another word: the layer closes. */
  abandon(): void {
    this.#run.stop();
  }

  /** Ends a CANCEL that waited in vain: the final response was faster. */
  dismiss(): void {
    this.#run.apply('broken');
  }

  #startCancel(cancel: ClientTx): void {
    cancel.start();
    this.#run.apply('cancelled');
  }

  #perform(effect: WorldEffect, cause: Incoming | undefined): void {
    const { on } = this.#options;
    if (effect.do === 'send') {
      if (effect.what === 'ack' && cause) this.#bytes = this.#acknowledge(cause.response);
      this.#send(effect.what === 'ack');
    } else if (effect.what === 'timeout') on.timeout();
    else if (effect.what === 'response' && cause) {
      this.#forget(cause.response);
      if (cause.response.status > 100) on.response(cause.response, cause.source);
    }
  }

  #send(ack: boolean): void {
    this.#bytes ??= printMessage(this.#request);
    if (!ack && this.#sends++ > 0) this.#options.repeated();
    this.#options.wire.send(this.#bytes, this.hop).catch((error: unknown) => {
      const told = this.#run.state === 'calling' || this.#run.state === 'trying' || this.#run.state === 'proceeding';
      if (!this.#run.handles('broken')) return;
      this.#run.apply('broken');
      if (told) this.#options.on.transportError(error instanceof Error ? error : new Error(String(error)));
    });
  }

  #acknowledge(response: SipResponse): Buffer {
    return printMessage(ackFor(this.#request, response));
  }

  /** What will not be sent again need not be kept: an INVITE after anything was heard, other requests after the final response. */
  #forget({ status }: SipResponse): void {
    const invite = this.#request.method === 'INVITE';
    if (!invite && status < 200) return;
    if (!invite || status < 300) this.#bytes = undefined;
    const { method, uri, headers, body } = this.#request;
    if (body.length > 0) this.#request = new SipRequest(method, uri, headers);
  }

  #end(): void {
    if (this.#cancel?.state === 'waiting') this.#cancel.dismiss();
    this.#options.ended(this);
  }
}
