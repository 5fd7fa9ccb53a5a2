import type { Clock } from '../../../time/clock.ts';
import type { Random } from '../../../time/random.ts';
import type { SipMessage, SipRequest, SipResponse } from '../message/message.ts';
import { Params } from '../message/params.ts';
import type { SipParseError } from '../message/parse-error.ts';
import { printMessage } from '../message/print.ts';
import { responseTo } from '../message/response-to.ts';
import { MAGIC_COOKIE, printVia } from '../message/via.ts';
import type { Hop, LocalEnd, Source } from '../transport/types.ts';
import { ClientTx } from './client-tx.ts';
import { clientKey, mergeKey, passedThrough, serverKey } from './keys.ts';
import { ServerTx } from './server-tx.ts';
import { StatelessAnswers } from './stateless.ts';
import type {
  ClientEvents,
  ClientTransaction,
  Limits,
  TimerValues,
  TransactionCounters,
  TransactionStats,
  TransactionUser,
  Wire,
} from './types.ts';

/** RFC 3261 §17.1.1.1 and Table 4. */
export const TIMERS: TimerValues = { t1: 500, t2: 4_000, t4: 5_000, d: 32_000 };

export const LIMITS: Limits = { serverTransactions: 50_000, unanswered: 1_000, retryAfterSeconds: 5 };

export interface TransactionLayerOptions {
  readonly transports: Wire;
  readonly clock: Clock;
  readonly random: Random;
  readonly user: TransactionUser;
  readonly timers?: Partial<TimerValues>;
  readonly limits?: Partial<Limits>;
  /** The user threw. The request gets a 500, the others go on. Default: throw it into the event loop. */
  readonly onFault?: (error: unknown) => void;
}

/** Needed to end calls, so these find room when nothing else does. */
const ALWAYS_WELCOME = ['CANCEL', 'BYE'];

/** Runs all transactions: finds the one that a message belongs to, makes new ones, and keeps within its limits. */
export class TransactionLayer {
  readonly counters: TransactionCounters = {
    overloaded: 0,
    merged: 0,
    malformed: 0,
    requestRepeatsSent: 0,
    responseRepeatsSent: 0,
    strayResponses: 0,
  };
  readonly #wire: Wire;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #user: TransactionUser;
  readonly #timers: TimerValues;
  readonly #limits: Limits;
  readonly #onFault: (error: unknown) => void;
  readonly #stateless: StatelessAnswers;
  readonly #servers = new Map<string, ServerTx>();
  readonly #merges = new Map<string, ServerTx>();
  readonly #clients = new Map<string, ClientTx>();
  readonly #stats: TransactionStats = { clientInvite: 0, clientOther: 0, serverInvite: 0, serverOther: 0 };
  readonly #off: (() => void)[];
  #unanswered = 0;

  constructor(options: TransactionLayerOptions) {
    this.#wire = options.transports;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#user = options.user;
    this.#timers = { ...TIMERS, ...options.timers };
    this.#limits = { ...LIMITS, ...options.limits };
    this.#onFault = options.onFault ?? throwLater;
    this.#stateless = new StatelessAnswers(options.random);
    this.#off = [
      this.#wire.on('message', ({ message, source }) => this.#receive(message, source)),
      this.#wire.on('malformed', ({ error, source }) => this.#refuseMalformed(error, source)),
    ];
  }

  /**
   * Sends a request, which is copied and gets our Via with a new branch on top, and repeats it as RFC 3261 §17.1 says. ACKs of
   * refusals are sent without being asked. `on` is not called before this has returned.
   * @throws TransportError `no-listener`
   */
  request(request: SipRequest, hop: Hop, on: ClientEvents): ClientTransaction {
    const local = this.#wire.localFor(hop);
    const sent = request.clone();
    sent.headers.prepend('Via', this.#newVia(local));
    const tx = this.#addClient(sent, hop, local, on);
    tx.start();
    return tx;
  }

  /**
   * Sends what belongs to no transaction: the ACK of a 2xx (which gets our Via with a new branch), or a response that is
   * routed by its own Via. @throws TransportError (the promise rejects)
   */
  sendStateless(message: SipMessage, hop: Hop): Promise<LocalEnd> {
    if (message.kind === 'response') return this.#wire.send(printMessage(message), hop);
    try {
      const sent = message.clone();
      sent.headers.prepend('Via', this.#newVia(this.#wire.localFor(hop)));
      return this.#wire.send(printMessage(sent), hop);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** How many transactions are alive; all zero when the last straggler has been waited for. */
  stats(): TransactionStats {
    return { ...this.#stats };
  }

  /** Requests that the user has not answered at all yet. */
  get unanswered(): number {
    return this.#unanswered;
  }

  /** Drops every transaction without another message and listens no more. */
  close(): void {
    for (const off of this.#off) off();
    for (const tx of this.#servers.values()) tx.abandon();
    for (const tx of this.#clients.values()) tx.abandon();
    this.#servers.clear();
    this.#merges.clear();
    this.#clients.clear();
    Object.assign(this.#stats, { clientInvite: 0, clientOther: 0, serverInvite: 0, serverOther: 0 });
    this.#unanswered = 0;
  }

  #receive(message: SipMessage, source: Source): void {
    this.#guard(() => {
      if (message.kind === 'response') this.#receiveResponse(message, source);
      else this.#receiveRequest(message, source);
    });
  }

  #receiveResponse(response: SipResponse, source: Source): void {
    const tx = this.#clients.get(clientKey(response));
    if (tx) tx.receive(response, source);
    else if (response.cseq.method === 'INVITE' && response.status >= 200 && response.status < 300) {
      this.#user.onStrayResponse(response, source);
    } else this.counters.strayResponses++;
  }

  #receiveRequest(request: SipRequest, source: Source): void {
    const key = serverKey(request);
    const known = this.#servers.get(key);
    if (known) known.receive(request, source);
    else if (request.method === 'ACK') {
      if (!this.#stateless.isAckOfOurs(request)) this.#user.onAck(request, source);
    } else if (!this.#hasRoom(request)) {
      this.counters.overloaded++;
      const retryAfter: [string, string] = ['Retry-After', String(this.#limits.retryAfterSeconds)];
      this.#answer(this.#stateless.response(request, 503, undefined, [retryAfter]), source);
    } else if (this.#isMerged(request)) {
      this.counters.merged++;
      this.#answer(this.#stateless.response(request, 482), source);
    } else this.#accept(request, source, key);
  }

  #accept(request: SipRequest, source: Source, key: string): void {
    const invite = request.method === 'CANCEL' ? this.#servers.get(serverKey(request, 'INVITE')) : undefined;
    const merge = mayMerge(request) ? mergeKey(request) : undefined;
    const kind = request.method === 'INVITE' ? 'serverInvite' : 'serverOther';
    let waiting = true;
    const answered = () => {
      if (waiting) this.#unanswered--;
      waiting = false;
    };
    const tx = new ServerTx({
      request,
      source,
      wire: this.#wire,
      clock: this.#clock,
      random: this.#random,
      timers: this.#timers,
      on: {
        request: (started) => (invite ? this.#cancelled(started, invite) : this.#handUp(started)),
        ack: (ack, from) => this.#user.onAck(ack, from),
        answered,
        repeated: () => {
          this.counters.responseRepeatsSent++;
        },
        ended: () => {
          answered();
          this.#servers.delete(key);
          if (merge !== undefined && this.#merges.get(merge) === tx) this.#merges.delete(merge);
          this.#stats[kind]--;
        },
      },
    });
    this.#servers.set(key, tx);
    if (merge !== undefined) this.#merges.set(merge, tx);
    this.#stats[kind]++;
    this.#unanswered++;
    tx.start();
  }

  #handUp(tx: ServerTx): void {
    try {
      this.#user.onRequest(tx);
    } catch (error) {
      if (!tx.finished) this.#respond(tx, responseTo(tx.request, 500, { toTag: tx.toTag }));
      this.#onFault(error);
    }
  }

  /** RFC 3261 §9.2: 200 in any case, with the To tag of the INVITE's responses; it means something only before the final one. */
  #cancelled(cancel: ServerTx, invite: ServerTx): void {
    const { request, source } = cancel;
    this.#respond(cancel, responseTo(request, 200, { toTag: invite.toTag }));
    if (!invite.finished) this.#user.onCancel(invite, request, source);
  }

  /** For answers of our own: when they cannot be sent, the peer will ask again or give up, and nobody here waits. */
  #respond(tx: ServerTx, response: SipResponse): void {
    tx.respond(response).catch(() => undefined);
  }

  #answer(response: SipResponse, source: Source): void {
    this.#wire.sendResponse(printMessage(response), source, response).catch(() => undefined);
  }

  #refuseMalformed(error: SipParseError, source: Source): void {
    if (!error.partial) return;
    this.counters.malformed++;
    this.#answer(this.#stateless.response(error.partial, error.status, error.reason), source);
  }

  #hasRoom(request: SipRequest): boolean {
    const { serverTransactions, unanswered } = this.#limits;
    if (ALWAYS_WELCOME.includes(request.method)) return this.#servers.size < 2 * serverTransactions;
    return this.#servers.size < serverTransactions && this.#unanswered < unanswered;
  }

  /** A copy that came by another way, RFC 3261 §8.2.2.2; but one that went through us before is a spiral, which is allowed (§16.6). */
  #isMerged(request: SipRequest): boolean {
    if (!mayMerge(request) || !this.#merges.has(mergeKey(request))) return false;
    return !passedThrough(request, this.#wire);
  }

  #addClient(request: SipRequest, hop: Hop, local: LocalEnd, on: ClientEvents): ClientTx {
    const key = clientKey(request);
    const kind = request.method === 'INVITE' ? 'clientInvite' : 'clientOther';
    const tx = new ClientTx({
      request,
      hop,
      local,
      wire: this.#wire,
      clock: this.#clock,
      random: this.#random,
      timers: this.#timers,
      on: {
        response: (response, source) => this.#guard(() => on.response(response, source)),
        timeout: () => this.#guard(() => on.timeout()),
        transportError: (error) => this.#guard(() => on.transportError(error)),
      },
      repeated: () => {
        this.counters.requestRepeatsSent++;
      },
      ended: () => {
        this.#clients.delete(key);
        this.#stats[kind]--;
      },
      cancelling: (cancel, invite) => this.#addClient(cancel, invite.hop, invite.local, UNHEARD),
    });
    this.#clients.set(key, tx);
    this.#stats[kind]++;
    return tx;
  }

  #newVia({ protocol, host, port }: LocalEnd): string {
    return printVia({
      version: '2.0',
      transport: protocol.toUpperCase(),
      host,
      port,
      params: Params.of({ rport: true, branch: MAGIC_COOKIE + this.#random.hex(10) }),
    });
  }

  #guard(callUser: () => void): void {
    try {
      callUser();
    } catch (error) {
      this.#onFault(error);
    }
  }
}

/** Whether a request is of the kind of which a fork makes copies: outside a dialog. A CANCEL belongs to its INVITE. */
const mayMerge = (request: SipRequest): boolean => request.method !== 'CANCEL' && !request.to.params.has('tag');

/** The response to a CANCEL interests nobody, and when it is lost, timer Cancel of the INVITE sees to the rest. */
const UNHEARD: ClientEvents = {
  response: () => undefined,
  timeout: () => undefined,
  transportError: () => undefined,
};

const throwLater = (error: unknown): void => {
  queueMicrotask(() => {
    throw error;
  });
};
