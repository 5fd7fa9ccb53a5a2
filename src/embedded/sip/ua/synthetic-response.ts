import type { Random } from '../../../time/random.ts';
import { responseTo, type SipRequest, type SipResponse } from '../message/index.ts';

/** A final response for a request that got none, RFC 3261 §8.1.3.1: complete, but never on any wire. */
export const syntheticResponse = (request: SipRequest, status: number, random: Random, reason?: string): SipResponse =>
  responseTo(request, status, { toTag: random.hex(8), ...(reason !== undefined && { reason }) });
