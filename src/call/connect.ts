import type { RingResult } from '../dial/ring.ts';
import type { EndReason } from '../end-reason.ts';
import type { ForwardResult } from '../scheme/actors.ts';
import { reasons } from '../sip/port.ts';
import type { Call } from './call.ts';
import { CallerGone } from './caller-leg.ts';
import { converse, holdMusic, reasonOfEnd } from './conversation.ts';

/** Somebody took the call: the caller is answered, unless he has been, and the two talk until one of them hangs up. */
export async function connect(
  call: Call,
  { leg, attempt: called }: Extract<RingResult, { outcome: 'answered' }>,
  connected: () => void,
): Promise<Extract<ForwardResult, { reason: EndReason }>> {
  const { caller } = call;
  const attempts = [...(called ? [called] : []), ...call.brought];
  let callerLeg: Awaited<ReturnType<typeof caller.answer>>;
  try {
    callerLeg = await caller.answer();
  } catch (error) {
    await leg.hangup(reasons.callerGone);
    const reason: EndReason = error instanceof CallerGone ? 'callerHungUp' : 'mediaIncompatible';
    called?.over('elsewhere', reason);
    if (reason === 'mediaIncompatible') caller.end(reason);
    return { outcome: 'failed', reason };
  }
  call.audio.stop();
  const { direction, from } = call.timeline.facts;
  if (direction === 'in' && from !== '') call.services.callbacks.reached(call.pbx, from);
  connected();
  for (const attempt of attempts) attempt.talking();
  call.callee = leg;
  const talk = converse(callerLeg, leg, {
    music: holdMusic(call.services.sounds, call.pbx),
    now: () => call.services.clock.now(),
    held: (held) => call.timeline.hold(held),
  }).then(({ by, heldMs }) => {
    call.callee = undefined;
    const reason = reasonOfEnd(by, call.end?.reason ?? leg.cutFor);
    for (const attempt of attempts) attempt.over('answered', reason, heldMs);
    call.finish({ reason, by });
    void leg.hangup();
    return reason;
  });
  // Its end is to be in the record, also when the caller's end has already brought the scheme to its own.
  call.conversation = talk;
  const reason = await talk;
  return { outcome: 'connected', reason };
}
