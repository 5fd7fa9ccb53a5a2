import { BlockList, isIP } from 'node:net';
import type { Security } from '../config/document.ts';

/** Tells the country (ISO 3166) of an address; undefined where it is not known. */
export type CountryOf = (address: string) => string | undefined;

/**
 * Whether accounts may register and call from an address: `security.ipAccess` (§4.6.1.3).
 *
 * Without a geo database nobody's country is known, and mode `country` lets in no public address: it fails closed. Addresses of
 * private networks belong to no country and are let in, so an office keeps its phones.
 *
 * @param countryOf undefined: there is no geo database
 */
export function ipAccess(security: Security['ipAccess'], countryOf?: CountryOf): (address: string) => boolean {
  const { mode, list, countries } = security;
  if (mode === 'any') return () => true;
  if (mode === 'list') {
    const ranges = rangesOf(list);
    return (address) => contains(ranges, address);
  }
  return (address) => {
    if (isPrivate(address)) return true;
    const country = countryOf?.(address);
    return country !== undefined && countries.includes(country);
  };
}

/** @param list ranges that the configuration has checked: see `config/ip-range.ts` for their forms */
export function rangesOf(list: readonly string[]): BlockList {
  const ranges = new BlockList();
  for (const text of list) add(ranges, text);
  return ranges;
}

export function contains(ranges: BlockList, address: string): boolean {
  const version = isIP(address);
  return version !== 0 && ranges.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

/** Not on the internet: RFC 1918, RFC 6598 (carrier NAT), loopback, link-local, unique local IPv6. */
export const isPrivate = (address: string): boolean => contains(PRIVATE, address);

function add(ranges: BlockList, text: string): void {
  const [address = '', bits] = text.split('/');
  const version = isIP(address);
  if (version !== 0) {
    const family = version === 4 ? 'ipv4' : 'ipv6';
    if (bits === undefined) ranges.addAddress(address, family);
    else ranges.addSubnet(address, Number(bits), family);
    return;
  }
  // `192.168.1.16-32`, `192.168.*`: the last segment is a range, and the ones that are missing are whole.
  const segments = text.split('.');
  const [from = '', to = ''] = (segments.pop() ?? '').replace('*', '0-255').split(/[-–]/);
  const missing = 3 - segments.length;
  const start = [...segments, from, ...Array<string>(missing).fill('0')];
  const end = [...segments, to, ...Array<string>(missing).fill('255')];
  ranges.addRange(start.join('.'), end.join('.'), 'ipv4');
}

const PRIVATE = rangesOf([
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '::1',
  'fc00::/7',
  'fe80::/10',
]);
