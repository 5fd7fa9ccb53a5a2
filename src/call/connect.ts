import type { Asked, Attempt } from '../dial/attempt.ts';
import type { Leg } from '../dial/leg.ts';
import type { RingResult } from '../dial/ring.ts';
import type { EndReason } from '../end-reason.ts';
import type { ForwardResult } from '../scheme/actors.ts';
import { reasons } from '../sip/port.ts';
import type { Call } from './call.ts';
import { CallerGone } from './caller-leg.ts';
import { Consultation } from './consultation.ts';
import { converse, holdMusic, reasonOfEnd } from './conversation.ts';
import { DirectMedia } from './direct-media.ts';
import { allCommands, inCallFax } from './in-call-fax.ts';
import { recordingCommands, type Talk, type TalkRecording } from './recording.ts';

/** Somebody took the call: the caller is answered, unless he has been, and the two talk until one of them hangs up. */
export async function connect(
  call: Call,
  { leg, attempt: called, dtmfCommands }: Extract<RingResult, { outcome: 'answered' }>,
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
  const { services, pbx, timeline } = call;
  const talking = talkOf(call, { caller: callerLeg, callee: leg }, called);
  const recording = services.recorder.begin(talking);
  const legs = { caller: callerLeg, callee: leg };
  const fax = inCallFax(talking, legs, services, call.log, (pages) =>
    timeline.aside({ state: 'conversation', event: 'fax', detail: { pages } }),
  );
  let direct: DirectMedia | undefined;
  const company = new Consultation(call, talking, legs, {
    onLeft: (side, reason) => {
      const left = side === 'callee' ? called : undefined;
      left?.over('answered', reason);
    },
    takeAudioBack: async () => direct?.takeBack(),
  });
  call.company = company;
  const { caller: ofCaller, callee: ofCallee } = allCommands(
    recordingCommands(talking, recording, legs, services.sounds),
    fax.commands,
    company.commands,
  );
  const commands = {
    ...(ofCaller && { caller: ofCaller }),
    ...(ofCallee && dtmfCommands !== false && { callee: ofCallee }),
  };
  const mayGo = pbx.document.pbx.releaseMedia && Object.keys(commands).length === 0 && !recording.isOn;
  direct =
    mayGo && callerLeg.isPhone && leg.isPhone
      ? new DirectMedia([callerLeg, leg], { clock: services.clock, log: call.log })
      : undefined;
  call.recording = direct ? recordedHere(recording, direct) : recording;
  const talk = converse(callerLeg, leg, {
    music: holdMusic(services.sounds, pbx),
    clock: services.clock,
    log: call.log,
    held: (held) => timeline.hold(held),
    commands,
    direct,
    company,
  }).then(async ({ by, heldMs }) => {
    direct?.close();
    company.close();
    call.company = undefined;
    await fax.over();
    call.callee = undefined;
    call.recording = undefined;
    const recorded = recording.over();
    const reason = reasonOfEnd(by, call.end?.reason ?? leg.cutFor);
    call.settle({ reason, by });
    await services.precedence.clear();
    for (const attempt of attempts) attempt.over('answered', reason, heldMs);
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

/** Only what passes the media server can be recorded. */
const recordedHere = (recording: TalkRecording, direct: DirectMedia): TalkRecording => ({
  get isOn() {
    return recording.isOn;
  },
  toggle(side) {
    void direct.takeBack();
    return recording.toggle(side);
  },
  set(on) {
    if (on) void direct.takeBack();
    return recording.set(on);
  },
  over: () => recording.over(),
});

/** The conversation as those see it who record. */
function talkOf(
  call: Call,
  { caller, callee }: { readonly caller: Leg; readonly callee: Leg },
  called: Attempt | undefined,
): Talk {
  const { direction, from, to, line, employee, arrival } = call.timeline.facts;
  const by = arrival?.by;
  // In a call of ours the caller has been called too.
  const brought = call.brought.map(({ asked }) => asked).find(isPerson);
  const asked = called?.asked;
  return {
    pbx: call.pbx,
    call: call.id,
    direction,
    from,
    to,
    line,
    group: (asked && groupOf(asked)) ?? brought?.group,
    caller: {
      endpoint: caller.endpoint,
      employee: (brought && employeeOf(brought)) ?? employee ?? undefined,
      contact: brought?.address ?? (by?.kind === 'account' ? by.account : from),
    },
    callee: { endpoint: callee.endpoint, employee: asked && employeeOf(asked), contact: asked?.address ?? '' },
  };
}

const groupOf = ({ kind, id, group }: Asked): string | undefined => (kind === 'group' ? id : group);
const isPerson = ({ kind }: Asked): boolean => kind !== 'group';
const employeeOf = ({ kind, id }: Asked): string | undefined => (kind === 'employee' ? id : undefined);
