import { Params } from './params.ts';
import { SipParseError } from './parse-error.ts';
import { quote, unquote } from './quoted.ts';
import { parseUri, printUri, type Uri } from './uri.ts';

/** `"Name" <uri>;params`: the form of From, To, Contact, Route and others. */
export interface NameAddr {
  /** Without quotes and escapes. */
  readonly displayName: string | undefined;
  readonly uri: Uri;
  /** Of the header, not of the URI: `tag`, `expires`, `q`. */
  readonly params: Params;
}

/**
 * Reads name-addr and addr-spec. Kind to what phones send (a display name that should have quotes, spaces inside the brackets),
 * strict where the end of the URI would be a guess.
 * @throws SipParseError 400
 */
export function parseNameAddr(text: string): NameAddr {
  const less = text.startsWith('"') ? startOfUri(text) : text.indexOf('<');
  if (less < 0) return parseAddrSpec(text);
  const greater = text.indexOf('>', less);
  if (greater < 0) throw new SipParseError(400, 'Missing ">"');
  const display = text.slice(0, less).trim();
  return {
    displayName: display === '' ? undefined : unquote(display),
    uri: parseUri(text.slice(less + 1, greater).trim()),
    params: headerParams(text.slice(greater + 1)),
  };
}

export function printNameAddr({ displayName, uri, params }: Pick<NameAddr, 'uri'> & Partial<NameAddr>): string {
  const name = displayName === undefined ? '' : `${quote(displayName)} `;
  return `${name}<${printUri(uri)}>${params ?? ''}`;
}

/** Without angle brackets everything after a semicolon belongs to the header (RFC 3261 §20.10), and a `?` or comma must not occur (§20). */
function parseAddrSpec(text: string): NameAddr {
  const semicolon = text.indexOf(';');
  const uri = (semicolon < 0 ? text : text.slice(0, semicolon)).trim();
  if (/[?,]/.test(uri)) throw new SipParseError(400, 'URI with "?" or "," needs angle brackets');
  return {
    displayName: undefined,
    uri: parseUri(uri),
    params: semicolon < 0 ? Params.NONE : Params.parse(text.slice(semicolon)),
  };
}

function headerParams(text: string): Params {
  const trimmed = text.trim();
  if (trimmed === '') return Params.NONE;
  if (!trimmed.startsWith(';')) throw new SipParseError(400, 'Text after ">"');
  return Params.parse(trimmed);
}

/** Where the `<` after a quoted display name is. */
function startOfUri(text: string): number {
  for (let at = 1; at < text.length; at++) {
    const char = text[at];
    if (char === '\\') at++;
    else if (char === '"') {
      const less = text.indexOf('<', at);
      if (less < 0 || text.slice(at + 1, less).trim() !== '') break;
      return less;
    }
  }
  throw new SipParseError(400, 'Malformed display name');
}
