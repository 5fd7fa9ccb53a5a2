import type { Rules } from '../../config/document.ts';
import { type BranchBuild, trace } from '../build.ts';
import type { Transition } from '../chart.ts';
import { inner, to } from '../paths.ts';

/** Rules that say what is done next. */
export type RuleWithBlock = Exclude<keyof Rules, 'fax'>;

/** The rule acts. */
export function enter({ path }: BranchBuild, rule: RuleWithBlock, why: string): Transition {
  const block = inner(path, rule);
  return { target: to(block), actions: [trace(block, 'rule', { rule }, why)] };
}
