import { ALLOW, optionsAnswer, SUPPORTED } from './capabilities.ts';
import { parseNameAddr, SipParseError } from './message.ts';
import type { SipRequest, SipResponse } from './request.ts';
import { badEvent, isKnownEvent } from './subscriptions.ts';

/**
 * The answer to a request that needs no identity: everything but a REGISTER, an INVITE and a SUBSCRIBE that are in order, for which it is undefined
 * (RFC 3261 §8.2, in its order).
 */
export function answerWithoutIdentity(request: SipRequest): SipResponse | undefined {
  // Of a reliable response that the library has matched already (RFC 3262 §3).
  if (request.method === 'PRACK') return { status: 200 };
  // A request for a dialog that we do not have, or not any more (§12.2.2).
  if (request.toTag !== undefined) return { status: 481 };
  switch (request.method) {
    case 'INVITE':
      return unsupported(request, ['100rel']) ?? withoutContact(request);
    case 'REGISTER':
      return unsupported(request, ['path']);
    case 'OPTIONS':
      return unsupported(request, SUPPORTED) ?? { status: 200, headers: optionsAnswer };
    case 'SUBSCRIBE':
      // RFC 6665 §4.2.1.3
      return isKnownEvent(request.headers.get('Event'))
        ? (unsupported(request, []) ?? withoutContact(request))
        : badEvent;
    case 'PUBLISH':
      // RFC 3903 §6: there is nothing that phones could tell us.
      return badEvent;
    case 'NOTIFY':
    case 'BYE':
    case 'UPDATE':
    case 'INFO':
      return { status: 481 };
    default:
      return { status: 405, headers: { Allow: ALLOW } };
  }
}

/** §8.2.2.3 */
function unsupported({ headers }: SipRequest, known: readonly string[]): SipResponse | undefined {
  const unknown = headers.all('Require').filter((tag) => !known.includes(tag.toLowerCase()));
  return unknown.length > 0 ? { status: 420, headers: { Unsupported: unknown.join(', ') } } : undefined;
}

/** Without a Contact there is nowhere to send a BYE (§8.1.1.8). */
function withoutContact({ headers }: SipRequest): SipResponse | undefined {
  const contacts = headers.all('Contact');
  try {
    const [only, ...others] = contacts.map(parseNameAddr);
    if (only && others.length === 0 && only.uri.kind === 'sip') return undefined;
  } catch (error) {
    if (!(error instanceof SipParseError)) throw error;
  }
  return { status: 400, reason: contacts.length === 0 ? 'Missing Contact' : 'Bad Contact' };
}
