import type { Path } from '../issue.ts';
import type { PbxDocument } from '../schema/document.ts';
import type { Branch, Rules } from '../schema/scheme.ts';
import type { Target } from '../schema/target.ts';

/** Ways through a document that several rules go. */

export interface PlacedBranch {
  readonly branch: Branch;
  /** Where its block's `branches` stand; the same array for all branches of the block. */
  readonly block: Path;
  readonly index: number;
  /** A password was asked for on the way here. */
  readonly guarded: boolean;
}

export function branchesOf(document: PbxDocument): PlacedBranch[] {
  const all: PlacedBranch[] = [];
  for (const [index, scheme] of document.schemes.entries())
    collect(all, scheme.branches, ['schemes', index, 'branches'], false);
  return all;
}

function collect(all: PlacedBranch[], branches: readonly Branch[], block: Path, guarded: boolean): void {
  for (const [index, branch] of branches.entries()) {
    all.push({ branch, block, index, guarded });
    for (const [key, item] of Object.entries(branch.menu)) {
      collect(all, item.branches, [...block, index, 'menu', key, 'branches'], guarded || item.password !== undefined);
    }
    for (const [name, rule] of Object.entries(branch.rules) as [keyof Rules, Rules[keyof Rules]][]) {
      if (rule && 'branches' in rule)
        collect(all, rule.branches, [...block, index, 'rules', name, 'branches'], guarded);
    }
  }
}

export interface PlacedTarget {
  readonly target: Target;
  readonly path: Path;
}

export function* targetsOf(document: PbxDocument, branches: readonly PlacedBranch[]): Generator<PlacedTarget> {
  for (const { branch, block, index } of branches) {
    for (const [at, step] of branch.steps.entries()) {
      if ('forward' in step) yield { target: step.forward, path: [...block, index, 'steps', at, 'forward'] };
    }
  }
  for (const [index, rule] of document.forwarding.entries())
    yield { target: rule.to, path: ['forwarding', index, 'to'] };
  for (const [index, regions] of document.regionRules.entries()) {
    for (const [at, rule] of regions.rules.entries())
      yield { target: rule.to, path: ['regionRules', index, 'rules', at, 'to'] };
  }
  for (const [index, employee] of document.employees.entries()) {
    for (const [at, rule] of employee.assistant.entries()) {
      if ('hangup' in rule.then || 'voicemail' in rule.then) continue;
      yield { target: rule.then, path: ['employees', index, 'assistant', at, 'then'] };
    }
  }
}
