/** Signal processing on one core: how many calls it could listen to, and how long a prompt takes from file to wire format. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAudioFiles } from '../../src/embedded/media/dsp/audio-files.ts';
import { convertAudio } from '../../src/embedded/media/dsp/convert.ts';
import { createDtmfDetector } from '../../src/embedded/media/dsp/dtmf.ts';
import { alawDecode, alawEncode } from '../../src/embedded/media/dsp/g711.ts';
import { isMissing, loadSpandsp } from '../../src/embedded/media/dsp/spandsp.ts';
import { toneSource } from '../../src/embedded/media/dsp/tone.ts';
import { systemClock } from '../../src/time/clock.ts';

interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

const FRAME = 160;
const FRAME_MS = 20;
/** Long enough for the JIT and for a steady figure, short enough for a bench of many parts. */
const ROUNDS = 50_000;

const prompt = join(import.meta.dirname, '../../schemes/demo/audio/welcome.wav');
const mp3 = join(import.meta.dirname, '../data/audio/stereo-44100.mp3');

export async function run(): Promise<Figure[]> {
  return [...frames(), ...(await clips())];
}

function frames(): Figure[] {
  const { alaw, linear } = speech();
  const bytes = new Uint8Array(FRAME);
  const tone = toneSource({ hz: [425], cadence: [1000, 4000], ms: Number.POSITIVE_INFINITY });
  const figures = [
    channels('A-law decoding', () => alawDecode(alaw, linear)),
    channels('A-law encoding', () => alawEncode(linear, bytes)),
    channels('tone generation', () => tone.read(linear)),
  ];
  const spandsp = loadSpandsp();
  if (isMissing(spandsp)) return figures;
  const detectors = Array.from({ length: 100 }, () => createDtmfDetector(spandsp));
  let next = 0;
  alawDecode(alaw, linear);
  figures.push(channels('DTMF detection', () => detectors[next++ % detectors.length]?.process(linear)));
  for (const detector of detectors) detector.close();
  return figures;
}

/** A frame that is no silence, so that no branch is spared. */
function speech() {
  const linear = new Int16Array(FRAME);
  toneSource({ hz: [200, 450, 1100], cadence: [], ms: FRAME_MS }).read(linear);
  const alaw = new Uint8Array(FRAME);
  alawEncode(linear, alaw);
  return { alaw, linear };
}

/** Calls per core whose 20 ms frames could be handled in time. */
function channels(name: string, work: () => unknown): Figure {
  for (let i = 0; i < ROUNDS / 5; i++) work();
  const start = process.cpuUsage();
  for (let i = 0; i < ROUNDS; i++) work();
  const { user, system } = process.cpuUsage(start);
  return { name, value: Math.round((FRAME_MS * 1000 * ROUNDS) / (user + system)), unit: 'channels per core' };
}

async function clips(): Promise<Figure[]> {
  const cacheDirectory = mkdtempSync(join(tmpdir(), 'bench-clips-'));
  const load = async () => {
    const files = createAudioFiles({ clock: systemClock, cacheDirectory });
    const { ms } = await timed(() => files.load(prompt));
    const warm = await timed(async () => {
      for (let i = 0; i < 1000; i++) await files.load(prompt);
    });
    await files.close();
    return { first: ms, again: warm.ms };
  };
  try {
    await convertAudio(mp3);
    const { ms, value } = await timed(() => convertAudio(mp3));
    const cold = await load();
    const fromDisk = await load();
    return [
      { name: '44.1 kHz stereo MP3 to clip', value: round(value.ms / ms), unit: 'times real time' },
      { name: '17 s WAV to clip, with thread start', value: round(cold.first), unit: 'ms' },
      { name: '17 s clip from disk cache', value: round(fromDisk.first), unit: 'ms' },
      { name: 'clip from memory', value: round(fromDisk.again), unit: 'µs' },
    ];
  } finally {
    rmSync(cacheDirectory, { recursive: true });
  }
}

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; value: T }> {
  const start = performance.now();
  const value = await work();
  return { ms: performance.now() - start, value };
}

const round = (value: number) => Math.round(value * 10) / 10;
