import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import {
  parseMessage,
  type SipMessage,
  type SipRequest,
  type SipResponse,
} from '../../src/embedded/sip/message/index.ts';
import { answerChallenge } from '../../src/sip/digest-client.ts';
import { systemRandom } from '../../src/time/random.ts';
import { Inbox } from './wait.ts';

export interface RawRequest {
  readonly method: string;
  readonly uri: string;
  readonly from?: string;
  readonly to?: string;
  readonly callId?: string;
  readonly cseq?: number;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
}

/**
 * A phone of plain sockets: sends what the test writes, keeps what comes, retransmits nothing. For what healthy phones would not do, and
 * for seeing every message.
 */
export class RawPhone {
  readonly received = new Inbox<SipMessage>('raw phone');
  readonly user: string;
  readonly domain: string;
  readonly host: string;
  readonly port: number;
  readonly #protocol: 'udp' | 'tcp';
  readonly #write: (bytes: Buffer) => void;
  readonly #close: () => void;
  #cseq = 0;
  #registration: { readonly callId: string } | undefined;

  private constructor(
    options: { user: string; domain: string },
    way: { protocol: 'udp' | 'tcp'; host: string; port: number; write: (bytes: Buffer) => void; close: () => void },
  ) {
    this.user = options.user;
    this.domain = options.domain;
    this.host = way.host;
    this.port = way.port;
    this.#protocol = way.protocol;
    this.#write = way.write;
    this.#close = way.close;
  }

  static async open(options: {
    user: string;
    domain: string;
    server: { host: string; port: number };
    protocol?: 'udp' | 'tcp';
    host?: string;
  }): Promise<RawPhone> {
    const { server, protocol = 'udp', host = '127.0.0.1' } = options;
    return protocol === 'udp' ? RawPhone.#openUdp(options, server, host) : RawPhone.#openTcp(options, server, host);
  }

  static async #openUdp(
    options: { user: string; domain: string },
    server: { host: string; port: number },
    host: string,
  ) {
    const socket: UdpSocket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, host, resolve));
    const phone = new RawPhone(options, {
      protocol: 'udp',
      host,
      port: socket.address().port,
      write: (bytes) => socket.send(bytes, server.port, server.host),
      close: () => socket.close(),
    });
    socket.on('message', (bytes) => phone.received.push(parseMessage(bytes)));
    return phone;
  }

  static async #openTcp(
    options: { user: string; domain: string },
    server: { host: string; port: number },
    host: string,
  ) {
    const socket: Socket = connect({ ...server, localAddress: host });
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    socket.setNoDelay(true);
    const phone = new RawPhone(options, {
      protocol: 'tcp',
      host,
      port: socket.localPort ?? 0,
      write: (bytes) => socket.write(bytes),
      close: () => socket.destroy(),
    });
    let buffer = Buffer.alloc(0);
    socket.on('data', (data) => {
      buffer = Buffer.concat([buffer, data]);
      for (let end = endOfMessage(buffer); end > 0; end = endOfMessage(buffer)) {
        phone.received.push(parseMessage(buffer.subarray(0, end)));
        buffer = buffer.subarray(end);
      }
    });
    return phone;
  }

  get aor(): string {
    return `sip:${this.user}@${this.domain}`;
  }

  /** Where this phone is, as a Contact. */
  get contact(): string {
    return `sip:${this.user}@${this.host}:${this.port}${this.#protocol === 'tcp' ? ';transport=tcp' : ''}`;
  }

  close(): void {
    this.#close();
  }

  sendText(text: string): void {
    this.#write(Buffer.from(text));
  }

  /** Sends it. @returns what identifies its responses */
  send(request: RawRequest): { callId: string; cseq: number; from: string; branch: string } {
    const { method, uri, headers = [], body = '' } = request;
    const callId = request.callId ?? systemRandom.uuid();
    const cseq = request.cseq ?? ++this.#cseq;
    this.#cseq = Math.max(this.#cseq, cseq);
    const from = request.from ?? `<${this.aor}>;tag=${systemRandom.hex(4)}`;
    const branch = `z9hG4bK${systemRandom.hex(8)}`;
    const lines = [
      ['Via', `SIP/2.0/${this.#protocol.toUpperCase()} ${this.host}:${this.port};rport;branch=${branch}`],
      ['Max-Forwards', '70'],
      ['From', from],
      ['To', request.to ?? `<${uri}>`],
      ['Call-ID', callId],
      ['CSeq', `${cseq} ${method}`],
      ...headers,
      ...labelOf(body, headers),
      ['Content-Length', String(Buffer.byteLength(body))],
    ];
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    this.sendText(`${method} ${uri} SIP/2.0\r\n${head}\r\n${body}`);
    return { callId, cseq, from, branch };
  }

  /** Sends it and waits for the final response. */
  async request(request: RawRequest): Promise<SipResponse> {
    const mark = this.received.items.length;
    const { callId, cseq } = this.send(request);
    return this.response(callId, cseq, (status) => status >= 200, mark);
  }

  /** The first response of that kind, after `from` messages. */
  async response(callId: string, cseq: number, matches: (status: number) => boolean, from = 0): Promise<SipResponse> {
    const { item } = await this.received.find(
      `the response to ${cseq} of ${callId}`,
      (message) =>
        message.kind === 'response' &&
        message.headers.get('Call-ID') === callId &&
        Number.parseInt(message.headers.get('CSeq') ?? '', 10) === cseq &&
        matches(message.status),
      from,
    );
    return item as SipResponse;
  }

  /** The next request of this method, after `from` messages. */
  async takes(method: string, from = 0): Promise<{ request: SipRequest; index: number }> {
    const { item, index } = await this.received.find(
      method,
      (message) => message.kind === 'request' && message.method === method,
      from,
    );
    return { request: item as SipRequest, index };
  }

  /** Answers a request that came in. @param options.tag empty: none, as it must not be */
  answer(
    request: SipRequest,
    status: string,
    options: { tag?: string; headers?: RawRequest['headers']; body?: string } = {},
  ): void {
    const { tag = 'raw', headers = [], body = '' } = options;
    const to = request.headers.get('To') ?? '';
    const lines = [
      ...request.headers.all('Via').map((via) => ['Via', via] as const),
      ...request.headers.all('Record-Route').map((route) => ['Record-Route', route] as const),
      ['From', request.headers.get('From') ?? ''],
      ['To', tag === '' || /;tag=/.test(to) ? to : `${to};tag=${tag}`],
      ['Call-ID', request.headers.get('Call-ID') ?? ''],
      ['CSeq', request.headers.get('CSeq') ?? ''],
      ...(headers.some(([name]) => name === 'Contact') ? [] : [['Contact', `<${this.contact}>`]]),
      ...headers,
      ...(body === '' ? [] : [['Content-Type', 'application/sdp']]),
      ['Content-Length', String(Buffer.byteLength(body))],
    ];
    this.sendText(`SIP/2.0 ${status}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`);
  }

  /** ACK of a 2xx (RFC 3261 §13.2.2.4) or of a refusal, which needs the INVITE's branch. */
  ack(invite: { callId: string; cseq: number; from: string; branch: string }, response: SipResponse, body = ''): void {
    const isSuccess = response.status < 300;
    const target = /<([^>]+)>/.exec(response.headers.get('Contact') ?? '')?.[1] ?? this.aor;
    const branch = isSuccess ? `z9hG4bK${systemRandom.hex(8)}` : invite.branch;
    const lines = [
      `Via: SIP/2.0/${this.#protocol.toUpperCase()} ${this.host}:${this.port};rport;branch=${branch}`,
      'Max-Forwards: 70',
      `From: ${invite.from}`,
      `To: ${response.headers.get('To')}`,
      `Call-ID: ${invite.callId}`,
      `CSeq: ${invite.cseq} ACK`,
      ...(body === '' ? [] : ['Content-Type: application/sdp']),
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    this.sendText(`ACK ${target} SIP/2.0\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
  }

  /** Sends a request, and once more with credentials and the next CSeq if it is challenged. */
  async authenticated(request: RawRequest, password: string, algorithm?: 'MD5' | 'SHA-256'): Promise<SipResponse> {
    const callId = request.callId ?? systemRandom.uuid();
    const first = this.send({ ...request, callId });
    const challenged = await this.response(callId, first.cseq, (status) => status >= 200);
    if (request.method === 'INVITE') this.ack(first, challenged);
    if (challenged.status !== 401) return challenged;
    const authorization = this.credentials(challenged, request, password, algorithm);
    return this.request({
      ...request,
      callId,
      cseq: first.cseq + 1,
      from: first.from,
      headers: [...(request.headers ?? []), ['Authorization', authorization]],
    });
  }

  credentials(
    challenged: SipResponse,
    { method, uri }: Pick<RawRequest, 'method' | 'uri'>,
    password: string,
    algorithm?: string,
  ): string {
    const challenges = challenged.headers
      .all('WWW-Authenticate')
      .filter((challenge) => algorithm === undefined || challenge.includes(`algorithm=${algorithm},`));
    const answer = answerChallenge(
      { challenge: challenges.join(', '), method, uri, user: this.user, password },
      systemRandom,
    );
    if (answer === undefined) throw new Error(`cannot answer ${challenges}`);
    return answer;
  }

  /** REGISTER with credentials, in the Call-ID of this phone. @param options.contacts default: where it is; null for none */
  async register(
    password: string,
    options: {
      expires?: number;
      contacts?: readonly string[] | null;
      headers?: RawRequest['headers'];
      algorithm?: 'MD5' | 'SHA-256';
    } = {},
  ): Promise<SipResponse> {
    this.#registration ??= { callId: systemRandom.uuid() };
    const contacts = options.contacts === null ? [] : (options.contacts ?? [`<${this.contact}>`]);
    return this.authenticated(
      {
        method: 'REGISTER',
        uri: `sip:${this.domain}`,
        to: `<${this.aor}>`,
        callId: this.#registration.callId,
        headers: [
          ...contacts.map((contact) => ['Contact', contact] as const),
          ...(options.expires === undefined ? [] : [['Expires', String(options.expires)] as const]),
          ...(options.headers ?? []),
        ],
      },
      password,
      options.algorithm,
    );
  }
}

/** A body is SDP unless the headers say otherwise. */
const labelOf = (body: string, headers: RawRequest['headers'] = []): readonly (readonly [string, string])[] =>
  body === '' || headers.some(([name]) => name === 'Content-Type') ? [] : [['Content-Type', 'application/sdp']];

function endOfMessage(buffer: Buffer): number {
  const blank = buffer.indexOf('\r\n\r\n');
  if (blank < 0) return 0;
  const length = Number(/^content-length\s*:\s*(\d+)/im.exec(buffer.toString('latin1', 0, blank))?.[1] ?? 0);
  const end = blank + 4 + length;
  return buffer.length >= end ? end : 0;
}
