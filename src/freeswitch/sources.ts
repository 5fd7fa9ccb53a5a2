import { audioLength } from '../media/audio-length.ts';
import type { AudioSource } from '../media/port.ts';

/** A source as FreeSWITCH plays it: a path, or one of the forms of mod_tone_stream. */
export interface Item {
  readonly text: string;
  readonly ms: number;
  /** The same from so many milliseconds on. */
  readonly from: (ms: number) => Item | undefined;
}

export interface Plan {
  readonly items: readonly Item[];
  readonly ms: number;
  /** Sources that cannot be played, each with the reason. */
  readonly problems: readonly string[];
}

/** FreeSWITCH reads these in a path as its own grammar: parameters, offsets, variables. */
const UNSPEAKABLE = /[{}[\]$]|@@|^[^/]/;

/** @param mp3 whether FreeSWITCH can read MP3 */
export function planOf(sources: readonly AudioSource[], mp3: boolean): Plan {
  const items: Item[] = [];
  const problems: string[] = [];
  for (const source of sources) {
    if ('file' in source) {
      const item = fileItem(source.file, mp3);
      if (typeof item === 'string') problems.push(item);
      else items.push(item);
    } else if ('silenceMs' in source) {
      if (source.silenceMs > 0) items.push(silence(source.silenceMs));
    } else {
      items.push(...toneItems(source.tone));
    }
  }
  return { items, ms: lengthOf(items), problems };
}

/** What is left of a list after so many milliseconds. */
export function after(items: readonly Item[], startMs: number): Item[] {
  let skip = startMs;
  return items.flatMap((item) => {
    const skipped = Math.min(skip, item.ms);
    skip -= skipped;
    if (skipped === 0) return [item];
    return skipped < item.ms ? (item.from(skipped) ?? []) : [];
  });
}

const lengthOf = (items: readonly Item[]): number => items.reduce((sum, { ms }) => sum + ms, 0);

/** @returns a text: why it cannot be played */
function fileItem(path: string, mp3: boolean): Item | string {
  const ms = audioLength(path);
  if (ms === undefined) return `${path}: it does not exist, or is neither WAV nor MP3`;
  if (UNSPEAKABLE.test(path)) return `${path}: FreeSWITCH cannot take this path; rename it`;
  if (!mp3 && path.toLowerCase().endsWith('.mp3')) return `${path}: FreeSWITCH has no mod_shout for MP3; load it`;
  // The offset counts samples of the channel.
  const from = (start: number): Item => ({ text: `${path}@@${Math.round(start * 8)}`, ms: ms - start, from });
  return { text: path, ms, from };
}

function silence(ms: number): Item {
  return { text: `silence_stream://${ms}`, ms, from: (start) => silence(ms - start) };
}

type Tone = Extract<AudioSource, { tone: unknown }>['tone'];

/** A tone in steps of sound and silence, which FreeSWITCH takes in pairs: `%(on,off,hz,hz)`. */
function toneItems({ hz, cadence, ms }: Tone): Item[] {
  const cycle = cadence.reduce((sum, step) => sum + step, 0);
  if (cycle <= 0) return [];
  const total = ms ?? cycle;
  const steps: Step[] = [];
  for (let at = 0, index = 0; at < total; index++) {
    const step = Math.min(cadence[index % cadence.length] ?? 0, total - at);
    if (step > 0) steps.push({ sound: (index % cadence.length) % 2 === 0, ms: step });
    at += step;
  }
  return [toneItem(hz, steps)];
}

interface Step {
  readonly sound: boolean;
  readonly ms: number;
}

function toneItem(hz: readonly number[], steps: readonly Step[]): Item {
  const pairs: string[] = [];
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i];
    if (!step) continue;
    if (!step.sound) {
      // A list that begins with a pause: a tone too low and short to be one carries it.
      pairs.push(`%(0,${step.ms},${hz.join(',')})`);
      continue;
    }
    const next = steps[i + 1];
    const off = next && !next.sound ? next.ms : 0;
    pairs.push(`%(${step.ms},${off},${hz.join(',')})`);
    if (off > 0) i++;
  }
  const ms = steps.reduce((sum, step) => sum + step.ms, 0);
  return {
    text: `tone_stream://${pairs.join('')}`,
    ms,
    from: (start) => {
      let skip = start;
      const rest = steps.flatMap((step) => {
        const skipped = Math.min(skip, step.ms);
        skip -= skipped;
        return skipped < step.ms ? [{ ...step, ms: step.ms - skipped }] : [];
      });
      return rest.length === 0 ? undefined : toneItem(hz, rest);
    },
  };
}
