import { convertAudio } from '../../src/embedded/media/dsp/convert.ts';
import { alawDecode } from '../../src/embedded/media/dsp/g711.ts';
import type { AudioSource } from '../../src/media/port.ts';

/** What is sent of these sources, each sample by sample: files and pauses. */
export async function samplesOf(sources: readonly AudioSource[]): Promise<Int16Array[]> {
  return Promise.all(
    sources.map(async (source) => {
      if ('tone' in source) throw new Error('an announcement has no tones');
      if ('silenceMs' in source) return new Int16Array(source.silenceMs * 8);
      const { alaw } = await convertAudio(source.file);
      const decoded = new Int16Array(alaw.length);
      alawDecode(alaw, decoded);
      return decoded;
    }),
  );
}

/** The quietest steps of A-law are all silence. */
const loud = (sample: number | undefined): number => (sample === undefined || Math.abs(sample) <= 8 ? 0 : sample);

/** Within a step of A-law, 16 or a sixteenth of the sample: FreeSWITCH rounds what is negative to the other side (G.711 leaves it open). */
const isSame = (heard: number | undefined, sample: number | undefined): boolean =>
  Math.abs(loud(heard) - loud(sample)) <= Math.max(24, Math.abs(loud(sample)) / 16);

/**
 * Where recordings are in what was heard, one after the other, each sample by sample; −1 when they are not. They came as A-law, so nothing needs to be guessed.
 *
 * @param gapMs how much later than the end of one the next may begin: FreeSWITCH is told of it when the one before has ended
 */
export function indexOfAudio(heard: Int16Array, recordings: readonly Int16Array[], gapMs: number): number {
  const isLoud = (samples: Int16Array) => samples.some((sample) => loud(sample) !== 0);
  const [first, ...rest] = recordings.filter(isLoud);
  if (!first) throw new Error('the recordings are silent');
  const pauses = recordings.filter((samples) => !isLoud(samples)).reduce((sum, { length }) => sum + length, 0);
  const gap = 8 * gapMs * recordings.length + pauses;
  for (let at = indexOf(heard, first, 0, Infinity); at >= 0; at = indexOf(heard, first, at + 1, Infinity)) {
    let end = at + first.length;
    const isWhole = rest.every((samples) => {
      const next = indexOf(heard, samples, end, end + gap);
      end = next + samples.length;
      return next >= 0;
    });
    if (isWhole) return at;
  }
  return -1;
}

/** The first place, of these, where it is. */
function indexOf(heard: Int16Array, recording: Int16Array, from: number, to: number): number {
  const first = recording.findIndex((sample) => loud(sample) !== 0);
  for (let at = from; at <= to && at + recording.length <= heard.length; at++) {
    let i = first;
    while (i < recording.length && isSame(heard[at + i], recording[i])) i++;
    if (i === recording.length) return at;
  }
  return -1;
}
