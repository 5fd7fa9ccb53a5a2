import { parseNameAddr, reasonPhrase, SipParseError, uriHeaders } from './message.ts';
import { partyOf, tryParseParty } from './party.ts';
import type { HeaderFields, ReferRequest, Replaces } from './port.ts';

/** A NOTIFY inside the dialog. Never rejects. */
type Notify = (fields: HeaderFields, body: string) => Promise<unknown>;

/** No longer than this is a referral watched without news (RFC 3515 §2.4.4), seconds: whoever is rung has answered by then, or not. */
const EXPIRES = 180;

/**
 * Reads a REFER of somebody who talks (RFC 3515, RFC 5589).
 * @throws SipParseError 400
 */
export function parseRefer(
  {
    referTo,
    referredBy,
    cseq,
  }: { readonly referTo: string; readonly referredBy: string | undefined; readonly cseq: number },
  answer: (status: number) => void,
  notify: Notify,
): ReferRequest {
  const target = parseNameAddr(referTo);
  const told = new Told(notify, cseq);
  return {
    referTo: partyOf(target),
    replaces: target.uri.kind === 'sip' ? replacesIn(uriHeaders(target.uri)) : undefined,
    referredBy: tryParseParty(referredBy),
    accept: () => answer(202),
    reject: answer,
    tell: (status) => told.tell(status),
  };
}

/** The subscription that a REFER makes by itself. */
class Told {
  readonly #notify: Notify;
  readonly #event: string;
  /** One NOTIFY after the other: their order is what they say. */
  #last: Promise<unknown> = Promise.resolve();
  #isOver = false;

  constructor(notify: Notify, cseq: number) {
    this.#notify = notify;
    // §2.4.6: which of several in this dialog.
    this.#event = `refer;id=${cseq}`;
  }

  async tell(status: number): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = status >= 200;
    const fields = {
      Event: this.#event,
      'Subscription-State': this.#isOver ? 'terminated;reason=noresource' : `active;expires=${EXPIRES}`,
      'Content-Type': 'message/sipfrag;version=2.0',
    };
    this.#last = this.#last.then(() => this.#notify(fields, `SIP/2.0 ${status} ${reasonPhrase(status)}\r\n`));
    await this.#last;
  }
}

/** @throws SipParseError 400 */
function replacesIn(headers: readonly (readonly [name: string, value: string])[]): Replaces | undefined {
  const value = headers.find(([name]) => name.toLowerCase() === 'replaces')?.[1];
  if (value === undefined) return undefined;
  const [callId = '', ...params] = value.split(';').map((part) => part.trim());
  const of = (name: string) =>
    params.find((param) => param.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1);
  const [toTag, fromTag] = [of('to-tag'), of('from-tag')];
  if (callId === '' || toTag === undefined || fromTag === undefined) throw new SipParseError(400, 'Malformed Replaces');
  return { callId, toTag, fromTag };
}
