import type { PbxVersion } from '../config/version.ts';

/** Something that a person is to be told about a call, by SMS or e-mail; whoever delivers it makes its text of these facts. */
export type Notice = MissedCallNotice | LostCallNotice;

interface NoticeFacts {
  /** A phone number in international format, or an e-mail address. */
  readonly to: string;
  readonly pbx: PbxVersion;
  /** The id of the call. */
  readonly call: string;
  /** When the call was missed, milliseconds since 1970. */
  readonly at: number;
}

/** An employee's assistant has taken over a call that he did not (§4.4.6.1.5). */
export interface MissedCallNotice extends NoticeFacts {
  readonly kind: 'missedCall';
  readonly way: 'sms' | 'email';
  readonly employee: { readonly id: string; readonly name: string };
  /** The caller's number, normalised, or his SIP address; empty when hidden. */
  readonly caller: string;
  /** The time zone that date and time are told in. */
  readonly timezone: string;
}

/** A client was lost in the voice menu, and is answered (§4.4.2.3). */
export interface LostCallNotice extends NoticeFacts {
  readonly kind: 'lostInMenu';
  readonly way: 'sms';
}

/** Where the call layer hands over what is to be told. */
export interface Notices {
  /** Takes the notice for delivery and returns at once. Never throws: no call waits for a message, or fails with it. */
  send(notice: Notice): void;
}
