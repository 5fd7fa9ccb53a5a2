import { percentDecode } from './escapes.ts';
import { parseHostPort, printHostPort } from './host-port.ts';
import { Params } from './params.ts';
import { SipParseError } from './parse-error.ts';

/** A SIP or SIPS URI, RFC 3261 §19.1. Text is kept escaped; use `percentDecode` for what people read. */
export interface SipUri {
  readonly kind: 'sip';
  readonly scheme: 'sip' | 'sips';
  /** Escaped, with the user parameters that may precede the `@`; `undefined` when there is no `@`. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** IPv6 without brackets. */
  readonly host: string;
  readonly port: number | undefined;
  readonly params: Params;
  /** What follows the `?`, escaped: see `uriHeaders`. */
  readonly headers: string | undefined;
}

/** RFC 3966: `tel:+7-495-123-45-67;ext=12`. */
export interface TelUri {
  readonly kind: 'tel';
  readonly scheme: 'tel';
  /** As written, visual separators included. */
  readonly number: string;
  readonly params: Params;
}

/** Any other absolute URI: `urn:service:sos`, `http://…`. */
export interface OtherUri {
  readonly kind: 'other';
  /** Lower case. */
  readonly scheme: string;
  readonly rest: string;
}

export type Uri = SipUri | TelUri | OtherUri;

/** @throws SipParseError 400 */
export function parseUri(text: string): Uri {
  const colon = text.indexOf(':');
  const scheme = text.slice(0, Math.max(0, colon));
  if (FORBIDDEN.test(text)) throw new SipParseError(400, 'Malformed URI');
  if (scheme === 'sip' || scheme === 'sips') return parseSipRest(scheme, text.slice(colon + 1));
  if (!/^[a-zA-Z][\w+.-]*$/.test(scheme)) throw new SipParseError(400, 'URI without a scheme');
  const lower = scheme.toLowerCase();
  const rest = text.slice(colon + 1);
  if (lower === 'sip' || lower === 'sips') return parseSipRest(lower, rest);
  if (lower === 'tel') return parseTelRest(rest);
  return { kind: 'other', scheme: lower, rest };
}

/** @throws SipParseError 416 when the scheme is another than sip and sips, 400 when it is malformed */
export function parseSipUri(text: string): SipUri {
  const uri = parseUri(text);
  if (uri.kind !== 'sip') throw new SipParseError(416, 'Unsupported URI Scheme');
  return uri;
}

/** A SIP URI from its parts; all but the host may be left out. `user` must be escaped already. */
export const sipUri = (parts: Pick<SipUri, 'host'> & Partial<SipUri>): SipUri => ({
  kind: 'sip',
  scheme: 'sip',
  user: undefined,
  password: undefined,
  port: undefined,
  params: Params.NONE,
  headers: undefined,
  ...parts,
});

export function printUri(uri: Uri): string {
  if (uri.kind === 'other') return `${uri.scheme}:${uri.rest}`;
  if (uri.kind === 'tel') return `tel:${uri.number}${uri.params}`;
  const password = uri.password === undefined ? '' : `:${uri.password}`;
  const user = uri.user === undefined ? '' : `${uri.user}${password}@`;
  const headers = uri.headers === undefined ? '' : `?${uri.headers}`;
  return `${uri.scheme}:${user}${printHostPort(uri.host, uri.port)}${uri.params}${headers}`;
}

/** The header part of a URI, unescaped: `?Replaces=a%40b&Subject=x` gives two pairs. */
export function uriHeaders(uri: SipUri): [name: string, value: string][] {
  if (!uri.headers) return [];
  return uri.headers.split('&').map((pair) => {
    const equals = pair.indexOf('=');
    return equals < 0
      ? [percentDecode(pair), '']
      : [percentDecode(pair.slice(0, equals)), percentDecode(pair.slice(equals + 1))];
  });
}

function parseSipRest(scheme: 'sip' | 'sips', rest: string): SipUri {
  const at = rest.indexOf('@');
  let user: string | undefined;
  let password: string | undefined;
  if (at >= 0) {
    const colon = rest.lastIndexOf(':', at);
    user = rest.slice(0, colon < 0 ? at : rest.indexOf(':'));
    if (colon >= 0) password = rest.slice(rest.indexOf(':') + 1, at);
    if (user === '') throw new SipParseError(400, 'URI with an empty user');
  }
  const start = at + 1;
  const semicolon = rest.indexOf(';', start);
  const question = rest.indexOf('?', start);
  const headersAt = question < 0 ? rest.length : question;
  const paramsAt = semicolon < 0 || semicolon > headersAt ? headersAt : semicolon;
  const { host, port } = parseHostPort(rest.slice(start, paramsAt));
  const params = paramsAt === headersAt ? Params.NONE : Params.parse(rest.slice(paramsAt, headersAt));
  const headers = question < 0 ? undefined : rest.slice(question + 1);
  return { kind: 'sip', scheme, user, password, host, port, params, headers };
}

function parseTelRest(rest: string): TelUri {
  const semicolon = rest.indexOf(';');
  const number = semicolon < 0 ? rest : rest.slice(0, semicolon);
  if (!/^\+?[0-9a-fA-F*#().-]+$/.test(number)) throw new SipParseError(400, 'Malformed telephone number');
  return {
    kind: 'tel',
    scheme: 'tel',
    number,
    params: semicolon < 0 ? Params.NONE : Params.parse(rest.slice(semicolon)),
  };
}

/** White space, control characters, quotes and angle brackets never stand in a URI; they would end it elsewhere. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const FORBIDDEN = /[\x00-\x20\x7f<>"]/;
