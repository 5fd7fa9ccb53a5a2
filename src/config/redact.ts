import type { PbxDocument } from './document.ts';

/** What is shown instead. */
const HIDDEN = '[secret]';

/** Keys of the configuration format whose values open something: accounts, trunks, menus, rooms, the events' signature. */
const secretKeys: ReadonlySet<string> = new Set(['password', 'ha1', 'pin', 'voicemailPin', 'key', 'salt']);

/** Keys whose values are addresses that may hold a password or a key: user part and query are hidden. */
const addressKeys: ReadonlySet<string> = new Set(['url', 'smtp']);

/** A PBX's document without its secrets. Empty ones stay, because they are none. */
export const redacted = (document: PbxDocument): Record<string, unknown> =>
  redactedObject(document as unknown as Readonly<Record<string, unknown>>);

const redactedObject = (object: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, redactedValue(key, value)]));

function redactedValue(key: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => redactedValue(key, item));
  if (typeof value === 'object' && value !== null) return redactedObject(value as Readonly<Record<string, unknown>>);
  if (typeof value !== 'string' || value === '') return value;
  if (secretKeys.has(key)) return HIDDEN;
  return addressKeys.has(key) ? redactedAddress(value) : value;
}

function redactedAddress(address: string): string {
  const url = URL.parse(address);
  if (!url) return HIDDEN;
  if (url.username !== '' || url.password !== '') {
    url.username = '***';
    url.password = '';
  }
  if (url.search !== '') url.search = '?***';
  return url.href;
}
