import type { PbxVersion } from '../config/version.ts';

/** How something is sent. */
export type Way = 'mail' | 'sms';

/** What is sent, beside whom it goes to. */
export interface Content {
  /** Of a letter. */
  readonly subject?: string;
  readonly text: string;
  readonly attachments?: readonly { readonly path: string; readonly name: string; readonly type: string }[];
  readonly about?: { readonly kind: string; readonly id: string };
}

/** One attempt. */
export interface Consignment {
  readonly pbx: PbxVersion;
  readonly id: string;
  /** Those who have not got it yet, at least one. */
  readonly to: readonly string[];
  readonly content: Content;
  /** The attempt is not wanted any more; it may have come to something all the same. */
  readonly signal: AbortSignal;
}

/** What came of it for one recipient. */
export type Verdict =
  | { readonly state: 'sent' }
  | { readonly state: 'later'; readonly why: string }
  | { readonly state: 'refused'; readonly why: string };

export type Delivery =
  /** By recipient; one who is not named is tried again. */
  | { readonly kind: 'tried'; readonly verdicts: ReadonlyMap<string, Verdict>; readonly omitted?: readonly string[] }
  /** Nothing can be sent by this way for this PBX now, whatever it is: it says nothing of this consignment. */
  | { readonly kind: 'away'; readonly why: string; readonly retryAfterMs?: number };

/** Milliseconds. */
export interface Patience {
  /** The pause after the first attempt that came to nothing; each further one is twice as long. */
  readonly first: number;
  readonly longest: number;
  /** The same, while nothing at all can be sent. */
  readonly longestAway: number;
  /** What could not be delivered for so long is given up. */
  readonly ttl: number;
}

/** Takes things to where they are to go: one for each way. */
export interface Courier {
  readonly patience: Patience;
  /** The settings of the PBX that it works with, as text: with others, what waits is tried at once. Undefined: it has none. */
  settings(pbx: PbxVersion): string | undefined;
  /** Never rejects for what the far end does. */
  deliver(consignment: Consignment): Promise<Delivery>;
}
