import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** TIFF 6.0: the tags that say where a page's data lie, and how many bytes there are. */
const STRIP_OFFSETS = 273;
const STRIP_BYTES = 279;
const SHORT = 3;
const HEADER = 8;
const ENTRY = 12;

/**
 * Counts the pages of a TIFF that libspandsp writes, as far as they are whole in the file. The library goes on as if nothing had happened when a page cannot be written.
 * Each page is looked at once.
 */
export class WrittenPages {
  readonly #file: string;
  #count = 0;
  /** Where the file says where its next page is described. */
  #pointerAt = 4;

  constructor(file: string) {
    this.#file = file;
  }

  /** Of now. A file that cannot be read has no more than were seen before. */
  count(): number {
    let file: number;
    try {
      file = openSync(this.#file, 'r');
    } catch {
      return this.#count;
    }
    try {
      const { size } = fstatSync(file);
      const header = bytesAt(file, 0, HEADER);
      const little = header?.getUint8(0) === 0x49;
      while (header) {
        const at = bytesAt(file, this.#pointerAt, 4)?.getUint32(0, little) ?? 0;
        const entries = at === 0 ? undefined : bytesAt(file, at, 2)?.getUint16(0, little);
        const table = entries === undefined ? undefined : bytesAt(file, at + 2, entries * ENTRY + 4);
        if (!table || entries === undefined || !isWhole(table, entries, little, size)) break;
        this.#count++;
        this.#pointerAt = at + 2 + entries * ENTRY;
      }
    } finally {
      closeSync(file);
    }
    return this.#count;
  }
}

/** libspandsp writes a page in one strip, so that both values stand in the table itself. */
function isWhole(table: DataView, entries: number, little: boolean, size: number): boolean {
  const valueAt = (tag: number): number | undefined => {
    for (let at = 0; at < entries * ENTRY; at += ENTRY) {
      if (table.getUint16(at, little) !== tag) continue;
      return table.getUint16(at + 2, little) === SHORT
        ? table.getUint16(at + 8, little)
        : table.getUint32(at + 8, little);
    }
    return undefined;
  };
  const [from, bytes] = [valueAt(STRIP_OFFSETS), valueAt(STRIP_BYTES)];
  return from !== undefined && bytes !== undefined && bytes > 0 && from + bytes <= size;
}

/** Undefined: the file ends before. */
function bytesAt(file: number, at: number, length: number): DataView | undefined {
  const bytes = new Uint8Array(length);
  return readSync(file, bytes, 0, length, at) === length ? new DataView(bytes.buffer) : undefined;
}
