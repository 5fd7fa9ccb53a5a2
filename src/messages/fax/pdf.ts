import { compressions, readTiff, type TiffPage } from '../../media/tiff-file.ts';

/**
 * The pages of a fax as PDF, each an image that fills its page. The data are taken over as they are: both formats know the compressions of fax, so
 * nothing is decoded and no dot changes.
 * @throws RangeError for a page whose compression is none of those that `isPlainFax` allows
 */
export function pdfOfTiff(tiff: Uint8Array): Uint8Array {
  const pages = readTiff(tiff);
  const objects = new PdfObjects();
  const catalogue = objects.reserve();
  const tree = objects.reserve();
  const kids = pages.map((page) => pageObject(objects, page, tree));
  objects.set(tree, `<< /Type /Pages /Count ${kids.length} /Kids [${kids.map(reference).join(' ')}] >>`);
  objects.set(catalogue, `<< /Type /Catalog /Pages ${reference(tree)} >>`);
  return objects.file(catalogue);
}

/** Whether a page is made of black and white dots in a way that fax engines read and PDF can hold. */
export function isPlainFax({ bitsPerDot, compression, lowestBitFirst }: TiffPage): boolean {
  if (bitsPerDot !== 1) return false;
  if (compression === compressions.group4 || compression === compressions.group3) return true;
  return (compression === compressions.none || compression === compressions.deflate) && !lowestBitFirst;
}

function pageObject(objects: PdfObjects, page: TiffPage, parent: number): number {
  const width = (page.width / page.resolution.x) * 72;
  const height = (page.height / page.resolution.y) * 72;
  let top = height;
  const images = page.strips.map(({ rows, data }, i) => {
    const part = (height * rows) / page.height;
    top -= part;
    const image = objects.add(imageHead(page, rows), page.lowestBitFirst ? bitsReversed(data) : data);
    return { name: `/I${i}`, image, draw: `q ${size(width)} 0 0 ${size(part)} 0 ${points(top)} cm /I${i} Do Q` };
  });
  const content = objects.add('', Buffer.from(images.map(({ draw }) => draw).join('\n')));
  const named = images.map(({ name, image }) => `${name} ${reference(image)}`).join(' ');
  return objects.add(
    `<< /Type /Page /Parent ${reference(parent)} /MediaBox [0 0 ${size(width)} ${size(height)}] ` +
      `/Resources << /XObject << ${named} >> >> /Contents ${reference(content)} >>`,
  );
}

function imageHead(page: TiffPage, rows: number): string {
  const head = `/Type /XObject /Subtype /Image /Width ${page.width} /Height ${rows} /ColorSpace /DeviceGray /BitsPerComponent 1`;
  switch (page.compression) {
    case compressions.group4:
    case compressions.group3: {
      const k = page.compression === compressions.group4 ? -1 : page.group3Options & 1;
      const inverted = page.whiteIsZero ? '' : ' /BlackIs1 true';
      return `${head} /Filter /CCITTFaxDecode /DecodeParms << /K ${k} /Columns ${page.width} /Rows ${rows}${inverted} >>`;
    }
    case compressions.none:
    case compressions.deflate: {
      const filter = page.compression === compressions.deflate ? ' /Filter /FlateDecode' : '';
      return `${head}${page.whiteIsZero ? ' /Decode [1 0]' : ''}${filter}`;
    }
    default:
      throw new RangeError(`TIFF compression ${page.compression}`);
  }
}

/** The numbered objects of a PDF file (ISO 32000-1 §7.5). */
class PdfObjects {
  readonly #bodies: (readonly Uint8Array[])[] = [];

  /** @returns its number */
  reserve(): number {
    return this.#bodies.push([]);
  }

  set(number: number, dictionary: string): void {
    this.#bodies[number - 1] = [Buffer.from(dictionary)];
  }

  /** @param dictionary whole, or with `data` its entries without brackets and length */
  add(dictionary: string, data?: Uint8Array): number {
    const number = this.reserve();
    this.#bodies[number - 1] = data
      ? [Buffer.from(`<< ${dictionary} /Length ${data.length} >>\nstream\n`), data, Buffer.from('\nendstream')]
      : [Buffer.from(dictionary)];
    return number;
  }

  file(root: number): Uint8Array {
    // The second line tells programs that carry files that this one is binary.
    const parts: Uint8Array[] = [Buffer.from('%PDF-1.4\n%\xe2\xe3\xcf\xd3\n', 'latin1')];
    let length = parts[0]?.length ?? 0;
    const add = (part: Uint8Array) => {
      parts.push(part);
      length += part.length;
    };
    const places = this.#bodies.map((body, i) => {
      const place = length;
      add(Buffer.from(`${i + 1} 0 obj\n`));
      for (const part of body) add(part);
      add(Buffer.from('\nendobj\n'));
      return place;
    });
    const table = places.map((place) => `${String(place).padStart(10, '0')} 00000 n \n`).join('');
    const count = places.length + 1;
    const start = length;
    add(
      Buffer.from(
        `xref\n0 ${count}\n0000000000 65535 f \n${table}trailer\n<< /Size ${count} /Root ${reference(root)} >>\nstartxref\n${start}\n%%EOF\n`,
      ),
    );
    return Buffer.concat(parts);
  }
}

const reference = (number: number): string => `${number} 0 R`;

const points = (value: number): string => value.toFixed(4);

/** A ten-thousandth less: whoever draws a page that is larger than its dots by the rounding gives it one more of them, and makes all dots smaller. */
const size = (value: number): string => points(value - 0.0001);

const reversed = Uint8Array.from({ length: 256 }, (_, byte) => {
  let bits = 0;
  for (let i = 0; i < 8; i++) if (byte & (1 << i)) bits |= 0x80 >> i;
  return bits;
});

/** PDF knows only one order of bits. */
const bitsReversed = (data: Uint8Array): Uint8Array => data.map((byte) => reversed[byte] as number);
