import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedMedia } from '../../src/embedded/media/index.ts';
import type { Endpoint, MediaServer } from '../../src/media/port.ts';
import { Encoder } from '../../src/messages/recording/encoder.ts';
import { systemClock } from '../../src/time/clock.ts';
import { freePortRange } from '../support/ports.ts';
import type { Figure } from './figure.ts';
import { endpointsFor, lossPercent, measured, portOf, type Talk, withPhones } from './media.ts';

export interface RecordingBenchOptions {
  /** Bridged calls of two phones each, one end of each recorded in stereo. */
  readonly calls?: number;
  readonly seconds?: number;
}

/**
 * 50 bridged calls with audio, first as they are, then each recorded in stereo to the disk; in both parts as many endpoints hear a tone, whose frames must leave in time, and a process
 * beside has a pacer with nothing to do: what is late there is the machine's. Then one recording is encoded as an MP3. Processor time is that of this process with its media worker; the phones live in another one. BENCH_SECONDS is the default length.
 */
export async function run({
  calls = 50,
  seconds = Number(process.env.BENCH_SECONDS ?? 60),
}: RecordingBenchOptions = {}): Promise<Figure[]> {
  const directory = await mkdtemp(join(tmpdir(), 'km-bench-'));
  try {
    const plain = await bridged([]);
    const files = Array.from({ length: calls }, (_, i) => join(directory, `${i}.wav`));
    const recorded = await bridged(files);
    const expected = 44 + recorded.ms * 8 * 4;
    const { size } = await stat(files[0] ?? '');
    if (size !== expected) throw new Error(`a recording has ${size} bytes instead of ${expected}`);
    const encoded = await encoding(files[0] ?? '', recorded.ms / 60_000);
    const minutes = (calls * seconds) / 60;
    return [
      { name: 'recording: calls, each recorded in stereo', value: calls, unit: 'calls' },
      { name: 'recording: frame pacing error p50', value: recorded.pacing.p50, unit: 'ms' },
      { name: 'recording: frame pacing error p99', value: recorded.pacing.p99, unit: 'ms' },
      { name: 'recording: frame pacing error max', value: recorded.pacing.max, unit: 'ms' },
      { name: 'recording baseline: frame pacing error p99, nothing recorded', value: plain.pacing.p99, unit: 'ms' },
      { name: 'recording baseline: frame pacing error max, nothing recorded', value: plain.pacing.max, unit: 'ms' },
      {
        name: 'recording baseline: p99 of a pacer with nothing to do, meanwhile',
        value: recorded.idle.p99,
        unit: 'ms',
      },
      {
        name: 'recording baseline: max of a pacer with nothing to do, meanwhile',
        value: recorded.idle.max,
        unit: 'ms',
      },
      { name: 'recording: relay transit p99', value: recorded.load.transitMs.p99, unit: 'ms' },
      { name: 'recording baseline: relay transit p99, nothing recorded', value: plain.load.transitMs.p99, unit: 'ms' },
      { name: 'recording: packets lost', value: lossPercent(recorded.load), unit: '%' },
      {
        name: 'recording: CPU per recorded minute, beside that of the call',
        value: (1000 * (recorded.cpuSeconds - plain.cpuSeconds)) / minutes,
        unit: 'ms',
      },
      { name: 'recording baseline: CPU per call-minute', value: (1000 * plain.cpuSeconds) / minutes, unit: 'ms' },
      { name: 'recording: CPU per minute encoded to MP3', value: encoded.cpuMs, unit: 'ms' },
      { name: 'recording: MP3 per minute', value: encoded.bytes / 1024, unit: 'KiB' },
    ];
  } finally {
    await rm(directory, { recursive: true, force: true });
  }

  /** @param into a file for each call that is to be recorded */
  async function bridged(into: readonly string[]) {
    // A server tells of its last minute: each part has one of its own, or the figures of one would be in those of the other.
    const server = await startEmbeddedMedia({
      address: '127.0.0.1',
      ports: await freePortRange(6 * calls),
      workers: 1,
      audioCacheDir: directory,
    });
    try {
      return await withPhones(calls, (listeners) =>
        withPhones(2 * calls, (talkers, talk) => bridgedAmong(server, talkers, talk, listeners, into)),
      );
    } finally {
      await server.close();
    }
  }

  async function bridgedAmong(
    server: MediaServer,
    talkers: readonly number[],
    talk: Talk,
    listeners: readonly number[],
    into: readonly string[],
  ) {
    const endpoints = await endpointsFor(server, talkers);
    const listening = await endpointsFor(server, listeners);
    for (let i = 0; i < endpoints.length; i += 2) await endpoints[i]?.bridge(endpoints[i + 1] as Endpoint);
    for (const endpoint of listening) {
      endpoint.play([{ tone: { hz: [425], cadence: [1000, 0] } }], { loop: true });
    }
    const recordings = into.flatMap((file, i) => endpoints[2 * i]?.record({ file, sides: 'both' }) ?? []);
    const idlePacer = fork(new URL('./idle-pacer.ts', import.meta.url), { execArgv: [] });
    const { load, cpuSeconds } = await measured(() => talk(endpoints.map(portOf), seconds));
    idlePacer.send('end');
    const [idle] = (await once(idlePacer, 'message')) as [{ p99: number; max: number }];
    const { pacingErrorMs } = await server.stats();
    if (!pacingErrorMs) throw new Error('no frame was sent');
    const ends = await Promise.all(recordings.map((recording) => recording.stop()));
    const broken = ends.find(({ reason }) => reason !== 'stopped');
    if (broken) throw new Error(`a recording ended by itself: ${broken.error ?? broken.reason}`);
    await Promise.all([...endpoints, ...listening].map((endpoint) => endpoint.destroy()));
    return { load, cpuSeconds, idle, pacing: pacingErrorMs, ms: ends[0]?.ms ?? 0 };
  }
}

async function encoding(from: string, minutes: number): Promise<{ cpuMs: number; bytes: number }> {
  const encoder = new Encoder(systemClock);
  const file = { from, to: `${from}.mp3`, mono: false, kbps: 24 };
  // The first one starts the thread and compiles the encoder.
  await encoder.encode(file);
  const cpu = process.cpuUsage();
  const bytes = await encoder.encode(file);
  const { user, system } = process.cpuUsage(cpu);
  await encoder.close();
  return { cpuMs: (user + system) / 1000 / minutes, bytes: bytes / minutes };
}

if (import.meta.main) console.table(await run());
