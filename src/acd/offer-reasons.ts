import type { OfferReason } from './store.ts';

/** Why an offer was made to this member, for a person: stands in the path of the call. */
export const offerReasons = {
  familiar: 'talked to this caller today',
  nextFree: 'became available, and this caller has waited longest',
  again: 'the offer stood when the connection to Redis came back',
  sequential: 'the first one available in the list',
  random: 'drawn from those available',
  priorityParallel: 'available, and nobody of a better priority is',
  all: 'available, and all ring',
  longestIdle: 'available, and idle for longest',
  leastTalkTime: 'available, and has talked least today',
  fewestAnswered: 'available, and has answered fewest calls today',
  longestIdleByPriority: 'available, and idle for longest of the best priority',
} as const satisfies Record<OfferReason, string>;
