/** 8 kHz, as everything that G.711 carries. */
const RATE = 8000;

/** A sine of one frequency, or the sum of several, loud but not clipped. */
export function tone(hz: number | readonly number[], ms: number, startMs = 0): Int16Array {
  const frequencies = typeof hz === 'number' ? [hz] : hz;
  const peak = 12_000 / frequencies.length;
  const first = startMs * 8;
  return Int16Array.from({ length: ms * 8 }, (_, i) =>
    frequencies.reduce((sum, f) => sum + peak * Math.sin((2 * Math.PI * f * (first + i)) / RATE), 0),
  );
}

/**
 * Which part of the energy lies at this frequency (Goertzel): near 1 for a pure tone, near 1/2 for each of two equal ones, near 0 for silence,
 * noise and other tones. Tones must differ by more than 8000 / `samples.length` Hz to be told apart.
 */
export function shareOf(hz: number, samples: Int16Array): number {
  const factor = 2 * Math.cos((2 * Math.PI * hz) / RATE);
  let previous = 0;
  let current = 0;
  let energy = 0;
  for (const sample of samples) {
    const next = sample + factor * current - previous;
    previous = current;
    current = next;
    energy += sample * sample;
  }
  if (energy / samples.length < QUIET_POWER) return 0;
  const power = current * current + previous * previous - factor * current * previous;
  return Math.min(1, (2 * power) / (samples.length * energy));
}

/** A mean amplitude of 100 of 32767: below −50 dB. */
const QUIET_POWER = 100 ** 2;

/** True if nothing above −50 dB sounds. */
export const isSilent = (samples: Int16Array): boolean =>
  samples.length === 0 || samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length < QUIET_POWER;

/** True if these frequencies, and hardly anything else, sound. */
export function sounds(hz: number | readonly number[], samples: Int16Array): boolean {
  const frequencies = typeof hz === 'number' ? [hz] : hz;
  const shares = frequencies.map((f) => shareOf(f, samples));
  return shares.every((share) => share > 0.5 / shares.length) && shares.reduce((a, b) => a + b, 0) > 0.8;
}

/** Pieces of 20 ms are too short to tell tones apart well; 40 ms separate tones that are 100 Hz apart. */
const WINDOW = 320;

/**
 * What was heard one after the other: which of the `candidates` sounded, 0 for silence; what is neither, or shorter than 80 ms, is left out.
 */
export function melody(samples: Int16Array, candidates: readonly number[]): number[] {
  const runs: { readonly hz: number; windows: number }[] = [];
  for (let at = 0; at + WINDOW <= samples.length; at += WINDOW) {
    const window = samples.subarray(at, at + WINDOW);
    const hz = isSilent(window) ? 0 : candidates.find((candidate) => sounds(candidate, window));
    if (hz === undefined) continue;
    const last = runs.at(-1);
    if (last?.hz === hz) last.windows++;
    else runs.push({ hz, windows: 1 });
  }
  const long = runs.filter((run) => run.windows >= 2).map((run) => run.hz);
  return long.filter((hz, index) => hz !== long[index - 1]);
}

/** For messages of failed tests: the strongest frequencies, or that it was silent. */
export function describeSound(samples: Int16Array): string {
  if (isSilent(samples)) return 'silence';
  const strongest = Array.from({ length: 72 }, (_, i) => 200 + 50 * i)
    .map((hz) => ({ hz, share: shareOf(hz, samples) }))
    .filter(({ share }) => share > 0.1)
    .sort((a, b) => b.share - a.share)
    .slice(0, 3);
  return strongest.length === 0
    ? 'noise'
    : strongest.map(({ hz, share }) => `${hz} Hz (${share.toFixed(2)})`).join(' + ');
}

/** The bytes of a WAV file, 16-bit PCM mono at 8 kHz. */
export function wavFile(samples: Int16Array): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(RATE, 24);
  header.writeUInt32LE(2 * RATE, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([header, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)]);
}
