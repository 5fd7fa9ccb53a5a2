import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { answerChallenge } from '../../src/sip/digest-client.ts';
import { systemRandom } from '../../src/time/random.ts';
import type { Murmur } from './murmur.ts';

/** Audio of a phone that is sent none, so that a queue of a thousand is no load of media. */
const sdpOf = (port: number, direction: 'inactive' | 'sendonly'): string =>
  [
    'v=0',
    'o=bank 1 1 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=audio ${port} RTP/AVP 8`,
    'a=rtpmap:8 PCMA/8000',
    `a=${direction}`,
    '',
  ].join('\r\n');

/** On hold: nothing is heard of it either. */
export const silentSdp = sdpOf(9, 'inactive');

/** A call that came to one of the phones. */
export interface RungPhone {
  readonly user: string;
  /** The user of the From header. */
  readonly from: string;
  readonly callId: string;
  readonly sdp: string;
  /** `performance.now()` when the INVITE came. */
  readonly at: number;
  /** Reason header of the CANCEL or the BYE that ended it. */
  readonly ended: Promise<string>;
  ring(): void;
  answer(sdp?: string): void;
  refuse(status: number): void;
  /** @returns `performance.now()` when the answer to the BYE came */
  bye(): Promise<number>;
}

/** A call from here. */
export interface MadeCall {
  readonly callId: string;
  /** Provisional and final responses so far. */
  readonly statuses: number[];
  /** Resolves to the SDP of the 200; rejects with the status of a refusal. */
  readonly answered: Promise<string>;
  /** Resolves to the Reason header when the other side hangs up. */
  readonly ended: Promise<string>;
  cancel(): void;
  bye(): Promise<number>;
  /** A key by SIP INFO. */
  press(digit: string): Promise<number>;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

interface Message {
  /** Where it came from, and where the answer goes: another node may have sent it than the one that the phones know. */
  readonly source: Address;
  readonly start: string;
  readonly text: string;
  readonly body: string;
  readonly at: number;
  header(name: string): string;
  all(name: string): string[];
}

interface OpenDialog {
  readonly end: (reason: string) => void;
  /** The INVITE that came and has no final answer yet. */
  ringing?: Message | undefined;
}

type Answered = (message: Message, status: number) => void;

/**
 * Many SIP phones on one UDP port, written for speed: whatever takes time here would count as the engine's. They know just enough SIP to be called
 * and to call, and send again what is not answered within half a second.
 */
export class PhoneBank {
  readonly port: number;
  /** Told of each INVITE, before anything is answered. */
  onInvite: (call: RungPhone) => void = () => undefined;
  /** Answers an offer in the middle of a call; undefined: it is refused. */
  onOffer: (callId: string, sdp: string) => string | undefined = () => undefined;
  readonly #socket: Socket;
  readonly #server: Address;
  readonly #murmur: Murmur | undefined;
  readonly #waiting = new Map<string, Answered>();
  /** What is sent again: requests until there is a response, a 200 until the ACK. */
  readonly #again = new Map<string, NodeJS.Timeout>();
  readonly #dialogs = new Map<string, OpenDialog>();

  /** @param murmur what its calls send; without one they are on hold from the beginning */
  static async open(server: string, port = 0, murmur?: Murmur): Promise<PhoneBank> {
    const [host = '', serverPort] = server.split(':');
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20, sendBufferSize: 4 << 20 });
    socket.bind(port, '127.0.0.1');
    await once(socket, 'listening');
    return new PhoneBank(socket, { host, port: Number(serverPort) }, murmur);
  }

  private constructor(socket: Socket, server: Address, murmur: Murmur | undefined) {
    this.#socket = socket;
    this.#murmur = murmur;
    this.#server = server;
    this.port = socket.address().port;
    socket.on('message', (bytes, { address: host, port }) => this.#receive(bytes.toString('latin1'), { host, port }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#again.values()) clearInterval(timer);
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }

  /** @param expires seconds; 0: not any more */
  async register(user: string, domain: string, password: string, expires = 3600): Promise<void> {
    const uri = `sip:${domain}`;
    const request = (cseq: number, headers: readonly string[]) =>
      this.#request('REGISTER', uri, {
        ...{
          from: `<sip:${user}@${domain}>;tag=r`,
          to: `<sip:${user}@${domain}>`,
          callId: `${user}-${this.port}`,
          cseq,
        },
        headers: [`Contact: <sip:${user}@127.0.0.1:${this.port}>;expires=${expires}`, ...headers],
      });
    for (let cseq = Date.now() % 1_000_000_000; ; cseq += 2) {
      const challenged = await request(cseq, []);
      const challenge = challenged.message.all('WWW-Authenticate').join(', ');
      const answer = answerChallenge({ challenge, method: 'REGISTER', uri, user, password }, systemRandom);
      const { status, message } = await request(cseq + 1, [`Authorization: ${answer}`]);
      if (status === 200) return;
      // An engine whose machine is overloaded says 503: a phone comes again.
      if (status !== 503) throw new Error(`${user} could not register:\n${message.text}`);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }

  /** @param from `user@host` @param to `user@host` */
  call(from: string, to: string, sdp = this.#sdp): MadeCall {
    const callId = systemRandom.uuid();
    const branch = `z9hG4bK${systemRandom.hex(8)}`;
    const parties = { from: `<sip:${from}>;tag=${systemRandom.hex(4)}`, to: `<sip:${to}>`, callId };
    const ended = Promise.withResolvers<string>();
    const answered = Promise.withResolvers<string>();
    answered.promise.catch(() => undefined);
    const statuses: number[] = [];
    const dialog = { target: `sip:${to}`, to: parties.to };
    this.#dialogs.set(callId, { end: ended.resolve });
    this.#send('INVITE', `sip:${to}`, {
      ...parties,
      ...{ cseq: 1, branch, body: sdp, headers: [`Contact: <sip:bank@127.0.0.1:${this.port}>`] },
    });
    this.#waiting.set(`${callId} 1 INVITE`, (message, status) => {
      if (statuses.at(-1) === status && status < 200) return;
      const isFirst = !statuses.some((one) => one >= 200);
      if (isFirst) statuses.push(status);
      if (status < 200) return;
      dialog.to = message.header('To');
      dialog.target = /<([^>]+)>/.exec(message.header('Contact'))?.[1] ?? dialog.target;
      const isTaken = status < 300;
      this.#send('ACK', isTaken ? dialog.target : `sip:${to}`, {
        ...{ ...parties, to: dialog.to, cseq: 1 },
        ...(isTaken ? {} : { branch }),
      });
      if (isTaken) {
        this.#murmur?.begin(callId, message.body);
        answered.resolve(message.body);
      } else {
        answered.reject(status);
      }
    });
    const inside = (method: string, cseq: number, more: { headers?: readonly string[]; body?: string } = {}) =>
      this.#request(method, dialog.target, { ...parties, to: dialog.to, cseq, ...more });
    let cseq = 1;
    return {
      callId,
      statuses,
      answered: answered.promise,
      ended: ended.promise,
      cancel: () => this.#send('CANCEL', `sip:${to}`, { ...parties, cseq: 1, branch }),
      bye: async () => {
        this.#murmur?.end(callId);
        return (await inside('BYE', ++cseq)).message.at;
      },
      press: async (digit) =>
        (
          await inside('INFO', ++cseq, {
            headers: ['Content-Type: application/dtmf-relay'],
            body: `Signal=${digit}\r\nDuration=100\r\n`,
          })
        ).status,
    };
  }

  get #sdp(): string {
    return this.#murmur ? sdpOf(this.#murmur.port, 'sendonly') : silentSdp;
  }

  #receive(text: string, source: Address): void {
    const message = parsed(text, source);
    if (message.start.startsWith('SIP/2.0 ')) {
      const status = Number(message.start.slice(8, 11));
      this.#confirmed(`${message.header('Call-ID')} ${message.header('CSeq')}`);
      this.#waiting.get(`${message.header('Call-ID')} ${message.header('CSeq')}`)?.(message, status);
      return;
    }
    const method = message.start.slice(0, message.start.indexOf(' '));
    switch (method) {
      case 'INVITE':
        return this.#rung(message);
      case 'ACK':
        return this.#confirmed(`${message.header('Call-ID')} 200`);
      case 'CANCEL':
      case 'BYE':
        return this.#ended(method, message);
      case 'OPTIONS':
        return this.#answer(message, '200 OK');
    }
  }

  #rung(invite: Message): void {
    const callId = invite.header('Call-ID');
    const user = /^INVITE sip:([^@]+)@/.exec(invite.start)?.[1] ?? '';
    if (invite.header('To').includes(';tag=')) return this.#offered(invite, user);
    // Sent again, because we were slow.
    if (this.#dialogs.has(callId)) return;
    const ended = Promise.withResolvers<string>();
    const dialog: OpenDialog = { end: ended.resolve, ringing: invite };
    this.#dialogs.set(callId, dialog);
    const contact = `Contact: <sip:${user}@127.0.0.1:${this.port}>`;
    this.onInvite({
      user,
      from: /sip:([^@>]+)@/.exec(invite.header('From'))?.[1] ?? '',
      callId,
      sdp: invite.body,
      at: invite.at,
      ended: ended.promise,
      ring: () => this.#answer(invite, '180 Ringing', [contact]),
      answer: (sdp = this.#sdp) => {
        if (!dialog.ringing) return;
        this.#murmur?.begin(callId, invite.body);
        dialog.ringing = undefined;
        this.#repeat(`${callId} 200`, () => this.#answer(invite, '200 OK', [contact], sdp));
      },
      refuse: (status) => {
        dialog.ringing = undefined;
        this.#answer(invite, `${status} No`, [contact]);
      },
      bye: async () => {
        this.#murmur?.end(callId);
        const { message } = await this.#request(
          'BYE',
          /<([^>]+)>/.exec(invite.header('Contact'))?.[1] ?? invite.header('Contact'),
          {
            ...{ from: `${invite.header('To')};tag=bank`, to: invite.header('From'), callId, cseq: 100 },
            peer: invite.source,
          },
        );
        return message.at;
      },
    });
  }

  #offered(invite: Message, user: string): void {
    const callId = invite.header('Call-ID');
    const sdp = this.onOffer(callId, invite.body);
    if (sdp === undefined) return this.#answer(invite, '488 No');
    const contact = `Contact: <sip:${user}@127.0.0.1:${this.port}>`;
    this.#repeat(`${callId} 200`, () => this.#answer(invite, '200 OK', [contact], sdp));
  }

  #ended(method: string, message: Message): void {
    this.#answer(message, '200 OK');
    this.#murmur?.end(message.header('Call-ID'));
    const dialog = this.#dialogs.get(message.header('Call-ID'));
    // A CANCEL that comes too late changes nothing: a BYE will follow (RFC 3261 §9.2).
    if (!dialog || (method === 'CANCEL' && !dialog.ringing)) return;
    if (dialog.ringing) this.#answer(dialog.ringing, '487 Request Terminated');
    dialog.ringing = undefined;
    dialog.end(message.header('Reason'));
  }

  #answer(request: Message, status: string, headers: readonly string[] = [], body = ''): void {
    const to = request.header('To');
    const lines = [
      `SIP/2.0 ${status}`,
      ...request.all('Via').map((via) => `Via: ${via}`),
      ...request.all('Record-Route').map((route) => `Record-Route: ${route}`),
      `From: ${request.header('From')}`,
      `To: ${to.includes(';tag=') ? to : `${to};tag=bank`}`,
      `Call-ID: ${request.header('Call-ID')}`,
      `CSeq: ${request.header('CSeq')}`,
      ...headers,
      ...(body === '' ? [] : ['Content-Type: application/sdp']),
      `Content-Length: ${body.length}`,
    ];
    this.#write(`${lines.join('\r\n')}\r\n\r\n${body}`, request.source);
  }

  #request(method: string, uri: string, parts: RequestParts): Promise<{ message: Message; status: number }> {
    const { promise, resolve } = Promise.withResolvers<{ message: Message; status: number }>();
    const key = `${parts.callId} ${parts.cseq} ${method}`;
    this.#waiting.set(key, (message, status) => {
      if (status < 200) return;
      this.#waiting.delete(key);
      resolve({ message, status });
    });
    this.#send(method, uri, parts);
    return promise;
  }

  #send(method: string, uri: string, parts: RequestParts): void {
    const { from, to, callId, cseq, headers = [], body = '' } = parts;
    const { branch = `z9hG4bK${systemRandom.hex(8)}` } = parts;
    const lines = [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${this.port};rport;branch=${branch}`,
      'Max-Forwards: 70',
      `From: ${from}`,
      `To: ${to}`,
      `Call-ID: ${callId}`,
      `CSeq: ${cseq} ${method}`,
      ...headers,
      ...(body === '' || headers.some((line) => line.startsWith('Content-Type'))
        ? []
        : ['Content-Type: application/sdp']),
      `Content-Length: ${body.length}`,
    ];
    const text = `${lines.join('\r\n')}\r\n\r\n${body}`;
    const send = () => this.#write(text, parts.peer);
    if (method === 'ACK') send();
    else this.#repeat(`${callId} ${cseq} ${method}`, send);
  }

  #repeat(key: string, send: () => void): void {
    send();
    clearInterval(this.#again.get(key));
    this.#again.set(key, setInterval(send, 500));
  }

  #confirmed(key: string): void {
    clearInterval(this.#again.get(key));
    this.#again.delete(key);
  }

  #write(text: string, { host, port }: Address = this.#server): void {
    this.#socket.send(text, port, host);
  }
}

interface RequestParts {
  readonly from: string;
  readonly to: string;
  readonly callId: string;
  readonly cseq: number;
  readonly branch?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
  /** Unset: the server. */
  readonly peer?: Address;
}

function parsed(text: string, source: Address): Message {
  const end = text.indexOf('\r\n\r\n');
  const lines = text.slice(0, end).split('\r\n');
  const all = (name: string): string[] => {
    const start = `${name.toLowerCase()}:`;
    return lines.filter((line) => line.toLowerCase().startsWith(start)).map((line) => line.slice(start.length).trim());
  };
  return {
    start: lines[0] ?? '',
    text,
    body: text.slice(end + 4),
    at: performance.now(),
    source,
    all,
    header: (name) => all(name)[0] ?? '',
  };
}
