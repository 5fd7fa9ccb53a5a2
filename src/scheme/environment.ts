import type { SchemeWorld } from './actors.ts';
import type { SchemeContext, SchemeEvent } from './context.ts';

/** What one running scheme can reach. */
export interface SchemeEnvironment {
  readonly world: SchemeWorld;
  context(): SchemeContext;
  /** Tells the machine what happened in the middle of an effect. */
  tell(event: SchemeEvent): void;
  /** Something did not work that should. */
  fault(state: string, error: unknown): void;
  /** What is being done now. */
  readonly running: Set<AbortController>;
}
