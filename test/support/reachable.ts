import { getMicrosteps, initialTransition } from 'xstate';
import type { ForwardResult } from '../../src/scheme/actors.ts';
import type { State, Transitions } from '../../src/scheme/chart.ts';
import type { CompiledScheme } from '../../src/scheme/compile.ts';
import { noJourney, type SchemeEvent } from '../../src/scheme/context.ts';

/**
 * All states of a scheme's machine that some call comes to, found by leading calls everywhere: after each event every key, both ends of whatever is under
 * way, the ends of all times, a fax tone, at each of the given moments. A time may pass in any call, so each event may come at any of them.
 *
 * @param moments milliseconds since 1970
 * @param keys those worth pressing
 */
export function reachedStates(
  { machine, tables }: CompiledScheme,
  moments: readonly number[],
  keys: string,
  caller: string,
): Set<string> {
  let now = moments[0] ?? 0;
  const outside: readonly SchemeEvent[] = [
    ...[...keys].map((digit) => ({ type: 'digit', digit }) as const),
    { type: 'connected' },
    { type: 'recording' },
    { type: 'faxTone' },
  ];
  // Nothing of it is executed, so there is no environment.
  const input = { tables, environment: {} as never, now: () => now, caller, journey: noJourney };
  const [start] = initialTransition(machine, input);
  const timed = new Set(
    [...tables.branches].flatMap(([path, { when }]) => (typeof when === 'string' ? [] : [blockOf(path)])),
  );

  const reached = new Set(start._nodes.map(({ id }) => id));
  const seen = new Set<string>();
  const left: (typeof start)[] = [];
  const lead = (from: typeof start, event: SchemeEvent) => {
    for (now of moments) {
      const steps = getMicrosteps(machine, from, event);
      const through = steps.flatMap(([{ _nodes: nodes }]) => nodes.map(({ id }) => id));
      for (const id of through) reached.add(id);
      const to = steps.at(-1)?.[0];
      if (to && !seen.has(keyOf(to))) {
        seen.add(keyOf(to));
        if (to.status === 'active') left.push(to);
      }
      // The time has been asked only where a block was entered that has times; the first one is entered with the call.
      if (event.type !== 'begin' && !through.some((id) => timed.has(id))) return;
    }
  };
  lead(start, { type: 'begin' });
  for (let call = left.shift(); call; call = left.shift()) {
    // What the machine tells itself in this state: times that are over, and both ends of what is under way.
    const own = call._nodes
      .flatMap(({ ownEvents }) => ownEvents)
      .filter((type) => /^(?:xstate\.|done$|failed$)/.test(type));
    for (const type of own) lead(call, { type } as unknown as SchemeEvent);
    // An assistant sends the call on, in the middle of an entry.
    if (own.includes('done') && call.context.entered !== '') lead(call, { type: 'done', output: sentOn });
    for (const event of outside) if (!isKept(call, event)) lead(call, event);
    if (call.context.entered !== '') lead(call, { type: 'pause' });
  }
  return reached;

  /** What tells two calls apart that are in the same state: nothing that only matters elsewhere. */
  function keyOf({ value, context: { entered, journey, dialled } }: typeof start): string {
    const [block = ''] = Object.keys(typeof value === 'string' ? { [value]: '' } : value);
    const item = /^(.*):password$/.exec(block)?.[1];
    const password = item === undefined ? undefined : tables.passwords.get(item);
    const typed = password === undefined || password.startsWith(entered) ? entered : 'wrong';
    const counted = (counts: Readonly<Record<string, number>>) =>
      Object.entries(counts)
        .filter(([of]) => (item === undefined ? of === block || of === blockOf(block) : item.startsWith(of)))
        .map(([of, count]) => [of, Math.min(count, 3)] as const);
    const state = JSON.stringify(value);
    const rings = /dialled|unanswered/.test(state) && dialled !== undefined && 'employee' in dialled;
    // The two are counted for the same blocks, each by itself.
    return JSON.stringify([state, typed, counted(journey.invalid), counted(journey.wrongPassword), rings]);
  }
}

const sentOn = { outcome: 'scheme', scheme: 'other', reason: 'noAnswer' } as const satisfies ForwardResult;

/** Whoever has the line hears it, and the machine does not (`run.ts`). */
export const isKept = ({ tags }: { readonly tags: ReadonlySet<string> }, { type }: SchemeEvent): boolean =>
  tags.has('deaf') && (type === 'digit' || type === 'faxTone');

/** A branch with a time is one of several of its block. */
const blockOf = (branch: string): string => branch.slice(0, branch.lastIndexOf('/'));

/**
 * The states that the chart itself leads to when every guard may hold: what is left out no call can come to, whatever happens. A transition without a
 * guard takes the place of those behind it, and an `always` without one that of everything else that its state could do.
 */
export function connectedStates({ chart }: CompiledScheme): Set<string> {
  const states = new Map<string, { readonly state: State; readonly above: readonly State[] }>();
  const place = (state: State, above: readonly State[]) => {
    states.set(state.id, { state, above });
    for (const inside of Object.values(state.states ?? {})) place(inside, [...above, state]);
  };
  for (const state of Object.values(chart.states)) place(state, []);

  const connected = new Set<string>();
  const enter = (id: string) => {
    const found = states.get(id);
    if (!found || connected.has(id)) return;
    const { state, above } = found;
    connected.add(id);
    for (const { id: outer } of above) connected.add(outer);
    if (state.type === 'final') return;
    go(state.always);
    if (state.always?.some(({ guard }) => guard === undefined)) return;
    go(state.invoke?.onDone);
    go(state.invoke?.onError);
    for (const transitions of Object.values(state.after ?? {})) go(transitions);
    // A machine is always in an innermost state.
    if (state.initial !== undefined) return enter(state.states?.[state.initial]?.id ?? '');
    // The innermost state that knows an event takes it; what keys become is raised only where they are taken.
    const on = Object.assign({}, chart.on, ...above.map((outer) => outer.on), state.on) as Record<string, Transitions>;
    if (state.tags?.includes('deaf')) for (const kept of ['digit', 'faxTone']) delete on[kept];
    const takesKeys = on.digit?.some(({ actions }) => actions?.some(({ type }) => type === 'take'));
    for (const [event, transitions] of Object.entries(on)) if (takesKeys || !raised.test(event)) go(transitions);
  };
  const go = (transitions: Transitions = []) => {
    for (const { target, guard } of transitions) {
      if (target !== undefined) enter(target.slice(1).replaceAll('\\.', '.'));
      if (guard === undefined) return;
    }
  };
  connected.add(chart.initial);
  go(chart.states[chart.initial]?.on?.begin);
  return connected;
}

/** What the machine raises when an entry of keys is complete. */
const raised = /^(?:key:|extension$|trunk$|unknown$|pause$)/;

/** Every state of a chart, with the states inside. */
export function allStates(states: Readonly<Record<string, State>>): State[] {
  return Object.values(states).flatMap((state) => [state, ...allStates(state.states ?? {})]);
}
