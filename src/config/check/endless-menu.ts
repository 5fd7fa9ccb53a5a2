import type { Branch } from '../schema/scheme.ts';
import type { Step } from '../schema/step.ts';
import type { Directory } from './directory.ts';
import { lastStep, letsChoose } from './flow.ts';
import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** A silent caller is sent back to the main menu again and again, and there was nothing that he could have done. */
export const endlessMenu: Rule = {
  codes: ['endless-menu'],
  *check(pbx: CheckedPbx): Iterable<Finding> {
    for (const [index, { branches }] of pbx.document.schemes.entries()) {
      for (const [at, branch] of branches.entries()) {
        for (const round of rounds(branch, pbx.directory)) {
          const conditions = [branch, ...round.map((part) => part.branch)].flatMap(({ when }) =>
            typeof when === 'string' ? [] : when,
          );
          if (conditions.length > 0 && !meet(pbx, branches, at, round)) continue;
          const all = [branch, ...round.map((part) => part.branch)];
          const chooses = all.some((one) => letsChoose(one, pbx.directory));
          const hears = all.some(hearsAnything);
          if (chooses && hears) continue;
          const path = ['schemes', index, 'branches', at, ...round.flatMap((part) => part.path), 'end'];
          const lack = chooses ? 'hearing anything' : 'being able to do anything';
          const message = `A caller who presses nothing goes round 20 times without ${lack}, and is then hung up on`;
          const hint = chooses
            ? 'Add a "play" that says what can be pressed.'
            : 'Add a menu or a step that somebody can answer, or end with "hangup".';
          yield { code: 'endless-menu', path, message, hint };
        }
      }
    }
  },
};

interface Part {
  readonly branch: Branch;
  readonly siblings: readonly Branch[];
  /** From the branch that the rule stands in. */
  readonly path: readonly (string | number)[];
}

/** The ways of a caller who presses nothing, through `noInput` rules, from the end of the branch's steps to `mainMenu`. */
function* rounds(branch: Branch, directory: Directory): Generator<readonly Part[]> {
  const { noInput } = branch.rules;
  if (!noInput || !passes(branch, directory)) return;
  for (const [index, inside] of noInput.branches.entries()) {
    const part = {
      branch: inside,
      siblings: noInput.branches,
      path: ['rules', 'noInput', 'branches', index],
    };
    if (inside.rules.noInput) for (const rest of rounds(inside, directory)) yield [part, ...rest];
    else if (inside.end === 'mainMenu' && passes(inside, directory)) yield [part];
  }
}

/** The call comes to the end of the steps for sure, since nothing in them can take it. */
const passes = (branch: Branch, directory: Directory): boolean =>
  lastStep(branch, directory) === undefined && branch.steps.every((step) => !mayTake(step, directory));

function mayTake(step: Step, directory: Directory): boolean {
  if ('voicemail' in step || 'forwardByRegion' in step) return true;
  if (!('forward' in step)) return false;
  const whom = directory.whom(step.forward);
  if (whom?.kind === 'group') return directory.membersInReach(whom.group).length > 0;
  if (whom?.kind === 'employee')
    return whom.employee.assistant.length > 0 || directory.canBeRung(whom.employee, whom.contact);
  return whom !== undefined;
}

const hearsAnything = ({ steps, rules }: Branch): boolean =>
  steps.some((step) => 'play' in step || 'forward' in step) || rules.disa?.prompt !== undefined;

/** There is a moment at which all of these branches are the ones that are chosen. */
function meet({ almanac }: CheckedPbx, top: readonly Branch[], at: number, round: readonly Part[]): boolean {
  const blocks = [{ branches: top, index: at }].concat(
    round.map(({ branch, siblings }) => ({ branches: siblings, index: siblings.indexOf(branch) })),
  );
  const conditions = blocks.flatMap(({ branches }) =>
    branches.flatMap(({ when }) => (typeof when === 'string' ? [] : when)),
  );
  const frame = almanac.frame([{ when: conditions }]);
  let common = frame.always;
  for (const { branches, index } of blocks) {
    for (const [number, branch] of branches.entries()) {
      if (number < index) common = common.without(frame.timesOf(branch));
      else if (number === index) common = common.and(frame.timesOf(branch));
    }
  }
  return !common.isEmpty;
}
