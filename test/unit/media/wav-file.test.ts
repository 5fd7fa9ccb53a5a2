import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mendWav, wavHeader } from '../../../src/media/wav-file.ts';
import { temporaryFolder } from '../../support/temp.ts';

describe('mending a WAV file', () => {
  it.each([
    ['is right already', 2, 3200, 3200, 3200],
    ['has more than its header knows', 2, 3200, 1600, 3200],
    ['has less than its header says', 1, 800, 1600, 800],
    ['ends in the middle of a sample', 2, 3203, 1600, 3200],
    ['has no audio', 1, 0, 0, 0],
  ])('that %s', async (_, channels, bytes, known, expected) => {
    await using folder = await temporaryFolder('wav');
    const path = join(folder.path, 'a.wav');
    const audio = Buffer.alloc(bytes, 1);
    await writeFile(path, Buffer.concat([wavHeader(channels, known), audio]));
    expect(await mendWav(path)).toBe(expected / 2 / channels / 8);
    expect(await readFile(path)).toEqual(Buffer.concat([wavHeader(channels, expected), audio.subarray(0, expected)]));
  });

  it('that FreeSWITCH has begun and not closed', async () => {
    await using folder = await temporaryFolder('wav');
    const path = join(folder.path, 'a.wav');
    const [begun, audio] = [wavHeader(2, 0), Buffer.alloc(3200, 1)];
    begun.writeUInt32LE(8, 4);
    await writeFile(path, Buffer.concat([begun, audio]));
    expect(await mendWav(path)).toBe(100);
    expect(await readFile(path)).toEqual(Buffer.concat([wavHeader(2, 3200), audio]));
    await writeFile(path, begun);
    expect(await mendWav(path)).toBe(0);
    expect(await readFile(path)).toEqual(wavHeader(2, 0));
  });

  it('that is none, or less than a header, changes nothing', async () => {
    await using folder = await temporaryFolder('wav');
    const path = join(folder.path, 'a.wav');
    const text = 'this is no audio at all, but it is longer than a header';
    await writeFile(path, text);
    expect(await mendWav(path)).toBeUndefined();
    expect(await readFile(path, 'utf8')).toBe(text);
    await writeFile(path, 'RIFF');
    expect(await mendWav(path)).toBe(0);
    await expect(mendWav(join(folder.path, 'nothing.wav'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
