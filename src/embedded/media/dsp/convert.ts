import { readFile } from 'node:fs/promises';
import { errorText } from '../../../errors.ts';
import { type AudioStream, audioError } from './audio-stream.ts';
import { type AudioClip, clipOf } from './clip.ts';
import { looksLikeMp3, openMp3 } from './mp3.ts';
import { Resampler } from './resample.ts';
import { looksLikeWav, readWav } from './wav.ts';

const TELEPHONE_RATE = 8000;

/** Beginnings of what people upload instead, so that the error can say what it is. */
const OTHER_FORMATS: readonly { readonly at: number; readonly magic: string; readonly name: string }[] = [
  { at: 0, magic: 'OggS', name: 'Ogg (Vorbis or Opus)' },
  { at: 0, magic: 'fLaC', name: 'FLAC' },
  { at: 4, magic: 'ftyp', name: 'MP4 or M4A' },
  { at: 0, magic: 'FORM', name: 'AIFF' },
  { at: 0, magic: '#!AMR', name: 'AMR' },
  { at: 0, magic: '\x30\x26\xb2\x75', name: 'Windows Media' },
  { at: 0, magic: 'RIFX', name: 'big-endian WAV' },
  { at: 0, magic: 'RF64', name: 'RF64' },
];

/**
 * Reads a WAV or MP3 file and makes it ready for the wire. Takes seconds of CPU for a long MP3: call it in a thread that has no frames to send.
 * @throws UserError with an `AudioErrorCode`
 */
export async function convertAudio(path: string): Promise<AudioClip> {
  const file = await read(path);
  const blocks: Int16Array[] = [];
  for (const block of telephoneQuality(await open(path, file))) blocks.push(block);
  const samples = concatenate(blocks);
  if (samples.length === 0) throw audioError('audio-empty', path, 'holds no sound: its length is 0 s');
  return clipOf(samples);
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw audioError('audio-unreadable', path, `cannot be read: ${errorText(error)}`, { cause: error });
  }
}

async function open(path: string, file: Buffer): Promise<AudioStream> {
  if (file.length === 0) throw audioError('audio-empty', path, 'is empty (0 bytes)');
  if (looksLikeWav(file)) return readWav(path, file);
  if (looksLikeMp3(file)) return openMp3(path, file);
  const other = OTHER_FORMATS.find(({ at, magic }) => file.toString('latin1', at, at + magic.length) === magic);
  const what = other ? `is ${other.name}; only WAV PCM and MP3 can be played` : 'is neither WAV nor MP3';
  throw audioError('audio-format', path, what);
}

function* telephoneQuality(stream: AudioStream): Generator<Int16Array> {
  let current: { rate: number; resampler: Resampler } | undefined;
  for (const { rate, samples } of stream) {
    if (current && current.rate !== rate) {
      yield toInt16(current.resampler.flush());
      current = undefined;
    }
    if (rate === TELEPHONE_RATE) {
      yield toInt16(samples);
    } else {
      current ??= { rate, resampler: new Resampler(rate) };
      yield toInt16(current.resampler.push(samples));
    }
  }
  if (current) yield toInt16(current.resampler.flush());
}

const toInt16 = (samples: Float32Array): Int16Array =>
  Int16Array.from(samples, (value) => Math.max(-32768, Math.min(32767, Math.round(value * 32768))));

function concatenate(blocks: readonly Int16Array[]): Int16Array {
  const all = new Int16Array(blocks.reduce((length, block) => length + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    all.set(block, at);
    at += block.length;
  }
  return all;
}
