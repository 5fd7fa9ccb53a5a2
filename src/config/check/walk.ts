import type { Path } from '../issue.ts';
import type { PbxDocument } from '../schema/document.ts';
import type { Branch, Rules, Scheme } from '../schema/scheme.ts';
import type { Target } from '../schema/target.ts';

/** Ways through a document that several rules go. */

export interface PlacedBranch {
  readonly branch: Branch;
  /** Where its block's `branches` stand; the same array for all branches of the block. */
  readonly block: Path;
  readonly index: number;
  readonly scheme: Scheme;
}

export function* branchesOf(document: PbxDocument): Generator<PlacedBranch> {
  for (const [index, scheme] of document.schemes.entries()) {
    yield* inBlock(scheme, scheme.branches, ['schemes', index, 'branches']);
  }
}

function* inBlock(scheme: Scheme, branches: readonly Branch[], block: Path): Generator<PlacedBranch> {
  for (const [index, branch] of branches.entries()) {
    yield { branch, block, index, scheme };
    for (const [key, item] of Object.entries(branch.menu)) {
      yield* inBlock(scheme, item.branches, [...block, index, 'menu', key, 'branches']);
    }
    for (const [name, rule] of Object.entries(branch.rules) as [keyof Rules, Rules[keyof Rules]][]) {
      if (rule && 'branches' in rule)
        yield* inBlock(scheme, rule.branches, [...block, index, 'rules', name, 'branches']);
    }
  }
}

export interface PlacedTarget {
  readonly target: Target;
  readonly path: Path;
}

/** Every place that a call may be sent to by the configuration. */
export function* targetsOf(document: PbxDocument): Generator<PlacedTarget> {
  for (const { branch, block, index } of branchesOf(document)) {
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
