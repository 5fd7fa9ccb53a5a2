import type { Socket } from 'node:net';
import { TransportError } from './errors.ts';
import type { Framing } from './framing.ts';
import type { DropReason, ListenerContext } from './listener.ts';
import type { StreamMaker } from './stream-listener.ts';
import type { ConnectionId, Protocol, Source } from './types.ts';

type Established = NonNullable<StreamMaker['outgoing']>['established'];

let lastConnection = 0;

/** One stream to a peer, accepted or made: cuts messages out, writes messages, knows when it has been silent for too long. */
export class StreamConnection {
  readonly id: ConnectionId = ++lastConnection;
  readonly peer: { readonly address: string; readonly port: number };
  /** Settles when the stream is established; already so for an accepted one. */
  #opened: Promise<void>;
  readonly #socket: Socket;
  readonly #protocol: Protocol;
  readonly #context: ListenerContext;
  readonly #framing: Framing;
  #lastActive: number;
  #lastHeard: number;
  /** When the message that is incomplete began. */
  #messageSince: number | undefined;
  #spoke = false;
  #failure: TransportError | undefined;
  readonly #source: () => Source;

  /**
   * @param localPort the listener's, which is what peers know us by
   * @param onClosed called once, when nothing more will come
   */
  constructor(
    socket: Socket,
    peer: { address: string; port: number },
    at: { protocol: Protocol; localPort: number; established: Established | undefined },
    framing: Framing,
    context: ListenerContext,
    onClosed: () => void,
  ) {
    this.peer = peer;
    this.#socket = socket;
    this.#protocol = at.protocol;
    this.#context = context;
    this.#framing = framing;
    this.#lastActive = context.clock.monotonic();
    this.#lastHeard = this.#lastActive;
    this.#source = () => ({
      protocol: at.protocol,
      ...peer,
      localAddress: socket.localAddress?.replace(/^::ffff:/, '') ?? '',
      localPort: at.localPort,
      connection: this.id,
    });
    this.#opened = at.established && socket.connecting ? this.#establish(at.established) : Promise.resolve();
    // Whoever sends sees a failed attempt; without a sender nobody needs to.
    this.#opened.catch(() => undefined);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => {
      this.#failure ??= this.#error('unreachable', error.message, error);
    });
    // The peer may close its half with an answer of ours outstanding; a SIP stream with one half is of no further use (§18.4).
    socket.on('end', () => socket.end());
    socket.on('close', onClosed);
  }

  /** Whether it still takes messages. */
  get open(): boolean {
    return !this.#socket.destroyed && !this.#socket.writableEnded;
  }

  /** Hands bytes to the system. @throws TransportError */
  async send(bytes: Buffer): Promise<void> {
    if (!this.#takes()) throw this.#closedError();
    this.#lastActive = this.#context.clock.monotonic();
    const written = new Promise<void>((resolve, reject) => {
      this.#socket.write(this.#framing.wrap(bytes), (error) => (error ? reject(this.#closedError()) : resolve()));
    });
    written.catch(() => undefined);
    await this.#opened;
    await written;
  }

  /**
   * Closes the connection when it has been silent, or in the middle of a message, for longer than the limits say; where the protocol lets us ask whether the peer is
   * there, asks before, and does not wait as long.
   */
  expire(now: number): void {
    const { messageMs, idleMs, pingMs } = this.#context.limits;
    const { ping } = this.#framing;
    const unheard = now - this.#lastHeard;
    const gone = ping !== undefined && this.#spoke && unheard > pingMs + messageMs;
    const stuck = this.#messageSince !== undefined && now - this.#messageSince > messageMs;
    const mute = !this.#spoke && now - this.#lastActive > messageMs;
    if (stuck || mute || gone || now - this.#lastActive > idleMs) {
      this.#drop('idle', this.#error('closed', 'silent for too long'));
    } else if (ping && this.#spoke && unheard > pingMs && this.#takes()) this.#socket.write(ping);
  }

  /** Writes the last words, where the protocol has some. */
  leave(): void {
    const goodbye = this.open ? this.#framing.goodbye('we-leave') : undefined;
    if (goodbye) this.#socket.end(goodbye);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Whether more may be written. A peer who does not read what we send is thrown out here. */
  #takes(): boolean {
    if (this.#socket.writableLength > this.#context.limits.unsentBytes) {
      this.#drop('slow-reader', this.#error('closed', 'the peer does not read'));
    }
    return this.open;
  }

  #receive(chunk: Buffer): void {
    if (!this.open) return;
    this.#lastActive = this.#context.clock.monotonic();
    this.#lastHeard = this.#lastActive;
    const { sink } = this.#context;
    for (const frame of this.#framing.push(chunk)) {
      if (frame.kind === 'ping') {
        sink.keepAlive();
        if (!this.#takes()) return;
        this.#socket.write(frame.answer);
      } else if (frame.kind === 'pong') sink.keepAlive();
      else if (frame.kind === 'message') {
        this.#spoke = true;
        if (sink.message(frame.bytes, this.#source())) continue;
        // Not SIP although it could be cut out: the stream is out of step, or no phone's.
        const goodbye = this.#framing.goodbye('not-sip');
        if (goodbye) this.#end(goodbye);
        else this.#socket.destroy();
        return;
      } else if (frame.kind === 'leaving') {
        this.#end(frame.answer);
        return;
      } else {
        if (frame.kind === 'broken') sink.broken(frame.head, frame.fault, this.#source());
        sink.dropped('framing');
        this.#failure ??= this.#error('closed', 'what came was not SIP');
        this.#end(frame.kind === 'garbage' ? frame.goodbye : undefined);
        return;
      }
    }
    this.#messageSince = this.#framing.midMessage ? (this.#messageSince ?? this.#lastActive) : undefined;
  }

  /** Closes after what has been written; a peer that does not close its half is thrown out like one stuck in a message. */
  #end(goodbye: Buffer | undefined): void {
    if (goodbye) this.#socket.end(goodbye);
    else this.#socket.end();
    this.#messageSince = this.#lastActive;
  }

  #establish(event: Established): Promise<void> {
    const { clock, limits } = this.#context;
    return new Promise((resolve, reject) => {
      const timer = clock.setTimeout(() => {
        this.#failure = this.#error('unreachable', `no connection within ${limits.connectMs} ms`);
        this.#socket.destroy();
      }, limits.connectMs);
      this.#socket.once(event, () => {
        clock.clearTimeout(timer);
        resolve();
      });
      this.#socket.once('close', () => {
        clock.clearTimeout(timer);
        reject(this.#closedError());
      });
    });
  }

  #drop(reason: DropReason, failure: TransportError): void {
    this.#failure ??= failure;
    this.#context.sink.dropped(reason);
    this.#socket.destroy();
  }

  #closedError(): TransportError {
    return this.#failure ?? this.#error('closed', 'the connection is closed');
  }

  #error(code: TransportError['code'], text: string, cause?: Error): TransportError {
    const { address, port } = this.peer;
    return new TransportError(code, `${this.#protocol} ${address}:${port}: ${text}`, cause ? { cause } : undefined);
  }
}
