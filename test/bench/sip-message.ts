import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Headers, parseMessage, printMessage, responseTo, SipRequest } from '../../src/embedded/sip/message/index.ts';
import {
  TIMERS,
  type TimerValues,
  TransactionLayer,
  type TransactionUser,
  type Wire,
} from '../../src/embedded/sip/transaction/index.ts';
import {
  type Hop,
  type LocalEnd,
  type Source,
  type TransportEvents,
  Transports,
} from '../../src/embedded/sip/transport/index.ts';
import { Emitter } from '../../src/emitter.ts';
import { systemClock } from '../../src/time/clock.ts';
import { systemRandom } from '../../src/time/random.ts';
import type { Figure } from './figure.ts';

/*
 * What the lower half of the SIP server does in a second on one core: messages read and printed, transactions run without a
 * network, and whole OPTIONS exchanges over loopback UDP with both ends in this thread.
 */

const INVITE = (number: number): string =>
  `${[
    'INVITE sip:74951234567@127.0.0.1:5060;transport=udp SIP/2.0',
    `Via: SIP/2.0/UDP 127.0.0.2:5062;branch=z9hG4bK-524287-1---${number};rport`,
    'Max-Forwards: 70',
    'Contact: <sip:ivanov@127.0.0.2:5062;transport=udp>',
    'To: <sip:74951234567@acme.example>',
    'From: "Ivan Ivanov" <sip:ivanov@acme.example>;tag=a73kszlfl',
    `Call-ID: 1j9FpLxk3uxtm8tn-${number}@127.0.0.2`,
    'CSeq: 1 INVITE',
    'Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO',
    'Supported: replaces, norefersub, extended-refer, timer, outbound, path',
    'User-Agent: Softphone 5.4.12',
    'Allow-Events: presence, kpml, talk',
    'Content-Type: application/sdp',
    `Content-Length: ${SDP.length}`,
  ].join('\r\n')}\r\n\r\n${SDP}`;

const REGISTER = (number: number): string =>
  `${[
    'REGISTER sip:acme.example SIP/2.0',
    `Via: SIP/2.0/UDP 127.0.0.2:5062;branch=z9hG4bK-524287-1---${number};rport`,
    'Max-Forwards: 70',
    'Contact: <sip:ivanov@127.0.0.2:5062;transport=udp;rinstance=0a5e4ff0ca1f3b2c>',
    'To: "Ivan Ivanov" <sip:ivanov@acme.example>',
    'From: "Ivan Ivanov" <sip:ivanov@acme.example>;tag=a73kszlfl',
    `Call-ID: 1j9FpLxk3uxtm8tn-${number}@127.0.0.2`,
    'CSeq: 1 REGISTER',
    'Expires: 300',
    'Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO',
    'Supported: replaces, norefersub, extended-refer, timer, outbound, path',
    'User-Agent: Softphone 5.4.12',
    'Allow-Events: presence, kpml, talk',
    'Content-Length: 0',
  ].join('\r\n')}\r\n\r\n`;

const CHALLENGE: [name: string, value: string] = [
  'WWW-Authenticate',
  'Digest realm="acme.example", nonce="6565303a2d8f1c0b0e5b5f1d2b7a9c44", algorithm=MD5, qop="auth"',
];

const SDP = `${[
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.2',
  's=-',
  'c=IN IP4 127.0.0.2',
  't=0 0',
  'm=audio 40000 RTP/AVP 8 0 101',
  'a=rtpmap:101 telephone-event/8000',
  'a=fmtp:101 0-15',
  'a=sendrecv',
].join('\r\n')}\r\n`;

const SOURCE: Source = {
  protocol: 'udp',
  address: '127.0.0.2',
  port: 5062,
  localAddress: '127.0.0.1',
  localPort: 5060,
};

/** Takes everything and delivers what it is told to. */
class Void extends Emitter<TransportEvents> implements Wire {
  localFor({ protocol }: Hop): LocalEnd {
    return { protocol, address: '127.0.0.1', host: '127.0.0.1', port: 5060 };
  }
  send(_bytes: Buffer, hop: Hop): Promise<LocalEnd> {
    return Promise.resolve(this.localFor(hop));
  }
  sendResponse(_bytes: Buffer, source: Source): Promise<LocalEnd> {
    return Promise.resolve(this.localFor(source));
  }
  isOwn(): boolean {
    return false;
  }
}

const SILENT: TransactionUser = {
  onRequest: () => undefined,
  onAck: () => undefined,
  onCancel: () => undefined,
  onStrayResponse: () => undefined,
};

/** How often `once` runs in a second, after a run to warm up. */
function perSecond(once: (number: number) => void, ms = 700): number {
  let number = 0;
  const runFor = (limit: number): number => {
    const start = systemClock.monotonic();
    const first = number;
    let elapsed = 0;
    while (elapsed < limit) {
      for (let burst = 0; burst < 100; burst++) once(number++);
      elapsed = systemClock.monotonic() - start;
    }
    return ((number - first) / elapsed) * 1000;
  };
  runFor(ms / 3);
  return runFor(ms);
}

// Short waits, so that transactions also end while they are counted.
const SHORT: TimerValues = { t1: 5, t2: 10, t4: 5, d: 50 };

function layerWithoutNetwork(user: Partial<TransactionUser>, timers = SHORT): { layer: TransactionLayer; wire: Void } {
  const wire = new Void();
  const layer = new TransactionLayer({
    transports: wire,
    clock: systemClock,
    random: systemRandom,
    timers,
    limits: { serverTransactions: 10_000_000, unanswered: 10_000_000 },
    user: { ...SILENT, ...user },
  });
  return { layer, wire };
}

/** INVITE, 100, 486, ACK: parse, match, timers, print. */
async function serverTransactions(): Promise<number> {
  const { layer, wire } = layerWithoutNetwork({
    onRequest: (tx) => void tx.respond(responseTo(tx.request, 486, { toTag: tx.toTag })),
  });
  let done = 0;
  const start = systemClock.monotonic();
  while (systemClock.monotonic() - start < 1_000) {
    for (let burst = 0; burst < 200; burst++) {
      const invite = INVITE(done++);
      wire.emit('message', { message: parseMessage(Buffer.from(invite)), source: SOURCE });
      const ack = invite.replaceAll('INVITE', 'ACK');
      wire.emit('message', { message: parseMessage(Buffer.from(ack)), source: SOURCE });
    }
    await turn();
  }
  const seconds = (systemClock.monotonic() - start) / 1000;
  layer.close();
  return done / seconds;
}

/** Bytes of heap and buffers when there is nothing left to collect: buffers are freed some time after their objects. */
async function memoryUsed(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  for (let before = Number.POSITIVE_INFINITY; ; ) {
    await turn();
    collectGarbage();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    const used = heapUsed + arrayBuffers;
    if (used > before - 10_000) return used;
    before = used;
  }
}

/** What one server transaction keeps of such a request: of each a datagram of its own from a peer of its own, as the network has them. */
async function bytesPerTransaction(
  request: (number: number) => string,
  user: Partial<TransactionUser>,
): Promise<number> {
  const { layer, wire } = layerWithoutNetwork(user, TIMERS);
  const before = await memoryUsed();
  const count = 20_000;
  for (let number = 0; number < count; number++) {
    const datagram = Buffer.from(new TextEncoder().encode(request(number)).buffer);
    const source = { ...SOURCE, address: `127.0.${(number >> 8) & 255}.${number & 255}` };
    wire.emit('message', { message: parseMessage(datagram), source });
    if (number % 100 === 0) await turn();
  }
  const bytes = (await memoryUsed()) - before;
  layer.close();
  return bytes / count;
}

const challenge: Partial<TransactionUser> = {
  onRequest: (tx) => void tx.respond(responseTo(tx.request, 401, { toTag: tx.toTag, headers: [CHALLENGE] })),
};

/** OPTIONS and its 200 over loopback UDP, 50 at a time. */
async function exchanges(): Promise<number> {
  const base = { clock: systemClock, random: systemRandom };
  const [one, two] = await Promise.all([
    Transports.open({ ...base, listen: 'udp://127.0.0.1:0' }),
    Transports.open({ ...base, listen: 'udp://127.0.0.1:0' }),
  ]);
  const caller = new TransactionLayer({ ...base, transports: one, user: SILENT });
  const callee = new TransactionLayer({
    ...base,
    transports: two,
    limits: { serverTransactions: 10_000_000 },
    user: { ...SILENT, onRequest: (tx) => void tx.respond(responseTo(tx.request, 200, { toTag: tx.toTag })) },
  });
  const hop: Hop = { protocol: 'udp', address: '127.0.0.1', port: two.listeners()[0]?.port ?? 0 };
  let number = 0;
  const exchange = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const headers = Headers.from([
        ['Max-Forwards', '70'],
        ['From', '<sip:a@127.0.0.1>;tag=1'],
        ['To', '<sip:b@127.0.0.1>'],
        ['Call-ID', `bench-${number++}`],
        ['CSeq', '1 OPTIONS'],
      ]);
      caller.request(new SipRequest('OPTIONS', 'sip:b@127.0.0.1', headers), hop, {
        response: () => resolve(),
        timeout: () => reject(new Error('an OPTIONS over loopback timed out')),
        transportError: reject,
      });
    });
  let done = 0;
  const start = systemClock.monotonic();
  const worker = async (): Promise<void> => {
    while (systemClock.monotonic() - start < 1_000) {
      await exchange();
      done++;
    }
  };
  try {
    await Promise.all(Array.from({ length: 50 }, worker));
    return (done / (systemClock.monotonic() - start)) * 1000;
  } finally {
    caller.close();
    callee.close();
    await Promise.all([one.close(), two.close()]);
  }
}

export async function run(): Promise<Figure[]> {
  const bytes = Buffer.from(INVITE(1));
  const message = parseMessage(bytes);
  // First, while nothing of the others is left to be collected.
  const ringing = await bytesPerTransaction(INVITE, {});
  const completed = await bytesPerTransaction(REGISTER, challenge);
  const invites = perSecond(() => parseMessage(bytes));
  const prints = perSecond(() => printMessage(message));
  return [
    { name: 'SIP: INVITE parsed', value: Math.round(invites), unit: '1/s' },
    { name: 'SIP: INVITE printed', value: Math.round(prints), unit: '1/s' },
    { name: 'SIP: INVITE transactions without network', value: Math.round(await serverTransactions()), unit: '1/s' },
    { name: 'SIP: OPTIONS over UDP, both ends', value: Math.round(await exchanges()), unit: '1/s' },
    { name: 'SIP: memory of a ringing INVITE', value: Math.round(ringing), unit: 'bytes' },
    { name: 'SIP: bytes per completed transaction', value: Math.round(completed), unit: 'bytes' },
  ];
}
