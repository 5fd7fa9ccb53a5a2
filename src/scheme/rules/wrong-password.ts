import { again, type BranchBuild } from '../build.ts';
import type { Transition } from '../chart.ts';
import { enter } from './enter.ts';
import { ordinal } from './invalid-input.ts';

export const maxWrongPassword = ({ branch, scheme }: BranchBuild): number =>
  branch.rules.wrongPassword?.attempts ?? scheme.menu.maxWrongPassword;

/** «Неверный ввод пароля»: what follows the last wrong password for an item of this menu; without the rule the menu again. */
export const afterLastWrongPassword = (build: BranchBuild): Transition =>
  build.branch.rules.wrongPassword
    ? enter(build, 'wrongPassword', `wrong password for the ${ordinal(maxWrongPassword(build))} time`)
    : again(build.block);
