import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type RtpPeer, talkBothWays } from '../../support/rtp-peer.ts';
import { describeSound, isSilent, sounds, tone } from '../../support/tones.ts';
import { wavChannels } from '../../support/wav-channels.ts';
import type { Call, Contract, Stage } from '../media.ts';

/** What the parties say: far enough apart that 200 ms tell them apart. */
const TONES = [500, 700, 900] as const;

export function conferences({ promises }: Contract): void {
  promises('lets each of three hear the two others, and not himself', async (stage) => {
    const { conference, calls } = await three(stage);
    expect(conference.size).toBe(3);
    expect(await stage.server.stats()).toMatchObject({ endpoints: 3, bridges: 0, conferences: 1 });
    await allHear(calls);
  });

  promises('hears one who joins later, and misses one who leaves', async (stage) => {
    const { conference, calls, participants } = await three(stage);
    await allHear(calls);
    const late = await stage.call();
    late.phone.talk(1100);
    await conference.join(late.endpoint);
    await calls[0].phone.hears([700, 900, 1100]);
    await late.phone.hears(TONES);
    await participants[1].leave();
    await participants[1].leave();
    expect(conference.size).toBe(3);
    await calls[0].phone.hears([900, 1100]);
    await late.phone.hears([500, 900]);
    await hearsNothing(calls[1].phone);
  });

  promises('keeps the others when one of them is destroyed', async (stage) => {
    const { conference, calls } = await three(stage);
    await allHear(calls);
    await calls[2].endpoint.destroy();
    await calls[0].phone.hears(700);
    await calls[1].phone.hears(500);
    expect(conference.size).toBe(2);
  });

  promises('does not let one who is mute be heard, who hears the others', async (stage) => {
    const { calls, participants } = await three(stage);
    await allHear(calls);
    await participants[0].mute(true);
    await calls[1].phone.hears(900);
    await calls[2].phone.hears(700);
    await calls[0].phone.hears([700, 900]);
    await participants[0].mute(false);
    await allHear(calls);
  });

  promises('plays to one alone, who is heard meanwhile, and hears the others again afterwards', async (stage) => {
    const { calls } = await three(stage);
    await allHear(calls);
    const playback = calls[0].endpoint.play([{ tone: { hz: [1500], cadence: [10_000, 0] } }]);
    await calls[0].phone.hears(1500);
    await calls[1].phone.hears([500, 900]);
    expect(await playback.stop()).toMatchObject({ reason: 'stopped' });
    await allHear(calls);
    const short = calls[0].endpoint.play([{ tone: { hz: [1500], cadence: [400, 0] } }]);
    expect(await short.ended).toMatchObject({ reason: 'finished', playedMs: 400 });
    await calls[0].phone.hears([700, 900]);
  });

  promises('plays to one who is alone', async (stage) => {
    const alone = await stage.call();
    alone.phone.talk(500);
    const conference = await stage.conference();
    await conference.join(alone.endpoint);
    const music = alone.endpoint.play([{ tone: { hz: [1500], cadence: [300, 0] } }], { loop: true });
    await alone.phone.hears(1500);
    const second = await stage.call();
    second.phone.talk(700);
    await conference.join(second.endpoint);
    await music.stop();
    await alone.phone.hears(700);
    await second.phone.hears(500);
  });

  promises('tells of the keys of one, and the others do not get them', async (stage) => {
    const { calls } = await three(stage);
    await allHear(calls);
    const pressed = new Promise((resolve) => calls[0].endpoint.on('dtmf', resolve));
    for (const { phone } of calls) phone.forget();
    await calls[0].phone.press('5');
    expect(await pressed).toEqual({ digit: '5', source: 'rfc4733' });
    calls[0].phone.talk(500);
    await allHear(calls);
    expect(calls.map(({ phone }) => phone.keys)).toEqual(['', '', '']);
  });

  promises('mixes A-law and µ-law', async (stage) => {
    const conference = await stage.conference();
    const a = await stage.call();
    const mu = await stage.phone({ codecs: ['pcmu'] });
    const b = await stage.endpoint({ remoteSdp: mu.sdp() });
    mu.connect(b.localSdp);
    a.phone.talk(500);
    mu.talk(700);
    await conference.join(a.endpoint);
    await conference.join(b);
    await a.phone.hears(700);
    await mu.hears(500);
    expect(new Set(mu.packets.map(({ payloadType }) => payloadType))).toEqual(new Set([0]));
  });

  promises('takes endpoints of several calls', async (stage) => {
    // Their audio may live in different places of the server.
    const conference = await stage.conference();
    const calls = [await stage.call(), await stage.call(), await stage.call(), await stage.call()];
    const tones = [500, 700, 900, 1100];
    for (const [i, { phone, endpoint }] of calls.entries()) {
      phone.talk(tones[i] as number);
      await conference.join(endpoint);
    }
    await Promise.all(calls.map(({ phone }, i) => phone.hears(tones.filter((_, other) => other !== i))));
  });

  promises('goes from a bridge into a conference, and back', async (stage) => {
    const [a, b] = [await stage.call(), await stage.call()];
    await a.endpoint.bridge(b.endpoint);
    await talkBothWays(a.phone, b.phone);
    const conference = await stage.conference();
    const c = await stage.call();
    const talking = [a, b, c] as const;
    talking.forEach(({ phone }, i) => void phone.talk(TONES[i] as number));
    for (const { endpoint } of talking) await conference.join(endpoint);
    await allHear(talking);
    await a.endpoint.bridge(b.endpoint);
    expect(conference.size).toBe(1);
    await a.phone.hears(700);
    await b.phone.hears(500);
    await hearsNothing(c.phone);
    await c.endpoint.unbridge();
    expect(conference.size).toBe(0);
  });

  promises('changes from one conference to another', async (stage) => {
    const { calls } = await three(stage);
    const other = await stage.conference();
    const d = await stage.call();
    d.phone.talk(1100);
    await other.join(d.endpoint);
    await other.join(calls[0].endpoint);
    await calls[0].phone.hears(1100);
    await d.phone.hears(500);
    await calls[1].phone.hears(900);
  });

  promises('records what one says, and what he hears', async (stage) => {
    const folder = await mkdtemp(join(tmpdir(), 'km-conference-'));
    try {
      const { calls } = await three(stage);
      await allHear(calls);
      const file = join(folder, 'one.wav');
      const recording = calls[0].endpoint.record({ file, sides: 'both', maxMs: 1000 });
      expect(await recording.ended).toMatchObject({ reason: 'maxLength' });
      // After the moment in which it began.
      const [said, heard] = wavChannels(file).map((channel) => channel.subarray(2400, 6400)) as [
        Int16Array,
        Int16Array,
      ];
      expect(sounds(500, said), describeSound(said)).toBe(true);
      expect(sounds([700, 900], heard), describeSound(heard)).toBe(true);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  promises('lets everybody go when it ends, and nobody in afterwards', async (stage) => {
    const { conference, calls } = await three(stage);
    await allHear(calls);
    await conference.end();
    await conference.end();
    expect(conference.size).toBe(0);
    expect(await stage.server.stats()).toMatchObject({ endpoints: 3, conferences: 0 });
    for (const { phone } of calls) await hearsNothing(phone);
    await expect(conference.join(calls[0].endpoint)).rejects.toMatchObject({ code: 'server-gone' });
    await calls[0].endpoint.bridge(calls[1].endpoint);
    await talkBothWays(calls[0].phone, calls[1].phone);
  });

  promises('refuses an endpoint that is gone', async (stage) => {
    const conference = await stage.conference();
    const { endpoint } = await stage.call();
    await endpoint.destroy();
    await expect(conference.join(endpoint)).rejects.toMatchObject({ code: 'endpoint-gone' });
    expect(conference.size).toBe(0);
  });

  promises('is heard no later for having paused', async (stage) => {
    const [a, b] = [await stage.call(), await stage.call()];
    const conference = await stage.conference();
    await conference.join(a.endpoint);
    await conference.join(b.endpoint);
    b.phone.talk(700);
    a.phone.talk(500);
    await b.phone.hears(500);
    // A phone that sends nothing while nobody speaks: its clock goes on.
    a.phone.quiet();
    await hearsNothing(b.phone);
    a.phone.timestamp = (a.phone.timestamp + 3200) >>> 0;
    a.phone.talk(500);
    // 200 ms of it are waited for; the pause was twice as long.
    await b.phone.hears(500, 500);
  });
}

type Three = readonly [Call, Call, Call];

/** Three who talk with the tones. */
async function three(stage: Stage) {
  const conference = await stage.conference();
  const calls = [await stage.call(), await stage.call(), await stage.call()] as const;
  calls.forEach(({ phone }, i) => void phone.talk(TONES[i] as number));
  const [a, b, c] = calls;
  const participants = [
    await conference.join(a.endpoint),
    await conference.join(b.endpoint),
    await conference.join(c.endpoint),
  ] as const;
  return { conference, calls, participants };
}

/** Each hears exactly the two others. */
const allHear = (calls: Three) =>
  Promise.all(calls.map(({ phone }, i) => phone.hears(TONES.filter((_, other) => other !== i))));

/** Nothing comes any more, or silence, while he talks on for 400 ms; then he is quiet. */
async function hearsNothing(phone: RtpPeer): Promise<void> {
  await phone.say(tone(1300, 200));
  phone.forget();
  await phone.say(tone(1300, 200));
  const heard = phone.heard();
  expect(isSilent(heard), describeSound(heard)).toBe(true);
}
