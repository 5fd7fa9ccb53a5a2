import { queryObjects } from 'node:v8';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  Headers,
  parseMessage,
  responseTo,
  SipRequest,
  type SipResponse,
} from '../../../../../src/embedded/sip/message/index.ts';
import {
  type ClientTransaction,
  type Limits,
  type ServerTransaction,
  TransactionLayer,
} from '../../../../../src/embedded/sip/transaction/index.ts';
import type { Hop } from '../../../../../src/embedded/sip/transport/types.ts';
import { systemRandom } from '../../../../../src/time/random.ts';
import { FakeClock, settle } from '../../../../support/fake-clock.ts';
import { peer, type RequestParts, requestText, ScriptedWire } from './scripted-wire.ts';

const NONE = { clientInvite: 0, clientOther: 0, serverInvite: 0, serverOther: 0 };
const HOP: Hop = { protocol: 'udp', address: '127.0.0.2', port: 5062 };

let clock: FakeClock;
let wire: ScriptedWire;
let layer: TransactionLayer;
let requests: ServerTransaction[];
let told: string[];
let faults: unknown[];
/** What the user does with a new request. */
let onRequest: (tx: ServerTransaction) => void;

function open(limits: Partial<Limits> = {}): void {
  layer = new TransactionLayer({
    transports: wire,
    clock,
    random: systemRandom,
    limits,
    onFault: (error) => faults.push(error),
    user: {
      onRequest: (tx) => {
        requests.push(tx);
        onRequest(tx);
      },
      onAck: (ack) => told.push(`ack ${ack.cseq.number}`),
      onCancel: (invite) => told.push(`cancel of ${invite.request.method}`),
      onStrayResponse: (response) => told.push(`stray ${response.status}`),
    },
  });
}

beforeEach(() => {
  clock = new FakeClock();
  wire = new ScriptedWire(clock);
  requests = [];
  told = [];
  faults = [];
  onRequest = () => undefined;
  open();
});

afterEach(() => {
  layer.close();
  expect(clock.pending).toBe(0);
  expect(wire.listenerCount('message') + wire.listenerCount('malformed')).toBe(0);
  expect(faults).toEqual([]);
});

const only = (): ServerTransaction => {
  expect(requests).toHaveLength(1);
  return requests[0] as ServerTransaction;
};

const respond = (tx: ServerTransaction, status: number, toTag?: string): Promise<void> =>
  tx.respond(responseTo(tx.request, status, { toTag: toTag ?? tx.toTag }));

const deliver = (parts: RequestParts = {}): void => wire.deliver(requestText(parts));

describe('requests from the network', () => {
  it('an INVITE gets its 100 before anyone is asked; repeats get it again and are not told', () => {
    onRequest = () => expect(wire.log()).toEqual(['0 100 INVITE']);
    deliver();
    deliver();
    expect(only().state).toBe('proceeding');
    expect(wire.log()).toEqual(['0 100 INVITE', '0 100 INVITE']);
    expect(wire.responses()[0]?.to.params.has('tag')).toBe(false);
    expect(layer.stats()).toEqual({ ...NONE, serverInvite: 1 });
  });

  it('a refused INVITE is repeated until the ACK comes, and forgotten 5 s later', async () => {
    deliver();
    await respond(only(), 486);
    clock.advance(600);
    deliver({ method: 'ACK' });
    clock.advance(4_999);
    expect(layer.stats().serverInvite).toBe(1);
    clock.advance(1);
    expect(layer.stats()).toEqual(NONE);
    expect(wire.log()).toEqual(['0 100 INVITE', '0 486 INVITE', '500 486 INVITE']);
    expect(told).toEqual([]);
    expect(layer.counters.responseRepeatsSent).toBe(1);
  });

  it('the ACK of a 2xx is told, whether with the branch of the INVITE or its own', async () => {
    deliver();
    const tx = only();
    await respond(tx, 200);
    expect(tx.state).toBe('accepted');
    deliver({ method: 'ACK', branch: 'z9hG4bK-2', toTag: tx.toTag });
    deliver({ method: 'ACK', toTag: tx.toTag });
    expect(told).toEqual(['ack 1', 'ack 1']);
    await respond(tx, 200);
    expect(wire.log()).toEqual(['0 100 INVITE', '0 200 INVITE', '0 200 INVITE']);
    clock.advance(32_000);
    expect(layer.stats()).toEqual(NONE);
  });

  it('a second final response is ignored', async () => {
    deliver();
    await respond(only(), 486);
    await respond(only(), 200);
    await respond(only(), 180);
    expect(wire.log()).toEqual(['0 100 INVITE', '0 486 INVITE']);
  });

  it('other requests: no 100, repeats get the answer for 64·T1', async () => {
    deliver({ method: 'OPTIONS' });
    deliver({ method: 'OPTIONS' });
    await respond(only(), 200);
    clock.advance(1_000);
    deliver({ method: 'OPTIONS' });
    clock.advance(31_000);
    expect(wire.log()).toEqual(['0 200 OPTIONS', '1000 200 OPTIONS']);
    expect(layer.stats()).toEqual(NONE);
  });

  it('over TCP a non-INVITE transaction is gone with its answer', async () => {
    wire.deliver(requestText({ method: 'OPTIONS' }), peer({ protocol: 'tcp', connection: 7 }));
    await respond(only(), 200);
    expect(layer.stats()).toEqual(NONE);
    expect(wire.sent[0]?.hop).toMatchObject({ protocol: 'tcp', connection: 7 });
  });

  it('drops the body once it has been answered', async () => {
    deliver({ body: 'v=0' });
    expect(only().request.body.toString()).toBe('v=0');
    await respond(only(), 180);
    expect(only().request.body.toString()).toBe('v=0');
    await respond(only(), 200);
    expect(only().request.body).toHaveLength(0);
  });

  it('a ringing that cannot be sent is reported and can be made up for; an answer that cannot be sent ends it', async () => {
    deliver();
    wire.broken = 'no route';
    await expect(respond(only(), 180)).rejects.toThrow('no route');
    expect(only().state).toBe('proceeding');
    await expect(respond(only(), 200)).rejects.toThrow('no route');
    expect(layer.stats()).toEqual(NONE);
  });

  it('gives all responses of a transaction one To tag, the user’s if it chose one', async () => {
    deliver();
    await respond(only(), 180, 'chosen');
    expect(only().toTag).toBe('chosen');
    deliver({ method: 'OPTIONS', branch: 'z9hG4bK-3', toTag: 'theirs', cseq: 2 });
    expect(requests[1]?.toTag).toBe('theirs');
  });

  it('answers 500 when the user throws, and goes on', async () => {
    onRequest = () => {
      throw new Error('a bug');
    };
    deliver();
    await settle();
    expect(wire.log()).toEqual(['0 100 INVITE', '0 500 INVITE']);
    expect(faults.splice(0)).toEqual([new Error('a bug')]);
  });
});

describe('which transaction, RFC 3261 §17.2.3', () => {
  it('another branch, sender or method is another request', () => {
    deliver({ method: 'OPTIONS' });
    deliver({ method: 'OPTIONS', branch: 'z9hG4bK-2', callId: 'call-2' });
    deliver({ method: 'OPTIONS', via: 'SIP/2.0/UDP 127.0.0.3:5062;branch=z9hG4bK-1', callId: 'call-3' });
    deliver({ method: 'OPTIONS', via: 'SIP/2.0/UDP 127.0.0.2:5063;branch=z9hG4bK-1', callId: 'call-4' });
    deliver({ method: 'INFO', toTag: 'x' });
    expect(requests).toHaveLength(5);
    expect(layer.stats().serverOther).toBe(5);
  });

  // RFC 4475 §3.2.1 and §3.4.1
  it.each(['SIP/2.0/UDP 127.0.0.2', 'SIP/2.0/UDP 127.0.0.2;branch=1', 'SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK'])(
    'by the rules of RFC 2543: %s',
    async (via) => {
      deliver({ via });
      deliver({ via });
      expect(requests).toHaveLength(1);
      await respond(only(), 486);
      deliver({ via, method: 'ACK', toTag: only().toTag });
      expect(only().state).toBe('confirmed');
      deliver({ via, callId: 'call-2' });
      deliver({ via, cseq: 2, uri: 'sip:other@127.0.0.1' });
      expect(requests).toHaveLength(3);
    },
  );

  it('a copy by another way is merged: 482, stateless, and its ACK is swallowed (§8.2.2.2)', async () => {
    deliver();
    deliver({ branch: 'z9hG4bK-fork' });
    deliver({ branch: 'z9hG4bK-fork' });
    expect(only().state).toBe('proceeding');
    const [, first, second] = wire.responses();
    expect([first?.status, second?.status]).toEqual([482, 482]);
    const tag = first?.to.params.get('tag') ?? '';
    expect(second?.to.params.get('tag')).toBe(tag);
    deliver({ method: 'ACK', branch: 'z9hG4bK-fork', toTag: tag });
    expect(told).toEqual([]);
    expect(layer.counters.merged).toBe(2);
  });

  it('a request that went through us before is a spiral, not a merge (§16.6)', () => {
    deliver();
    deliver({
      via: 'SIP/2.0/UDP 127.0.0.9;branch=z9hG4bK-9, SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK-8, nonsense',
      uri: 'sip:moved@127.0.0.1',
    });
    expect(requests).toHaveLength(2);
  });

  it('a repeat within a dialog is no merge, and once all is over a copy is a new request', async () => {
    deliver({ method: 'INFO', toTag: 'x' });
    deliver({ method: 'INFO', toTag: 'x', branch: 'z9hG4bK-2' });
    expect(requests).toHaveLength(2);
    deliver({ method: 'OPTIONS' });
    await respond(requests[2] as ServerTransaction, 200);
    clock.advance(32_000);
    deliver({ method: 'OPTIONS', branch: 'z9hG4bK-3' });
    expect(requests).toHaveLength(4);
  });
});

describe('CANCEL from the network, RFC 3261 §9.2', () => {
  it('is answered 200 with the To tag of the INVITE, and told', async () => {
    deliver();
    await respond(only(), 180);
    deliver({ method: 'CANCEL' });
    deliver({ method: 'CANCEL' });
    expect(told).toEqual(['cancel of INVITE']);
    await respond(only(), 487);
    const [, ringing, ok, okAgain, terminated] = wire.responses();
    expect([ringing, ok, okAgain, terminated].map((response) => response?.to.params.get('tag'))).toEqual(
      Array(4).fill(only().toTag),
    );
    expect(wire.log().slice(1)).toEqual(['0 180 INVITE', '0 200 CANCEL', '0 200 CANCEL', '0 487 INVITE']);
    deliver({ method: 'ACK' });
    clock.advance(32_000);
    expect(layer.stats()).toEqual(NONE);
  });

  it('after the final response it is answered and means nothing', async () => {
    deliver();
    await respond(only(), 200);
    deliver({ method: 'CANCEL' });
    expect(told).toEqual([]);
    expect(wire.log().at(-1)).toBe('0 200 CANCEL');
  });

  it('of nothing is the user’s to answer', () => {
    deliver({ method: 'CANCEL' });
    expect(only().request.method).toBe('CANCEL');
  });
});

describe('too much', () => {
  it('answers 503 with Retry-After when the user has too many requests to answer', async () => {
    layer.close();
    open({ unanswered: 2, retryAfterSeconds: 7 });
    for (const number of [1, 2, 3]) deliver({ branch: `z9hG4bK-${number}`, callId: `call-${number}` });
    expect(requests).toHaveLength(2);
    const refusal = wire.responses().at(-1) as SipResponse;
    expect([refusal.status, refusal.headers.get('Retry-After')]).toEqual([503, '7']);
    expect(layer.stats().serverInvite).toBe(2);
    deliver({ method: 'ACK', branch: 'z9hG4bK-3', callId: 'call-3', toTag: refusal.to.params.get('tag') ?? '' });
    deliver({ method: 'BYE', branch: 'z9hG4bK-4', toTag: 'x' });
    deliver({ method: 'CANCEL' });
    expect(requests).toHaveLength(3);
    expect(told).toEqual(['cancel of INVITE']);
    expect(layer.counters.overloaded).toBe(1);

    for (const tx of requests) await respond(tx, 180);
    deliver({ branch: 'z9hG4bK-5', callId: 'call-5' });
    expect(requests).toHaveLength(4);
    for (const tx of requests) await respond(tx, 486);
    clock.advance(40_000);
    expect([layer.stats(), layer.unanswered]).toEqual([NONE, 0]);
  });

  it('answers 503 when there are too many transactions, and drops nothing that is under way', async () => {
    layer.close();
    open({ serverTransactions: 1 });
    deliver({ method: 'OPTIONS' });
    await respond(only(), 200);
    deliver({ method: 'OPTIONS', branch: 'z9hG4bK-2', callId: 'call-2' });
    expect(wire.log()).toEqual(['0 200 OPTIONS', '0 503 OPTIONS']);
    deliver({ method: 'BYE', branch: 'z9hG4bK-3', toTag: 'x' });
    deliver({ method: 'BYE', branch: 'z9hG4bK-4', toTag: 'y' });
    expect(wire.log().at(-1)).toBe('0 503 BYE');
    expect(requests).toHaveLength(2);
  });
});

describe('too much of one kind', () => {
  const refused = (): number => wire.responses().filter(({ status }) => status === 503).length;

  it('unfinished requests have a limit of their own, and finished ones make room', async () => {
    layer.close();
    open({ unfinished: 2 });
    for (const number of [1, 2, 3]) deliver({ branch: `z9hG4bK-${number}`, callId: `call-${number}` });
    expect([requests.length, refused()]).toEqual([2, 1]);
    await respond(requests[0] as ServerTransaction, 486);
    deliver({ branch: 'z9hG4bK-4', callId: 'call-4' });
    expect([requests.length, refused()]).toEqual([3, 1]);
  });

  it('answers that are kept have a limit of their own, until they are forgotten', async () => {
    layer.close();
    open({ keptChars: 500 });
    deliver({ method: 'OPTIONS' });
    await only().respond(responseTo(only().request, 200, { toTag: only().toTag, body: Buffer.alloc(600) }));
    deliver({ method: 'OPTIONS', branch: 'z9hG4bK-2', callId: 'call-2' });
    expect([requests.length, refused()]).toEqual([1, 1]);
    clock.advance(32_000);
    deliver({ method: 'OPTIONS', branch: 'z9hG4bK-3', callId: 'call-3' });
    expect([requests.length, refused()]).toEqual([2, 1]);
  });
});

describe('what is kept of an answered request', () => {
  /** Messages that something still holds on to, after a full collection. */
  const alive = (): number => queryObjects(Object.getPrototypeOf(SipRequest), { format: 'count' });

  async function answerMany(method: string, status: number): Promise<void> {
    for (let number = 0; number < 5; number++) {
      deliver({ method, branch: `z9hG4bK-${number}`, callId: `call-${number}`, body: 'v=0' });
    }
    for (const tx of requests) await respond(tx, status);
    // The test's own references.
    requests.length = 0;
    wire.sent.length = 0;
    await settle();
  }

  it.each([
    ['OPTIONS', 200, '1000 200 OPTIONS'],
    ['REGISTER', 401, '1000 401 REGISTER'],
    ['INVITE', 200, undefined],
  ])('%s %i: neither request nor response, but what a repeat gets', async (method, status, repeated) => {
    const before = alive();
    await answerMany(method, status);
    expect(alive()).toBeLessThanOrEqual(before);
    expect(layer.stats()).toEqual({ ...NONE, [method === 'INVITE' ? 'serverInvite' : 'serverOther']: 5 });
    clock.advance(1_000);
    deliver({ method, branch: 'z9hG4bK-3', callId: 'call-3' });
    expect([wire.log()[0], requests.length]).toEqual([repeated, 0]);
  });

  it('INVITE 486: the same while it waits for the ACK, and after it', async () => {
    const before = alive();
    await answerMany('INVITE', 486);
    expect(alive()).toBeLessThanOrEqual(before);
    for (const number of [0, 1]) deliver({ method: 'ACK', branch: `z9hG4bK-${number}`, callId: `call-${number}` });
    clock.advance(500);
    expect(wire.log()).toEqual(Array(3).fill('500 486 INVITE'));
    wire.sent.length = 0;
    expect(alive()).toBeLessThanOrEqual(before);
  });

  it('whoever holds the transaction can read its request to the end', async () => {
    deliver({ method: 'REGISTER' });
    const tx = only();
    await respond(tx, 401, 'tagged');
    clock.advance(32_000);
    expect([tx.state, tx.toTag, tx.request.callId, tx.source]).toEqual(['terminated', 'tagged', 'call-1', peer()]);
  });

  it('a repeat gets the bytes of the answer, whatever they are', async () => {
    deliver({ method: 'OPTIONS' });
    const body = Buffer.from([...Array(256).keys()]);
    await only().respond(responseTo(only().request, 200, { toTag: only().toTag, reason: 'Хорошо', body }));
    deliver({ method: 'OPTIONS' });
    const [first, second] = wire.responses();
    expect([second?.reason, second?.body]).toEqual(['Хорошо', body]);
    expect(second?.headers).toEqual(first?.headers);
  });
});

describe('malformed requests', () => {
  it('are answered by their fault, statelessly', () => {
    wire.deliver(requestText().replace('CSeq: 1 INVITE', 'CSeq: 1 BYE'));
    wire.deliver(requestText().replace('SIP/2.0\r\n', 'SIP/7.0\r\n'));
    expect(wire.responses().map(({ status, reason }) => [status, reason])).toEqual([
      [400, 'CSeq has another method'],
      [505, 'Version Not Supported'],
    ]);
    expect(wire.sent[0]?.hop).toEqual(peer());
    expect(layer.stats()).toEqual(NONE);
    expect(layer.counters.malformed).toBe(2);
  });
});

describe('our requests', () => {
  let heard: string[];
  beforeEach(() => {
    heard = [];
  });

  const ours = (method: string, extra: [string, string][] = []): SipRequest =>
    new SipRequest(
      method,
      'sip:200@127.0.0.2:5062;line=1',
      Headers.from([
        ['From', '<sip:100@127.0.0.1>;tag=us'],
        ['To', '<sip:200@127.0.0.2>'],
        ['Call-ID', 'ours'],
        ['CSeq', `7 ${method}`],
        ['Route', '<sip:127.0.0.2;lr>'],
        ...extra,
      ]),
      Buffer.from('body'),
    );

  const send = (request: SipRequest, hop = HOP): ClientTransaction =>
    layer.request(request, hop, {
      response: ({ status }) => heard.push(`${clock.monotonic()} ${status}`),
      timeout: () => heard.push(`${clock.monotonic()} timeout`),
      transportError: (error) => heard.push(`${clock.monotonic()} ${error.message}`),
    });

  it('get our Via with a fresh branch on top of a copy', () => {
    const request = ours('OPTIONS', [['Via', 'SIP/2.0/UDP 127.0.0.9;branch=z9hG4bK-below']]);
    const tx = send(request);
    send(request);
    expect(request.headers.all('Via')).toHaveLength(1);
    const [first, second] = wire.requests();
    expect(first?.headers.all('Via')).toHaveLength(2);
    expect(first?.via).toMatchObject({ transport: 'UDP', host: '127.0.0.1', port: 5060 });
    expect(first?.via.params.has('rport')).toBe(true);
    expect(first?.via.params.get('branch')).toMatch(/^z9hG4bK[0-9a-f]{20}$/);
    expect(second?.via.params.get('branch')).not.toBe(first?.via.params.get('branch'));
    expect(tx.request.via).toEqual(first?.via);
    expect(tx.local).toEqual({ protocol: 'udp', address: '127.0.0.1', host: '127.0.0.1', port: 5060 });
    expect(heard).toEqual([]);
  });

  it('silence: repeated, then timeout, then nothing is left', () => {
    send(ours('INVITE'));
    send(ours('OPTIONS'));
    expect(layer.stats()).toEqual({ ...NONE, clientInvite: 1, clientOther: 1 });
    clock.advance(32_000);
    expect(heard).toEqual(['32000 timeout', '32000 timeout']);
    expect(wire.requests('INVITE')).toHaveLength(7);
    expect(wire.requests('OPTIONS')).toHaveLength(11);
    expect(layer.stats()).toEqual(NONE);
    expect(layer.counters.requestRepeatsSent).toBe(16);
  });

  it('a refusal is acknowledged on its own: same branch, target, route; the To of the refusal', () => {
    const tx = send(ours('INVITE'));
    wire.answer('INVITE', 100);
    wire.answer('INVITE', 180, 'fork');
    wire.answer('INVITE', 486, 'busy');
    expect(heard).toEqual(['0 180', '0 486']);
    const [ack] = wire.requests('ACK');
    expect(ack?.uri).toBe('sip:200@127.0.0.2:5062;line=1');
    expect(ack?.headers.all('Via')).toEqual([tx.request.headers.get('Via')]);
    expect(ack?.to.params.get('tag')).toBe('busy');
    expect(ack?.headers.get('Route')).toBe('<sip:127.0.0.2;lr>');
    expect([ack?.cseq, ack?.callId, ack?.body.length]).toEqual([{ number: 7, method: 'ACK' }, 'ours', 0]);
    wire.answer('INVITE', 486, 'busy');
    expect(wire.requests('ACK')).toHaveLength(2);
    expect(heard).toHaveLength(2);
    clock.advance(32_000);
    expect(layer.stats()).toEqual(NONE);
  });

  it('every 2xx comes through for 64·T1, later ones are strays', () => {
    send(ours('INVITE'));
    wire.answer('INVITE', 200, 'one');
    wire.answer('INVITE', 200, 'two');
    wire.answer('INVITE', 200, 'one');
    expect(heard).toEqual(['0 200', '0 200', '0 200']);
    clock.advance(32_000);
    wire.answer('INVITE', 200, 'one');
    expect(told).toEqual(['stray 200']);
    expect(layer.stats()).toEqual(NONE);
  });

  it('other late responses are counted and dropped', () => {
    send(ours('OPTIONS'));
    wire.answer('OPTIONS', 200);
    clock.advance(5_000);
    wire.answer('OPTIONS', 200);
    expect(heard).toEqual(['0 200']);
    expect(told).toEqual([]);
    expect(layer.counters.strayResponses).toBe(1);
  });

  // RFC 4475 §3.3.10, RFC 3261 §8.1.3.3
  it('a response with a Via that we did not send is ignored', () => {
    send(ours('OPTIONS'));
    const response = responseTo(wire.requests()[0] as SipRequest, 200);
    response.headers.append('Via', 'SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23');
    wire.deliver(response);
    expect(heard).toEqual([]);
  });

  it('drops the body once the request need not be repeated', () => {
    const invite = send(ours('INVITE'));
    const options = send(ours('OPTIONS'));
    wire.answer('INVITE', 100);
    wire.answer('OPTIONS', 183);
    expect([invite.request.body.length, options.request.body.length]).toEqual([0, 4]);
    wire.answer('OPTIONS', 200);
    expect(options.request.body).toHaveLength(0);
    clock.advance(500);
    expect(wire.requests('INVITE')).toHaveLength(1);
  });

  it('a transport that fails is told after the call has returned', async () => {
    wire.broken = 'refused';
    send(ours('INVITE'));
    send(ours('OPTIONS'));
    expect(heard).toEqual([]);
    await settle();
    expect(heard).toEqual(['0 refused', '0 refused']);
    expect(layer.stats()).toEqual(NONE);
  });

  it('an ACK that fails is nobody’s news', async () => {
    send(ours('INVITE'));
    const response = responseTo(wire.requests()[0] as SipRequest, 486, { toTag: 'x' });
    wire.broken = 'refused';
    wire.deliver(response);
    await settle();
    expect(heard).toEqual(['0 486']);
    expect(layer.stats()).toEqual(NONE);
  });

  describe('cancelled, RFC 3261 §9.1', () => {
    it('at once after a provisional response, with the branch of the INVITE', () => {
      const invite = send(ours('INVITE'));
      wire.answer('INVITE', 180);
      const cancel = invite.cancel([['Reason', 'SIP;cause=200;text="Call completed elsewhere"']]);
      expect(cancel?.state).toBe('trying');
      expect(invite.cancel()).toBeUndefined();
      const [sent] = wire.requests('CANCEL');
      expect(sent?.headers.all('Via')).toEqual([invite.request.headers.get('Via')]);
      expect(sent?.headers.get('Reason')).toContain('elsewhere');
      expect([sent?.uri, sent?.cseq, sent?.to.params.has('tag')]).toEqual([
        invite.request.uri,
        { number: 7, method: 'CANCEL' },
        false,
      ]);
      wire.answer('CANCEL', 200);
      wire.answer('INVITE', 487);
      expect(heard).toEqual(['0 180', '0 487']);
      clock.advance(32_000);
      expect(layer.stats()).toEqual(NONE);
    });

    it('not before anything was heard; a 100 is enough', () => {
      const invite = send(ours('INVITE'));
      expect(invite.cancel()?.state).toBe('waiting');
      clock.advance(1_000);
      expect(wire.requests('CANCEL')).toHaveLength(0);
      wire.answer('INVITE', 100);
      expect(wire.requests('CANCEL')).toHaveLength(1);
    });

    it('not at all when the answer is faster', () => {
      const invite = send(ours('INVITE'));
      const cancel = invite.cancel();
      wire.answer('INVITE', 486);
      expect(cancel?.state).toBe('terminated');
      clock.advance(32_000);
      expect(wire.requests('CANCEL')).toHaveLength(0);
      expect(layer.stats()).toEqual(NONE);
      expect(invite.cancel()).toBeUndefined();
    });

    it('not at all when nothing is ever heard', () => {
      const cancel = send(ours('INVITE')).cancel();
      clock.advance(32_000);
      expect([heard, cancel?.state, layer.stats()]).toEqual([['32000 timeout'], 'terminated', NONE]);
    });

    it('without a final response it times out 64·T1 later', () => {
      const invite = send(ours('INVITE'));
      wire.answer('INVITE', 180);
      clock.advance(10_000);
      invite.cancel();
      clock.advance(32_000);
      expect(heard).toEqual(['0 180', '42000 timeout']);
      expect(layer.stats()).toEqual(NONE);
    });

    it('only an INVITE can be', () => {
      expect(send(ours('OPTIONS')).cancel()).toBeUndefined();
    });
  });

  it('the ACK of a 2xx goes without a transaction, with a Via of its own', async () => {
    const ack = ours('ACK');
    await layer.sendStateless(ack, HOP);
    await layer.sendStateless(parseMessage(Buffer.from(requestText({ method: 'BYE' }))), HOP);
    expect(wire.requests('ACK')[0]?.headers.all('Via')).toHaveLength(1);
    expect(wire.requests('BYE')[0]?.headers.all('Via')).toHaveLength(2);
    expect(ack.headers.has('Via')).toBe(false);
    expect(layer.stats()).toEqual(NONE);
  });

  it('close leaves nothing behind', () => {
    send(ours('INVITE'));
    deliver();
    layer.close();
    expect([layer.stats(), clock.pending]).toEqual([NONE, 0]);
    clock.advance(40_000);
    expect(heard).toEqual([]);
    expect(wire.log()).toEqual(['0 INVITE', '0 100 INVITE']);
  });
});
