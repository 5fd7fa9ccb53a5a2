import type { RegionRules } from '../config/document.ts';

/**
 * Which of the rules a caller's number falls under: the one with the longest prefix of it, the first of several equals.
 * @param caller undefined when the number is hidden: under none
 */
export function regionOf(all: readonly RegionRules[], id: string, caller: string | undefined): number | undefined {
  let best: number | undefined;
  let longest = 0;
  for (const [index, { prefixes }] of (all.find((rules) => rules.id === id)?.rules ?? []).entries()) {
    for (const prefix of prefixes) {
      if (prefix.length > longest && caller?.startsWith(prefix)) {
        best = index;
        longest = prefix.length;
      }
    }
  }
  return best;
}
