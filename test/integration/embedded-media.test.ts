import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedMediaOptions, startEmbeddedMedia } from '../../src/embedded/media/index.ts';
import { parseReport } from '../../src/embedded/media/rtp/rtcp.ts';
import type { ConferenceMixer } from '../../src/media/conference.ts';
import type { MediaServer } from '../../src/media/port.ts';
import { freePortRange } from '../support/ports.ts';
import { RtpPeer, talkBothWays } from '../support/rtp-peer.ts';

const TONE = { tone: { hz: [700], cadence: [60_000, 0] } };

describe('embedded media server', () => {
  const undo: (() => Promise<unknown>)[] = [];
  /** Node tells of each thread that is started: the audio threads come first, converters later. */
  const workers: Worker[] = [];
  const note = (worker: Worker) => workers.push(worker);
  let directory: string;

  beforeEach(async () => {
    process.on('worker', note);
    directory = await mkdtemp(join(tmpdir(), 'km-media-'));
    undo.push(() => rm(directory, { recursive: true }));
  });
  afterEach(async () => {
    process.off('worker', note);
    for (const action of undo.splice(0).toReversed()) await action();
    workers.length = 0;
  });

  const start = async (options: Partial<EmbeddedMediaOptions> = {}): Promise<MediaServer & ConferenceMixer> => {
    const ports = await freePortRange(20);
    const server = await startEmbeddedMedia({ address: '127.0.0.1', ports, audioCacheDir: directory, ...options });
    undo.push(() => server.close());
    return server;
  };
  const phone = async (): Promise<RtpPeer> => {
    const peer = await RtpPeer.open();
    undo.push(() => peer.close());
    return peer;
  };
  const call = async (server: MediaServer, callId: string) => {
    const peer = await phone();
    const endpoint = await server.createEndpoint({ callId, remoteSdp: peer.sdp() });
    peer.connect(endpoint.localSdp);
    return { phone: peer, endpoint };
  };

  it('loses only the endpoints of a worker that dies, says so, and starts another when it is needed', async () => {
    const warnings: string[] = [];
    const log = { info: () => undefined, warn: (_fields: object, message: string) => warnings.push(message) };
    const server = await start({ workers: 2, log });
    const [first, second] = [await call(server, 'a'), await call(server, 'b')];
    const playback = first.endpoint.play([TONE]);
    second.endpoint.play([TONE]);
    await Promise.all([first.phone.hears(700), second.phone.hears(700)]);
    await first.endpoint.bridge(second.endpoint);
    const digits = expect(first.endpoint.sendDtmf('1234567890')).rejects.toMatchObject({ code: 'server-gone' });
    const gone = new Promise<{ reason: string }>((resolve) => void first.endpoint.on('gone', resolve));

    await workers[0]?.terminate();

    expect((await gone).reason).toEqual(expect.any(String));
    expect(await playback.ended).toMatchObject({ reason: 'endpointGone' });
    await digits;
    expect(warnings).toEqual(['media worker died']);
    await expect(first.endpoint.stats()).rejects.toMatchObject({ code: 'endpoint-gone' });
    await first.endpoint.destroy();
    expect(await server.stats()).toMatchObject({ endpoints: 1, bridges: 0, playbacks: 1 });
    second.phone.forget();
    await second.phone.hears(700);

    const third = await call(server, 'c');
    expect(workers).toHaveLength(3);
    third.endpoint.play([TONE]);
    await third.phone.hears(700);
    await third.endpoint.bridge(second.endpoint);
  });

  it('says that a conference is lost with its worker, and keeps those who come from others', async () => {
    const server = await start({ workers: 2 });
    const [first, second] = [await call(server, 'a'), await call(server, 'b')];
    const conference = await server.createConference({ callId: 'a' });
    await conference.join(first.endpoint);
    await conference.join(second.endpoint);
    first.phone.talk(500);
    second.phone.talk(700);
    await Promise.all([first.phone.hears(700), second.phone.hears(500)]);
    await workers[0]?.terminate();
    expect(await conference.lost).toEqual(expect.any(String));
    expect(conference.size).toBe(0);
    await expect(conference.join(second.endpoint)).rejects.toMatchObject({ code: 'server-gone' });
    expect(await server.stats()).toMatchObject({ endpoints: 1, bridges: 0, conferences: 0 });
    const again = await server.createConference({ callId: 'b' });
    const third = await call(server, 'c');
    third.phone.talk(900);
    await again.join(second.endpoint);
    await again.join(third.endpoint);
    await Promise.all([second.phone.hears(900), third.phone.hears(700)]);
  });

  it('goes on when the only worker died', async () => {
    const server = await start({ workers: 1 });
    const before = await call(server, 'a');
    const gone = new Promise((resolve) => void before.endpoint.on('gone', resolve));
    await workers[0]?.terminate();
    await gone;
    expect(await server.stats()).toMatchObject({ endpoints: 0, rejected: 0 });
    const [a, b] = [await call(server, 'b'), await call(server, 'b')];
    await a.endpoint.bridge(b.endpoint);
    await talkBothWays(a.phone, b.phone);
  });

  it('places the endpoints of one call in one worker, those of others in the emptiest', async () => {
    const ports = await freePortRange(40);
    const middle = ports.from + 40;
    const server = await start({ workers: 2, ports });
    const workerOf = ({ localSdp }: { localSdp: string }) =>
      Number(/m=audio (\d+)/.exec(localSdp)?.[1]) < middle ? 0 : 1;
    const made = ['a', 'b', 'a', 'a', 'c', 'b'].map((callId) => server.createEndpoint({ callId }));
    expect((await Promise.all(made)).map(workerOf)).toEqual([0, 1, 0, 0, 1, 1]);
  });

  it('has an endpoint ready when one is needed, without a word with its thread', async () => {
    const server = await start({ workers: 1 });
    const first = await server.createEndpoint({ callId: 'a' });
    await first.destroy();
    let isLater = false;
    setImmediate(() => {
      isLater = true;
    });
    await server.createEndpoint({ callId: 'b' });
    expect(isLater).toBe(false);
    expect(await server.stats()).toMatchObject({ endpoints: 1 });
  });

  it('uses the ports of another worker when those of the own are used up', async () => {
    const server = await start({ workers: 2, ports: await freePortRange(4) });
    for (let i = 0; i < 4; i++) await server.createEndpoint({ callId: 'a' });
    await expect(server.createEndpoint({ callId: 'a' })).rejects.toMatchObject({ code: 'no-port' });
  });

  it('passes over ports that another program has', async () => {
    const ports = await freePortRange(3);
    for (const port of [ports.from, ports.from + 3]) {
      const other = createSocket('udp4');
      other.bind({ address: '127.0.0.1', port, exclusive: true });
      await once(other, 'listening');
      undo.push(async () => other.close());
    }
    const server = await start({ workers: 1, ports });
    const endpoint = await server.createEndpoint({ callId: 'a' });
    expect(endpoint.localSdp).toContain(`m=audio ${ports.from + 4} `);
  });

  it('frees every port and every thread', async () => {
    const ports = await freePortRange(10);
    const server = await start({ workers: 2, ports });
    const exits = workers.map((worker) => once(worker, 'exit'));
    const calls = await Promise.all(Array.from({ length: 10 }, (_, i) => call(server, `c${i}`)));
    for (const { endpoint } of calls.slice(5)) endpoint.play([TONE]);
    await Promise.all(calls.slice(0, 5).map(({ endpoint }) => endpoint.destroy()));
    await server.close();
    await Promise.all(exits);
    for (let port = ports.from; port <= ports.to; port++) {
      const probe = createSocket('udp4');
      probe.bind({ address: '127.0.0.1', port, exclusive: true });
      await once(probe, 'listening');
      probe.close();
    }
  });

  it('says clearly what is wrong with its options', async () => {
    // TEST-NET-1: no machine has it.
    await expect(start({ address: '192.0.2.1' })).rejects.toMatchObject({
      name: 'UserError',
      code: 'media-address',
      hint: expect.any(String),
    });
    await expect(start({ ports: { from: 20_001, to: 20_002 } })).rejects.toMatchObject({ code: 'media-ports' });
    await expect(start({ workers: 4, ports: { from: 20_000, to: 20_005 } })).rejects.toMatchObject({
      code: 'media-ports',
    });
  });

  it('advertises the external address and binds its own', async () => {
    const server = await start({ externalIp: '203.0.113.5' });
    const endpoint = await server.createEndpoint({ callId: 'a' });
    expect(endpoint.localSdp).toContain('c=IN IP4 203.0.113.5');
  });

  it('speaks IPv6', async () => {
    const server = await start({ address: '::1' });
    const socket = createSocket('udp6');
    socket.bind(0, '::1');
    await once(socket, 'listening');
    undo.push(async () => socket.close());
    const remoteSdp = `v=0\r\nc=IN IP6 ::1\r\nm=audio ${socket.address().port} RTP/AVP 0\r\n`;
    const endpoint = await server.createEndpoint({ callId: 'a', remoteSdp });
    expect(endpoint.localSdp).toContain('c=IN IP6 ::1');
    endpoint.play([TONE]);
    const [bytes] = (await once(socket, 'message')) as [Buffer];
    expect(bytes).toHaveLength(172);
  });

  it('keeps the pace of 20 ms for seconds without drift', async () => {
    const server = await start();
    const { phone: listener, endpoint } = await call(server, 'a');
    await endpoint.play([{ tone: { hz: [700], cadence: [3000, 0] } }]).ended;
    await listener.until(
      () => listener.packets.length >= 150,
      1000,
      () => 'frames are missing',
    );
    const [first, last] = [listener.packets[0], listener.packets[149]];
    expect(Math.abs((last?.atMs ?? 0) - (first?.atMs ?? 0) - 149 * 20)).toBeLessThan(60);
    const timestamps = listener.packets.map((packet) => packet.timestamp);
    expect(timestamps.every((t, i) => i === 0 || (t - (timestamps[i - 1] ?? 0)) >>> 0 === 160)).toBe(true);
    const { pacingErrorMs } = await server.stats();
    expect(pacingErrorMs?.p50).toBeLessThan(10);
  });

  it('says goodbye by RTCP on the port that the peer named', async () => {
    const server = await start();
    const rtcp = createSocket('udp4');
    rtcp.bind(0, '127.0.0.1');
    await once(rtcp, 'listening');
    undo.push(async () => rtcp.close());
    const peer = await phone();
    const remoteSdp = peer.sdp({ attributes: [`a=rtcp:${rtcp.address().port}`] });
    const endpoint = await server.createEndpoint({ callId: 'a', remoteSdp });
    await endpoint.play([{ silenceMs: 100 }]).ended;
    const message = once(rtcp, 'message') as Promise<[Buffer]>;
    await endpoint.destroy();
    expect(parseReport((await message)[0])).toMatchObject({ bye: true, senderReport: { ssrc: peer.packets[0]?.ssrc } });
  });
});
