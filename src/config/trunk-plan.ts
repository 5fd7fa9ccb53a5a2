import { keysBetween, MaskList, noKeys } from './mask-list.ts';
import { MaskMatcher, substituted } from './mask-matcher.ts';
import { regexMaskSteps } from './mask-steps.ts';
import { parseRegexMask, parseSubstitution, type RegexMask, type SubstitutionPart } from './regex-mask.ts';
import type { Trunk } from './schema/trunk.ts';

/** A number that is dialled at a trunk. */
export interface TrunkCall {
  readonly trunk: string;
  /** As the far end wants it. */
  readonly number: string;
  /** The prefix or the mask that took it. */
  readonly by: { readonly prefix: string } | { readonly mask: string };
}

interface TrunkMask {
  readonly trunk: string;
  readonly mask: RegexMask;
  readonly to: readonly SubstitutionPart[];
  /** Made for the first number that the mask takes. */
  matcher?: MaskMatcher;
}

/** What the prefixes and masks of a PBX's trunks make of a dialled number (§5.3.1.3), made to be asked on every key press. */
export class TrunkPlan {
  /** Longest prefix first, of equal ones in the order of the document. */
  readonly #prefixes: readonly { readonly id: string; readonly prefix: string }[];
  /** Of all trunks, in the order of the document. */
  readonly #masks: readonly TrunkMask[];
  readonly #matching: MaskList;

  constructor(trunks: readonly Pick<Trunk, 'id' | 'prefix' | 'masks'>[]) {
    this.#prefixes = trunks
      .flatMap(({ id, prefix }) => (prefix ? [{ id, prefix }] : []))
      .sort((a, b) => b.prefix.length - a.prefix.length);
    this.#masks = trunks.flatMap(({ id, masks }) => masks.flatMap((mask) => trunkMask(id, mask)));
    this.#matching = new MaskList(this.#masks.map(({ mask }) => regexMaskSteps(mask)));
  }

  /**
   * The trunks that take the number, each with what it makes of it, the first choice first: trunks whose prefix it begins with (it is cut off), the longest
   * prefix before shorter ones; then trunks with a mask that it matches (the first such mask, top to bottom), in the order of the trunks.
   */
  calls(entry: string): TrunkCall[] {
    return [...this.#byPrefix(entry), ...this.#byMask(entry)];
  }

  /** The first choice. */
  call(entry: string): TrunkCall | undefined {
    for (const found of this.#byPrefix(entry)) return found;
    for (const found of this.#byMask(entry)) return found;
    return undefined;
  }

  /** More keys, to at least `min` and at most `max` in all, could make the entry one that a trunk takes. */
  couldBecome(entry: string, { min, max }: { readonly min: number; readonly max: number }): boolean {
    const least = Math.max(min, entry.length + 1);
    if (least > max) return false;
    const asPrefix = ({ prefix }: { prefix: string }) =>
      prefix.startsWith(entry) ? prefix.length < max : entry.startsWith(prefix) && isNumber(entry);
    if (this.#prefixes.some(asPrefix)) return true;
    const wanted = keysBetween(least - entry.length, max - entry.length);
    return (this.#matching.keysToMatch(entry) & wanted) !== noKeys;
  }

  *#byPrefix(entry: string): Generator<TrunkCall> {
    if (!isNumber(entry)) return;
    for (const { id, prefix } of this.#prefixes) {
      if (entry.startsWith(prefix) && entry.length > prefix.length)
        yield { trunk: id, number: entry.slice(prefix.length), by: { prefix } };
    }
  }

  *#byMask(entry: string): Generator<TrunkCall> {
    let last: string | undefined;
    for (const index of this.#matching.taking(entry)) {
      const found = this.#masks[index];
      if (!found || found.trunk === last) continue;
      const { trunk, mask, to } = found;
      found.matcher ??= new MaskMatcher(mask);
      const brackets = found.matcher.match(entry);
      const number = brackets && substituted(to, brackets);
      if (!number) continue;
      last = trunk;
      yield { trunk, number, by: { mask: mask.source } };
    }
  }
}

const isNumber = (entry: string): boolean => !/\D/.test(entry);

function trunkMask(trunk: string, { match, to }: Trunk['masks'][number]): TrunkMask[] {
  const parsed = parseRegexMask(match);
  const parts = parseSubstitution(to);
  return parsed.ok && parts ? [{ trunk, mask: parsed.mask, to: parts }] : [];
}
