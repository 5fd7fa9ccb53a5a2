import type { State, Transitions } from './chart.ts';
import type { CompiledScheme } from './compile.ts';
import { arrowText, blockTexts, endOf, failure, stateText } from './graph-text.ts';
import { to } from './paths.ts';

/** A compiled scheme as a picture shows it: every state of its chart once, and an arrow for every way from one to another. */
export interface Graph {
  readonly nodes: readonly Node[];
  readonly arrows: readonly Arrow[];
}

export interface Node {
  /** The state's path, as logs, history and the simulator show it. Of an end: what it is, with a space: `group sales`. */
  readonly id: string;
  /** In words, for an admin. */
  readonly text: string;
  readonly kind: 'state' | 'end' | 'anywhere';
  /** What is drawn inside it. Only where no arrow crosses the border: Mermaid draws no others. */
  readonly inside?: Graph;
}

export interface Arrow {
  /** Undefined: where everything begins. */
  readonly from?: string;
  /** Undefined: where everything is over. */
  readonly to?: string;
  readonly text: string;
}

/** Where the arrows begin of what may happen in any state. */
export const anywhere = 'in any state';

/**
 * The graph of a scheme. Left out is what leads nowhere: keys that are not complete yet, keys that somebody else listens to. So is `password`, the event of
 * a replay, which stands for digits.
 */
export function graphOf(compiled: CompiledScheme): Graph {
  const { chart, id: scheme } = compiled;
  const texts = blockTexts(compiled);
  const paths = new Map<string, string>();
  for (const { id } of everyState(chart.states)) paths.set(to(id), id);

  const ends = new Map<string, Node>();
  const arrows: Arrow[] = [];
  const draw = (from: string, transitions: Transitions, event: string, state?: State) => {
    for (const transition of transitions) {
      if (transition.target === undefined) continue;
      const end = endOf(transition, state, compiled);
      if (end) ends.set(end.id, { ...end, kind: 'end' });
      const target = end?.id ?? paths.get(transition.target);
      if (target === undefined)
        throw new Error(`${from} of ${scheme} leads to ${transition.target}, which does not exist`);
      arrows.push({ from, to: target, text: arrowText(event, transition, state, compiled) });
    }
  };
  for (const [event, transitions] of Object.entries(chart.on)) draw(anywhere, transitions, event);
  for (const state of everyState(chart.states)) {
    for (const [event, transitions] of waysOut(state)) draw(state.id, transitions, event, state);
  }
  const all = joined(arrows);

  const inner: Arrow[] = [];
  const nodes = Object.values(chart.states).flatMap((state) =>
    drawn(state, all, inner, (one) => stateText(one, texts, compiled)),
  );
  const boxed = new Set(nodes.flatMap(insideOf));
  const outside = all.filter(({ from }) => from === undefined || !boxed.has(from));
  return {
    nodes: [{ id: anywhere, text: anywhere, kind: 'anywhere' }, ...nodes, ...ends.values()],
    arrows: [
      { to: chart.initial, text: '' },
      ...inner,
      ...outside,
      ...everyState(chart.states)
        .filter(({ type }) => type === 'final')
        .map(({ id }) => ({ from: id, text: '' })),
      ...[...ends.keys()].map((from) => ({ from, text: '' })),
    ],
  };
}

const everyState = (states: Readonly<Record<string, State>>): State[] =>
  Object.values(states).flatMap((state) => [state, ...everyState(state.states ?? {})]);

/** All transitions of a state, by what brings them about. */
export function waysOut({ on = {}, always, after = {}, invoke }: State): readonly (readonly [string, Transitions])[] {
  return [
    ...Object.entries(on).filter(([event]) => event !== 'password'),
    ...(always ? [['', always] as const] : []),
    ...Object.entries(after).map(([ms, transitions]) => [`after ${ms}`, transitions] as const),
    ...(invoke ? [['done', invoke.onDone] as const, ['failed', invoke.onError] as const] : []),
  ];
}

/** One arrow for all ways between the same two states. What leads on in any case says nothing of failures. */
function joined(arrows: readonly Arrow[]): Arrow[] {
  const groups = Map.groupBy(arrows, ({ from, to: target }) => JSON.stringify([from, target]));
  return [...groups.values()].map((group) => {
    const texts = new Set(group.map(({ text }) => text));
    if (texts.delete('')) texts.delete(failure);
    return { ...(group[0] as Arrow), text: [...texts].join(', or ') };
  });
}

/**
 * A state, with the states inside it in a box if nothing leads across its border; else they stand beside it, and an arrow leads from it to the first.
 * @param beside where that arrow goes
 */
function drawn(state: State, arrows: readonly Arrow[], beside: Arrow[], textOf: (state: State) => string): Node[] {
  const { id, initial, states } = state;
  const node: Node = { id, text: textOf(state), kind: 'state' };
  if (!states || initial === undefined) return [node];
  const first = (states[initial] as State).id;
  const within = new Set(everyState(states).map((one) => one.id));
  const crosses = arrows.some(({ from, to: target }) => within.has(from ?? '') !== within.has(target ?? ''));
  const children = Object.values(states).flatMap((one) => drawn(one, arrows, beside, textOf));
  if (crosses) {
    beside.push({ from: id, to: first, text: '' });
    return [node, ...children];
  }
  const inside = arrows.filter(({ from }) => within.has(from ?? ''));
  return [{ ...node, inside: { nodes: children, arrows: [{ to: first, text: '' }, ...inside] } }];
}

const insideOf = ({ inside }: Node): string[] => inside?.nodes.flatMap((one) => [one.id, ...insideOf(one)]) ?? [];
