import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { TiffReader } from '../../../media/tiff-file.ts';

/**
 * Counts the pages of a fax that have come into its file, while the library writes it. The library cannot be asked: it counts a page as received
 * whatever the file system has said of it.
 */
export class WrittenPages {
  readonly #path: string;
  #file: number | undefined;
  #reader: TiffReader | undefined;
  #count = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Reads what is new, so it takes the time of one page. Never throws: a file that cannot be read has no further page. */
  count(): number {
    try {
      this.#reader ??= this.#open();
      while (this.#reader.next()) this.#count++;
    } catch {
      // What the system says is nothing that a caller could act on; that a page is missing is.
    }
    return this.#count;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #open(): TiffReader {
    this.#file ??= openSync(this.#path, 'r');
    const file = this.#file;
    return new TiffReader((at, length) => {
      if (at + length > fstatSync(file).size) throw new RangeError('it lies outside of the file');
      const bytes = Buffer.alloc(length);
      readSync(file, bytes, 0, length, at);
      return bytes;
    });
  }
}
