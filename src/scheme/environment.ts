import type { SchemeWorld } from './actors.ts';
import type { SchemeContext, SchemeEvent } from './context.ts';
import type { FromOutside } from './outside.ts';

/** What one running scheme can reach. */
export interface SchemeEnvironment {
  readonly world: SchemeWorld;
  context(): SchemeContext;
  /** Something comes in from outside, and the machine is about to act on it. */
  heard(input: FromOutside): void;
  /** Tells the machine what happened in the middle of the effect of this state. */
  tell(event: ToldEvent, state: string): void;
  /** Something did not work that should. */
  fault(state: string, error: unknown): void;
  /** What is being done now. */
  readonly running: Set<AbortController>;
}

/** What may happen in the middle of an effect. */
export type ToldEvent = Extract<SchemeEvent, { readonly type: 'connected' | 'recording' }>;
