import type { Branch } from '../schema/scheme.ts';
import type { Step } from '../schema/step.ts';
import type { Directory } from './directory.ts';

/** How a call goes through the steps of a branch: which come back, and whether there is time to press a key meanwhile. */

/** What a step is called that nothing follows: the call is over, becomes a fax, or goes on in another scheme. */
export function lastWord(step: Step, directory: Directory): string | undefined {
  if ('hangup' in step) return '"hangup"';
  if ('fax' in step) return '"fax"';
  if (!('forward' in step)) return undefined;
  const scheme = directory.schemeOf(step.forward);
  return scheme && `the forward to scheme "${scheme.id}"`;
}

/** The first step that does not return. */
export function lastStep(
  branch: Branch,
  directory: Directory,
): { readonly index: number; readonly called: string } | undefined {
  for (const [index, step] of branch.steps.entries()) {
    const called = lastWord(step, directory);
    if (called !== undefined) return { index, called };
  }
  return undefined;
}

/** While the step runs a caller can press keys, and they count. */
function takesTime(step: Step, directory: Directory): boolean {
  if ('play' in step) return step.wait;
  if ('voicemail' in step) return true;
  if ('forward' in step) return true;
  if (!('forwardByRegion' in step)) return false;
  const rules = directory.regions.get(step.forwardByRegion)?.rules ?? [];
  return rules.some(({ to }) => directory.schemeOf(to) === undefined);
}

/** Keys can be pressed in the branch: while a step runs, or afterwards, when it waits for them. */
export function hearsKeys(branch: Branch, directory: Directory): boolean {
  const last = lastStep(branch, directory);
  if (!last) return true;
  return branch.steps.slice(0, last.index).some((step) => takesTime(step, directory));
}

/** The caller may choose something: from a menu, by an extension, by DISA. */
export const letsChoose = ({ menu, rules }: Branch, directory: Directory): boolean =>
  Object.keys(menu).length > 0 || rules.disa !== undefined || directory.dialsExtensions;
