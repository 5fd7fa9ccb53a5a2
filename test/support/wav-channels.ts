import { readFileSync } from 'node:fs';

/** What a recording holds, a channel each, as its header tells: what lies behind that is not heard by anybody. */
export function wavChannels(path: string): Int16Array[] {
  const file = readFileSync(path);
  if (file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 16) !== 'WAVEfmt ') {
    throw new Error(`${path} is no WAV file`);
  }
  const [channels, rate, bits] = [file.readUInt16LE(22), file.readUInt32LE(24), file.readUInt16LE(34)];
  if (rate !== 8000 || bits !== 16) throw new Error(`${path} has ${rate} Hz, ${bits} bit`);
  const data = file.subarray(44, 44 + file.readUInt32LE(40));
  const frames = Math.floor(data.length / 2 / channels);
  return Array.from({ length: channels }, (_, channel) =>
    Int16Array.from({ length: frames }, (_, i) => data.readInt16LE(2 * (i * channels + channel))),
  );
}
