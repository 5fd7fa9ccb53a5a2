import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** Headers stand at the beginning; a tag with a picture may come before them. */
const headBytes = 256 * 1024;

/**
 * How long an audio file lasts, milliseconds, from its headers alone: nothing is decoded.
 * @returns undefined for a file that is missing, or neither WAV nor MP3
 */
export function audioLength(path: string): number | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const head = Buffer.alloc(headBytes);
    const read = readSync(file, head, 0, headBytes, 0);
    return lengthOf(head.subarray(0, read), fstatSync(file).size);
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
}

/**
 * As `audioLength`.
 * @param head the beginning of the file
 * @param size of the whole file, bytes
 */
export function lengthOf(head: Buffer, size: number): number | undefined {
  const isWav = head.toString('latin1', 0, 4) === 'RIFF' && head.toString('latin1', 8, 12) === 'WAVE';
  return isWav ? wavLength(head, size) : mp3Length(head, size);
}

/** The size of the data by the bytes of a second. Recorders that stream leave the size open: then the data reach to the end of the file. */
function wavLength(head: Buffer, size: number): number | undefined {
  let bytesPerSecond = 0;
  for (let at = 12; at + 8 <= head.length; ) {
    const id = head.toString('latin1', at, at + 4);
    const length = head.readUInt32LE(at + 4);
    if (id === 'fmt ' && at + 20 <= head.length) bytesPerSecond = head.readUInt32LE(at + 16);
    if (id === 'data') {
      return bytesPerSecond > 0 ? (Math.min(length, size - at - 8) / bytesPerSecond) * 1000 : undefined;
    }
    at += 8 + length + (length % 2);
  }
  return undefined;
}

/** kbit/s of layer III by the index in the header, of MPEG 1 and of MPEG 2 and 2.5 (ISO/IEC 11172-3 §2.4.2.3, 13818-3 §2.4.2.3). */
const bitRates = {
  1: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
} as const;
/** Hz by version (0: MPEG 2.5, 2: MPEG 2, 3: MPEG 1) and index. */
const sampleRates: Readonly<Record<number, readonly number[]>> = {
  0: [11_025, 12_000, 8000],
  2: [22_050, 24_000, 16_000],
  3: [44_100, 48_000, 32_000],
};

/** By the number of frames that a variable file states (Xing, Info), else as if all frames were as large as the first. */
function mp3Length(head: Buffer, size: number): number | undefined {
  for (let at = afterTag(head); at + 4 <= head.length; at++) {
    const header = head.readUInt32BE(at);
    const version = (header >>> 19) & 3;
    const isLayer3 = header >>> 21 === 0x7ff && ((header >>> 17) & 3) === 1;
    const bitRate = bitRates[version === 3 ? 1 : 2][(header >>> 12) & 15];
    const sampleRate = sampleRates[version]?.[(header >>> 10) & 3];
    if (!isLayer3 || !bitRate || !sampleRate) continue;
    const frames = statedFrames(head.subarray(at, at + 200));
    const samplesPerFrame = version === 3 ? 1152 : 576;
    if (frames !== undefined) return (frames * samplesPerFrame * 1000) / sampleRate;
    return ((size - at) * 8) / bitRate;
  }
  return undefined;
}

/** The tag in front (ID3v2 §3.1): its size has seven bits a byte. */
function afterTag(head: Buffer): number {
  if (head.length < 10 || head.toString('latin1', 0, 3) !== 'ID3') return 0;
  return 10 + [6, 7, 8, 9].reduce((size, at) => (size << 7) | ((head[at] ?? 0) & 0x7f), 0);
}

function statedFrames(frame: Buffer): number | undefined {
  const text = frame.toString('latin1');
  const at = Math.max(text.indexOf('Xing'), text.indexOf('Info'));
  const states = at > 0 && at + 12 <= frame.length && (frame.readUInt32BE(at + 4) & 1) === 1;
  return states ? frame.readUInt32BE(at + 8) : undefined;
}
