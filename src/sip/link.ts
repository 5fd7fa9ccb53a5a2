import type { Logger } from 'pino';
import { errorText } from '../errors.ts';
import { type Clock, delay } from '../time/clock.ts';
import type { Random } from '../time/random.ts';
import { type DrachtioAddress, DrachtioConnection } from './connection.ts';
import type { DrachtioRequest, DrachtioResponse, DrachtioSrf } from './drachtio.ts';
import { ArrivedInvite } from './incoming-invite.ts';
import { SentInvite } from './outgoing-invite.ts';
import { sendRequest } from './outgoing-request.ts';
import type {
  FinalResponse,
  OutgoingInvite,
  OutgoingInviteRequest,
  OutgoingRequest,
  SipServerState,
  SipStats,
} from './port.ts';
import { reasons } from './port.ts';
import type { SipDialog } from './sip-dialog.ts';

/** One of the SIP servers that we use. */
export interface SipServerPlace {
  /** For the log and the metrics: `127.0.0.1:9022`. */
  readonly name: string;
  /** Asked before each attempt to connect, so an embedded server that died can be started anew here. */
  readonly address: () => Promise<DrachtioAddress>;
  /** What the server is called in registrations; default: what it says of itself. */
  readonly id?: string;
  /** Of another node, which takes what comes by it: we only send. */
  readonly isNeighbour?: true;
}

export interface SipLinkOptions {
  readonly place: SipServerPlace;
  /** Gets what belongs to no dialog. Must not throw: it runs in the library's socket handler. */
  readonly onRequest: (request: DrachtioRequest, response: DrachtioResponse, srf: DrachtioSrf, link: SipLink) => void;
  /** Connected (again). */
  readonly onUp: (up: LinkUp) => void;
  /** The connection is lost; what was alive on it has been told. Not after `close`. */
  readonly onDown: (cause: string, srf: DrachtioSrf) => void;
  /** See `SipOptions`. */
  readonly patienceMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** A link while it stands. */
export interface LinkUp {
  readonly srf: DrachtioSrf;
  readonly listening: readonly string[];
  /** What the server is called in registrations. */
  readonly serverId: string;
}

/** Pauses between attempts to connect, milliseconds; the last is repeated. */
const RECONNECT_MS = [100, 200, 500, 1000, 2000, 5000];

/** How long `close` waits for the answers to its BYEs. */
const CLOSE_LIMIT_MS = 2000;

/** Seen of drachtio 0.9.10: it begins to write a message while it writes another, and the second stays in its TLS until it writes again. */
const LATE_OVER_TLS = 'drachtio holds messages back on encrypted connections: calls stand still for seconds';
const TLS_HINT = 'Write DRACHTIO without tls:// and encrypt the network between the two, with WireGuard say.';

/**
 * Our side of one SIP server: the connection, again whenever it was lost, and all that lives and dies with it. A dialog, a transaction and a subscription stay with the
 * server that they began on.
 */
export class SipLink {
  readonly place: SipServerPlace;
  readonly #options: SipLinkOptions;
  readonly #arrived = new Set<ArrivedInvite>();
  readonly #sent = new Set<SentInvite>();
  readonly #dialogs = new Set<SipDialog>();
  /** Requests outside of dialogs that have no final response yet: told when none will come. */
  readonly #awaiting = new Set<(cause: string) => void>();
  /** Aborted by `close`. */
  readonly #closing = new AbortController();
  #state: SipServerState = 'connecting';
  #connection: DrachtioConnection | undefined;
  #up: LinkUp | undefined;

  constructor(options: SipLinkOptions) {
    this.#options = options;
    this.place = options.place;
  }

  get state(): SipServerState {
    return this.#state;
  }

  /** Undefined while the connection does not stand. */
  get up(): LinkUp | undefined {
    return this.#state === 'up' ? this.#up : undefined;
  }

  get stats(): Omit<SipStats, 'state'> {
    return { incoming: this.#arrived.size, outgoing: this.#sent.size, dialogs: this.#dialogs.size };
  }

  /**
   * Connects once. After that, and after `retry`, the link mends itself until `close`.
   * @throws UserError `sip-server-unreachable`, `sip-server-refused`
   */
  async connect(): Promise<void> {
    const { place, onRequest, onUp, log } = this.#options;
    const address = await place.address();
    const connection = await DrachtioConnection.open(
      address,
      (request, response, srf) => onRequest(request, response, srf, this),
      { takes: !place.isNeighbour },
    );
    if (this.#closing.signal.aborted) return connection.close();
    const { srf, listening, serverId } = connection;
    this.#connection = connection;
    this.#up = { srf, listening, serverId: place.id ?? serverId };
    this.#state = 'up';
    log.info({ server: place.name, listening }, `connected to the SIP server ${place.name}`);
    if (address.tls) log.warn({ server: place.name, hint: TLS_HINT }, LATE_OVER_TLS);
    void connection.lost.then((cause) => this.#lose(cause));
    onUp(this.#up);
  }

  /** Tries until it is connected. */
  async retry(): Promise<void> {
    const { clock, log, place } = this.#options;
    for (let attempt = 0; ; attempt++) {
      const pause = RECONNECT_MS[Math.min(attempt, RECONNECT_MS.length - 1)] ?? 0;
      await delay(clock, pause, this.#closing.signal).catch(() => undefined);
      if (this.#closing.signal.aborted) return;
      try {
        await this.connect();
        return;
      } catch (error) {
        log.warn({ server: place.name, attempts: attempt + 1 }, `SIP server: ${errorText(error)}`);
      }
    }
  }

  /** An INVITE that has come by this link, from now on among what is alive. */
  track(request: DrachtioRequest, response: DrachtioResponse, srf: DrachtioSrf): ArrivedInvite {
    const { clock, random, log } = this.#options;
    const onSettled = (settled: ArrivedInvite) => void this.#arrived.delete(settled);
    const arrived = new ArrivedInvite({ srf, request, response, clock, random, log, onSettled, ...this.#dialogHooks });
    this.#arrived.add(arrived);
    return arrived;
  }

  /** @param whyNot it cannot be sent: it fails at once, with this reason */
  invite(request: OutgoingInviteRequest, whyNot?: string): OutgoingInvite {
    const { clock, random, log } = this.#options;
    const onSettled = (settled: SentInvite) => void this.#sent.delete(settled);
    const srf = whyNot ?? this.up?.srf ?? 'the SIP server is down';
    const invite = new SentInvite(request, { srf, clock, random, log, onSettled, ...this.#dialogHooks });
    this.#sent.add(invite);
    invite.start();
    return invite;
  }

  request(request: OutgoingRequest): Promise<FinalResponse> {
    const onLost = (listener: (cause: string) => void) => {
      this.#awaiting.add(listener);
      return () => this.#awaiting.delete(listener);
    };
    return sendRequest(request, { srf: this.up?.srf, random: this.#options.random, onLost });
  }

  /** No more is taken and begun. What rings is rejected, what talks is hung up; resolves when the peers have confirmed, or do not. */
  async end(): Promise<void> {
    this.#state = 'closed';
    this.#closing.abort();
    for (const invite of [...this.#arrived]) invite.reject(503);
    for (const invite of [...this.#sent]) invite.cancel(reasons.shutdown);
    const byes = [...this.#dialogs].map((dialog) => dialog.bye(reasons.shutdown));
    await within(this.#options.clock, CLOSE_LIMIT_MS, Promise.all(byes));
  }

  /** After `end`. */
  async disconnect(): Promise<void> {
    const connection = this.#connection;
    connection?.close();
    await within(this.#options.clock, CLOSE_LIMIT_MS, connection?.lost ?? Promise.resolve());
  }

  /** What an INVITE needs for the dialog that it becomes. */
  get #dialogHooks() {
    return {
      patienceMs: this.#options.patienceMs,
      onDialog: (dialog: SipDialog) => void this.#dialogs.add(dialog),
      onDialogReleased: (dialog: SipDialog) => void this.#dialogs.delete(dialog),
    };
  }

  #lose(cause: string): void {
    const srf = this.#connection?.srf;
    this.#connection = undefined;
    this.#up = undefined;
    const closing = this.#closing.signal.aborted;
    const { log, place, onDown } = this.#options;
    if (!closing) {
      this.#state = 'down';
      log.error(
        { server: place.name, cause, ...this.stats },
        `connection to the SIP server ${place.name} lost: ${cause}`,
      );
    }
    for (const each of [...this.#arrived, ...this.#sent, ...this.#dialogs]) each.lose(cause);
    for (const tell of [...this.#awaiting]) tell(cause);
    if (closing || !srf) return;
    onDown(cause, srf);
    void this.retry();
  }
}

/** Resolves with the promise, or after `ms` without it. */
export async function within(clock: Clock, ms: number, promise: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  await Promise.race([promise, delay(clock, ms, over.signal).catch(() => undefined)]);
  over.abort();
}
