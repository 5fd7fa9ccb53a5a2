import { pino } from 'pino';
import { afterEach, expect, it } from 'vitest';
import { CallerAudio } from '../../src/call/caller-audio.ts';
import type { CallerLeg } from '../../src/call/caller-leg.ts';
import { startEmbeddedMedia } from '../../src/embedded/media/index.ts';
import type { AudioSource } from '../../src/media/port.ts';
import { pbxOf } from '../support/pbx.ts';
import { freePortRange } from '../support/ports.ts';
import { RtpPeer } from '../support/rtp-peer.ts';
import { temporaryFolder } from '../support/temp.ts';
import { melody } from '../support/tones.ts';

/** A caller who waits, with real media: what he hears on his phone. */

let resources = new AsyncDisposableStack();
afterEach(async () => {
  await resources.disposeAsync();
  resources = new AsyncDisposableStack();
});

const tones = (...hz: number[]): AudioSource[] => hz.map((one) => ({ tone: { hz: [one], cadence: [200, 0] } }));
const tunes: Record<string, readonly AudioSource[]> = {
  music: tones(500, 600, 800, 900, 1000, 1100),
  other: tones(1200, 1300, 1400),
  position: tones(700),
};
const all = [500, 600, 700, 800, 900, 1000, 1100, 1200, 1300, 1400];

async function caller() {
  const directory = resources.use(await temporaryFolder('music')).path;
  const media = await startEmbeddedMedia({
    ...{ address: '127.0.0.1', ports: await freePortRange(2), audioCacheDir: directory },
  });
  resources.defer(() => media.close());
  const phone = await RtpPeer.open();
  resources.defer(() => phone.close());
  const endpoint = await media.createEndpoint({ callId: 'a', remoteSdp: phone.sdp() });
  phone.connect(endpoint.localSdp);
  const audio = new CallerAudio({
    // Of the leg it needs no more than its end of the media.
    caller: { answer: async () => ({ endpoint }), earlyMedia: async () => endpoint } as unknown as CallerLeg,
    pbx: pbxOf({}),
    sounds: { audio: (_, id) => tunes[id] ?? [], say: () => [], ringBack: () => [] },
    log: pino({ level: 'silent' }),
    onUnheard: (error) => expect.fail(error),
  });
  /** The tones so far, each as long as it lasted, in steps of 200 ms at most. */
  const heard = () => melody(phone.heard(), all).filter((hz) => hz !== 0);
  const until = (what: string, is: (tones: readonly number[]) => boolean) =>
    phone.until(
      () => is(heard()),
      5000,
      () => `${what} was not heard, but ${heard()}`,
    );
  return { audio, heard, until, playing: new AbortController().signal };
}

it('goes on after an announcement from where it was interrupted, and again after the next', async () => {
  const { audio, heard, until, playing } = await caller();
  void audio.waitForAnswer('music');
  await until('the second tone', (tones) => tones.includes(600));
  await audio.play('position', playing);
  void audio.waitForAnswer('music');
  await until('what follows', (tones) => tones.includes(900));
  await audio.play('position', playing);
  void audio.waitForAnswer('music');
  await until('the end', (tones) => tones.includes(1100));
  const order = heard();
  // Each time the tone that was cut off, or the next if it was about to end; none of those before again.
  const music = order.filter((hz, i) => hz !== 700 && hz !== order.slice(0, i).findLast((before) => before !== 700));
  expect(order.filter((hz) => hz === 700)).toEqual([700, 700]);
  expect(music).toEqual([500, 600, 800, 900, 1000, 1100]);
});

it('begins anew when it is another music', async () => {
  const { audio, heard, until, playing } = await caller();
  void audio.waitForAnswer('music');
  await until('the third tone', (tones) => tones.includes(800));
  await audio.play('position', playing);
  void audio.waitForAnswer('other');
  await until('the other music', (tones) => tones.includes(1300));
  const order = heard();
  expect(order.slice(order.indexOf(700))).toEqual([700, 1200, 1300]);
});
