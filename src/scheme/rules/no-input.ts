import { type BranchBuild, ending } from '../build.ts';
import type { Transitions } from '../chart.ts';
import { enter } from './enter.ts';

/** «Отсутствие ввода»: what follows when the caller presses nothing after the last step. An entry that has begun is not cut off. */
export function silence(build: BranchBuild): Readonly<Record<number, Transitions>> {
  const { noInput } = build.branch.rules;
  const seconds = noInput?.after ?? build.scheme.menu.inputTimeout;
  const next = noInput ? enter(build, 'noInput', `nothing was pressed for ${seconds} s`) : ending(build);
  return { [seconds * 1000]: [{ guard: { type: 'nothingEntered' }, ...next }] };
}
