import { oneLine } from './header-fields.ts';
import {
  escapeUser,
  type NameAddr,
  parseNameAddr,
  percentDecode,
  quote,
  SipParseError,
  splitList,
  type Uri,
} from './message.ts';
import type { Party } from './port.ts';

/** Reads From, To and the like. @throws SipParseError 400 */
export const parseParty = (value: string): Party => partyOf(parseNameAddr(value));

/** As `parseParty`, for headers that are better ignored than refused. */
export function tryParseParty(value: string | undefined): Party | undefined {
  if (value === undefined) return undefined;
  try {
    return parseParty(value);
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}

/**
 * Who calls by Remote-Party-ID (draft-ietf-sip-privacy-04): what FreeSWITCH and older exchanges say where RFC 3325 has P-Asserted-Identity. What cannot be read is
 * passed over. `hidden`: he does not want to be shown.
 */
export function remoteParty(
  values: readonly string[],
): { readonly party: Party; readonly hidden: boolean } | undefined {
  for (const value of values.flatMap(splitList)) {
    try {
      const parsed = parseNameAddr(value);
      if ((parsed.params.get('party') ?? 'calling').toLowerCase() !== 'calling') continue;
      return { party: partyOf(parsed), hidden: /^(?:full|uri)$/i.test(parsed.params.get('privacy') ?? '') };
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error;
    }
  }
  return undefined;
}

export const partyOf = ({ uri, displayName }: NameAddr): Party => ({ ...partyOfUri(uri), display: displayName ?? '' });

export function partyOfUri(uri: Uri): Party {
  switch (uri.kind) {
    case 'sip':
      return { user: userOf(uri.user), host: uri.host.toLowerCase(), display: '' };
    case 'tel':
      return { user: uri.number.replace(/[().-]/g, ''), host: '', display: '' };
    case 'other':
      return { user: uri.rest, host: '', display: '' };
  }
}

/** Parameters before the `@` (`7495…;phone-context=…`) are no part of the name. */
function userOf(user: string | undefined): string {
  if (user === undefined) return '';
  const semicolon = user.indexOf(';');
  return percentDecode(semicolon > 0 ? user.slice(0, semicolon) : user);
}

/**
 * As a header value: `"Иван \"Ваня\"" <sip:ivanov@acme.example>`. What cannot stand in a quoted string or a URI is escaped or left out.
 * An empty host becomes `localhost`, which the SIP server replaces by its own address.
 */
export function printParty({ user, host, display }: Party): string {
  const name = oneLine(display);
  return `${name === '' ? '' : `${quote(name)} `}<${sipUriOf({ user, host })}>`;
}

/** `sip:user@host`, escaped. @throws RangeError for a host that is none */
export function sipUriOf({ user, host, port }: { user: string; host: string; port?: number }): string {
  // A bare semicolon would begin a parameter of the user part.
  const at = user === '' ? '' : `${escapeUser(user).replaceAll(';', '%3B')}@`;
  return `sip:${at}${hostText(host)}${port === undefined ? '' : `:${port}`}`;
}

/** IPv6 gets its brackets. @throws RangeError for text that is neither a host name nor an address */
export function hostText(host: string): string {
  if (host === '') return 'localhost';
  if (IPV6.test(host)) return `[${host}]`;
  if (!HOST.test(host)) throw new RangeError(`"${oneLine(host)}" is no host name`);
  return host;
}

const HOST = /^[\p{L}\p{N}](?:[\p{L}\p{N}._-]*[\p{L}\p{N}])?\.?$/u;
const IPV6 = /^[0-9A-Fa-f]*:[0-9A-Fa-f:.]*$/;

/** RFC 3323 §4.1.1.3, RFC 3325 §9.3: the caller does not want to be shown. */
export const isAnonymous = (from: Party, privacy: string | undefined): boolean =>
  /^anonymous$/i.test(from.user) || from.host === 'anonymous.invalid' || /\b(?:id|user|header)\b/i.test(privacy ?? '');
