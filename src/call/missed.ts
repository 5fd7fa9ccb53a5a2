import type { MissedCall } from '../acd/callback-tasks.ts';
import { mayBeMobile } from '../config/numbering-plans.ts';
import type { Call } from './call.ts';

/** A group that has missed a call, and what the caller had there. */
export type MissedBy = Pick<MissedCall, 'group' | 'since' | 'place'>;

/** Calls of employees and internal calls are never called back, and neither is a caller without a number (§4.4.6.2.1). */
export function isClient({ timeline, pbx }: Call): boolean {
  const { direction, from } = timeline.facts;
  if (direction !== 'in' || !/^\d{5,15}$/.test(from)) return false;
  return !pbx.document.employees.some(
    ({ mobile, contacts }) => mobile === from || contacts.some((one) => 'phone' in one && one.phone === from),
  );
}

/** @returns false: it could not be kept */
export function askBack(
  { pbx, services, timeline, id }: Call,
  missed: MissedBy & Pick<MissedCall, 'origin' | 'callerId'>,
): Promise<boolean> {
  const { from, line } = timeline.facts;
  return services.callbacks.ask(pbx, { number: from, call: id, ...missed, ...(line === null ? {} : { line }) });
}

/**
 * The call is over, and nobody has talked to the caller: the groups that have missed it call him back, each that is set so (§4.4.6.2.1). When there is none,
 * and he was lost in a voice menu, the group calls him back that its scheme names for that (`missed.callback`). One whom somebody had talked to before, a
 * secretary or another group, is not called back (its examples 1 and 2), nor is one who has left a message.
 */
export async function callBackMissed(call: Call): Promise<void> {
  if (!call.timeline.isMissed) return;
  const byGroups = [...call.missedBy.values()].map((missed) => ({ ...missed, origin: 'group' as const }));
  for (const missed of byGroups.length > 0 ? byGroups : lostInMenu(call)) {
    const { group } = missed;
    if (await askBack(call, missed)) call.log.info({ group }, 'the caller is to be called back');
    else call.log.warn({ group }, 'a missed call will not be called back: the task could not be kept');
  }
}

/** The menu of which scheme he was in when the call ended, however that was, its record says by stage and path. */
function lostInMenu(call: Call) {
  const { currentStage, lastScheme, start } = call.timeline;
  if (currentStage !== 'menu' || lastScheme === null) return [];
  const callback = call.pbx.scheme(lastScheme)?.missed.callback;
  if (!callback || !isClient(call)) return [];
  const { group, callerId = call.timeline.facts.line } = callback;
  return [{ origin: 'menu' as const, group, since: start, ...(callerId === null ? {} : { callerId }) }];
}

/**
 * The call is over, and it was lost in the voice menu: nobody was being rung, and no group had it. The client gets an SMS if the scheme that he came to
 * is set so (§4.4.2.1, §4.4.2.3); one whose number is no mobile's could not read it.
 */
export function answerLost(call: Call): void {
  const { pbx, timeline, services, id } = call;
  const { firstScheme } = timeline;
  const scheme = firstScheme === null ? undefined : pbx.scheme(firstScheme);
  if (!scheme?.missed.sms || !pbx.document.sms) return;
  if (!timeline.isMissed || timeline.currentStage !== 'menu' || !isClient(call)) return;
  const { from } = timeline.facts;
  if (!mayBeMobile(from)) return void call.log.info({ to: from }, 'no SMS: the client has no mobile number');
  call.log.info({ to: from }, 'the client was lost in the voice menu, and is answered by SMS');
  services.notices.send({ kind: 'lostInMenu', way: 'sms', to: from, pbx, call: id, at: services.clock.now() });
}
