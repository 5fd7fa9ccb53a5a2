import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeFrame, FrameReader } from '../../src/embedded/sip/protocol/frame.ts';
import { SipServer, type SipServerSettings } from '../../src/embedded/sip/sip-server.ts';
import { systemClock } from '../../src/time/clock.ts';
import { systemRandom } from '../../src/time/random.ts';
import { PeerDialog, SDP, SipPeer } from '../contract/drachtio/peer.ts';
import { eventually, Inbox } from '../support/wait.ts';

const SECRET = 'open sesame';
const toClose: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).toReversed()) await close();
});

/** A client of bare frames. */
class RawClient {
  readonly frames = new Inbox<string>('client');
  readonly closed: Promise<unknown>;
  readonly #socket: Socket;
  #next = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.closed = once(socket, 'close');
    const reader = new FrameReader();
    socket.on('data', (chunk) => {
      for (const payload of reader.read(chunk)) this.frames.push(payload.toString());
    });
    socket.on('error', () => undefined);
  }

  static async open(server: SipServer): Promise<RawClient> {
    const socket = connect(server.controlPort, '127.0.0.1');
    await once(socket, 'connect');
    toClose.push(() => void socket.destroy());
    return new RawClient(socket);
  }

  static async admitted(server: SipServer): Promise<RawClient> {
    const client = await RawClient.open(server);
    expect(await client.ask(`authenticate|${SECRET}|`)).toMatch(/^OK\|/);
    return client;
  }

  write(text: string): void {
    this.#socket.write(text);
  }

  /** Sends a command. @returns its answer, without id and leader fields before it */
  async ask(command: string, message?: string): Promise<string> {
    const id = `m${++this.#next}`;
    this.#socket.write(encodeFrame(`${id}|${command}`, message === undefined ? undefined : Buffer.from(message)));
    const { item } = await this.frames.find(`the answer to ${command}`, (frame) => frame.split('|')[2] === id);
    return item.slice(item.indexOf(id) + id.length + 1);
  }

  /** The next SIP frame whose message starts so. */
  async sip(start: string): Promise<{ transactionId: string; dialogId: string; message: string }> {
    const { item } = await this.frames.find(start, (frame) => frame.includes(`\r\n${start}`));
    const fields = item.split('\r')[0]?.split('|') ?? [];
    return { transactionId: fields[8] ?? '', dialogId: fields[9] ?? '', message: item.slice(item.indexOf('\n') + 1) };
  }

  close(): void {
    this.#socket.destroy();
  }
}

async function start(limits: SipServerSettings['limits'] = {}) {
  const warnings: string[] = [];
  const faults: unknown[] = [];
  const server = await SipServer.open(
    { listen: ['udp://127.0.0.1:0'], limits, timers: { t1: 25, t2: 200, t4: 250, d: 1600 } },
    {
      clock: systemClock,
      random: systemRandom,
      secret: SECRET,
      warn: (message) => warnings.push(message),
      onFault: (error) => faults.push(error),
    },
  );
  toClose.push(async () => {
    await server.close();
    expect(faults).toEqual([]);
  });
  const { address = '', port = 0 } = server.listeners()[0] ?? {};
  const peer = await SipPeer.open({ host: address, port });
  toClose.push(() => peer.close());
  return { server, peer, warnings };
}

describe('a client', () => {
  it('names the secret, and learns where the server listens and what it is', async () => {
    const { server } = await start();
    const client = await RawClient.open(server);
    const { port } = server.listeners()[0] ?? {};
    expect(await client.ask(`authenticate|${SECRET}|tag1,tag2`)).toBe(
      `OK|udp/127.0.0.1:${port}|v0.9.10-embedded|udp/127.0.0.1:${port}`,
    );
    expect(await client.ask('ping')).toBe('OK|pong');
  });

  it.each([
    ['a wrong secret', 'authenticate|wrong|', 'NO|incorrect secret'],
    ['a command before the secret', 'route|invite', 'NO|Invalid message format'],
    ['a command that does not exist', 'frobnicate', 'NO|Unknown message type'],
  ])('with %s is shown the door', async (_, command, answer) => {
    const { server, warnings } = await start();
    const client = await RawClient.open(server);
    expect(await client.ask(command)).toBe(answer);
    await client.closed;
    expect(warnings).toHaveLength(1);
    expect(warnings.join()).not.toContain(SECRET);
  });

  it.each(['GET / HTTP/1.1\r\n\r\n', '5000#', 'x'])('that writes %j is cut off', async (text) => {
    const { server } = await start();
    const client = await RawClient.open(server);
    client.write(text);
    await client.closed;
    expect(server.stats().clients).toBe(0);
  });

  it('may send long frames once it is admitted', async () => {
    const { server } = await start();
    const client = await RawClient.admitted(server);
    const message = `OPTIONS http://x SIP/2.0\r\nX-Long: ${'x'.repeat(100_000)}\r\n\r\n`;
    expect(await client.ask('sip||', message)).toMatch(/^NOK\|invalid request-uri/);
  });

  it('whose SIP part is broken gets an answer and stays', async () => {
    const { server } = await start();
    const client = await RawClient.admitted(server);
    expect(await client.ask('sip||', 'nonsense\r\n\r\n')).toMatch(/^NOK\|no SIP start line/);
    expect(await client.ask('ping')).toBe('OK|pong');
  });

  it('takes one route back and keeps the others', async () => {
    const { server, peer } = await start();
    const client = await RawClient.admitted(server);
    for (const command of ['route|options', 'route|message', 'route|message', 'remove_route|options']) {
      expect(await client.ask(command)).toBe('OK');
    }
    peer.request('OPTIONS');
    await peer.take('503 OPTIONS');
    peer.request('MESSAGE');
    await client.sip('MESSAGE');
  });

  it('that asks for a dialog which does not exist is told so in the words that drachtio-srf knows', async () => {
    const { server } = await start();
    const client = await RawClient.admitted(server);
    expect(await client.ask('sip||no;from-tag=such', 'BYE sip:placeholder SIP/2.0\r\n\r\n')).toMatch(
      /^NOK\|.*unable to find dialog/,
    );
    expect(await client.ask('sip|nosuch|', 'SIP/2.0 200 OK\r\n\r\n')).toBe(
      'NOK|Response not sent due to unknown transaction',
    );
    expect(await client.ask('sip|nosuch|', 'CANCEL sip:x SIP/2.0\r\n\r\n')).toBe(
      'NOK|unable to cancel unknown transaction id: nosuch',
    );
  });

  it('that leaves has its callers refused', async () => {
    const { server, peer } = await start();
    const client = await RawClient.admitted(server);
    await client.ask('route|invite');
    const invite = peer.request('INVITE', { body: SDP });
    await client.sip('INVITE');
    client.close();
    peer.hopByHop(invite, 'ACK', await peer.take('500 INVITE'));
  });
});

describe('a dialog whose client has left', () => {
  const connected = async (limits: SipServerSettings['limits']) => {
    const { server, peer } = await start(limits);
    const client = await RawClient.admitted(server);
    await client.ask('route|invite');
    const invite = peer.request('INVITE', { body: SDP });
    const { transactionId } = await client.sip('INVITE');
    const echo = await client.ask(`sip|${transactionId}|`, `SIP/2.0 200 OK\r\n\r\n${SDP}`);
    const theirs = PeerDialog.asCaller(peer, invite, await peer.take('200 INVITE'));
    theirs.send('ACK');
    await client.sip('ACK');
    client.close();
    await eventually(
      'the client to be gone',
      () => server.stats(),
      ({ clients }) => clients === 0,
    );
    return { server, peer, theirs, dialogId: echo.split('|')[8] ?? '' };
  };

  it('is hung up after a while', async () => {
    const { server, peer } = await connected({ orphanMs: 50 });
    const bye = await peer.take('BYE');
    expect(bye.headers.get('Reason')).toContain('application gone');
    peer.answer(bye, 200);
    expect(server.stats().dialogs).toBe(0);
  });

  it('belongs to the client that uses its id next', async () => {
    const { server, peer, dialogId, theirs } = await connected({ orphanMs: 100_000 });
    const another = await RawClient.admitted(server);
    expect(await another.ask(`sip||${dialogId}`, 'INFO sip:placeholder SIP/2.0\r\n\r\n')).toMatch(/^OK\|application/);
    peer.answer(await peer.take('INFO'), 200);
    theirs.send('BYE');
    expect((await another.sip('BYE')).dialogId).toBe(dialogId);
    expect(server.stats()).toMatchObject({ dialogs: 0, orphans: 0 });
  });
});

describe('a fast peer', () => {
  // The client makes its dialog when it reads the echo of the 200; an ACK before that would be lost on it.
  it('never has its ACK arrive before the echo of the answer', async () => {
    const { server, peer } = await start();
    const client = await RawClient.admitted(server);
    await client.ask('route|invite');
    for (let round = 0; round < 50; round++) {
      const mark = client.frames.items.length;
      const invite = peer.request('INVITE', { body: SDP });
      const { item } = await client.frames.find('INVITE', (frame) => frame.includes('\r\nINVITE'), mark);
      const transactionId = item.split('|')[8] ?? '';
      const answered = client.ask(`sip|${transactionId}|`, `SIP/2.0 200 OK\r\n\r\n${SDP}`);
      PeerDialog.asCaller(peer, invite, await peer.take('200 INVITE')).send('ACK');
      await client.frames.find('ACK', (frame) => frame.includes('\r\nACK'), mark);
      await answered;
      const order = client.frames.items.slice(mark).map((frame) => /\r\n(\S+ \d+|\S+)/.exec(frame)?.[1]);
      expect(order).toEqual(['INVITE', 'SIP/2.0 200', 'ACK']);
    }
  });
});
