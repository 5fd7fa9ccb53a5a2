import type { Employee } from '../config/document.ts';
import type { Asked } from '../dial/attempt.ts';
import type { Introduce } from '../dial/employee.ts';
import type { RingResult } from '../dial/ring.ts';
import type { ForwardRequest, ForwardResult, RingTarget } from '../scheme/actors.ts';
import { tablesOf } from '../scheme/tables.ts';
import { type Assistance, assist, assistanceFor } from './assistant.ts';
import type { Call } from './call.ts';
import { connect } from './connect.ts';
import { forwardToGroup } from './group.ts';
import { introduce } from './introduce.ts';
import { redirected } from './redirect.ts';
import { isPassedOnTooOften, ringContext } from './ring-context.ts';
import { ringOutside } from './ring-outside.ts';

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
 *
 * @param signal aborted when the scheme goes on; also, in the same moment, when the caller is gone
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
  if (isPassedOnTooOften(call)) return { outcome: 'failed', reason: 'loop' };
  if ('group' in target) return forwardToGroup(call, { ...request, target }, signal, () => told.connected(target));
  const employee = 'employee' in target ? call.pbx.employee(target.employee) : undefined;
  const assistance = employee && assistanceFor(call, employee);
  const wait = () => void call.audio.waitForAnswer(request.music);
  wait();
  const result = await reach(call, { target, timeout: request.timeout, assistance, wait }, signal);
  if (result.outcome === 'answered') return connect(call, result, () => told.connected(target));
  call.audio.stopWaiting();
  let missed = result.reason;
  if (employee && result.redirect && !signal.aborted) {
    const redirect = redirected(call, employee, result.redirect);
    if (redirect.outcome === 'refused') missed = redirect.reason;
    else {
      const { whither } = redirect;
      if ('scheme' in whither) return { outcome: 'scheme', scheme: whither.scheme, reason: missed };
      const followed = await forward(call, { ...request, target: whither }, signal, told);
      if (followed.outcome !== 'failed') return followed;
      missed = followed.reason;
    }
  }
  if (!assistance || signal.aborted) return { outcome: 'failed', reason: missed };
  return assist(call, assistance, {
    missed,
    signal,
    recording: told.recording,
    onward: (other) => forward(call, { target: other }, signal, told),
  });
}

/** How somebody is rung for a forward. */
interface Ringing {
  readonly target: Exclude<RingTarget, { readonly room: string } | { readonly group: string }>;
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
  const context = ringContext(call);
  const limits = [...(timeout === undefined ? [] : [timeout * 1000]), ...(assistance ? [assistance.afterMs] : [])];
  const limitMs = limits.length > 0 ? Math.min(...limits) : undefined;
  const introduced =
    (employee?: Employee): Introduce =>
    (leg, stop) =>
      introduce(call, leg, { employee, wait }, stop);

  if ('employee' in target) {
    const employee = call.pbx.employee(target.employee);
    if (!employee) return { outcome: 'failed', reason: 'schemeMisconfigured' };
    return services.employees.ring(
      {
        pbx: call.pbx,
        timetable: tablesOf(call.pbx).timetable,
        employee,
        contact: target.contact,
        log: call.timeline,
        external: call.timeline.facts.direction === 'in',
        context: { ...context, followsRedirects: true },
        introduce: introduced(employee),
        ...(limitMs === undefined ? {} : { limitMs }),
      },
      signal,
    );
  }

  const found = await services.destinations.ofTarget(call.pbx, target, call.shown.callerId);
  const number = 'sip' in target ? target.sip : 'phone' in target ? target.phone : target.number;
  const asked: Asked = {
    kind: 'trunk' in target ? 'trunk' : 'number',
    id: 'trunk' in target ? target.trunk : number,
    name: '',
    address: number,
    ...(found.ok ? { contact: target } : {}),
  };
  const ringMs = limitMs ?? call.pbx.document.defaults.employee.ringTime * 1000;
  return ringOutside(call, asked, { found, context, ringMs, introduce: introduced() }, signal);
}
