import type { VoiceMessage } from './message.ts';

/** What the mailboxes are asked for, and what they answer: the words that the store, the API and its clients share. */

/** A message as it is kept. Moments are ISO 8601. */
export interface StoredMessage
  extends Pick<
    VoiceMessage,
    | 'id'
    | 'pbx'
    | 'call'
    | 'employee'
    | 'at'
    | 'from'
    | 'fromName'
    | 'line'
    | 'ms'
    | 'ended'
    | 'delivery'
    | 'to'
    | 'node'
  > {
  /** When it was heard, or marked so; null: it is new. */
  readonly readAt: string | null;
  /** When its letter had gone; null: it has not, or there is none. */
  readonly mailedAt: string | null;
}

/** Which messages. What is given must hold; of mailboxes, one. */
export interface VoicemailFilter {
  /** Ids of employees; null: the PBX's own. */
  readonly mailbox?: readonly (string | null)[];
  readonly unread?: boolean;
  /** Left at or after `since` and before `until`. */
  readonly since?: Date;
  readonly until?: Date;
}

export interface VoicemailPage {
  /** The latest first. */
  readonly items: readonly StoredMessage[];
  /** For the page after this one; null after the last. Stays valid while messages are added. */
  readonly next: string | null;
}

/** What a phone shows of a mailbox (RFC 3842 §3.5). */
export interface MessageCounts {
  readonly new: number;
  readonly old: number;
}

export interface MailboxCounts extends MessageCounts {
  /** Null: the PBX's own. */
  readonly employee: string | null;
}
