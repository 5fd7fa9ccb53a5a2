import type { Employee, Group, Target } from '../config/document.ts';
import { attemptOutcome } from '../dial/attempt.ts';
import { type RingContext, type RingResult, ringFirst, ringFor, ringOne } from '../dial/ring.ts';
import type { ForwardResult } from '../scheme/actors.ts';
import { reasons } from '../sip/port.ts';
import type { Call } from './call.ts';
import { CallerGone } from './caller-leg.ts';
import { converse } from './conversation.ts';
import type { EndReason } from './end-reason.ts';

export interface Forward {
  readonly target: Target;
  /** Seconds. */
  readonly timeout?: number;
  /** An `AudioId`, heard instead of ring-back. */
  readonly music?: string;
  /** An employee who cannot be reached gets his default action: nothing else follows (§4.4.3). */
  readonly last?: boolean;
  /** Called once, when the two talk. */
  readonly connected?: () => void;
  /** How many times this call has been sent on without a new decision of the caller. */
  readonly hops?: number;
}

/** Schemes that forward to one another, extensions that default to one another: after so many it is a circle. */
const MAX_HOPS = 20;

/**
 * Sends a call to a target and, when somebody takes it, stays until the conversation is over. Never rejects for the network's sake; an aborted
 * signal stops the ringing.
 */
export async function forward(call: Call, request: Forward, signal: AbortSignal): Promise<ForwardResult> {
  const { target } = request;
  const hops = (request.hops ?? 0) + 1;
  if (hops > MAX_HOPS) {
    call.log.warn({ target }, 'the call was sent on too often; it is ended');
    return { outcome: 'failed', reason: 'loop' };
  }
  if ('extension' in target) {
    const found = call.pbx.extension(target.extension);
    if (!found) return { outcome: 'failed', reason: 'doesNotExist' };
    return forward(call, { ...request, target: targetOf(found), hops }, signal);
  }
  if ('scheme' in target) {
    request.connected?.();
    const reason = await call.services.enterScheme(call, target.scheme, hops);
    return { outcome: 'connected', reason };
  }
  if ('phone' in target || 'room' in target) {
    // Outgoing routes and rooms are not built yet; the caller is told as of any number that cannot be reached.
    call.log.warn({ target }, 'this kind of target is not available yet');
    return { outcome: 'failed', reason: 'unavailable' };
  }

  await call.audio.waitForAnswer(musicOf(call, request));
  const result = await reach(call, request, signal);
  if (result.outcome === 'answered') return connect(call, result, request.connected);
  call.audio.stop();
  if (request.last && 'employee' in target && !signal.aborted) {
    return defaultAction(call, call.pbx.employee(target.employee), result.reason, { ...request, hops }, signal);
  }
  return result;
}

function musicOf(call: Call, { music, target }: Forward): string | undefined {
  if (music !== undefined) return music;
  return 'group' in target ? (call.pbx.group(target.group)?.ringMusic ?? undefined) : undefined;
}

const targetOf = (found: NonNullable<ReturnType<Call['pbx']['extension']>>): Target => {
  switch (found.kind) {
    case 'employee':
      return { employee: found.employee.id, contact: 'asConfigured' };
    case 'group':
      return { group: found.group.id };
    case 'scheme':
      return { scheme: found.scheme.id };
    case 'room':
      return { room: found.room.id };
  }
};

async function reach(call: Call, { target, timeout }: Forward, signal: AbortSignal): Promise<RingResult> {
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
  if (!('sip' in target || 'trunk' in target)) return { outcome: 'failed', reason: 'unavailable' };

  const found = await services.destinations.ofTarget(call.pbx, target);
  const number = 'sip' in target ? target.sip : target.number;
  const attempt = call.timeline.ask({
    kind: 'trunk' in target ? 'trunk' : 'number',
    id: 'trunk' in target ? target.trunk : number,
    name: '',
    address: number,
  });
  const result: RingResult = found.ok
    ? await ringFor(services.clock, limitMs ?? call.pbx.document.defaults.employee.ringTime * 1000, all, (stop) =>
        ringFirst(
          found.destinations.map((destination) => (each: AbortSignal) => ringOne(context, destination, each)),
          stop,
        ),
      )
    : { outcome: 'failed', reason: found.reason };
  if (result.outcome === 'answered') return { ...result, attempt };
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
      timetable: call.prepared.timetable,
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
  connected: (() => void) | undefined,
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
  connected?.();
  attempt?.talking();
  call.callee = leg;
  const { by, heldMs } = await converse(callerLeg, leg, {
    music: call.services.sounds.audio(call.pbx, call.pbx.document.defaults.group.holdMusic ?? 'builtin:music'),
    now: () => call.services.clock.now(),
  });
  call.callee = undefined;
  const reason: EndReason =
    by === 'callee' ? 'calleeHungUp' : by === 'caller' ? 'callerHungUp' : (call.end?.reason ?? 'networkFailure');
  attempt?.over('answered', reason, heldMs);
  call.finish({ reason, by });
  return { outcome: 'connected', reason };
}

/** §4.4.3: what is done about a call to an employee whom it did not reach, when the scheme says nothing. */
async function defaultAction(
  call: Call,
  employee: Employee | undefined,
  reason: EndReason,
  request: Forward,
  signal: AbortSignal,
): Promise<ForwardResult> {
  const { unavailableMessage, then } = call.pbx.document.defaults.employee;
  call.log.debug({ employee: employee?.id, reason }, 'default action of an employee who was not reached');
  if (unavailableMessage !== null) await call.audio.play(unavailableMessage, signal);
  if (signal.aborted) return { outcome: 'failed', reason };
  if ('extension' in then) {
    return forward(call, { ...request, target: { extension: then.extension } }, signal);
  }
  // Voicemail is not built yet (the checker says so): the call ends as it would by `hangup`.
  return { outcome: 'failed', reason };
}
