import type { Spandsp } from './spandsp.ts';

/** Hears the calling tone of a fax machine (CNG, ITU-T T.30: 1100 Hz, half a second in every 3.5 s). */
export interface CngDetector {
  /** True for the block in which a calling tone was recognised. */
  process(samples: Int16Array): boolean;
  /** Frees the C object. Idempotent; `process` must not be called afterwards. */
  close(): void;
}

/** The library's number for this tone, as asked for and as reported. */
const FAX_CNG = 1;

/** @throws Error if the library is out of memory. */
export function createCngDetector(spandsp: Spandsp): CngDetector {
  let state = spandsp.connectToneRxInit(null, FAX_CNG, null, null);
  if (state === null) throw new Error('modem_connect_tones_rx_init failed');
  return {
    process(samples) {
      if (state === null) throw new Error('CNG detector used after close');
      spandsp.connectToneRx(state, samples, samples.length);
      return spandsp.connectToneRxGet(state) === FAX_CNG;
    },
    close() {
      if (state !== null) spandsp.connectToneRxFree(state);
      state = null;
    },
  };
}
