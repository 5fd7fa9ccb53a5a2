import type { Trunk } from '../config/document.ts';

/** A set of lengths as bits: bit n stands for n digits. */
export type Lengths = number;

export const noLength: Lengths = 0;

export function lengthsBetween(min: number, max: number): Lengths {
  let lengths = 0;
  for (let length = min; length <= Math.min(max, 30); length++) lengths |= 1 << length;
  return lengths;
}

/** All short numbers of a PBX and the prefixes of its trunks, made to be asked on every key press. */
export class DialPlan {
  readonly #extensions: ReadonlySet<string>;
  /** By proper beginning: the lengths of the extensions that begin so. */
  readonly #beginnings = new Map<string, Lengths>();
  /** Longest prefix first. */
  readonly #trunks: readonly { readonly id: string; readonly prefix: string }[];

  constructor(extensions: Iterable<string>, trunks: readonly Pick<Trunk, 'id' | 'prefix'>[]) {
    this.#extensions = new Set(extensions);
    for (const extension of this.#extensions) {
      for (let end = 1; end < extension.length; end++) {
        const beginning = extension.slice(0, end);
        this.#beginnings.set(beginning, (this.#beginnings.get(beginning) ?? 0) | (1 << extension.length));
      }
    }
    this.#trunks = trunks
      .flatMap(({ id, prefix }) => (prefix ? [{ id, prefix }] : []))
      .sort((a, b) => b.prefix.length - a.prefix.length);
  }

  isExtension(digits: string, lengths: Lengths): boolean {
    return (lengths & (1 << digits.length)) !== 0 && this.#extensions.has(digits);
  }

  /** More digits could make it an extension of one of these lengths. */
  isBeginning(digits: string, lengths: Lengths): boolean {
    return ((this.#beginnings.get(digits) ?? 0) & lengths) !== 0;
  }

  /** The digits are, or could become, a trunk's prefix with a number behind it. */
  couldBeTrunk(digits: string): boolean {
    return this.#trunks.some(({ prefix }) => digits.startsWith(prefix) || prefix.startsWith(digits));
  }

  /** The trunk whose prefix the digits begin with, and what is left to dial there. */
  trunkFor(digits: string): { readonly trunk: string; readonly number: string } | undefined {
    const found = this.#trunks.find(({ prefix }) => digits.startsWith(prefix) && digits.length > prefix.length);
    return found && { trunk: found.id, number: digits.slice(found.prefix.length) };
  }
}
