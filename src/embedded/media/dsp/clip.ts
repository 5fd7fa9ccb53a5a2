import { alawEncode, ulawEncode } from './g711.ts';

/** A piece of audio ready for the wire: 8 kHz mono in both laws, so that playing it costs no encoding. */
export interface AudioClip {
  readonly alaw: Uint8Array;
  readonly ulaw: Uint8Array;
  /** How many bytes each law has. */
  readonly samples: number;
  readonly ms: number;
}

/** @param samples 8 kHz mono, linear 16 bit. */
export function clipOf(samples: Int16Array): AudioClip {
  const alaw = new Uint8Array(samples.length);
  const ulaw = new Uint8Array(samples.length);
  alawEncode(samples, alaw);
  ulawEncode(samples, ulaw);
  return { alaw, ulaw, samples: samples.length, ms: samples.length / 8 };
}
