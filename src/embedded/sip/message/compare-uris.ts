import type { Params } from './params.ts';
import { type SipUri, type Uri, uriHeaders } from './uri.ts';

/** Parameters that must stand in both URIs or in neither (RFC 3261 §19.1.4). */
const DECISIVE = ['user', 'ttl', 'method', 'maddr', 'transport'];

/**
 * Whether two URIs mean the same, RFC 3261 §19.1.4. Not transitive: a parameter unknown to the rules counts only if both have it.
 * Other schemes are the same when they are written the same.
 */
export function sameUri(a: Uri, b: Uri): boolean {
  if (a.kind === 'sip' && b.kind === 'sip') return sameSipUri(a, b);
  if (a.kind === 'tel' && b.kind === 'tel') {
    return digits(a.number) === digits(b.number) && sameParams(a.params, b.params, ['phone-context', 'ext']);
  }
  return a.kind === 'other' && b.kind === 'other' && a.scheme === b.scheme && a.rest === b.rest;
}

function sameSipUri(a: SipUri, b: SipUri): boolean {
  return (
    a.scheme === b.scheme &&
    sameText(a.user, b.user) &&
    sameText(a.password, b.password) &&
    a.host.toLowerCase() === b.host.toLowerCase() &&
    a.port === b.port &&
    sameParams(a.params, b.params, DECISIVE) &&
    sameHeaders(a, b)
  );
}

function sameParams(a: Params, b: Params, decisive: readonly string[]): boolean {
  if (a.size === 0 && b.size === 0) return true;
  for (const name of decisive) if (a.has(name) !== b.has(name)) return false;
  for (const [name, value] of a.entries()) {
    const other = b.get(name);
    if (other !== undefined && normal(value).toLowerCase() !== normal(other).toLowerCase()) return false;
  }
  return true;
}

function sameHeaders(a: SipUri, b: SipUri): boolean {
  if (a.headers === undefined && b.headers === undefined) return true;
  const sorted = (uri: SipUri) =>
    uriHeaders(uri)
      .map(([name, value]) => `${name.toLowerCase()}=${value}`)
      .sort()
      .join('&');
  return sorted(a) === sorted(b);
}

const sameText = (a: string | undefined, b: string | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && normal(a) === normal(b));

/** An escape equals its character, but not for characters that separate (the reserved set): `%3B` is not `;`. */
function normal(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/%([0-9a-fA-F]{2})/g, (escaped, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    return /[\w\-.!~*'()]/.test(char) ? char : escaped.toUpperCase();
  });
}

/** RFC 3966 §5: visual separators do not matter. */
const digits = (number: string): string => number.replace(/[().-]/g, '').toLowerCase();
