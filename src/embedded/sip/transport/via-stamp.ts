import type { SipRequest } from '../message/message.ts';
import { printVia, type Via } from '../message/via.ts';
import { defaultPort, type Hop, type Protocol, type Source } from './types.ts';

/**
 * Notes in the top Via of a received request where it really came from: `received` when the sender's idea of its address is
 * another (RFC 3261 §18.2.1), `rport` always. Differs from RFC 3581 §4, which fills rport only when it is asked for: phones
 * behind NAT that do not ask get their answers too. What the sender wrote there itself is overwritten.
 */
export function stampVia(request: SipRequest, source: Source): void {
  const { via } = request;
  let params = via.params.with('rport', String(source.port));
  params = via.host === source.address ? params.without('received') : params.with('received', source.address);
  request.headers.replaceFirst('Via', printVia({ ...via, params }));
}

/**
 * Where a response goes by its top Via alone, RFC 3261 §18.2.2 and RFC 3581 §4. A `maddr` is not followed: it would let
 * anyone aim our answers at third parties.
 */
export function hopOfVia(via: Via, protocol: Protocol): Hop {
  const address = via.params.get('received') || via.host;
  const rport = Number(via.params.get('rport'));
  // A stream is opened anew to the port where the peer listens; rport was that of the connection that is gone.
  const port = protocol === 'udp' && rport > 0 ? rport : (via.port ?? defaultPort(protocol));
  return { protocol, address, port };
}
