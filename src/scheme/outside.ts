import type { EndReason } from '../end-reason.ts';

/**
 * What the outside did to a running scheme: everything that its machine has not decided itself. With the time of each it is enough to take the call
 * through the same scheme again (`src/replay`). States are those that invoke the effect: `main/workdays:0`.
 *
 * There are no digits of passwords among these, only whether a password was right, and none of what parties press who talk to each other.
 */
export type FromOutside =
  /** The first scheme begins. Those that it sends the call on to begin by themselves. */
  | readonly ['begin']
  | readonly ['digit', digit: string]
  | readonly ['password', right: boolean]
  /** A time is over that the machine has set, of so many milliseconds. */
  | readonly ['timer', ms: number]
  /** An effect has worked (its forward: `forwarded`), or has not. */
  | readonly ['done', state: string]
  | readonly ['failed', state: string, error: string]
  | readonly ['forwarded', state: string, outcome: 'connected' | 'failed' | 'ended', reason: EndReason]
  | readonly ['forwarded', state: string, outcome: 'scheme', reason: EndReason, scheme: string]
  /** In the middle of a forward: the two talk. With whom decides nothing. */
  | readonly ['connected', state: string]
  /** In the middle of a voicemail, or of a forward to an assistant: a message is recorded from now on. */
  | readonly ['recording', state: string]
  /** The calling tone of a fax was heard. */
  | readonly ['fax']
  | readonly ['hangup'];
