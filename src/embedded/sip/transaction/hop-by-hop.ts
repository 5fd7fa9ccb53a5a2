import { Headers } from '../message/headers.ts';
import { SipRequest, type SipResponse } from '../message/message.ts';

/** The ACK of a final response from 300 on: RFC 3261 §17.1.1.3. */
export function ackFor(invite: SipRequest, response: SipResponse): SipRequest {
  const headers = shared(invite);
  headers.append('To', response.headers.get('To') ?? '');
  headers.append('CSeq', `${invite.cseq.number} ACK`);
  return new SipRequest('ACK', invite.uri, headers);
}

/** The CANCEL of an INVITE: RFC 3261 §9.1, same branch. `extra` is for Reason and the like. */
export function cancelFor(invite: SipRequest, extra: Iterable<readonly [name: string, value: string]>): SipRequest {
  const headers = shared(invite);
  headers.append('To', invite.headers.get('To') ?? '');
  headers.append('CSeq', `${invite.cseq.number} CANCEL`);
  for (const [name, value] of extra) headers.append(name, value);
  return new SipRequest('CANCEL', invite.uri, headers);
}

function shared(invite: SipRequest): Headers {
  const headers = new Headers();
  headers.append('Via', invite.headers.get('Via') ?? '');
  headers.append('Max-Forwards', '70');
  for (const route of invite.headers.all('Route')) headers.append('Route', route);
  headers.append('From', invite.headers.get('From') ?? '');
  headers.append('Call-ID', invite.callId);
  return headers;
}
