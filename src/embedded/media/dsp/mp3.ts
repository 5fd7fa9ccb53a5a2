import { MPEGDecoder } from 'mpg123-decoder';
import { type AudioStream, audioError } from './audio-stream.ts';

/** What the decoder is fed at once: bounds memory, since ten minutes of MP3 are a hundred megabytes of samples. */
const CHUNK_BYTES = 64 * 1024;

/** An ID3v2 tag, or a valid MPEG audio frame header (ISO/IEC 11172-3 §2.4.1.3). ADTS (AAC) has the same sync word but layer 0. */
export function looksLikeMp3(file: Buffer): boolean {
  if (file.toString('latin1', 0, 3) === 'ID3') return true;
  if (file.length < 4) return false;
  const header = file.readUInt32BE(0);
  const sync = header >>> 21 === 0x7ff;
  const version = (header >>> 19) & 3;
  const layer = (header >>> 17) & 3;
  const bitRate = (header >>> 12) & 15;
  const sampleRate = (header >>> 10) & 3;
  return sync && version !== 1 && layer !== 0 && bitRate !== 15 && sampleRate !== 3;
}

/** The longest frame: layer II and MPEG-1 layer III. */
const FRAME_SAMPLES = 1152;
/** Where more frames than this are damaged, the file is no recording; other data happen to look like a frame now and then. */
const DAMAGED_SHARE = 0.25;

/**
 * Decodes MPEG layer I to III by mpg123 (WASM), with the encoder's padding taken off. Single damaged frames are left out, as every player does.
 * @throws UserError `audio-broken` at the end, if nothing could be decoded or too many frames were damaged
 */
export async function openMp3(path: string, file: Buffer): Promise<AudioStream> {
  const decoder = new MPEGDecoder();
  await decoder.ready;
  return readMp3(path, file, decoder);
}

function* readMp3(path: string, file: Buffer, decoder: MPEGDecoder): AudioStream {
  let decoded = 0;
  let damaged = 0;
  try {
    for (let at = 0; at < file.length; at += CHUNK_BYTES) {
      const { channelData, samplesDecoded, sampleRate, errors } = decoder.decode(file.subarray(at, at + CHUNK_BYTES));
      damaged += errors.length;
      if (samplesDecoded === 0) continue;
      decoded += samplesDecoded;
      yield { rate: sampleRate, samples: average(channelData) };
    }
  } finally {
    decoder.free();
  }
  const frames = decoded / FRAME_SAMPLES;
  if (frames === 0) throw audioError('audio-broken', path, 'looks like MP3, but holds no frame that can be decoded');
  if (damaged > frames * DAMAGED_SHARE) {
    throw audioError(
      'audio-broken',
      path,
      `looks like MP3, but ${damaged} of about ${Math.round(frames + damaged)} frames are damaged`,
    );
  }
}

function average(channels: readonly Float32Array[]): Float32Array {
  const [first = new Float32Array(0), ...others] = channels;
  return first.map(
    (value, i) => others.reduce((sum, channel) => sum + (channel[i] as number), value) / channels.length,
  );
}
