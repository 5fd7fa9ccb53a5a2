import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AudioFiles, type AudioFilesOptions, createAudioFiles } from '../../src/embedded/media/dsp/audio-files.ts';
import { alawDecode, ulawDecode } from '../../src/embedded/media/dsp/g711.ts';
import { UserError } from '../../src/errors.ts';
import { systemClock } from '../../src/time/clock.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { levelDbm0, totalDbm0 } from '../support/goertzel.ts';

const fixture = (name: string) => join(import.meta.dirname, '../data/audio', name);
const HALF_SCALE_DBM0 = 3.14 - 6.02;

let directory: string;
const opened: AudioFiles[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'audio-'));
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((files) => files.close()));
  rmSync(directory, { recursive: true });
});

function open(options: Partial<AudioFilesOptions> = {}): AudioFiles {
  const files = createAudioFiles({ clock: systemClock, ...options });
  opened.push(files);
  return files;
}

const at = (name: string) => join(directory, name);

/** One second of a 1 kHz sine at half scale, written by sox. */
function sine(name: string, ...format: string[]): string {
  execFileSync(
    'sox',
    ['-D', '-n', '-r', '8000', '-b', '16', ...format, at(name), 'synth', '1', 'sine', '1000', 'vol', '0.5'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  return at(name);
}

function alawSamples(alaw: Uint8Array): Int16Array {
  const samples = new Int16Array(alaw.length);
  alawDecode(alaw, samples);
  return samples;
}

async function failure(promise: Promise<unknown>): Promise<UserError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  return error as UserError;
}

describe('formats', () => {
  it.each([
    ['16 bit, 8 kHz', []],
    ['8 bit unsigned', ['-b', '8', '-e', 'unsigned-integer']],
    ['24 bit', ['-b', '24']],
    ['32 bit', ['-b', '32']],
    ['32 bit float', ['-b', '32', '-e', 'floating-point']],
    ['64 bit float', ['-b', '64', '-e', 'floating-point']],
    ['A-law', ['-b', '8', '-e', 'a-law']],
    ['µ-law', ['-b', '8', '-e', 'mu-law']],
    ['stereo', ['-c', '2']],
    ['six channels (extensible)', ['-c', '6', '-b', '24']],
    ['16 kHz', ['-r', '16000']],
    ['22.05 kHz stereo', ['-r', '22050', '-c', '2']],
    ['44.1 kHz stereo', ['-r', '44100', '-c', '2']],
    ['48 kHz 24 bit', ['-r', '48000', '-b', '24']],
  ])('WAV %s', async (_, format) => {
    const clip = await open().load(sine('in.wav', ...format));
    expect(clip.samples).toBe(8000);
    expect(clip.ms).toBe(1000);
    const fromAlaw = alawSamples(clip.alaw);
    const fromUlaw = new Int16Array(8000);
    ulawDecode(clip.ulaw, fromUlaw);
    for (const samples of [fromAlaw, fromUlaw]) {
      expect(levelDbm0(samples, 1000)).toBeCloseTo(HALF_SCALE_DBM0, 0);
      // Everything else is the noise of G.711, some 38 dB down.
      expect(totalDbm0(samples)).toBeCloseTo(levelDbm0(samples, 1000), 1);
    }
  });

  it('codes 8 kHz speech exactly as sox does, sample by sample', async () => {
    const speech = join(import.meta.dirname, '../../schemes/demo/audio/welcome.wav');
    execFileSync('sox', ['-D', speech, '-r', '8000', at('8k.wav'), 'gain', '-3']);
    const raw = execFileSync('sox', ['-D', at('8k.wav'), '-t', 'raw', '-e', 'signed', '-b', '16', '-']);
    const clip = await open().load(at('8k.wav'));
    const samples = alawSamples(clip.alaw);
    expect(clip.samples).toBe(raw.length / 2);
    for (let i = 0; i < samples.length; i++) {
      const sample = raw.readInt16LE(2 * i);
      expect(Math.abs((samples[i] as number) - sample)).toBeLessThanOrEqual(Math.max(16, Math.abs(sample) / 16));
    }
  });

  it('MP3, 44.1 kHz stereo: both sides mixed to mono', async () => {
    const clip = await open().load(fixture('stereo-44100.mp3'));
    expect(clip.ms).toBeGreaterThan(990);
    expect(clip.ms).toBeLessThan(1100);
    const samples = alawSamples(clip.alaw).subarray(1600, 6400);
    // Each side is a sine at a quarter of full scale, so half of that in the mix.
    for (const hz of [700, 1600]) expect(levelDbm0(samples, hz), `${hz} Hz`).toBeCloseTo(3.14 - 18.06, 0);
  });

  it('MP3, 16 kHz mono, at its full level', async () => {
    const samples = alawSamples((await open().load(fixture('mono-16000.mp3'))).alaw).subarray(1600, 6400);
    expect(levelDbm0(samples, 1000)).toBeCloseTo(3.14 - 12.04, 0);
    expect(totalDbm0(samples)).toBeCloseTo(levelDbm0(samples, 1000), 0);
  });

  it('MP3 with tags and one damaged frame in the middle', async () => {
    const whole = readFileSync(fixture('stereo-44100.mp3'));
    const tag = Buffer.concat([Buffer.from('ID3\x03\x00\x00\x00\x00\x00\x10', 'latin1'), Buffer.alloc(16)]);
    whole.fill(0xaa, 4000, 4100);
    writeFileSync(at('tagged.mp3'), Buffer.concat([tag, whole]));
    expect((await open().load(at('tagged.mp3'))).ms).toBeGreaterThan(900);
  });

  it('WAV from a recorder that could not go back to write the length', async () => {
    const bytes = readFileSync(sine('in.wav'));
    bytes.writeUInt32LE(0xffffffff, 40);
    writeFileSync(at('streamed.wav'), bytes);
    expect((await open().load(at('streamed.wav'))).samples).toBe(8000);
  });
});

describe('files that cannot be played', () => {
  it.each([
    ['missing', 'audio-missing', /does not exist/, () => at('none.wav')],
    ['a directory', 'audio-unreadable', /not a regular file/, () => directory],
    ['empty', 'audio-empty', /0 bytes/, () => written('empty.wav', '')],
    ['text', 'audio-format', /neither WAV nor MP3/, () => written('text.wav', 'This is no audio.\n')],
    ['Ogg', 'audio-format', /is Ogg/, () => sineAs('in.ogg')],
    ['FLAC', 'audio-format', /is FLAC/, () => sineAs('in.flac')],
    ['GSM in WAV', 'audio-format', /GSM 6\.10/, () => sine('gsm.wav', '-e', 'gsm-full-rate', '-b', '16')],
    ['ADPCM in WAV', 'audio-format', /ADPCM/, () => sine('adpcm.wav', '-e', 'ms-adpcm', '-b', '4')],
    ['WAV of 1 kHz', 'audio-format', /1000 Hz/, () => sine('slow.wav', '-r', '1000')],
    ['WAV without samples', 'audio-empty', /0 s/, () => cut(44)],
    ['WAV cut in its header', 'audio-broken', /damaged format chunk/, () => cut(30)],
    ['WAV header only', 'audio-broken', /without audio data/, () => cut(12)],
    ['MP3 header and noise', 'audio-broken', /damaged|no frame/, () => written('noise.mp3', noise())],
    ['over 20 MB', 'audio-too-big', /20\.0 MB|20 MB/, () => big()],
  ])('%s: %s', async (_, code, message, make) => {
    const path = make();
    const error = await failure(open().load(path));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.message).toContain(path);
    expect(error.hint).toBeTruthy();
  });

  it('a format error says how to make it right', async () => {
    expect((await failure(open().load(written('text.wav', 'no audio')))).hint).toMatch(/MP3|sox/);
  });

  it('leave the loader usable', async () => {
    const files = open();
    await failure(files.load(written('noise.mp3', noise())));
    expect((await files.load(sine('good.wav'))).samples).toBe(8000);
  });

  function written(name: string, content: string | Buffer): string {
    writeFileSync(at(name), content);
    return at(name);
  }
  function sineAs(name: string): string {
    execFileSync('sox', [sine('in.wav'), at(name)]);
    return at(name);
  }
  function cut(bytes: number): string {
    truncateSync(sine('cut.wav'), bytes);
    return at('cut.wav');
  }
  function big(): string {
    truncateSync(sine('big.wav'), 20 * 1024 * 1024 + 1);
    return at('big.wav');
  }
  /** A valid frame header, then bytes that look random and are the same each time. */
  function noise(): Buffer {
    const bytes = Buffer.alloc(30_000);
    for (let i = 0, seed = 1; i < bytes.length; i++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      bytes[i] = seed >>> 24;
    }
    bytes.writeUInt32BE(0xfffb9000);
    return bytes;
  }
});

describe('caches', () => {
  const cacheDirectory = () => at('cache');
  const entries = () => readdirSync(cacheDirectory()).map((name) => join(cacheDirectory(), name));

  it('gives the same clip again without reading the file', async () => {
    const files = open();
    const path = sine('in.wav');
    const first = await files.load(path);
    expect(await files.load(path)).toBe(first);
    expect(files.stats()).toEqual({ clips: 1, bytes: 16_000 });
  });

  it('converts a file once for all who ask at the same time', async () => {
    const files = open();
    const path = sine('in.wav');
    const clips = await Promise.all(Array.from({ length: 20 }, () => files.load(path)));
    expect(new Set(clips).size).toBe(1);
  });

  it('takes a converted file from disk in the next run, even when the decoder could not read it any more', async () => {
    const path = sine('in.wav');
    const first = await open({ cacheDirectory: cacheDirectory() }).load(path);
    expect(entries()).toHaveLength(1);
    // Proof that it is the entry that is played: it is exchanged for another valid one.
    const other = await open({ cacheDirectory: at('other') }).load(sine('quiet.wav', '-r', '16000'));
    copyFileSync(join(at('other'), readdirSync(at('other'))[0] as string), entries()[0] as string);
    const second = await open({ cacheDirectory: cacheDirectory() }).load(path);
    expect(Buffer.compare(second.alaw, other.alaw)).toBe(0);
    expect(first.samples).toBe(second.samples);
  });

  it('notices a changed file, also one of the same size and time, and removes the old entry', async () => {
    const files = open({ cacheDirectory: cacheDirectory() });
    const path = sine('in.wav');
    const before = await files.load(path);
    const { size, atime, mtime } = statSync(path);
    execFileSync('sox', ['-D', '-n', '-r', '8000', '-b', '16', path, 'synth', '1', 'sine', '2000', 'vol', '0.5']);
    utimesSync(path, atime, mtime);
    expect(statSync(path).size).toBe(size);
    const after = await files.load(path);
    expect(levelDbm0(alawSamples(before.alaw), 1000)).toBeCloseTo(HALF_SCALE_DBM0, 0);
    expect(levelDbm0(alawSamples(after.alaw), 2000)).toBeCloseTo(HALF_SCALE_DBM0, 0);
    expect(entries()).toHaveLength(1);
    expect(files.stats()).toEqual({ clips: 1, bytes: 16_000 });
  });

  it.each([
    ['cut short', (entry: string) => truncateSync(entry, 5000)],
    ['empty', (entry: string) => truncateSync(entry, 0)],
    ['longer than it should be', (entry: string) => appendFileSync(entry, 'x')],
    ['with a wrong byte', (entry: string) => flip(entry, 9000)],
    ['of another version', (entry: string) => flip(entry, 7)],
  ])('heals a disk entry that is %s', async (_, damage) => {
    const path = sine('in.wav');
    const first = await open({ cacheDirectory: cacheDirectory() }).load(path);
    const good = readFileSync(entries()[0] as string);
    damage(entries()[0] as string);
    const warnings: unknown[] = [];
    const second = await open({
      cacheDirectory: cacheDirectory(),
      onWarning: (warning) => warnings.push(warning),
    }).load(path);
    expect(Buffer.compare(second.alaw, first.alaw)).toBe(0);
    expect(Buffer.compare(readFileSync(entries()[0] as string), good)).toBe(0);
    expect(entries()).toHaveLength(1);
    expect(warnings).toEqual([]);
  });

  function flip(entry: string, offset: number): void {
    const bytes = readFileSync(entry);
    bytes[offset] = (bytes[offset] as number) ^ 0xff;
    writeFileSync(entry, bytes);
  }

  it('plays without a disk cache when the directory cannot be used, and says so once', async () => {
    writeFileSync(at('cache'), 'a file where the directory should be');
    const warnings: { message: string; hint: string }[] = [];
    const files = open({ cacheDirectory: cacheDirectory(), onWarning: (warning) => warnings.push(warning) });
    expect((await files.load(sine('one.wav'))).samples).toBe(8000);
    expect((await files.load(sine('two.wav'))).samples).toBe(8000);
    expect(warnings).toEqual([
      { message: expect.stringContaining(cacheDirectory()), hint: expect.stringContaining('writable') },
    ]);
  });

  it('keeps the most recently used clips within the memory limit', async () => {
    const files = open({ memoryLimit: 33_000 });
    const paths = ['a.wav', 'b.wav', 'c.wav'].map((name) => sine(name));
    const [a, b, c] = paths as [string, string, string];
    const first = await files.load(a);
    await files.load(b);
    await files.load(a);
    await files.load(c);
    expect(files.stats()).toEqual({ clips: 2, bytes: 32_000 });
    expect(await files.load(a)).toBe(first);
  });

  it('plays a clip that is bigger than the memory limit without keeping it', async () => {
    const files = open({ memoryLimit: 10_000 });
    expect((await files.load(sine('in.wav'))).samples).toBe(8000);
    expect(files.stats()).toEqual({ clips: 0, bytes: 0 });
  });

  it('is shared by threads that convert the same file at the same time', async () => {
    const path = sine('in.wav', '-r', '48000');
    mkdirSync(cacheDirectory());
    const results = await Promise.all([1, 2, 3].map(() => loadInWorker(path, cacheDirectory())));
    expect(results).toEqual([8000, 8000, 8000]);
    expect(entries()).toHaveLength(1);
    expect(readdirSync(cacheDirectory()).every((name) => name.endsWith('.g711'))).toBe(true);
  });
});

describe('closing', () => {
  it('rejects what is still being converted, and leaves no timer', async () => {
    const clock = new FakeClock();
    const files = open({ clock });
    const load = files.load(sine('in.wav', '-r', '48000'));
    const outcome = load.catch((error: Error) => error.message);
    await conversionStarted(clock);
    await files.close();
    expect(await outcome).toMatch(/closing/);
    expect(clock.pending).toBe(0);
  });

  it('gives up a conversion that does not end, and converts the next file', async () => {
    const clock = new FakeClock();
    const files = open({ clock });
    // The clock runs out before the thread can have finished.
    const first = failure(files.load(sine('slow.wav', '-r', '192000')));
    await conversionStarted(clock);
    clock.advance(60_000);
    expect((await first).code).toBe('audio-broken');
    expect((await files.load(sine('next.wav'))).samples).toBe(8000);
  });

  it('lets the conversion thread go when it has been idle', async () => {
    const clock = new FakeClock();
    const files = open({ clock });
    await files.load(sine('in.wav'));
    expect(clock.pending).toBe(1);
    clock.advance(5_000);
    expect(clock.pending).toBe(0);
    expect((await files.load(sine('again.wav'))).samples).toBe(8000);
  });
});

/** A conversion has a time limit: its timer shows that it was handed to the thread. */
async function conversionStarted(clock: FakeClock): Promise<void> {
  while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
}

/** Loads a file as a media worker does, and returns how many samples it has. */
function loadInWorker(path: string, cacheDirectory: string): Promise<number> {
  const source = `
    const { parentPort, workerData } = await import('node:worker_threads');
    const { createAudioFiles } = await import(workerData.module);
    const { systemClock } = await import(workerData.clock);
    const files = createAudioFiles({ clock: systemClock, cacheDirectory: workerData.cacheDirectory });
    const clip = await files.load(workerData.path);
    parentPort.postMessage(clip.samples);
    await files.close();`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
    workerData: {
      path,
      cacheDirectory,
      module: new URL('../../src/embedded/media/dsp/audio-files.ts', import.meta.url).href,
      clock: new URL('../../src/time/clock.ts', import.meta.url).href,
    },
  });
  return new Promise((resolve, reject) => {
    worker.on('message', resolve);
    worker.on('error', reject);
  });
}
