import type { Clock } from '../../../time/clock.ts';
import type { Random } from '../../../time/random.ts';
import type { SipRequest, SipResponse } from '../message/index.ts';
import {
  type Limits,
  type ServerTransaction,
  TIMERS,
  type TimerValues,
  type TransactionCounters,
  TransactionLayer,
  type TransactionStats,
  type TransactionUser,
} from '../transaction/index.ts';
import type { Source } from '../transport/index.ts';
import type { Application, Applications, Reply } from './application.ts';
import { type Core, USER_AGENT_LIMITS, type UserAgentCounters, type UserAgentLimits, type Ways } from './core.ts';
import { Deadlines } from './deadlines.ts';
import type { Dialog } from './dialog.ts';
import { DialogClient } from './dialog-client.ts';
import { DialogServer } from './dialog-server.ts';
import { Dialogs } from './dialogs.ts';
import { Flows } from './flows.ts';
import { hangUp } from './hang-up.ts';
import { type ProxyOrder, type ProxyReply, RequestProxy } from './proxy.ts';
import { Responder } from './responder.ts';
import { Sessions } from './session-timer.ts';
import { Uac } from './uac.ts';
import { Uas } from './uas.ts';

export interface UserAgentOptions {
  readonly transports: Ways;
  readonly clock: Clock;
  readonly random: Random;
  readonly applications: Applications;
  readonly timers?: Partial<TimerValues>;
  readonly limits?: Partial<UserAgentLimits & Limits>;
  /** A bug: something threw where nothing should. The call it concerns is refused, the others go on. */
  readonly onFault: (error: unknown) => void;
}

/** What is alive now; all zero when nothing is going on. */
export interface UserAgentStats {
  readonly dialogs: number;
  /** Those of INVITEs: subscriptions are dialogs as well. */
  readonly calls: number;
  /** Requests of peers that applications have not finally answered. */
  readonly incoming: number;
  /** Requests of applications without a final response. */
  readonly outgoing: number;
  /** Requests on their way through us. */
  readonly proxied: number;
  /** Dialogs whose application is gone. */
  readonly orphans: number;
  readonly flows: number;
  readonly transactions: TransactionStats;
}

/** The user agent core, RFC 3261 §8, §12–§15: everything between transactions and the applications that decide about calls. */
export class UserAgent implements TransactionUser {
  readonly counters: UserAgentCounters = {
    unknownDialog: 0,
    outOfOrder: 0,
    unansweredByApplication: 0,
    surplusAnswers: 0,
    hungUp: 0,
    strayAnswers: 0,
  };
  readonly #core: Core;
  readonly #responder: Responder;
  readonly #proxy: RequestProxy;
  readonly #uas: Uas;
  readonly #uac: Uac;
  readonly #dialogServer: DialogServer;
  readonly #dialogClient: DialogClient;
  readonly #orphans: Deadlines<Dialog>;
  readonly #off: () => void;

  constructor(options: UserAgentOptions) {
    const { transports, clock, random, onFault } = options;
    const limits = { ...USER_AGENT_LIMITS, ...options.limits };
    const timers = { ...TIMERS, ...options.timers };
    const layer = new TransactionLayer({
      transports,
      clock,
      random,
      user: this,
      timers,
      ...(options.limits && { limits: options.limits }),
      onFault,
    });
    this.#core = {
      layer,
      ways: transports,
      clock,
      random,
      timers,
      limits,
      counters: this.counters,
      applications: options.applications,
      dialogs: new Dialogs(),
      flows: new Flows(clock, limits.flows),
      outgoing: new Map(),
      sessions: new Sessions(
        clock,
        (dialog) => this.#dialogClient.refresh(dialog),
        (dialog) => hangUp(this.#core, dialog, 'Session timer expired'),
      ),
      supervise: (work) => void work.catch(onFault),
    };
    this.#responder = new Responder(this.#core);
    this.#proxy = new RequestProxy(this.#core, this.#responder);
    this.#uas = new Uas(this.#core, this.#responder);
    this.#uac = new Uac(this.#core);
    this.#dialogServer = new DialogServer(this.#core, this.#responder);
    this.#dialogClient = new DialogClient(this.#core);
    this.#orphans = new Deadlines(clock, limits.orphanMs, (dialog) => {
      if (!dialog.owner) hangUp(this.#core, dialog, 'application gone');
    });
    this.#off = transports.on('closed', ({ connection }) => {
      this.#core.flows.forget(connection);
      for (const dialog of this.#core.dialogs) if (dialog.via?.connection === connection) dialog.via = undefined;
    });
  }

  /** Sends a request that begins something new. */
  send(application: Application, draft: SipRequest, proxy: string, reply: Reply<SipRequest>): void {
    this.#uac.send(application, draft, proxy, reply);
  }

  /** Sends a request inside a dialog; the application that does so owns the dialog from now on. */
  sendInDialog(application: Application, dialogId: string, draft: SipRequest, reply: Reply<SipRequest>): void {
    this.#dialogClient.send(application, dialogId, draft, reply);
  }

  /** Cancels an INVITE that was sent with this transaction id. */
  cancel(application: Application, transactionId: string, draft: SipRequest, reply: Reply<SipRequest>): void {
    this.#uac.cancel(application, transactionId, draft, reply);
  }

  respond(application: Application, transactionId: string, draft: SipResponse, reply: Reply<SipResponse>): void {
    this.#responder.respond(application, transactionId, draft, reply);
  }

  /** Lets a request that the application was given pass on to somebody else. */
  proxy(application: Application, transactionId: string, order: ProxyOrder, reply: ProxyReply): void {
    this.#proxy.start(application, transactionId, order, reply);
  }

  /** The application is gone. What it was about to answer is refused, what it was calling is cancelled; dialogs wait for another owner. */
  detach(application: Application): void {
    this.#responder.detach(application);
    this.#uac.detach(application);
    for (const dialog of this.#core.dialogs) {
      if (dialog.owner !== application) continue;
      dialog.owner = undefined;
      this.#orphans.add(dialog);
    }
  }

  onRequest(tx: ServerTransaction): void {
    const dialog = this.#core.dialogs.find(tx.request);
    if (dialog) this.#dialogServer.receive(dialog, tx);
    else if (this.#proxy.passesThrough(tx.request)) this.#proxy.forward(tx);
    else this.#uas.receive(tx);
  }

  onAck(ack: SipRequest, source: Source): void {
    const dialog = this.#core.dialogs.find(ack);
    if (dialog) this.#dialogServer.acknowledged(dialog, ack, source);
    else if (this.#proxy.passesThrough(ack)) this.#proxy.forwardAck(ack);
  }

  onCancel(invite: ServerTransaction, cancel: SipRequest, source: Source): void {
    if (!this.#proxy.cancelled(invite)) this.#uas.cancelled(invite, cancel, source);
  }

  /** A 2xx after its INVITE is forgotten: the ACK must have got lost many times. The peer gives up on its own. */
  onStrayResponse(): void {
    this.counters.strayAnswers++;
  }

  stats(): UserAgentStats {
    const { dialogs, outgoing, flows, layer } = this.#core;
    return {
      dialogs: dialogs.size,
      calls: [...dialogs].filter(({ method }) => method === 'INVITE').length,
      incoming: this.#responder.size,
      outgoing: outgoing.size,
      proxied: this.#proxy.size,
      orphans: [...dialogs].filter(({ owner }) => !owner).length,
      flows: flows.size,
      transactions: layer.stats(),
    };
  }

  /** What has been counted since the start, that of the transactions below included. */
  allCounters(): UserAgentCounters & TransactionCounters {
    return { ...this.counters, ...this.#core.layer.counters };
  }

  /** Drops everything without a word to anyone. */
  close(): void {
    this.#off();
    this.#orphans.clear();
    this.#proxy.close();
    this.#responder.close();
    for (const dialog of this.#core.dialogs) dialog.end();
    this.#core.layer.close();
  }
}
