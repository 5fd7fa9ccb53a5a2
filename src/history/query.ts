import type { CallDirection, CallOutcome, CallRecord, CallStage } from './record.ts';

/** What the history is asked for, and what it answers: the words that the store, the API and its clients share. */

/** Which calls (§4.5.2.1–4.5.2.3). What is given must hold; of a list, one. */
export interface HistoryFilter {
  /** The call began at or after `since` and before `until`. */
  readonly since?: Date;
  readonly until?: Date;
  readonly direction?: readonly CallDirection[];
  readonly outcome?: readonly CallOutcome[];
  readonly stage?: readonly CallStage[];
  /** Codes of `EndReason`. */
  readonly code?: readonly number[];
  /** A run of digits or characters in the caller's number. */
  readonly from?: string;
  /** … in what was dialled. */
  readonly to?: string;
  /** … in any number of the call: caller, dialled, or of one who was rung. */
  readonly number?: string;
  /** Our numbers, trunks or SIP lines. */
  readonly line?: readonly string[];
  /** Employees who made the call. */
  readonly employee?: readonly string[];
  /** Who took part, as caller, dialled or asked: ids of employees, groups, trunks or rooms, or whole phone numbers. */
  readonly participant?: readonly string[];
  /** Ids of employees or groups that were rung or waited in, and did not answer; `nobody`: the call reached no one (it ended in the menu). */
  readonly missedBy?: readonly string[];
  /** Whether all of several participants (or of those who missed it) are wanted, or any of them. Default any. */
  readonly match?: 'any' | 'all';
}

export interface HistoryPage {
  /** The latest first. */
  readonly items: readonly CallRecord[];
  /** For the page after this one; null after the last. Stays valid while calls are added. */
  readonly next: string | null;
}
