import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { createDtmfDetector, type DtmfDetector, dtmfSamples } from '../../../../../src/embedded/media/dsp/dtmf.ts';
import { g711 } from '../../../../../src/embedded/media/dsp/g711.ts';
import { isMissing, loadSpandsp, type Spandsp } from '../../../../../src/embedded/media/dsp/spandsp.ts';
import { toneSource } from '../../../../../src/embedded/media/dsp/tone.ts';

const KEYS = '123A456B789C*0#D';
const LOW = [697, 770, 852, 941];
const HIGH = [1209, 1336, 1477, 1633];

const loaded = loadSpandsp();
if (isMissing(loaded)) throw new Error(loaded.missing);
const spandsp: Spandsp = loaded;

const open = new Set<DtmfDetector>();
afterEach(() => {
  for (const detector of open) detector.close();
  open.clear();
});

function detector(): DtmfDetector {
  const made = createDtmfDetector(spandsp);
  open.add(made);
  return made;
}

/** What a fresh detector hears in 20 ms frames, as they come from the network, coded in A-law. */
function heard(samples: Int16Array, frame = 160): string {
  const ear = detector();
  let digits = '';
  for (let at = 0; at < samples.length; at += frame) {
    const piece = samples.slice(at, at + frame);
    const bytes = new Uint8Array(piece.length);
    g711.pcma.encode(piece, bytes);
    g711.pcma.decode(bytes, piece);
    digits += ear.process(piece);
  }
  return digits;
}

function join(...parts: Int16Array[]): Int16Array {
  return Int16Array.from(parts.flatMap((part) => [...part]));
}
const silence = (ms: number) => new Int16Array(ms * 8);

/** A key with the level and shift of a given bad phone. */
function key(
  digit: string,
  options: { ms?: number; low?: number; high?: number; shift?: number; noise?: number } = {},
) {
  const { ms = 80, low = -11, high = -9, shift = 0, noise } = options;
  const i = KEYS.indexOf(digit);
  const hz = [LOW[i >> 2] as number, HIGH[i & 3] as number].map((f) => f * (1 + shift));
  const samples = new Int16Array(ms * 8);
  toneSource({ hz, dbm0: [low, high], cadence: [ms] }).read(samples);
  return noise === undefined ? samples : withNoise(samples, noise);
}

/** Adds white noise of a level in dBm0 from a fixed sequence. */
function withNoise(samples: Int16Array, dbm0: number): Int16Array {
  const rms = 10 ** ((dbm0 - 3.14) / 20) * (32768 / Math.SQRT2);
  let seed = 12345;
  const next = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32 - 0.5;
  };
  return samples.map((sample) => sample + rms * Math.sqrt(12) * next());
}

describe('DTMF detector', () => {
  it.each([...KEYS])('hears %s at every level of a real line', (digit) => {
    for (const level of [-3, -9, -15, -21, -27, -33]) {
      const samples = join(silence(40), key(digit, { low: level - 2, high: level }), silence(40));
      expect(heard(samples), `${level} dBm0`).toBe(digit);
    }
  });

  it.each([...KEYS])('hears %s with twist, frequency error and noise', (digit) => {
    expect(heard(join(key(digit, { low: -9, high: -16 }), silence(40))), 'twist 7 dB').toBe(digit);
    expect(heard(join(key(digit, { low: -14, high: -9 }), silence(40))), 'reverse twist 5 dB').toBe(digit);
    // Q.24 asks for 1.5 %; the library's block of 102 samples is a little too narrow for the fourth column.
    const tolerance = 'ABCD'.includes(digit) ? 0.012 : 0.015;
    for (const shift of [-tolerance, tolerance])
      expect(heard(join(key(digit, { shift }), silence(40))), `${shift}`).toBe(digit);
    expect(heard(join(key(digit, { noise: -25 }), silence(40))), 'noise 16 dB below').toBe(digit);
  });

  it.each([
    ['a frequency off by 4 %', { shift: 0.04 }],
    ['a tone 14 dB stronger than the other', { low: -22, high: -8 }],
    ['a tone 12 dB weaker than the other', { low: -8, high: -20 }],
    ['one too faint', { low: -45, high: -43 }],
    ['one shorter than 20 ms', { ms: 19 }],
  ])('takes %s for no digit', (_, options) => {
    for (const digit of KEYS) expect(heard(join(silence(40), key(digit, options), silence(40))), digit).toBe('');
  });

  it('reports a key once, however long it is held, and again when it is pressed again', () => {
    expect(heard(join(key('5', { ms: 3000 }), silence(50)))).toBe('5');
    expect(heard(join(key('5'), silence(50), key('5'), silence(50), key('5')))).toBe('555');
  });

  it('reports it at the beginning, within 40 ms', () => {
    const ear = detector();
    const tone = key('7', { ms: 200 });
    const frames = [0, 1, 2, 3, 4].map((i) => ear.process(tone.slice(i * 160, (i + 1) * 160)));
    expect(frames.slice(0, 3).join('')).toBe('7');
    expect(frames.slice(3).join('')).toBe('');
  });

  it('follows a whole number dialled fast, in frames of any size', () => {
    const number = '74951234567*#0ABCD89';
    const samples = join(...[...number].flatMap((digit) => [dtmfSamples(digit, 50), silence(50)]));
    for (const frame of [80, 160, 240, 1000, samples.length])
      expect(heard(samples, frame), `${frame} samples`).toBe(number);
  });

  it('does not mix up several calls', () => {
    const [one, two] = [detector(), detector()];
    const a = key('1', { ms: 100 });
    const b = key('2', { ms: 100 });
    let [first, second] = ['', ''];
    for (let at = 0; at < a.length; at += 160) {
      first += one.process(a.slice(at, at + 160));
      second += two.process(b.slice(at, at + 160));
    }
    expect([first, second]).toEqual(['1', '2']);
  });

  it('closes once and refuses to be used afterwards', () => {
    const ear = createDtmfDetector(spandsp);
    ear.close();
    ear.close();
    expect(() => ear.process(silence(20))).toThrow(/after close/);
  });
});

/** Talk-off: speech and music must not press keys. The packs belong to what the set-up script installs. */
describe.each([
  '/usr/share/asterisk/sounds/ru_RU_f_IvrvoiceRU',
  '/usr/share/asterisk/sounds/en_US_f_Allison',
  '/usr/share/asterisk/moh',
])('DTMF detector listening to %s', (pack) => {
  it.skipIf(!existsSync(pack))('hears no digit in any recording', { timeout: 60_000 }, () => {
    const files = readdirSync(pack, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.wav'));
    expect(files.length).toBeGreaterThan(4);
    const found = files
      .map((name) => [name, heard(wavSamples(`${pack}/${name}`))])
      .filter(([, digits]) => digits !== '');
    expect(found).toEqual([]);
  });
});

/** The packs are plain: 8 kHz, 16 bit, mono, 44 bytes of header. */
function wavSamples(file: string): Int16Array {
  const bytes = readFileSync(file);
  return Int16Array.from({ length: (bytes.length - 44) >> 1 }, (_, i) => bytes.readInt16LE(44 + 2 * i));
}

describe('loadSpandsp', () => {
  it('says what is missing and what to install, and does not throw', () => {
    const result = loadSpandsp(['libnotthere.so.9']);
    expect(result).toEqual({
      missing: expect.stringContaining('libnotthere.so.9'),
      hint: expect.stringContaining('apt install libspandsp2'),
    });
  });

  it('does not take another library for it', () => {
    const result = loadSpandsp(['libc.so.6']);
    expect(isMissing(result) && result.missing).toMatch(/dtmf_rx_init/);
  });
});
