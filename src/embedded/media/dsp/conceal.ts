import type { Spandsp } from './spandsp.ts';

/** Fills the gaps of one received stream (packet-loss concealment) with what the talker would probably have said. */
export interface Concealer {
  /** Every frame that did come, in order. May change its first samples, to blend out of a preceding fill. */
  receive(samples: Int16Array): void;
  /** Writes a substitute for a frame that did not come. Fades to silence when the gap lasts more than 50 ms. */
  fill(samples: Int16Array): void;
  /** Frees the C object. Idempotent; nothing else may be called afterwards. */
  close(): void;
}

/**
 * Repeats the last pitch period, as ITU-T G.711 Appendix I does, by libspandsp. Without the library a gap becomes silence.
 * @throws Error if the library is out of memory
 */
export function createConcealer(spandsp: Spandsp | undefined): Concealer {
  if (!spandsp) return SILENCE;
  let state = spandsp.plcInit(null);
  if (state === null) throw new Error('plc_init failed');
  const open = () => {
    if (state === null) throw new Error('concealer used after close');
    return state;
  };
  return {
    receive: (samples) => void spandsp.plcRx(open(), samples, samples.length),
    fill: (samples) => void spandsp.plcFillin(open(), samples, samples.length),
    close() {
      if (state !== null) spandsp.plcFree(state);
      state = null;
    },
  };
}

const nothing = () => undefined;
const SILENCE: Concealer = { receive: nothing, fill: (samples) => void samples.fill(0), close: nothing };
