import { readFileSync } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import type { RtpPeer } from '../../support/rtp-peer.ts';
import { isSilent, melody, sounds, tone } from '../../support/tones.ts';
import { wavChannels } from '../../support/wav-channels.ts';
import type { Contract } from '../media.ts';

/** The least and the most that a recording of so long may be: it begins and ends when the server hears of it. */
const about = (ms: number, slack = 150) => ({ from: ms - slack, to: ms + slack });

/** A level that tells who sent it, exactly as A-law carries it. */
const LEVEL = 8064;
const frames = (count: number, level: number) => new Int16Array(160 * count).fill(level);

export function recording({ promises }: Contract): void {
  let directory: string;
  let files = 0;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'km-recording-'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));
  const newFile = () => join(directory, `${++files}.wav`);
  const mono = (file: string): Int16Array => wavChannels(file)[0] as Int16Array;

  promises('records what the peer says', async ({ call, server }) => {
    const { phone, endpoint } = await call();
    const file = newFile();
    const recorded = endpoint.record({ file, sides: 'peer' });
    const playback = endpoint.play([{ tone: { hz: [700], cadence: [1000, 0] } }], { loop: true });
    await phone.say(tone(440, 300));
    await phone.say(new Int16Array(1600));
    await phone.say(tone(1000, 300));
    expect(await server.stats()).toMatchObject({ recordings: 1 });
    const end = await recorded.stop();
    await playback.stop();
    expect(end.reason).toBe('stopped');
    expect(end.ms).toBeGreaterThan(about(800).from);
    expect(end.ms).toBeLessThan(about(800).to + 200);
    expect(wavChannels(file)).toHaveLength(1);
    expect(mono(file).length).toBe(end.ms * 8);
    expect(melody(mono(file), [440, 700, 1000]).filter((hz) => hz !== 0)).toEqual([440, 1000]);
    expect(await recorded.stop()).toEqual(end);
    expect(await server.stats()).toMatchObject({ recordings: 0 });
  });

  promises('records both sides of a bridge, whoever is played something', async ({ call }) => {
    const [a, b] = [await call(), await call()];
    await a.endpoint.bridge(b.endpoint);
    const files = [newFile(), newFile()] as const;
    const recorded = [a, b].map(({ endpoint }, i) => endpoint.record({ file: files[i] as string, sides: 'both' }));
    a.phone.talk(440);
    b.phone.talk(1000);
    await Promise.all([a.phone.hears(1000), b.phone.hears(440)]);
    await a.endpoint.play([{ tone: { hz: [700], cadence: [300, 0] } }]).ended;
    await a.phone.hears(1000);
    await Promise.all(recorded.map((one) => one.stop()));
    const [ofA, ofB] = files.map((file) =>
      wavChannels(file).map((side) => melody(side as Int16Array, [440, 700, 1000]).filter((hz) => hz !== 0)),
    );
    expect(ofA?.[0]).toEqual([440]);
    expect(ofB).toEqual([[1000], [440]]);
  });

  promises('records what is played over a bridge, as it is heard', async ({ call }) => {
    const [a, b] = [await call(), await call()];
    await a.endpoint.bridge(b.endpoint);
    const file = newFile();
    const recorded = a.endpoint.record({ file, sides: 'both' });
    b.phone.talk(1000);
    await a.phone.hears(1000);
    await a.endpoint.play([{ tone: { hz: [700], cadence: [300, 0] } }]).ended;
    await a.phone.hears(1000);
    await recorded.stop();
    const [, heard] = wavChannels(file);
    expect(melody(heard as Int16Array, [440, 700, 1000]).filter((hz) => hz !== 0)).toEqual([1000, 700, 1000]);
  });

  promises('keeps its clock over lost packets', async ({ call }) => {
    const { phone, endpoint } = await call();
    const file = newFile();
    const recorded = endpoint.record({ file, sides: 'peer' });
    await phone.say(frames(5, LEVEL));
    // Twelve frames that were sent and never arrive.
    phone.sequence = (phone.sequence + 12) & 0xffff;
    phone.timestamp = (phone.timestamp + 12 * 160) >>> 0;
    await new Promise((resolve) => setTimeout(resolve, 240));
    await phone.say(frames(5, -LEVEL));
    await recorded.stop();
    const samples = mono(file);
    const [first, second] = [samples.indexOf(LEVEL), samples.indexOf(-LEVEL)];
    expect(first).toBeGreaterThanOrEqual(0);
    expect(second - first).toBe(17 * 160);
    expect(isSilent(samples.subarray(first + 6 * 160, second))).toBe(true);
  });

  promises('keeps its clock when the peer begins a new stream', async ({ call }) => {
    const { phone, endpoint } = await call();
    const file = newFile();
    const recorded = endpoint.record({ file, sides: 'peer' });
    const begun = performance.now();
    await phone.say(frames(10, LEVEL));
    phone.sequence = (phone.sequence + 20_000) & 0xffff;
    phone.timestamp = (phone.timestamp + 2 ** 30) >>> 0;
    const between = performance.now() - begun;
    await phone.say(frames(10, -LEVEL));
    await recorded.stop();
    const samples = mono(file);
    const distance = (samples.indexOf(-LEVEL) - samples.indexOf(LEVEL)) / 8;
    expect(distance).toBeGreaterThan(between - 60);
    expect(distance).toBeLessThan(between + 60);
    expect(samples.filter((sample) => sample === LEVEL).length).toBeGreaterThan(8 * 160);
    expect(samples.filter((sample) => sample === -LEVEL).length).toBeGreaterThan(8 * 160);
  });

  promises('is silent for as long as the peer holds, and goes on with another codec', async ({ call }) => {
    const { phone, endpoint } = await call();
    const file = newFile();
    const recorded = endpoint.record({ file, sides: 'both' });
    const playback = endpoint.play([{ tone: { hz: [700], cadence: [1000, 0] } }], { loop: true });
    const begun = performance.now();
    await phone.say(tone(440, 300));
    await endpoint.negotiate(phone.sdp({ direction: 'inactive' }));
    const held = performance.now() - begun;
    await new Promise((resolve) => setTimeout(resolve, 300));
    phone.connect(await endpoint.negotiate(phone.sdp({ codecs: ['pcmu'] })));
    const resumed = performance.now() - begun;
    await phone.say(tone(1000, 500));
    await recorded.stop();
    await playback.stop();
    const [said, heard] = wavChannels(file) as [Int16Array, Int16Array];
    for (const [samples, before, after] of [
      [said, 440, 1000],
      [heard, 700, 700],
    ] as const) {
      expect(melody(samples, [before, after]).filter((hz) => hz !== 0)).toEqual(
        before === after ? [700, 700] : [440, 1000],
      );
      const middle = 8 * Math.round((held + resumed) / 2);
      expect(isSilent(samples.subarray(middle - 400, middle + 400))).toBe(true);
    }
  });

  promises('ends a recording that is long enough', async ({ call }) => {
    const { phone, endpoint } = await call();
    phone.talk(440);
    const file = newFile();
    const end = await endpoint.record({ file, sides: 'peer', maxMs: 500 }).ended;
    expect(end).toMatchObject({ reason: 'maxLength', ms: 500 });
    expect(mono(file)).toHaveLength(4000);
    expect(melody(mono(file), [440]).filter((hz) => hz !== 0)).toEqual([440]);
  });

  promises('ends a recording when the peer has said nothing for a while, however the line hums', async ({ call }) => {
    const { phone, endpoint } = await call();
    const file = newFile();
    const recorded = endpoint.record({ file, sides: 'peer', silenceMs: 600 });
    await phone.say(tone(440, 500));
    await phone.say(hum(1600));
    const end = await recorded.ended;
    expect(end.reason).toBe('silence');
    expect(end.speechMs).toBeGreaterThan(about(500).from);
    expect(end.speechMs).toBeLessThan(about(500).to);
    expect(end.ms).toBeGreaterThan(1000);
    expect(end.ms).toBeLessThan(1600);
    const quiet = endpoint.record({ file: newFile(), sides: 'peer', silenceMs: 300 });
    expect(await quiet.ended).toMatchObject({ reason: 'silence', speechMs: 0 });
  });

  promises('has a file that is right while the recording goes on', async ({ call }) => {
    const { phone, endpoint } = await call();
    const file = newFile();
    const recorded = endpoint.record({ file, sides: 'both' });
    phone.talk(440);
    const begun = performance.now();
    await phone
      .until(
        () => performance.now() - begun > 1500,
        3000,
        () => 'a second and a half',
      )
      .catch(() => undefined);
    endpoint.play([{ tone: { hz: [700], cadence: [1000, 0] } }], { loop: true });
    await phone.until(
      () => performance.now() - begun > 1600,
      3000,
      () => 'time',
    );
    const copy = newFile();
    await writeFile(copy, readFileSync(file));
    const recordedMs = performance.now() - begun;
    const [said] = wavChannels(copy);
    expect((said as Int16Array).length / 8).toBeGreaterThan(recordedMs - 1000);
    expect(sounds(440, (said as Int16Array).subarray(1600))).toBe(true);
    const end = await recorded.stop();
    expect((await stat(file)).size).toBe(44 + end.ms * 8 * 4);
  });

  promises('says why it cannot record', async ({ call }) => {
    const { phone, endpoint } = await call();
    phone.talk(440);
    const nowhere = join(directory, 'no-such-folder', 'a.wav');
    const lost = await endpoint.record({ file: nowhere, sides: 'peer' }).ended;
    expect(lost).toMatchObject({ reason: 'failed', ms: 0 });
    expect(lost.error).toBe(`The folder does not exist: ${nowhere}`);
    const taken = newFile();
    await writeFile(taken, 'mine');
    expect(await endpoint.record({ file: taken, sides: 'peer' }).ended).toMatchObject({ reason: 'failed', ms: 0 });
    expect(readFileSync(taken, 'utf8')).toBe('mine');
  });

  promises('says that its file was taken away', async ({ call }) => {
    const { phone, endpoint } = await call();
    phone.talk(440);
    const file = newFile();
    const recorded = endpoint.record({ file, sides: 'peer' });
    await phoneTalks(phone, 200);
    await rm(file);
    const end = await recorded.ended;
    expect(end.reason).toBe('failed');
    expect(end.error).toBe(`${file} was removed while it was being written`);
  });

  promises('completes what is recorded when the endpoint is destroyed', async ({ call }) => {
    const { phone, endpoint } = await call();
    const [one, other] = [newFile(), newFile()];
    const recordings = [
      endpoint.record({ file: one, sides: 'peer' }),
      endpoint.record({ file: other, sides: 'both' }),
    ] as const;
    await phone.say(tone(440, 400));
    await endpoint.destroy();
    const [end] = await Promise.all(recordings.map((recorded) => recorded.ended));
    expect(end).toMatchObject({ reason: 'endpointGone' });
    expect(mono(one)).toHaveLength((end?.ms ?? 0) * 8);
    expect(sounds(440, mono(one).subarray(800, 2400))).toBe(true);
    expect(sounds(440, mono(other).subarray(800, 2400))).toBe(true);
    expect(await endpoint.record({ file: newFile(), sides: 'peer' }).ended).toEqual({ reason: 'endpointGone', ms: 0 });
  });
}

/** The mains, with an overtone, at some −37 dBm0, and a little noise. */
const hum = (ms: number) =>
  Int16Array.from({ length: 8 * ms }, (_, i) => {
    const angle = (2 * Math.PI * 50 * i) / 8000;
    return 250 * Math.sin(angle) + 150 * Math.sin(3 * angle) + ((i * 7919) % 41) - 20;
  });

/** Resolves when the phone has talked so long. */
async function phoneTalks(phone: RtpPeer, ms: number): Promise<void> {
  phone.quiet();
  await phone.say(tone(440, ms));
  phone.talk(440);
}
