import type { MaskNode, RegexMask, SubstitutionPart } from './regex-mask.ts';

/** One step of a mask laid out as an automaton; numbers are the places of other steps. */
type Step =
  | { readonly kind: 'digit'; readonly digits: string; readonly next: number }
  /** Both ways are open; the first is preferred, which makes repeats take as much as they can. */
  | { kind: 'split'; first: number; second: number }
  /** A bracket opens (`slot` even) or closes. */
  | { readonly kind: 'mark'; readonly slot: number; readonly next: number }
  | { readonly kind: 'end' };

/** Where brackets opened and closed on the way to a step; -1 where they did not. */
type Marks = readonly number[];

/**
 * A mask of §5.3.1.3.1 ready to be matched: all its ways are walked at once, step by step with the number (the method of Thompson and Pike), so that the time is
 * the number's length times the mask's, whatever the mask. Of several ways to match, brackets hold what a regular expression would give them.
 */
export class MaskMatcher {
  readonly #steps: Step[] = [];
  readonly #start: number;
  readonly #groups: number;
  /** By step: with how many more keys of a telephone the end can be reached. */
  readonly #lengths: readonly KeyCounts[];

  constructor(mask: RegexMask) {
    this.#groups = mask.groups;
    const end = this.#add({ kind: 'end' });
    this.#start = this.#anyOf(mask.alternatives, end);
    this.#lengths = lengthsToEnd(this.#steps);
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

  /** With how many more keys, at least one, this beginning could be a number that matches. */
  keysToMatch(beginning: string): KeyCounts {
    let ways = this.#reach([[this.#start, []]], 0);
    for (const key of beginning) {
      if (ways.length === 0) return noKeys;
      ways = this.#reach(this.#over(ways, key), 0);
    }
    return ways.reduce((all, [place]) => {
      const step = this.#steps[place];
      return step?.kind === 'digit' ? all | afterKey(step, this.#lengths) : all;
    }, noKeys);
  }

  #add(step: Step): number {
    return this.#steps.push(step) - 1;
  }

  /** Laid out from the end, since every step names what follows it. */
  #anyOf(alternatives: readonly (readonly MaskNode[])[], next: number): number {
    const starts = alternatives.map((nodes) => nodes.reduceRight((after, node) => this.#node(node, after), next));
    return starts.reduceRight((second, first) => this.#add({ kind: 'split', first, second }));
  }

  #node(node: MaskNode, next: number): number {
    if (node.kind === 'group') {
      const close = this.#add({ kind: 'mark', slot: node.index * 2 - 1, next });
      return this.#add({ kind: 'mark', slot: node.index * 2 - 2, next: this.#anyOf(node.alternatives, close) });
    }
    const { digits } = node;
    let start = next;
    if (node.max === Number.POSITIVE_INFINITY) {
      const loop: Step = { kind: 'split', first: -1, second: next };
      start = this.#add(loop);
      loop.first = this.#add({ kind: 'digit', digits, next: start });
    }
    for (let times = 0; times < node.min; times++) start = this.#add({ kind: 'digit', digits, next: start });
    return start;
  }

  /** The ways that go on over this digit. */
  #over(ways: readonly (readonly [number, Marks])[], digit: string): (readonly [number, Marks])[] {
    return ways.flatMap(([place, marks]) => {
      const step = this.#steps[place];
      return step?.kind === 'digit' && step.digits.includes(digit) ? [[step.next, marks] as const] : [];
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

/** Numbers of keys up to 32 as bits: bit n stands for n keys. Beyond that nothing is dialled. */
export type KeyCounts = bigint;

export const noKeys: KeyCounts = 0n;
const all: KeyCounts = (1n << 33n) - 1n;

/** From `min` to `max` keys. */
export const keysBetween = (min: number, max: number): KeyCounts => (all << BigInt(min)) & (all >> BigInt(32 - max));

/** A mask may hold `+` and `#`, which a caller cannot dial into an entry: `#` ends it. */
const afterKey = ({ digits, next }: Extract<Step, { kind: 'digit' }>, lengths: readonly KeyCounts[]): KeyCounts =>
  /[0-9*]/.test(digits) ? ((lengths[next] ?? noKeys) << 1n) & all : noKeys;

/** Until nothing is new: a round follows all steps to those laid out before them, and a repeat once, so that there are hardly more rounds than keys. */
function lengthsToEnd(steps: readonly Step[]): KeyCounts[] {
  const known = steps.map(() => noKeys);
  const of = (place: number): KeyCounts => known[place] ?? noKeys;
  const lengths = (step: Step): KeyCounts => {
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

/** What a mask makes of a number whose brackets hold these parts (§5.3.1.3.2). */
export const substituted = (parts: readonly SubstitutionPart[], brackets: readonly string[]): string =>
  parts.map((part) => ('text' in part ? part.text : (brackets[part.group - 1] ?? ''))).join('');
