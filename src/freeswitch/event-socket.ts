import { connect, type Socket } from 'node:net';
import { errorText, UserError } from '../errors.ts';
import type { Clock, TimerId } from '../time/clock.ts';

export interface EventSocketAddress {
  readonly host: string;
  readonly port: number;
  readonly secret: string;
}

/** How long FreeSWITCH may take for a reply, milliseconds. */
const PATIENCE_MS = 5000;

interface Message {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * One conversation in FreeSWITCH's event-socket protocol (mod_event_socket, inbound): log in, ask, hang up. Each message is a block of header lines, an empty
 * line, and as many bytes of body as `Content-Length` says. Only for questions before drachtio-fsmrf connects, which cannot tell why it fails.
 */
export class EventSocket {
  readonly #socket: Socket;
  readonly #where: string;
  readonly #clock: Clock;
  readonly #waiting: PromiseWithResolvers<Message>[] = [];
  #buffer: Buffer = Buffer.alloc(0);
  #failure: UserError | undefined;

  private constructor(socket: Socket, where: string, clock: Clock) {
    this.#socket = socket;
    this.#where = where;
    this.#clock = clock;
    socket.on('data', (data: Buffer) => this.#take(data));
    socket.on('error', (error) => this.#fail(errorText(error)));
    socket.on('close', () => this.#fail('it closed the connection'));
  }

  /** @throws UserError `freeswitch-unreachable`, `freeswitch-refused` */
  static async open({ host, port, secret }: EventSocketAddress, clock: Clock): Promise<EventSocket> {
    const opened = new EventSocket(connect({ host, port }), `${host}:${port}`, clock);
    try {
      const greeting = await opened.#next();
      if (greeting.headers['Content-Type'] === 'text/rude-rejection') {
        throw refused(
          opened.#where,
          'its access list does not allow our address',
          'Allow the address of the engine in apply-inbound-acl of event_socket.conf.xml.',
        );
      }
      const reply = await opened.#ask(`auth ${secret}`);
      if (!reply.headers['Reply-Text']?.startsWith('+OK')) {
        throw refused(opened.#where, 'the password is wrong', 'Correct the secret in FREESWITCH.');
      }
      return opened;
    } catch (error) {
      opened.close();
      throw error;
    }
  }

  /** Our end: from where FreeSWITCH can reach us too. */
  get localAddress(): string {
    return this.#socket.localAddress ?? '127.0.0.1';
  }

  /** Of an API command (`show channels count`): what it prints. @throws UserError `freeswitch-unreachable` */
  async api(command: string): Promise<string> {
    return (await this.#ask(`api ${command}`)).body.trim();
  }

  /** Idempotent. */
  close(): void {
    this.#socket.destroy();
  }

  #ask(command: string): Promise<Message> {
    this.#socket.write(`${command}\n\n`);
    return this.#next();
  }

  async #next(): Promise<Message> {
    if (this.#failure) throw this.#failure;
    const waiting = Promise.withResolvers<Message>();
    this.#waiting.push(waiting);
    const timer: TimerId = this.#clock.setTimeout(() => this.#fail('it does not answer'), PATIENCE_MS);
    try {
      return await waiting.promise;
    } finally {
      this.#clock.clearTimeout(timer);
    }
  }

  #take(data: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, data]);
    for (;;) {
      const end = this.#buffer.indexOf('\n\n');
      if (end < 0) return;
      const headers = headersOf(this.#buffer.toString('utf8', 0, end));
      const length = Number(headers['Content-Length'] ?? 0);
      if (this.#buffer.length < end + 2 + length) return;
      const body = this.#buffer.toString('utf8', end + 2, end + 2 + length);
      this.#buffer = this.#buffer.subarray(end + 2 + length);
      if (headers['Content-Type'] === 'text/disconnect-notice') continue;
      this.#waiting.shift()?.resolve({ headers, body });
    }
  }

  #fail(why: string): void {
    this.#failure ??= new UserError(
      'freeswitch-unreachable',
      `No FreeSWITCH at ${this.#where}: ${why}`,
      'Start FreeSWITCH with mod_event_socket, or correct FREESWITCH.',
    );
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#failure);
    this.#socket.destroy();
  }
}

const refused = (where: string, why: string, hint: string): UserError =>
  new UserError('freeswitch-refused', `FreeSWITCH at ${where} refused us: ${why}`, hint);

const headersOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    text.split('\n').map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at), line.slice(at + 1).trim()];
    }),
  );
