import type { Employee, Group } from '../config/document.ts';
import { attemptOutcome } from '../dial/attempt.ts';
import { type RingContext, type RingResult, ringFirst, ringFor, ringOne } from '../dial/ring.ts';
import type { EndReason } from '../end-reason.ts';
import type { ForwardRequest, ForwardResult, RingTarget } from '../scheme/actors.ts';
import { tablesOf } from '../scheme/tables.ts';
import { reasons } from '../sip/port.ts';
import type { Call } from './call.ts';
import { CallerGone } from './caller-leg.ts';
import { converse } from './conversation.ts';

/**
 * Rings somebody for a call and, when he answers, stays until the conversation is over. Never rejects for the network's sake; an aborted signal
 * stops the ringing.
 *
 * @param connected called once, when the two talk
 */
export async function forward(
  call: Call,
  request: ForwardRequest,
  signal: AbortSignal,
  connected: () => void,
): Promise<ForwardResult> {
  const { target } = request;
  if ('room' in target) return call.services.rooms.join(call, target.room, signal, connected);
  void call.audio.waitForAnswer(musicOf(call, request));
  const result = await reach(call, target, request.timeout, signal);
  if (result.outcome === 'answered') return connect(call, result, connected);
  call.audio.stopWaiting();
  return result;
}

function musicOf(call: Call, { music, target }: ForwardRequest): string | undefined {
  if (music !== undefined) return music;
  return 'group' in target ? (call.pbx.group(target.group)?.ringMusic ?? undefined) : undefined;
}

async function reach(
  call: Call,
  target: Exclude<RingTarget, { room: string }>,
  timeout: number | undefined,
  signal: AbortSignal,
): Promise<RingResult> {
  const { services } = call;
  const context: RingContext = {
    sip: services.sip,
    media: services.media,
    clock: services.clock,
    callId: call.id,
    from: call.shown,
    onRinging: () => call.audio.ringing(),
  };
  const limitMs = timeout === undefined ? undefined : timeout * 1000;
  const all = AbortSignal.any([signal, call.caller.gone]);

  if ('employee' in target) {
    const employee = call.pbx.employee(target.employee);
    if (!employee) return { outcome: 'failed', reason: 'schemeMisconfigured' };
    return ringEmployee(call, employee, target.contact, context, limitMs, undefined, all);
  }
  if ('group' in target) {
    const group = call.pbx.group(target.group);
    if (!group) return { outcome: 'failed', reason: 'schemeMisconfigured' };
    return ringGroup(call, group, context, limitMs ?? 0, all);
  }

  const found = await services.destinations.ofTarget(call.pbx, target);
  const number = 'sip' in target ? target.sip : 'phone' in target ? target.phone : target.number;
  const attempt = call.timeline.ask({
    kind: 'trunk' in target ? 'trunk' : 'number',
    id: 'trunk' in target ? target.trunk : number,
    name: '',
    address: number,
    ...(found.ok ? { contact: target } : {}),
  });
  const result: RingResult = found.ok
    ? await ringFor(services.clock, limitMs ?? call.pbx.document.defaults.employee.ringTime * 1000, all, (stop) =>
        ringFirst(
          found.destinations.map((destination) => (each: AbortSignal) => ringOne(context, destination, each)),
          stop,
        ),
      )
    : { outcome: 'failed', reason: found.reason };
  if (result.outcome === 'answered') {
    attempt.answered();
    return { ...result, attempt };
  }
  attempt.over(attemptOutcome(result.reason), result.reason);
  return result;
}

function ringEmployee(
  call: Call,
  employee: Employee,
  contact: string,
  context: RingContext,
  limitMs: number | undefined,
  group: string | undefined,
  signal: AbortSignal,
): Promise<RingResult> {
  return call.services.employees.ring(
    {
      pbx: call.pbx,
      timetable: tablesOf(call.pbx).timetable,
      employee,
      contact,
      log: call.timeline,
      context,
      ...(limitMs === undefined ? {} : { limitMs }),
      ...(group === undefined ? {} : { group }),
    },
    signal,
  );
}

async function ringGroup(
  call: Call,
  group: Group,
  context: RingContext,
  limitMs: number,
  signal: AbortSignal,
): Promise<RingResult> {
  const entered = call.timeline.ask({ kind: 'group', id: group.id, name: group.name, address: '' });
  const result = await ringFor(call.services.clock, limitMs, signal, (stop) =>
    call.services.groups.distribute(
      {
        pbx: call.pbx,
        group,
        callId: call.id,
        callerNumber: call.timeline.facts.from,
        ring: async (id, memberMs, each) => {
          const employee = call.pbx.employee(id);
          if (!employee) return { outcome: 'failed', reason: 'unavailable' };
          return ringEmployee(call, employee, group.ringContacts, context, memberMs, group.id, each);
        },
      },
      stop,
    ),
  );
  if (result.outcome === 'failed') {
    entered.over(attemptOutcome(result.reason), result.reason);
    return result;
  }
  const { attempt } = result;
  return {
    ...result,
    attempt: {
      answered: () => undefined,
      talking: () => {
        entered.talking();
        attempt?.talking();
      },
      over: (outcome, reason, heldMs) => {
        attempt?.over(outcome, reason, heldMs);
        entered.over(outcome, reason, heldMs);
      },
    },
  };
}

/** Somebody took the call: the caller is answered, unless he has been, and the two talk until one of them hangs up. */
async function connect(
  call: Call,
  { leg, attempt }: Extract<RingResult, { outcome: 'answered' }>,
  connected: () => void,
): Promise<ForwardResult> {
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
  connected();
  attempt?.talking();
  call.callee = leg;
  const talk = converse(callerLeg, leg, {
    music: call.services.sounds.audio(call.pbx, call.pbx.document.defaults.group.holdMusic ?? 'builtin:music'),
    now: () => call.services.clock.now(),
  }).then(({ by, heldMs }) => {
    call.callee = undefined;
    const reason: EndReason =
      by === 'callee' ? 'calleeHungUp' : by === 'caller' ? 'callerHungUp' : (call.end?.reason ?? 'networkFailure');
    attempt?.over('answered', reason, heldMs);
    call.finish({ reason, by });
    void leg.hangup();
    return reason;
  });
  // Its end is to be in the record, also when the caller's end has already brought the scheme to its own.
  call.conversation = talk;
  const reason = await talk;
  return { outcome: 'connected', reason };
}
