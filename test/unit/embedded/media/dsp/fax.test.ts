import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFaxTerminal } from '../../../../../src/embedded/media/dsp/fax.ts';
import { isMissing, loadSpandsp, type Spandsp } from '../../../../../src/embedded/media/dsp/spandsp.ts';
import { readTiff } from '../../../../../src/media/tiff-file.ts';
import { pdfOfTiff } from '../../../../../src/messages/fax/pdf.ts';
import { connect } from '../../../../support/fax-machines.ts';
import { pageOf, shown, shownByPdf, tiffOf } from '../../../../support/fax-pages.ts';

const loaded = loadSpandsp();
if (isMissing(loaded)) throw new Error(loaded.missing);
const spandsp: Spandsp = loaded;

const run = promisify(execFile);
const FRAME = 160;
const FRAMES_PER_SECOND = 50;

describe('fax terminal', () => {
  let folder: string;
  let original: string;
  let received: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'km-fax-'));
    original = join(folder, 'original.tiff');
    received = join(folder, 'received.tiff');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const sender = (ecm = true) =>
    createFaxTerminal(spandsp, { do: 'send', file: original, stationId: '+7 495 1234567', ecm });
  const receiver = (options: { ecm?: boolean; maxPages?: number } = {}) =>
    createFaxTerminal(spandsp, { do: 'receive', file: received, stationId: '+7 495 7654321', ecm: true, ...options });

  it.each([
    { ecm: true, pages: 12 },
    { ecm: false, pages: 3 },
  ])('carries $pages pages dot by dot (error correction: $ecm)', async ({ ecm, pages }) => {
    const sent = Array.from({ length: pages }, (_, i) => pageOf(i));
    await writeFile(original, tiffOf(sent));
    const machines = [sender(), receiver({ ecm })] as const;
    connect(machines);
    const both = { reason: 'finished', pages, bitRate: 14_400, ecm, resolution: { x: 204, y: 196 } };
    expect(machines[0].close()).toEqual({ ...both, remoteStation: '+7 495 7654321' });
    expect(machines[1].close()).toEqual({ ...both, remoteStation: '+7 495 1234567' });
    expect(await shownByPdf(pdfOfTiff(await readFile(received)))).toEqual(shown(sent));
  });

  it('corrects what a bad line has done to the pages', async () => {
    const sent = [pageOf(1), pageOf(2)];
    await writeFile(original, tiffOf(sent));
    const machines = [sender(), receiver()] as const;
    // A crackle of 5 ms every 2 s.
    connect(machines, { line: (frame, i) => i % 100 === 99 && frame.fill(0, 0, 40) });
    machines[0].close();
    expect(machines[1].close()).toMatchObject({ reason: 'finished', pages: 2, ecm: true });
    expect(await shownByPdf(pdfOfTiff(await readFile(received)))).toEqual(shown(sent));
  });

  it('keeps page 1 when the call ends on page 2, and has it on the disk before', async () => {
    await writeFile(original, tiffOf([pageOf(1), pageOf(2), pageOf(3)]));
    const machines = [sender(), receiver()] as const;
    let seconds = 0;
    while (machines[1].progress.pages === 0 && seconds++ < 60) connect(machines, { seconds: 1 });
    connect(machines, { seconds: 2 });
    const crashed = join(folder, 'crashed.tiff');
    await copyFile(received, crashed);
    machines[0].close();
    expect(machines[1].close()).toMatchObject({
      reason: 'failed',
      pages: 1,
      error: 'the call ended before the fax did',
      remoteStation: '+7 495 1234567',
    });
    for (const file of [received, crashed]) {
      expect(await shownByPdf(pdfOfTiff(await readFile(file)))).toEqual(shown([pageOf(1)]));
    }
  });

  it('has the whole fax when the sender hangs up without a word after the last page', async () => {
    await writeFile(original, tiffOf([pageOf(1)]));
    const machines = [sender(), receiver()] as const;
    // In steps of 100 ms: between the confirmation of the page and the good-bye there is less than a second.
    while (machines[0].progress.pages === 0) connect(machines, { seconds: 0.1 });
    expect(machines[1].active).toBe(true);
    expect(machines[1].close()).toMatchObject({ reason: 'finished', pages: 1 });
    machines[0].close();
  });

  it('has sent the whole fax when the receiver hangs up while good-bye is said, and not when a page is missing', async () => {
    await writeFile(original, tiffOf([pageOf(1), pageOf(2)]));
    const machines = [sender(), receiver()] as const;
    const until = (pages: number) => {
      while (machines[0].progress.pages < pages) connect(machines, { seconds: 0.02 });
    };
    until(2);
    expect(machines[0].active).toBe(true);
    expect(machines[0].close()).toMatchObject({ reason: 'finished', pages: 2 });
    expect(machines[1].close()).toMatchObject({ pages: 2 });

    await rm(received);
    const broken = [sender(), receiver()] as const;
    while (broken[0].progress.pages < 1) connect(broken, { seconds: 0.02 });
    expect(broken[0].close()).toMatchObject({ reason: 'failed', pages: 1, error: 'the call ended before the fax did' });
    expect(broken[1].close()).toMatchObject({ pages: 1 });
  });

  it('says what went wrong', async () => {
    await writeFile(original, tiffOf([pageOf(1)]));
    const alone = sender();
    const silence = new Int16Array(FRAME);
    for (let i = 0; alone.active && i < 90 * FRAMES_PER_SECOND; i++) {
      alone.send(new Int16Array(FRAME));
      alone.receive(silence);
    }
    expect(alone.close()).toMatchObject({ reason: 'failed', pages: 0, error: 'no fax machine has answered' });

    await writeFile(original, 'no TIFF at all');
    const machines = [sender(), receiver()] as const;
    connect(machines);
    expect(machines[0].close()).toMatchObject({ reason: 'failed', error: 'the file cannot be opened or written' });
    expect(machines[1].close()).toMatchObject({ reason: 'failed', pages: 0, error: expect.any(String) });
  });

  it('takes no more pages than it may', async () => {
    await writeFile(original, tiffOf([pageOf(1), pageOf(2), pageOf(3)]));
    const machines = [sender(), receiver({ maxPages: 2 })] as const;
    connect(machines);
    machines[0].close();
    expect(machines[1].close()).toMatchObject({ reason: 'failed', pages: 2, error: 'more than 2 pages' });
    expect(readTiff(await readFile(received))).toHaveLength(2);
  });

  it.each(['ecm', 'plain'])('confirms no page that a full disk has swallowed (%s)', async (ecm) => {
    const sent = [pageOf(1), pageOf(2), pageOf(3)];
    await writeFile(original, tiffOf(sent));
    // A disk that takes one page and a half: 16 blocks of 512 bytes.
    const program = join(import.meta.dirname, '../../../../support/fax-machines.ts');
    const { stdout } = await run('sh', [
      '-c',
      `ulimit -f 16; exec "$@"`,
      'sh',
      process.execPath,
      program,
      original,
      received,
      ecm,
    ]);
    expect(JSON.parse(stdout)).toMatchObject([
      { reason: 'failed', pages: 1, error: 'the other machine did not confirm a page' },
      { reason: 'failed', pages: 1, unwritten: 1, error: '1 of 2 pages could not be written: the disk is full' },
    ]);
    expect(await shownByPdf(pdfOfTiff(await readFile(received)))).toEqual(shown(sent.slice(0, 1)));
  });

  it('refuses to be used after its end', async () => {
    await writeFile(original, tiffOf([pageOf(1)]));
    const terminal = sender();
    terminal.close();
    expect(() => terminal.receive(new Int16Array(FRAME))).toThrow(/after close/);
    expect(() => terminal.close()).toThrow(/after close/);
  });
});
