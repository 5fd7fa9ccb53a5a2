import type { AudioSource } from './port.ts';

/** What a caller hears while, or because, he is not connected. Each is one cadence: play it with `loop` to go on. */
export interface CallProgressTones {
  /** The called phone rings. */
  readonly ringback: AudioSource;
  /** The called party is busy. */
  readonly busy: AudioSource;
  /** No way through: no line, no route, overload. */
  readonly congestion: AudioSource;
}

const tone = (hz: readonly number[], ...cadence: readonly number[]): AudioSource => ({ tone: { hz, cadence } });

/** ITU-T E.180: 425 Hz, with the cadences that most of Europe has. */
const DEFAULT: CallProgressTones = {
  ringback: tone([425], 1000, 4000),
  busy: tone([425], 500, 500),
  congestion: tone([425], 250, 250),
};

/** By ISO 3166 country. E.180 Supplement 2 lists the tones of each; Russian exchanges send busy between 0.3 and 0.4 s, congestion twice as fast. */
const BY_COUNTRY: Readonly<Record<string, CallProgressTones>> = {
  RU: {
    ringback: tone([425], 1000, 4000),
    busy: tone([425], 350, 350),
    congestion: tone([425], 175, 175),
  },
};

/** @param country ISO 3166, as in `pbx.country`. */
export const callProgressTones = (country: string): CallProgressTones => BY_COUNTRY[country] ?? DEFAULT;
