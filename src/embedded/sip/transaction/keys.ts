import type { SipRequest, SipResponse } from '../message/message.ts';
import { SipParseError } from '../message/parse-error.ts';
import { MAGIC_COOKIE, parseVia } from '../message/via.ts';
import type { Wire } from './types.ts';

/** Joined, not concatenated: a template would be a rope of pieces of the message, and hold on to all of it for as long as the key lives. */
const key = (...parts: readonly (string | number | boolean | undefined)[]): string => parts.join('|');

/**
 * What a request from the network has in common with its repeats, RFC 3261 §17.2.3. An ACK has the key of its INVITE.
 * @param method to look for another than the request's: that of the INVITE which a CANCEL means
 */
export function serverKey(request: SipRequest, method: string = request.method): string {
  const { via } = request;
  const branch = via.params.get('branch') ?? '';
  const kind = method === 'ACK' ? 'INVITE' : method;
  const sender = [via.host.toLowerCase(), via.port];
  // A cookie with nothing after it identifies as little as no branch (RFC 4475 §3.2.1).
  if (branch.startsWith(MAGIC_COOKIE) && branch.length > MAGIC_COOKIE.length) return key(branch, ...sender, kind);
  // RFC 2543. The To tag is left out for INVITE: the tag of the ACK is the one that our response gave.
  const toTag = kind === 'INVITE' ? '' : (request.to.params.get('tag') ?? '');
  const fromTag = request.from.params.get('tag') ?? '';
  return key(request.uri, toTag, fromTag, request.callId, request.cseq.number, branch, ...sender, kind);
}

/** What the copies have in common that a fork further up makes of one request, RFC 3261 §8.2.2.2. */
export const mergeKey = (request: SipRequest): string =>
  key(request.from.params.get('tag'), request.callId, request.cseq.number, request.method);

/** RFC 3261 §17.1.3: branch and method; a CANCEL has the branch of its INVITE. */
export const clientKey = (message: SipRequest | SipResponse): string =>
  key(message.via.params.get('branch'), message.cseq.method);

/** Whether a request carries a Via of ours: it left here as one and came back. */
export const passedThrough = (request: SipRequest, wire: Pick<Wire, 'isOwn'>): boolean =>
  request.headers.all('Via').some((text) => {
    try {
      return wire.isOwn(parseVia(text));
    } catch (error) {
      // Only the top Via has been checked; what cannot be read below it is not ours.
      if (error instanceof SipParseError) return false;
      throw error;
    }
  });
