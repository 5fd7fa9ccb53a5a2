/**
 * Level of one frequency in 8 kHz audio, in dBm0 as G.711 defines it for A-law (a full-scale sine is +3.14 dBm0). Over n samples two
 * frequencies are told apart when they differ by more than 2 · 8000 / n Hz.
 */
export function levelDbm0(samples: Int16Array, hz: number, rate = 8000): number {
  let cos = 0;
  let sin = 0;
  let weight = 0;
  for (let i = 0; i < samples.length; i++) {
    // Hann window, so that a frequency between two bins does not leak into all others.
    const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / samples.length);
    const angle = (2 * Math.PI * hz * i) / rate;
    cos += window * (samples[i] as number) * Math.cos(angle);
    sin += window * (samples[i] as number) * Math.sin(angle);
    weight += window;
  }
  return toDbm0((2 * Math.hypot(cos, sin)) / weight / Math.SQRT2);
}

/** Level of everything together. */
export function totalDbm0(samples: Int16Array): number {
  let power = 0;
  for (const sample of samples) power += sample * sample;
  return toDbm0(Math.sqrt(power / samples.length));
}

const toDbm0 = (rms: number) => 20 * Math.log10(Math.max(rms, 1e-6) / (32768 / Math.SQRT2)) + 3.14;
