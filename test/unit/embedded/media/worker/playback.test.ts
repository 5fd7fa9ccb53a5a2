import { describe, expect, it } from 'vitest';
import { clipOf } from '../../../../../src/embedded/media/dsp/clip.ts';
import { g711 } from '../../../../../src/embedded/media/dsp/g711.ts';
import { type ClipLoader, Playback } from '../../../../../src/embedded/media/worker/playback.ts';
import type { AudioSource } from '../../../../../src/media/port.ts';
import { settle } from '../../../../support/fake-clock.ts';

/** Files are named by their constant sample value and length: `1000x240`. */
const clips: ClipLoader = {
  async load(path) {
    const [value = Number.NaN, length = Number.NaN] = path.split('x').map(Number);
    if (!Number.isFinite(value)) throw new Error('does not exist');
    return clipOf(new Int16Array(length).fill(value));
  },
};

const open = (sources: readonly AudioSource[], { loop = false, startAtMs = 0, loader = clips } = {}) =>
  new Playback(1, { sources, loop, startAtMs }, loader);

/** The next frame as runs of equal samples, in thousands: `[[1, 160]]`; a frame that is not there is null. */
function next(playback: Playback, codec: 'pcma' | 'pcmu' = 'pcma') {
  const bytes = new Uint8Array(12 + 160 + 8);
  if (!playback.read(bytes, 12, codec)) return null;
  expect(bytes.subarray(172)).toEqual(new Uint8Array(8));
  const linear = new Int16Array(160);
  g711[codec].decode(bytes.subarray(12, 172), linear);
  const runs: [number, number][] = [];
  for (const sample of linear) {
    const value = Math.round(sample / 1000);
    const last = runs.at(-1);
    if (last?.[0] === value) last[1]++;
    else runs.push([value, 1]);
  }
  return runs;
}

describe('Playback', () => {
  it('joins its sources without a gap, and fills up the last frame', async () => {
    const playback = open([{ file: '1000x240' }, { file: '2000x160' }, { silenceMs: 25 }, { file: '3000x10' }]);
    const heard = [];
    for (let i = 0; i < 4; i++) {
      await settle();
      heard.push(next(playback));
    }
    expect(heard).toEqual([
      [[1, 160]],
      [
        [1, 80],
        [2, 80],
      ],
      [
        [2, 80],
        [0, 80],
      ],
      [
        [0, 120],
        [3, 10],
        [0, 30],
      ],
    ]);
    expect(next(playback)).toBeNull();
    expect(playback.ended).toBe(true);
    expect(playback.outcome('finished')).toEqual({ reason: 'finished', playedMs: 610 / 8 });
  });

  it('sounds in the codec of the moment', async () => {
    const playback = open([{ file: '1000x480' }]);
    await settle();
    expect([next(playback, 'pcma'), next(playback, 'pcmu'), next(playback, 'pcma')]).toEqual(
      new Array(3).fill([[1, 160]]),
    );
  });

  it('has nothing until the first file is there, and is not over', async () => {
    let finish = (): void => undefined;
    const loader: ClipLoader = {
      load: (path) => new Promise((resolve) => (finish = () => resolve(clips.load(path)))),
    };
    const playback = open([{ file: '1000x160' }], { loader });
    expect(next(playback)).toBeNull();
    expect(playback.ended).toBe(false);
    finish();
    await settle();
    expect(next(playback)).toEqual([[1, 160]]);
  });

  it('loads three sources ahead and no more', async () => {
    const asked: string[] = [];
    const loader: ClipLoader = {
      load(path) {
        asked.push(path);
        return clips.load(path);
      },
    };
    const files = [1, 2, 3, 4, 5].map((number) => ({ file: `${number}000x160` }));
    const playback = open(files, { loader });
    expect(asked).toEqual(['1000x160', '2000x160', '3000x160']);
    await settle();
    next(playback);
    expect(asked.slice(3)).toEqual(['4000x160']);
  });

  it('loops through all sources, without a gap there too', async () => {
    const playback = open([{ file: '1000x240' }, { file: '2000x200' }], { loop: true });
    const heard = [];
    for (let i = 0; i < 4; i++) {
      await settle();
      heard.push(next(playback));
    }
    expect(heard).toEqual([
      [[1, 160]],
      [
        [1, 80],
        [2, 80],
      ],
      [
        [2, 120],
        [1, 40],
      ],
      [[1, 160]],
    ]);
    expect(playback.ended).toBe(false);
  });

  it('passes over what it cannot play, and says the first reason', async () => {
    const playback = open([
      { file: 'missing' },
      { tone: { hz: [9000], cadence: [100, 0] } },
      { silenceMs: -1 },
      { file: '1000x160' },
    ]);
    await settle();
    expect(next(playback)).toBeNull();
    await settle();
    expect(next(playback)).toEqual([[1, 160]]);
    expect(next(playback)).toBeNull();
    expect(playback.outcome('finished')).toEqual({ reason: 'failed', playedMs: 20, error: 'missing: does not exist' });
    expect(playback.outcome('stopped')).toEqual({ reason: 'stopped', playedMs: 20 });
  });

  it.each<[string, readonly AudioSource[]]>([
    ['an empty list', []],
    ['silence of no length', [{ silenceMs: 0 }]],
    ['files that are missing', [{ file: 'a' }, { file: 'b' }]],
  ])('ends a loop of %s', async (_what, sources) => {
    const playback = open(sources, { loop: true });
    for (let i = 0; i < 10 && !playback.ended; i++) {
      await settle();
      expect(next(playback)).toBeNull();
    }
    expect(playback.ended).toBe(true);
  });

  describe('begins where it is told to', () => {
    const list = [{ file: '1000x240' }, { silenceMs: 30 }];
    const frames = async (playback: Playback, count: number) => {
      const heard: (readonly number[])[] = [];
      // Sources that have not been loaded yet cost a frame.
      while (heard.length < count && !playback.ended) {
        await settle();
        const runs = next(playback);
        if (runs) heard.push(...runs);
      }
      return heard;
    };

    it('in the middle of a file', async () => {
      const playback = open(list, { startAtMs: 25 });
      expect((await frames(playback, 1)).slice(0, 2)).toEqual([
        [1, 40],
        [0, 120],
      ]);
    });

    it('in a later source, and tells only of what was heard', async () => {
      const playback = open([{ file: '1000x240' }, { silenceMs: 30 }, { file: '2000x160' }], { startAtMs: 40 });
      expect(await frames(playback, 9)).toEqual([
        [0, 160],
        [2, 160],
      ]);
      expect(playback.outcome('finished')).toEqual({ reason: 'finished', playedMs: 40 });
    });

    it('in a loop in a later pass, however late: after an hour at once', async () => {
      // A pass is 240 + 240 samples, 60 ms.
      const loop = [{ file: '1000x240' }, { silenceMs: 30 }];
      for (const startAtMs of [25, 85, 3_600_025]) {
        const playback = open(loop, { loop: true, startAtMs });
        let reads = 0;
        let runs: [number, number][] | null = null;
        while (!runs && reads++ < 10) {
          await settle();
          runs = next(playback);
        }
        expect(runs, `${startAtMs}`).toEqual([
          [1, 40],
          [0, 120],
        ]);
        expect(reads).toBeLessThan(5);
      }
    });

    it('where a pass ends exactly', async () => {
      const playback = open([{ file: '1000x160' }, { file: '2000x160' }], { loop: true, startAtMs: 40 });
      expect((await frames(playback, 1))[0]).toEqual([1, 160]);
    });

    it('after the end: there is nothing to be heard', async () => {
      const playback = open(list, { startAtMs: 61 });
      expect(await frames(playback, 1)).toEqual([]);
      expect(playback.outcome('finished')).toEqual({ reason: 'finished', playedMs: 0 });
    });

    it('not in a loop of nothing', async () => {
      const playback = open([{ silenceMs: 0 }, { file: 'missing' }], { loop: true, startAtMs: 1000 });
      expect(await frames(playback, 1)).toEqual([]);
      expect(playback.outcome('finished')).toMatchObject({ reason: 'failed', playedMs: 0 });
    });

    it('in a tone, in the right part of its cadence', async () => {
      const playback = open([{ tone: { hz: [500], cadence: [20, 20] } }], { startAtMs: 20 });
      expect(await frames(playback, 1)).toEqual([[0, 160]]);
    });
  });
});
