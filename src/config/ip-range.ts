import { isIP } from 'node:net';

/**
 * Addresses of §4.6.1.3: `192.168.1.16-32`, `192.168.*`, one address, or a network in CIDR notation, IPv4 or IPv6.
 * @returns what is wrong with it, completing the sentence «"…" …»; undefined if nothing is
 */
export function ipRangeProblem(text: string): string | undefined {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  if (version !== 0 && rest.length === 0) {
    if (bits === undefined) return undefined;
    const width = version === 4 ? 32 : 128;
    return /^\d{1,3}$/.test(bits) && Number(bits) <= width ? undefined : `must end in "/0" to "/${width}"`;
  }
  const segments = text.split('.');
  const last = segments.pop() ?? '';
  const isByte = (value: string | undefined) => value !== undefined && /^\d{1,3}$/.test(value) && Number(value) <= 255;
  if (segments.length >= 1 && segments.length <= 3 && segments.every(isByte)) {
    if (last === '*') return undefined;
    const [from, to, ...more] = last.split(/[-–]/);
    if (more.length === 0 && isByte(from) && isByte(to)) {
      return Number(from) <= Number(to) ? undefined : 'is a range that ends before it starts';
    }
  }
  return 'must be an address or a range of them: "192.168.1.16-32", "192.168.*", "203.0.113.0/24" or "2001:db8::/32"';
}
