import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddedMedia } from '../../src/embedded/media/index.ts';
import type { FaxProgress } from '../../src/media/fax.ts';
import type { Endpoint, MediaServer } from '../../src/media/port.ts';
import { pdfOfTiff } from '../../src/messages/fax/pdf.ts';
import { seededRandom } from '../../src/time/seeded-random.ts';
import { DelayingRelay } from '../support/delaying-relay.ts';
import { pageOf, shown, shownByPdf, tiffOf } from '../support/fax-pages.ts';
import { freePortRange } from '../support/ports.ts';
import { RtpPeer } from '../support/rtp-peer.ts';

/** In real time, as RTP is; so the faxes go side by side. */
describe.concurrent('fax over RTP', () => {
  let folder: string;
  let media: MediaServer;
  const relays: DelayingRelay[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'km-fax-'));
    media = await startEmbeddedMedia({ address: '127.0.0.1', ports: await freePortRange(20), audioCacheDir: folder });
  });
  afterAll(async () => {
    await media.close();
    await Promise.all(relays.map((relay) => relay.close()));
    await rm(folder, { recursive: true });
  });

  /** Two endpoints as two companies would have them: with a network between. */
  async function line(name: string): Promise<{ caller: Endpoint; callee: Endpoint; relay: DelayingRelay }> {
    const caller = await media.createEndpoint({ callId: `${name}-out` });
    const callee = await media.createEndpoint({ callId: `${name}-in`, remoteSdp: caller.localSdp });
    const parties = [{ port: portOf(caller.localSdp) }, { port: portOf(callee.localSdp) }] as const;
    const relay = await DelayingRelay.open(parties, { share: 0.01, ms: 40, random: seededRandom(7) });
    relays.push(relay);
    const [forCaller, forCallee] = relay.ports;
    await callee.negotiate(withPort(caller.localSdp, forCallee));
    await caller.negotiate(withPort(callee.localSdp, forCaller));
    return { caller, callee, relay };
  }

  const portOf = (sdp: string): number => Number(/m=audio (\d+)/.exec(sdp)?.[1]);
  const withPort = (sdp: string, port: number): string =>
    sdp.replace(/m=audio \d+/, `m=audio ${port}`).replace(/a=rtcp:\d+.*\r\n/g, '');

  it('carries pages dot by dot though 1 % of the packets come 40 ms late, and without error correction', async () => {
    const { caller, callee, relay } = await line('whole');
    const [original, received] = [join(folder, 'whole.tiff'), join(folder, 'whole-received.tiff')];
    const pages = [pageOf(1, { height: 250 }), pageOf(2, { height: 250 })];
    await writeFile(original, tiffOf(pages));
    const progress: FaxProgress[] = [];

    // Without error correction each dropped or doubled sample would be seen.
    const receiving = callee.receiveFax({
      file: received,
      stationId: '222',
      ecm: false,
      onProgress: (one) => progress.push(one),
    });
    const sending = caller.sendFax({ file: original, stationId: '111' });
    const both = { reason: 'finished', pages: 2, ecm: false, bitRate: 14_400 };
    expect(await sending.ended).toMatchObject({ ...both, remoteStation: '222' });
    expect((await receiving.ended).error).toBeUndefined();
    expect(await receiving.ended).toMatchObject({ ...both, remoteStation: '111' });
    expect(await shownByPdf(pdfOfTiff(await readFile(received)))).toEqual(shown(pages));
    expect(progress.map((one) => [one.remoteStation, one.pages])).toEqual([
      ['111', 0],
      ['111', 1],
      ['111', 2],
    ]);
    expect(relay.passed.late).toBeGreaterThan(10);
  }, 60_000);

  it('keeps what has come when the call ends in the middle, and says so', async () => {
    const { caller, callee } = await line('broken');
    const [original, received] = [join(folder, 'broken.tiff'), join(folder, 'broken-received.tiff')];
    const pages = [pageOf(3, { height: 100 }), pageOf(4, { height: 2000 })];
    await writeFile(original, tiffOf(pages));
    const firstPage = Promise.withResolvers<void>();
    const receiving = callee.receiveFax({
      file: received,
      stationId: '222',
      onProgress: (one) => one.pages === 1 && firstPage.resolve(),
    });
    const sending = caller.sendFax({ file: original, stationId: '111' });
    await firstPage.promise;
    await callee.destroy();
    expect(await receiving.ended).toMatchObject({
      reason: 'failed',
      pages: 1,
      error: 'the call ended before the fax did',
    });
    expect(await shownByPdf(pdfOfTiff(await readFile(received)))).toEqual(shown(pages.slice(0, 1)));
    expect(await sending.stop()).toMatchObject({ reason: 'stopped' });
  }, 60_000);

  it('takes one of two who talk out of their conversation, and puts him back', async () => {
    const [client, employee] = [await RtpPeer.open(), await RtpPeer.open()];
    const ends = await Promise.all(
      [client, employee].map((peer) => media.createEndpoint({ callId: 'talk', remoteSdp: peer.sdp() })),
    );
    const [ofClient, ofEmployee] = ends as [Endpoint, Endpoint];
    client.connect(ofClient.localSdp);
    employee.connect(ofEmployee.localSdp);
    await ofClient.bridge(ofEmployee);
    client.talk(440);
    await employee.hears([440]);

    const fax = ofClient.receiveFax({ file: join(folder, 'talk.tiff'), stationId: '222' });
    // The tone with which a machine answers (CED).
    await client.hears([2100]);
    const heard = employee.packets.length;
    client.talk(1000);
    await client.hears([2100]);
    expect(employee.packets.length - heard).toBeLessThan(5);
    expect(await fax.stop()).toMatchObject({ reason: 'stopped', pages: 0 });
    await employee.hears([1000]);
    await Promise.all(ends.map((end) => end.destroy()));
    await Promise.all([client.close(), employee.close()]);
  });

  it('is refused in words, and nothing else, where there is no libspandsp', async () => {
    const warnings: string[] = [];
    const without = await startEmbeddedMedia({
      ...{ address: '127.0.0.1', ports: await freePortRange(8), audioCacheDir: folder },
      libspandsp: ['libspandsp-is-not-here.so.2'],
      log: { info: () => undefined, warn: (fields, text) => warnings.push(`${text} ${JSON.stringify(fields)}`) },
    });
    expect(without.faxProblem).toMatch(/apt install libspandsp2/);
    expect(media.faxProblem).toBeUndefined();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/libspandsp cannot be loaded: .*apt install libspandsp2.*there is no fax/);
    const peer = await RtpPeer.open();
    const endpoint = await without.createEndpoint({ callId: 'without', remoteSdp: peer.sdp() });
    peer.connect(endpoint.localSdp);
    endpoint.on('faxTone', () => undefined);
    expect(await endpoint.receiveFax({ file: join(folder, 'none.tiff'), stationId: '' }).ended).toMatchObject({
      ...{ reason: 'failed', pages: 0 },
      error: without.faxProblem,
    });
    peer.talk(1100);
    endpoint.play([{ tone: { hz: [440], cadence: [1000, 0], ms: 2000 } }]);
    await peer.hears([440]);
    await without.close();
    await peer.close();
  });

  it('hears the calling tone in its first burst, for as long as somebody wants to know', async () => {
    const peer = await RtpPeer.open();
    const endpoint = await media.createEndpoint({ callId: 'cng', remoteSdp: peer.sdp() });
    peer.connect(endpoint.localSdp);
    const tones: string[] = [];
    const heard = Promise.withResolvers<void>();
    const off = endpoint.on('faxTone', () => {
      tones.push('one');
      heard.resolve();
    });
    peer.talk(1100);
    await heard.promise;
    off();
    peer.quiet();
    expect(tones).toEqual(['one']);
    await endpoint.destroy();
    await peer.close();
  });
});
