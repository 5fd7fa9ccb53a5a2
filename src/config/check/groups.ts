import type { Group } from '../schema/group.ts';
import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** Groups in which a caller waits for nobody, and members who are never rung. */
export const groups: Rule = {
  codes: ['empty-group', 'duplicate-member', 'unreachable-member', 'group-timing'],
  *check(pbx: CheckedPbx): Iterable<Finding> {
    for (const [index, group] of pbx.document.groups.entries()) {
      const path = ['groups', index];
      if (group.members.length === 0) {
        const message = `Group "${group.id}" has no members: nobody can take its calls`;
        yield { code: 'empty-group', path: [...path, 'id'], message, hint: 'List employees in "members".' };
        continue;
      }
      const seen = new Set<string>();
      for (const [at, { employee }] of group.members.entries()) {
        if (seen.has(employee)) {
          const message = `"${employee}" is a member of group "${group.id}" already`;
          yield { code: 'duplicate-member', path: [...path, 'members', at], message, hint: 'Keep one of the two.' };
        }
        seen.add(employee);
      }
      yield* nobodyInReach(pbx, group, path);
      yield* timing(pbx, group, path);
    }
  },
};

function* nobodyInReach(
  { directory }: CheckedPbx,
  group: Group,
  path: readonly (string | number)[],
): Generator<Finding> {
  const inReach = new Set(directory.membersInReach(group).map(({ id }) => id));
  if (inReach.size === 0) {
    const message = `Nobody can take the calls of group "${group.id}": none of its members has a contact that ever rings`;
    yield { code: 'empty-group', path: [...path, 'members'], message, hint: 'Give them contacts or accounts.' };
    return;
  }
  for (const [at, { employee }] of group.members.entries()) {
    const member = directory.employees.get(employee);
    if (!member || inReach.has(employee)) continue;
    const why = member.contacts.length === 0 ? 'has no contacts and no account' : 'has no contact that ever rings';
    yield {
      code: 'unreachable-member',
      path: [...path, 'members', at],
      message: `Employee "${employee}" is never rung for group "${group.id}": he ${why}`,
      hint: 'Give him a contact or an account, or take him out of the group.',
    };
  }
}

/** Once the only member has not answered he is left in peace for longer than the caller may wait. */
function* timing(
  { document, directory }: CheckedPbx,
  group: Group,
  path: readonly (string | number)[],
): Generator<Finding> {
  const { excludeNoAnswer } = document.defaults.group;
  const { queue, maxWait } = group.hold;
  const [only, ...others] = new Set(directory.membersInReach(group));
  if (!only || others.length > 0 || !queue || maxWait === 0) return;
  if (excludeNoAnswer === 0 || excludeNoAnswer < maxWait) return;
  yield {
    code: 'group-timing',
    path: [...path, 'id'],
    message: `If ${only.name}, whom alone group "${group.id}" can ring, does not answer at once, the caller waits ${maxWait} s in vain: "excludeNoAnswer" keeps him from being rung for ${excludeNoAnswer} s`,
    hint: 'Make "defaults.group.excludeNoAnswer" less than "maxWait", or add a member.',
  };
}
