import type { TimeSet } from '../../time/almanac.ts';
import type { Path } from '../issue.ts';
import type { Branch, Scheme } from '../schema/scheme.ts';
import type { Step } from '../schema/step.ts';
import type { Condition } from '../schema/when.ts';
import { joined } from '../words.ts';
import { type Callers, CallersByRegion } from './callers.ts';
import { letsChoose } from './flow.ts';
import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** From one scheme to another, without anybody on the way who could take the call, but perhaps groups, and nothing for the caller to choose. */
interface Hop {
  readonly from: string;
  readonly to: string;
  /** Of the step. */
  readonly path: Path;
  readonly branch: number;
  readonly callers: Callers;
  /** Groups whose members are rung before, in vain. */
  readonly groups: readonly string[];
  /** The number of ours through which the call comes back. */
  readonly number?: string;
}

/**
 * Schemes that forward to each other in a circle: in which nobody rings, or only groups that pass the caller on to each other. A circle is one
 * that a call can go: at one time of day, with one caller.
 */
export const circles: Rule = {
  codes: ['endless-forward', 'overflow-circle'],
  *check(pbx: CheckedPbx): Iterable<Finding> {
    const hops = hopsOf(pbx);
    const silent = new Map([...hops].map(([id, all]) => [id, all.filter(({ groups }) => groups.length === 0)]));
    const told = new Set<string>();
    for (const circle of findCircles(pbx, silent)) {
      for (const { from } of circle) told.add(from);
      const throughNetwork = circle.some(({ number }) => number !== undefined);
      const message = `Schemes forward in a circle without an answer: ${wayText(circle)}`;
      const hint = throughNetwork
        ? 'Each round is a new call through the telephone network. Forward to a scheme or to somebody who can answer.'
        : 'Put a step between that somebody or something can answer.';
      yield { code: 'endless-forward', path: circle.at(-1)?.path ?? [], message, hint };
    }
    for (const circle of findCircles(pbx, hops)) {
      const groups = [...new Set(circle.flatMap((hop) => hop.groups))].map((id) => `"${id}"`);
      if (groups.length === 0 || circle.some(({ from }) => told.has(from))) continue;
      const who = `group${groups.length === 1 ? '' : 's'} ${joined(groups, 'and')}`;
      const message = `Callers whom nobody of ${who} takes go in a circle, and are hung up on after 20 rounds: ${wayText(circle)}`;
      const hint = 'Let the last group be followed by something else, such as a "voicemail" or a "play".';
      yield { code: 'overflow-circle', path: circle.at(-1)?.path ?? [], message, hint };
    }
  },
};

function wayText(circle: readonly Hop[]): string {
  const names = circle.map(({ to, number }) => (number === undefined ? `"${to}"` : `number ${number}, "${to}"`));
  return [`"${circle[0]?.from}"`, ...names].join(' → ');
}

function hopsOf(pbx: CheckedPbx): Map<string, Hop[]> {
  const regions = new CallersByRegion(pbx.document.regionRules);
  return new Map(
    pbx.document.schemes.map((scheme, index) => [scheme.id, [...hopsOfScheme(pbx, regions, scheme, index)]]),
  );
}

function* hopsOfScheme(
  { directory, document }: CheckedPbx,
  regions: CallersByRegion,
  { id: from, branches }: Scheme,
  index: number,
): Generator<Hop> {
  for (const [at, branch] of branches.entries()) {
    if (letsChoose(branch, directory)) continue;
    let callers: Callers = regions.all;
    const groups: string[] = [];
    for (const [number, step] of branch.steps.entries()) {
      const path = ['schemes', index, 'branches', at, 'steps', number];
      const ways = waysOf(step, regions, callers);
      if (!ways) break;
      let left: Callers = ways.otherwise;
      for (const { target, callers: those } of ways.ways) {
        const whom = directory.whom(target);
        const hop = { from, path, branch: at, callers: those, groups: [...groups] };
        if (whom?.kind === 'scheme') {
          yield { ...hop, to: whom.scheme.id };
        } else if (whom?.kind === 'number') {
          const { scheme, number: called } = whom.number;
          if (scheme !== undefined) yield { ...hop, to: scheme, number: called };
        } else if (whom?.kind === 'group') {
          if (directory.membersInReach(whom.group).length > 0) groups.push(whom.group.id);
          left = regions.either(left, those);
        } else if (whom?.kind === 'employee' && !directory.canBeRung(whom.employee, whom.contact)) {
          if (whom.employee.assistant.length > 0) continue;
          const { then } = document.defaults.employee;
          const isLast = number === branch.steps.length - 1 && branch.end === 'hangup' && !branch.rules.noInput;
          const next = isLast && 'extension' in then ? directory.schemeOf(then) : undefined;
          if (next) yield { ...hop, to: next.id };
          left = regions.either(left, those);
        }
      }
      callers = left;
      if (regions.isNobody(callers)) break;
    }
  }
}

/** Where a step sends which callers; undefined for a step that ends or takes the call. */
function waysOf(step: Step, regions: CallersByRegion, callers: Callers) {
  if ('play' in step) return { ways: [], otherwise: callers };
  if ('forward' in step) return { ways: [{ target: step.forward, callers }], otherwise: regions.nobody };
  if ('forwardByRegion' in step) return regions.ways(step.forwardByRegion, callers);
  return undefined;
}

/** Attempts to extend a way; beyond, nothing is said. Schemes that forward to each other so much do not exist. */
const patience = 5_000;

/** One circle through each scheme that is in one and in none before: of those that a call can go. */
function* findCircles(pbx: CheckedPbx, hops: ReadonlyMap<string, readonly Hop[]>): Generator<readonly Hop[]> {
  const knots = knotsOf(hops);
  for (const knot of knots) {
    const timesOf = timesIn(pbx, knot);
    const done = new Set<string>();
    for (const start of knot) {
      if (done.has(start)) continue;
      const circle = circleFrom(start, hops, knot, timesOf);
      if (!circle) continue;
      for (const { from } of circle) done.add(from);
      yield circle;
    }
  }
}

/** When a hop's branch runs. */
function timesIn({ document, almanac }: CheckedPbx, knot: ReadonlySet<string>): (hop: Hop) => TimeSet {
  const schemes = document.schemes.filter(({ id }) => knot.has(id));
  const conditions = schemes.flatMap(({ branches }) => branches.flatMap(conditionsOf));
  const frame = almanac.frame([{ when: conditions }]);
  const byBranch = new Map(
    schemes.map(({ id, branches }) => {
      let left = frame.always;
      const times = branches.map((branch) => {
        const own = frame.timesOf(branch).and(left);
        left = left.without(own);
        return own;
      });
      return [id, times];
    }),
  );
  return ({ from, branch }) => byBranch.get(from)?.[branch] ?? frame.always;
}

const conditionsOf = ({ when }: Branch): readonly Condition[] => (typeof when === 'string' ? [] : when);

interface Stage {
  readonly at: string;
  readonly by?: Hop;
  readonly times: TimeSet | undefined;
  readonly callers: Callers | undefined;
  next: number;
}

/** The first circle back to the start, by depth; each scheme at most once on the way. */
function circleFrom(
  start: string,
  hops: ReadonlyMap<string, readonly Hop[]>,
  knot: ReadonlySet<string>,
  timesOf: (hop: Hop) => TimeSet,
): readonly Hop[] | undefined {
  const way: Stage[] = [{ at: start, times: undefined, callers: undefined, next: 0 }];
  for (let tried = 0; tried < patience; tried++) {
    const top = way.at(-1);
    if (!top) return undefined;
    const hop = hops.get(top.at)?.[top.next++];
    if (!hop) {
      way.pop();
      continue;
    }
    if (!knot.has(hop.to)) continue;
    const own = timesOf(hop);
    const times = top.times ? top.times.and(own) : own;
    const callers = top.callers ? both(top.callers, hop.callers) : hop.callers;
    if (times.isEmpty || callers.size === 0) continue;
    if (hop.to === start) return [...way.flatMap(({ by }) => by ?? []), hop];
    if (way.some(({ at }) => at === hop.to)) continue;
    way.push({ at: hop.to, by: hop, times, callers, next: 0 });
  }
  return undefined;
}

const both = (a: Callers, b: Callers): Callers => a.intersection(b);

/** Schemes from each of which every other of them can be reached: Tarjan's strongly connected components, without recursion. */
function knotsOf(hops: ReadonlyMap<string, readonly Hop[]>): Set<string>[] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const open: string[] = [];
  const isOpen = new Set<string>();
  const knots: Set<string>[] = [];
  for (const root of hops.keys()) {
    if (order.has(root)) continue;
    const stack: { readonly id: string; next: number }[] = [];
    const enter = (id: string) => {
      order.set(id, order.size);
      low.set(id, order.size - 1);
      open.push(id);
      isOpen.add(id);
      stack.push({ id, next: 0 });
    };
    const lower = (id: string, to: number | undefined) => low.set(id, Math.min(low.get(id) ?? 0, to ?? 0));
    enter(root);
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const hop = hops.get(top.id)?.[top.next++];
      if (hop) {
        if (!order.has(hop.to)) enter(hop.to);
        else if (isOpen.has(hop.to)) lower(top.id, order.get(hop.to));
        continue;
      }
      stack.pop();
      const parent = stack.at(-1);
      if (parent) lower(parent.id, low.get(top.id));
      if (low.get(top.id) !== order.get(top.id)) continue;
      const knot = new Set(open.splice(open.indexOf(top.id)));
      for (const id of knot) isOpen.delete(id);
      const loops = knot.size > 1 || hops.get(top.id)?.some(({ to }) => to === top.id);
      // In the order of the document.
      if (loops) knots.push(new Set([...hops.keys()].filter((id) => knot.has(id))));
    }
  }
  return knots;
}
