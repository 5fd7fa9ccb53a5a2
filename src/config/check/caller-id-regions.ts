import { nearest } from '../words.ts';
import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** A caller-id rule by region names a region that `regionRules` knows the prefixes of. */
export const callerIdRegions: Rule = {
  codes: ['dangling-reference'],
  *check({ document }: CheckedPbx): Iterable<Finding> {
    const regions = new Set(document.regionRules.flatMap(({ rules }) => rules.map(({ name }) => name)));
    for (const [index, { type, match }] of document.callerIdRules.entries()) {
      if (type !== 'region' || regions.has(match)) continue;
      const near = nearest(match, regions);
      const hint = near ? `Did you mean "${near}"?` : 'Name a rule of "regionRules".';
      yield {
        code: 'dangling-reference',
        path: ['callerIdRules', index, 'match'],
        message: `There is no region "${match}"`,
        hint,
      };
    }
  },
};
