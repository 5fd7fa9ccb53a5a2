import { expect } from 'vitest';
import { talkBothWays } from '../../support/rtp-peer.ts';
import { isSilent } from '../../support/tones.ts';
import type { Contract } from '../media.ts';

export function bridging({ promises }: Contract): void {
  promises('lets two parties hear each other', async ({ call, server }) => {
    const [a, b] = [await call(), await call()];
    await a.endpoint.bridge(b.endpoint);
    await talkBothWays(a.phone, b.phone);
    expect(await server.stats()).toMatchObject({ endpoints: 2, bridges: 1 });
  });

  promises('sends nothing to two whose audio goes elsewhere, and carries it again afterwards', async ({ call }) => {
    const [a, b] = [await call(), await call()];
    await a.endpoint.bridge(b.endpoint);
    await talkBothWays(a.phone, b.phone);
    const ours = [a.endpoint.localSdp, b.endpoint.localSdp];
    await Promise.all([a.endpoint.bypass(), b.endpoint.bypass()]);
    expect([a.endpoint.localSdp, b.endpoint.localSdp]).toEqual(ours);
    a.phone.connect(b.phone.sdp());
    b.phone.connect(a.phone.sdp());
    for (const { phone } of [a, b]) phone.forget();
    await talkBothWays(a.phone, b.phone);
    expect(new Set(a.phone.packets.map(({ ssrc }) => ssrc))).toEqual(new Set([b.phone.ssrc]));
    expect(new Set(b.phone.packets.map(({ ssrc }) => ssrc))).toEqual(new Set([a.phone.ssrc]));
    for (const { phone, endpoint } of [a, b]) {
      phone.connect(await endpoint.negotiate(phone.sdp()));
      phone.forget();
    }
    await talkBothWays(a.phone, b.phone);
    expect(b.phone.packets.some(({ ssrc }) => ssrc === a.phone.ssrc)).toBe(false);
  });

  promises('translates between A-law and µ-law', async ({ call, phone, endpoint }) => {
    const a = await call();
    const mu = await phone({ codecs: ['pcmu'] });
    const b = await endpoint({ remoteSdp: mu.sdp() });
    mu.connect(b.localSdp);
    await a.endpoint.bridge(b);
    await talkBothWays(a.phone, mu);
    expect(new Set(mu.packets.map((packet) => packet.payloadType))).toEqual(new Set([0]));
    expect(new Set(a.phone.packets.map((packet) => packet.payloadType))).toEqual(new Set([8]));
  });

  promises('relays packets of any length from 10 to 60 ms as they come', async ({ call }) => {
    const [a, b] = [await call(), await call()];
    await a.endpoint.bridge(b.endpoint);
    for (const ms of [10, 20, 30, 40, 60]) {
      b.phone.forget();
      a.phone.sendAudio(new Int16Array(ms * 8).fill(1000));
      await b.phone.until(
        () => b.phone.packets.length > 0,
        1000,
        () => `the packet of ${ms} ms`,
      );
      expect(b.phone.packets[0]?.payload).toHaveLength(ms * 8);
    }
  });

  promises('keeps sequence, clock and loss of the relayed stream', async ({ call }) => {
    const [a, b] = [await call(), await call()];
    await a.endpoint.bridge(b.endpoint);
    const samples = new Int16Array(160).fill(1000);
    for (const action of ['send', 'send', 'lose', 'send', 'send'] as const) {
      if (action === 'send') a.phone.sendAudio(samples);
      else {
        a.phone.sequence = (a.phone.sequence + 1) & 0xffff;
        a.phone.timestamp = (a.phone.timestamp + 160) >>> 0;
      }
    }
    await b.phone.until(
      () => b.phone.packets.length === 4,
      1000,
      () => 'four packets',
    );
    const [first] = b.phone.packets;
    const steps = b.phone.packets.map((packet) => [
      (packet.sequence - (first?.sequence ?? 0)) & 0xffff,
      (packet.timestamp - (first?.timestamp ?? 0)) >>> 0,
    ]);
    expect(steps).toEqual([
      [0, 0],
      [1, 160],
      [3, 480],
      [4, 640],
    ]);
    expect(first?.ssrc).not.toBe(a.phone.ssrc);
    expect(await a.endpoint.stats()).toMatchObject({ packetsIn: 4, lost: 1 });
  });

  promises('plays over a bridge, and then lets the party be heard again', async ({ call }) => {
    const [a, b] = [await call(), await call()];
    await a.endpoint.bridge(b.endpoint);
    a.phone.talk(440);
    b.phone.talk(1000);
    await a.phone.hears(1000);
    const playback = a.endpoint.play([{ tone: { hz: [700], cadence: [10_000, 0] } }]);
    await a.phone.hears(700);
    await b.phone.hears(440);
    await playback.stop();
    await a.phone.hears(1000);
    const { ssrc } = a.phone.packets[0] ?? {};
    expect(a.phone.packets.every((packet) => packet.ssrc === ssrc)).toBe(true);
    const sequences = a.phone.packets.map((packet) => packet.sequence);
    expect(sequences.every((sequence, i) => i === 0 || ((sequence - (sequences[i - 1] ?? 0)) & 0xffff) === 1)).toBe(
      true,
    );
  });

  promises('ends a bridge from either side, as often as one likes', async ({ call, server }) => {
    const [a, b] = [await call(), await call()];
    await a.endpoint.bridge(b.endpoint);
    await talkBothWays(a.phone, b.phone);
    await b.endpoint.unbridge();
    await a.endpoint.unbridge();
    await b.endpoint.unbridge();
    expect(await server.stats()).toMatchObject({ endpoints: 2, bridges: 0 });
    const { packetsOut } = await b.endpoint.stats();
    a.phone.talk(440);
    await a.endpoint.play([{ silenceMs: 300 }]).ended;
    expect((await b.endpoint.stats()).packetsOut).toBe(packetsOut);
  });

  promises('replaces a bridge by the next one', async ({ call, server }) => {
    const [a, b, c] = [await call(), await call(), await call()];
    await a.endpoint.bridge(b.endpoint);
    await talkBothWays(a.phone, b.phone);
    await c.endpoint.bridge(a.endpoint);
    await talkBothWays(a.phone, c.phone);
    expect(await server.stats()).toMatchObject({ bridges: 1 });
    b.phone.forget();
    a.phone.talk(440);
    await c.phone.hears(440);
    expect(isSilent(b.phone.heard())).toBe(true);
  });

  promises('keeps the other party when one of two is destroyed', async ({ call, server }) => {
    const [a, b, c] = [await call(), await call(), await call()];
    await a.endpoint.bridge(b.endpoint);
    await talkBothWays(a.phone, b.phone);
    await b.endpoint.destroy();
    expect(await server.stats()).toMatchObject({ endpoints: 2, bridges: 0 });
    await a.endpoint.bridge(c.endpoint);
    await talkBothWays(a.phone, c.phone);
  });

  promises('lets the held party hear what is played while the other holds', async ({ call }) => {
    const [a, b] = [await call(), await call()];
    await a.endpoint.bridge(b.endpoint);
    await talkBothWays(a.phone, b.phone);
    await a.endpoint.negotiate(a.phone.sdp({ direction: 'inactive' }));
    const { packetsOut } = await a.endpoint.stats();
    const music = b.endpoint.play([{ tone: { hz: [600], cadence: [1000, 0] } }], { loop: true });
    b.phone.talk(1000);
    await b.phone.hears(600);
    expect((await a.endpoint.stats()).packetsOut).toBe(packetsOut);
    await a.endpoint.negotiate(a.phone.sdp());
    await music.stop();
    await talkBothWays(a.phone, b.phone);
  });

  promises('refuses to bridge an endpoint to itself', async ({ call }) => {
    const { endpoint } = await call();
    await expect(endpoint.bridge(endpoint)).rejects.toThrow(TypeError);
  });
}
