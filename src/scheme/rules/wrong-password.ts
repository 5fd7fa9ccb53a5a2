import { again, type BranchBuild, hangUp } from '../build.ts';
import type { Transition, Transitions } from '../chart.ts';
import { enter } from './enter.ts';
import { ordinal } from './invalid-input.ts';

/** Wrong passwords for one menu in one call, where no rule says anything: who has not known it by now is trying them all. */
const mostWrongPasswords = 20;

export const maxWrongPassword = ({ branch, scheme }: BranchBuild): number =>
  branch.rules.wrongPassword?.attempts ?? scheme.menu.maxWrongPassword;

/** «Неверный ввод пароля»: what follows the last wrong password for an item of this menu; without the rule the menu again. */
export const afterLastWrongPassword = (build: BranchBuild): Transition =>
  build.branch.rules.wrongPassword
    ? enter(build, 'wrongPassword', `wrong password for the ${ordinal(maxWrongPassword(build))} time`)
    : again(build.block);

/** Without the rule a caller may come back to the menu and try on, but not for ever. */
export function noMorePasswords(build: BranchBuild): Transitions {
  const { branch, block, path, scheme } = build;
  if (branch.rules.wrongPassword) return [];
  const max = Math.max(mostWrongPasswords, maxWrongPassword(build));
  const why = `a wrong password for the ${ordinal(max)} time`;
  return [{ guard: { type: 'lastWrongPassword', params: { block, max } }, ...hangUp(scheme, path, why) }];
}
