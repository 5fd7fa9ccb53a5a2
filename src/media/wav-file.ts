import { open } from 'node:fs/promises';

/** The files that recordings are: RIFF/WAVE, PCM, 16 bit, 8 kHz, with the plain header of 44 bytes. */

export const RECORDING_RATE = 8000;
export const WAV_HEADER_BYTES = 44;
const SAMPLE_BYTES = 2;
/** The sizes in the header are 32 bit. */
export const MAX_WAV_DATA_BYTES = 2 ** 32 - WAV_HEADER_BYTES;

/** The header of a file with so much audio behind it. */
export function wavHeader(channels: number, dataBytes: number): Buffer {
  const header = Buffer.alloc(WAV_HEADER_BYTES);
  header.write('RIFF', 0);
  header.writeUInt32LE(WAV_HEADER_BYTES - 8 + dataBytes, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(RECORDING_RATE, 24);
  header.writeUInt32LE(RECORDING_RATE * channels * SAMPLE_BYTES, 28);
  header.writeUInt16LE(channels * SAMPLE_BYTES, 32);
  header.writeUInt16LE(8 * SAMPLE_BYTES, 34);
  header.write('data', 36);
  header.writeUInt32LE(dataBytes, 40);
  return header;
}

/**
 * Makes the header of a file whose writer died agree with what is in the file, and cuts off a sample that was not written whole.
 * @returns its length in milliseconds, 0 for a file without audio; undefined if it is no file of ours
 * @throws Error of node:fs
 */
export async function mendWav(path: string): Promise<number | undefined> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    // Who dies before the first block leaves less than a header.
    if (size < WAV_HEADER_BYTES) return 0;
    const header = Buffer.alloc(WAV_HEADER_BYTES);
    await file.read(header, 0, WAV_HEADER_BYTES, 0);
    const channels = header.readUInt16LE(22);
    const dataBytes = header.readUInt32LE(40);
    const statedBytes = header.readUInt32LE(4);
    // What FreeSWITCH has not closed states some other size in the first of its two fields.
    header.writeUInt32LE(WAV_HEADER_BYTES - 8 + dataBytes, 4);
    if (channels === 0 || !header.equals(wavHeader(channels, dataBytes))) return undefined;
    const block = channels * SAMPLE_BYTES;
    const written = size - WAV_HEADER_BYTES;
    const whole = written - (written % block);
    if (whole !== written) await file.truncate(WAV_HEADER_BYTES + whole);
    if (whole !== dataBytes || statedBytes !== WAV_HEADER_BYTES - 8 + whole)
      await file.write(wavHeader(channels, whole), 0, WAV_HEADER_BYTES, 0);
    await file.sync();
    return (whole / block / RECORDING_RATE) * 1000;
  } finally {
    await file.close();
  }
}
