import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { convertAudio } from '../../src/embedded/media/dsp/convert.ts';
import { alawDecode } from '../../src/embedded/media/dsp/g711.ts';
import { startEmbeddedMedia } from '../../src/embedded/media/index.ts';
import { PbxSounds } from '../../src/media/pbx-sounds.ts';
import { PromptSet } from '../../src/media/prompts/prompt-set.ts';
import { pbxOf } from '../support/pbx.ts';
import { freePortRange } from '../support/ports.ts';
import { RtpPeer } from '../support/rtp-peer.ts';

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const action of undo.splice(0).toReversed()) await action();
});

it('says a number, a duration and a place in the language of the PBX, every recording whole and in order', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'announcement-'));
  undo.push(() => rm(directory, { recursive: true }));
  const media = await startEmbeddedMedia({
    address: '127.0.0.1',
    ports: await freePortRange(2),
    audioCacheDir: directory,
  });
  undo.push(() => media.close());
  const phone = await RtpPeer.open();
  undo.push(() => phone.close());
  const endpoint = await media.createEndpoint({ callId: 'a', remoteSdp: phone.sdp() });
  phone.connect(endpoint.localSdp);
  const sounds = new PbxSounds(await PromptSet.open());

  const sources = sounds.say(pbxOf({}), [
    { fragment: 'less-than' },
    { minutes: 1 },
    { ordinal: 23 },
    { phone: '4012' },
  ]);

  // менее · одной · минуты · двадцать · третий · сорок · (pause) · двенадцать
  expect(sources).toHaveLength(8);
  const expected: number[] = [];
  for (const source of sources) {
    if ('tone' in source) throw new Error('an announcement has no tones');
    if ('silenceMs' in source) expected.push(...new Int16Array(source.silenceMs * 8));
    else expected.push(...decoded((await convertAudio(source.file)).alaw));
  }
  const { reason, playedMs } = await endpoint.play(sources).ended;
  expect(reason).toBe('finished');
  expect(Math.abs(playedMs - expected.length / 8)).toBeLessThanOrEqual(20);
  await phone.until(
    () => phone.heard().length >= expected.length,
    3000,
    () => 'less was heard than is in the recordings',
  );
  // A-law in the files, A-law on the wire: sample by sample the same, but for the silence that fills the last packet.
  const heard = phone.heard();
  expect(heard.length - expected.length).toBeLessThan(160);
  const loud = (samples: ArrayLike<number>) => Array.from(samples, (sample) => (Math.abs(sample) <= 8 ? 0 : sample));
  expect(loud(heard.subarray(0, expected.length))).toEqual(loud(expected));
});

function decoded(alaw: Uint8Array): Int16Array {
  const samples = new Int16Array(alaw.length);
  alawDecode(alaw, samples);
  return samples;
}
