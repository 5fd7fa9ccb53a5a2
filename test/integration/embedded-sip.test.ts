import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { type EmbeddedSip, type EmbeddedSipOptions, startEmbeddedSip } from '../../src/embedded/sip/index.ts';
import { SipThread } from '../../src/embedded/sip/sip-thread.ts';
import { SipPeer } from '../contract/drachtio/peer.ts';
import { eventually } from '../support/wait.ts';

const started: EmbeddedSip[] = [];
afterEach(async () => {
  for (const server of started.splice(0)) await server.close();
});

async function start(
  options: Partial<EmbeddedSipOptions> = {},
): Promise<EmbeddedSip & { sip: { host: string; port: number } }> {
  const server = await startEmbeddedSip({ listen: ['udp://127.0.0.1:0'], ...options });
  started.push(server);
  const { address = '', port = 0 } = server.listeners[0] ?? {};
  return { ...server, sip: { host: address, port } };
}

describe('startEmbeddedSip', () => {
  it('says where it listens, on ports that the system chose', async () => {
    const server = await start({ listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0'] });
    expect(server.listeners.map(({ protocol }) => protocol)).toEqual(['udp', 'tcp']);
    expect(server.listeners.every(({ port }) => port > 0)).toBe(true);
  });

  it('makes a new secret of 128 bits each time', async () => {
    const [first, second] = [await start(), await start()];
    expect(first.secret).toMatch(/^[0-9a-f]{32}$/);
    expect(second.secret).not.toBe(first.secret);
  });

  it('takes clients on 127.0.0.1 and nowhere else', async () => {
    const { host, port } = await start();
    expect(host).toBe('127.0.0.1');
    expect(await connects(host, port)).toBe(true);
    expect(await connects('127.0.0.2', port)).toBe(false);
  });

  it.each(['udp', 'tcp'])(
    'tells who starts it that a %s port is in use, and leaves nothing running',
    async (protocol) => {
      const { listeners } = await start({ listen: [`${protocol}://127.0.0.1:0`] });
      const address = `${protocol}://127.0.0.1:${listeners[0]?.port}`;
      await expect(startEmbeddedSip({ listen: ['udp://127.0.0.1:0', address] })).rejects.toMatchObject({
        name: 'UserError',
        code: 'port-in-use',
        message: expect.stringContaining(address),
        hint: expect.stringContaining('Stop the program'),
      });
    },
  );

  it('tells that its control port is in use', async () => {
    const { host, port } = await start();
    const second = startEmbeddedSip({ listen: ['udp://127.0.0.1:0'], control: { host, port } });
    await expect(second).rejects.toMatchObject({ code: 'port-in-use', message: expect.stringContaining(String(port)) });
  });

  it('frees its ports when closed', async () => {
    const first = await startEmbeddedSip({ listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0'] });
    await first.close();
    await first.close();
    const listen = first.listeners.map(({ protocol, port }) => `${protocol}://127.0.0.1:${port}`);
    await start({ listen, control: { host: first.host, port: first.port } });
    await expect(first.stats()).rejects.toThrow();
  });

  it('answers while the main thread is busy', async () => {
    const { sip } = await start();
    const answered = new Worker(
      `const { createSocket } = require('node:dgram');
       const { parentPort, workerData: { port } } = require('node:worker_threads');
       const socket = createSocket('udp4');
       socket.bind(0, '127.0.0.1', () => {
         const own = socket.address().port;
         const text = ['OPTIONS sip:x@127.0.0.1 SIP/2.0', 'Via: SIP/2.0/UDP 127.0.0.1:' + own + ';branch=z9hG4bK1', 'From: <sip:a@b>;tag=1',
           'To: <sip:x@y>', 'Call-ID: 1', 'CSeq: 1 OPTIONS', '', ''].join('\\r\\n');
         parentPort.once('message', () => {
           const sent = performance.now();
           socket.once('message', () => { parentPort.postMessage(performance.now() - sent); socket.close(); });
           socket.send(text, port, '127.0.0.1');
         });
         parentPort.postMessage('ready');
       });`,
      { eval: true, workerData: { port: sip.port }, execArgv: [] },
    );
    await new Promise((resolve) => answered.once('message', resolve));
    const waited = new Promise<number>((resolve) => answered.once('message', resolve));
    answered.postMessage('go');
    busy(500);
    expect(await waited).toBeLessThan(400);
    await answered.terminate();
  });

  it('counts what it drops', async () => {
    const { sip, stats } = await start();
    const peer = await SipPeer.open(sip);
    peer.sendText('nonsense\r\n\r\n');
    await eventually('the garbage to be counted', stats, ({ counters }) => counters.transport.dropped.garbage === 1);
    peer.close();
  });
});

describe('the thread of the server', () => {
  const crashing = () => new Worker('setTimeout(() => { throw new Error("boom"); }, 20)', { eval: true, execArgv: [] });

  it('reports its crash to the log and to its owner, and lets nobody wait', async () => {
    const logged: unknown[] = [];
    const log = { warn: () => undefined, error: (...line: unknown[]) => void logged.push(line.at(-1)) };
    const crashed = Promise.withResolvers<Error>();
    const thread = new SipThread(crashing(), log, crashed.resolve);
    await expect(thread.stats()).rejects.toThrow('boom');
    expect((await crashed.promise).message).toBe('boom');
    expect(logged).toEqual(['the SIP server has crashed: its calls are lost']);
    await thread.close();
  });

  it('that dies while it is being closed has closed', async () => {
    const thread = new SipThread(crashing(), undefined, () => expect.unreachable('it was to be closed'));
    await thread.close();
  });
});

function connects(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** What a main thread does that parses a large file: nothing else for so many milliseconds. */
function busy(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
