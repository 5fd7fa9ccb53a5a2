import type { SipRequest, SipResponse } from '../message/index.ts';
import type { Dialog } from './dialog.ts';

/** Whether a NOTIFY is the last of its subscription, RFC 6665 §4.4.1. */
export const endsSubscription = ({ method }: Dialog, request: SipRequest): boolean =>
  method === 'SUBSCRIBE' &&
  request.method === 'NOTIFY' &&
  /^\s*terminated\b/i.test(request.headers.get('Subscription-State') ?? '');

/** Whether what a NOTIFY of ours was answered ends its subscription, RFC 6665 §4.2.2: a failure that names no time to try again. */
export const failsSubscription = ({ method }: Dialog, request: SipRequest, response: SipResponse): boolean =>
  method === 'SUBSCRIBE' &&
  request.method === 'NOTIFY' &&
  response.status >= 300 &&
  !response.headers.has('Retry-After');
