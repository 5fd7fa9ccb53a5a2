/** A page of black and white dots. */
export interface Bitmap {
  readonly width: number;
  readonly height: number;
  /** Rows from the top, each begins with a new byte; the highest bit is the leftmost dot, 1 is black. */
  readonly bits: Uint8Array;
}

/** A page of a fax as a TIFF file holds it (TIFF 6.0, RFC 3949): where its data lie, and how they are to be read. */
export interface TiffPage {
  readonly width: number;
  readonly height: number;
  readonly bitsPerDot: number;
  /** Number of the TIFF tag 259. */
  readonly compression: number;
  /** In Group 3 data: tag 292. */
  readonly group3Options: number;
  /** Zero bits are white; with CCITT compression: what the codes call white is white. */
  readonly whiteIsZero: boolean;
  /** The first dot of a byte is its lowest bit. */
  readonly lowestBitFirst: boolean;
  /** One after the other from the top. */
  readonly strips: readonly { readonly rows: number; readonly data: Uint8Array }[];
  /** Dots per inch. */
  readonly resolution: { readonly x: number; readonly y: number };
}

/** Values of tag 259 that this project writes or understands. */
export const compressions = { none: 1, group3: 3, group4: 4, deflate: 8 } as const;

const TAG = {
  subfileType: 254,
  width: 256,
  height: 257,
  bitsPerDot: 258,
  compression: 259,
  photometric: 262,
  fillOrder: 266,
  stripOffsets: 273,
  samples: 277,
  rowsPerStrip: 278,
  stripBytes: 279,
  xResolution: 282,
  yResolution: 283,
  group3Options: 292,
  resolutionUnit: 296,
  pageNumber: 297,
} as const;

const SHORT = 3;
const LONG = 4;
const RATIONAL = 5;
const BYTES_OF_TYPE: Readonly<Record<number, number>> = { 1: 1, 2: 1, [SHORT]: 2, [LONG]: 4, [RATIONAL]: 8 };
/** A fax has a few dozen; a file that says more has been made to harm, or is broken. */
const MOST_PAGES = 5000;
const CENTIMETRES = 3;

/**
 * The pages of a TIFF file up to the first one that is not whole: a file that was cut off while it was written has those that were complete.
 * @returns none if it is no TIFF
 */
export function readTiff(bytes: Uint8Array): TiffPage[] {
  const reader = new TiffReader((at, length) => {
    if (at + length > bytes.length) throw new RangeError('it lies outside of the file');
    return bytes.subarray(at, at + length);
  });
  const pages: TiffPage[] = [];
  for (let page = reader.next(); page; page = reader.next()) pages.push(page);
  return pages;
}

/** Gives bytes of a file. @throws RangeError if the file has no such place */
export type ReadAt = (at: number, length: number) => Uint8Array;

/** Where the file says where its first page begins. */
const FIRST_LINK = 4;

/** Reads one page after the other, also of a file that grows meanwhile. */
export class TiffReader {
  readonly #read: ReadAt;
  /** The place that says where the next page begins. */
  #link = FIRST_LINK;
  readonly #seen = new Set<number>();

  constructor(read: ReadAt) {
    this.#read = read;
  }

  /** @returns undefined if there is no further page that is whole (yet), or if it is no TIFF */
  next(): TiffPage | undefined {
    try {
      const file = new TiffFile(this.#read);
      const at = file.isTiff ? file.uint32(this.#link) : 0;
      if (at === 0 || this.#seen.has(at) || this.#seen.size >= MOST_PAGES) return undefined;
      const { page, link } = file.page(at);
      this.#seen.add(at);
      this.#link = link;
      return page;
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }
}

class TiffFile {
  readonly #read: ReadAt;
  readonly #little: boolean;
  readonly isTiff: boolean;

  /** @throws RangeError if it is too short for a TIFF */
  constructor(read: ReadAt) {
    this.#read = read;
    const order = String.fromCharCode(...read(0, 2));
    this.#little = order === 'II';
    this.isTiff = (order === 'II' || order === 'MM') && this.#uint16(2) === 42;
  }

  /** @throws RangeError if it lies outside of the file, or lacks what a page needs */
  page(at: number): { page: TiffPage; link: number } {
    const tags = new Map<number, number[]>();
    const count = this.#uint16(at);
    for (let i = 0; i < count; i++) {
      const entry = at + 2 + 12 * i;
      const values = this.#values(entry);
      if (values) tags.set(this.#uint16(entry), values);
    }
    const one = (tag: number, otherwise?: number): number => {
      const value = tags.get(tag)?.[0] ?? otherwise;
      if (value === undefined) throw new RangeError(`TIFF tag ${tag} is missing`);
      return value;
    };
    const height = one(TAG.height);
    const link = at + 2 + 12 * count;
    // Without it the directory is not whole, and no reader of such files would go on.
    this.uint32(link);
    const toInches = tags.get(TAG.resolutionUnit)?.[0] === CENTIMETRES ? 2.54 : 1;
    return {
      page: {
        width: one(TAG.width),
        height,
        bitsPerDot: one(TAG.bitsPerDot, 1) * one(TAG.samples, 1),
        compression: one(TAG.compression, compressions.none),
        group3Options: one(TAG.group3Options, 0),
        whiteIsZero: one(TAG.photometric, 0) === 0,
        lowestBitFirst: one(TAG.fillOrder, 1) === 2,
        strips: this.#strips(height, one(TAG.rowsPerStrip, height), tags),
        resolution: { x: one(TAG.xResolution, 204) * toInches, y: one(TAG.yResolution, 196) * toInches },
      },
      link,
    };
  }

  #strips(height: number, rowsPerStrip: number, tags: ReadonlyMap<number, number[]>): TiffPage['strips'] {
    const lengths = tags.get(TAG.stripBytes) ?? [];
    const offsets = tags.get(TAG.stripOffsets) ?? [];
    if (lengths.length === 0 || lengths.length !== offsets.length || rowsPerStrip < 1)
      throw new RangeError('no strips');
    return offsets.map((offset, i) => {
      const rows = Math.min(rowsPerStrip, height - i * rowsPerStrip);
      if (rows < 1) throw new RangeError('more strips than rows');
      return { rows, data: this.#read(offset, lengths[i] as number) };
    });
  }

  /** @returns undefined for a type that no tag of ours has */
  #values(entry: number): number[] | undefined {
    const type = this.#uint16(entry + 2);
    const count = this.uint32(entry + 4);
    const size = BYTES_OF_TYPE[type];
    if (size === undefined) return undefined;
    const values = this.#read(size * count <= 4 ? entry + 8 : this.uint32(entry + 8), size * count);
    return Array.from({ length: count }, (_, i) => this.#value(type, values.subarray(size * i)));
  }

  #value(type: number, bytes: Uint8Array): number {
    if (type === SHORT) return this.#viewOf(bytes).getUint16(0, this.#little);
    if (type === LONG) return this.#viewOf(bytes).getUint32(0, this.#little);
    if (type !== RATIONAL) return bytes[0] as number;
    const view = this.#viewOf(bytes);
    return view.getUint32(0, this.#little) / Math.max(1, view.getUint32(4, this.#little));
  }

  uint32(at: number): number {
    return this.#viewOf(this.#read(at, 4)).getUint32(0, this.#little);
  }

  #uint16(at: number): number {
    return this.#viewOf(this.#read(at, 2)).getUint16(0, this.#little);
  }

  #viewOf(bytes: Uint8Array): DataView {
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

/** What one page needs to be written: its data are compressed already. */
export interface PageToWrite {
  readonly width: number;
  readonly height: number;
  readonly compression: number;
  /** One strip for the whole page, zero bits white, the highest bit first. */
  readonly data: Uint8Array;
  readonly resolution: { readonly x: number; readonly y: number };
}

/** A TIFF file as fax engines like it: little-endian, one strip a page, pages numbered. */
export function writeTiff(pages: readonly PageToWrite[]): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0x49, 0x49, 42, 0)];
  let length = 4;
  const add = (part: Uint8Array) => {
    parts.push(part);
    length += part.length;
  };
  // Each directory says where the next one begins, so its place must be known before: data, directory, data, directory.
  const placed = pages.map((page, number) => ({ page, number, bytes: page.data.length + (page.data.length & 1) }));
  let next = 8 + (placed[0]?.bytes ?? 0);
  add(uint32s(placed.length === 0 ? 0 : next));
  for (const { page, number, bytes } of placed) {
    const dataAt = length;
    add(page.data);
    if (page.data.length & 1) add(Uint8Array.of(0));
    const following = placed[number + 1];
    const directoryAt = dataAt + bytes;
    next = following ? directoryAt + DIRECTORY_BYTES + following.bytes : 0;
    add(directoryOf(page, { number, pages: pages.length, dataAt, directoryAt, next }));
  }
  return Buffer.concat(parts);
}

const TAGS_WRITTEN = 15;
const DIRECTORY_BYTES = 2 + 12 * TAGS_WRITTEN + 4 + 16;

function directoryOf(
  { width, height, compression, data, resolution }: PageToWrite,
  place: { number: number; pages: number; dataAt: number; directoryAt: number; next: number },
): Uint8Array {
  const rationals = place.directoryAt + DIRECTORY_BYTES - 16;
  const entries: readonly (readonly [tag: number, type: number, count: number, value: number])[] = [
    // A page of several.
    [TAG.subfileType, LONG, 1, 2],
    [TAG.width, LONG, 1, width],
    [TAG.height, LONG, 1, height],
    [TAG.bitsPerDot, SHORT, 1, 1],
    [TAG.compression, SHORT, 1, compression],
    [TAG.photometric, SHORT, 1, 0],
    [TAG.fillOrder, SHORT, 1, 1],
    [TAG.stripOffsets, LONG, 1, place.dataAt],
    [TAG.samples, SHORT, 1, 1],
    [TAG.rowsPerStrip, LONG, 1, height],
    [TAG.stripBytes, LONG, 1, data.length],
    [TAG.xResolution, RATIONAL, 1, rationals],
    [TAG.yResolution, RATIONAL, 1, rationals + 8],
    [TAG.resolutionUnit, SHORT, 1, 2],
    [TAG.pageNumber, SHORT, 2, place.number | (place.pages << 16)],
  ];
  const bytes = new Uint8Array(DIRECTORY_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, entries.length, true);
  entries.forEach(([tag, type, count, value], i) => {
    const at = 2 + 12 * i;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, type, true);
    view.setUint32(at + 4, count, true);
    view.setUint32(at + 8, value >>> 0, true);
  });
  view.setUint32(2 + 12 * entries.length, place.next, true);
  bytes.set(uint32s(Math.round(resolution.x), 1, Math.round(resolution.y), 1), DIRECTORY_BYTES - 16);
  return bytes;
}

function uint32s(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value, true);
  return bytes;
}
