import { keyHz } from '../../../media/keypad.ts';
import type { Spandsp } from './spandsp.ts';
import { toneSource } from './tone.ts';

/** Hears the digits of one direction of one call in 8 kHz linear audio. */
export interface DtmfDetector {
  /** The digits (`0-9*#A-D`) that began in this block, each once however long it is held; mostly ''. Blocks may have any length. */
  process(samples: Int16Array): string;
  /** Frees the C object. Idempotent; `process` must not be called afterwards. */
  close(): void;
}

/**
 * How much one tone may exceed the other. A line weakens the high tone, so twist (the low one is stronger) is allowed more of than reverse
 * twist; ITU-T Q.24 lists 4 to 10 dB for what administrations ask for. Wider limits make the detector hear digits in speech (talk-off).
 */
const TWIST_DB = 8;
const REVERSE_TWIST_DB = 6;
/** A tone below this is none. Speech that leaks through a far echo stays under it, a digit over a lossy line above. */
const THRESHOLD_DBM0 = -36;

/** @throws Error if the library is out of memory. */
export function createDtmfDetector(spandsp: Spandsp): DtmfDetector {
  let state = spandsp.dtmfRxInit(null, null, null);
  if (state === null) throw new Error('dtmf_rx_init failed');
  spandsp.dtmfRxParms(state, 0, TWIST_DB, REVERSE_TWIST_DB, THRESHOLD_DBM0);
  const heard = new Uint8Array(32);

  return {
    process(samples) {
      if (state === null) throw new Error('DTMF detector used after close');
      spandsp.dtmfRx(state, samples, samples.length);
      // One byte stays free: the library ends the text with a zero.
      const count = spandsp.dtmfRxGet(state, heard, heard.length - 1);
      return count === 0 ? '' : String.fromCharCode(...heard.subarray(0, Number(count)));
    },
    close() {
      if (state !== null) spandsp.dtmfRxFree(state);
      state = null;
    },
  };
}

/** Levels at the sender, ETSI ES 201 235-2: the high tone is 2 dB stronger, because lines weaken it more. */
const LOW_DBM0 = -11;
const HIGH_DBM0 = -9;

/**
 * The tone of one key. Needs no library, so that an engine without libspandsp still sends digits in-band.
 * @throws RangeError for anything but `0-9*#A-D`
 */
export function dtmfSamples(digit: string, ms: number): Int16Array {
  const samples = new Int16Array(ms * 8);
  toneSource({ hz: keyHz(digit), dbm0: [LOW_DBM0, HIGH_DBM0], cadence: [ms, 0] }).read(samples);
  return samples;
}
