import { Headers } from './headers.ts';
import { type SipRequest, SipResponse } from './message.ts';
import { SipParseError } from './parse-error.ts';

export interface ResponseParts {
  readonly reason?: string;
  /** Completes the To header of every response but 100, unless the request has a To tag already. */
  readonly toTag?: string;
  readonly headers?: Iterable<readonly [name: string, value: string]>;
  readonly body?: Buffer;
}

/**
 * A response with what RFC 3261 §8.2.6 takes over from the request: Via, From, To, Call-ID, CSeq, and Timestamp for a 100.
 * Works on the `partial` request of a `SipParseError` too: what the request lacks, the response lacks.
 */
export function responseTo(request: SipRequest, status: number, parts: ResponseParts = {}): SipResponse {
  const headers = new Headers();
  for (const via of request.headers.all('Via')) headers.append('Via', via);
  copy(request, headers, 'From');
  const to = request.headers.get('To');
  if (to !== undefined)
    headers.append('To', parts.toTag && status > 100 && lacksTag(request) ? `${to};tag=${parts.toTag}` : to);
  copy(request, headers, 'Call-ID');
  copy(request, headers, 'CSeq');
  if (status === 100) copy(request, headers, 'Timestamp');
  for (const [name, value] of parts.headers ?? []) headers.append(name, value);
  return new SipResponse(status, parts.reason, headers, parts.body);
}

function copy(request: SipRequest, headers: Headers, name: string): void {
  const value = request.headers.get(name);
  if (value !== undefined) headers.append(name, value);
}

function lacksTag(request: SipRequest): boolean {
  try {
    return !request.to.params.has('tag');
  } catch (error) {
    // A To that cannot be read cannot be completed either; the peer gets it back as it sent it.
    if (error instanceof SipParseError) return false;
    throw error;
  }
}
