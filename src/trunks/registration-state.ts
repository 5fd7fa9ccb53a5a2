import type { Random } from '../time/random.ts';

/** What came of the last REGISTER. */
export type RegistrationState =
  /** Nothing yet. */
  | 'trying'
  | 'registered'
  /** The operator says no: the password is wrong, the account unknown or closed. It will not get better by itself. */
  | 'refused'
  /** He cannot be reached, or cannot take it now. */
  | 'failing';

export interface RegistrationHealth {
  readonly state: RegistrationState;
  /** Of the state, milliseconds since 1970. */
  readonly since: number;
  /** Calls are sent to us until then, also when registering has failed meanwhile; milliseconds since 1970. Undefined: they are not. */
  readonly until: number | undefined;
  /** Why it is refused or fails, for people. */
  readonly reason: string | undefined;
  /** Failures in a row. */
  readonly failures: number;
}

export type RegisterOutcome =
  | { readonly kind: 'granted'; readonly expiresMs: number }
  | { readonly kind: 'refused'; readonly reason: string }
  /** `retryAfterMs`: not sooner, says the operator. */
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAfterMs?: number };

export const nothingKnown = (now: number): RegistrationHealth => ({
  state: 'trying',
  since: now,
  until: undefined,
  reason: undefined,
  failures: 0,
});

export function registrationAfter(
  health: RegistrationHealth,
  outcome: RegisterOutcome,
  now: number,
): RegistrationHealth {
  const state = outcome.kind === 'granted' ? 'registered' : outcome.kind === 'refused' ? 'refused' : 'failing';
  const since = state === health.state ? health.since : now;
  if (outcome.kind === 'granted') {
    return { state, since, until: now + outcome.expiresMs, reason: undefined, failures: 0 };
  }
  const until = health.until !== undefined && health.until > now ? health.until : undefined;
  return { state, since, until, reason: outcome.reason, failures: health.failures + 1 };
}

/** An operator that refuses is not hammered: many block an address for that. */
const REFUSED_MS = { first: 60_000, most: 3_600_000 } as const;
/** One that does not answer is usually back soon. */
const FAILED_MS = { first: 5_000, most: 300_000 } as const;
/** Longer than this nobody is believed who asks us to wait. */
const MOST_RETRY_AFTER_MS = 3_600_000;

/**
 * When to register again, in milliseconds from now: a registration long before it ends, so that several attempts may fail before calls stay away; a failure with
 * growing pauses. Always by chance within a range: accounts of one operator do not all come in the same moment, not even after he was away (RFC 5626 §4.5).
 */
export function nextRegisterIn(outcome: RegisterOutcome, { failures }: RegistrationHealth, random: Random): number {
  if (outcome.kind === 'granted') return Math.round(outcome.expiresMs * (0.5 + 0.2 * random.next()));
  const { first, most } = outcome.kind === 'refused' ? REFUSED_MS : FAILED_MS;
  const longest = Math.min(most, first * 2 ** Math.min(failures - 1, 20));
  const pause = Math.round(longest * (0.5 + 0.5 * random.next()));
  const asked = outcome.kind === 'failed' ? (outcome.retryAfterMs ?? 0) : 0;
  return Math.max(pause, Math.min(asked, MOST_RETRY_AFTER_MS));
}
