import type { DrachtioRequest } from './drachtio.ts';
import { parseNameAddr, parseUri, SipParseError, splitList } from './message.ts';
import type { HeaderFields, SipTarget } from './port.ts';

/**
 * How the peer reaches us inside a dialog over TLS: `sip:`, unless the peer has begun with `sips:` (RFC 3261 §12.1.1), since many phones that speak TLS do not know that scheme
 * (RFC 5630 §4). drachtio would write `sips:` whatever the peer does, and libre, the SIP of baresip, sends neither ACK nor BYE there. Over all other transports the
 * server's own Contact is right. It puts its address and port of that transport in the place of `localhost`.
 */
const ours: HeaderFields = { Contact: '<sip:kommutator@localhost;transport=tls>' };

/** For our answers to a request that makes a dialog. */
export function contactForAnswer(request: Pick<DrachtioRequest, 'uri' | 'get'>): HeaderFields {
  if (!/^SIP\/2\.0\/TLS\s/i.test(request.get('Via') ?? '')) return {};
  const [nearest = ''] = splitList(request.get('Record-Route') ?? request.get('Contact') ?? '');
  return isSecure(`<${request.uri}>`) || isSecure(nearest) ? {} : ours;
}

/** For a request of ours that makes a dialog. Over the connection of a registered phone the server writes `sip:` itself. */
export function contactForRequest({ uri, nextHop, edge }: SipTarget): HeaderFields {
  if (edge || isSecure(`<${uri}>`)) return {};
  const target = parseUri(uri);
  const transport = nextHop?.protocol ?? (target.kind === 'sip' ? target.params.get('transport') : undefined);
  return transport?.toLowerCase() === 'tls' ? ours : {};
}

function isSecure(nameAddr: string): boolean {
  try {
    const { uri } = parseNameAddr(nameAddr);
    return uri.kind === 'sip' && uri.scheme === 'sips';
  } catch (error) {
    if (error instanceof SipParseError) return false;
    throw error;
  }
}
