import { after, goOn, trace } from '../build.ts';
import type { State, Transition } from '../chart.ts';
import { place, to } from '../paths.ts';
import { resolve, type Whither } from '../targets.ts';
import { courseTo, leading } from './forward.ts';
import type { StepKind, StepOf, StepPlace } from './kind.ts';

/** «Переадресация по региону»: as `forward`, to the target of the rule that the caller's number falls under; under none: the next step. */
export const forwardByRegion: StepKind<StepOf<'forwardByRegion'>> = {
  answers: false,
  course({ forwardByRegion: id }, pbx) {
    const { rules = [] } = pbx.document.regionRules.find((one) => one.id === id) ?? {};
    return rules.some(({ to: target }) => courseTo(resolve(target, pbx)) === 'dwells') ? 'dwells' : 'passes';
  },
  compile({ forwardByRegion: id }, at) {
    const { pbx } = at.scheme.tables;
    const { rules = [] } = pbx.document.regionRules.find((one) => one.id === id) ?? {};
    const which: Transition[] = [];
    const states: Record<string, State> = {};
    for (const [index, rule] of rules.entries()) {
      const path = place(at.at, index);
      which.push({
        guard: { type: 'inRegion', params: { rules: id, index } },
        target: to(path),
        actions: [trace(at.at, 'rule', { region: rule.name }, 'by the prefix of the caller’s number')],
      });
      states[index] = inRegion(resolve(rule.to, pbx), at, path);
    }
    const nowhere = after([trace(at.at, 'rule', {}, 'the caller’s number falls under no region')], [at.next]);
    return {
      id: at.at,
      description: at.stepSource,
      initial: 'region',
      states: { region: { id: place(at.at, 'region'), always: [...which, ...nowhere] }, ...states },
    };
  },
};

/** Another scheme waits for an entry that was begun in a step before: only here is it known that the branch is left. */
function inRegion(whither: Whither | undefined, at: StepPlace, path: string): State {
  const here = leading(whither, at, path);
  if (!at.follows || !whither || !('scheme' in whither)) return here;
  const next = goOn(at.scheme, path, whither.scheme);
  const entry = at.hearEntry?.(place(path, 'regionEntry'), next);
  return entry === undefined ? here : { ...here, always: [{ guard: { type: 'entryBegun' }, target: entry }, ...next] };
}
