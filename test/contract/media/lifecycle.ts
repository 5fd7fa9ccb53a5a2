import { expect } from 'vitest';
import { talkBothWays } from '../../support/rtp-peer.ts';
import { eventually } from '../../support/wait.ts';
import type { Contract } from '../media.ts';

export function lifecycle({ promises }: Contract): void {
  promises('ends what runs when an endpoint is destroyed', async ({ call, server }) => {
    const [a, b] = [await call(), await call()];
    await a.endpoint.bridge(b.endpoint);
    const playback = a.endpoint.play([{ tone: { hz: [700], cadence: [10_000, 0] } }]);
    await a.phone.hears(700);
    const digits = a.endpoint.sendDtmf('1234567890');
    const refused = expect(digits).rejects.toMatchObject({ code: 'endpoint-gone' });
    await Promise.all([a.endpoint.destroy(), a.endpoint.destroy()]);
    const end = await playback.ended;
    expect(end.reason).toBe('endpointGone');
    expect(end.playedMs).toBeGreaterThan(100);
    await refused;
    expect(await server.stats()).toMatchObject({ endpoints: 1, bridges: 0, playbacks: 0 });
  });

  promises('refuses everything after an endpoint was destroyed', async ({ call }) => {
    const { phone, endpoint } = await call();
    const other = await call();
    await endpoint.destroy();
    const gone = expect.objectContaining({ code: 'endpoint-gone' });
    await expect(endpoint.negotiate(phone.sdp())).rejects.toEqual(gone);
    await expect(endpoint.sendDtmf('1')).rejects.toEqual(gone);
    await expect(endpoint.bridge(other.endpoint)).rejects.toEqual(gone);
    await expect(other.endpoint.bridge(endpoint)).rejects.toEqual(gone);
    await expect(endpoint.stats()).rejects.toEqual(gone);
    expect(await endpoint.play([{ silenceMs: 20 }]).ended).toEqual({ reason: 'endpointGone', playedMs: 0 });
    await endpoint.unbridge();
    await endpoint.destroy();
  });

  promises('tells nothing more to a listener that was taken off', async ({ call }) => {
    const { phone, endpoint } = await call();
    const [kept, taken]: string[][] = [[], []];
    endpoint.on('dtmf', ({ digit }) => kept?.push(digit));
    const off = endpoint.on('dtmf', ({ digit }) => taken?.push(digit));
    await phone.press('1');
    off();
    await phone.press('2');
    await endpoint.stats();
    expect([kept, taken]).toEqual([['1', '2'], ['1']]);
  });

  promises('tells once that nothing comes from a peer who should send', async ({ call }) => {
    const { phone, endpoint } = await call();
    const told: number[] = [];
    let tell = (): void => undefined;
    endpoint.on('silent', ({ ms }) => {
      told.push(ms);
      tell();
    });
    const silence = () =>
      new Promise<void>((resolve) => {
        tell = resolve;
      });
    const first = silence();
    endpoint.expectMedia({ firstMs: 100, thenMs: 200, pauseMs: 0 });
    await first;
    expect(told).toEqual([expect.toSatisfy((ms: number) => ms >= 100)]);
    // He is heard after all, and falls silent.
    const heard = new Promise((resolve) => endpoint.on('media', resolve));
    phone.talk(440);
    await heard;
    const again = silence();
    phone.quiet();
    await again;
    expect(told).toEqual([expect.anything(), expect.toSatisfy((ms: number) => ms >= 200)]);
  });

  promises('tells of a pause, again as long as it lasts, and of its end', async ({ call }) => {
    const { phone, endpoint } = await call();
    const told: (number | 'resumed')[] = [];
    endpoint.on('paused', ({ ms }) => void told.push(ms));
    endpoint.on('resumed', () => void told.push('resumed'));
    endpoint.expectMedia({ firstMs: 0, thenMs: 0, pauseMs: 200 });
    const count = (many: number) =>
      eventually(
        `${many} words`,
        () => told.length,
        (length) => length >= many,
      );
    await count(2);
    phone.talk(440);
    await eventually(
      'the end of the pause',
      () => told.at(-1),
      (last) => last === 'resumed',
    );
    const [first, second] = told;
    expect(first).toBeGreaterThanOrEqual(200);
    expect(second).toBeGreaterThan(Number(first) + 199);
    const before = told.length;
    phone.quiet();
    await count(before + 1);
    expect(told.at(before)).toBeGreaterThanOrEqual(200);
  });

  promises('says when its ports are used up, and takes them again when they are free', async ({ small }) => {
    const server = await small(2);
    const [first] = [await server.createEndpoint({ callId: 'a' }), await server.createEndpoint({ callId: 'b' })];
    await expect(server.createEndpoint({ callId: 'c' })).rejects.toMatchObject({ name: 'MediaError', code: 'no-port' });
    await first.destroy();
    const again = await server.createEndpoint({ callId: 'd' });
    await again.destroy();
  });

  promises('refuses endpoints after it was closed, and may be closed twice', async ({ small }) => {
    const server = await small(2);
    const endpoint = await server.createEndpoint({ callId: 'a' });
    const playback = endpoint.play([{ silenceMs: 60_000 }]);
    await Promise.all([server.close(), server.close()]);
    expect(await playback.ended).toMatchObject({ reason: 'endpointGone' });
    await expect(server.createEndpoint({ callId: 'b' })).rejects.toMatchObject({ code: 'server-gone' });
    await expect(endpoint.stats()).rejects.toMatchObject({ name: 'MediaError' });
  });

  promises('carries 50 endpoints at once', async ({ call, server }) => {
    const calls = await Promise.all(Array.from({ length: 50 }, () => call()));
    const [talkers, players] = [calls.slice(0, 20), calls.slice(20)];
    for (let i = 0; i < talkers.length; i += 2) await talkers[i]?.endpoint.bridge(talkers[i + 1]?.endpoint as never);
    const playbacks = players.map(({ endpoint }) => endpoint.play([{ tone: { hz: [700], cadence: [60_000, 0] } }]));
    const pairs = Array.from({ length: 10 }, (_, i) => talkers.slice(2 * i, 2 * i + 2));
    await Promise.all([
      ...pairs.map(([a, b]) => a && b && talkBothWays(a.phone, b.phone)),
      ...players.map(({ phone }) => phone.hears(700)),
    ]);
    expect(await server.stats()).toMatchObject({ endpoints: 50, bridges: 10, playbacks: 30 });
    await Promise.all(calls.map(({ endpoint }) => endpoint.destroy()));
    const ends = await Promise.all(playbacks.map((playback) => playback.ended));
    expect(new Set(ends.map((end) => end.reason))).toEqual(new Set(['endpointGone']));
    expect(await server.stats()).toMatchObject({ endpoints: 0, bridges: 0, playbacks: 0 });
  });
}
