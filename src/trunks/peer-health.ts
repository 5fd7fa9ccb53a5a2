/** What is known of whether a trunk's peer can be reached. */
export type TrunkState = 'up' | 'down';

export interface TrunkHealth {
  readonly state: TrunkState;
  /** Of a trunk that is down: why, for people. */
  readonly reason: string | undefined;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Answers in a row that said that it is back. */
  readonly answers: number;
}

export type Evidence =
  /** An OPTIONS was answered with 200. */
  | { readonly kind: 'answered' }
  /** It was answered otherwise, or not at all. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** A call found the peer there. */
  | { readonly kind: 'reached' }
  /** A call did not. */
  | { readonly kind: 'unreachable'; readonly reason: string };

/** A peer that was away must have answered so often before calls go to it again: one that comes and goes is worse than one that is away. */
const ANSWERS_TO_BE_BACK = 3;

/** Until something is known to its detriment, a trunk is up: calls find out. */
export const presumedUp = (now: number): TrunkHealth => ({ state: 'up', reason: undefined, since: now, answers: 0 });

/** Quick to fall, slow to recover. */
export function healthAfter(health: TrunkHealth, evidence: Evidence, now: number): TrunkHealth {
  switch (evidence.kind) {
    case 'failed':
    case 'unreachable':
      if (health.state === 'down') return { ...health, reason: evidence.reason, answers: 0 };
      return { state: 'down', reason: evidence.reason, since: now, answers: 0 };
    case 'answered': {
      if (health.state === 'up') return health;
      const answers = health.answers + 1;
      return answers >= ANSWERS_TO_BE_BACK ? presumedUp(now) : { ...health, answers };
    }
    case 'reached':
      // It was tried although it counted as down, and is there.
      return health.state === 'up' ? health : presumedUp(now);
  }
}
