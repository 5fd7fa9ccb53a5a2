import { after, type BranchBuild } from '../build.ts';
import type { Action, Transitions } from '../chart.ts';
import { enter } from './enter.ts';
import { invalid } from './invalid-input.ts';

/** «Любой другой ввод»: what follows an entry that matches nothing; without the rule it is invalid. */
export function unmatched(build: BranchBuild): Transitions {
  const seen: Action = { type: 'traceEntry', params: { state: build.path, why: 'matches nothing that can be chosen' } };
  const { anyOtherInput } = build.branch.rules;
  return after([seen], anyOtherInput ? [enter(build, 'anyOtherInput', 'another input')] : invalid(build));
}
