import type { SchemeWorld } from './actors.ts';
import type { SchemeEvent } from './context.ts';
import type { FromOutside } from './outside.ts';

/** What one running scheme can reach. */
export interface SchemeEnvironment {
  readonly world: SchemeWorld;
  /** Something comes in from outside, and the machine is about to act on it. */
  heard(input: FromOutside): void;
  /** Tells the machine what has become of the effect of a state, or what happened in the middle of it. */
  tell(event: ToldEvent, input: FromOutside): void;
  /** Something did not work that should. */
  fault(state: string, error: unknown): void;
  /** What is being done for the state in which the machine is: one thing at a time. */
  effect: AbortController | undefined;
}

/** What may come of an effect, or happen in the middle of it. */
export type ToldEvent = Extract<SchemeEvent, { readonly type: 'connected' | 'recording' | 'done' | 'failed' }>;
