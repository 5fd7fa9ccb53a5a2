import type { Employee, Group } from '../config/document.ts';
import { attemptOutcome } from '../dial/attempt.ts';
import type { Introduce } from '../dial/employee.ts';
import { type RingContext, type RingResult, ringFirst, ringFor, ringOne, stopped } from '../dial/ring.ts';
import type { EndReason } from '../end-reason.ts';
import type { ForwardRequest, ForwardResult, RingTarget } from '../scheme/actors.ts';
import { tablesOf } from '../scheme/tables.ts';
import { reasons } from '../sip/port.ts';
import { type Assistance, assist, assistanceFor } from './assistant.ts';
import type { Call } from './call.ts';
import { CallerGone } from './caller-leg.ts';
import { converse } from './conversation.ts';
import { introduce } from './introduce.ts';

/** What the scheme is told while a call is forwarded. */
export interface ForwardTold {
  /** Once, when the two talk: with whom, if that is another than was asked for. */
  readonly connected: (whom?: RingTarget) => void;
  /** The caller is leaving a message instead: his keys are the mailbox's. */
  readonly recording: () => void;
}

/**
 * Rings somebody for a call and, when he answers, stays until the conversation is over. An employee who is called directly and not reached has
 * an assistant. Never rejects for the network's sake; an aborted signal stops whatever goes on.
 */
export async function forward(
  call: Call,
  request: ForwardRequest,
  signal: AbortSignal,
  told: ForwardTold,
): Promise<ForwardResult> {
  const { target } = request;
  if ('room' in target) {
    return call.services.rooms.join(call, target.room, signal, () => told.connected(target));
  }
  const all = AbortSignal.any([signal, call.caller.gone]);
  const employee = 'employee' in target ? call.pbx.employee(target.employee) : undefined;
  const assistance = employee && assistanceFor(call, employee);
  const wait = () => void call.audio.waitForAnswer(musicOf(call, request));
  wait();
  const result = await reach(call, { target, timeout: request.timeout, assistance, wait }, all);
  if (result.outcome === 'answered') return connect(call, result, () => told.connected(target));
  call.audio.stopWaiting();
  if (!assistance || all.aborted) return { outcome: 'failed', reason: result.reason };
  return assist(call, assistance, {
    missed: result.reason,
    signal: all,
    recording: told.recording,
    onward: (other) => forward(call, { target: other }, signal, told),
  });
}

function musicOf(call: Call, { music, target }: ForwardRequest): string | undefined {
  if (music !== undefined) return music;
  return 'group' in target ? (call.pbx.group(target.group)?.ringMusic ?? undefined) : undefined;
}

/** How somebody is rung for a forward. */
interface Ringing {
  readonly target: Exclude<RingTarget, { readonly room: string }>;
  /** Seconds. */
  readonly timeout: number | undefined;
  /** Who takes over when an employee is not reached, and when. */
  readonly assistance: Assistance | undefined;
  /** The caller hears ringing, or music, again. */
  readonly wait: () => void;
}

async function reach(
  call: Call,
  { target, timeout, assistance, wait }: Ringing,
  signal: AbortSignal,
): Promise<RingResult> {
  const { services } = call;
  const context: RingContext = {
    sip: services.sip,
    media: services.media,
    clock: services.clock,
    callId: call.id,
    from: call.shown.sip,
    fromOrdinary: call.shown.ordinary,
    onRinging: () => call.audio.ringing(),
  };
  const limits = [...(timeout === undefined ? [] : [timeout * 1000]), ...(assistance ? [assistance.afterMs] : [])];
  const limitMs = limits.length > 0 ? Math.min(...limits) : undefined;
  const introduced =
    (employee?: Employee): Introduce =>
    (leg, stop) =>
      introduce(call, leg, { employee, wait }, stop);

  if ('employee' in target) {
    const employee = call.pbx.employee(target.employee);
    if (!employee) return { outcome: 'failed', reason: 'schemeMisconfigured' };
    const { contact } = target;
    return ringEmployee(call, employee, { contact, context, limitMs, introduce: introduced(employee) }, signal);
  }
  if ('group' in target) {
    const group = call.pbx.group(target.group);
    if (!group) return { outcome: 'failed', reason: 'schemeMisconfigured' };
    return ringGroup(call, group, { context, limitMs: limitMs ?? 0, introduced }, signal);
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
    ? await ringFor(services.clock, limitMs ?? call.pbx.document.defaults.employee.ringTime * 1000, signal, (stop) =>
        ringFirst(
          found.destinations.map((destination) => (each: AbortSignal) => ringOne(context, destination, each)),
          stop,
        ),
      )
    : { outcome: 'failed', reason: found.reason };
  if (result.outcome === 'answered') attempt.answered();
  const reason = result.outcome === 'answered' ? await introduced()(result.leg, signal) : result.reason;
  if (result.outcome === 'answered' && reason === undefined) return { ...result, attempt };
  const failure = reason ?? 'noAnswer';
  attempt.over(attemptOutcome(failure), failure);
  return { outcome: 'failed', reason: failure };
}

function ringEmployee(
  call: Call,
  employee: Employee,
  how: {
    readonly contact: string;
    readonly context: RingContext;
    readonly limitMs: number | undefined;
    readonly introduce: Introduce;
    readonly group?: string;
  },
  signal: AbortSignal,
): Promise<RingResult> {
  const { limitMs, ...rest } = how;
  return call.services.employees.ring(
    {
      pbx: call.pbx,
      timetable: tablesOf(call.pbx).timetable,
      employee,
      log: call.timeline,
      ...rest,
      ...(limitMs === undefined ? {} : { limitMs }),
    },
    signal,
  );
}

async function ringGroup(
  call: Call,
  group: Group,
  how: {
    readonly context: RingContext;
    readonly limitMs: number;
    readonly introduced: (employee: Employee) => Introduce;
  },
  signal: AbortSignal,
): Promise<RingResult> {
  const { context, limitMs, introduced } = how;
  const entered = call.timeline.ask({ kind: 'group', id: group.id, name: group.name, address: '' });
  /** Members who ring, each with what stops him. */
  const ringing = new Set<AbortController>();

  const ring = async (id: string, memberMs: number, each: AbortSignal, hold: () => () => void): Promise<RingResult> => {
    const employee = call.pbx.employee(id);
    if (!employee) return { outcome: 'failed', reason: 'unavailable' };
    const own = new AbortController();
    ringing.add(own);
    const announce = introduced(employee);
    // The first to answer has the call, also while he is still being told whose it is.
    const first: Introduce = async (leg, stop) => {
      for (const other of ringing) if (other !== own) other.abort(stopped.elsewhere());
      const goOn = hold();
      const reason = await announce(leg, stop);
      if (reason !== undefined) goOn();
      return reason;
    };
    const { ringContacts: contact } = group;
    const member = { contact, context, limitMs: memberMs, introduce: first, group: group.id };
    try {
      return await ringEmployee(call, employee, member, AbortSignal.any([each, own.signal]));
    } finally {
      ringing.delete(own);
    }
  };
  const result = await ringFor(call.services.clock, limitMs, signal, (stop, hold) =>
    call.services.groups.distribute(
      {
        pbx: call.pbx,
        group,
        callId: call.id,
        callerNumber: call.timeline.facts.from,
        ring: (id, memberMs, each) => ring(id, memberMs, each, hold),
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
    held: (held) => call.timeline.hold(held),
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
