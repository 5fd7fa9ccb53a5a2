import { networkInterfaces } from 'node:os';
import { plainAddress } from './request.ts';

/**
 * Whether a host in a URI is this engine, said as an address rather than as a domain of a PBX.
 * @param listening as the SIP server says, `udp/192.0.2.1:5060`; asked again each time, since it changes with the connection
 * @param external addresses and names under which we are seen from outside
 */
export function ownHosts(
  listening: () => readonly string[],
  external: readonly string[] = [],
): (host: string) => boolean {
  const fixed = new Set(['localhost', ...external.map(plainAddress)]);
  let known: { readonly of: readonly string[]; readonly hosts: ReadonlySet<string> } | undefined;
  return (host) => {
    const now = listening();
    if (known?.of !== now) known = { of: now, hosts: new Set(now.flatMap(hostsOf)) };
    return fixed.has(host) || known.hosts.has(host);
  };
}

function hostsOf(endpoint: string): string[] {
  const host = plainAddress(/^\w+\/(.*):\d+$/.exec(endpoint)?.[1] ?? '');
  if (host !== '0.0.0.0' && host !== '::') return [host];
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => plainAddress(address)));
}
