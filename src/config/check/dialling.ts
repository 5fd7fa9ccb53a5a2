import { keysBetween, MaskList, noKeys } from '../mask-list.ts';
import { regexMaskSteps } from '../mask-steps.ts';
import { parseRegexMask } from '../regex-mask.ts';
import type { Trunk } from '../schema/trunk.ts';

/** How many keys an entry may have. */
export interface KeyLimits {
  readonly min: number;
  readonly max: number;
}

/** As long as an entry can be (`scheme/input.ts`). */
export const anyLength: KeyLimits = { min: 1, max: 32 };

/**
 * Something may be dialled at the trunk in so many keys, by its prefix or by a mask of it, as the scheme machine takes entries (`scheme/dial-plan.ts`).
 * @param shortest digits of the shortest number that counts
 */
export function dialableAt({ prefix, masks }: Trunk, { min, max }: KeyLimits, shortest = 1): boolean {
  if (prefix !== undefined && prefix.length + shortest <= max) return true;
  const least = Math.max(min, shortest);
  if (least > max) return false;
  const all = masks.flatMap(({ match }) => {
    const parsed = parseRegexMask(match);
    return parsed.ok ? [regexMaskSteps(parsed.mask)] : [];
  });
  return (new MaskList(all).keysToMatch('') & keysBetween(least, max)) !== noKeys;
}
