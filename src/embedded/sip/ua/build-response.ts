import type { SipResponse } from '../message/index.ts';
import { type Headers, headerKey, responseTo } from '../message/index.ts';
import type { LocalEnd } from '../transport/index.ts';
import { addAppHeaders, labelBody, ownContact } from './app-headers.ts';
import type { IncomingRequest } from './incoming.ts';
import { acceptSession, refreshesSession } from './session-timer.ts';

/** Methods whose 2xx, and for INVITE 1xx, make a dialog and so copy the Record-Route (RFC 3261 §12.1.1). */
const MAKES_DIALOG = ['INVITE', 'SUBSCRIBE'];
/** Inside a dialog: methods whose 2xx refresh the target, and therefore say where we are. */
const REFRESHES = ['INVITE', 'SUBSCRIBE', 'UPDATE'];

/**
 * The response that an application drafted, complete: with what is copied from the request, our tag, our Contact where one is due.
 * The application may choose the tag in the To of its first response.
 */
export function buildResponse(
  incoming: IncomingRequest,
  draft: SipResponse,
  local: LocalEnd,
  reliable: boolean,
): SipResponse {
  const { request } = incoming.tx;
  incoming.toTag ??= wishedTag(draft.headers) ?? incoming.tx.toTag;
  const response = responseTo(request, draft.status, {
    ...(draft.reason !== '' && { reason: draft.reason }),
    toTag: incoming.toTag,
    body: draft.body,
  });
  const { headers, status } = response;
  if (!incoming.inside && MAKES_DIALOG.includes(request.method) && status > 100 && status < 300) {
    for (const route of request.headers.all('Record-Route')) headers.append('Record-Route', route);
  }
  addAppHeaders(headers, draft.headers, local);
  if (status >= 200 && status < 300 && refreshesSession(request.method)) acceptSession(request, response);
  if (!headers.has('Contact') && needsContact(incoming, status, reliable)) {
    headers.append('Contact', incoming.dialog?.state.contact || ownContact(local, isSecure(request.uri)));
  }
  labelBody(headers, response.body);
  return response;
}

function needsContact({ inside, tx }: IncomingRequest, status: number, reliable: boolean): boolean {
  const { method } = tx.request;
  if (status >= 200 && status < 300) return inside ? REFRESHES.includes(method) : MAKES_DIALOG.includes(method);
  return method === 'INVITE' && status < 200 && (reliable || inside);
}

/** Tags are tokens; whatever else stands there is no tag. */
function wishedTag(headers: Headers): string | undefined {
  for (const [name, value] of headers.entries()) {
    if (headerKey(name) === 'to') return /;\s*tag=([\w\-.!%*+`'~]+)/i.exec(value)?.[1];
  }
  return undefined;
}

const isSecure = (uri: string): boolean => /^sips:/i.test(uri);
