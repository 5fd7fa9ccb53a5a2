import type { HeaderFields } from './port.ts';

/** What we take outside of calls, in answers to OPTIONS and in 405s (RFC 3261 §20.5, §11.2). */
export const ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, PRACK, UPDATE, INFO, NOTIFY, SUBSCRIBE';

/** In INVITEs, their answers, and inside of calls, where a REFER transfers the other party (RFC 3515). */
export const ALLOW_IN_CALLS = `${ALLOW}, REFER`;

/** Extensions, by their option tags (RFC 3262, RFC 3327). */
export const SUPPORTED = ['100rel', 'path'] as const;

export const ACCEPT = 'application/sdp, application/dtmf-relay, application/dtmf';

/** Packages that can be subscribed to (RFC 6665 §8.2.2). */
export const ALLOW_EVENTS = 'message-summary';

export const PRODUCT = 'Kommutator';

export const optionsAnswer: HeaderFields = {
  Allow: ALLOW,
  Accept: ACCEPT,
  Supported: SUPPORTED.join(', '),
  'Allow-Events': ALLOW_EVENTS,
  Server: PRODUCT,
};
