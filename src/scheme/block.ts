import type { Branch, Rules } from '../config/document.ts';
import { compileBranch } from './branch.ts';
import { type BranchBuild, hangUp, type SchemeBuild } from './build.ts';
import type { Transition } from './chart.ts';
import { passwordOf } from './password.ts';
import { branchPaths, inner, place, to } from './paths.ts';

/** Compiles a block, and all blocks inside it, into the scheme's states. */
export function compileBlock(
  scheme: SchemeBuild,
  block: string,
  { branches, source, top }: { readonly branches: readonly Branch[]; readonly source: string; readonly top: boolean },
): void {
  const paths = branchPaths(block, branches);
  const builds = branches.map(
    (branch, index): BranchBuild => ({
      scheme,
      branch,
      block,
      index,
      before: paths.slice(0, index),
      path: paths[index] as string,
      source: `${source}branches[${index}]`,
      top,
    }),
  );
  for (const { path, branch } of builds) {
    scheme.tables.branches.set(path, branch);
    scheme.tables.whens.set(path, scheme.tables.timetable.when(branch.when));
  }
  if (paths[0] !== block)
    scheme.states.set(block, { id: block, always: [...builds.map(choose), nothingMatches(scheme, block)] });
  for (const build of builds) {
    compileBranch(build);
    compileInside(build);
  }
}

/** The first branch whose time it is. */
const choose = ({ path, branch }: BranchBuild): Transition => ({
  ...(typeof branch.when === 'string' ? {} : { guard: { type: 'when', params: { branch: path } } }),
  target: to(path),
});

const nothingMatches = (scheme: SchemeBuild, block: string): Transition =>
  hangUp(scheme, block, 'no branch is for this time');

/** The blocks of menu items and rules. */
function compileInside(build: BranchBuild): void {
  const { scheme, branch, path, source } = build;
  for (const [key, { password, branches }] of Object.entries(branch.menu)) {
    const item = inner(path, key);
    compileBlock(scheme, item, { branches, source: `${source}.menu["${key}"].`, top: false });
    if (password === undefined) continue;
    scheme.tables.passwords.set(item, password);
    scheme.states.set(place(item, 'password'), passwordOf(build, item));
  }
  for (const [name, rule] of Object.entries(branch.rules) as [string, Rules[keyof Rules]][]) {
    if (!rule || !('branches' in rule)) continue;
    compileBlock(scheme, inner(path, name), {
      branches: rule.branches,
      source: `${source}.rules.${name}.`,
      top: false,
    });
  }
}
