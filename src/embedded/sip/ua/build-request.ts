import type { Clock } from '../../../time/clock.ts';
import type { Random } from '../../../time/random.ts';
import {
  type Headers,
  headerKey,
  parseNameAddr,
  printHostPort,
  printNameAddr,
  SipParseError,
  SipRequest,
} from '../message/index.ts';
import type { LocalEnd } from '../transport/index.ts';
import { addAppHeaders, ownContact, withoutLocalhost } from './app-headers.ts';
import { RefusalError } from './refusal.ts';

/** Requests that make a dialog need an address at which we are reached in it. */
const WITH_CONTACT = new Set(['INVITE', 'SUBSCRIBE']);

/**
 * A new request from what an application drafted. What the draft lacks is made up: a Contact that leads here, From the same, To
 * the Request-URI, a fresh Call-ID and tag. Those that it has are kept, since an answer to a challenge must repeat them.
 * @throws RefusalError `invalid-from`
 */
export function buildRequest(draft: SipRequest, local: LocalEnd, clock: Clock, random: Random): SipRequest {
  const { method, uri, headers: given } = draft;
  const request = new SipRequest(method, uri, undefined, draft.body);
  const { headers } = request;
  const contact = ownContact(local, /^sips:/i.test(uri));
  const from = given.get('From') ?? given.get('Contact') ?? contact;
  headers.append(
    'Max-Forwards',
    /^\d{1,3}$/.test(given.get('Max-Forwards') ?? '') ? (given.get('Max-Forwards') ?? '') : '70',
  );
  headers.append('From', address(from, local, random.hex(8)));
  headers.append('To', address(given.get('To') ?? `<${uri}>`, local));
  headers.append('Call-ID', given.get('Call-ID') || random.uuid());
  headers.append('CSeq', `${givenSeq(given) ?? firstSeq(clock)} ${method}`);
  addAppHeaders(headers, given, local);
  if (WITH_CONTACT.has(method) && !headers.has('Contact')) headers.append('Contact', contact);
  return request;
}

/** With brackets, our address for `localhost`, and a tag unless it has one. A bare number is a user of ours. */
function address(text: string, local: LocalEnd, tag?: string): string {
  const bare = /^[\w+*#.-]+$/.test(text) && !text.includes(':') ? `sip:${text.replaceAll('#', '%23')}@localhost` : text;
  const complete = withoutLocalhost(bare, local).replace(
    /(sips?:)localhost(?=[;>\s]|$)/i,
    `$1${printHostPort(local.host, local.port)}`,
  );
  try {
    const parsed = parseNameAddr(complete);
    // The Contact that stands in for a From may have parameters that mean nothing there.
    const params =
      tag === undefined || parsed.params.has('tag')
        ? parsed.params
        : parsed.params.without('expires').without('q').with('tag', tag);
    return printNameAddr({ ...parsed, params });
  } catch (error) {
    if (error instanceof SipParseError) throw new RefusalError('invalid-from', text);
    throw error;
  }
}

function givenSeq(headers: Headers): number | undefined {
  for (const [name, value] of headers.entries()) {
    const number = headerKey(name) === 'cseq' ? Number.parseInt(value, 10) : Number.NaN;
    if (number >= 0 && number < 2 ** 31) return number;
  }
  return undefined;
}

/** Grows with time, so that a restart goes on above what was used before (RFC 3261 §8.1.1.5 leaves the choice open). */
const firstSeq = (clock: Clock): number => Math.floor(clock.now() / 2000) & 0x7ffffff;
