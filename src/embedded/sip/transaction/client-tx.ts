import type { Random } from '../../../time/random.ts';
import { SipRequest, type SipResponse } from '../message/message.ts';
import { printMessage } from '../message/print.ts';
import type { Hop, LocalEnd, Protocol, Source } from '../transport/types.ts';
import { ackFor, cancelFor } from './hop-by-hop.ts';
import { type InviteClientEvent, type InviteClientState, inviteClient } from './invite-client.ts';
import type { Machine, Rules } from './machine.ts';
import { MachineRun, type WorldEffect } from './machine-run.ts';
import { type OtherClientEvent, type OtherClientState, otherClient } from './other-client.ts';
import { responseClass } from './response-class.ts';
import type { TimerQueues } from './timer-queues.ts';
import type { ClientEvents, ClientTransaction, Wire } from './types.ts';

type Name = InviteClientState | OtherClientState;
type Event = InviteClientEvent | OtherClientEvent;

/** What all client transactions share, and what the layer does for them. */
export interface ClientHost {
  readonly wire: Wire;
  readonly random: Random;
  readonly queues: TimerQueues;
  rulesFor(protocol: Protocol): Rules;
  /** Calls the user of the layer, whose faults are not ours. */
  tell(call: () => void): void;
  /** A request was sent again. */
  repeated(): void;
  ended(tx: ClientTx): void;
  /** Makes the transaction of a CANCEL, not started yet, and registers it. */
  cancelling(cancel: SipRequest, invite: ClientTx): ClientTx;
}

export interface ClientTxOptions {
  readonly key: string;
  /** With our Via on top. */
  readonly request: SipRequest;
  readonly hop: Hop;
  readonly local: LocalEnd;
  readonly on: ClientEvents;
}

interface Incoming {
  readonly response: SipResponse;
  readonly source: Source;
}

export class ClientTx extends MachineRun<Name, Event, Incoming> implements ClientTransaction {
  readonly id: string;
  readonly key: string;
  readonly hop: Hop;
  readonly local: LocalEnd;
  readonly #host: ClientHost;
  readonly #vias: number;
  /** Until it has heard all that it is to hear. */
  #on: ClientEvents | undefined;
  #request: SipRequest;
  /** The request, later the ACK: what would have to be sent again. */
  #bytes: Buffer | undefined;
  #sends = 0;
  #cancel: ClientTx | undefined;

  constructor(host: ClientHost, { key, request, hop, local, on }: ClientTxOptions) {
    const machine: Machine<Name, Event> = request.method === 'INVITE' ? inviteClient : otherClient;
    super(machine, host.rulesFor(hop.protocol), host.queues);
    this.#host = host;
    this.id = host.random.uuid();
    this.key = key;
    this.hop = hop;
    this.local = local;
    this.#on = on;
    this.#request = request;
    this.#vias = request.headers.all('Via').length;
  }

  get request(): SipRequest {
    return this.#request;
  }

  get state(): ClientTransaction['state'] {
    return this.name;
  }

  start(): void {
    this.apply('start');
  }

  /** A response with a different stack of Vias than the request's was misrouted and is ignored (RFC 3261 §8.1.3.3). */
  receive(response: SipResponse, source: Source): void {
    if (response.headers.all('Via').length !== this.#vias) return;
    this.apply(responseClass(response.status), { response, source });
    const cancel = this.#cancel;
    if (cancel?.state !== 'waiting') return;
    if (this.name === 'proceeding') this.#startCancel(cancel);
    else cancel.dismiss();
  }

  cancel(extraHeaders: Iterable<readonly [name: string, value: string]> = []): ClientTransaction | undefined {
    const { state } = this;
    if (this.#request.method !== 'INVITE' || this.#cancel) return undefined;
    if (state !== 'calling' && state !== 'proceeding') return undefined;
    this.#cancel = this.#host.cancelling(cancelFor(this.#request, extraHeaders), this);
    if (state === 'proceeding') this.#startCancel(this.#cancel);
    return this.#cancel;
  }

  /** Ends a CANCEL that waited in vain: the final response was faster. */
  dismiss(): void {
    this.apply('broken');
  }

  #startCancel(cancel: ClientTx): void {
    cancel.start();
    this.apply('cancelled');
  }

  protected override perform(effect: WorldEffect, cause: Incoming | undefined): void {
    if (effect.do === 'send') {
      if (effect.what === 'ack' && cause) this.#bytes = this.#acknowledge(cause.response);
      this.#send(effect.what === 'ack');
    } else if (effect.what === 'timeout') this.#tell((on) => on.timeout());
    else if (effect.what === 'response' && cause) {
      const { response, source } = cause;
      this.#forget(response);
      if (response.status > 100) this.#tell((on) => on.response(response, source));
    }
  }

  protected override ended(): void {
    if (this.#cancel?.state === 'waiting') this.#cancel.dismiss();
    this.#host.ended(this);
  }

  #send(ack: boolean): void {
    this.#bytes ??= printMessage(this.#request);
    if (!ack && this.#sends++ > 0) this.#host.repeated();
    this.#host.wire.send(this.#bytes, this.hop).catch((error: unknown) => {
      const told = this.name === 'calling' || this.name === 'trying' || this.name === 'proceeding';
      if (!this.handles('broken')) return;
      this.apply('broken');
      if (told) this.#tell((on) => on.transportError(error instanceof Error ? error : new Error(String(error))));
    });
  }

  /** A user that hears nothing more is let go before it hears the last. */
  #tell(call: (on: ClientEvents) => void): void {
    const on = this.#on;
    if (this.name === 'completed' || this.name === 'terminated') this.#on = undefined;
    if (on) this.#host.tell(() => call(on));
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
}
