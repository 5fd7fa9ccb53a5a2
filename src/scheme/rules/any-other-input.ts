import { after, type BranchBuild, seen } from '../build.ts';
import type { Transitions } from '../chart.ts';
import { enter } from './enter.ts';
import { invalid } from './invalid-input.ts';

/** «Любой другой ввод»: what follows an entry that matches nothing; without the rule it is invalid. */
export function unmatched(build: BranchBuild): Transitions {
  const entry = seen(build.path, 'matches nothing that can be chosen');
  const { anyOtherInput } = build.branch.rules;
  return after([entry], anyOtherInput ? [enter(build, 'anyOtherInput', 'another input')] : invalid(build));
}
