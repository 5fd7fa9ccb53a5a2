import type { Clock } from '../../../time/clock.ts';
import type { Random } from '../../../time/random.ts';
import type { SipMessage, SipRequest, SipResponse } from '../message/message.ts';
import { Params } from '../message/params.ts';
import type { SipParseError } from '../message/parse-error.ts';
import { printMessage } from '../message/print.ts';
import { responseTo } from '../message/response-to.ts';
import { MAGIC_COOKIE, printVia } from '../message/via.ts';
import { type Hop, isReliable, type LocalEnd, type Protocol, type Source } from '../transport/types.ts';
import { type ClientHost, ClientTx } from './client-tx.ts';
import { clientKey, mergeKey, passedThrough, serverKey } from './keys.ts';
import type { Rules } from './machine.ts';
import { type ServerHost, ServerRun } from './server-run.ts';
import { ServerTx } from './server-tx.ts';
import { StatelessAnswers } from './stateless.ts';
import { TimerQueues } from './timer-queues.ts';
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

/**
 * Room for 6,250 requests a second over UDP, each of which is remembered for the 32 s of timer J. At 5,000 a second the user of
 * the layer may stand still for half a second, after which peers begin to repeat (T1) anyway.
 *
 * What finished transactions take is bounded, whatever peers send: 750 bytes for each of 200,000, and 128 MiB of messages,
 * together 285 MB; 355 MB with the quarter that is set aside for those that are always welcome. An unfinished one keeps its
 * request, 8 KB for an INVITE of a usual phone: 400 MB when 50,000 wait for their answer.
 */
export const LIMITS: Limits = {
  serverTransactions: 200_000,
  unfinished: 50_000,
  keptChars: 128 * 1024 * 1024,
  unanswered: 2_500,
  retryAfterSeconds: 5,
};

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

/** Needed to end calls, so these find room when nothing else does: a quarter more. */
const ALWAYS_WELCOME = ['CANCEL', 'BYE'];
const RESERVE = 1.25;

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
  readonly #random: Random;
  readonly #user: TransactionUser;
  readonly #limits: Limits;
  readonly #onFault: (error: unknown) => void;
  readonly #stateless: StatelessAnswers;
  readonly #queues: TimerQueues;
  readonly #serverHost: ServerHost;
  readonly #clientHost: ClientHost;
  readonly #rules: { readonly reliable: Rules; readonly unreliable: Rules };
  readonly #servers = new Map<string, ServerRun>();
  readonly #merges = new Map<string, ServerRun>();
  readonly #clients = new Map<string, ClientTx>();
  readonly #stats: TransactionStats = { clientInvite: 0, clientOther: 0, serverInvite: 0, serverOther: 0 };
  readonly #off: (() => void)[];
  #unanswered = 0;
  #unfinished = 0;
  #keptChars = 0;

  constructor(options: TransactionLayerOptions) {
    this.#wire = options.transports;
    this.#random = options.random;
    this.#user = options.user;
    const timers = { ...TIMERS, ...options.timers };
    this.#rules = { reliable: { timers, reliable: true }, unreliable: { timers, reliable: false } };
    this.#queues = new TimerQueues(options.clock);
    this.#serverHost = this.#newServerHost();
    this.#clientHost = this.#newClientHost();
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
    for (const run of this.#servers.values()) run.stop();
    for (const tx of this.#clients.values()) tx.stop();
    this.#servers.clear();
    this.#merges.clear();
    this.#clients.clear();
    Object.assign(this.#stats, { clientInvite: 0, clientOther: 0, serverInvite: 0, serverOther: 0 });
    this.#unanswered = this.#unfinished = this.#keptChars = 0;
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
    const merge = mayMerge(request) ? mergeKey(request) : undefined;
    const isInvite = request.method === 'INVITE';
    const run = new ServerRun(this.#serverHost, { key, merge, isInvite }, source);
    this.#servers.set(key, run);
    if (merge !== undefined) this.#merges.set(merge, run);
    this.#stats[isInvite ? 'serverInvite' : 'serverOther']++;
    this.#unanswered++;
    this.#unfinished++;
    run.start(new ServerTx(this.#random.uuid(), request, run));
  }

  /** One for all: a transaction that waits for repeats has no room for functions of its own. */
  #newServerHost(): ServerHost {
    return {
      wire: this.#wire,
      random: this.#random,
      queues: this.#queues,
      rulesFor: (protocol) => this.#rulesFor(protocol),
      request: (tx) => this.#begin(tx),
      ack: (ack, source) => this.#user.onAck(ack, source),
      answered: () => {
        this.#unanswered--;
      },
      finished: () => {
        this.#unfinished--;
      },
      repeated: () => {
        this.counters.responseRepeatsSent++;
      },
      kept: (chars) => {
        this.#keptChars += chars;
      },
      ended: (run) => {
        const { key, merge, isInvite } = run;
        this.#servers.delete(key);
        if (merge !== undefined && this.#merges.get(merge) === run) this.#merges.delete(merge);
        this.#stats[isInvite ? 'serverInvite' : 'serverOther']--;
      },
    };
  }

  #rulesFor(protocol: Protocol): Rules {
    return isReliable(protocol) ? this.#rules.reliable : this.#rules.unreliable;
  }

  #begin(tx: ServerTx): void {
    const { request } = tx;
    const invite = request.method === 'CANCEL' ? this.#servers.get(serverKey(request, 'INVITE')) : undefined;
    if (invite) this.#cancelled(tx, invite);
    else this.#handUp(tx);
  }

  #newClientHost(): ClientHost {
    return {
      wire: this.#wire,
      random: this.#random,
      queues: this.#queues,
      rulesFor: (protocol) => this.#rulesFor(protocol),
      tell: (call) => this.#guard(call),
      repeated: () => {
        this.counters.requestRepeatsSent++;
      },
      ended: ({ key, request }) => {
        this.#clients.delete(key);
        this.#stats[request.method === 'INVITE' ? 'clientInvite' : 'clientOther']--;
      },
      cancelling: (cancel, invite) => this.#addClient(cancel, invite.hop, invite.local, UNHEARD),
    };
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
  #cancelled(cancel: ServerTx, invite: ServerRun): void {
    const { request, source } = cancel;
    this.#respond(cancel, responseTo(request, 200, { toTag: invite.toTag }));
    if (invite.tx) this.#user.onCancel(invite.tx, request, source);
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
    const { serverTransactions, unfinished, keptChars, unanswered } = this.#limits;
    const welcome = ALWAYS_WELCOME.includes(request.method);
    const share = welcome ? RESERVE : 1;
    return (
      this.#servers.size < share * serverTransactions &&
      this.#unfinished < share * unfinished &&
      this.#keptChars < share * keptChars &&
      (welcome || this.#unanswered < unanswered)
    );
  }

  /** A copy that came by another way, RFC 3261 §8.2.2.2; but one that went through us before is a spiral, which is allowed (§16.6). */
  #isMerged(request: SipRequest): boolean {
    if (!mayMerge(request) || !this.#merges.has(mergeKey(request))) return false;
    return !passedThrough(request, this.#wire);
  }

  #addClient(request: SipRequest, hop: Hop, local: LocalEnd, on: ClientEvents): ClientTx {
    const key = clientKey(request);
    const tx = new ClientTx(this.#clientHost, { key, request, hop, local, on });
    this.#clients.set(key, tx);
    this.#stats[request.method === 'INVITE' ? 'clientInvite' : 'clientOther']++;
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
