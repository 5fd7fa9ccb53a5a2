import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { startEmbeddedMedia } from '../../src/embedded/media/index.ts';
import type { Conference, ConferenceMixer } from '../../src/media/conference.ts';
import type { Endpoint, MediaServer } from '../../src/media/port.ts';
import { freePortRange } from '../support/ports.ts';
import type { Figure } from './figure.ts';
import type { FromLoad, LoadFigures, ToLoad } from './media-load.ts';

/** Of a conference. */
const PARTICIPANTS = 10;

export interface MediaBenchOptions {
  /** Bridged calls of two phones each. */
  readonly calls?: number;
  /** Of each part. */
  readonly seconds?: number;
}

/**
 * 100 bridged G.711 calls with audio; the same through bare sockets, as the baseline; their 200 parties in conferences of ten; and 200 endpoints that hear a tone. Processor time is
 * that of this process with its media worker; the phones live in another one.
 * BENCH_SECONDS and BENCH_CALLS are the defaults.
 */
export async function run({
  calls = Number(process.env.BENCH_CALLS ?? 100),
  seconds = Number(process.env.BENCH_SECONDS ?? 60),
}: MediaBenchOptions = {}): Promise<Figure[]> {
  const directory = await mkdtemp(join(tmpdir(), 'km-bench-'));
  const server = await startEmbeddedMedia({
    address: '127.0.0.1',
    ports: await freePortRange(4 * calls),
    workers: 1,
    audioCacheDir: directory,
  });
  try {
    const bridged = await bridgedCalls(server, calls, seconds);
    const bare = await bareForwarding(calls, seconds);
    const meeting = await inConferences(server, 2 * calls, seconds);
    const playing = await playingToAll(server, 2 * calls, seconds);
    return [
      { name: 'media: bridged calls', value: calls, unit: 'calls' },
      { name: 'media: packets relayed', value: bridged.load.received / seconds, unit: 'packets/s' },
      { name: 'media: packets lost', value: lossPercent(bridged.load), unit: '%' },
      { name: 'media: relay transit p50', value: bridged.load.transitMs.p50, unit: 'ms' },
      { name: 'media: relay transit p99', value: bridged.load.transitMs.p99, unit: 'ms' },
      { name: 'media: relay pacing error p99', value: bridged.load.pacingErrorMs.p99, unit: 'ms' },
      {
        name: 'media: CPU per call-second, bridged',
        value: (1000 * bridged.cpuSeconds) / (calls * seconds),
        unit: 'ms',
      },
      { name: 'media: CPU per call-minute, bridged', value: (60 * bridged.cpuSeconds) / (calls * seconds), unit: 's' },
      {
        name: 'media baseline: CPU per call-second, bare dgram',
        value: (1000 * bare.cpuSeconds) / (calls * seconds),
        unit: 'ms',
      },
      { name: 'media baseline: packets lost, bare dgram', value: lossPercent(bare.load), unit: '%' },
      { name: 'media baseline: transit p99, bare dgram', value: bare.load.transitMs.p99, unit: 'ms' },
      { name: 'media: conferences of ten', value: Math.ceil((2 * calls) / PARTICIPANTS), unit: 'conferences' },
      {
        name: 'media: CPU per participant-second, conference',
        value: (1000 * meeting.cpuSeconds) / (2 * calls * seconds),
        unit: 'ms',
      },
      { name: 'media: endpoints hearing a tone', value: 2 * calls, unit: 'endpoints' },
      { name: 'media: frame pacing error p50', value: playing.pacing.p50, unit: 'ms' },
      { name: 'media: frame pacing error p99', value: playing.pacing.p99, unit: 'ms' },
      { name: 'media: frame pacing error max', value: playing.pacing.max, unit: 'ms' },
      { name: 'media: CPU per playing second', value: (1000 * playing.cpuSeconds) / (2 * calls * seconds), unit: 'ms' },
      { name: 'media: memory per bridged call', value: bridged.bytesPerCall / 1024, unit: 'KiB' },
    ];
  } finally {
    await server.close();
    await rm(directory, { recursive: true, force: true });
  }
}

export const lossPercent = ({ sent, received }: LoadFigures) => (100 * (sent - received)) / sent;

async function bridgedCalls(server: MediaServer, calls: number, seconds: number) {
  return withPhones(2 * calls, async (phonePorts, talk) => {
    const before = process.memoryUsage().rss;
    const endpoints = await endpointsFor(server, phonePorts);
    for (let i = 0; i < endpoints.length; i += 2) await endpoints[i]?.bridge(endpoints[i + 1] as Endpoint);
    const { load, cpuSeconds } = await measured(() => talk(endpoints.map(portOf), seconds));
    const bytesPerCall = Math.max(0, process.memoryUsage().rss - before) / calls;
    await Promise.all(endpoints.map((endpoint) => endpoint.destroy()));
    return { load, cpuSeconds, bytesPerCall };
  });
}

/** Each of them talks all the time. */
async function inConferences(server: MediaServer & ConferenceMixer, participants: number, seconds: number) {
  return withPhones(participants, async (phonePorts, talk) => {
    const endpoints = await endpointsFor(server, phonePorts);
    const conferences: Conference[] = [];
    for (const [i, endpoint] of endpoints.entries()) {
      if (i % PARTICIPANTS === 0) conferences.push(await server.createConference({ callId: `meeting-${i}` }));
      await conferences.at(-1)?.join(endpoint);
    }
    const result = await measured(() => talk(endpoints.map(portOf), seconds));
    await Promise.all(conferences.map((conference) => conference.end()));
    await Promise.all(endpoints.map((endpoint) => endpoint.destroy()));
    return result;
  });
}

async function bareForwarding(calls: number, seconds: number) {
  return withPhones(2 * calls, async (phonePorts, talk) => {
    const worker = new Worker(new URL('./media-baseline.ts', import.meta.url), { workerData: phonePorts });
    const [ports] = (await once(worker, 'message')) as [number[]];
    const result = await measured(() => talk(ports, seconds));
    worker.postMessage('end');
    await once(worker, 'exit');
    return result;
  });
}

/** Nobody needs to listen to measure when frames leave; the phones only give the addresses. */
async function playingToAll(server: MediaServer, endpoints: number, seconds: number) {
  return withPhones(endpoints, async (phonePorts) => {
    const listening = await endpointsFor(server, phonePorts);
    const cpu = process.cpuUsage();
    const tone = { tone: { hz: [425], cadence: [1000, 0], ms: seconds * 1000 } };
    await Promise.all(listening.map((endpoint) => endpoint.play([tone]).ended));
    const { user, system } = process.cpuUsage(cpu);
    const { pacingErrorMs } = await server.stats();
    if (!pacingErrorMs) throw new Error('no frame was sent');
    await Promise.all(listening.map((endpoint) => endpoint.destroy()));
    return { pacing: pacingErrorMs, cpuSeconds: (user + system) / 1e6 };
  });
}

export async function measured(action: () => Promise<LoadFigures>): Promise<{ load: LoadFigures; cpuSeconds: number }> {
  const cpu = process.cpuUsage();
  const load = await action();
  const { user, system } = process.cpuUsage(cpu);
  return { load, cpuSeconds: (user + system) / 1e6 };
}

export type Talk = (ports: readonly number[], seconds: number) => Promise<LoadFigures>;

export async function withPhones<T>(
  phones: number,
  action: (ports: readonly number[], talk: Talk) => Promise<T>,
): Promise<T> {
  const child = fork(new URL('./media-load.ts', import.meta.url), { execArgv: [] });
  const ask = async <K extends FromLoad['did']>(message: ToLoad, answer: K): Promise<Extract<FromLoad, { did: K }>> => {
    child.send(message);
    const [reply] = (await once(child, 'message')) as [FromLoad];
    if (reply.did !== answer) throw new Error(`the load process answered ${reply.did} instead of ${answer}`);
    return reply as Extract<FromLoad, { did: K }>;
  };
  try {
    const { ports } = await ask({ do: 'open', phones }, 'open');
    return await action(ports, async (to, seconds) => (await ask({ do: 'talk', ports: to, seconds }, 'talk')).figures);
  } finally {
    child.send({ do: 'end' } satisfies ToLoad);
    await once(child, 'exit');
  }
}

export const endpointsFor = (server: MediaServer, phonePorts: readonly number[]): Promise<Endpoint[]> =>
  Promise.all(
    phonePorts.map((port, i) => server.createEndpoint({ callId: `bench-${i >> 1}`, remoteSdp: offerOf(port) })),
  );

const offerOf = (port: number) =>
  `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${port} RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n`;

export const portOf = ({ localSdp }: Endpoint) => Number(/^m=audio (\d+)/m.exec(localSdp)?.[1]);

if (import.meta.main) console.table(await run());
