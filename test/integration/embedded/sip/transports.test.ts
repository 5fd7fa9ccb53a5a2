import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  Headers,
  parseSipUri,
  printMessage,
  responseTo,
  type SipMessage,
  SipRequest,
  type SipResponse,
} from '../../../../src/embedded/sip/message/index.ts';
import { TransactionLayer } from '../../../../src/embedded/sip/transaction/index.ts';
import {
  type Hop,
  type ListenerInfo,
  type Source,
  Transports,
  type TransportsOptions,
} from '../../../../src/embedded/sip/transport/index.ts';
import { systemClock } from '../../../../src/time/clock.ts';
import { systemRandom } from '../../../../src/time/random.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

/** Sockets have no event for everything that a test waits for: a counter, the last byte read by a peer. */
const until = (done: () => boolean): Promise<void> =>
  vi.waitFor(
    () => {
      if (!done()) throw new Error(`not within five seconds: ${done}`);
    },
    { timeout: 5_000, interval: 1 },
  );

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Opened {
  readonly transports: Transports;
  readonly received: { message: SipMessage; source: Source }[];
  at(protocol: 'udp' | 'tcp'): ListenerInfo;
  /** Waits for the next message, or for one that has come already and was not waited for. */
  next(): Promise<{ message: SipMessage; source: Source }>;
}

async function open(options: Partial<TransportsOptions> = {}): Promise<Opened> {
  const transports = await Transports.open({
    listen: 'udp://127.0.0.1:0,tcp://127.0.0.1:0',
    clock: systemClock,
    random: systemRandom,
    ...options,
  });
  cleanups.push(() => transports.close());
  const received: Opened['received'] = [];
  let taken = 0;
  transports.on('message', (delivery) => received.push(delivery));
  return {
    transports,
    received,
    at: (protocol) => {
      const listener = transports.listeners().find((info) => info.protocol === protocol);
      if (!listener) throw new Error(`no ${protocol} listener`);
      return listener;
    },
    next: async () => {
      await until(() => received.length > taken);
      return received[taken++] as Opened['received'][number];
    },
  };
}

async function udpPeer(
  address = '127.0.0.2',
): Promise<{ socket: UdpSocket; port: number; next: () => Promise<string> }> {
  const socket = createSocket('udp4');
  socket.bind(0, address);
  await once(socket, 'listening');
  cleanups.push(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  const got: string[] = [];
  socket.on('message', (bytes) => got.push(bytes.toString()));
  return {
    socket,
    port: socket.address().port,
    next: async () => {
      await until(() => got.length > 0);
      return got.shift() as string;
    },
  };
}

function reader(socket: Socket): {
  text: () => string;
  until: (part: string) => Promise<string>;
  closed: Promise<unknown>;
} {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString();
  });
  socket.on('error', () => undefined);
  return {
    text: () => text,
    until: async (part) => {
      await until(() => text.includes(part));
      return text;
    },
    closed: new Promise((resolve) => socket.on('close', resolve)),
  };
}

async function tcpPeer(to: ListenerInfo) {
  const socket = connect({ host: to.address, port: to.port, localAddress: '127.0.0.2' });
  cleanups.push(() => socket.destroy());
  const read = reader(socket);
  await once(socket, 'connect');
  return { socket, ...read };
}

async function tcpServer(address = '127.0.0.2'): Promise<{ server: Server; hop: Hop; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket));
  server.listen(0, address);
  await once(server, 'listening');
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('not bound');
  return { server, sockets, hop: { protocol: 'tcp', address, port: bound.port } };
}

const text = (method = 'OPTIONS', via = 'SIP/2.0/UDP 10.0.0.1:5999;branch=z9hG4bK1'): string =>
  [
    `${method} sip:a@127.0.0.1 SIP/2.0`,
    `Via: ${via}`,
    'From: <sip:b@127.0.0.2>;tag=1',
    'To: <sip:a@127.0.0.1>',
    'Call-ID: c',
    `CSeq: 1 ${method}`,
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n');

const ours = (): SipRequest =>
  new SipRequest(
    'OPTIONS',
    'sip:b@127.0.0.2',
    Headers.from([
      ['Via', 'SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx'],
      ['From', '<sip:a@127.0.0.1>;tag=1'],
      ['To', '<sip:b@127.0.0.2>'],
      ['Call-ID', 'c'],
      ['CSeq', '1 OPTIONS'],
    ]),
  );

describe('UDP', () => {
  it('receives, notes where it came from, and answers there whatever the Via claims', async () => {
    const { transports, at, next } = await open();
    const phone = await udpPeer();
    phone.socket.send(text(), at('udp').port, '127.0.0.1');
    const { message, source } = await next();
    expect(source).toEqual({
      protocol: 'udp',
      address: '127.0.0.2',
      port: phone.port,
      localAddress: '127.0.0.1',
      localPort: at('udp').port,
    });
    expect(message.headers.get('Via')).toBe(
      `SIP/2.0/UDP 10.0.0.1:5999;branch=z9hG4bK1;rport=${phone.port};received=127.0.0.2`,
    );
    const response = responseTo(message as SipRequest, 200, { toTag: 't' });
    await transports.sendResponse(printMessage(response), source, response);
    expect(await phone.next()).toContain('SIP/2.0 200 OK');
    expect(transports.counters).toMatchObject({ received: 1, sent: 1, sendErrors: 0 });
  });

  it('answers from the listener at which the request came in', async () => {
    const { transports, next } = await open({ listen: 'udp://127.0.0.1:0,udp://127.0.0.1:0' });
    const [, second] = transports.listeners();
    const phone = await udpPeer();
    phone.socket.send(text(), second?.port ?? 0, '127.0.0.1');
    const { message, source } = await next();
    const from = once(phone.socket, 'message');
    const response = responseTo(message as SipRequest, 200);
    expect(await transports.sendResponse(printMessage(response), source, response)).toMatchObject({
      port: second?.port,
    });
    expect((await from)[1]).toMatchObject({ address: '127.0.0.1', port: second?.port });
  });

  it('drops garbage and counts it, and ignores keep-alives', async () => {
    const { transports, at, next, received } = await open();
    const phone = await udpPeer();
    const junk = [
      'hello',
      '\r\n\r\n',
      '\0',
      'GET / HTTP/1.1\r\n\r\n',
      '\x80\x00RTP',
      text('ACK').replace('CSeq: 1', 'CSeq:'),
    ];
    for (const packet of [...junk, text()]) phone.socket.send(packet, at('udp').port, '127.0.0.1');
    await next();
    expect(received).toHaveLength(1);
    expect(transports.counters).toMatchObject({ keepAlives: 2, malformed: 0, dropped: { garbage: 4 } });
  });

  it('drops responses to requests that are not ours, RFC 3261 §18.1.2', async () => {
    const { transports, at, next } = await open();
    const phone = await udpPeer();
    const response = (via: string) => text('OPTIONS', via).replace(/^OPTIONS.*/, 'SIP/2.0 200 OK');
    phone.socket.send(response('SIP/2.0/UDP 127.0.0.9:5060;branch=z9hG4bK1'), at('udp').port, '127.0.0.1');
    phone.socket.send(response(`SIP/2.0/UDP 127.0.0.1:${at('udp').port};branch=z9hG4bK1`), at('udp').port, '127.0.0.1');
    expect((await next()).message).toMatchObject({ kind: 'response', status: 200 });
    expect(transports.counters.dropped['stray-response']).toBe(1);
  });

  it('reports what does not fit into a datagram, and what cannot be reached', async () => {
    const { transports } = await open();
    const hop: Hop = { protocol: 'udp', address: '127.0.0.2', port: 5999 };
    await expect(transports.send(Buffer.alloc(65_508), hop)).rejects.toMatchObject({ code: 'too-large' });
    await expect(transports.send(Buffer.alloc(10), { ...hop, address: '::1' })).rejects.toMatchObject({
      code: 'no-listener',
    });
    await expect(transports.send(Buffer.alloc(10), { ...hop, protocol: 'tls' })).rejects.toMatchObject({
      code: 'no-listener',
    });
    expect(transports.counters.sendErrors).toBe(3);
  });
});

describe('TCP', () => {
  it('receives over one connection, in whatever pieces, and answers on it', async () => {
    const { transports, at, next } = await open();
    const phone = await tcpPeer(at('tcp'));
    const bytes = Buffer.from(text('OPTIONS', 'SIP/2.0/TCP 10.0.0.1;branch=z9hG4bK1') + text('INFO'));
    phone.socket.setNoDelay(true);
    for (let from = 0; from < bytes.length; from += 37) phone.socket.write(bytes.subarray(from, from + 37));
    const { message, source } = await next();
    expect((await next()).message).toMatchObject({ method: 'INFO' });
    expect(source).toMatchObject({ protocol: 'tcp', address: '127.0.0.2', connection: expect.any(Number) });
    expect(message.via.params.get('rport')).toBe(String(source.port));
    const response = responseTo(message as SipRequest, 200);
    await transports.sendResponse(printMessage(response), source, response);
    await phone.until('200 OK');
    expect(transports.connections).toBe(1);
  });

  it('answers a ping, RFC 5626 §3.5.1', async () => {
    const { at, transports } = await open();
    const phone = await tcpPeer(at('tcp'));
    phone.socket.write('\r\n\r\n');
    expect(await phone.until('\r\n')).toBe('\r\n');
    expect(transports.counters.keepAlives).toBe(1);
  });

  it('opens one connection for many messages to the same peer, and reads what comes back on it', async () => {
    const { transports, next } = await open();
    const { hop, sockets } = await tcpServer();
    const sent = await Promise.all([1, 2, 3].map(() => transports.send(printMessage(ours()), hop)));
    expect(sent[0]).toMatchObject({ protocol: 'tcp', address: '127.0.0.1' });
    expect(sockets).toHaveLength(1);
    expect(sockets[0]?.remoteAddress).toBe('127.0.0.1');
    sockets[0]?.write(text());
    expect((await next()).source).toMatchObject({ address: '127.0.0.2', port: hop.port });
    expect(transports.connections).toBe(1);
  });

  it('answers on a new connection to the port of the Via when the old one is gone, RFC 3261 §18.2.2', async () => {
    const { transports, at, next } = await open();
    const { hop, sockets } = await tcpServer();
    const phone = await tcpPeer(at('tcp'));
    phone.socket.write(text('OPTIONS', `SIP/2.0/TCP 127.0.0.2:${hop.port};branch=z9hG4bK1`));
    const { message, source } = await next();
    phone.socket.destroy();
    await until(() => transports.connections === 0);
    const response = responseTo(message as SipRequest, 200);
    await transports.sendResponse(printMessage(response), source, response);
    await until(() => sockets.length === 1);
    await reader(sockets[0] as Socket).until('200 OK');
  });

  it('reports a refused connection', async () => {
    const { transports } = await open();
    const { server, hop } = await tcpServer();
    await new Promise((resolve) => server.close(resolve));
    await expect(transports.send(printMessage(ours()), hop)).rejects.toMatchObject({
      name: 'TransportError',
      code: 'unreachable',
      message: expect.stringContaining(`tcp 127.0.0.2:${hop.port}`),
    });
    expect(transports.connections).toBe(0);
  });

  it('tells when a connection closes', async () => {
    const { transports, at, next } = await open();
    const closed: unknown[] = [];
    transports.on('closed', (event) => closed.push(event));
    const phone = await tcpPeer(at('tcp'));
    phone.socket.write(text());
    const { source } = await next();
    phone.socket.end();
    await until(() => closed.length > 0);
    expect(closed).toEqual([{ connection: source.connection, protocol: 'tcp' }]);
  });

  it('closes on what is not SIP', async () => {
    const { transports, at } = await open();
    for (const junk of ['\x16\x03\x01\x02\x00', 'GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n']) {
      const stranger = await tcpPeer(at('tcp'));
      stranger.socket.write(Buffer.from(junk, 'latin1'));
      await stranger.closed;
      expect(stranger.text()).toBe('');
    }
    expect(transports.connections).toBe(0);
    expect(transports.counters.dropped).toMatchObject({ framing: 1, garbage: 1 });
  });

  it('answers 400 to a message without Content-Length, 513 to one over the limit, and closes', async () => {
    const { transports, at } = await open({ limits: { bodyBytes: 1000 } });
    const layer = new TransactionLayer({
      transports,
      clock: systemClock,
      random: systemRandom,
      user: {
        onRequest: () => undefined,
        onAck: () => undefined,
        onCancel: () => undefined,
        onStrayResponse: () => undefined,
      },
    });
    cleanups.push(() => layer.close());
    for (const [line, status] of [
      ['X: y', 400],
      ['Content-Length: 1001', 513],
    ] as const) {
      const phone = await tcpPeer(at('tcp'));
      phone.socket.write(text().replace('Content-Length: 0', line));
      await phone.closed;
      expect(phone.text()).toMatch(new RegExp(`^SIP/2.0 ${status} `));
    }
  });

  it('refuses connections over the limit', async () => {
    const { transports, at } = await open({ limits: { connections: 1 } });
    await tcpPeer(at('tcp'));
    await (await tcpPeer(at('tcp'))).closed;
    expect(transports.counters.dropped['connection-limit']).toBe(1);
    const { hop } = await tcpServer();
    await expect(transports.send(printMessage(ours()), hop)).rejects.toThrow('too many connections');
  });

  it('closes connections that are mute, stuck in a message, or idle for long', async () => {
    const clock = new FakeClock();
    const { transports, at, next } = await open({ clock, limits: { messageMs: 30_000, idleMs: 600_000 } });
    const mute = await tcpPeer(at('tcp'));
    const stuck = await tcpPeer(at('tcp'));
    const good = await tcpPeer(at('tcp'));
    good.socket.write(text());
    await next();
    stuck.socket.write(text());
    await next();
    stuck.socket.write(text().slice(0, 50));
    mute.socket.write('\r\n\r\n');
    await mute.until('\r\n');
    await until(() => transports.connections === 3);
    clock.advance(30_000);
    expect(transports.counters.dropped.idle).toBe(0);
    clock.advance(10_000);
    await Promise.all([mute.closed, stuck.closed]);
    await until(() => transports.connections === 1);
    clock.advance(560_000);
    expect(transports.counters.dropped.idle).toBe(2);
    clock.advance(10_000);
    await good.closed;
    await until(() => transports.connections === 0);
    expect([transports.counters.dropped.idle, clock.pending]).toEqual([3, 0]);
  });

  it('gives up on a peer that does not read', async () => {
    const { transports } = await open({ limits: { unsentBytes: 1000 } });
    const { hop, sockets } = await tcpServer();
    await transports.send(printMessage(ours()), hop);
    sockets[0]?.pause();
    const big = Buffer.alloc(1_000_000, 'x');
    const results: unknown[] = [];
    while (!results.some((result) => result instanceof Error)) {
      transports.send(big, hop).then(
        () => results.push('sent'),
        (error: unknown) => results.push(error),
      );
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(results.find((result) => result instanceof Error)).toMatchObject({ code: 'closed' });
    await until(() => transports.connections === 0);
    expect(transports.counters.dropped['slow-reader']).toBe(1);
  });
});

describe('Transports', () => {
  it('reports the ports that the system chose, and is free of them after close', async () => {
    const { transports, at } = await open();
    const { port } = at('tcp');
    expect(port).toBeGreaterThan(0);
    expect(at('udp')).toMatchObject({ protocol: 'udp', address: '127.0.0.1', advertised: '127.0.0.1' });
    await transports.close();
    const again = await open({ listen: `tcp://127.0.0.1:${port}` });
    expect(again.at('tcp').port).toBe(port);
  });

  it('says which port is in use, and leaves none of the others bound', async () => {
    const { at } = await open();
    for (const protocol of ['udp', 'tcp'] as const) {
      const free = await udpPeer('127.0.0.1');
      const { port } = free;
      free.socket.close();
      cleanups.pop();
      await once(free.socket, 'close');
      const listen = `udp://127.0.0.1:${port},${protocol}://127.0.0.1:${at(protocol).port}`;
      await expect(Transports.open({ listen, clock: systemClock, random: systemRandom })).rejects.toMatchObject({
        name: 'UserError',
        code: 'port-in-use',
        message: `${protocol}://127.0.0.1:${at(protocol).port} is in use by another program`,
      });
      await open({ listen: `udp://127.0.0.1:${port}` });
    }
  });

  it.each([
    ['udp://192.0.2.1:5060', 'sip-listen'],
    ['tcp://192.0.2.1:5060', 'sip-listen'],
    ['tls://127.0.0.1:0', 'sip-tls'],
    ['wss://127.0.0.1:0', 'sip-tls'],
  ])('says what is wrong with %s', async (listen, code) => {
    await expect(Transports.open({ listen, clock: systemClock, random: systemRandom })).rejects.toMatchObject({
      name: 'UserError',
      code,
      hint: expect.any(String),
    });
  });

  it('speaks IPv6', async () => {
    const { at, next, transports } = await open({ listen: 'udp://[::1]:0,tcp://[::1]:0' });
    const hop: Hop = { protocol: 'udp', address: '::1', port: at('udp').port };
    await transports.send(Buffer.from(text()), hop);
    const { message, source } = await next();
    expect(source).toMatchObject({ address: '::1', localAddress: '::1' });
    expect(message.via.params.get('received')).toBe('::1');
    expect(await transports.resolve(parseSipUri('sip:a@[::1]:5070'))).toEqual([
      { protocol: 'udp', address: '::1', port: 5070 },
    ]);
  });

  it('carries a call’s messages between two transaction layers', async () => {
    const events: string[] = [];
    const one = await open({ listen: 'tcp://127.0.0.1:0' });
    const two = await open({ listen: 'udp://127.0.0.2:0,tcp://127.0.0.2:0' });
    const nobody = {
      onRequest: () => undefined,
      onAck: () => undefined,
      onCancel: () => undefined,
      onStrayResponse: () => undefined,
    };
    const base = { clock: systemClock, random: systemRandom, timers: { t1: 20, t2: 40, t4: 50, d: 100 } };
    const caller = new TransactionLayer({ ...base, transports: one.transports, user: nobody });
    const callee = new TransactionLayer({
      ...base,
      transports: two.transports,
      user: {
        ...nobody,
        onRequest: (tx) => {
          events.push(tx.request.method);
          void tx.respond(responseTo(tx.request, 180, { toTag: tx.toTag }));
        },
        onCancel: (invite) => {
          events.push('cancel');
          void invite.respond(responseTo(invite.request, 487, { toTag: invite.toTag }));
        },
      },
    });
    cleanups.push(
      () => callee.close(),
      () => caller.close(),
    );
    const hop: Hop = { protocol: 'tcp', address: '127.0.0.2', port: two.at('tcp').port };
    const invite = ours();
    invite.method = 'INVITE';
    invite.headers.remove('Via').set('CSeq', '1 INVITE');
    const final = await new Promise<SipResponse>((resolve, reject) => {
      const tx = caller.request(invite, hop, {
        response: (response) => {
          events.push(String(response.status));
          if (response.status === 180) tx.cancel();
          else resolve(response);
        },
        timeout: () => reject(new Error('timeout')),
        transportError: reject,
      });
    });
    expect(final.status).toBe(487);
    expect(events).toEqual(['INVITE', '180', 'cancel', '487']);
    const none = { clientInvite: 0, clientOther: 0, serverInvite: 0, serverOther: 0 };
    await until(() =>
      Object.values({ ...caller.stats() })
        .concat(Object.values({ ...callee.stats() }))
        .every((n) => n === 0),
    );
    expect([caller.stats(), callee.stats()]).toEqual([none, none]);
    expect(two.received.map(({ message }) => (message as SipRequest).method)).toEqual(['INVITE', 'CANCEL', 'ACK']);
  });
});
