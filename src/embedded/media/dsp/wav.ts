import { type AudioStream, audioError } from './audio-stream.ts';
import { alawDecode, ulawDecode } from './g711.ts';

/** Frames (one sample of every channel) that are converted at once: bounds memory for long files. */
const BLOCK_FRAMES = 16_384;
const MIN_RATE = 4000;
const MAX_RATE = 192_000;
const MAX_CHANNELS = 32;

/** Format tags of RFC 2361 that we name in an error: what phone systems and recorders like to write. */
const FOREIGN_CODECS: Readonly<Record<number, string>> = {
  2: 'Microsoft ADPCM',
  17: 'IMA ADPCM',
  49: 'GSM 6.10',
  64: 'G.721 ADPCM',
  85: 'MP3 in WAV',
};
const PCM = 1;
const FLOAT = 3;
const ALAW = 6;
const ULAW = 7;
const EXTENSIBLE = 0xfffe;

interface WavFormat {
  readonly tag: number;
  readonly channels: number;
  readonly rate: number;
  readonly bits: number;
  readonly bytesPerFrame: number;
}

export const looksLikeWav = (file: Buffer): boolean =>
  file.length >= 12 && file.toString('latin1', 0, 4) === 'RIFF' && file.toString('latin1', 8, 12) === 'WAVE';

/**
 * Reads RIFF/WAVE: PCM of 8, 16, 24 and 32 bit, float of 32 and 64 bit, A-law and µ-law, plain or as WAVE_FORMAT_EXTENSIBLE. Channels are averaged.
 * A data chunk that claims more than the file has is read as far as it goes: recorders that stream do not know the length.
 * @throws UserError `audio-format` for another codec or absurd parameters, `audio-broken` if a chunk is missing or cut
 */
export function* readWav(path: string, file: Buffer): AudioStream {
  let format: WavFormat | undefined;
  for (let at = 12; at + 8 <= file.length; ) {
    const id = file.toString('latin1', at, at + 4);
    const size = file.readUInt32LE(at + 4);
    const body = file.subarray(at + 8, Math.min(at + 8 + size, file.length));
    if (id === 'fmt ') format = readFormat(path, body);
    if (id === 'data') {
      if (!format) throw audioError('audio-broken', path, 'is a WAV file whose data come before their format');
      return yield* readData(format, body);
    }
    at += 8 + size + (size % 2);
  }
  throw audioError('audio-broken', path, 'is a WAV file without audio data: it was cut off, or never finished');
}

function readFormat(path: string, body: Buffer): WavFormat {
  if (body.length < 16) throw audioError('audio-broken', path, 'is a WAV file with a damaged format chunk');
  const plain = body.readUInt16LE(0);
  const tag = plain === EXTENSIBLE && body.length >= 26 ? body.readUInt16LE(24) : plain;
  const format = {
    tag,
    channels: body.readUInt16LE(2),
    rate: body.readUInt32LE(4),
    bits: body.readUInt16LE(14),
    bytesPerFrame: body.readUInt16LE(12),
  };
  if (!(`${tag}/${format.bits}` in DECODERS)) {
    const name = FOREIGN_CODECS[tag] ?? (tag === PCM || tag === FLOAT ? `${format.bits}-bit PCM` : `codec ${tag}`);
    throw audioError('audio-format', path, `is a WAV file with ${name}, which cannot be read`);
  }
  const { channels, rate, bits, bytesPerFrame } = format;
  const sane = rate >= MIN_RATE && rate <= MAX_RATE && channels >= 1 && channels <= MAX_CHANNELS;
  if (!sane || bytesPerFrame !== (channels * bits) / 8) {
    const what = `${channels} channels, ${rate} Hz, ${bits} bit, ${bytesPerFrame} bytes per frame`;
    throw audioError('audio-format', path, `is a WAV file of an impossible or unusual shape (${what})`);
  }
  return format;
}

function* readData(format: WavFormat, data: Buffer): AudioStream {
  const decode = DECODERS[`${format.tag}/${format.bits}`] as Decoder;
  const block = BLOCK_FRAMES * format.bytesPerFrame;
  const whole = data.length - (data.length % format.bytesPerFrame);
  for (let at = 0; at < whole; at += block) {
    const values = decode(data.subarray(at, Math.min(at + block, whole)));
    yield { rate: format.rate, samples: mono(values, format.channels) };
  }
}

function mono(interleaved: Float32Array, channels: number): Float32Array {
  if (channels === 1) return interleaved;
  const samples = new Float32Array(interleaved.length / channels);
  for (let frame = 0, at = 0; frame < samples.length; frame++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) sum += interleaved[at++] as number;
    samples[frame] = sum / channels;
  }
  return samples;
}

/** Bytes to full scale ±1. */
type Decoder = (bytes: Buffer) => Float32Array;

const DECODERS: Readonly<Record<string, Decoder>> = {
  [`${PCM}/8`]: each(1, (bytes, at) => ((bytes[at] as number) - 128) / 2 ** 7),
  [`${PCM}/16`]: each(2, (bytes, at) => bytes.readInt16LE(at) / 2 ** 15),
  [`${PCM}/24`]: each(3, (bytes, at) => bytes.readIntLE(at, 3) / 2 ** 23),
  [`${PCM}/32`]: each(4, (bytes, at) => bytes.readInt32LE(at) / 2 ** 31),
  [`${FLOAT}/32`]: each(4, (bytes, at) => bytes.readFloatLE(at)),
  [`${FLOAT}/64`]: each(8, (bytes, at) => bytes.readDoubleLE(at)),
  [`${ALAW}/8`]: companded(alawDecode),
  [`${ULAW}/8`]: companded(ulawDecode),
};

function each(width: number, read: (bytes: Buffer, at: number) => number): Decoder {
  return (bytes) => Float32Array.from({ length: bytes.length / width }, (_, i) => read(bytes, i * width));
}

function companded(decode: typeof alawDecode): Decoder {
  return (bytes) => {
    const linear = new Int16Array(bytes.length);
    decode(bytes, linear);
    return Float32Array.from(linear, (sample) => sample / 2 ** 15);
  };
}
