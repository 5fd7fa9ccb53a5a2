import type { Logger } from 'pino';
import type { PbxVersion } from '../config/version.ts';

/** Something that a person is to be told about a call, by SMS or e-mail; whoever delivers it makes its text of these facts. */
export interface Notice {
  /** `missedCall`: an employee's assistant has taken over a call that he did not (§4.4.6.1.5). */
  readonly kind: 'missedCall';
  readonly way: 'sms' | 'email';
  /** A phone number in international format, or an e-mail address. */
  readonly to: string;
  readonly pbx: PbxVersion;
  /** The id of the call. */
  readonly call: string;
  readonly employee: { readonly id: string; readonly name: string };
  /** The caller's number, normalised, or his SIP address; empty when hidden. */
  readonly caller: string;
  /** When the call was missed, milliseconds since 1970, and the time zone that its date and time are told in. */
  readonly at: number;
  readonly timezone: string;
}

/** Where the call layer hands over what is to be told. */
export interface Notices {
  /** Takes the notice for delivery and returns at once. Never throws: no call waits for a message, or fails with it. */
  send(notice: Notice): void;
}

/** Delivery is not built yet: says so in the log, once for each way. The notice stands in the call's path. */
export class UndeliveredNotices implements Notices {
  readonly #log: Logger;
  readonly #warned = new Set<Notice['way']>();

  constructor(log: Logger) {
    this.#log = log;
  }

  send({ way, pbx, call }: Notice): void {
    if (this.#warned.has(way)) return;
    this.#warned.add(way);
    this.#log.warn(
      { way, pbx: pbx.id, call },
      'missed calls cannot be told by this way yet; they stand in the history',
    );
  }
}
