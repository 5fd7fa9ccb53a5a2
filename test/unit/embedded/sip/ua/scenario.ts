import {
  Headers,
  parseMessage,
  SipRequest,
  SipResponse,
  type SipUri,
} from '../../../../../src/embedded/sip/message/index.ts';
import { type Hop, type ListenerInfo, TransportError } from '../../../../../src/embedded/sip/transport/index.ts';
import type {
  Application,
  HungUpEvent,
  IncomingEvent,
  Reply,
  ResponseEvent,
  Sent,
} from '../../../../../src/embedded/sip/ua/application.ts';
import { UserAgent, type UserAgentOptions } from '../../../../../src/embedded/sip/ua/index.ts';
import type { Refusal } from '../../../../../src/embedded/sip/ua/refusal.ts';
import type { Random } from '../../../../../src/time/random.ts';
import { FakeClock, settle } from '../../../../support/fake-clock.ts';
import { ScriptedWire } from '../transaction/scripted-wire.ts';

/** A wire that knows names: `*.invalid` has no address, every other name is 127.0.0.9. */
export class NamedWire extends ScriptedWire {
  /** Names with several addresses. */
  readonly addresses = new Map<string, string[]>();

  listeners(): ListenerInfo[] {
    return [{ protocol: 'udp', address: '127.0.0.1', port: 5060, advertised: '127.0.0.1' }];
  }

  override isOwn({ host, port }: { host: string; port: number | undefined }): boolean {
    return host === '127.0.0.1' && (port ?? 5060) === 5060;
  }

  async resolve(target: SipUri | Hop): Promise<Hop[]> {
    if (!('kind' in target)) return [target];
    if (target.host.endsWith('.invalid')) throw new TransportError('unresolved', target.host);
    const protocol = (target.params.get('transport') ?? 'udp').toLowerCase();
    if (protocol !== 'udp' && protocol !== 'tcp') throw new TransportError('no-listener', protocol);
    const known = /^[\d.]+$/.test(target.host) ? [target.host] : (this.addresses.get(target.host) ?? ['127.0.0.9']);
    return known.map((address) => ({ protocol, address, port: target.port ?? 5060 }));
  }
}

/** Counts up, so that every tag and id is different and the same in every run. */
class CountingRandom implements Random {
  #count = 0;
  next = () => 0.5;
  below = (below: number) => Math.floor(below / 2);
  hex = (bytes: number) => String(++this.#count).padStart(bytes * 2, '0');
  uuid = () => `uuid-${++this.#count}`;
}

export type Outcome<M> = { readonly sent: Sent<M> } | { readonly refused: Refusal };

/** An application that does nothing by itself and remembers everything. */
export class RecordingApp implements Application {
  readonly requests: IncomingEvent[] = [];
  readonly responses: ResponseEvent[] = [];
  readonly hungUp: HungUpEvent[] = [];
  /** `INVITE`, `180`, `-BYE` (hung up by the server), in the order in which the application heard them. */
  readonly heard: string[] = [];
  readonly #ua: () => UserAgent;

  constructor(ua: () => UserAgent) {
    this.#ua = ua;
  }

  onRequest(event: IncomingEvent): void {
    this.requests.push(event);
    this.heard.push(event.request.method);
  }

  onResponse(event: ResponseEvent): void {
    this.responses.push(event);
    this.heard.push(String(event.response.status));
  }

  onHungUp(event: HungUpEvent): void {
    this.hungUp.push(event);
    this.heard.push('-BYE');
  }

  /** The last request of this method. */
  request(method: string): IncomingEvent {
    const event = this.requests.findLast(({ request }) => request.method === method);
    if (!event) throw new Error(`the application got no ${method}`);
    return event;
  }

  respond(
    transactionId: string,
    status: number,
    headers: Record<string, string> = {},
    body = '',
  ): Outcome<SipResponse> | undefined {
    const draft = new SipResponse(status, undefined, Headers.from(Object.entries(headers)), Buffer.from(body));
    return outcome<SipResponse>((reply) => this.#ua().respond(this, transactionId, draft, reply)).value;
  }

  /** A new request. */
  send(
    method: string,
    uri: string,
    headers: Record<string, string> = {},
    { body = '', proxy = '' } = {},
  ): Promise<Outcome<SipRequest> | undefined> {
    const draft = new SipRequest(method, uri, Headers.from(Object.entries(headers)), Buffer.from(body));
    return settled((reply) => this.#ua().send(this, draft, proxy, reply));
  }

  inDialog(
    dialogId: string,
    method: string,
    headers: Record<string, string> = {},
    body = '',
  ): Promise<Outcome<SipRequest> | undefined> {
    const draft = new SipRequest(method, 'sip:placeholder', Headers.from(Object.entries(headers)), Buffer.from(body));
    return settled((reply) => this.#ua().sendInDialog(this, dialogId, draft, reply));
  }

  cancel(transactionId: string, headers: Record<string, string> = {}): Outcome<SipRequest> | undefined {
    const draft = new SipRequest('CANCEL', 'sip:x@y', Headers.from(Object.entries(headers)));
    return outcome<SipRequest>((reply) => this.#ua().cancel(this, transactionId, draft, reply)).value;
  }
}

function outcome<M>(act: (reply: Reply<M>) => void): { value: Outcome<M> | undefined } {
  const result: { value: Outcome<M> | undefined } = { value: undefined };
  act({
    sent: (sent) => {
      result.value = { sent };
    },
    refused: (refused) => {
      result.value = { refused };
    },
  });
  return result;
}

async function settled<M>(act: (reply: Reply<M>) => void): Promise<Outcome<M> | undefined> {
  const result = outcome(act);
  await settle();
  return result.value;
}

/** The transaction id of something that was sent. */
export function idOf<M>(sent: Outcome<M> | undefined): string {
  if (!sent || !('sent' in sent)) throw new Error(`not sent: ${JSON.stringify(sent)}`);
  return sent.sent.transactionId;
}

export interface Scenario {
  readonly clock: FakeClock;
  readonly wire: NamedWire;
  readonly ua: UserAgent;
  readonly app: RecordingApp;
  /** Whoever gets new requests; `undefined` for nobody. */
  chosen: RecordingApp | undefined;
  readonly faults: unknown[];
}

/** A user agent on a scripted wire, with one application. */
export function scenario(limits: UserAgentOptions['limits'] = {}): Scenario {
  const clock = new FakeClock();
  const wire = new NamedWire(clock);
  const faults: unknown[] = [];
  const ua: UserAgent = new UserAgent({
    transports: wire,
    clock,
    random: new CountingRandom(),
    limits,
    applications: { choose: () => self.chosen ?? { status: 503 }, any: () => self.chosen },
    onFault: (error) => faults.push(error),
  });
  const app = new RecordingApp(() => ua);
  const self: Scenario = { clock, wire, ua, app, chosen: app, faults };
  return self;
}

export interface PeerRequest {
  readonly method?: string;
  readonly uri?: string;
  readonly cseq?: number;
  readonly branch?: string;
  readonly callId?: string;
  readonly toTag?: string;
  readonly fromTag?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

let branches = 0;

/** A request of the peer at 127.0.0.2:5062, with a branch of its own. */
export function fromPeer(parts: PeerRequest = {}): SipRequest {
  const { method = 'INVITE', uri = 'sip:100@127.0.0.1', callId = 'call-1', fromTag = 'caller', cseq = 1 } = parts;
  const to = parts.toTag === undefined ? '<sip:100@127.0.0.1>' : `<sip:100@127.0.0.1>;tag=${parts.toTag}`;
  const lines = Object.entries({
    Via: `SIP/2.0/UDP 127.0.0.2:5062;branch=${parts.branch ?? `z9hG4bK-t${++branches}`}`,
    From: `<sip:200@127.0.0.2>;tag=${fromTag}`,
    To: to,
    'Call-ID': callId,
    CSeq: `${cseq} ${method}`,
    Contact: '<sip:200@127.0.0.2:5062>',
    'Max-Forwards': '70',
    ...parts.headers,
  }).map(([name, value]) => `${name}: ${value}`);
  const message = parseMessage(
    Buffer.from(`${method} ${uri} SIP/2.0\r\n${lines.join('\r\n')}\r\n\r\n${parts.body ?? ''}`),
  );
  if (message.kind !== 'request') throw new Error('not a request');
  return message;
}

/** The response to the last request of this method that we sent, with more headers. */
export function answer(
  { wire }: Pick<Scenario, 'wire'>,
  method: string,
  status: number,
  { toTag = 'remote', headers = {} as Record<string, string>, body = '' } = {},
): SipResponse {
  const request = wire.requests(method).at(-1);
  if (!request) throw new Error(`no ${method} was sent`);
  const response = new SipResponse(status, undefined, new Headers(), Buffer.from(body));
  for (const via of request.headers.all('Via')) response.headers.append('Via', via);
  const to = request.headers.get('To') ?? '';
  response.headers.append('From', request.headers.get('From') ?? '');
  response.headers.append('To', to.includes('tag=') || status === 100 ? to : `${to};tag=${toTag}`);
  response.headers.append('Call-ID', request.callId);
  response.headers.append('CSeq', request.headers.get('CSeq') ?? '');
  for (const [name, value] of Object.entries(headers)) response.headers.append(name, value);
  wire.deliver(response, PHONE);
  return response;
}

/** Where our calls go to, and their answers come from. */
export const PHONE = {
  protocol: 'udp',
  address: '127.0.0.9',
  port: 5060,
  localAddress: '127.0.0.1',
  localPort: 5060,
} as const;

export const CONTACT = { Contact: '<sip:phone@127.0.0.9:5060>' };

/** A call to us that the application has answered and the caller has acknowledged. */
export function answeredCall(world: Scenario): { dialogId: string; tag: string } {
  const { wire, app } = world;
  wire.deliver(fromPeer());
  const answered = app.respond(app.request('INVITE').transactionId, 200);
  if (!answered || !('sent' in answered)) throw new Error('not answered');
  const tag = answered.sent.message.to.params.get('tag') ?? '';
  wire.deliver(fromPeer({ method: 'ACK', toTag: tag }));
  return { dialogId: answered.sent.dialogId ?? '', tag };
}

/** A call of the application that the phone has answered and the application has acknowledged. */
export async function placedCall(world: Scenario): Promise<{ dialogId: string; callId: string; localTag: string }> {
  const { app, wire } = world;
  await app.send('INVITE', 'sip:phone@127.0.0.9');
  const invite = wire.requests('INVITE').at(-1) as SipRequest;
  answer(world, 'INVITE', 200, { headers: CONTACT });
  const dialogId = app.responses.at(-1)?.dialogId ?? '';
  await app.inDialog(dialogId, 'ACK');
  return { dialogId, callId: invite.callId, localTag: invite.from.params.get('tag') ?? '' };
}
