import type { Asked, Attempt } from '../dial/attempt.ts';
import type { Leg } from '../dial/leg.ts';
import type { RingResult } from '../dial/ring.ts';
import type { EndReason } from '../end-reason.ts';
import type { ForwardResult } from '../scheme/actors.ts';
import { type DialogEnd, reasons } from '../sip/port.ts';
import type { Call } from './call.ts';
import { CallerGone } from './caller-leg.ts';
import { Consultation, type Party, type Succession } from './consultation.ts';
import { type ConversationEnd, converse, type EndedBy, holdMusic, reasonOfEnd } from './conversation.ts';
import { DirectMedia } from './direct-media.ts';
import { allCommands, inCallFax } from './in-call-fax.ts';
import { recordingCommands, type Talk, type Talker, type TalkRecording, type TalkSide } from './recording.ts';

/** Somebody took the call: the caller is answered, unless he has been, and the two talk until one of them hangs up. */
export async function connect(
  call: Call,
  answered: Extract<RingResult, { outcome: 'answered' }>,
  connected: () => void,
): Promise<Extract<ForwardResult, { reason: EndReason }>> {
  const { caller } = call;
  const { leg, attempt: called } = answered;
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
  // Its end is to be in the record, also when the caller's end has already brought the scheme to its own.
  const talk = talkToTheEnd(call, partiesOf(call, callerLeg, answered));
  call.conversation = talk;
  const reason = await talk;
  return { outcome: 'connected', reason };
}

type Parties = Readonly<Record<TalkSide, Party>>;

/** A phone that has transferred somebody hangs up by itself within this, milliseconds; one that does not is hung up. */
const LEAVES_MS = 2000;

/** One conversation after another, since each of the two can be followed by somebody else, until one of those who talk hangs up. @returns why it was over */
async function talkToTheEnd(call: Call, first: Parties): Promise<EndReason> {
  const { services, timeline } = call;
  const { clock } = services;
  let parties = first;
  /** Those whose place is taken, while they are still there. */
  const leaving = new Set<Leg>();
  const recording = services.recorder.begin(talkOf(call, parties));
  for (;;) {
    const { by, heldMs } = await talkOnce(call, parties, recording);
    if (typeof by === 'string') return end(by, heldMs, recording.over());
    const { side, reason, byPhone, next } = by;
    for (const attempt of attemptsOf(call, parties, side)) attempt.over('answered', reason, heldMs);
    leave(parties[side].leg, byPhone);
    if (next === 'elsewhere') {
      // What is said from now on is recorded where it is said.
      const recorded = recording.over();
      return end(await elsewhere(parties, side), heldMs, recorded);
    }
    if ('route' in next) {
      call.onward = next.route;
      leftAlone();
      timeline.recorded(await recording.over());
      return reason;
    }
    parties = { ...parties, [side]: next.party };
    recording.succeeds(side, talkerOf(next.party));
  }

  /** The caller talks to nobody any more. */
  function leftAlone(): void {
    call.callee = undefined;
    call.recording = undefined;
  }

  async function end(by: EndedBy, heldMs: number, recorded: Promise<readonly string[]>): Promise<EndReason> {
    leftAlone();
    const { caller, callee } = parties;
    const reason = reasonOfEnd(by, call.end?.reason ?? callee.leg.cutFor ?? caller.leg.cutFor);
    call.settle({ reason, by });
    await services.precedence.clear();
    for (const side of ['callee', 'caller'] as const)
      for (const attempt of attemptsOf(call, parties, side)) attempt.over('answered', reason, heldMs);
    call.finish({ reason, by });
    for (const { leg } of [caller, callee]) if (leg !== call.caller.leg) void leg.hangup();
    for (const leg of leaving) leg.cut('transferred');
    timeline.recorded(await recorded);
    return reason;
  }

  function leave(leg: Leg, byPhone: boolean): void {
    if (leg.ended) return;
    if (!byPhone) return leg.cut('transferred');
    leaving.add(leg);
    const timer = clock.setTimeout(() => leg.cut('transferred'), LEAVES_MS);
    leg.on('ended', () => {
      clock.clearTimeout(timer);
      leaving.delete(leg);
    });
  }
}

/** Until one of the two hangs up, or somebody else takes his place. */
async function talkOnce(call: Call, parties: Parties, recording: TalkRecording): Promise<ConversationEnd<Succession>> {
  const { services, pbx, timeline } = call;
  const legs = { caller: parties.caller.leg, callee: parties.callee.leg };
  const talking = talkOf(call, parties);
  const fax = inCallFax(talking, legs, services, call.log, (pages) =>
    timeline.aside({ state: 'conversation', event: 'fax', detail: { pages } }),
  );
  let direct: DirectMedia | undefined;
  const company = new Consultation(call, parties, {
    onLeft: (side, reason) => {
      for (const attempt of attemptsOf(call, parties, side)) attempt.over('answered', reason);
    },
    takeAudioBack: async () => direct?.takeBack(),
  });
  const all = allCommands(recordingCommands(talking, recording, legs, services.sounds), fax.commands, company.commands);
  const commands = {
    ...(all.caller && parties.caller.commands && { caller: all.caller }),
    ...(all.callee && parties.callee.commands && { callee: all.callee }),
  };
  const mayGo = pbx.document.pbx.releaseMedia && Object.keys(commands).length === 0 && !recording.isOn;
  direct =
    mayGo && legs.caller.isPhone && legs.callee.isPhone
      ? new DirectMedia([legs.caller, legs.callee], { clock: services.clock, log: call.log })
      : undefined;
  call.callee = legs.callee;
  call.company = company;
  call.recording = direct ? recordedHere(recording, direct) : recording;
  const ended = await converse(legs.caller, legs.callee, {
    music: holdMusic(services.sounds, pbx),
    clock: services.clock,
    log: call.log,
    held: (held) => timeline.hold(held),
    commands,
    direct,
    company,
  });
  direct?.close();
  company.close();
  call.company = undefined;
  await fax.over();
  return ended;
}

/** What has brought one of the two to the phone; in a call of ours also the caller who was there first. */
const attemptsOf = (call: Call, parties: Parties, side: TalkSide): readonly Attempt[] => {
  const { attempt } = parties[side];
  return [...(attempt ? [attempt] : []), ...(side === 'caller' ? call.brought : [])];
};

/** The one who stays talks in another call. @returns who has ended that */
async function elsewhere(parties: Parties, gone: TalkSide): Promise<EndedBy> {
  const stays = gone === 'caller' ? 'callee' : 'caller';
  const { by } = await new Promise<DialogEnd>((resolve) => parties[stays].leg.on('ended', resolve));
  return by === 'local' ? gone : stays;
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
  succeeds: (side, talker) => recording.succeeds(side, talker),
  over: () => recording.over(),
});

/** @param answered who took the call */
function partiesOf(
  call: Call,
  callerLeg: Leg,
  { leg, attempt, dtmfCommands }: Extract<RingResult, { outcome: 'answered' }>,
): Parties {
  const { from, employee, arrival } = call.timeline.facts;
  const by = arrival?.by;
  // In a call of ours the caller has been called too.
  const brought = call.brought.map(({ asked }) => asked).find(isPerson);
  return {
    caller: {
      ...{ leg: callerLeg, attempt: undefined, commands: true },
      employee: (brought && employeeOf(brought)) ?? employee ?? undefined,
      contact: brought?.address ?? (by?.kind === 'account' ? by.account : from),
    },
    callee: {
      ...{ leg, attempt, commands: dtmfCommands !== false },
      employee: attempt && employeeOf(attempt.asked),
      contact: attempt?.asked.address ?? '',
    },
  };
}

/** The conversation as those see it who record. */
function talkOf(call: Call, { caller, callee }: Parties): Talk {
  const { direction, from, to, line } = call.timeline.facts;
  const brought = call.brought.map(({ asked }) => asked).find(isPerson);
  const asked = callee.attempt?.asked;
  return {
    ...{ pbx: call.pbx, call: call.id, direction, from, to, line },
    group: (asked && groupOf(asked)) ?? brought?.group,
    caller: talkerOf(caller),
    callee: talkerOf(callee),
  };
}

const talkerOf = ({ leg, employee, contact }: Party): Talker => ({ endpoint: leg.endpoint, employee, contact });
const groupOf = ({ kind, id, group }: Asked): string | undefined => (kind === 'group' ? id : group);
const isPerson = ({ kind }: Asked): boolean => kind !== 'group';
const employeeOf = ({ kind, id }: Asked): string | undefined => (kind === 'employee' ? id : undefined);
