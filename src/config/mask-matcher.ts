import { type MaskStep, regexMaskSteps } from './mask-steps.ts';
import type { RegexMask, SubstitutionPart } from './regex-mask.ts';

/** Where brackets opened and closed on the way to a step; -1 where they did not. */
type Marks = readonly number[];

/**
 * A mask of §5.3.1.3.1 ready to be matched: all its ways are walked at once, step by step with the number (the method of Thompson and Pike), so that the time is
 * the number's length times the mask's, whatever the mask. Of several ways to match, brackets hold what a regular expression would give them.
 */
export class MaskMatcher {
  readonly #steps: readonly MaskStep[];
  readonly #start: number;
  readonly #groups: number;

  constructor(mask: RegexMask) {
    const { steps, start } = regexMaskSteps(mask);
    this.#steps = steps;
    this.#start = start;
    this.#groups = mask.groups;
  }

  /** @returns what the brackets hold, from `$1` on; undefined unless the whole number matches */
  match(number: string): readonly string[] | undefined {
    let ways = this.#reach([[this.#start, Array.from({ length: this.#groups * 2 }, () => -1)]], 0);
    for (let at = 0; at < number.length; at++) {
      ways = this.#reach(this.#over(ways, number[at] ?? ''), at + 1);
      if (ways.length === 0) return undefined;
    }
    const found = ways.find(([step]) => this.#steps[step]?.kind === 'end');
    if (!found) return undefined;
    const [, marks] = found;
    return Array.from({ length: this.#groups }, (_, group) => {
      const [from = -1, to = -1] = marks.slice(group * 2, group * 2 + 2);
      return to < 0 ? '' : number.slice(from, to);
    });
  }

  /** The ways that go on over this digit. */
  #over(ways: readonly (readonly [number, Marks])[], digit: string): (readonly [number, Marks])[] {
    return ways.flatMap(([place, marks]) => {
      const step = this.#steps[place];
      return step?.kind === 'character' && includes(step, digit) ? [[step.next, marks] as const] : [];
    });
  }

  /** The digits and ends that are reached without a digit, each once, by the way that is preferred: this is what keeps the time linear. */
  #reach(from: readonly (readonly [number, Marks])[], at: number): (readonly [number, Marks])[] {
    const seen = new Set<number>();
    const reached: (readonly [number, Marks])[] = [];
    const open = from.toReversed();
    for (let way = open.pop(); way; way = open.pop()) {
      const [place, marks] = way;
      const step = this.#steps[place];
      if (!step || seen.has(place)) continue;
      seen.add(place);
      if (step.kind === 'split') open.push([step.second, marks], [step.first, marks]);
      else if (step.kind === 'mark') open.push([step.next, marks.length === 0 ? marks : marks.with(step.slot, at)]);
      else reached.push(way);
    }
    return reached;
  }
}

type Character = Extract<MaskStep, { kind: 'character' }>;

const includes = ({ of }: Character, digit: string): boolean => of === undefined || of.includes(digit);

/** What a mask makes of a number whose brackets hold these parts (§5.3.1.3.2). */
export const substituted = (parts: readonly SubstitutionPart[], brackets: readonly string[]): string =>
  parts.map((part) => ('text' in part ? part.text : (brackets[part.group - 1] ?? ''))).join('');
