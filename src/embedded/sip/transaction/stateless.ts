import type { Random } from '../../../time/random.ts';
import type { SipRequest, SipResponse } from '../message/message.ts';
import { responseTo } from '../message/response-to.ts';

/**
 * Answers for which nothing is remembered: to malformed requests, merged ones, and when there is no room. A repeat gets the same
 * To tag (RFC 3261 §8.2.7), and the ACK of such an answer is recognised by it.
 */
export class StatelessAnswers {
  readonly #mark: string;

  constructor(random: Random) {
    this.#mark = `s${random.hex(4)}-`;
  }

  response(
    request: SipRequest,
    status: number,
    reason?: string,
    headers: Iterable<readonly [name: string, value: string]> = [],
  ): SipResponse {
    const identity = `${request.headers.get('Via')}|${request.headers.get('Call-ID')}|${request.headers.get('CSeq')}`;
    return responseTo(request, status, {
      toTag: this.#mark + fnv1a(identity),
      headers,
      ...(reason === undefined ? {} : { reason }),
    });
  }

  /** Whether an ACK belongs to an answer of ours that is forgotten. */
  isAckOfOurs(ack: SipRequest): boolean {
    return ack.to.params.get('tag')?.startsWith(this.#mark) ?? false;
  }
}

/** Spreads well enough for a tag, and needs no secret: the mark is the part that must not be guessed. */
function fnv1a(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(16);
}
