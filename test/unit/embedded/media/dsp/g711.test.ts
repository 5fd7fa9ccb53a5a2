import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import {
  alawDecode,
  alawEncode,
  alawToUlaw,
  g711,
  ulawDecode,
  ulawEncode,
  ulawToAlaw,
} from '../../../../../src/embedded/media/dsp/g711.ts';

const allSamples = Int16Array.from({ length: 65536 }, (_, i) => i - 32768);
const allBytes = Uint8Array.from({ length: 256 }, (_, i) => i);

function encoded(law: { encode(from: Int16Array, to: Uint8Array): void }, from: Int16Array) {
  const to = new Uint8Array(from.length);
  law.encode(from, to);
  return to;
}

function decoded(law: { decode(from: Uint8Array, to: Int16Array): void }, from: Uint8Array) {
  const to = new Int16Array(from.length);
  law.decode(from, to);
  return to;
}

const sox = (law: 'a-law' | 'mu-law', samples: Int16Array) =>
  execFileSync('sox', ['-D', ...raw('signed-integer', 16), '-', ...raw(law, 8), '-'], {
    input: Buffer.from(samples.buffer),
  });
const raw = (encoding: string, bits: number) => ['-t', 'raw', '-r', '8000', '-c', '1', '-e', encoding, '-b', `${bits}`];

describe('G.711', () => {
  // Decoder output values of tables 1a/1b (A-law, ×8) and 2a/2b (µ-law, ×4), first and last of each sign.
  it.each([
    ['pcma', 0xd5, 8],
    ['pcma', 0x55, -8],
    ['pcma', 0xaa, 32256],
    ['pcma', 0x2a, -32256],
    ['pcma', 0xc5, 264],
    ['pcmu', 0xff, 0],
    ['pcmu', 0x7f, 0],
    ['pcmu', 0x80, 32124],
    ['pcmu', 0x00, -32124],
    ['pcmu', 0xef, 132],
  ] as const)('%s: byte %i is %i', (codec, byte, sample) => {
    expect(decoded(g711[codec], Uint8Array.of(byte))[0]).toBe(sample);
  });

  it.each(['pcma', 'pcmu'] as const)('%s: every byte survives decoding and encoding', (codec) => {
    const again = encoded(g711[codec], decoded(g711[codec], allBytes));
    // µ-law has two zeros; the negative one comes back as the positive.
    const expected = codec === 'pcmu' ? allBytes.map((byte) => (byte === 0x7f ? 0xff : byte)) : allBytes;
    expect(again).toEqual(expected);
  });

  // G.711: the decoder's value lies in the middle between two decision values. Table 2 ends at the virtual decision value 8159 (×4).
  it.each([
    ['pcma', 32768, []],
    ['pcmu', 32636, [0x7f, 0xff]],
  ] as const)('%s: the 65536 samples fall into 256 ranges around their values', (codec, clip, zeros) => {
    const codes = encoded(g711[codec], allSamples);
    const values = decoded(g711[codec], allBytes);
    for (const byte of allBytes) {
      const range = allSamples.filter((sample, i) => codes[i] === byte && Math.abs(sample + 0.5) < clip);
      const first = range[0] as number;
      const last = range.at(-1) as number;
      expect(last - first + 1, `byte ${byte} has one range`).toBe(range.length);
      if (zeros.some((zero) => zero === byte)) expect(range.length).toBe(4);
      else expect((first + last + 1) / 2, `byte ${byte}`).toBe(values[byte]);
    }
  });

  // sox rounds to the 13 or 14 bits that the laws are defined on; an encoder of live speech cuts them off. For µ-law sox takes the two's complement
  // of a negative sample, the ITU's reference the one's, and so only the latter has a negative zero.
  it.each([
    ['a-law', 'pcma', (sample: number) => sample & ~7, []],
    ['mu-law', 'pcmu', (sample: number) => (sample >= 0 ? sample & ~3 : -(~sample & ~3)), [-4, -3, -2, -1]],
  ] as const)(
    'codes all 65536 samples as sox codes their significant bits (%s)',
    (soxName, codec, significant, negativeZeros) => {
      const ours = encoded(g711[codec], allSamples);
      const theirs = sox(soxName, allSamples.map(significant));
      const different = allSamples.filter((_, i) => ours[i] !== theirs[i]);
      expect([...different]).toEqual(negativeZeros);
    },
  );

  it('transcodes byte by byte as over linear samples', () => {
    expect(alawToUlaw).toEqual(encoded(g711.pcmu, decoded(g711.pcma, allBytes)));
    expect(ulawToAlaw).toEqual(encoded(g711.pcma, decoded(g711.pcmu, allBytes)));
  });

  it('names the byte of silence', () => {
    for (const law of Object.values(g711)) expect(encoded(law, new Int16Array(1))[0]).toBe(law.silence);
  });

  it('handles only the first samples when told a length, into buffers of the caller', () => {
    const bytes = new Uint8Array(4).fill(1);
    alawEncode(new Int16Array(4), bytes, 2);
    expect([...bytes]).toEqual([0xd5, 0xd5, 1, 1]);
    ulawEncode(new Int16Array(4), bytes, 1);
    expect([...bytes]).toEqual([0xff, 0xd5, 1, 1]);
    const samples = new Int16Array(4).fill(7);
    ulawDecode(bytes, samples, 1);
    expect([...samples]).toEqual([0, 7, 7, 7]);
    alawDecode(bytes, samples, 2);
    expect(samples[2]).toBe(7);
  });
});
