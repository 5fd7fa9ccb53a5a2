import type { EndReason } from '../end-reason.ts';
import type { AttemptOutcome, Participant } from '../history/record.ts';

/** Who is asked to take a call. */
export interface Asked {
  readonly kind: Participant['kind'];
  readonly id: string;
  readonly name: string;
  /** What is rung: an account's address, a phone number. */
  readonly address: string;
  /** The same as a scheme would name it. Unset where there is nothing to ring: a group, a room, somebody who cannot be rung now. */
  readonly contact?: RungContact;
  /** The group on whose behalf. */
  readonly group?: string;
  /** Why he, of all those of the group, for a person. */
  readonly why?: string;
}

export type RungContact =
  | { readonly sip: string }
  | { readonly phone: string }
  | { readonly trunk: string; readonly number: string };

/** One attempt to reach somebody, while it goes on. */
export interface Attempt {
  readonly asked: Asked;
  /** He has picked up; the two may still be kept apart by an announcement. */
  answered(): void;
  /** The two talk from now on. */
  talking(): void;
  /** Once; later calls have no effect. @param heldMs how long one had the other on hold */
  over(outcome: AttemptOutcome, reason: EndReason, heldMs?: number): void;
}

/** Where attempts are noted: a call's timeline. */
export interface AttemptLog {
  ask(asked: Asked): Attempt;
}

/** How an attempt that failed for a reason is called in history. */
export function attemptOutcome(reason: EndReason): AttemptOutcome {
  switch (reason) {
    case 'noAnswer':
      return 'noAnswer';
    case 'busy':
      return 'busy';
    case 'declined':
    case 'doNotDisturb':
      return 'declined';
    case 'unavailable':
    case 'employeeUnavailable':
    case 'doesNotExist':
    case 'offSchedule':
      return 'unavailable';
    case 'pickedUp':
    case 'callerHungUp':
      return 'elsewhere';
    default:
      return 'failed';
  }
}
