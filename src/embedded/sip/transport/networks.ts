import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

export type Family = 4 | 6;

/** @throws RangeError when it is no numeric address */
export function familyOf(address: string): Family {
  const family = isIP(address);
  if (family === 0) throw new RangeError(`not an IP address: ${address}`);
  return family as Family;
}

export const isWildcard = (address: string): boolean => address === '0.0.0.0' || address === '::';
export const isLoopback = (address: string): boolean => inList(LOOPBACK, address);

/** Networks whose addresses mean nothing outside: RFC 1918, RFC 4193, link-local. */
export const isPrivate = (address: string): boolean => inList(PRIVATE, address);

/** How many leading bits two addresses of one family share. */
export function commonPrefix(a: string, b: string): number {
  const left = bytesOf(a);
  const right = bytesOf(b);
  for (let at = 0; at < left.length; at++) {
    const difference = (left[at] as number) ^ (right[at] as number);
    if (difference !== 0) return at * 8 + Math.clz32(difference) - 24;
  }
  return left.length * 8;
}

/** The addresses of this machine. */
export const machineAddresses = (): string[] =>
  Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => address));

/** The address, of those given, from which the machine would most likely reach `destination`. */
export function closestAddress(addresses: readonly string[], destination: string): string | undefined {
  const family = familyOf(destination);
  const loopback = isLoopback(destination);
  let best: string | undefined;
  let bestBits = -1;
  for (const address of addresses) {
    if (familyOf(address) !== family || isLoopback(address) !== loopback) continue;
    const bits = commonPrefix(address, destination);
    if (bits > bestBits) [best, bestBits] = [address, bits];
  }
  return best;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

const PRIVATE = new BlockList();
PRIVATE.addSubnet('10.0.0.0', 8, 'ipv4');
PRIVATE.addSubnet('172.16.0.0', 12, 'ipv4');
PRIVATE.addSubnet('192.168.0.0', 16, 'ipv4');
PRIVATE.addSubnet('169.254.0.0', 16, 'ipv4');
PRIVATE.addSubnet('fc00::', 7, 'ipv6');
PRIVATE.addSubnet('fe80::', 10, 'ipv6');

const inList = (list: BlockList, address: string): boolean =>
  list.check(address, familyOf(address) === 4 ? 'ipv4' : 'ipv6');

function bytesOf(address: string): number[] {
  if (familyOf(address) === 4) return address.split('.').map(Number);
  // The URL parser writes an IPv6 address in its shortest hexadecimal form, so only the `::` is left to fill in.
  const text = new URL(`http://[${address.split('%')[0]}]`).hostname.slice(1, -1);
  const [head = '', tail] = text.split('::');
  const words = (part: string) => part.split(':').filter(Boolean);
  const before = words(head);
  const after = words(tail ?? '');
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  return [...before, ...zeros, ...after].flatMap((word) => {
    const value = Number.parseInt(word, 16);
    return [value >> 8, value & 0xff];
  });
}
