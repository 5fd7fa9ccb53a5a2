import type { Chart, State, Transitions } from './chart.ts';
import type { SchemeMachine } from './vocabulary.ts';

/**
 * That everything a chart names exists. XState passes over an action that it does not know without a word, and finds a missing guard or
 * actor only when a call gets there; a missing target it reports itself when the machine is made.
 * @throws Error that names the state
 */
export function verify(chart: Chart, machine: SchemeMachine): void {
  const { actions, guards, actors } = machine.implementations;
  const check = (kind: string, known: object, name: string, where: string) => {
    if (!Object.hasOwn(known, name))
      throw new Error(`state ${where} of ${chart.id} names the unknown ${kind} "${name}"`);
  };
  const transitions = (all: Transitions | undefined, where: string) => {
    for (const { guard, actions: named = [] } of all ?? []) {
      if (guard) check('guard', guards, guard.type, where);
      for (const { type } of named) check('action', actions, type, where);
    }
  };
  const state = ({ id, entry = [], exit = [], on = {}, always, after = {}, invoke, states = {} }: State) => {
    for (const { type } of [...entry, ...exit]) check('action', actions, type, id);
    for (const all of [...Object.values(on), always, ...Object.values(after)]) transitions(all, id);
    if (invoke) {
      check('actor', actors, invoke.src, id);
      transitions(invoke.onDone, id);
      transitions(invoke.onError, id);
    }
    for (const child of Object.values(states)) state(child);
  };
  for (const all of Object.values(chart.on)) transitions(all, '(any)');
  for (const one of Object.values(chart.states)) state(one);
}
