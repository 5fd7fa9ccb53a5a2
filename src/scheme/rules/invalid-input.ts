import { after, again, type BranchBuild, ending, trace } from '../build.ts';
import type { State, Transitions } from '../chart.ts';
import { hearOut } from '../hear-out.ts';
import type { TakesInput } from '../keys.ts';
import { place, to } from '../paths.ts';
import { enter } from './enter.ts';

/** «Ошибочный ввод»: the caller is told and the block begins again; the last attempt is followed by the rule, or else by `end`. */
export function invalid(build: BranchBuild): Transitions {
  const { block, path } = build;
  const { invalidInput } = build.branch.rules;
  const max = invalidInput?.attempts ?? build.scheme.menu.maxInvalid;
  const last = invalidInput
    ? enter(build, 'invalidInput', `invalid input for the ${ordinal(max)} time`)
    : ending(build);
  return [
    { guard: { type: 'lastInvalid', params: { block, max } }, ...last },
    { target: to(place(path, 'invalid')), actions: [{ type: 'countInvalid', params: { block } }] },
  ];
}

/** The caller hears that he pressed something wrong; he may go on pressing meanwhile. */
export function invalidPrompt(build: BranchBuild, input: TakesInput): Readonly<Record<string, State>> {
  const id = place(build.path, 'invalid');
  const audio = 'builtin:invalid-choice';
  const { go, states } = hearOut(build, input, 'invalid', [again(build.block)]);
  const invalid: State = {
    id,
    entry: [{ type: 'stopAudio' }, trace(id, 'play', { audio })],
    invoke: {
      src: 'play',
      input: { audio },
      onDone: go,
      onError: after([{ type: 'fault', params: { state: id } }], go),
    },
  };
  return { invalid, ...states };
}

export const ordinal = (n: number): string => ({ 1: '1st', 2: '2nd', 3: '3rd' })[n] ?? `${n}th`;
