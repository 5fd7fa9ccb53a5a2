/** What the codes of the API mean, in words: whoever looks at a console asks why. */

/** Why an employee is offered no call. */
export const unavailabilities = {
  inCall: 'in a call',
  reserved: 'a call is being offered to him',
  unregistered: 'none of his phones is registered',
  break: 'on a break',
  offline: 'not at work',
  wrapUp: 'after-call work',
  excluded: 'excluded for a while after an offer that came to nothing',
} as const;
export type Unavailability = keyof typeof unavailabilities;

/** What an employee is for a caller who waits. */
export const standings = {
  available: 'available',
  ringing: 'being rung for this caller',
  refusedThisCall: 'refused this call a moment ago',
  ...unavailabilities,
} as const;
export type Standing = keyof typeof standings;

/** Why a call was offered to this employee: an algorithm, or what goes before any. */
export const offerReasons = {
  familiar: 'talked to this caller today',
  nextFree: 'was the first to become free',
  again: 'was being rung already when the node came back',
  sequential: 'stands first in the list of those who were available',
  random: 'was drawn of those who were available',
  priorityParallel: 'is of the best priority that was available',
  all: 'all who are available are rung at once',
  longestIdle: 'has not talked for longer than the others who were available',
  leastTalkTime: 'has talked less today than the others who were available',
  fewestAnswered: 'has answered fewer calls today than the others who were available',
  longestIdleByPriority: 'has not talked for longer than the others of the best priority that was available',
} as const;
export type OfferReason = keyof typeof offerReasons;

export const keysOf = <T extends object>(words: T): [keyof T & string, ...(keyof T & string)[]] =>
  Object.keys(words) as [keyof T & string, ...(keyof T & string)[]];
