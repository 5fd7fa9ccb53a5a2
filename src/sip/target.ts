import { isIP } from 'node:net';
import type { Binding } from '../redis/registrations.ts';
import { parseUri, printUri } from './message.ts';
import { hostText, sipUriOf } from './party.ts';
import type { SipTarget, Transport } from './port.ts';

/**
 * How to call a registered phone. The Contact is trusted for where it is, unless it cannot be reached there: behind NAT (its host is not where the
 * REGISTER came from) it is called where it was seen, over a connection (TCP, TLS, WebSocket) always by that very connection.
 * The server that it has registered at goes along, for the choice of the way out.
 * A Path (RFC 3327) wins over all of these; only its first URI is followed, since the SIP server adds Routes by itself alone.
 */
export function contactTarget({
  uri,
  path,
  receivedFrom,
  server,
}: Pick<Binding, 'uri' | 'path' | 'receivedFrom' | 'server'>): SipTarget {
  const [proxy] = path;
  if (proxy !== undefined) {
    const hop = hopOf(proxy);
    if (hop) return { uri, nextHop: hop };
  }
  const parsed = parseUri(uri);
  const isThere =
    receivedFrom.protocol === 'udp' && parsed.kind === 'sip' && parsed.host.toLowerCase() === receivedFrom.address;
  const held = receivedFrom.protocol === 'udp' ? 'near' : 'held';
  const edge = server === undefined ? {} : { edge: { server, reach: isThere ? 'open' : held } as const };
  return isThere ? { uri, ...edge } : { uri, nextHop: receivedFrom, ...edge };
}

/** A peer by its address: a trunk, another PBX. */
export function peerTarget(peer: { user: string; host: string; port?: number; transport?: Transport }): SipTarget {
  const { transport } = peer;
  return { uri: `${sipUriOf(peer)}${transport === undefined ? '' : `;transport=${transport}`}` };
}

/** A Request-URI from outside (a Contact, the configuration), safe to be written into a request line. @throws SipParseError */
export const targetUri = (uri: string): string => {
  const parsed = parseUri(uri);
  // RFC 3261 §19.1.5: headers of a URI are not for the Request-URI.
  return printUri(parsed.kind === 'sip' ? { ...parsed, headers: undefined } : parsed);
};

/** As drachtio takes a next hop. @throws RangeError for an address that is none */
export function hopUri({ address, port, protocol }: { address: string; port: number; protocol: string }): string {
  return `sip:${hostText(address)}:${port};transport=${protocol}`;
}

function hopOf(path: string): SipTarget['nextHop'] {
  const uri = parseUri(/<([^>]*)>/.exec(path)?.[1] ?? path);
  if (uri.kind !== 'sip' || !isIP(uri.host)) return undefined;
  const protocol = TRANSPORTS.find((known) => known === uri.params.get('transport')?.toLowerCase()) ?? 'udp';
  return { protocol, address: uri.host, port: uri.port ?? (protocol === 'tls' ? 5061 : 5060) };
}

const TRANSPORTS: readonly Transport[] = ['udp', 'tcp', 'tls', 'ws', 'wss'];
