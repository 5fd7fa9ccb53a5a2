import { InviteFailure } from './port.ts';

/**
 * Of a response that the SIP server made itself, which has no source: nobody answered (408), or the peer could not be reached. That is 503 (RFC 3261 §8.1.3.1), also where
 * drachtio says 410 of a connection that is gone: to a caller that would mean that the number is.
 */
export const localFailure = (status: number, reason: string, headers: InviteFailure['headers'] = {}): InviteFailure =>
  status === 408
    ? new InviteFailure({ status, reason, cause: 'timeout', headers })
    : new InviteFailure({ status: 503, reason, cause: 'transport', headers });
