import { after, hangUp, type SchemeBuild, trace } from '../build.ts';
import type { State } from '../chart.ts';
import { deaf } from '../ringing.ts';
import type { StepKind, StepOf } from './kind.ts';
import { recipients } from './voicemail.ts';

/** «Прием факса»: the last thing that a call does; nothing can be chosen any more. */
export const fax: StepKind<StepOf<'fax'>> = {
  answers: true,
  course: () => 'leaves',
  compile: (step, at) => ({ description: at.stepSource, ...reception(at.scheme, at.at, step.fax.to) }),
};

/** @param to e-mail addresses; none: that of `fax.email` */
export function reception(scheme: SchemeBuild, path: string, to: readonly string[]): State {
  const over = [hangUp(scheme, path)];
  return {
    ...deaf(path, [trace(path, 'fax', { to: recipients(to, scheme.tables.pbx.document.fax) })]),
    invoke: {
      src: 'fax',
      input: { to },
      onDone: over,
      onError: after([{ type: 'fault', params: { state: path } }], over),
    },
  };
}
