import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { melody, tone, wavFile } from '../../support/tones.ts';
import type { Contract } from '../media.ts';

/** An MP3 of half a second of 1000 Hz, with some silence around, at 16 kHz. */
const mp3 = new URL('../../data/audio/mono-16000.mp3', import.meta.url).pathname;

export function playing({ promises }: Contract): void {
  let directory: string;
  let file: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'km-media-'));
    file = join(directory, 'prompt.wav');
    await writeFile(file, wavFile(tone(600, 400)));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  promises('plays a tone for as long as it was asked', async ({ call }) => {
    const { phone, endpoint } = await call();
    const end = await endpoint.play([{ tone: { hz: [425], cadence: [100, 100], ms: 600 } }]).ended;
    expect(end).toEqual({ reason: 'finished', playedMs: 600 });
    await phone.until(
      () => phone.heard().length >= 4800,
      1000,
      () => 'frames are missing',
    );
    expect(phone.heard()).toHaveLength(4800);
    expect(melody(phone.heard(), [425])).toEqual([425, 0, 425, 0, 425, 0]);
  });

  promises('plays WAV and MP3 files, one after the other in their order', async ({ call }) => {
    const { phone, endpoint } = await call();
    const playback = endpoint.play([
      { file },
      { silenceMs: 200 },
      { tone: { hz: [900], cadence: [300, 0] } },
      { file: mp3 },
      { file },
    ]);
    expect(await playback.ended).toMatchObject({ reason: 'finished' });
    const order = () => melody(phone.heard(), TONES).filter((hz) => hz !== 0);
    await phone.until(
      () => order().length >= 4,
      1000,
      () => `heard ${order()}`,
    );
    expect(order()).toEqual([600, 900, 1000, 600]);
    expect(melody(phone.heard(), TONES).slice(0, 3)).toEqual([600, 0, 900]);
  });

  promises('plays the same file to many at once', async ({ call }) => {
    const calls = await Promise.all(Array.from({ length: 10 }, () => call()));
    const ends = await Promise.all(calls.map(({ endpoint }) => endpoint.play([{ file }, { file }]).ended));
    expect(ends).toEqual(ends.map(() => ({ reason: 'finished', playedMs: 800 })));
    for (const { phone } of calls) await phone.hears(600);
  });

  promises('begins anew when it is to loop, until it is stopped', async ({ call }) => {
    const { phone, endpoint } = await call();
    const playback = endpoint.play([{ file }, { tone: { hz: [900], cadence: [200, 0] } }], { loop: true });
    await phone.until(
      () => melody(phone.heard(), TONES).length >= 5,
      5000,
      () => `heard ${melody(phone.heard(), TONES)}`,
    );
    expect(melody(phone.heard(), TONES).slice(0, 5)).toEqual([600, 900, 600, 900, 600]);
    const end = await playback.stop();
    expect(end.reason).toBe('stopped');
    expect(end.playedMs).toBeGreaterThan(1200);
  });

  promises(
    'goes on where it was interrupted, from the place that is worked out from what was heard',
    async ({ call }) => {
      const { phone, endpoint } = await call();
      const tune = [600, 800, 900, 1000].map((hz) => ({ tone: { hz: [hz], cadence: [200, 0] } }));
      const order = () => melody(phone.heard(), [600, 700, 800, 900, 1000]).filter((hz) => hz !== 0);
      const until = (count: number) =>
        phone.until(
          () => order().length >= count,
          5000,
          () => `heard ${order()}`,
        );
      const music = endpoint.play(tune, { loop: true });
      await until(2);
      await endpoint.play([{ tone: { hz: [700], cadence: [200, 0] } }]).ended;
      const { reason, playedMs } = await music.ended;
      expect(reason).toBe('replaced');
      phone.forget();
      const again = endpoint.play(tune, { loop: true, startAtMs: playedMs });
      await until(4);
      const heard = order();
      const from = [600, 800, 900, 1000].indexOf(heard[0] as number);
      // It was in the second tone, or its report of it was late by some frames.
      expect([800, 900]).toContain(heard[0]);
      expect(heard.slice(0, 4)).toEqual([0, 1, 2, 3].map((step) => [600, 800, 900, 1000][(from + step) % 4]));
      const end = await again.stop();
      const later = endpoint.play([{ silenceMs: 200 }, { tone: { hz: [700], cadence: [100, 0] } }], { startAtMs: 200 });
      expect(await later.ended).toEqual({ reason: 'finished', playedMs: 100 });
      expect(end.playedMs).toBeGreaterThanOrEqual(600);
    },
  );

  promises('stops with the next frame', async ({ call }) => {
    const { phone, endpoint } = await call();
    const playback = endpoint.play([{ tone: { hz: [700], cadence: [10_000, 0] } }]);
    await phone.hears(700);
    const end = await playback.stop();
    const { packetsOut } = await endpoint.stats();
    expect(packetsOut).toBe(end.playedMs / 20);
    // Something that takes time, and in which nothing is heard of the former playback.
    await phone.until(
      () => phone.packets.length >= packetsOut,
      1000,
      () => 'frames are missing',
    );
    phone.forget();
    await endpoint.play([{ tone: { hz: [900], cadence: [300, 0] } }]).ended;
    expect(melody(phone.heard(), [700, 900])).toEqual([900]);
    expect(await playback.stop()).toEqual(end);
  });

  promises('replaces a playback by the next one', async ({ call }) => {
    const { phone, endpoint } = await call();
    const former = endpoint.play([{ tone: { hz: [700], cadence: [10_000, 0] } }]);
    await phone.hears(700);
    const next = endpoint.play([{ tone: { hz: [900], cadence: [10_000, 0] } }]);
    expect(await former.ended).toMatchObject({ reason: 'replaced' });
    await phone.hears(900);
    expect(await former.stop()).toMatchObject({ reason: 'replaced' });
    await phone.hears(900);
    expect(await next.stop()).toMatchObject({ reason: 'stopped' });
  });

  promises('plays what it can of a list, and says what it could not', async ({ call }) => {
    const { phone, endpoint } = await call();
    const missing = join(directory, 'missing.wav');
    const broken = join(directory, 'broken.wav');
    await writeFile(broken, 'this is no audio');
    const end = await endpoint.play([{ file: missing }, { file }, { file: broken }]).ended;
    expect(end).toMatchObject({ reason: 'failed', playedMs: 400 });
    expect(end.error).toContain(missing);
    await phone.hears(600);
  });

  promises('ends a loop in which nothing can be played', async ({ call }) => {
    const { endpoint } = await call();
    const end = await endpoint.play([{ file: '/nowhere/a.wav' }, { silenceMs: 0 }], { loop: true }).ended;
    expect(end).toMatchObject({ reason: 'failed', playedMs: 0 });
    expect(await endpoint.play([]).ended).toEqual({ reason: 'finished', playedMs: 0 });
  });

  promises('keeps one stream through all that it plays', async ({ call }) => {
    const { phone, endpoint } = await call();
    await endpoint.play([{ tone: { hz: [700], cadence: [200, 0] } }]).ended;
    await endpoint.play([{ tone: { hz: [900], cadence: [200, 0] } }]).ended;
    await phone.until(
      () => phone.packets.length >= 20,
      1000,
      () => 'frames are missing',
    );
    const [first, ...rest] = phone.packets;
    expect(first?.marker).toBe(true);
    rest.forEach((packet, index) => {
      const before = phone.packets[index];
      expect(packet.ssrc).toBe(first?.ssrc);
      expect((packet.sequence - (before?.sequence ?? 0)) & 0xffff).toBe(1);
      const step = (packet.timestamp - (before?.timestamp ?? 0)) >>> 0;
      // A pause shows in the timestamps, in whole frames, and is marked.
      expect(step).toBeGreaterThanOrEqual(160);
      expect(step % 160).toBe(0);
      expect(packet.marker).toBe(step !== 160);
    });
  });
}

const TONES = [600, 900, 1000];
