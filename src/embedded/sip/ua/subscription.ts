import type { SipRequest } from '../message/index.ts';
import type { Dialog } from './dialog.ts';

/** Whether a NOTIFY is the last of its subscription, RFC 6665 §4.4.1. */
export const endsSubscription = ({ method }: Dialog, request: SipRequest): boolean =>
  method === 'SUBSCRIBE' &&
  request.method === 'NOTIFY' &&
  /^\s*terminated\b/i.test(request.headers.get('Subscription-State') ?? '');
