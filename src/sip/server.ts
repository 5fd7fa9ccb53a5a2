import type { Logger } from 'pino';
import { Emitter } from '../emitter.ts';
import { errorText } from '../errors.ts';
import { type Clock, delay } from '../time/clock.ts';
import type { Random } from '../time/random.ts';
import { PRODUCT } from './capabilities.ts';
import { type DrachtioAddress, DrachtioConnection } from './connection.ts';
import { type DrachtioRequest, type DrachtioResponse, type DrachtioSrf, sendableStatus } from './drachtio.ts';
import type { Guard } from './guard.ts';
import { headerLines } from './header-fields.ts';
import { AdmittedInvite, ArrivedInvite } from './incoming-invite.ts';
import { SipParseError } from './message.ts';
import { SentInvite } from './outgoing-invite.ts';
import { sendRequest } from './outgoing-request.ts';
import type {
  FinalResponse,
  IncomingInvite,
  OutgoingInvite,
  OutgoingInviteRequest,
  OutgoingRequest,
  SipServer,
  SipServerEvents,
  SipServerState,
  SipStats,
} from './port.ts';
import { reasons } from './port.ts';
import type { Registrar } from './registrar.ts';
import { readRequest, type SipRequest, type SipResponse } from './request.ts';
import { answerWithoutIdentity } from './responder.ts';
import type { SipDialog } from './sip-dialog.ts';
import type { Subscriptions } from './subscriptions.ts';

export interface SipServerOptions {
  /** Asked before each attempt to connect, so an embedded server that died can be started anew here. */
  readonly drachtio: () => Promise<DrachtioAddress>;
  readonly guard: Guard;
  readonly registrar: Registrar;
  readonly subscriptions: Subscriptions;
  /** See `SipOptions`. */
  readonly patienceMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Pauses between attempts to connect, milliseconds; the last is repeated. */
const RECONNECT_MS = [100, 200, 500, 1000, 2000, 5000];

/** How long `close` waits for the answers to its BYEs. */
const CLOSE_LIMIT_MS = 2000;

/** `SipServer` over drachtio-srf. */
export class DrachtioSipServer implements SipServer {
  readonly #options: SipServerOptions;
  readonly #events = new Emitter<SipServerEvents>();
  readonly #arrived = new Set<ArrivedInvite>();
  readonly #sent = new Set<SentInvite>();
  readonly #dialogs = new Set<SipDialog>();
  /** Requests outside of dialogs that have no final response yet: told when none will come. */
  readonly #awaiting = new Set<(cause: string) => void>();
  /** Aborted by `close`. */
  readonly #closing = new AbortController();
  #state: SipServerState = 'connecting';
  #connection: DrachtioConnection | undefined;
  #handler: ((invite: IncomingInvite) => void) | undefined;
  #closed: Promise<void> | undefined;

  private constructor(options: SipServerOptions) {
    this.#options = options;
  }

  /**
   * Connects, and stays connected until `close`.
   * @throws UserError `sip-server-unreachable`, `sip-server-refused` when the first attempt fails
   */
  static async start(options: SipServerOptions): Promise<DrachtioSipServer> {
    const server = new DrachtioSipServer(options);
    await server.#connect();
    return server;
  }

  get state(): SipServerState {
    return this.#state;
  }

  get listening(): readonly string[] {
    return this.#connection?.listening ?? NOWHERE;
  }

  on<K extends keyof SipServerEvents>(event: K, listener: (payload: SipServerEvents[K]) => void): () => void {
    return this.#events.on(event, listener);
  }

  onInvite(handler: (invite: IncomingInvite) => void): () => void {
    this.#handler = handler;
    return () => {
      if (this.#handler === handler) this.#handler = undefined;
    };
  }

  invite(request: OutgoingInviteRequest): OutgoingInvite {
    const { clock, random, log } = this.#options;
    const srf = this.#state === 'up' ? this.#connection?.srf : undefined;
    const invite = new SentInvite(request, {
      srf,
      clock,
      random,
      log,
      onSettled: (settled) => this.#sent.delete(settled),
      ...this.#dialogHooks,
    });
    this.#sent.add(invite);
    invite.start();
    return invite;
  }

  request(request: OutgoingRequest): Promise<FinalResponse> {
    const srf = this.#state === 'up' ? this.#connection?.srf : undefined;
    const onLost = (listener: (cause: string) => void) => {
      this.#awaiting.add(listener);
      return () => this.#awaiting.delete(listener);
    };
    return sendRequest(request, { srf, random: this.#options.random, onLost });
  }

  stats(): SipStats {
    return {
      state: this.#state,
      incoming: this.#arrived.size,
      outgoing: this.#sent.size,
      dialogs: this.#dialogs.size,
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#state = 'closed';
    this.#closing.abort();
    for (const invite of [...this.#arrived]) invite.reject(503);
    for (const invite of [...this.#sent]) invite.cancel(reasons.shutdown);
    const byes = [...this.#dialogs].map((dialog) => dialog.bye(reasons.shutdown));
    await within(this.#options.clock, CLOSE_LIMIT_MS, Promise.all([...byes, this.#options.subscriptions.end()]));
    const connection = this.#connection;
    connection?.close();
    await within(this.#options.clock, CLOSE_LIMIT_MS, connection?.lost ?? Promise.resolve());
    this.#events.clear();
  }

  /** What an INVITE needs for the dialog that it becomes. */
  get #dialogHooks() {
    return {
      patienceMs: this.#options.patienceMs,
      onDialog: (dialog: SipDialog) => void this.#dialogs.add(dialog),
      onDialogReleased: (dialog: SipDialog) => void this.#dialogs.delete(dialog),
    };
  }

  async #connect(): Promise<void> {
    const address = await this.#options.drachtio();
    const connection = await DrachtioConnection.open(address, (request, response, srf) =>
      this.#take(request, response, srf),
    );
    if (this.#closing.signal.aborted) return connection.close();
    this.#connection = connection;
    this.#state = 'up';
    void connection.lost.then((cause) => this.#lose(cause));
    this.#emit('up', { listening: connection.listening });
  }

  #lose(cause: string): void {
    this.#connection = undefined;
    const closing = this.#closing.signal.aborted;
    if (!closing) {
      this.#state = 'down';
      this.#options.log.error({ cause, ...this.stats() }, `connection to the SIP server lost: ${cause}`);
    }
    for (const each of [...this.#arrived, ...this.#sent, ...this.#dialogs]) each.lose(cause);
    for (const tell of [...this.#awaiting]) tell(cause);
    this.#options.subscriptions.lose();
    if (closing) return;
    this.#emit('down', { reason: cause });
    void this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      await this.#pause(RECONNECT_MS[Math.min(attempt, RECONNECT_MS.length - 1)] ?? 0);
      if (this.#closing.signal.aborted) return;
      try {
        await this.#connect();
        this.#options.log.info({ attempts: attempt + 1 }, 'connection to the SIP server is back');
        return;
      } catch (error) {
        this.#options.log.warn({ attempts: attempt + 1 }, `SIP server: ${errorText(error)}`);
      }
    }
  }

  /** A request that belongs to no dialog of ours. Must not throw: it runs in the library's socket handler. */
  #take(native: DrachtioRequest, response: DrachtioResponse, srf: DrachtioSrf): void {
    // Of a dialog that is over, or of a refusal.
    if (native.method === 'ACK') return;
    const arrived = native.method === 'INVITE' ? this.#track(native, response, srf) : undefined;
    const answer = ({ status, reason, headers }: SipResponse): void => {
      if (arrived) arrived.reject(status, { ...(reason !== undefined && { reason }), ...(headers && { headers }) });
      else response.send(sendableStatus(status), reason, { headers: headerLines({ Server: PRODUCT, ...headers }) });
    };
    this.#handle(native, response, srf, arrived, answer).catch((error: unknown) => {
      this.#options.log.error({ err: error, method: native.method }, `request failed: ${errorText(error)}`);
      answer({ status: 500 });
    });
  }

  #track(request: DrachtioRequest, response: DrachtioResponse, srf: DrachtioSrf): ArrivedInvite {
    const { clock, random, log } = this.#options;
    const onSettled = (settled: ArrivedInvite) => void this.#arrived.delete(settled);
    const arrived = new ArrivedInvite({ srf, request, response, clock, random, log, onSettled, ...this.#dialogHooks });
    this.#arrived.add(arrived);
    return arrived;
  }

  async #handle(
    native: DrachtioRequest,
    response: DrachtioResponse,
    srf: DrachtioSrf,
    arrived: ArrivedInvite | undefined,
    answer: (response: SipResponse) => void,
  ): Promise<void> {
    const { guard, registrar, subscriptions } = this.#options;
    if (this.#closing.signal.aborted) return answer({ status: 503 });
    let request: SipRequest;
    try {
      request = readRequest(native);
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error;
      return answer({ status: error.status, reason: error.message });
    }
    const subscribe = { native, response, srf, request };
    if (request.method === 'SUBSCRIBE' && request.toTag !== undefined) return subscriptions.refresh(subscribe);
    const simple = answerWithoutIdentity(request);
    if (simple) return answer(guard.mayAnswer(request) ? simple : { status: 503, headers: { 'Retry-After': '10' } });

    const admission = await guard.admit(request);
    if (admission.outcome === 'refused') return answer(admission.response);
    const { identity } = admission;
    if (arrived) this.#arrive(new AdmittedInvite(arrived, request, identity));
    else if (identity.kind !== 'account') answer({ status: 403 });
    else if (request.method === 'SUBSCRIBE') subscriptions.subscribe(subscribe, identity);
    else answer(await registrar.register(request, identity));
  }

  #arrive(invite: AdmittedInvite): void {
    if (invite.cancelled) return;
    if (this.#handler) this.#handler(invite);
    else invite.reject(503, { headers: { 'Retry-After': '10' } });
  }

  #emit<K extends keyof SipServerEvents>(event: K, payload: SipServerEvents[K]): void {
    try {
      this.#events.emit(event, payload);
    } catch (error) {
      this.#options.log.error({ err: error, event }, 'listener of the SIP server failed');
    }
  }

  #pause(ms: number): Promise<void> {
    return delay(this.#options.clock, ms, this.#closing.signal).catch(() => undefined);
  }
}

/** Resolves with the promise, or after `ms` without it. */
async function within(clock: Clock, ms: number, promise: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  await Promise.race([promise, delay(clock, ms, over.signal).catch(() => undefined)]);
  over.abort();
}

/** One and the same empty list, so that what is derived from `listening` need not be derived again. */
const NOWHERE: readonly string[] = [];
