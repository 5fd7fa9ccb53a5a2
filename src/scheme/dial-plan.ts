import type { Trunk } from '../config/document.ts';
import { keysBetween, MaskMatcher, noKeys, substituted } from '../config/mask-matcher.ts';
import { parseRegexMask, parseSubstitution, type SubstitutionPart } from '../config/regex-mask.ts';

/** A set of lengths as bits: bit n stands for n digits. */
export type Lengths = number;

export const noLength: Lengths = 0;

export function lengthsBetween(min: number, max: number): Lengths {
  let lengths = 0;
  for (let length = min; length <= Math.min(max, 30); length++) lengths |= 1 << length;
  return lengths;
}

/** A number that is dialled at a trunk. */
export interface TrunkCall {
  readonly trunk: string;
  /** As the far end wants it. */
  readonly number: string;
}

interface TrunkMask {
  readonly trunk: string;
  readonly match: MaskMatcher;
  readonly to: readonly SubstitutionPart[];
}

/** All short numbers of a PBX and the prefixes and masks of its trunks, made to be asked on every key press. */
export class DialPlan {
  readonly #extensions: ReadonlySet<string>;
  /** By proper beginning: the lengths of the extensions that begin so. */
  readonly #beginnings = new Map<string, Lengths>();
  /** Longest prefix first. */
  readonly #prefixes: readonly { readonly id: string; readonly prefix: string }[];
  /** Of the first trunk top to bottom, then of the second (§5.5). */
  readonly #masks: readonly TrunkMask[];

  constructor(extensions: Iterable<string>, trunks: readonly Pick<Trunk, 'id' | 'prefix' | 'masks'>[]) {
    this.#extensions = new Set(extensions);
    for (const extension of this.#extensions) {
      for (let end = 1; end < extension.length; end++) {
        const beginning = extension.slice(0, end);
        this.#beginnings.set(beginning, (this.#beginnings.get(beginning) ?? 0) | (1 << extension.length));
      }
    }
    this.#prefixes = trunks
      .flatMap(({ id, prefix }) => (prefix ? [{ id, prefix }] : []))
      .sort((a, b) => b.prefix.length - a.prefix.length);
    this.#masks = trunks.flatMap(({ id, masks }) => masks.flatMap((mask) => trunkMask(id, mask)));
  }

  isExtension(digits: string, lengths: Lengths): boolean {
    return (lengths & (1 << digits.length)) !== 0 && this.#extensions.has(digits);
  }

  /** More digits could make it an extension of one of these lengths. */
  isBeginning(digits: string, lengths: Lengths): boolean {
    return ((this.#beginnings.get(digits) ?? 0) & lengths) !== 0;
  }

  /**
   * More keys, to at least `min` and at most `max` in all, could make the entry one that `trunkCall` knows. The time is that of the entry's length times the
   * size of all masks.
   */
  couldBeTrunk(entry: string, { min, max }: { readonly min: number; readonly max: number }): boolean {
    const least = Math.max(min, entry.length + 1);
    if (least > max) return false;
    const asPrefix = ({ prefix }: { prefix: string }) =>
      prefix.startsWith(entry) ? prefix.length < max : entry.startsWith(prefix) && isNumber(entry);
    if (this.#prefixes.some(asPrefix)) return true;
    const wanted = keysBetween(least - entry.length, max - entry.length);
    return this.#masks.some(({ match }) => (match.keysToMatch(entry) & wanted) !== noKeys);
  }

  /** The trunk whose prefix the digits begin with, and what is left to dial there; else the first mask that they match, and what it makes of them. */
  trunkCall(entry: string): TrunkCall | undefined {
    const found = this.#prefixes.find(({ prefix }) => entry.startsWith(prefix) && entry.length > prefix.length);
    if (found && isNumber(entry)) return { trunk: found.id, number: entry.slice(found.prefix.length) };
    for (const { trunk, match, to } of this.#masks) {
      const brackets = match.match(entry);
      const number = brackets && substituted(to, brackets);
      if (number) return { trunk, number };
    }
    return undefined;
  }
}

const isNumber = (entry: string): boolean => !/\D/.test(entry);

function trunkMask(trunk: string, { match, to }: Trunk['masks'][number]): TrunkMask[] {
  const parsed = parseRegexMask(match);
  const parts = parseSubstitution(to);
  return parsed.ok && parts ? [{ trunk, match: new MaskMatcher(parsed.mask), to: parts }] : [];
}
