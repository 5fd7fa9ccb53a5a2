import { inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readTiff, type TiffPage, writeTiff } from '../../../src/media/tiff-file.ts';
import { faxPages, mostPages } from '../../../src/messages/fax/document.ts';
import { pdfOfTiff } from '../../../src/messages/fax/pdf.ts';
import { pageOf, shown, shownByPdf, tiffOf } from '../../support/fax-pages.ts';

const pages = [pageOf(1, { height: 100 }), pageOf(2, { height: 40 }), pageOf(3, { height: 60 })];
const file = tiffOf(pages);

const bitsOf = ({ strips }: TiffPage): Uint8Array => Buffer.concat(strips.map(({ data }) => inflateSync(data)));

describe('a TIFF file', () => {
  it('has the pages that were written into it', () => {
    const read = readTiff(file);
    expect(read).toMatchObject(
      pages.map(({ width, height }) => ({ width, height, resolution: { x: 204, y: 196 }, whiteIsZero: true })),
    );
    expect(shown(read.map((page) => ({ ...page, bits: bitsOf(page) })))).toEqual(shown(pages));
  });

  it('that was cut off has the pages before', () => {
    const counts = Array.from({ length: file.length + 1 }, (_, length) => readTiff(file.subarray(0, length)).length);
    expect(counts.at(-1)).toBe(3);
    expect(counts.toSorted((a, b) => a - b)).toEqual(counts);
    expect(new Set(counts)).toEqual(new Set([0, 1, 2, 3]));
  });

  it('is read or left, whatever is wrong with it', () => {
    const wrong = fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(wrong, (changes) => {
        const bytes = Uint8Array.from(file);
        for (const [at, value] of changes) bytes[at] = value;
        expect(readTiff(bytes).length).toBeLessThanOrEqual(5000);
      }),
    );
    const endless = Uint8Array.from(file);
    const view = new DataView(endless.buffer);
    // The first directory names itself as the next.
    view.setUint32(view.getUint32(4, true) + 2 + 12 * 15, view.getUint32(4, true), true);
    expect(readTiff(endless)).toHaveLength(1);
  });

  it('of a big-endian machine is read, too', () => {
    const [page] = [
      ...['4d4d002a00000008', '0005', '0100000300000001', '00080000', '0101000300000001', '00010000'],
      ...['010300030000000100010000', '0111000400000001', '0000004a', '0117000400000001', '00000001', '00000000', 'ff'],
    ].reduce<TiffPage[]>((_, __, ___, all) => readTiff(Buffer.from(all.join(''), 'hex')), []);
    expect(page).toMatchObject({ width: 8, height: 1, compression: 1, strips: [{ data: Buffer.from([0xff]) }] });
  });
});

describe('a document to be faxed', () => {
  it('as PDF shows the pages dot by dot, and is drawn so again', async () => {
    const pdf = pdfOfTiff(file);
    expect(await shownByPdf(pdf)).toEqual(shown(pages));
    const drawn = await faxPages(pdf, 'application/pdf');
    expect(drawn.pages).toBe(3);
    expect(await shownByPdf(pdfOfTiff(drawn.tiff))).toEqual(shown(pages));
  });

  // 2156 rows are 792 points and no fraction.
  it.each([101, 2156, 2287])('of %i rows loses and moves no dot by being drawn', async (height) => {
    const page = [pageOf(7, { height })];
    const { tiff } = await faxPages(pdfOfTiff(tiffOf(page)), 'application/pdf');
    expect(await shownByPdf(pdfOfTiff(tiff))).toEqual(shown(page));
  });

  it('is fitted to the width of a fax', async () => {
    const [narrow, wide] = [864, 2432].map((width) => tiffOf([pageOf(1, { width, height: 200 })]));
    for (const tiff of [narrow, wide] as Uint8Array[]) {
      const { tiff: fitted } = await faxPages(pdfOfTiff(tiff), 'application/pdf');
      expect(readTiff(fitted)).toMatchObject([{ width: 1728 }]);
    }
  });

  it('that is a fax already is taken as it is', async () => {
    expect(await faxPages(file, 'image/tiff')).toEqual({ tiff: file, pages: 3 });
  });

  const tooMany = Array.from({ length: mostPages + 1 }, () => pageOf(1, { height: 8 }));
  const odd = writeTiff([
    { width: 100, height: 1, compression: 1, data: new Uint8Array(13), resolution: { x: 204, y: 196 } },
  ]);
  it.each([
    ['bytes', 'image/tiff', Buffer.from('no TIFF at all'), /no TIFF/],
    ['bytes', 'application/pdf', Buffer.from('no PDF at all'), /no PDF/],
    ['a damaged PDF', 'application/pdf', Buffer.from('%PDF-1.4\nnothing'), /damaged/],
    ['too many pages', 'image/tiff', tiffOf(tooMany), /more than 100 pages/],
    ['pages of no fax', 'image/tiff', odd, /1728, 2048, 2432 dots wide/],
  ] as const)('of %s (%s) is refused, and says why', async (_, type, document, why) => {
    await expect(faxPages(document, type)).rejects.toMatchObject({
      code: 'fax-document',
      message: expect.stringMatching(why),
      hint: expect.any(String),
    });
  });
});
