import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { looksLikeWav, readWav } from '../../../../../src/embedded/media/dsp/wav.ts';
import { UserError } from '../../../../../src/errors.ts';

/** A WAV file of 16-bit samples, with chunks around the usual two if given. */
function wav(samples: readonly number[], extra: { before?: Buffer; after?: Buffer } = {}): Buffer {
  const format = Buffer.alloc(16);
  format.writeUInt16LE(1, 0);
  format.writeUInt16LE(1, 2);
  format.writeUInt32LE(8000, 4);
  format.writeUInt32LE(16_000, 8);
  format.writeUInt16LE(2, 12);
  format.writeUInt16LE(16, 14);
  const data = Buffer.from(Int16Array.from(samples).buffer);
  const { before = Buffer.alloc(0), after = Buffer.alloc(0) } = extra;
  const chunks = Buffer.concat([before, chunk('fmt ', format), chunk('data', data), after]);
  return Buffer.concat([chunk('RIFF', Buffer.concat([Buffer.from('WAVE'), chunks]))]);
}

function chunk(id: string, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.write(id, 'latin1');
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body, Buffer.alloc(body.length % 2)]);
}

const read = (file: Buffer) => [...readWav('test.wav', file)].flatMap(({ samples }) => [...samples]);

describe('readWav', () => {
  it('scales 16-bit samples to ±1 exactly', () => {
    expect(read(wav([0, 1, -1, 32767, -32768]))).toEqual([0, 1 / 32768, -1 / 32768, 32767 / 32768, -1]);
  });

  it('steps over chunks that it does not know, also of odd length', () => {
    const list = chunk('LIST', Buffer.from('INFOISFT...'));
    expect(list.length % 2).toBe(0);
    expect(read(wav([7, 8], { before: list, after: list }))).toEqual([7 / 32768, 8 / 32768]);
  });

  it('leaves out half a sample at the end', () => {
    const file = wav([7, 8]);
    expect(read(file.subarray(0, file.length - 1))).toEqual([7 / 32768]);
  });

  it('takes only RIFF/WAVE for WAV', () => {
    expect(looksLikeWav(wav([]))).toBe(true);
    expect(looksLikeWav(Buffer.from('RIFF....AVI LIST'))).toBe(false);
    expect(looksLikeWav(Buffer.from('RIFF'))).toBe(false);
  });

  it('reads a damaged file or says what is wrong, and never anything else', () => {
    const whole = wav(
      Array.from({ length: 100 }, (_, i) => i * 50),
      { before: chunk('LIST', Buffer.from('INFO')) },
    );
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 8 });
    fc.assert(
      fc.property(damage, fc.integer({ min: 12, max: whole.length }), (bytes, length) => {
        const file = Buffer.from(whole);
        for (const [at, value] of bytes) file[at] = value;
        try {
          expect(read(file.subarray(0, length)).length).toBeLessThanOrEqual(whole.length);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
