import { type MaskStep, type MaskSteps, moved } from './mask-steps.ts';

/** Steps of automata that the same text leads to, and where each key leads from there. */
interface Place {
  /** Those that wait for a character, ascending. */
  readonly waiting: readonly number[];
  /** The masks that take the text, in their order. */
  readonly taking: readonly number[];
  readonly after: Map<string, Place>;
  /** Computed when it is first asked for. */
  keys?: KeyCounts;
}

/**
 * Masks in their order, all asked at once which of them take a number: ten thousand of them are no more work than a few. They are one nondeterministic
 * automaton; what a key makes of a set of its steps is remembered (a deterministic one, made as far as it is needed), so that a number is mostly one look-up for
 * each of its digits. What is remembered is bounded: a set of masks for which there is too much of it is walked step by step, in time linear in the number and the masks.
 */
export class MaskList {
  readonly #steps: MaskStep[] = [];
  /** By step. */
  readonly #maskOf: number[] = [];
  readonly #start: Place;
  /** By their steps. */
  readonly #places = new Map<string, Place>();
  /** Steps in all places that are remembered. */
  #remembered = 0;
  readonly #most: number;
  /** By step: in which round it was reached last. */
  readonly #reachedIn: Uint32Array;
  #round = 0;
  /** By step: with how many more keys the end can be reached. */
  #lengths: readonly KeyCounts[] | undefined;

  constructor(masks: readonly MaskSteps[]) {
    const starts: number[] = [];
    for (const [mask, { steps, start }] of masks.entries()) {
      const offset = this.#steps.length;
      starts.push(start + offset);
      for (const step of steps) {
        this.#steps.push(moved(step, offset));
        this.#maskOf.push(mask);
      }
    }
    this.#reachedIn = new Uint32Array(this.#steps.length);
    this.#most = LEAST_REMEMBERED + REMEMBERED_PER_STEP * this.#steps.length;
    this.#start = this.#reach(starts);
  }

  /** Which masks take the whole number, in their order. */
  taking(number: string): readonly number[] {
    return this.#over(number)?.taking ?? [];
  }

  /** With how many more keys, at least one, this beginning could be a number that one of them takes. */
  keysToMatch(beginning: string): KeyCounts {
    const place = this.#over(beginning);
    if (!place) return noKeys;
    place.keys ??= this.#keysAfter(place);
    return place.keys;
  }

  /** Undefined: nothing that begins so is taken. */
  #over(text: string): Place | undefined {
    let place = this.#start;
    for (const key of text) {
      if (place.waiting.length === 0) return undefined;
      place = this.#after(place, key);
    }
    return place;
  }

  #after(place: Place, key: string): Place {
    const known = place.after.get(key);
    if (known) return known;
    const next: number[] = [];
    for (const at of place.waiting) {
      const step = this.#steps[at];
      if (step?.kind === 'character' && (step.of === undefined || step.of.includes(key))) next.push(step.next);
    }
    const reached = this.#reach(next);
    place.after.set(key, reached);
    this.#remembered++;
    return reached;
  }

  /** Those that wait and those that end, reached without a character. */
  #reach(from: readonly number[]): Place {
    const round = ++this.#round;
    const waiting: number[] = [];
    const taking: number[] = [];
    const open = [...from];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const step = this.#steps[at];
      if (!step || this.#reachedIn[at] === round) continue;
      this.#reachedIn[at] = round;
      if (step.kind === 'split') open.push(step.second, step.first);
      else if (step.kind === 'mark') open.push(step.next);
      else if (step.kind === 'character') waiting.push(at);
      else taking.push(this.#maskOf[at] ?? 0);
    }
    waiting.sort(ascending);
    taking.sort(ascending);
    return this.#placeOf(waiting, taking);
  }

  #placeOf(waiting: readonly number[], taking: readonly number[]): Place {
    const name = `${waiting}/${taking}`;
    const known = this.#places.get(name);
    if (known) return known;
    if (this.#remembered > this.#most) this.#forget();
    const place: Place = { waiting, taking, after: new Map() };
    this.#places.set(name, place);
    this.#remembered += waiting.length + taking.length + 1;
    return place;
  }

  #forget(): void {
    this.#places.clear();
    this.#start.after.clear();
    this.#remembered = 0;
  }

  #keysAfter({ waiting }: Place): KeyCounts {
    this.#lengths ??= lengthsToEnd(this.#steps);
    let keys = noKeys;
    for (const at of waiting) {
      const step = this.#steps[at];
      if (step?.kind === 'character') keys |= afterKey(step, this.#lengths);
    }
    return keys;
  }
}

/** Steps in places: as many as an ordinary set of masks needs for all numbers that there are. */
const REMEMBERED_PER_STEP = 4;
const LEAST_REMEMBERED = 10_000;

const ascending = (a: number, b: number): number => a - b;

/** Numbers of keys up to 32 as bits: bit n stands for n keys. Beyond that nothing is dialled. */
export type KeyCounts = bigint;

export const noKeys: KeyCounts = 0n;
const all: KeyCounts = (1n << 33n) - 1n;

/** From `min` to `max` keys. */
export const keysBetween = (min: number, max: number): KeyCounts => (all << BigInt(min)) & (all >> BigInt(32 - max));

/** A mask may hold `+` and `#`, which a caller cannot dial into an entry: `#` ends it. */
const afterKey = ({ of, next }: Character, lengths: readonly KeyCounts[]): KeyCounts =>
  of === undefined || /[0-9*]/.test(of) ? ((lengths[next] ?? noKeys) << 1n) & all : noKeys;

type Character = Extract<MaskStep, { kind: 'character' }>;

/** Until nothing is new: a round follows all steps to those laid out before them, and a repeat once, so that there are hardly more rounds than keys. */
function lengthsToEnd(steps: readonly MaskStep[]): KeyCounts[] {
  const known = steps.map(() => noKeys);
  const of = (place: number): KeyCounts => known[place] ?? noKeys;
  const lengths = (step: MaskStep): KeyCounts => {
    if (step.kind === 'end') return 1n;
    if (step.kind === 'split') return of(step.first) | of(step.second);
    return step.kind === 'mark' ? of(step.next) : afterKey(step, known);
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const [place, step] of steps.entries()) {
      const now = lengths(step);
      changed ||= now !== of(place);
      known[place] = now;
    }
  }
  return known;
}
