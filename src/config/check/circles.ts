import type { TimeSet } from '../../time/almanac.ts';
import type { Path } from '../issue.ts';
import type { Branch, Scheme } from '../schema/scheme.ts';
import type { Step } from '../schema/step.ts';
import type { Condition } from '../schema/when.ts';
import { joined } from '../words.ts';
import { type Callers, CallersByRegion, nobody, type Ways } from './callers.ts';
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
    const asks = Object.keys(branch.menu).length > 0 || branch.rules.disa !== undefined;
    let callers: Callers = regions.all;
    const groups: string[] = [];
    for (const [number, step] of branch.steps.entries()) {
      const path = ['schemes', index, 'branches', at, 'steps', number];
      // Keys count only where there is time to press one. That an extension may be dialled while a group rings is nothing that callers know.
      if ('play' in step && step.wait && (asks || directory.dialsExtensions)) break;
      const ways = waysOf(step, regions, callers);
      if (!ways) break;
      const left: Callers[] = [ways.otherwise];
      for (const { target, callers: those } of ways.ways) {
        const whom = directory.whom(target);
        const hop = { from, path, branch: at, callers: those, groups: [...groups] };
        if (whom?.kind === 'scheme') {
          yield { ...hop, to: whom.scheme.id };
        } else if (whom?.kind === 'number') {
          const { scheme, number: called } = whom.number;
          if (scheme !== undefined) yield { ...hop, to: scheme, number: called };
        } else if (whom?.kind === 'group') {
          if (directory.membersInReach(whom.group).length > 0) {
            if (asks) continue;
            groups.push(whom.group.id);
          }
          left.push(those);
        } else if (whom?.kind === 'employee' && !directory.canBeRung(whom.employee, whom.contact)) {
          if (whom.employee.assistant.length > 0) continue;
          const { then } = document.defaults.employee;
          const isLast = number === branch.steps.length - 1 && branch.end === 'hangup' && !branch.rules.noInput;
          const next = isLast && 'extension' in then ? directory.schemeOf(then) : undefined;
          if (next) yield { ...hop, to: next.id };
          left.push(those);
        }
      }
      callers = together(left);
      if (callers.size === 0) break;
    }
  }
}

/** Not copied where there is one alone: then it is known again. */
function together(all: readonly Callers[]): Callers {
  const [only = nobody, ...others] = all.filter(({ size }) => size > 0);
  return others.length === 0 ? only : new Set([only, ...others].flatMap((some) => [...some]));
}

/** Where a step sends which callers; undefined for a step that ends or takes the call. */
function waysOf(step: Step, regions: CallersByRegion, callers: Callers): Ways | undefined {
  if ('play' in step) return { ways: [], otherwise: callers };
  if ('forward' in step) return { ways: [{ target: step.forward, callers }], otherwise: nobody };
  if ('forwardByRegion' in step) return regions.ways(step.forwardByRegion, callers);
  return undefined;
}

/** One circle through each scheme that is in one and in none before: of those that a call can go. */
function* findCircles(pbx: CheckedPbx, hops: ReadonlyMap<string, readonly Hop[]>): Generator<readonly Hop[]> {
  for (const knot of knotsOf(hops)) {
    const timesOf = timesIn(pbx, knot);
    if (timesOf) yield* new Walk(hops, knot, timesOf).circles();
  }
}

/** Conditions times days of schemes that all forward to each other; of more nothing is said. Nobody draws such. */
const mostTimes = 2_000_000;

/** When a hop's branch runs. */
function timesIn({ document, almanac }: CheckedPbx, knot: ReadonlySet<string>): ((hop: Hop) => TimeSet) | undefined {
  const schemes = document.schemes.filter(({ id }) => knot.has(id));
  const conditions = schemes.flatMap(({ branches }) => branches.flatMap(conditionsOf));
  const frame = almanac.frame([{ when: conditions }]);
  if (conditions.length * frame.classes.length > mostTimes) return undefined;
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

/** Times and callers that a way can be gone at. */
interface Passage {
  readonly times: TimeSet;
  readonly callers: Callers;
}

interface Stage extends Passage {
  readonly at: string;
  readonly by?: Hop;
  next: number;
}

/**
 * Goes from scheme to scheme by depth, with the times and callers that are left. At one time a caller has at most one hop to go from each scheme, so
 * that a scheme need be entered only once for each of both: whoever came from it to an end will do so again.
 */
class Walk {
  readonly #hops: ReadonlyMap<string, readonly Hop[]>;
  readonly #knot: ReadonlySet<string>;
  readonly #timesOf: (hop: Hop) => TimeSet;
  /** By scheme. */
  readonly #entered = new Map<string, Passage[]>();
  readonly #inCircle = new Set<string>();

  constructor(hops: ReadonlyMap<string, readonly Hop[]>, knot: ReadonlySet<string>, timesOf: (hop: Hop) => TimeSet) {
    this.#hops = hops;
    this.#knot = knot;
    this.#timesOf = timesOf;
  }

  *circles(): Generator<readonly Hop[]> {
    for (const start of this.#knot) {
      for (const hop of this.#hops.get(start) ?? []) {
        const circle = this.#from(hop);
        if (!circle) continue;
        for (const { from } of circle) this.#inCircle.add(from);
        yield circle;
      }
    }
  }

  #from(first: Hop): readonly Hop[] | undefined {
    const way: Stage[] = [];
    const onWay = new Map<string, number>();
    const enter = (at: string, passage: Passage, by?: Hop) => {
      onWay.set(at, way.length);
      way.push({ at, ...passage, ...(by ? { by } : {}), next: 0 });
    };
    enter(first.from, { times: this.#timesOf(first), callers: first.callers });
    for (let top = way.at(-1); top; top = way.at(-1)) {
      const hop = this.#hops.get(top.at)?.[top.next++];
      if (!hop) {
        onWay.delete(top.at);
        way.pop();
        continue;
      }
      if (!this.#knot.has(hop.to) || this.#inCircle.has(hop.from) || this.#inCircle.has(hop.to)) continue;
      const passage = { times: top.times.and(this.#timesOf(hop)), callers: top.callers.intersection(hop.callers) };
      if (isNever(passage)) continue;
      const back = onWay.get(hop.to);
      if (back !== undefined) return [...way.slice(back + 1).flatMap(({ by }) => by ?? []), hop];
      const left = this.#notEntered(hop.to, passage);
      if (!isNever(left)) enter(hop.to, left, hop);
    }
    return undefined;
  }

  /** Of the passage what is new in the scheme; it counts as entered from now on. */
  #notEntered(scheme: string, { times, callers }: Passage): Passage {
    const entered = this.#entered.get(scheme) ?? [];
    let left = times;
    for (const before of entered) if (callers.isSubsetOf(before.callers)) left = left.without(before.times);
    const passage = { times: left, callers };
    if (!isNever(passage)) this.#entered.set(scheme, [...entered, passage]);
    return passage;
  }
}

const isNever = ({ times, callers }: Passage): boolean => callers.size === 0 || times.isEmpty;

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
