import type { CodecName } from '../../../media/port.ts';

/**
 * ITU-T G.711: 8 kHz speech, one byte per sample. Both directions are table look-ups into buffers of the caller, so that a frame
 * costs no allocation.
 *
 * A linear sample is 16 bit; a byte depends only on its upper 12 (A-law) or 14 (µ-law) bits, which is what the encoder tables are
 * indexed by. Both laws code magnitudes by the one's complement of a negative sample, as the ITU's own reference (G.191) does.
 */

/** One companding law. `length` is a number of samples; the default is all of `from`. `to` must have room for them. */
export interface CompandingLaw {
  decode(from: Uint8Array, to: Int16Array, length?: number): void;
  encode(from: Int16Array, to: Uint8Array, length?: number): void;
  /** The byte of a zero sample. */
  readonly silence: number;
}

const ALAW_TO_LINEAR = Int16Array.from({ length: 256 }, (_, byte) => expandAlaw(byte));
const ULAW_TO_LINEAR = Int16Array.from({ length: 256 }, (_, byte) => expandUlaw(byte));
/** Index: sample >> 4, as an unsigned 12-bit number. */
const LINEAR_TO_ALAW = Uint8Array.from({ length: 4096 }, (_, upper) => compressAlaw((upper << 20) >> 16));
/** Index: sample >> 2, as an unsigned 14-bit number. */
const LINEAR_TO_ULAW = Uint8Array.from({ length: 16384 }, (_, upper) => compressUlaw((upper << 18) >> 16));

/** Byte to byte, over the linear value in between: for relaying between parties that agreed on different laws. */
export const alawToUlaw: Uint8Array = Uint8Array.from(ALAW_TO_LINEAR, compressUlaw);
export const ulawToAlaw: Uint8Array = Uint8Array.from(ULAW_TO_LINEAR, compressAlaw);

export function alawDecode(from: Uint8Array, to: Int16Array, length = from.length): void {
  for (let i = 0; i < length; i++) to[i] = ALAW_TO_LINEAR[from[i] as number] as number;
}

export function ulawDecode(from: Uint8Array, to: Int16Array, length = from.length): void {
  for (let i = 0; i < length; i++) to[i] = ULAW_TO_LINEAR[from[i] as number] as number;
}

export function alawEncode(from: Int16Array, to: Uint8Array, length = from.length): void {
  for (let i = 0; i < length; i++) to[i] = LINEAR_TO_ALAW[((from[i] as number) >> 4) & 0xfff] as number;
}

export function ulawEncode(from: Int16Array, to: Uint8Array, length = from.length): void {
  for (let i = 0; i < length; i++) to[i] = LINEAR_TO_ULAW[((from[i] as number) >> 2) & 0x3fff] as number;
}

/** The laws by the codec names of the media port. */
export const g711 = {
  pcma: { decode: alawDecode, encode: alawEncode, silence: 0xd5 },
  pcmu: { decode: ulawDecode, encode: ulawEncode, silence: 0xff },
} as const satisfies Record<CodecName, CompandingLaw>;

/** Table 1 of G.711: eight chords of sixteen steps; even bits are inverted on the line (0x55). */
function compressAlaw(sample: number): number {
  const sign = sample >= 0 ? 0xd5 : 0x55;
  let magnitude = (sample >= 0 ? sample : ~sample) >> 4;
  let chord = 0;
  for (; magnitude > 31; magnitude >>= 1) chord++;
  // Chords 0 and 1 have the same step, so the second sixteen steps need no chord bit beyond the one that they carry themselves.
  return ((chord << 4) + magnitude) ^ sign;
}

function expandAlaw(byte: number): number {
  const code = byte ^ 0x55;
  const chord = (code >> 4) & 7;
  const step = ((code & 0x0f) << 4) + 8;
  const magnitude = chord === 0 ? step : (step + 0x100) << (chord - 1);
  return code & 0x80 ? magnitude : -magnitude;
}

/** Table 2 of G.711: the bias of 33 (in 14-bit units) makes every chord twice as long as the one below; all bits are inverted. */
function compressUlaw(sample: number): number {
  const sign = sample >= 0 ? 0xff : 0x7f;
  let magnitude = Math.min(((sample >= 0 ? sample : ~sample) >> 2) + 33, 0x1fff);
  let chord = 0;
  for (; magnitude > 63; magnitude >>= 1) chord++;
  return ((chord << 4) | ((magnitude >> 1) & 0x0f)) ^ sign;
}

function expandUlaw(byte: number): number {
  const code = ~byte & 0xff;
  const magnitude = ((((code & 0x0f) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84;
  return code & 0x80 ? -magnitude : magnitude;
}
