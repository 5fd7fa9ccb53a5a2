import { beforeEach, describe, expect, it } from 'vitest';
import { clipOf } from '../../../../../src/embedded/media/dsp/clip.ts';
import { g711 } from '../../../../../src/embedded/media/dsp/g711.ts';
import type { FromWorker } from '../../../../../src/embedded/media/protocol.ts';
import { RtpPacket, writeHeader } from '../../../../../src/embedded/media/rtp/packet.ts';
import { parseReport, writeReport } from '../../../../../src/embedded/media/rtp/rtcp.ts';
import { MediaCore } from '../../../../../src/embedded/media/worker/media-core.ts';
import type { DatagramReceiver } from '../../../../../src/embedded/media/worker/port-pair.ts';
import { PortRange } from '../../../../../src/embedded/media/worker/port-range.ts';
import { readRemote } from '../../../../../src/media/sdp/session.ts';
import { FakeClock } from '../../../../support/fake-clock.ts';
import { seededRandom } from '../../../../support/seeded-random.ts';

const PEER = '192.0.2.1';
/** What is looked after twice a second is noticed so late. */
const within = (from: number, to: number) => expect.toSatisfy((ms: number) => ms >= from && ms <= to);

interface Sent {
  readonly atMs: number;
  readonly bytes: Uint8Array;
  readonly port: number;
}

/** A worker's core on a clock that is set by hand, with sockets that only note what they are given. */
class Bench {
  readonly clock = new FakeClock();
  readonly events: Extract<FromWorker, { endpoint: number }>[] = [];
  readonly rtp = new Map<number, Sent[]>();
  readonly rtcp = new Map<number, Sent[]>();
  readonly receivers = new Map<number, DatagramReceiver>();
  readonly closed: number[] = [];
  readonly core = new MediaCore({
    worker: 0,
    clock: this.clock,
    random: seededRandom(),
    ports: new PortRange({ from: 20_000, to: 20_099 }),
    bind: async (port, receiver) => {
      const [rtp, rtcp]: Sent[][] = [[], []];
      this.receivers.set(port, receiver);
      this.rtp.set(port, rtp ?? []);
      this.rtcp.set(port, rtcp ?? []);
      const note = (where: Sent[] | undefined, bytes: Uint8Array, to: number) =>
        where?.push({ atMs: this.clock.monotonic(), bytes: bytes.slice(), port: to });
      return {
        port,
        sendRtp: (bytes, offset, end, to) => void note(rtp, bytes.subarray(offset, end), to),
        sendRtcp: (bytes, to) => void note(rtcp, bytes, to),
        close: async () => void this.closed.push(port),
      };
    },
    clips: { load: async () => clipOf(new Int16Array(1600).fill(1000)) },
    spandsp: undefined,
    makeFile: () => Promise.reject(new Error('no files here')),
    emit: (event) => void this.events.push(event),
  });

  /** An endpoint whose peer receives at `192.0.2.1:port`. @returns its own port */
  async open(endpoint: number, port: number, attributes = ''): Promise<number> {
    const { handlers } = this.core;
    const opened = await handlers.open({ endpoint });
    await this.negotiate(endpoint, port, attributes);
    return opened.port;
  }

  async negotiate(endpoint: number, port: number, attributes = ''): Promise<void> {
    const sdp = `v=0\r\nc=IN IP4 ${PEER}\r\nm=audio ${port} RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n${attributes}`;
    const { agreement } = readRemote(sdp, { codecs: ['pcma', 'pcmu'], dtmf: 'rfc2833', family: 4 });
    await this.core.handlers.configure({
      ...{ endpoint, dtmf: 'rfc2833', key: '' },
      parameters: agreement.parameters,
    });
  }

  /** A packet from the peer. @param sample each of its bytes */
  receive(ourPort: number, peerPort: number, sequence: number, sample = 0): void {
    const bytes = new Uint8Array(172).fill(sample);
    writeHeader(bytes, 0, false, 8, sequence, sequence * 160, 5);
    this.receivers.get(ourPort)?.onRtp(bytes, PEER, peerPort);
  }

  timestamps(port: number): number[] {
    const packet = new RtpPacket();
    return (this.rtp.get(port) ?? []).map(({ bytes }) => (packet.parse(bytes) ? packet.timestamp : -1));
  }
}

describe('MediaCore', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });

  it('sends a frame every 20 ms to the microsecond, and ends 20 ms after the last one', async () => {
    const port = await bench.open(1, 4000);
    await bench.core.handlers.play({
      endpoint: 1,
      playback: 7,
      sources: [{ tone: { hz: [425], cadence: [100, 0] } }],
      loop: false,
      startAtMs: 0,
    });
    bench.clock.advance(1000);
    const sent = bench.rtp.get(port) ?? [];
    expect(sent).toHaveLength(5);
    const [first = 0] = sent.map(({ atMs }) => atMs);
    expect(sent.map(({ atMs }) => atMs - first)).toEqual([0, 20, 40, 60, 80]);
    const [begin = 0, ...rest] = bench.timestamps(port);
    expect(rest.map((timestamp) => (timestamp - begin) >>> 0)).toEqual([160, 320, 480, 640]);
    expect(bench.events).toEqual([
      { kind: 'played', endpoint: 1, playback: 7, end: { reason: 'finished', playedMs: 100 } },
    ]);
    expect((await bench.core.handlers.stats(undefined)).lateness.maxMs).toBe(0);
  });

  it('keeps one timer for any number of endpoints, and none when they are gone', async () => {
    for (let endpoint = 1; endpoint <= 20; endpoint++) {
      await bench.open(endpoint, 4000 + 2 * endpoint);
      const sources = [{ tone: { hz: [425], cadence: [60_000, 0] } }];
      await bench.core.handlers.play({ endpoint, playback: 1, sources, loop: false, startAtMs: 0 });
    }
    bench.clock.advance(500);
    // The pacer's, and that of the reports.
    expect(bench.clock.pending).toBe(2);
    for (let endpoint = 1; endpoint <= 20; endpoint++) await bench.core.handlers.destroy({ endpoint });
    bench.clock.advance(20);
    expect(bench.clock.pending).toBe(0);
    expect(bench.closed).toHaveLength(20);
    expect(await bench.core.handlers.stats(undefined)).toMatchObject({ connected: 0, playbacks: 0 });
  });

  it('mixes a conference every 20 ms, each without himself, and stops when the last one has left', async () => {
    const { handlers } = bench.core;
    const ports = [await bench.open(1, 4000), await bench.open(2, 4002), await bench.open(3, 4004)] as const;
    await handlers.conference({ conference: 10 });
    for (const endpoint of [1, 2, 3]) {
      const seat = 10 + endpoint;
      await handlers.seat({ conference: 10, seat, to: { worker: 0, endpoint } });
      await handlers.connect({ endpoint, to: { worker: 0, endpoint: seat }, passDtmf: false });
    }
    expect(await handlers.stats(undefined)).toMatchObject({ connected: 3, conferences: 1, seats: 3 });
    for (let n = 0; n < 10; n++) {
      bench.receive(ports[0], 4000, n, 0x80);
      bench.receive(ports[1], 4002, n, 0x90);
      bench.clock.advance(20);
    }
    const last = (port: number) => bench.rtp.get(port)?.at(-1)?.bytes.at(-1);
    const samples = new Int16Array(2);
    g711.pcma.decode(Uint8Array.of(0x80, 0x90), samples);
    const both = new Uint8Array(1);
    g711.pcma.encode(Int16Array.of((samples[0] ?? 0) + (samples[1] ?? 0)), both);
    expect(ports.map(last)).toEqual([0x90, 0x80, both[0]]);
    for (const port of ports) {
      const [begin = 0, ...rest] = bench.timestamps(port);
      expect(rest.map((timestamp) => (timestamp - begin) >>> 0)).toEqual(rest.map((_, i) => 160 * (i + 1)));
    }
    await handlers.mute({ conference: 10, seat: 11, on: true });
    bench.receive(ports[0], 4000, 10, 0x80);
    bench.receive(ports[1], 4002, 10, 0x90);
    bench.clock.advance(20);
    expect(ports.map(last)).toEqual([0x90, 0xd5, 0x90]);
    await handlers.endConference({ conference: 10 });
    const sent = ports.map((port) => bench.rtp.get(port)?.length);
    bench.clock.advance(200);
    expect(ports.map((port) => bench.rtp.get(port)?.length)).toEqual(sent);
    expect(await handlers.stats(undefined)).toMatchObject({ conferences: 0, seats: 0 });
    await expect(async () =>
      handlers.seat({ conference: 10, seat: 20, to: { worker: 0, endpoint: 1 } }),
    ).rejects.toThrow('Conference 10 is over');
  });

  it('has no timer for endpoints that wait for a peer', async () => {
    await bench.open(1, 4000);
    await bench.core.handlers.open({ endpoint: 2 });
    await bench.core.handlers.destroy({ endpoint: 1 });
    expect(bench.clock.pending).toBe(0);
    await bench.negotiate(2, 4002);
    expect(bench.clock.pending).toBe(1);
  });

  it('sends nothing to a peer who is elsewhere, no report either, until he is back', async () => {
    const port = await bench.open(1, 4000);
    for (let n = 0; n < 10; n++) bench.receive(port, 4000, n);
    const sources = [{ tone: { hz: [425], cadence: [60_000, 0] } }];
    await bench.core.handlers.play({ endpoint: 1, playback: 1, sources, loop: false, startAtMs: 0 });
    await bench.core.handlers.bypass({ endpoint: 1 });
    bench.clock.advance(30_000);
    expect([bench.rtp.get(port), bench.rtcp.get(port)]).toEqual([[], []]);
    await bench.negotiate(1, 4000);
    bench.clock.advance(10_000);
    expect(bench.rtp.get(port)?.length).toBeGreaterThan(490);
    expect(bench.rtcp.get(port)?.length).toBeGreaterThan(0);
    await bench.core.handlers.bypass({ endpoint: 1 });
    await bench.core.handlers.stop({ endpoint: 1, playback: 1 });
    bench.clock.advance(1000);
    expect(bench.clock.pending).toBe(0);
  });

  it('reports every 5 s on average by RTCP on the next port, and says goodbye (RFC 3550 §6.2)', async () => {
    const port = await bench.open(1, 4000);
    for (let n = 0; n < 10; n++) bench.receive(port, 4000, n);
    await bench.core.handlers.play({
      endpoint: 1,
      playback: 1,
      sources: [{ silenceMs: 60_000 }],
      loop: false,
      startAtMs: 0,
    });
    bench.clock.advance(60_000);
    const reports = bench.rtcp.get(port) ?? [];
    expect(reports.length).toBeGreaterThanOrEqual(8);
    expect(reports.length).toBeLessThanOrEqual(20);
    for (const { bytes, port: to } of reports) {
      expect(to).toBe(4001);
      expect(parseReport(bytes)).toMatchObject({ senderReport: { ssrc: expect.any(Number) }, bye: false });
    }
    await bench.core.handlers.destroy({ endpoint: 1 });
    expect(parseReport((bench.rtcp.get(port) ?? []).at(-1)?.bytes ?? new Uint8Array())).toMatchObject({ bye: true });
  });

  describe('a peer who is expected to send', () => {
    const limits = { firstMs: 60_000, thenMs: 300_000, pauseMs: 0 };
    const silences = () => bench.events.filter(({ kind }) => kind === 'silent');
    let port: number;
    beforeEach(async () => {
      port = await bench.open(1, 4000);
    });
    const expectMedia = () => bench.core.handlers.expectMedia({ endpoint: 1, limits });

    it('and never does is told of after a minute, once', async () => {
      // While it rang nobody expected him.
      bench.clock.advance(100_000);
      await expectMedia();
      bench.clock.advance(59_000);
      expect(silences()).toEqual([]);
      bench.clock.advance(1500);
      expect(silences()).toEqual([{ kind: 'silent', endpoint: 1, event: { ms: within(60_000, 60_500) } }]);
      bench.clock.advance(600_000);
      expect(silences()).toHaveLength(1);
    });

    it('and has done so may be silent for longer', async () => {
      await expectMedia();
      bench.clock.advance(50_000);
      for (let n = 0; n < 10; n++) bench.receive(port, 4000, n);
      bench.clock.advance(299_000);
      expect(silences()).toEqual([]);
      bench.receive(port, 4000, 10);
      bench.clock.advance(299_000);
      expect(silences()).toEqual([]);
      bench.clock.advance(1500);
      expect(silences()).toHaveLength(1);
    });

    it('is there while he reports by RTCP, although he says nothing', async () => {
      await expectMedia();
      for (let n = 0; n < 10; n++) bench.receive(port, 4000, n);
      const report = writeReport({ ssrc: 5, cname: 'peer' });
      for (let n = 0; n < 100; n++) {
        bench.clock.advance(10_000);
        bench.receivers.get(port)?.onRtcp(report, PEER, 4001);
      }
      expect(silences()).toEqual([]);
    });

    it.each([
      ['holds', 'a=sendonly\r\n'],
      ['holds, and is silent', 'a=inactive\r\n'],
      ['only wants to listen', 'a=recvonly\r\n'],
    ])('need not when he %s; the time begins anew after it', async (_what, attributes) => {
      await expectMedia();
      bench.clock.advance(30_000);
      await bench.negotiate(1, 4000, attributes);
      bench.clock.advance(600_000);
      await bench.negotiate(1, 4000);
      bench.clock.advance(59_000);
      expect(silences()).toEqual([]);
      bench.clock.advance(2000);
      expect(silences()).toHaveLength(1);
    });

    it('may be silent for ever where nothing is said of it', async () => {
      bench.clock.advance(3600_000);
      await bench.core.handlers.expectMedia({ endpoint: 1, limits: { firstMs: 0, thenMs: 0, pauseMs: 0 } });
      bench.clock.advance(3600_000);
      expect(silences()).toEqual([]);
    });
  });

  describe('a pause', () => {
    const pauses = () =>
      bench.events.flatMap((event): (number | 'resumed')[] =>
        event.kind === 'paused' ? [event.event.ms] : event.kind === 'resumed' ? ['resumed'] : [],
      );
    let port: number;
    beforeEach(async () => {
      port = await bench.open(1, 4000);
      await bench.core.handlers.expectMedia({ endpoint: 1, limits: { firstMs: 0, thenMs: 0, pauseMs: 2000 } });
    });

    it('is told of after two seconds, and again after longer and longer ones, while it lasts', () => {
      bench.clock.advance(1900);
      expect(pauses()).toEqual([]);
      bench.clock.advance(28_100);
      expect(pauses()).toEqual([2000, 4000, 8000, 16_000, 24_000].map((ms) => within(ms, ms + 500)));
    });

    it('of many calls that began together is not told of all in one moment', async () => {
      for (let endpoint = 2; endpoint <= 40; endpoint++) {
        await bench.open(endpoint, 4000 + 2 * endpoint);
        await bench.core.handlers.expectMedia({ endpoint, limits: { firstMs: 0, thenMs: 0, pauseMs: 2000 } });
      }
      const together: number[] = [];
      for (let ms = 0; ms < 2500; ms += 20) {
        const before = pauses().length;
        bench.clock.advance(20);
        together.push(pauses().length - before);
      }
      expect(pauses()).toHaveLength(40);
      expect(Math.max(...together)).toBe(2);
    });

    it('begins with the last packet, ends with the next, be it of RTP or RTCP, and may begin again', () => {
      const report = writeReport({ ssrc: 5, cname: 'peer' });
      for (const comes of [
        () => bench.receive(port, 4000, 1),
        () => bench.receivers.get(port)?.onRtcp(report, PEER, 4001),
      ]) {
        bench.events.length = 0;
        bench.receive(port, 4000, 0);
        bench.events.length = 0;
        bench.clock.advance(2500);
        comes();
        bench.clock.advance(1000);
        comes();
        expect(pauses()).toEqual([within(2000, 2500), 'resumed']);
      }
    });

    it.each([
      ['holds', 'a=sendonly\r\n'],
      ['holds, and is silent', 'a=inactive\r\n'],
    ])('is one also of a peer who %s', async (_what, attributes) => {
      bench.receive(port, 4000, 1);
      await bench.negotiate(1, 4000, attributes);
      bench.clock.advance(2500);
      expect(pauses()).toHaveLength(1);
    });
  });

  it('sends RTCP to where the peer sends it from', async () => {
    const port = await bench.open(1, 4000);
    bench.receive(port, 4000, 1);
    const report = Uint8Array.from([0x80, 201, 0, 1, 0, 0, 0, 5]);
    bench.receivers.get(port)?.onRtcp(report, PEER, 4777);
    bench.receivers.get(port)?.onRtcp(report, '198.51.100.1', 4888);
    bench.clock.advance(8000);
    expect((bench.rtcp.get(port) ?? []).map((sent) => sent.port)).toContain(4777);
    expect((bench.rtcp.get(port) ?? []).map((sent) => sent.port)).not.toContain(4888);
    expect(await bench.core.handlers.endpointStats({ endpoint: 1 })).toMatchObject({ rejected: 1 });
  });

  it('shares the port of RTP with RTCP if the peer wants it (RFC 5761 §4)', async () => {
    const port = await bench.open(1, 4000, 'a=rtcp-mux\r\n');
    bench.receive(port, 4000, 1);
    bench.receivers.get(port)?.onRtp(Uint8Array.from([0x80, 201, 0, 1, 0, 0, 0, 5]), PEER, 4000);
    bench.clock.advance(8000);
    expect(bench.rtcp.get(port)).toEqual([]);
    const reports = (bench.rtp.get(port) ?? []).filter(({ bytes }) => parseReport(bytes));
    expect(reports.length).toBeGreaterThanOrEqual(1);
    expect(reports.every((sent) => sent.port === 4000)).toBe(true);
    expect(await bench.core.handlers.endpointStats({ endpoint: 1 })).toMatchObject({ packetsIn: 1, rejected: 0 });
  });

  it('relays a packet in the moment in which it comes', async () => {
    const [a, b] = [await bench.open(1, 4000), await bench.open(2, 5000)];
    await bench.core.handlers.connect({ endpoint: 1, to: { worker: 0, endpoint: 2 }, passDtmf: true });
    bench.clock.advance(7);
    bench.receive(a, 4000, 1);
    expect(bench.rtp.get(b)).toMatchObject([{ atMs: 7, port: 5000 }]);
    expect(bench.rtp.get(a)).toEqual([]);
  });

  it('relays nothing more to an endpoint that was destroyed', async () => {
    const [a, b] = [await bench.open(1, 4000), await bench.open(2, 5000)];
    await bench.core.handlers.connect({ endpoint: 1, to: { worker: 0, endpoint: 2 }, passDtmf: true });
    await bench.core.handlers.destroy({ endpoint: 2 });
    bench.receive(a, 4000, 1);
    expect(bench.rtp.get(b)).toEqual([]);
  });

  it('drops what comes before the first negotiation, and counts it for nothing', async () => {
    const { port } = await bench.core.handlers.open({ endpoint: 1 });
    bench.receive(port, 4000, 1);
    expect(await bench.core.handlers.endpointStats({ endpoint: 1 })).toMatchObject({ packetsIn: 0, rejected: 0 });
    await bench.negotiate(1, 4000);
    bench.receive(port, 4000, 2);
    expect(bench.events).toEqual([{ kind: 'media', endpoint: 1, event: { address: PEER, port: 4000 } }]);
  });

  it('refuses what is asked of an endpoint that does not exist', async () => {
    const asked = [
      () => bench.core.handlers.stop({ endpoint: 9, playback: 1 }),
      () => bench.core.handlers.endpointStats({ endpoint: 9 }),
      () => bench.core.handlers.connect({ endpoint: 9, to: { worker: 0, endpoint: 9 }, passDtmf: true }),
    ];
    for (const ask of asked) expect(ask).toThrow(expect.objectContaining({ code: 'endpoint-gone' }));
    await bench.core.handlers.destroy({ endpoint: 9 });
  });
});
