import type { Path } from '../issue.ts';
import type { Branch } from '../schema/scheme.ts';
import type { Target } from '../schema/target.ts';
import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** Where a caller is left alone: nothing happens, or nobody can be rung. */
export const deadEnds: Rule = {
  codes: ['dead-end', 'forward-to-nobody'],
  *check(pbx: CheckedPbx): Iterable<Finding> {
    for (const { branch, block, index } of pbx.branches) {
      if (!saysNothing(branch) || isRule(block)) continue;
      // Within a menu the caller may dial an extension before he is hung up on.
      if (isItem(block) && pbx.directory.dialsExtensions) continue;
      const what = isItem(block) ? `Key "${block.at(-2)}" leads nowhere` : 'Nothing happens here';
      const message = `${what}: the caller hears nothing, and the call ends`;
      const hint = 'Give it "steps"; write { "hangup": true } if the end is meant.';
      yield { code: 'dead-end', path: [...block, index], message, hint };
    }
    for (const { target, path } of pbx.targets) {
      const nobody = whyNobody(pbx, target);
      if (!nobody) continue;
      const { why, hint } = nobody;
      yield { code: 'forward-to-nobody', path, message: `Nobody can take a call that is sent here: ${why}`, hint };
    }
  },
};

const saysNothing = ({ steps, menu, rules, end }: Branch): boolean =>
  steps.length === 0 && Object.keys(menu).length === 0 && Object.keys(rules).length === 0 && end === 'hangup';

/** A rule that says nothing is a way of writing what happens anyway. */
const isRule = (block: Path): boolean => block.at(-3) === 'rules';
const isItem = (block: Path): boolean => block.at(-3) === 'menu';

function whyNobody(
  { directory }: CheckedPbx,
  target: Target,
): { readonly why: string; readonly hint: string } | undefined {
  const whom = directory.whom(target);
  if (whom?.kind === 'group' && directory.membersInReach(whom.group).length === 0) {
    const why =
      whom.group.members.length === 0
        ? `group "${whom.group.id}" has no members`
        : `none of the members of group "${whom.group.id}" has a contact that ever rings`;
    return { why, hint: 'Give the group members with contacts, or send the call elsewhere.' };
  }
  // A contact of that name that does not exist has been reported as such.
  if (whom?.kind !== 'employee' || whom.employee.assistant.length > 0) return undefined;
  const { employee, contact } = whom;
  if (directory.canBeRung(employee, contact)) return undefined;
  const why =
    employee.contacts.length === 0
      ? `employee "${employee.id}" has no contacts and no account`
      : `no contact of employee "${employee.id}" ever rings`;
  return { why, hint: 'Give him a contact or an account, or send the call elsewhere.' };
}
