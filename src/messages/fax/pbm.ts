import type { Bitmap } from '../../media/tiff-file.ts';

/**
 * A binary PBM file (`P4`), as poppler writes black and white pages. Its bits are those of a `Bitmap`.
 * @throws RangeError if it is none, or has been cut off
 */
export function readPbm(bytes: Uint8Array): Bitmap {
  const head = /^P4\s+(?:#[^\n]*\n)?(\d+)\s+(\d+)\s/.exec(Buffer.from(bytes.subarray(0, 256)).toString('latin1'));
  if (!head) throw new RangeError('no binary PBM file');
  const width = Number(head[1]);
  const height = Number(head[2]);
  const bits = bytes.subarray(head[0].length, head[0].length + Math.ceil(width / 8) * height);
  if (bits.length < Math.ceil(width / 8) * height) throw new RangeError('the PBM file has been cut off');
  return { width, height, bits };
}
