import type { TrunkPlan } from '../config/trunk-plan.ts';

/** A set of lengths as bits: bit n stands for n digits. */
export type Lengths = number;

export const noLength: Lengths = 0;

export function lengthsBetween(min: number, max: number): Lengths {
  let lengths = 0;
  for (let length = min; length <= Math.min(max, 30); length++) lengths |= 1 << length;
  return lengths;
}

/** All short numbers of a PBX and what its trunks take, made to be asked on every key press. */
export class DialPlan {
  readonly trunks: TrunkPlan;
  readonly #extensions: ReadonlySet<string>;
  /** By proper beginning: the lengths of the extensions that begin so. */
  readonly #beginnings = new Map<string, Lengths>();

  constructor(extensions: Iterable<string>, trunks: TrunkPlan) {
    this.trunks = trunks;
    this.#extensions = new Set(extensions);
    for (const extension of this.#extensions) {
      for (let end = 1; end < extension.length; end++) {
        const beginning = extension.slice(0, end);
        this.#beginnings.set(beginning, (this.#beginnings.get(beginning) ?? 0) | (1 << extension.length));
      }
    }
  }

  isExtension(digits: string, lengths: Lengths): boolean {
    return (lengths & (1 << digits.length)) !== 0 && this.#extensions.has(digits);
  }

  /** More digits could make it an extension of one of these lengths. */
  isBeginning(digits: string, lengths: Lengths): boolean {
    return ((this.#beginnings.get(digits) ?? 0) & lengths) !== 0;
  }
}
