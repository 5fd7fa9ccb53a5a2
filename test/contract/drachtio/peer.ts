import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import {
  Headers,
  parseMessage,
  printMessage,
  type SipMessage,
  SipRequest,
  SipResponse,
} from '../../../src/embedded/sip/message/index.ts';
import { StreamFramer } from '../../../src/embedded/sip/transport/stream-framer.ts';
import { systemRandom } from '../../../src/time/random.ts';
import type { CertificateFiles } from '../../support/certificates.ts';
import { Inbox } from '../../support/wait.ts';

export const SDP = [
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 4000 RTP/AVP 8',
  'a=sendrecv',
  '',
].join('\r\n');

export type HeaderValues = Readonly<Record<string, string>>;

interface Where {
  readonly host: string;
  readonly port: number;
}

interface Content {
  readonly headers?: HeaderValues;
  readonly body?: string;
}

/**
 * A SIP peer of one UDP socket, of one WebSocket, or of TLS connections: sends what the test writes and repeats nothing. Repeats that come in are dropped,
 * unless the test asks for them.
 */
export class SipPeer {
  readonly host: string;
  readonly port: number;
  /** Everything that came, repeats included, with its time in milliseconds. */
  readonly all: { readonly at: number; readonly message: SipMessage }[] = [];
  readonly #inbox = new Inbox<SipMessage>('SIP peer');
  readonly #taken = new Set<SipMessage>();
  readonly #seen = new Set<string>();
  readonly #server: Where;
  readonly #write: (bytes: Buffer) => void;
  readonly #close: () => void;

  readonly #transport: 'UDP' | 'WS' | 'TLS';

  private constructor(
    server: Where,
    own: Where,
    write: (bytes: Buffer) => void,
    close: () => void,
    transport: 'UDP' | 'WS' | 'TLS' = 'UDP',
  ) {
    this.#server = server;
    this.host = own.host;
    this.port = own.port;
    this.#transport = transport;
    this.#write = write;
    this.#close = close;
  }

  static async open(server: Where): Promise<SipPeer> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const own = { host: '127.0.0.1', port: socket.address().port };
    const write = (bytes: Buffer) => socket.send(bytes, server.port, server.host);
    const peer = new SipPeer(server, own, write, () => socket.close());
    socket.on('message', (bytes) => peer.#received(parseMessage(bytes)));
    return peer;
  }

  /** A web page: it is at a name that nobody can resolve, and can be reached by its connection alone (RFC 7118 §5). */
  static async openWebSocket(server: Where): Promise<SipPeer> {
    const socket = new WebSocket(`ws://${server.host}:${server.port}`, ['sip']);
    socket.binaryType = 'arraybuffer';
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => resolve());
      socket.addEventListener('error', () => reject(new Error(`no WebSocket at ${server.host}:${server.port}`)));
    });
    const own = { host: `${systemRandom.hex(6)}.invalid`, port: 0 };
    const write = (bytes: Buffer) => socket.send(bytes.toString());
    const peer = new SipPeer(server, own, write, () => socket.close(), 'WS');
    socket.addEventListener('message', ({ data }) => {
      // RFC 7118 §4.2 leaves the server the choice of text and binary frames.
      peer.#received(parseMessage(Buffer.from(data)));
    });
    return peer;
  }

  /** Takes TLS connections, and makes one for the first that it has to say; says all by the last one that was used. Trusts whoever it connects to. */
  static async openTls(server: Where, { cert, key }: CertificateFiles): Promise<SipPeer> {
    const listener = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (socket) => take(socket));
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const own = { host: '127.0.0.1', port: (listener.address() as AddressInfo).port };
    const sockets = new Set<TLSSocket>();
    let way: TLSSocket | undefined;
    const take = (socket: TLSSocket) => {
      const framer = new StreamFramer(100_000);
      sockets.add(socket);
      way = socket;
      socket.on('data', (chunk) => {
        way = socket;
        for (const frame of framer.push(chunk)) if (frame.kind === 'message') peer.#received(parseMessage(frame.bytes));
      });
      // It breaks with the server that it leads to.
      socket.on('error', () => undefined);
    };
    const write = (bytes: Buffer) => {
      if (!way) take(connect({ ...server, rejectUnauthorized: false }));
      way?.write(bytes);
    };
    const close = () => {
      listener.close();
      for (const socket of sockets) socket.destroy();
    };
    const peer = new SipPeer(server, own, write, close, 'TLS');
    return peer;
  }

  close(): void {
    this.#close();
  }

  uri(user = 'peer'): string {
    const port = this.#transport === 'WS' ? '' : `:${this.port}`;
    const transport = this.#transport === 'UDP' ? '' : `;transport=${this.#transport.toLowerCase()}`;
    return `sip:${user}@${this.host}${port}${transport}`;
  }

  /** The next request of this method, or response of this status (`200`, `'180 INVITE'`), that no earlier call has returned. */
  async take(what: number | `${number} ${string}`): Promise<SipResponse>;
  async take(what: string): Promise<SipRequest>;
  async take(what: string | number): Promise<SipMessage> {
    const { item } = await this.#inbox.find(String(what), (message) => !this.#taken.has(message) && is(message, what));
    this.#taken.add(item);
    return item;
  }

  /** How many messages like this have come, repeats included. */
  count(what: string | number): number {
    return this.all.filter(({ message }) => is(message, what)).length;
  }

  sendText(text: string): void {
    this.#write(Buffer.from(text));
  }

  send(message: SipMessage): void {
    this.#write(printMessage(message));
  }

  /** A request outside a dialog. */
  request(
    method: string,
    { headers = {}, body = '', ...parts }: Content & { uri?: string; branch?: string } = {},
  ): SipRequest {
    const uri = parts.uri ?? `sip:service@${this.#server.host}:${this.#server.port}`;
    const request = new SipRequest(method, uri, new Headers(), Buffer.from(body));
    const values = {
      Via: this.via(parts.branch),
      'Max-Forwards': '70',
      From: `<${this.uri()}>;tag=${systemRandom.hex(4)}`,
      To: `<${uri}>`,
      'Call-ID': systemRandom.uuid(),
      CSeq: `1 ${method}`,
      Contact: `<${this.uri()}>`,
      ...(body.startsWith('v=0') && { 'Content-Type': 'application/sdp' }),
      ...headers,
    };
    for (const [name, value] of Object.entries(values)) request.headers.append(name, value);
    this.send(request);
    return request;
  }

  /** A CANCEL, or the ACK of a refusal: same branch, same number. */
  hopByHop(invite: SipRequest, method: 'CANCEL' | 'ACK', response?: SipResponse, headers: HeaderValues = {}): void {
    const message = new SipRequest(method, invite.uri);
    for (const name of ['Via', 'Max-Forwards', 'From', 'Call-ID']) {
      message.headers.append(name, invite.headers.get(name) ?? '');
    }
    message.headers.append('To', (response ?? invite).headers.get('To') ?? '');
    message.headers.append('CSeq', `${invite.cseq.number} ${method}`);
    for (const [name, value] of Object.entries(headers)) message.headers.append(name, value);
    this.send(message);
  }

  /** Answers a request that came. With `contact: false` as a phone that forgets to say where it is. */
  answer(
    request: SipRequest,
    status: number,
    { tag = 'peer', contact = true, headers = {}, body = '' }: Content & { tag?: string; contact?: boolean } = {},
  ): SipResponse {
    const response = new SipResponse(status, undefined, new Headers(), Buffer.from(body));
    const to = request.headers.get('To') ?? '';
    for (const via of request.headers.all('Via')) response.headers.append('Via', via);
    for (const route of request.headers.all('Record-Route')) response.headers.append('Record-Route', route);
    response.headers.append('From', request.headers.get('From') ?? '');
    response.headers.append('To', to.includes(';tag=') || status === 100 ? to : `${to};tag=${tag}`);
    response.headers.append('Call-ID', request.callId);
    response.headers.append('CSeq', request.headers.get('CSeq') ?? '');
    if (contact && !('Contact' in headers)) response.headers.append('Contact', `<${this.uri()}>`);
    if (body.startsWith('v=0')) response.headers.append('Content-Type', 'application/sdp');
    for (const [name, value] of Object.entries(headers)) response.headers.append(name, value);
    this.send(response);
    return response;
  }

  via(branch = `z9hG4bK${systemRandom.hex(6)}`): string {
    const sentBy = this.#transport === 'WS' ? this.host : `${this.host}:${this.port}`;
    return `SIP/2.0/${this.#transport} ${sentBy};rport;branch=${branch}`;
  }

  #received(message: SipMessage): void {
    this.all.push({ at: performance.now(), message });
    const branch = message.via.params.get('branch');
    const key =
      message.kind === 'request'
        ? `${message.method} ${branch}`
        : `${message.status} ${branch} ${message.to.params.get('tag')}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#inbox.push(message);
  }
}

/** The peer's half of a dialog. */
export class PeerDialog {
  readonly #peer: SipPeer;
  readonly #callId: string;
  readonly #local: string;
  readonly #remote: string;
  readonly #target: string;
  readonly #routes: readonly string[];
  #cseq: number;

  /** Of a call that the peer made. */
  static asCaller(peer: SipPeer, invite: SipRequest, response: SipResponse): PeerDialog {
    const [local, remote] = [invite.headers.get('From'), response.headers.get('To')];
    return new PeerDialog(peer, invite.callId, local, remote, response, invite.cseq.number, true);
  }

  /** Of a call that the peer took. */
  static asCallee(peer: SipPeer, invite: SipRequest, response: SipResponse): PeerDialog {
    const [local, remote] = [response.headers.get('To'), invite.headers.get('From')];
    return new PeerDialog(peer, invite.callId, local, remote, invite, 1, false);
  }

  private constructor(
    peer: SipPeer,
    callId: string,
    local: string | undefined,
    remote: string | undefined,
    theirs: SipMessage,
    cseq: number,
    reversed: boolean,
  ) {
    this.#peer = peer;
    this.#callId = callId;
    this.#local = local ?? '';
    this.#remote = remote ?? '';
    this.#target = /<([^>]*)>/.exec(theirs.headers.get('Contact') ?? '')?.[1] ?? '';
    const routes = theirs.headers.all('Record-Route');
    this.#routes = reversed ? routes.reverse() : routes;
    this.#cseq = cseq;
  }

  send(method: string, { headers = {}, body = '', cseq }: Content & { cseq?: number } = {}): SipRequest {
    const number = cseq ?? (method === 'ACK' ? this.#cseq : ++this.#cseq);
    const request = new SipRequest(method, this.#target, new Headers(), Buffer.from(body));
    request.headers.append('Via', this.#peer.via());
    for (const route of this.#routes) request.headers.append('Route', route);
    const values = {
      'Max-Forwards': '70',
      From: this.#local,
      To: this.#remote,
      'Call-ID': this.#callId,
      CSeq: `${number} ${method}`,
      Contact: `<${this.#peer.uri()}>`,
      ...(body.startsWith('v=0') && { 'Content-Type': 'application/sdp' }),
      ...headers,
    };
    for (const [name, value] of Object.entries(values)) request.headers.append(name, value);
    this.#peer.send(request);
    return request;
  }
}

function is(message: SipMessage, what: string | number): boolean {
  if (message.kind === 'request') return message.method === what;
  const [status, method] = String(what).split(' ');
  return message.status === Number(status) && (method === undefined || message.cseq.method === method);
}
