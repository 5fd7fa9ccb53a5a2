/**
 * Why a call, or one leg of it, ended: one closed list. The reason decides the SIP status sent to a caller who was not connected, the numeric code
 * of history and events, and the outcome. Codes: 4-call-data R19 of the specification (the public reason codes of the
 * manual's vendor), so that existing integrations understand them.
 */
export const endReasons = {
  normal: { code: 1100, status: 480, text: 'Normal end' },
  callerHungUp: { code: 1110, status: 487, text: 'Ended by the caller' },
  noAnswer: { code: 1111, status: 480, text: 'No answer in time' },
  calleeHungUp: { code: 1120, status: 480, text: 'Ended by the called party' },
  busy: { code: 1121, status: 486, text: 'Busy' },
  declined: { code: 1122, status: 603, text: 'Declined' },
  doNotDisturb: { code: 1123, status: 480, text: 'Do not disturb' },
  employeeUnavailable: { code: 1124, status: 480, text: 'Employee unavailable' },
  unavailable: { code: 1131, status: 480, text: 'Number unavailable' },
  doesNotExist: { code: 1133, status: 404, text: 'Number does not exist' },
  loop: { code: 1134, status: 483, text: 'Too many redirections' },
  directionBarred: { code: 1140, status: 403, text: 'Direction not allowed' },
  callerBarred: { code: 1150, status: 486, text: 'Calling number not allowed' },
  blacklisted: { code: 1151, status: 486, text: 'Caller is in the black list' },
  notWhitelisted: { code: 1152, status: 486, text: 'Caller is not in the white list' },
  groupFailed: { code: 1160, status: 480, text: 'Nobody in the group took the call' },
  queueFull: { code: 1162, status: 486, text: 'Queue is full' },
  queueTimeout: { code: 1163, status: 480, text: 'Waited too long in the queue' },
  operatorsUnavailable: { code: 1164, status: 480, text: 'All operators are unavailable' },
  schemeEnded: { code: 1170, status: 480, text: 'Ended by the scheme' },
  schemeMisconfigured: { code: 1171, status: 500, text: 'The scheme is misconfigured' },
  userCommand: { code: 1180, status: 480, text: 'Ended by a user command' },
  externalSystem: { code: 1181, status: 480, text: 'Ended by an external system' },
  pickedUp: { code: 1182, status: 480, text: 'Picked up by another operator' },
  transferred: { code: 1183, status: 480, text: 'Handed over by a transfer' },
  offSchedule: { code: 1192, status: 480, text: 'Outside the schedule' },
  dailyLimit: { code: 2211, status: 503, text: 'Limit of the day reached' },
  tooManyCalls: { code: 2220, status: 503, text: 'Limit of simultaneous calls reached' },
  serviceUnavailable: { code: 2230, status: 503, text: 'Service unavailable' },
  // R19 says no more than that 4400 to 4405 are of conferences.
  roomRefused: { code: 4400, status: 403, text: 'May not join the conference' },
  roomFull: { code: 4401, status: 486, text: 'No seat left in the conference' },
  wrongPin: { code: 4402, status: 403, text: 'Wrong PIN of the conference' },
  rateLimited: { code: 4501, status: 503, text: 'Too many calls in a short time' },
  mediaIncompatible: { code: 5002, status: 488, text: 'No common codec' },
  networkFailure: { code: 5003, status: 503, text: 'The far end could not be reached' },
  shutdown: { code: 5004, status: 503, text: 'The node was stopped' },
  mediaTimeout: { code: 5005, status: 480, text: 'No audio came any more' },
  /** Set when a call is born, so that even a bug or a killed node leaves a truthful record. */
  lost: { code: 5000, status: 500, text: 'Internal failure' },
} as const satisfies Record<string, { code: number; status: number; text: string }>;

export type EndReason = keyof typeof endReasons;
