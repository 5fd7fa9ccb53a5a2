import type { Path } from '../issue.ts';
import type { Step } from '../schema/step.ts';
import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** Steps that nothing follows: the call is over, or (fax) becomes something else for good. */
const lastWords = (step: Step): string | undefined => ('hangup' in step ? 'hangup' : 'fax' in step ? 'fax' : undefined);

/** What can never run, as far as that can be told without knowing the time. */
export const unreachable: Rule = {
  codes: ['unreachable-step', 'unreachable-branch'],
  *check({ branches }: CheckedPbx): Iterable<Finding> {
    const alwaysAt = new Map<Path, number>();
    for (const { branch, block, index } of branches) {
      const always = alwaysAt.get(block);
      if (always !== undefined) {
        const message = `This branch is never tried: branch ${always + 1} of the block always matches`;
        yield {
          code: 'unreachable-branch',
          path: [...block, index],
          message,
          hint: 'Give that one a "when", or put it last.',
        };
      } else if (branch.when === 'always') {
        alwaysAt.set(block, index);
      }
      const end = branch.steps.findIndex((step) => lastWords(step) !== undefined);
      const last = branch.steps[end];
      if (last && end < branch.steps.length - 1) {
        const message = `This step never runs: "${lastWords(last)}" before it does not return`;
        yield {
          code: 'unreachable-step',
          path: [...block, index, 'steps', end + 1],
          message,
          hint: 'Put it before, or remove it.',
        };
      }
    }
  },
};
