import { networkInterfaces } from 'node:os';
import { parseVia, SipParseError, splitList } from './message.ts';
import { plainAddress, type SipRequest } from './request.ts';

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

/**
 * Whether a request bears a Via of this engine: it left here, and somebody has sent it back (RFC 3261 §16.3 step 4).
 * @param isOwnHost what `ownHosts` makes
 */
export const passedThroughHere =
  (listening: () => readonly string[], isOwnHost: (host: string) => boolean) =>
  ({ headers }: Pick<SipRequest, 'headers'>): boolean =>
    headers
      .all('Via')
      .flatMap(splitList)
      .some((text) => {
        try {
          const { transport, host, port = 5060 } = parseVia(text);
          const ends = listening().filter((end) => end.startsWith(`${transport.toLowerCase()}/`));
          return ends.some((end) => end.endsWith(`:${port}`)) && isOwnHost(plainAddress(host));
        } catch (error) {
          // What cannot be read is not ours: only the top Via, the sender's, has to be readable.
          if (error instanceof SipParseError) return false;
          throw error;
        }
      });

function hostsOf(endpoint: string): string[] {
  const host = plainAddress(/^\w+\/(.*):\d+$/.exec(endpoint)?.[1] ?? '');
  if (host !== '0.0.0.0' && host !== '::') return [host];
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => plainAddress(address)));
}
