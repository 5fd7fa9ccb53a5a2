import { convertAudio } from '../../src/embedded/media/dsp/convert.ts';
import { alawDecode } from '../../src/embedded/media/dsp/g711.ts';
import type { AudioSource } from '../../src/media/port.ts';

/** What the embedded media server sends for these sources, one after the other: files and pauses. */
export async function samplesOf(sources: readonly AudioSource[]): Promise<Int16Array> {
  const samples: number[] = [];
  for (const source of sources) {
    if ('tone' in source) throw new Error('an announcement has no tones');
    if ('silenceMs' in source) samples.push(...new Int16Array(source.silenceMs * 8));
    else {
      const { alaw } = await convertAudio(source.file);
      const decoded = new Int16Array(alaw.length);
      alawDecode(alaw, decoded);
      samples.push(...decoded);
    }
  }
  return Int16Array.from(samples);
}

/** The quietest steps of A-law are all silence. */
const loud = (sample: number | undefined): number => (sample === undefined || Math.abs(sample) <= 8 ? 0 : sample);

/**
 * Where a recording is in what was heard, sample by sample the same; −1 when it is not. It came as A-law from the same converter, so nothing needs to be
 * guessed.
 */
export function indexOfAudio(heard: Int16Array, recording: Int16Array): number {
  const first = recording.findIndex((sample) => loud(sample) !== 0);
  if (first < 0) throw new Error('the recording is silent');
  for (let at = 0; at + recording.length <= heard.length; at++) {
    let i = first;
    while (i < recording.length && loud(heard[at + i]) === loud(recording[i])) i++;
    if (i === recording.length) return at;
  }
  return -1;
}
