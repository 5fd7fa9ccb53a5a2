import type { Path } from '../issue.ts';
import type { PbxDocument } from '../schema/document.ts';
import type { Branch } from '../schema/scheme.ts';
import type { Target } from '../schema/target.ts';
import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** A forward from one scheme to another that is reached without anything that could answer the call. */
interface Hop {
  readonly to: string;
  readonly path: Path;
}

/** Schemes that forward to each other in a circle in which nobody rings and nothing is heard. */
export const endlessForward: Rule = {
  codes: ['endless-forward'],
  *check({ document }: CheckedPbx): Iterable<Finding> {
    const hops = hopsOf(document);
    const done = new Set<string>();
    for (const start of hops.keys()) {
      const circle = findCircle(start, hops, done);
      if (!circle) continue;
      const names = circle.map(({ to }) => `"${to}"`);
      const message = `Schemes forward in a circle without an answer: ${[names.at(-1), ...names].join(' → ')}`;
      const hint = 'Put a step between that somebody or something can answer.';
      yield { code: 'endless-forward', path: circle.at(-1)?.path ?? [], message, hint };
    }
  },
};

function hopsOf(document: PbxDocument): Map<string, Hop[]> {
  const byExtension = new Map(
    document.schemes.flatMap(({ id, extension }) => (extension ? [[extension, id] as const] : [])),
  );
  const byRegion = new Map(document.regionRules.map((regions) => [regions.id, regions.rules.map(({ to }) => to)]));
  const schemeOf = (target: Target): string | undefined =>
    'scheme' in target ? target.scheme : 'extension' in target ? byExtension.get(target.extension) : undefined;

  const hops = new Map<string, Hop[]>();
  for (const [index, { id, branches }] of document.schemes.entries()) {
    const found: Hop[] = [];
    for (const [at, branch] of branches.entries()) {
      if (takesInput(branch)) continue;
      for (const [number, step] of branch.steps.entries()) {
        const targets =
          'forward' in step
            ? [step.forward]
            : 'forwardByRegion' in step
              ? (byRegion.get(step.forwardByRegion) ?? [])
              : undefined;
        if (!targets) break;
        const path = ['schemes', index, 'branches', at, 'steps', number];
        const schemes = targets.map(schemeOf);
        for (const to of schemes) if (to !== undefined) found.push({ to, path });
        // A target that is no scheme may answer; what stands after it is no part of a silent circle.
        if (schemes.includes(undefined)) break;
      }
    }
    hops.set(id, found);
  }
  return hops;
}

const takesInput = ({ menu, rules }: Branch): boolean => Object.keys(menu).length > 0 || rules.disa !== undefined;

/** Depth first, without recursion: schemes may be many. Each scheme is left for good once. */
function findCircle(start: string, hops: ReadonlyMap<string, readonly Hop[]>, done: Set<string>): Hop[] | undefined {
  const way: { readonly id: string; next: number; readonly by?: Hop }[] = [{ id: start, next: 0 }];
  const onWay = new Map([[start, 0]]);
  for (let top = way.at(-1); top; top = way.at(-1)) {
    const hop = done.has(top.id) ? undefined : hops.get(top.id)?.[top.next++];
    if (!hop) {
      done.add(top.id);
      onWay.delete(top.id);
      way.pop();
      continue;
    }
    const back = onWay.get(hop.to);
    if (back !== undefined) {
      for (const { id } of way) done.add(id);
      return [...way.slice(back + 1).flatMap(({ by }) => by ?? []), hop];
    }
    onWay.set(hop.to, way.length);
    way.push({ id: hop.to, next: 0, by: hop });
  }
  return undefined;
}
