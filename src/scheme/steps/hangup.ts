import { hangUp } from '../build.ts';
import type { StepKind, StepOf } from './kind.ts';

/** «Отбой». */
export const hangup: StepKind<StepOf<'hangup'>> = {
  answers: false,
  course: () => 'leaves',
  compile: (_, at) => ({ id: at.at, description: at.stepSource, always: [hangUp(at.scheme, at.at)] }),
};
