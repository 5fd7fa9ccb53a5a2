/** One letter to be delivered. It is kept until the mail server has taken it, or it is given up (see `Outbox`). */
export interface Letter {
  /** The PBX that it is sent for: its `mail` settings are used. */
  readonly pbx: string;
  /** Ours, unique: a letter that is put twice is sent once. */
  readonly id: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  /** Files as they are in `VAR_DIR` when the letter is sent; `name` is what the reader sees, `type` a MIME type. */
  readonly attachments?: readonly { readonly path: string; readonly name: string; readonly type: string }[];
  /** What it tells of, for those who want to know when it has gone (`attachAndDelete`). */
  readonly about?: { readonly kind: 'voicemail' | 'recording' | 'fax' | 'missedCall'; readonly id: string };
}

export interface Outbox {
  /** Resolves when the letter is safe: from then on it survives a crash. */
  put(letter: Letter): Promise<void>;
}
