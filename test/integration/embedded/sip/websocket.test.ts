import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { responseTo, type SipMessage, type SipRequest } from '../../../../src/embedded/sip/message/index.ts';
import { printMessage } from '../../../../src/embedded/sip/message/print.ts';
import { parseSipUri } from '../../../../src/embedded/sip/message/uri.ts';
import { type Source, Transports, type TransportsOptions } from '../../../../src/embedded/sip/transport/index.ts';
import { systemClock } from '../../../../src/time/clock.ts';
import { systemRandom } from '../../../../src/time/random.ts';
import { CertificateAuthority } from '../../../support/certificates.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { eventually, Inbox } from '../../../support/wait.ts';
import { BINARY, CLOSE, clientFrame, PONG, readServerFrames, TEXT } from '../../../support/websocket-frames.ts';

/** WebSockets from real sockets: Node's own client where it is a browser's part, bytes of the test's own where a browser would not do it. */

let resources = new AsyncDisposableStack();
afterEach(async () => {
  await resources.disposeAsync();
  resources = new AsyncDisposableStack();
});

interface Delivery {
  readonly message: SipMessage;
  readonly source: Source;
}

async function open(options: Partial<TransportsOptions> = {}) {
  const transports = await Transports.open({
    ...{ listen: 'ws://127.0.0.1:0', clock: systemClock, random: systemRandom },
    ...options,
  });
  resources.defer(() => transports.close());
  const received = new Inbox<Delivery>('messages');
  transports.on('message', (delivery) => received.push(delivery));
  return { transports, received, port: transports.listeners()[0]?.port ?? 0 };
}

const options = (length = ''): string =>
  [
    'OPTIONS sip:pbx.example SIP/2.0',
    'Via: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK1',
    'From: <sip:a@pbx.example>;tag=1',
    'To: <sip:pbx.example>',
    'Call-ID: 1',
    'CSeq: 1 OPTIONS',
    `${length}\r\n`,
  ].join('\r\n');

async function browser(port: number, protocols: string[] = ['sip']) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/any/path`, protocols);
  resources.defer(() => socket.close());
  const said = new Inbox<string>('browser');
  socket.addEventListener('message', ({ data }) => said.push(String(data)));
  const closed = new Promise<string>((resolve) => {
    socket.addEventListener('close', ({ code, reason }) => resolve(`${code} ${reason}`));
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', () => reject(new Error('no WebSocket')));
  });
  return { socket, said, closed };
}

const handshake = (more: readonly string[] = ['Sec-WebSocket-Protocol: sip']): string =>
  [
    'GET / HTTP/1.1',
    'Host: pbx.example',
    'Connection: keep-alive, Upgrade',
    'Upgrade: WebSocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...more,
    '\r\n',
  ].join('\r\n');

/** A peer of bytes. */
function raw(socket: Socket) {
  resources.defer(() => void socket.destroy());
  let bytes = Buffer.alloc(0);
  socket
    .on('error', () => undefined)
    .on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
    });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const head = () => bytes.toString('latin1').split('\r\n\r\n')[0] ?? '';
  const frames = () => {
    const end = bytes.indexOf('\r\n\r\n');
    return end < 0 ? [] : readServerFrames(bytes.subarray(end + 4));
  };
  return { socket, closed, head, frames, text: () => bytes.toString() };
}

async function peer(port: number, first: string | Buffer = handshake()) {
  const socket = connect(port, '127.0.0.1');
  const one = raw(socket);
  await once(socket, 'connect');
  socket.write(first);
  return one;
}

const empty = (transports: Transports) =>
  eventually(
    'no connection',
    () => transports.connections,
    (count) => count === 0,
  );

describe('a phone in a browser', () => {
  it('is heard in text and bytes, with or without Content-Length, and answered on its connection', async () => {
    const { transports, received, port } = await open();
    const { socket, said } = await browser(port);
    expect(socket.protocol).toBe('sip');
    socket.send(options());
    socket.send(new TextEncoder().encode(options('Content-Length: 0\r\n')));
    const { item } = await received.find('the second', () => true, 1);
    expect(item.source).toMatchObject({ protocol: 'ws', address: '127.0.0.1', localPort: port });
    expect(item.message.via).toMatchObject({ transport: 'WS', host: 'df7jal23ls0d.invalid' });
    const answer = responseTo(item.message as SipRequest, 200, { toTag: 't' });
    await transports.sendResponse(printMessage(answer), item.source, answer);
    expect((await said.find('the answer', () => true)).item).toMatch(
      /^SIP\/2.0 200 OK\r\nVia: SIP\/2.0\/WS df7jal23ls0d/,
    );
    expect(transports.localFor(item.source)).toMatchObject({ protocol: 'ws', port });
  });

  it('keeps its connection by line ends, and is told when the server stops', async () => {
    const { transports, port } = await open();
    const { socket, said, closed } = await browser(port);
    socket.send('\r\n\r\n');
    expect((await said.find('the pong', () => true)).item).toBe('\r\n');
    await transports.close();
    expect(await closed).toBe('1001 the server stops');
  });

  it('is reached by what clients call a hop of TCP, since they are told that word', async () => {
    for (const listen of ['ws://127.0.0.1:0', 'ws://127.0.0.1:0,tcp://127.0.0.1:0']) {
      const { transports, received, port } = await open({ listen });
      const { socket, said } = await browser(port);
      socket.send(options());
      const { source } = (await received.find('it', () => true)).item;
      const [hop] = await transports.resolve(parseSipUri(`sip:127.0.0.1:${source.port};transport=tcp`));
      expect(hop).toMatchObject({ protocol: 'ws', connection: source.connection });
      if (hop) await transports.send(Buffer.from('INVITE sip:a SIP/2.0\r\n\r\n'), hop);
      expect((await said.find('the call', () => true)).item).toMatch(/^INVITE/);
    }
  });

  it('cannot be called back once its connection is gone', async () => {
    const { transports } = await open();
    const gone = { protocol: 'ws', address: '127.0.0.1', port: 9, connection: 1e9 } as const;
    await expect(transports.send(Buffer.from('x'), gone)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('must open it itself'),
    });
  });

  it('speaks TLS where the page came by HTTPS', async () => {
    const authority = resources.use(await CertificateAuthority.create());
    const tls = await authority.issue('local', ['IP:127.0.0.1']);
    const { transports, received, port } = await open({ listen: 'wss://127.0.0.1:0', tls });
    const socket = connectTls({ host: '127.0.0.1', port, ca: await readFile(authority.file) });
    const phone = raw(socket);
    await once(socket, 'secureConnect');
    // The first message may come in one piece with the handshake.
    socket.write(Buffer.concat([Buffer.from(handshake()), clientFrame(TEXT, options())]));
    const { source } = (await received.find('it', () => true)).item;
    expect(source.protocol).toBe('wss');
    await transports.close();
    await phone.closed;
    expect(phone.head()).toMatch(/^HTTP\/1.1 101 .*s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/s);
    expect(phone.frames()).toEqual(['close 1001 the server stops']);
  });
});

describe('who is no phone', () => {
  it.each([
    ['asks for a page', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 426, /SIP over WebSocket \(RFC 7118\)/],
    ['offers another subprotocol', handshake(['Sec-WebSocket-Protocol: chat']), 400, /subprotocol 'sip'/],
    ['offers none', handshake([]), 400, /subprotocol 'sip'/],
    ['speaks another version', handshake().replace(': 13', ': 8'), 426, /version 13/],
    ['has no key', handshake().replace('dGhl', ''), 400, /RFC 6455/],
    ['upgrades to something else', handshake().replace('WebSocket', 'h2c'), 426, /websocket/],
    ['speaks SIP at once', options(), 400, /begin with a HTTP request/],
    ['says too much', `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431, /too large/],
  ])('and %s is told so', async (_, request, status, text) => {
    const { transports, port } = await open();
    const stranger = await peer(port, request);
    await stranger.closed;
    expect(stranger.head()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(stranger.text()).toMatch(text);
    expect(transports.counters.dropped.handshake).toBe(1);
    await empty(transports);
  });

  it.each([
    ['breaks the protocol', clientFrame(TEXT, 'x', { masked: false }), '1002 frames of clients are masked', 'framing'],
    [
      'sends too much',
      clientFrame(BINARY, Buffer.alloc(2_000_000)).subarray(0, 100),
      '1009 the message is too large',
      'framing',
    ],
    ['sends no SIP', clientFrame(TEXT, '{"type":"hello"}'), '1008 not a SIP message', 'garbage'],
  ] as const)('and %s is told so, and counted', async (_, frame, reason, counter) => {
    const { transports, port } = await open();
    const stranger = await peer(port, Buffer.concat([Buffer.from(handshake()), frame]));
    await stranger.closed;
    expect(stranger.frames()).toEqual([`close ${reason}`]);
    expect(transports.counters.dropped[counter]).toBe(1);
    await empty(transports);
  });

  it('and says nothing is thrown out, before the handshake and after it', async () => {
    const clock = new FakeClock();
    const { transports, port } = await open({ clock });
    const mute = await peer(port, 'GET / HTTP/1.1\r\n');
    const idle = await peer(port);
    await eventually(
      'the handshake',
      () => transports.connections,
      (count) => count === 1,
    );
    await clock.advance(45_000);
    await Promise.all([mute.closed, idle.closed]);
    expect(transports.counters.dropped.idle).toBe(2);
  });

  it('finds no place when all are taken', async () => {
    const { port } = await open({ limits: { connections: 1 } });
    await browser(port);
    const second = await peer(port);
    await second.closed;
    expect(second.text()).toBe('');
  });
});

describe('a connection', () => {
  it('is asked whether it lives, kept while it answers, and cut when it does not', async () => {
    const clock = new FakeClock();
    const { transports, received, port } = await open({ clock });
    const phone = await peer(port, Buffer.concat([Buffer.from(handshake()), clientFrame(TEXT, options())]));
    await received.find('its message', () => true);
    for (let asked = 1; asked <= 3; asked++) {
      await clock.advance(40_000);
      await eventually('a ping', phone.frames, (frames) => frames.length === asked);
      phone.socket.write(clientFrame(PONG, ''));
      await eventually(
        'the pong',
        () => transports.counters.keepAlives,
        (count) => count === asked,
      );
    }
    expect(phone.frames()).toEqual(['ping', 'ping', 'ping']);
    await clock.advance(75_000);
    await phone.closed;
    expect(transports.counters.dropped.idle).toBe(1);
  });

  it('closes with the words of the one who leaves', async () => {
    const { transports, received, port } = await open();
    const phone = await peer(port, Buffer.concat([Buffer.from(handshake()), clientFrame(TEXT, options())]));
    await received.find('its message', () => true);
    const closed = new Promise((resolve) => transports.on('closed', resolve));
    phone.socket.write(clientFrame(CLOSE, Buffer.from([0x03, 0xe8])));
    await closed;
    await phone.closed;
    expect(phone.frames()).toEqual(['close 1000']);
  });

  it('is cut when the peer asks and asks, and reads nothing', async () => {
    const { transports, port } = await open({ limits: { unsentBytes: 1_000 } });
    const phone = await peer(port);
    await eventually(
      'the handshake',
      () => transports.connections,
      (count) => count === 1,
    );
    phone.socket.pause();
    const pings = Buffer.concat(Array.from({ length: 1_000 }, () => clientFrame(9, 'x'.repeat(125))));
    const pour = () => {
      while (!phone.socket.destroyed && phone.socket.write(pings));
      phone.socket.once('drain', pour);
    };
    pour();
    await eventually(
      'the cut',
      () => transports.counters.dropped['slow-reader'],
      (count) => count === 1,
    );
    phone.socket.removeAllListeners('drain');
    await empty(transports);
  });

  it('does not keep a server from stopping, even in the middle of a handshake', async () => {
    const { transports, port } = await open();
    const half = await peer(port, 'GET / HTTP/1.1\r\n');
    await transports.close();
    await half.closed;
  });
});
