/**
 * What the call layer asks of the store of voice messages (§4.6.5.1): to keep one that a caller leaves, and to show an employee his own by phone.
 *
 * Deliberately absent: audio. Whoever records writes the file that the store names, whoever plays gets one.
 */
export interface VoiceMessages {
  /**
   * Makes room for a message before its caller is asked to speak. What is recorded from then on is found again after a crash.
   * @throws UserError `no-room-for-message` when nothing can be written
   */
  begin(facts: MessageFacts): Promise<MessageDraft>;

  /** Both kinds of an employee's messages. Rejects while the database is away. */
  inbox(pbx: string, employee: string): Promise<Inbox>;
  /** He has heard it, or wants it to be kept. Rejects while the database is away. */
  markRead(pbx: string, id: string, read: boolean): Promise<unknown>;
  /** Rejects while the database is away. */
  remove(pbx: string, id: string): Promise<unknown>;
}

/** How messages reach those whom they are for (§4.6.5.1). */
export const deliveries = ['attach', 'notify', 'attachAndDelete', 'storeOnly'] as const;
export type Delivery = (typeof deliveries)[number];

/** What is known of a message before it is spoken, all of it as the configuration of its call says. */
export interface MessageFacts {
  readonly pbx: string;
  /** The id of the call that it was left in. */
  readonly call: string;
  /** Whose it is; null: the PBX's. */
  readonly employee: string | null;
  readonly employeeName: string | null;
  /** The caller's number, normalised, or his SIP address; empty when hidden. */
  readonly from: string;
  readonly fromName: string | null;
  /** Our number that he called. */
  readonly line: string | null;
  /** E-mail addresses; empty: nobody is told. */
  readonly to: readonly string[];
  readonly delivery: Delivery;
  /** For the letter: its language, and the time zone of the moments in it. */
  readonly language: 'ru' | 'en';
  readonly timezone: string;
  /** How long it may be, milliseconds: there must be room for so much. */
  readonly maxMs: number;
}

/** A message that is being spoken. One of the two ends it; neither rejects. */
export interface MessageDraft {
  readonly id: string;
  /** Absolute path of the WAV file, which does not exist yet; its folder does. */
  readonly file: string;
  /**
   * The message is over. `kept`: it is safe, and will be stored and delivered whatever happens. `tooShort`: hardly anything was said, there is no message.
   * `failed`: the disk does not take it now; what is on it is tried again.
   */
  finish(end: MessageEnd): Promise<'kept' | 'tooShort' | 'failed'>;
  /** Not a word was recorded. */
  drop(): Promise<void>;
}

/** Less speech than this is no message (2-call-behaviour §8). */
export const SHORTEST_MESSAGE_MS = 1000;

/** Why a message was over. `interrupted`: the node died, or the rest could not be written. */
export const messageEnds = ['hangup', 'key', 'silence', 'maxDuration', 'interrupted'] as const;

/** The end of a recording. */
export interface MessageEnd {
  readonly ended: (typeof messageEnds)[number];
  /** How much of it was speech, milliseconds; undefined: not known. */
  readonly speechMs: number | undefined;
  /** Why the rest could not be written. */
  readonly error?: string;
}

/** What an employee can listen to, each kind in the order in which it is said. */
export interface Inbox {
  /** Not heard yet. */
  readonly fresh: readonly HeardMessage[];
  readonly saved: readonly HeardMessage[];
}

export interface HeardMessage {
  readonly id: string;
  readonly from: string;
  /** When it was left, milliseconds since 1970. */
  readonly at: number;
  /** Absolute path; undefined: the file is not on this node. */
  readonly file: string | undefined;
}
