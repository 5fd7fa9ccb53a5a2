import { timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { UserError } from '../../../errors.ts';
import type { Clock } from '../../../time/clock.ts';
import type { Random } from '../../../time/random.ts';
import { printHostPort, type SipRequest } from '../message/index.ts';
import type { ListenerInfo } from '../transport/index.ts';
import { type Application, type Applications, Deadlines, type Unwanted, type UserAgent } from '../ua/index.ts';
import { Session } from './session.ts';

/** What clients compare: from v0.8.2 on they send pings. The rest says what they talk to. */
const VERSION = 'v0.9.10-embedded';
const MAX_SESSIONS = 64;
/** For the secret after connecting. */
const AUTHENTICATE_MS = 5_000;

export interface AppServerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** What a client must know. */
  readonly secret: string;
  /** Something that clients did wrong, as a sentence. */
  readonly warn: (message: string) => void;
  readonly onFault: (error: unknown) => void;
}

/**
 * The door for applications: accepts connections of drachtio's clients on a loopback port, and knows which of them wants which new
 * requests.
 */
export class AppServer implements Applications {
  readonly #options: AppServerOptions;
  readonly #server: Server;
  readonly #sessions = new Set<Session>();
  /** By method, lower case. The session whose turn it is stands first. */
  readonly #routes = new Map<string, Session[]>();
  readonly #strangers: Deadlines<Session>;
  #userAgent: UserAgent | undefined;
  #listeners: () => ListenerInfo[] = () => [];

  constructor(options: AppServerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(new Session(socket, this.#host())));
    this.#strangers = new Deadlines(options.clock, AUTHENTICATE_MS, (session) => session.destroy());
  }

  /** Connections of clients that have named the secret. */
  get size(): number {
    let admitted = 0;
    for (const session of this.#sessions) if (session.isAdmitted) admitted++;
    return admitted;
  }

  /** @returns the port. @throws UserError `port-in-use` */
  async listen(
    at: { host: string; port: number },
    serve: { userAgent: UserAgent; listeners: () => ListenerInfo[] },
  ): Promise<number> {
    this.#userAgent = serve.userAgent;
    this.#listeners = serve.listeners;
    try {
      this.#server.listen(at.port, at.host);
      await once(this.#server, 'listening');
    } catch (error) {
      throw cannotListen(at, error as NodeJS.ErrnoException);
    }
    const address = this.#server.address();
    return address !== null && typeof address === 'object' ? address.port : at.port;
  }

  choose(request: SipRequest): Application | Unwanted {
    if (/[|\r\n]/.test(request.callId + (request.from.params.get('tag') ?? ''))) {
      return { status: 400, reason: 'Unusable Call-ID or tag' };
    }
    const sessions = this.#routes.get(request.method.toLowerCase());
    const next = sessions?.shift();
    if (!sessions || !next) return { status: 503 };
    sessions.push(next);
    return next;
  }

  any(): Application | undefined {
    for (const session of this.#sessions) if (session.isAdmitted) return session;
    return undefined;
  }

  async close(): Promise<void> {
    this.#strangers.clear();
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const session of this.#sessions) session.destroy();
    await closed;
  }

  #accept(session: Session): void {
    this.#sessions.add(session);
    if (this.#sessions.size > MAX_SESSIONS) {
      this.#options.warn('too many clients at once; the newest is turned away');
      session.destroy();
    } else this.#strangers.add(session);
  }

  #host() {
    const { clock, random, secret, warn, onFault } = this.#options;
    const userAgent = this.#userAgent;
    if (!userAgent) throw new Error('a client before listen()');
    return {
      clock,
      random,
      warn,
      fault: onFault,
      userAgent,
      isSecret: (text: string) => sameText(text, secret),
      welcome: () => this.#welcome(),
      admitted: (session: Session) => this.#strangers.delete(session),
      route: (session: Session, verb: string) => this.#route(session, verb),
      unroute: (session: Session, verb: string) => this.#unroute(session, verb),
      closed: (session: Session) => this.#gone(session),
    };
  }

  #welcome(): string {
    const listeners = this.#listeners();
    const outside = listeners.map(({ protocol, advertised, port }) => `${protocol}/${printHostPort(advertised, port)}`);
    const inside = listeners.map(({ protocol, address, port }) => `${protocol}/${printHostPort(address, port)}`);
    return `OK|${outside.join(',')}|${VERSION}|${inside.join(',')}`;
  }

  /** Clients repeat their routes; each counts once, or turns would go to who repeats most. */
  #route(session: Session, verb: string): void {
    const sessions = this.#routes.get(verb) ?? [];
    if (!sessions.includes(session)) sessions.push(session);
    this.#routes.set(verb, sessions);
  }

  #unroute(session: Session, verb: string): void {
    const sessions = this.#routes.get(verb)?.filter((other) => other !== session) ?? [];
    if (sessions.length > 0) this.#routes.set(verb, sessions);
    else this.#routes.delete(verb);
  }

  #gone(session: Session): void {
    this.#sessions.delete(session);
    this.#strangers.delete(session);
    for (const verb of [...this.#routes.keys()]) this.#unroute(session, verb);
    this.#userAgent?.detach(session);
  }
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function cannotListen({ host, port }: { host: string; port: number }, cause: NodeJS.ErrnoException): UserError {
  if (cause.code !== 'EADDRINUSE') {
    return new UserError('sip-control-port', `cannot listen on ${host}:${port}: ${cause.message}`, undefined, {
      cause,
    });
  }
  const hint = 'Stop the program that uses it, or let the system choose with port 0.';
  return new UserError('port-in-use', `tcp ${host}:${port} is in use by another program`, hint, { cause });
}
