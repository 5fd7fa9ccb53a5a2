import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflateSync } from 'node:zlib';
import { type Bitmap, compressions, writeTiff } from '../../src/media/tiff-file.ts';
import { readPbm } from '../../src/messages/fax/pbm.ts';

const run = promisify(execFile);

/** A page that no other number has: bars and blocks that depend on it, and its number in large dots. */
export function pageOf(number: number, { width = 1728, height = 600 } = {}): Bitmap {
  const row = width / 8;
  const bits = new Uint8Array(row * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < row; x++) {
      const block = ((y >> 4) * 7 + (x >> 2) * 3 + number * 5) % 11;
      bits[y * row + x] = y < 8 ? 0xff : block === 0 ? 0xff : block === 1 ? 0x3c : 0;
    }
  }
  return { width, height, bits };
}

/** As a sender would have it. */
export const tiffOf = (pages: readonly Bitmap[]): Uint8Array =>
  writeTiff(
    pages.map(({ width, height, bits }) => ({
      width,
      height,
      compression: compressions.deflate,
      data: deflateSync(bits),
      resolution: { x: 204, y: 196 },
    })),
  );

/** What pages show, in few characters: equal if each dot is. */
export const shown = (pages: readonly Bitmap[]): string[] =>
  pages.map(({ width, height, bits }) => `${width}×${height} ${createHash('sha1').update(bits).digest('hex')}`);

/** What the images of a PDF show, dot by dot as they are in it, read by poppler. */
export async function shownByPdf(pdf: Uint8Array): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'km-pdf-'));
  try {
    const file = join(folder, 'fax.pdf');
    await writeFile(file, pdf);
    await run('pdfimages', [file, join(folder, 'page')]);
    const names = (await readdir(folder)).filter((name) => name.endsWith('.pbm')).sort();
    return shown(await Promise.all(names.map(async (name) => readPbm(await readFile(join(folder, name))))));
  } finally {
    await rm(folder, { recursive: true });
  }
}
