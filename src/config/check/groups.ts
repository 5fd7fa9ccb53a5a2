import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** A call to a group without members waits for nobody. */
export const groups: Rule = {
  codes: ['empty-group'],
  *check({ document }: CheckedPbx): Iterable<Finding> {
    for (const [index, group] of document.groups.entries()) {
      if (group.members.length > 0) continue;
      const message = `Group "${group.id}" has no members: nobody can take its calls`;
      yield { code: 'empty-group', path: ['groups', index, 'id'], message, hint: 'List employees in "members".' };
    }
  },
};
