import { after, goOn, trace } from '../build.ts';
import type { State } from '../chart.ts';
import { ringing } from '../ringing.ts';
import { resolve, type Whither } from '../targets.ts';
import type { Course, StepKind, StepOf, StepPlace } from './kind.ts';

/** «Переадресация»: ends the scheme when somebody talks to the caller, else the next step follows. */
export const forward: StepKind<StepOf<'forward'>> = {
  answers: false,
  course: ({ forward: target }, pbx) => courseTo(resolve(target, pbx)),
  compile({ forward: target, timeout, music }, at) {
    const whither = resolve(target, at.scheme.tables.pbx);
    return {
      description: at.stepSource,
      ...leading(whither, at, at.at, {
        ...(timeout === undefined ? {} : { timeout }),
        ...(music === undefined ? {} : { music }),
      }),
    };
  },
};

/** Somebody rings, or else the call is in another scheme, or goes on, at once. */
export function courseTo(whither: Whither | undefined): Course {
  if (!whither) return 'passes';
  return 'scheme' in whither ? 'leaves' : 'dwells';
}

/** The state that sends the call to a target, if there is one. */
export function leading(
  whither: Whither | undefined,
  at: StepPlace,
  path: string,
  limits: { readonly timeout?: number; readonly music?: string } = {},
): State {
  if (!whither) {
    const why = 'nobody has this number';
    return { id: path, always: after([trace(path, 'noAnswer', { reason: 'doesNotExist' }, why)], [at.next]) };
  }
  if ('scheme' in whither) return { id: path, always: goOn(at.scheme, path, whither.scheme) };
  return ringing(at.scheme, path, { target: whither, ...limits }, at.notReached(whither), at.hearEntry);
}
