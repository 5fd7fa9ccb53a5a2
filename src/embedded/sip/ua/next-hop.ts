import { isIP } from 'node:net';
import { parseNameAddr, parseUri, SipParseError, type SipUri, type Uri } from '../message/index.ts';
import { defaultPort, type Hop, isPrivate, isReliable, type Source } from '../transport/index.ts';
import type { Core } from './core.ts';
import type { Dialog } from './dialog.ts';
import type { DialogState } from './dialog-state.ts';

/**
 * The hop that requests of a dialog take instead of the one that the route set names: the connection by which the peer came, or
 * the public side of a NAT, when the peer says an address that it was not seen at.
 * @param role `uac` if the dialog was begun by us; the peer's 2xx came from `source`, otherwise its INVITE
 */
export function seenAt(state: DialogState, source: Source, role: 'uac' | 'uas'): Hop | undefined {
  const firstRoute = state.routes[0];
  if (firstRoute !== undefined) {
    const route = sipUriOf(() => parseNameAddr(firstRoute).uri);
    const hidden = role === 'uac' && route !== undefined && isIP(route.host) !== 0 && isPrivate(route.host);
    return hidden && route.host !== source.address && !isPrivate(source.address) ? source : undefined;
  }
  if (isReliable(source.protocol)) return source;
  const target = sipUriOf(() => parseUri(state.target));
  if (!target) return undefined;
  // A target of another protocol wants to be reached by that: the datagram's source port says nothing about it.
  if ((target.params.get('transport') ?? 'udp').toLowerCase() !== 'udp') return undefined;
  const moved = target.host !== source.address;
  const otherPort = (target.port ?? defaultPort('udp')) !== source.port;
  return moved || (role === 'uas' && otherPort) ? source : undefined;
}

/** Where a request inside a dialog goes, in the order to try. @throws TransportError (the promise rejects) */
export async function hopsOf(core: Core, dialog: Dialog): Promise<Hop[]> {
  if (dialog.via) return [dialog.via];
  const uri = dialog.state.firstHop();
  const flow = dialog.state.routes.length === 0 ? core.flows.find(uri) : undefined;
  return flow ? [flow] : core.ways.resolve(uri);
}

function sipUriOf(parse: () => Uri): SipUri | undefined {
  try {
    const uri = parse();
    return uri.kind === 'sip' ? uri : undefined;
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}
