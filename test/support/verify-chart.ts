import type { Chart, State, Transitions } from '../../src/scheme/chart.ts';
import { to } from '../../src/scheme/paths.ts';
import { names } from '../../src/scheme/vocabulary.ts';

/**
 * That everything a chart names exists. XState passes over an action that it does not know without a word, and finds a missing guard or
 * effect only when a call gets there. The types of a chart allow no other names; this is for what they cannot say.
 * @throws Error that names the state
 */
export function verify(chart: Chart): void {
  const ids = new Set<string>();
  for (const one of Object.values(chart.states)) collect(one, ids);

  const check = (kind: string, known: { has(name: string): boolean }, name: string, where: string) => {
    if (!known.has(name)) throw new Error(`${where} of ${chart.id} names the unknown ${kind} "${name}"`);
  };
  const transitions = (all: Transitions | undefined, where: string) => {
    for (const { guard, target, actions = [] } of all ?? []) {
      if (guard) check('guard', names.guards, guard.type, where);
      if (target !== undefined) check('state', ids, target, where);
      for (const { type } of actions) check('action', names.actions, type, where);
    }
  };
  const state = ({ id, entry = [], exit = [], on = {}, always, after = {}, invoke, states = {} }: State) => {
    for (const { type } of [...entry, ...exit]) check('action', names.actions, type, id);
    for (const all of [...Object.values(on), always, ...Object.values(after)]) transitions(all, id);
    if (invoke) {
      check('effect', names.effects, invoke.src, id);
      transitions(invoke.onDone, id);
      transitions(invoke.onError, id);
    }
    for (const child of Object.values(states)) state(child);
  };
  for (const all of Object.values(chart.on)) transitions(all, 'the top');
  for (const one of Object.values(chart.states)) state(one);
}

/** @throws Error when two states have the same path */
function collect({ id, states = {} }: State, ids: Set<string>): void {
  const target = to(id);
  if (ids.has(target)) throw new Error(`two states are called ${id}`);
  ids.add(target);
  for (const child of Object.values(states)) collect(child, ids);
}
