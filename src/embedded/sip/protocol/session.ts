import type { Socket } from 'node:net';
import type { Clock } from '../../../time/clock.ts';
import type { Random } from '../../../time/random.ts';
import { printMessage, type SipMessage } from '../message/index.ts';
import type { Application, HungUpEvent, IncomingEvent, Reply, ResponseEvent, Sent, UserAgent } from '../ua/index.ts';
import { AppMessageError } from './app-message.ts';
import { type Command, CommandError, type ProxyCommand, parseCommand, type SipCommand } from './command.ts';
import { encodeFrame, FrameError, FrameReader, MAX_FRAME_BYTES } from './frame.ts';
import { type Described, proxyProgress, requestEcho, responseEcho, sipLeader } from './leader.ts';
import { refusalText } from './refusal-text.ts';

/** Bytes that may wait for a client that does not read; more, and it is taken for dead. */
const MAX_UNSENT_BYTES = 64 * 1024 * 1024;

/** Before it has named the secret, a client has nothing long to say. */
const MAX_FIRST_FRAME_BYTES = 4096;

/** What a session needs of its server. */
export interface SessionHost {
  readonly userAgent: UserAgent;
  readonly clock: Clock;
  readonly random: Random;
  isSecret(text: string): boolean;
  /** What a client learns when it is let in: `OK|…`. */
  welcome(): string;
  admitted(session: Session): void;
  route(session: Session, verb: string): void;
  unroute(session: Session, verb: string): void;
  closed(session: Session): void;
  warn(message: string): void;
  /** A bug: a command threw. */
  fault(error: unknown): void;
}

/** One connection of a client: its frames in, what concerns it out. */
export class Session implements Application {
  readonly #socket: Socket;
  readonly #host: SessionHost;
  readonly #reader = new FrameReader(MAX_FIRST_FRAME_BYTES);
  #admitted = false;
  #unsent: Buffer[] = [];
  #closed = false;

  constructor(socket: Socket, host: SessionHost) {
    this.#socket = socket;
    this.#host = host;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#read(chunk));
    // The reason does not matter: `close` follows in any case.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#ended());
  }

  get isAdmitted(): boolean {
    return this.#admitted;
  }

  onRequest({ transactionId, dialogId, request, source }: IncomingEvent): void {
    const bytes = printMessage(request);
    const described = this.#describe('network', bytes, source, transactionId, dialogId);
    const receivedOn = { address: source.localAddress, port: source.localPort };
    this.#write(sipLeader(described, this.#host.clock, dialogId === undefined ? receivedOn : undefined), bytes);
  }

  onResponse({ transactionId, dialogId, response, source }: ResponseEvent): void {
    const bytes = printMessage(response);
    const described = this.#describe('network', bytes, source, transactionId, dialogId);
    this.#write(sipLeader(described, this.#host.clock), bytes);
  }

  onHungUp({ dialogId, bye, peer }: HungUpEvent): void {
    const bytes = printMessage(bye);
    this.#write(
      sipLeader(this.#describe('application', bytes, peer, 'unsolicited', dialogId), this.#host.clock),
      bytes,
    );
  }

  /** Sends what is left and closes. */
  end(): void {
    this.#flush();
    this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    try {
      for (const payload of this.#reader.read(chunk)) {
        if (this.#closed) return;
        this.#take(payload);
      }
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#host.warn(`a client does not speak the protocol: ${error.message}`);
      this.destroy();
    }
  }

  #take(payload: Buffer): void {
    try {
      const command = parseCommand(payload);
      if (this.#admitted) this.#obey(command);
      else this.#admit(command);
    } catch (error) {
      if (error instanceof AppMessageError) {
        this.#answer(
          payload.toString('latin1', 0, payload.indexOf('|')),
          `NOK|${error.message.replace(/[|\r\n]/g, '?')}`,
        );
      } else if (error instanceof CommandError) {
        this.#host.warn(`a client sent a frame that is no command: ${error.reply}`);
        this.#answer(error.id, `NO|${error.reply}`);
        this.end();
        this.#closed = true;
      } else {
        // The client waits for an answer in any case.
        this.#answer(payload.toString('latin1', 0, payload.indexOf('|')), 'NOK|Server error: internal error');
        this.#host.fault(error);
      }
    }
  }

  #admit(command: Command): void {
    if (command.kind !== 'authenticate') throw new CommandError(command.id, 'Invalid message format');
    if (!this.#host.isSecret(command.secret)) {
      this.#host.warn('a client named a wrong secret');
      this.#answer(command.id, 'NO|incorrect secret');
      this.end();
      this.#closed = true;
      return;
    }
    this.#admitted = true;
    this.#reader.maxBytes = MAX_FRAME_BYTES;
    this.#answer(command.id, this.#host.welcome());
    this.#host.admitted(this);
  }

  #obey(command: Command): void {
    switch (command.kind) {
      case 'authenticate':
        this.#answer(command.id, this.#host.isSecret(command.secret) ? this.#host.welcome() : 'NO|incorrect secret');
        break;
      case 'ping':
        this.#answer(command.id, 'OK|pong');
        break;
      case 'route':
        this.#host.route(this, command.verb);
        this.#answer(command.id, 'OK');
        break;
      case 'remove_route':
        this.#host.unroute(this, command.verb);
        this.#answer(command.id, 'OK');
        break;
      case 'sip':
        this.#send(command);
        break;
      case 'proxy':
        this.#proxy(command);
    }
  }

  #send({ id, transactionId, dialogId, proxy, message }: SipCommand): void {
    const { userAgent } = this.#host;
    if (message.kind === 'response') userAgent.respond(this, transactionId, message, this.#reply(id, responseEcho));
    else if (dialogId !== '') userAgent.sendInDialog(this, dialogId, message, this.#reply(id, requestEcho));
    else if (message.method === 'CANCEL') userAgent.cancel(this, transactionId, message, this.#reply(id, requestEcho));
    else userAgent.send(this, message, proxy, this.#reply(id, requestEcho));
  }

  #proxy({ id, transactionId, message, ...how }: ProxyCommand): void {
    this.#host.userAgent.proxy(
      this,
      transactionId,
      { ...how, headers: message.headers },
      {
        progress: ({ response, source }) => {
          const bytes = printMessage(response);
          const described = this.#describe('network', bytes, source, '', undefined);
          this.#write(this.#leaderOf(id, proxyProgress(described, this.#host.clock)), bytes);
        },
        done: () => this.#answer(id, 'OK|done'),
        refused: (refusal) => this.#answer(id, `NOK|${refusalText(refusal)}`),
      },
    );
  }

  #reply<M extends SipMessage>(id: string, echo: (described: Described, clock: Clock) => string): Reply<M> {
    return {
      sent: ({ message, peer, transactionId, dialogId }: Sent<M>) => {
        const bytes = printMessage(message);
        const described = this.#describe('application', bytes, peer, transactionId, dialogId);
        this.#write(this.#leaderOf(id, echo(described, this.#host.clock)), bytes);
      },
      refused: (refusal) => this.#answer(id, `NOK|${refusalText(refusal)}`),
    };
  }

  #describe(
    source: Described['source'],
    message: Buffer,
    peer: Described['peer'],
    transactionId: string,
    dialogId = '',
  ): Described {
    return { source, bytes: peer ? message.length : 0, peer, transactionId, dialogId };
  }

  #answer(id: string, text: string): void {
    this.#write(this.#leaderOf(id, text));
  }

  #leaderOf(id: string, text: string): string {
    return `response|${id}|${text}`;
  }

  /** Frames of one turn of the event loop go out in one write. */
  #write(leader: string, message?: Buffer): void {
    if (this.#closed) return;
    if (this.#unsent.length === 0) setImmediate(() => this.#flush());
    this.#unsent.push(encodeFrame(`${this.#host.random.uuid()}|${leader}`, message));
  }

  #flush(): void {
    if (this.#unsent.length === 0 || this.#socket.destroyed) return;
    this.#socket.write(this.#unsent.length === 1 ? (this.#unsent[0] as Buffer) : Buffer.concat(this.#unsent));
    this.#unsent = [];
    if (this.#socket.writableLength <= MAX_UNSENT_BYTES) return;
    this.#host.warn('a client does not read what it is sent; its connection is closed');
    this.destroy();
  }

  #ended(): void {
    this.#closed = true;
    this.#unsent = [];
    this.#host.closed(this);
  }
}
