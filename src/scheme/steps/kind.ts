import type { Step } from '../../config/document.ts';
import type { PbxVersion } from '../../config/version.ts';
import type { RingTarget } from '../actors.ts';
import type { BranchBuild } from '../build.ts';
import type { State, Transition, Transitions } from '../chart.ts';
import type { HearEntry } from '../hear-out.ts';

/** A kind of step describes itself: a new one is one new file and one line in `index.ts`. */
export interface StepKind<S extends Step> {
  /** Its state. */
  compile(step: S, at: StepPlace): State;
  /** It lets the caller hear something, so he has been answered after it. */
  readonly answers: boolean;
  /** What becomes of the call in it. */
  course(step: S, pbx: PbxVersion): Course;
}

/** `leaves` the branch in any case; `dwells`, the caller may press keys in it; `passes` on at once. */
export type Course = 'leaves' | 'dwells' | 'passes';

/** Where a step stands. */
export interface StepPlace extends BranchBuild {
  /** Of the step: `main/workdays:0`. */
  readonly at: string;
  /** In the document: `branches[0].steps[0]`. */
  readonly stepSource: string;
  /** The caller may have pressed keys in a step before. */
  readonly follows: boolean;
  /** Unset: no entry can have begun. */
  readonly hearEntry: HearEntry | undefined;
  /** What follows the step. */
  readonly next: Transition;
  /** What follows if this one was called and not reached: the next step, else an employee's default action (§4.4.3). */
  notReached(target: RingTarget): Transitions;
}

export type StepOf<Key extends string> = Extract<Step, { readonly [K in Key]: unknown }>;
