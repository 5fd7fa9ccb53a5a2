import { type Headers, headerKey, printHostPort } from '../message/index.ts';
import { type LocalEnd, uriTransport } from '../transport/index.ts';

/** What an application may not set: the way of a message, what identifies it, and its length. */
const OURS = [
  'via',
  'route',
  'record-route',
  'rseq',
  'content-length',
  'max-forwards',
  'cseq',
  'call-id',
  'from',
  'to',
];
const OURS_ALWAYS = new Set(OURS);
/** A CANCEL is a copy of its INVITE in everything but what says why. */
const OURS_IN_CANCEL = new Set([...OURS, 'contact', 'p-asserted-identity', 'content-type']);
const ADDRESSES = new Set(['contact', 'p-asserted-identity']);

/** Adds the application's headers to a message that leaves from `local`, except those that are ours to set. */
export function addAppHeaders(to: Headers, from: Headers, local: LocalEnd): void {
  for (const [name, value] of from.entries()) {
    const key = headerKey(name);
    if (OURS_ALWAYS.has(key)) continue;
    to.append(name, ADDRESSES.has(key) ? withoutLocalhost(withBrackets(value), local) : value);
  }
}

/** The application's headers that a CANCEL may bear: Reason and the like. */
export const cancelHeaders = (draft: Headers): [name: string, value: string][] =>
  [...draft.entries()].filter(([name]) => !OURS_IN_CANCEL.has(headerKey(name)));

/** An application that does not know our addresses writes `user@localhost` for them. */
export const withoutLocalhost = (value: string, { host, port }: LocalEnd): string =>
  value.includes('@localhost')
    ? value.replace(/@localhost(?::\d+)?(?![\w.-])/g, `@${printHostPort(host, port)}`)
    : value;

/** Many a peer reads only the form with brackets. */
function withBrackets(value: string): string {
  if (value.includes('<') || value === '*') return value;
  const semicolon = value.indexOf(';');
  const end = semicolon < 0 ? value.length : semicolon;
  return `<${value.slice(0, end).trim()}>${value.slice(end)}`;
}

/**
 * `<sip:192.0.2.1:5060;transport=tcp>`: how the peer reaches us. `sips` only where the peer has begun with it: many phones that speak TLS do not know the scheme
 * (RFC 5630 §4).
 */
export function ownContact({ protocol, host, port }: LocalEnd, secure = false): string {
  const transport = protocol === 'udp' || (secure && protocol === 'tls') ? '' : `;transport=${uriTransport(protocol)}`;
  return `<${secure ? 'sips' : 'sip'}:${printHostPort(host, port)}${transport}>`;
}

/**
 * An SDP body needs no label; any other body must say what it is.
 * @returns false when it does not
 */
export function labelBody(headers: Headers, body: Buffer): boolean {
  if (body.length === 0 || headers.has('Content-Type')) return true;
  if (!body.subarray(0, 3).equals(SDP_START)) return false;
  headers.append('Content-Type', 'application/sdp');
  return true;
}

const SDP_START = Buffer.from('v=0');
