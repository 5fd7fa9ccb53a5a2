import type { PbxDocument } from '../schema/document.ts';
import type { Branch } from '../schema/scheme.ts';
import { anyLength, dialableAt } from './dialling.ts';
import type { Directory } from './directory.ts';
import { hearsKeys, lastStep } from './flow.ts';
import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** What can never run, at whatever time (`times.ts` has what the times leave none for): steps, menus, rules. */
export const unreachable: Rule = {
  codes: ['unreachable-step', 'dead-menu', 'dead-rule'],
  *check(pbx: CheckedPbx): Iterable<Finding> {
    const { branches, directory } = pbx;
    for (const { branch, block, index } of branches) {
      const path = [...block, index];
      const last = lastStep(branch, directory);
      if (last && last.index < branch.steps.length - 1) {
        const message = `This step never runs: ${last.called} before it does not return`;
        const hint = 'Put it before, or remove it.';
        yield { code: 'unreachable-step', path: [...path, 'steps', last.index + 1], message, hint };
      }
      if (last && !hearsKeys(branch, directory)) {
        if (Object.keys(branch.menu).length > 0) {
          const message = `Nobody can choose from this menu: ${last.called} comes before there is time to press a key`;
          const hint = 'Put a "play" with "wait": true before that step, or remove the step.';
          yield { code: 'dead-menu', path: [...path, 'menu'], message, hint };
        }
      }
      for (const { name, why, hint } of deadRules(pbx, branch))
        yield { code: 'dead-rule', path: [...path, 'rules', name], message: `This rule never acts: ${why}`, hint };
    }
  },
};

interface DeadRule {
  readonly name: keyof Branch['rules'];
  readonly why: string;
  readonly hint: string;
}

/** Why, by how the scheme machine goes (`scheme/keys.ts`, `scheme/rules/`). */
function* deadRules({ document, directory }: CheckedPbx, branch: Branch): Generator<DeadRule> {
  const { rules, menu } = branch;
  const last = lastStep(branch, directory);
  const remove = 'Remove it.';
  if (rules.noInput && last)
    yield {
      name: 'noInput',
      why: `it waits for the end of the steps, and ${last.called} among them does not return`,
      hint: 'Remove that step, or this rule.',
    };
  if (rules.fax && !document.fax.autoDetect)
    yield {
      name: 'fax',
      why: '"fax.autoDetect" is off',
      hint: 'Set "fax": { "autoDetect": true }, or remove the rule.',
    };
  if (!hearsKeys(branch, directory)) {
    for (const name of ['disa', 'fax', 'anyOtherInput', 'invalidInput', 'wrongPassword'] as const) {
      if (!rules[name] || (name === 'fax' && !document.fax.autoDetect)) continue;
      yield { name, why: `${last?.called} comes before the caller has time for anything`, hint: remove };
    }
    return;
  }
  if (rules.wrongPassword && !Object.values(menu).some(({ password }) => password !== undefined))
    yield {
      name: 'wrongPassword',
      why: 'no item of this menu has a password',
      hint: 'Give an item a "password", or remove the rule.',
    };
  if (rules.disa && !canDial(branch, directory, document))
    yield {
      name: 'disa',
      why: 'there is nothing to dial: no extension of that length, and no number behind a prefix or a mask of a trunk',
      hint: 'Change its "length", or remove it.',
    };
  const wrong = canBeWrong(branch, directory, document.pbx.extensionDialing);
  if (rules.invalidInput && rules.anyOtherInput)
    yield { name: 'invalidInput', why: '"anyOtherInput" takes whatever matches nothing', hint: 'Keep one of the two.' };
  else if (rules.invalidInput && !wrong)
    yield { name: 'invalidInput', why: 'the menu has an item for every key, so nothing is invalid', hint: remove };
  if (rules.anyOtherInput && !wrong)
    yield { name: 'anyOtherInput', why: 'the menu has an item for every key, so there is no other', hint: remove };
}

/** As the scheme machine takes entries (`scheme/rules/disa.ts`, `scheme/dial-plan.ts`). */
function canDial({ rules }: Branch, { extensions, dialsExtensions }: Directory, { trunks }: PbxDocument): boolean {
  const keys = rules.disa?.length ?? anyLength;
  if (dialsExtensions || extensions.some(({ length }) => keys.min <= length && length <= keys.max)) return true;
  return trunks.some((trunk) => dialableAt(trunk, keys));
}

/** There is an entry that matches nothing: unless each key is an item, and none can be the beginning of something longer. */
function canBeWrong(
  { menu, rules }: Branch,
  { extensions }: Directory,
  { enabled, min, max }: { readonly enabled: boolean; readonly min: number; readonly max: number },
): boolean {
  const keys = Object.keys(menu);
  if (rules.disa || keys.some(({ length }) => length > 1)) return true;
  if (![...'0123456789*#'].every((key) => keys.includes(key))) return true;
  return enabled && extensions.some(({ length }) => length > 1 && min <= length && length <= max);
}
