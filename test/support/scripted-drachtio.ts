import { readFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { CertificateFiles } from './certificates.ts';
import { Inbox } from './wait.ts';

/** What the application sent: a leader's fields and the message behind it. */
export interface AppFrame {
  readonly id: string;
  readonly kind: string;
  /** After the kind: transaction, dialog, next hop of a `sip` frame. */
  readonly fields: readonly string[];
  readonly message: string;
  /** `INVITE`, `200`; empty without a message. */
  readonly what: string;
  header(name: string): string | undefined;
}

/**
 * A drachtio server whose every frame the test writes: for what a real one does only now and then. Authenticates and takes routes by
 * itself; all `sip` frames of the application go to `frames`.
 */
export class ScriptedDrachtio {
  /** Methods that the application takes. */
  readonly routes: string[] = [];
  readonly frames = new Inbox<AppFrame>('drachtio');
  readonly #server: Server;
  readonly #secret = 'cymru';
  readonly #listens: string;
  readonly #tags = new Inbox<string>('tags');
  #socket: Socket | undefined;
  #ids = 0;

  private constructor(server: Server, listens: string) {
    this.#server = server;
    this.#listens = listens;
  }

  /** @param options.listens where it says that it listens for SIP; @param options.port for applications, default: a free one */
  static async start(
    options: { readonly listens?: string; readonly tls?: CertificateFiles; readonly port?: number } = {},
  ): Promise<ScriptedDrachtio> {
    const { listens = 'udp/127.0.0.1:5060', tls, port = 0 } = options;
    const server = tls
      ? createTlsServer({ cert: await readFile(tls.cert), key: await readFile(tls.key) })
      : createServer();
    const scripted = new ScriptedDrachtio(server, listens);
    server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => scripted.#accept(socket));
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return scripted;
  }

  /** Those of the next application that names the right secret, as it sends them. */
  async tags(): Promise<string> {
    return (await this.#tags.find('tags', () => true)).item;
  }

  get address() {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    return { host: '127.0.0.1', port: address.port, secret: this.#secret };
  }

  /** Several frames in one write, as they come from a busy server. */
  send(...payloads: string[]): void {
    const frames = payloads.map((payload) => {
      const text = `${++this.#ids}|${payload}`;
      return `${Buffer.byteLength(text)}#${text}`;
    });
    this.#socket?.write(frames.join(''));
  }

  /** Drops the connection of the application. */
  drop(): void {
    this.#socket?.destroy();
  }

  async stop(): Promise<void> {
    this.#socket?.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    let buffer = Buffer.alloc(0);
    socket.on('data', (data) => {
      buffer = Buffer.concat([buffer, data]);
      for (;;) {
        const hash = buffer.indexOf('#');
        if (hash < 0) return;
        const end = hash + 1 + Number(buffer.toString('utf8', 0, hash));
        if (buffer.length < end) return;
        this.#take(buffer.toString('utf8', hash + 1, end));
        buffer = buffer.subarray(end);
      }
    });
  }

  #take(text: string): void {
    const lineEnd = text.indexOf('\r\n');
    const leader = lineEnd < 0 ? text : text.slice(0, lineEnd);
    const message = lineEnd < 0 ? '' : text.slice(lineEnd + 2);
    const [id = '', kind = '', ...fields] = leader.split('|');
    if (kind === 'authenticate') {
      if (fields[0] === this.#secret) {
        this.#tags.push(fields[1] ?? '');
        this.send(`response|${id}|OK|${this.#listens}|v0.9.10|${this.#listens}`);
      } else this.send(`response|${id}|NO|incorrect secret`);
    } else if (kind === 'route') {
      this.routes.push(fields[0] ?? '');
      this.send(`response|${id}|OK`);
    } else {
      this.frames.push({ id, kind, fields, message, what: whatOf(message), header: (name) => headerOf(message, name) });
    }
  }
}

/** A request or response from the network. @param transaction names it for the answers */
export const fromNetwork = (message: string, transaction: string, dialog = ''): string =>
  `sip|network|${message.length}|udp|198.51.100.7|5060|00:00:00.000000|${transaction}|${dialog}|\r\n${message}`;

/** A response that the server made itself: it has no source. */
export const fromServer = (message: string, transaction: string): string =>
  `sip|network|0|unknown||0|00:00:00.000000|${transaction}||\r\n${message}`;

/** A request that the server sent by itself. */
export const unsolicited = (message: string, dialog: string): string =>
  `sip|application|${message.length}|udp|127.0.0.1|5060|00:00:00.000000|unsolicited|${dialog}|\r\n${message}`;

/** Says that a request of the application went out, as this message. */
export const requestSent = (frame: AppFrame, message: string, transaction: string): string =>
  `response|${frame.id}|OK|application|${message.length}|udp|127.0.0.1|5060|00:00:00.000000|${transaction}|Msg sent:|\r\n${message}`;

/** Says that a response of the application went out. */
export const responseSent = (frame: AppFrame, message: string, transaction: string, dialog: string): string =>
  `response|${frame.id}|OK|application|${message.length}|udp|198.51.100.7|5060|00:00:00.000000|${transaction}|${dialog}||Msg sent:|\r\n${message}`;

export const refused = (frame: AppFrame, why: string): string => `response|${frame.id}|NOK|${why}`;

export function sip(firstLine: string, headers: Readonly<Record<string, string>>, body = ''): string {
  const lines = Object.entries({ ...headers, 'Content-Length': String(Buffer.byteLength(body)) });
  return `${firstLine}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
}

const whatOf = (message: string): string => {
  const [first = '', second = ''] = message.split(' ', 2);
  return first.startsWith('SIP/') ? second : first;
};

const headerOf = (message: string, name: string): string | undefined =>
  new RegExp(`^${name}: (.*)$`, 'im').exec(message)?.[1]?.trimEnd();
