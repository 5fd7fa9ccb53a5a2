import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { UserError } from '../../errors.ts';
import { type Bitmap, compressions, type PageToWrite, readTiff, writeTiff } from '../../media/tiff-file.ts';
import { readPbm } from './pbm.ts';
import { isPlainFax } from './pdf.ts';

export type DocumentType = 'application/pdf' | 'image/tiff';

/** §4.5.6.3 */
export const mostPages = 100;
/** A page of a fax: eight dots a millimetre across, 7.7 down («fine»). */
const RESOLUTION = { x: 204, y: 196 };
/** Dots that the line of an A4 page has (T.4 §2): wider ones need a machine with wider paper. */
const WIDTH = 1728;
const FAX_WIDTHS = [1728, 2048, 2432];
/** Three metres of paper. */
const MOST_ROWS = 24_000;
/** A page that takes longer has been made to keep a processor busy. */
const RENDER_MS = 60_000;

const run = promisify(execFile);
const compressed = promisify(deflate);

/**
 * A document as pages that can be faxed, in one TIFF file. TIFF files of fax machines are taken over as they are; PDF is drawn by poppler, in a process of its own:
 * what a document does to it, it does to that process.
 * @throws UserError `fax-document`: it is no such document, has no pages or too many, or cannot be drawn
 */
export async function faxPages(document: Uint8Array, type: DocumentType): Promise<{ tiff: Uint8Array; pages: number }> {
  if (type === 'image/tiff') return faxTiff(document);
  if (Buffer.from(document.subarray(0, 1024)).indexOf('%PDF-') < 0)
    throw bad('It is no PDF', 'Send the file as it is.');
  const folder = await mkdtemp(join(tmpdir(), 'fax-'));
  try {
    const file = join(folder, 'document.pdf');
    await writeFile(file, document);
    const drawn = await draw(file, folder, 1, mostPages + 1, RESOLUTION);
    if (drawn.length > mostPages) throw bad(`It has more than ${mostPages} pages`, 'Send it in parts.');
    if (drawn.length === 0) throw bad('It has no pages', 'Send another.');
    const pages: PageToWrite[] = [];
    for (const [i, page] of drawn.entries()) pages.push(await pageToWrite(await fitting(page, file, folder, i + 1)));
    return { tiff: writeTiff(pages), pages: pages.length };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function faxTiff(document: Uint8Array): { tiff: Uint8Array; pages: number } {
  const pages = readTiff(document);
  if (pages.length === 0) throw bad('It is no TIFF', 'Send the file as it is.');
  if (pages.length > mostPages) throw bad(`It has more than ${mostPages} pages`, 'Send it in parts.');
  if (!pages.every((page) => isPlainFax(page) && FAX_WIDTHS.includes(page.width) && page.height <= MOST_ROWS)) {
    throw bad(
      `It is no fax: pages must be black and white, ${FAX_WIDTHS.join(', ')} dots wide, without compression or compressed by Group 3, Group 4 or Deflate`,
      'Send the document as PDF.',
    );
  }
  return { tiff: document, pages: pages.length };
}

/** A page that is wider than a fax is drawn once more, smaller. */
async function fitting(page: Bitmap, file: string, folder: string, number: number): Promise<Bitmap> {
  if (page.width <= WIDTH) return page;
  const factor = WIDTH / page.width;
  const [smaller] = await draw(file, folder, number, number, { x: RESOLUTION.x * factor, y: RESOLUTION.y * factor });
  return smaller ?? page;
}

async function draw(
  file: string,
  folder: string,
  first: number,
  last: number,
  { x, y }: { readonly x: number; readonly y: number },
): Promise<Bitmap[]> {
  const prefix = join(folder, `page-${first}-${last}`);
  const range = ['-f', String(first), '-l', String(last)];
  try {
    await run('pdftoppm', ['-mono', '-rx', x.toFixed(3), '-ry', y.toFixed(3), ...range, file, prefix], {
      timeout: RENDER_MS,
      killSignal: 'SIGKILL',
    });
  } catch (error) {
    throw whyNotDrawn(error as NodeJS.ErrnoException & { readonly killed?: boolean });
  }
  const name = `page-${first}-${last}-`;
  const names = (await readdir(folder)).filter((one) => one.startsWith(name) && one.endsWith('.pbm')).sort();
  const pages: Bitmap[] = [];
  for (const one of names) pages.push(readPbm(await readFile(join(folder, one))));
  return pages;
}

function whyNotDrawn(error: NodeJS.ErrnoException & { readonly killed?: boolean }): UserError {
  if (error.code === 'ENOENT') {
    return new UserError(
      'fax-poppler',
      'PDF cannot be drawn: pdftoppm is not there',
      'Debian: apt install poppler-utils.',
    );
  }
  if (error.killed) return bad(`It could not be drawn in ${RENDER_MS / 1000} s`, 'Send something simpler.');
  return bad('It cannot be drawn: the PDF is damaged, or protected by a password', 'Open and save it anew.');
}

/** In the middle of a line of fax width. */
async function pageToWrite(page: Bitmap): Promise<PageToWrite> {
  if (page.width > WIDTH || page.height > MOST_ROWS) throw bad('A page is too long for a fax', 'Send another format.');
  const { width, height, bits } = page.width === WIDTH ? page : centred(page);
  const resolution = RESOLUTION;
  return { width, height, compression: compressions.deflate, data: await compressed(bits), resolution };
}

function centred({ width, height, bits }: Bitmap): Bitmap {
  const from = Math.ceil(width / 8);
  const to = WIDTH / 8;
  const margin = Math.floor((to - from) / 2);
  const wide = new Uint8Array(to * height);
  // Beyond the width the last byte of a row holds nothing.
  const last = width % 8 === 0 ? 0xff : 0xff00 >> (width % 8);
  for (let y = 0; y < height; y++) {
    wide.set(bits.subarray(y * from, (y + 1) * from), y * to + margin);
    const end = y * to + margin + from - 1;
    wide[end] = (wide[end] as number) & last;
  }
  return { width: WIDTH, height, bits: wide };
}

const bad = (what: string, hint: string): UserError =>
  new UserError('fax-document', `The document cannot be faxed: ${what}`, hint);
