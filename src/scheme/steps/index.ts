import type { Step } from '../../config/document.ts';
import { fax } from './fax.ts';
import { forward } from './forward.ts';
import { forwardByRegion } from './forward-by-region.ts';
import { hangup } from './hangup.ts';
import type { StepKind, StepOf } from './kind.ts';
import { play } from './play.ts';
import { voicemail } from './voicemail.ts';

type Key = Step extends infer S ? (S extends Step ? Extract<keyof S, keyof typeof kinds> : never) : never;

const kinds = { play, forward, forwardByRegion, voicemail, fax, hangup };

/** A step with the kind that it is of: the one whose key it has. */
export function kindOf(step: Step): StepKind<Step> {
  const key = (Object.keys(kinds) as Key[]).find((name) => name in step);
  if (!key) throw new Error(`a step of an unknown kind: ${Object.keys(step).join(', ')}`);
  return kinds[key] as StepKind<StepOf<Key>> as StepKind<Step>;
}
