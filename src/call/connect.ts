import type { Leg } from '../dial/leg.ts';
import type { RingResult } from '../dial/ring.ts';
import type { EndReason } from '../end-reason.ts';
import type { ForwardResult } from '../scheme/actors.ts';
import { reasons } from '../sip/port.ts';
import type { Call } from './call.ts';
import { CallerGone } from './caller-leg.ts';
import { converse, holdMusic, reasonOfEnd } from './conversation.ts';
import { recordingCommands, type Talk, whoTalks } from './recording.ts';

/** Somebody took the call: the caller is answered, unless he has been, and the two talk until one of them hangs up. */
export async function connect(
  call: Call,
  { leg, attempt, dtmfCommands }: Extract<RingResult, { outcome: 'answered' }>,
  connected: () => void,
): Promise<Extract<ForwardResult, { reason: EndReason }>> {
  const { caller } = call;
  let callerLeg: Awaited<ReturnType<typeof caller.answer>>;
  try {
    callerLeg = await caller.answer();
  } catch (error) {
    await leg.hangup(reasons.callerGone);
    const reason: EndReason = error instanceof CallerGone ? 'callerHungUp' : 'mediaIncompatible';
    attempt?.over('elsewhere', reason);
    if (reason === 'mediaIncompatible') caller.end(reason);
    return { outcome: 'failed', reason };
  }
  call.audio.stop();
  const { direction, from } = call.timeline.facts;
  if (direction === 'in' && from !== '') call.services.callbacks.reached(call.pbx, from);
  connected();
  attempt?.talking();
  call.callee = leg;
  const { services, pbx, timeline } = call;
  const talking = talkOf(call, callerLeg, leg);
  const recording = services.recorder.begin(talking);
  call.recording = recording;
  const { caller: ofCaller, callee: ofCallee } = recordingCommands(
    talking,
    recording,
    { caller: callerLeg, callee: leg },
    services.sounds,
  );
  const talk = converse(callerLeg, leg, {
    music: holdMusic(services.sounds, pbx),
    clock: services.clock,
    held: (held) => timeline.hold(held),
    commands: {
      ...(ofCaller && { caller: ofCaller }),
      ...(ofCallee && dtmfCommands !== false && { callee: ofCallee }),
    },
  }).then(async ({ by, heldMs }) => {
    call.callee = undefined;
    call.recording = undefined;
    const recorded = recording.over();
    const reason = reasonOfEnd(by, call.end?.reason);
    attempt?.over('answered', reason, heldMs);
    call.finish({ reason, by });
    void leg.hangup();
    timeline.recorded(await recorded);
    return reason;
  });
  // Its end is to be in the record, also when the caller's end has already brought the scheme to its own.
  call.conversation = talk;
  const reason = await talk;
  return { outcome: 'connected', reason };
}

/** The conversation as those see it who record. */
function talkOf(call: Call, caller: Leg, callee: Leg): Talk {
  const { direction, from, to, line, employee, arrival } = call.timeline.facts;
  const by = arrival?.by;
  const { group, ...who } = whoTalks(call.timeline.asking);
  return {
    pbx: call.pbx,
    call: call.id,
    direction,
    from,
    to,
    line,
    group,
    caller: {
      endpoint: caller.endpoint,
      employee: employee ?? undefined,
      contact: by?.kind === 'account' ? by.account : from,
    },
    callee: { endpoint: callee.endpoint, ...who },
  };
}
