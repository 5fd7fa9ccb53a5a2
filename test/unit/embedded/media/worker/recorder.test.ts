import { describe, expect, it } from 'vitest';
import { Pacer } from '../../../../../src/embedded/media/worker/pacer.ts';
import { Recorder } from '../../../../../src/embedded/media/worker/recorder.ts';
import type { NewFile } from '../../../../../src/embedded/media/worker/recording-file.ts';
import type { RecordOptions } from '../../../../../src/media/recorder.ts';
import { wavHeader } from '../../../../../src/media/wav-file.ts';
import { FakeClock, settle } from '../../../../support/fake-clock.ts';

const silence = new Uint8Array(160).fill(0xd5);

/** A disk in memory that can be told what is to go wrong. */
class Disk {
  bytes = Buffer.alloc(0);
  closed = 0;
  /** How much fits on it. */
  room = Number.POSITIVE_INFINITY;
  /** While set, no write is done. */
  stuck: PromiseWithResolvers<void> | undefined;
  removed = false;

  make = async (): Promise<NewFile> => ({
    write: async (bytes, position) => {
      await this.stuck?.promise;
      if (position + bytes.length > this.room) {
        throw Object.assign(new Error('write'), { code: 'ENOSPC' });
      }
      const size = Math.max(this.bytes.length, position + bytes.length);
      const grown = Buffer.alloc(size);
      this.bytes.copy(grown);
      grown.set(bytes, position);
      this.bytes = grown;
    },
    isRemoved: async () => this.removed,
    close: async () => void this.closed++,
  });

  /** Of the audio that its header tells of. */
  get ms(): number {
    return this.bytes.readUInt32LE(40) / 2 / this.bytes.readUInt16LE(22) / 8;
  }
}

function record(options: Partial<RecordOptions> = {}) {
  const clock = new FakeClock();
  const pacer = new Pacer(clock);
  const disk = new Disk();
  const all: RecordOptions = { file: '/x/1.wav', sides: 'both', ...options };
  const recorder = new Recorder(1, all, { clock, pacer, spandsp: undefined, makeFile: disk.make });
  return { clock, disk, recorder };
}

describe('Recorder', () => {
  it('has everything but the last second in a whole file, at any time', async () => {
    const { clock, disk, recorder } = record();
    for (let n = 0; n < 300; n++) {
      recorder.said(silence, 'pcma', 1, n * 160, false, clock.monotonic());
      await clock.advanceAsync(20);
      if (n < 50) continue;
      expect(disk.ms).toBeGreaterThan(clock.monotonic() - 1000);
      expect(disk.bytes.subarray(0, 44)).toEqual(wavHeader(2, disk.ms * 8 * 4));
      expect(disk.bytes.length).toBe(44 + disk.ms * 8 * 4);
    }
    expect(await recorder.stop('stopped')).toMatchObject({ reason: 'stopped', ms: 6000 });
    clock.advance(20);
    expect([disk.ms, disk.closed, clock.pending]).toEqual([6000, 1, 0]);
  });

  it('ends to the sample when it is long enough', async () => {
    const { clock, disk, recorder } = record({ maxMs: 1234 });
    await clock.advanceAsync(1300);
    expect(await recorder.ended).toMatchObject({ reason: 'maxLength', ms: 1234 });
    expect(disk.ms).toBe(1234);
    expect(clock.pending).toBe(0);
  });

  it('ends after so long without speech', async () => {
    const { clock, recorder } = record({ sides: 'peer', silenceMs: 5000 });
    await clock.advanceAsync(5500);
    expect(await recorder.ended).toMatchObject({ reason: 'silence', speechMs: 0 });
    expect((await recorder.ended).ms).toBeGreaterThanOrEqual(5000);
  });

  it('keeps what was written before the disk was full, and says so', async () => {
    const { clock, disk, recorder } = record();
    disk.room = 44 + 1000 * 32;
    await clock.advanceAsync(3000);
    const end = await recorder.ended;
    expect(end).toMatchObject({ reason: 'failed', error: 'The disk is full: /x/1.wav', ms: 800 });
    expect([disk.ms, disk.closed]).toEqual([800, 1]);
    expect(await recorder.stop('stopped')).toEqual(end);
  });

  it('waits for no write, and gives up on a disk that does not write at all', async () => {
    const { clock, disk, recorder } = record();
    await settle();
    disk.stuck = Promise.withResolvers<void>();
    await clock.advanceAsync(20_000);
    const state = await Promise.race([recorder.ended, settle().then(() => 'goes on')]);
    expect(state).toBe('goes on');
    await clock.advanceAsync(20_000);
    const end = await recorder.ended;
    expect(end).toMatchObject({ reason: 'failed', error: 'The disk does not keep up with the recording' });
    // Nobody waits for the disk; what it was given is there when it comes round.
    disk.stuck.resolve();
    disk.stuck = undefined;
    await expect.poll(() => disk.closed).toBe(1);
    expect(disk.ms).toBeGreaterThan(25_000);
  });

  it('says that its file is gone', async () => {
    const { clock, disk, recorder } = record();
    disk.removed = true;
    await clock.advanceAsync(1000);
    expect(await recorder.ended).toMatchObject({
      reason: 'failed',
      error: '/x/1.wav was removed while it was being written',
    });
  });
});
