import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddedMedia } from '../../src/embedded/media/index.ts';
import { startFreeswitch } from '../../src/freeswitch/index.ts';
import type { Endpoint, MediaServer } from '../../src/media/port.ts';
import { pdfOfTiff } from '../../src/messages/fax/pdf.ts';
import { pageOf, shown, shownByPdf, tiffOf } from '../support/fax-pages.ts';
import { freePortRange } from '../support/ports.ts';
import { type SipStack, startSipStack } from '../support/sip-stack.ts';
import { mediaServerContract, type Skip } from './media.ts';

/** What FreeSWITCH 1.10.12 does otherwise; measured on it. */
const SKIPS: readonly Skip[] = [
  {
    test: 'stops with the next frame',
    why: 'it stops within three frames, and does not say how many it has sent',
  },
  {
    test: 'keeps sequence, clock and loss of the relayed stream',
    why: 'it numbers what it relays anew, so the loss of one side does not show on the other',
  },
  {
    test: 'passes a key as a tone to a party that does not know telephone-event',
    why: 'it sends silence first, and the tone a third of a second later',
  },
  {
    test: 'records what is played over a bridge, as it is heard',
    why: 'what the other party says meanwhile is in the file instead, which this party does not hear',
  },
  {
    test: 'keeps its clock over lost packets',
    why: 'it records what it reads: what is lost makes the file shorter',
  },
  {
    test: 'keeps its clock when the peer begins a new stream',
    why: 'the pause at the change of streams is shorter in the file by up to four frames',
  },
  {
    test: 'is silent for as long as the peer holds, and goes on with another codec',
    why: 'what is played while the peer holds is in the file, though nobody hears it',
  },
  { test: 'ends a recording that is long enough', why: 'it stops some frames after it was told' },
  {
    test: 'has a file that is right while the recording goes on',
    why: 'it writes the length into the file when it closes it',
  },
  { test: 'says that its file was taken away', why: 'it does not notice' },
  { test: 'lets nobody speak into a call, and counts the attempts', why: 'it does not count them; nobody is let in' },
  { test: 'counts what is not encrypted with his key', why: 'it does not count it; nobody hears it' },
  { test: 'drops and counts garbage', why: 'it does not count it' },
  {
    test: 'counts what was lost; repeated and disordered packets are no loss',
    why: 'its counters are those of packets that it has read in time',
  },
  {
    test: 'survives a peer that starts anew with other numbers',
    why: 'it counts the jump of the numbers as lost packets; the audio goes on',
  },
  {
    test: 'says when its ports are used up, and takes them again when they are free',
    why: 'its limit is one of sessions, and it counts one a moment longer than it lives',
  },
  {
    test: 'takes header extensions and padding off what it relays',
    why: 'it takes off too much of a packet that has both, and contributing sources',
  },
];

const address = process.env.FREESWITCH;

if (address === undefined) {
  describe('MediaServer: freeswitch', () => {
    it.skip('contract – skipped: set FREESWITCH=host:port:secret to run it against a FreeSWITCH on this machine');
  });
} else {
  const [host = '', port, ...secret] = address.split(':');
  const server = { host, port: Number(port), secret: secret.join(':') };
  let sip: SipStack;
  beforeAll(async () => {
    sip = await startSipStack({ pbxs: [] });
  });
  afterAll(() => sip.stop());
  mediaServerContract(
    `freeswitch at ${host}:${port}`,
    () => startFreeswitch({ servers: [server], sip: () => sip.sip.server, shared: [], node: randomUUID() }),
    { skips: SKIPS },
  );

  describe('freeswitch after an engine that died', () => {
    it('hangs up what it has left when it starts again, and nothing of others', async () => {
      const start = (node: string) =>
        startFreeswitch({ servers: [server], sip: () => sip.sip.server, shared: [], node });
      const [node, other] = [randomUUID(), await start(randomUUID())];
      const dead = await start(node);
      const [a, b] = [await dead.createEndpoint({ callId: 'dead' }), await dead.createEndpoint({ callId: 'dead' })];
      await a.bridge(b);
      const kept = await other.createEndpoint({ callId: 'kept' });
      const gone = Promise.all([a, b].map((one) => new Promise((resolve) => void one.on('gone', resolve))));
      const again = await start(node);
      await gone;
      expect(await kept.stats()).toMatchObject({ packetsIn: 0 });
      await Promise.all([dead, again, other].map((media) => media.close()));
    });
  });

  describe('freeswitch beside the embedded media server', () => {
    let folder: string;
    let ours: MediaServer;
    let theirs: MediaServer;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'km-freeswitch-'));
      ours = await startEmbeddedMedia({ address: '127.0.0.1', ports: await freePortRange(20), audioCacheDir: folder });
      theirs = await startFreeswitch({
        servers: [server],
        sip: () => sip.sip.server,
        shared: [folder],
        node: randomUUID(),
      });
    });
    afterAll(async () => {
      await Promise.all([ours?.close(), theirs?.close()]);
      await rm(folder, { recursive: true });
    });

    /** The first calls the second. */
    async function line(name: string, from: MediaServer, to: MediaServer): Promise<readonly [Endpoint, Endpoint]> {
      const caller = await from.createEndpoint({ callId: `${name}-out` });
      const callee = await to.createEndpoint({ callId: `${name}-in`, remoteSdp: caller.localSdp });
      await caller.negotiate(callee.localSdp);
      return [caller, callee];
    }

    it.each(['receives', 'sends'] as const)(
      '%s a fax, and is heard calling',
      async (does) => {
        const [caller, callee] = await (does === 'receives' ? line(does, ours, theirs) : line(does, theirs, ours));
        const pages = [pageOf(1, { height: 250 }), pageOf(2, { height: 250 })];
        const [original, received] = [join(folder, `${does}.tiff`), join(folder, `${does}-received.tiff`)];
        await writeFile(original, tiffOf(pages));
        const heard = new Promise((resolve) => callee.on('faxTone', resolve));
        const sending = caller.sendFax({ file: original, stationId: '111' });
        await heard;
        const progress: number[] = [];
        const receiving = callee.receiveFax({
          file: received,
          stationId: '222',
          onProgress: (one) => progress.push(one.pages),
        });
        expect(await sending.ended).toMatchObject({ reason: 'finished', pages: 2, remoteStation: '222' });
        const end = await receiving.ended;
        expect(end).toMatchObject({ reason: 'finished', pages: 2, remoteStation: '111', bitRate: 14_400 });
        expect(end.resolution).toEqual({ x: 204, y: 196 });
        expect(progress.at(-1)).toBe(2);
        expect(await shownByPdf(pdfOfTiff(await readFile(received)))).toEqual(shown(pages));
        await Promise.all([caller.destroy(), callee.destroy()]);
      },
      90_000,
    );
  });
}
