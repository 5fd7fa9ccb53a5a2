import { type MaskStep, type MaskSteps, moved } from './mask-steps.ts';

/**
 * Masks that are tried one after the other, and the question whether they leave anything to another one. All masks are regular languages, so that
 * the answer is exact: whatever the new mask takes, in whichever way, one of the others takes. A limit on the work keeps it quick; beyond it there is no
 * answer.
 */
export class MaskUnion {
  readonly #steps: MaskStep[] = [];
  readonly #starts: number[] = [];

  add({ steps, start }: MaskSteps): void {
    const offset = this.#steps.length;
    this.#starts.push(start + offset);
    for (const step of steps) this.#steps.push(moved(step, offset));
  }

  /** One of them takes this text. */
  takes(text: string): boolean {
    let places = reach(this.#steps, this.#starts);
    for (const character of text) places = over(this.#steps, places, character);
    return endsIn(this.#steps, places);
  }

  /**
   * Whether all that the mask takes is taken by one or the other of these. Goes through both at once: text that leads to an end of the mask, and to none
   * of these, is the counter-example.
   */
  covers(mask: MaskSteps, work: Work): Covered {
    if (work.left < 0) return { all: undefined };
    const begin = { text: '', mask: reach(mask.steps, [mask.start]), union: reach(this.#steps, this.#starts) };
    const waiting = [begin];
    const seen = new Set([keyOf(begin)]);
    for (let pair = waiting.pop(); pair; pair = waiting.pop()) {
      if (endsIn(mask.steps, pair.mask) && !endsIn(this.#steps, pair.union)) return { all: false, left: pair.text };
      for (const character of alphabetOf(mask.steps, pair.mask, this.#steps, pair.union)) {
        const next = {
          text: pair.text + character,
          mask: over(mask.steps, pair.mask, character),
          union: over(this.#steps, pair.union, character),
        };
        work.left -= 1 + pair.mask.length + pair.union.length;
        if (work.left < 0) return { all: undefined };
        const key = keyOf(next);
        if (next.mask.length === 0 || seen.has(key)) continue;
        seen.add(key);
        waiting.push(next);
      }
    }
    return { all: true };
  }
}

/** `left`: text that is not taken, NUL standing in it for any character that no mask names. `undefined`: there was too much to look at. */
export type Covered =
  | { readonly all: true }
  | { readonly all: false; readonly left: string }
  | { readonly all: undefined };

/** How many steps may still be looked at. */
export interface Work {
  left: number;
}

/** Places in two masks that the same text leads to. */
interface Pair {
  readonly mask: readonly number[];
  readonly union: readonly number[];
}

const keyOf = ({ mask, union }: Pair): string => `${mask}/${union}`;

/** Characters and ends that are reached without a character, in order. */
function reach(steps: readonly MaskStep[], from: Iterable<number>): readonly number[] {
  const seen = new Set(from);
  const reached: number[] = [];
  for (const place of seen) {
    const step = steps[place];
    if (step?.kind === 'split') seen.add(step.first).add(step.second);
    else if (step?.kind === 'mark') seen.add(step.next);
    else reached.push(place);
  }
  return reached.sort((a, b) => a - b);
}

function over(steps: readonly MaskStep[], places: readonly number[], character: string): readonly number[] {
  const next = places.flatMap((place) => {
    const step = steps[place];
    return step?.kind === 'character' && (step.of === undefined || step.of.includes(character)) ? [step.next] : [];
  });
  return reach(steps, next);
}

const endsIn = (steps: readonly MaskStep[], places: readonly number[]): boolean =>
  places.some((place) => steps[place]?.kind === 'end');

/** Characters that can lead on in the mask and are told apart here; NUL stands for all those that neither side names. */
function alphabetOf(
  steps: readonly MaskStep[],
  places: readonly number[],
  otherSteps: readonly MaskStep[],
  otherPlaces: readonly number[],
): ReadonlySet<string> {
  const own = charactersOf(steps, places);
  if (!own.any) return own.named;
  return new Set(['\u0000', ...own.named, ...charactersOf(otherSteps, otherPlaces).named]);
}

function charactersOf(steps: readonly MaskStep[], places: readonly number[]) {
  const named = new Set<string>();
  let any = false;
  for (const place of places) {
    const step = steps[place];
    if (step?.kind !== 'character') continue;
    if (step.of === undefined) any = true;
    else for (const character of step.of) named.add(character);
  }
  return { named, any };
}
