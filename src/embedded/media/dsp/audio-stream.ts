import { UserError } from '../../../errors.ts';

/** Decoded audio, block by block; mono, full scale ±1. The rate may change between blocks (an MP3 that was pasted together). */
export type AudioStream = Generator<{ readonly rate: number; readonly samples: Float32Array }, void>;

export type AudioErrorCode =
  | 'audio-missing'
  | 'audio-unreadable'
  | 'audio-too-big'
  | 'audio-format'
  | 'audio-broken'
  | 'audio-empty';

const HINTS: Readonly<Record<AudioErrorCode, string>> = {
  'audio-missing': 'Put the file there, or correct the path in the configuration.',
  'audio-unreadable': 'Make it a regular file that the engine may read.',
  'audio-too-big': 'Shorten it, or save it with a lower bit rate.',
  'audio-format': 'Save it as MP3, or as WAV PCM: sox INPUT -r 8000 -c 1 -b 16 -e signed OUTPUT.wav',
  'audio-broken': 'Export or upload the file again.',
  'audio-empty': 'Record it again.',
};

/** @param what continues the sentence "Audio file <path> …". */
export const audioError = (code: AudioErrorCode, path: string, what: string, options?: ErrorOptions): UserError =>
  new UserError(code, `Audio file ${path} ${what}`, HINTS[code], options);
