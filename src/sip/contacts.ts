import type { Binding, NewContact } from '../redis/registrations.ts';
import { contains, rangesOf } from './ip-access.ts';
import {
  type Headers,
  type NameAddr,
  parseNameAddr,
  percentDecode,
  printUri,
  SipParseError,
  type SipUri,
} from './message.ts';
import type { Source } from './port.ts';

export interface ContactRules {
  /** Seconds. What is shorter is refused (423), unless it is an hour or more (RFC 3261 §10.3 step 7). */
  readonly minExpires: number;
  /** Seconds. What is longer is cut. */
  readonly maxExpires: number;
  /** Seconds, for phones that ask for nothing. */
  readonly defaultExpires: number;
}

export const defaultContactRules: ContactRules = { minExpires: 60, maxExpires: 3600, defaultExpires: 600 };

/** What a REGISTER wants. */
export type RegisterContacts =
  | { readonly kind: 'query' }
  | { readonly kind: 'removeAll' }
  | { readonly kind: 'tooBrief'; readonly minExpires: number }
  | { readonly kind: 'bind'; readonly contacts: readonly NewContact[] };

/** More than any phone has; each costs a place in Redis. */
const MAX_CONTACTS = 10;

/**
 * Reads the Contacts of a REGISTER, RFC 3261 §10.3 steps 6 and 7. An expiry that is no number counts as an hour (§20.10).
 * @throws SipParseError 400
 */
export function readContacts(headers: Headers, source: Source, rules: ContactRules): RegisterContacts {
  const values = headers.all('Contact');
  const expires = headers.get('Expires');
  if (values.length === 0) return { kind: 'query' };
  if (values.some((value) => value.trim() === '*')) {
    if (values.length > 1 || expires?.trim() !== '0') throw new SipParseError(400, 'Contact: * needs Expires: 0');
    return { kind: 'removeAll' };
  }
  if (values.length > MAX_CONTACTS) throw new SipParseError(400, 'Too many Contacts');
  const contacts = values.map((value) => readContact(parseNameAddr(value), expires, source, rules));
  const isTooBrief = contacts.some(({ expires: seconds }) => seconds > 0 && seconds < rules.minExpires);
  return isTooBrief ? { kind: 'tooBrief', minExpires: rules.minExpires } : { kind: 'bind', contacts };
}

/** One Contact of the 200: RFC 3261 §10.3 step 8, RFC 5627 and 5626 parameters as they were given. */
export function printContact({ uri, expires, q, instance, regId }: Binding): string {
  const quality = q === 1 ? '' : `;q=${q}`;
  const outbound = `${instance === undefined ? '' : `;+sip.instance="${instance}"`}${regId === undefined ? '' : `;reg-id=${regId}`}`;
  return `<${uri}>;expires=${expires}${quality}${outbound}`;
}

function readContact(
  { uri, params }: NameAddr,
  expiresHeader: string | undefined,
  source: Source,
  rules: ContactRules,
): NewContact {
  if (uri.kind !== 'sip') throw new SipParseError(400, 'Contact that is no SIP URI');
  const instance = instanceOf(params.get('+sip.instance'));
  const regId = regIdOf(params.get('reg-id'));
  const written = printUri({ ...uri, headers: undefined });
  return {
    key: instance !== undefined && regId !== undefined ? `${instance} ${regId}` : uriKey(uri, source),
    uri: written,
    expires: expiresOf(params.get('expires') ?? expiresHeader, rules),
    q: qualityOf(params.get('q')),
    ...(instance !== undefined && { instance }),
    ...(regId !== undefined && { regId }),
  };
}

function expiresOf(value: string | undefined, { maxExpires, defaultExpires }: ContactRules): number {
  if (value === undefined) return defaultExpires;
  const seconds = /^\d+$/.test(value.trim()) ? Number(value) : 3600;
  return Math.min(seconds, maxExpires);
}

/** RFC 3261 §25.1 qvalue; a broken one is as good as none. */
const qualityOf = (value: string | undefined): number =>
  value !== undefined && /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(value) ? Number(value) : 1;

/** RFC 5626 §4.1: a URN in angle brackets and quotes. Kept with its brackets, as it goes back. */
function instanceOf(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (!/^<[\x21\x23-\x3b\x3d\x3f-\x5b\x5d-\x7e]{1,200}>$/.test(value))
    throw new SipParseError(400, 'Malformed +sip.instance');
  return value;
}

function regIdOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new SipParseError(400, 'Malformed reg-id');
  return Number(value);
}

/** Parameters that make two URIs different when only one has them (RFC 3261 §19.1.4). The others do not count here. */
const DECISIVE = ['user', 'ttl', 'method', 'maddr', 'transport'];

/**
 * Two equal URIs (RFC 3261 §19.1.4) give the same text. Two phones in two home networks may well have the same private address: their URIs are
 * told apart by where they came from. Differs from RFC 3261, which would let the second push out the first.
 */
function uriKey(uri: SipUri, source: Source): string {
  const host = uri.host.toLowerCase();
  const params = DECISIVE.filter((name) => uri.params.has(name)).map(
    (name) => `;${name}=${uri.params.get(name)?.toLowerCase()}`,
  );
  const user =
    uri.user === undefined ? '' : `${percentDecode(uri.user)}${uri.password === undefined ? '' : `:${uri.password}`}@`;
  const behind = host !== source.address && contains(HOME_NETWORKS, host) ? ` behind ${source.address}` : '';
  return `${uri.scheme}:${user}${host}${uri.port === undefined ? '' : `:${uri.port}`}${params.join('')}${behind}`.replaceAll(
    '\n',
    '%0A',
  );
}

const HOME_NETWORKS = rangesOf(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10']);
