/** One letter to be delivered. It is kept until the mail server has taken it, or it is given up (see `Outbox`). */
export interface Letter {
  /** The PBX that it is sent for: its `mail` settings are used. */
  readonly pbx: string;
  /** Ours, unique: a letter that is put twice is sent once. */
  readonly id: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  /**
   * Files as they are in `VAR_DIR` when the letter is sent, by a path below it or an absolute one; `name` is what the reader sees, `type` a MIME type. They belong to the
   * node that puts the letter, and it is the one that sends it.
   */
  readonly attachments?: readonly { readonly path: string; readonly name: string; readonly type: string }[];
  /** What it tells of, for those who want to know when it has gone (`attachAndDelete`). */
  readonly about?: { readonly kind: 'voicemail' | 'recording' | 'fax' | 'missedCall'; readonly id: string };
}

export interface Outbox {
  /** Resolves when the letter is safe: from then on it survives a crash. */
  put(letter: Letter): Promise<void>;
}

export type LetterKind = NonNullable<Letter['about']>['kind'];

/** A letter that the mail server has taken, for one recipient at least. */
export interface SentLetter {
  readonly pbx: string;
  /** Of the letter. */
  readonly id: string;
  readonly about: NonNullable<Letter['about']>;
  readonly to: readonly string[];
  /** Those whom the mail server did not want, or did not take until the letter was too old. */
  readonly refused: readonly { readonly to: string; readonly why: string }[];
  /** Names of attachments that went with no letter: the file was not there, or too large. Who deletes what has been sent keeps these. */
  readonly omitted: readonly string[];
}

/** The letters of an outbox that have gone. */
export interface SentLetters {
  /**
   * The listener is awaited before the letter is forgotten, and called again when it has rejected or the node has died meanwhile: it is to be
   * idempotent. One for each kind. @returns takes it off again
   */
  onSent(kind: LetterKind, listener: (sent: SentLetter) => Promise<void>): () => void;
}

/** One SMS to be delivered. */
export interface TextMessage {
  /** The PBX that it is sent for: its `sms` settings are used. */
  readonly pbx: string;
  /** Ours, unique: a message that is put twice is sent once. */
  readonly id: string;
  /** A phone number in international format, without signs. */
  readonly to: string;
  readonly text: string;
  /** It answers the missed call of a client, and so is bound by what §4.4.2.3 says of such answers. */
  readonly answer?: AnswerLimits;
}

/** How many answers to missed calls there may be (§4.4.2.3). What is withheld is never sent, and counts as nothing. */
export interface AnswerLimits {
  /** The same client gets another answer so long after the last one, milliseconds. */
  readonly notAgainForMs: number;
  /** Of the PBX since its midnight; null: no limit. */
  readonly dailyLimit: number | null;
  /** The last midnight of the PBX, ms since 1970. */
  readonly midnight: number;
}

export interface TextOutbox {
  /** Resolves when the message is safe, as `Outbox.put`, or withheld. */
  putText(message: TextMessage): Promise<void>;
}
