import type { AssistantRule, Employee } from '../config/document.ts';
import { type EndReason, endReasons } from '../end-reason.ts';
import { errorText } from '../errors.ts';
import type { ForwardResult, RingTarget } from '../scheme/actors.ts';
import { tablesOf } from '../scheme/tables.ts';
import { resolve } from '../scheme/targets.ts';
import type { Call } from './call.ts';
import { leaveMessage } from './leave-message.ts';

/** A rule of an employee's assistant (§4.4.6.1.5) that is to act on a call if he is not reached. */
export interface Assistance {
  readonly employee: Employee;
  readonly rule: AssistantRule;
  /** Its place in his list, from 1. */
  readonly number: number;
  /** How long he may ring before it acts, milliseconds. */
  readonly afterMs: number;
}

/**
 * The rule for a call that is about to ring an employee directly: the first whose time and direction these are. Undefined: none, or his assistant
 * has had this call before; two assistants that send to each other come to an end so.
 */
export function assistanceFor(call: Call, employee: Employee): Assistance | undefined {
  if (call.assisted.has(employee.id)) return undefined;
  const direction = call.timeline.facts.direction === 'in' ? 'external' : 'internal';
  const { timetable, pbx } = tablesOf(call.pbx);
  const zone = employee.timezone || undefined;
  const now = call.services.clock.now();
  const index = employee.assistant.findIndex(
    (rule) => rule.direction.includes(direction) && timetable.when(rule.when, zone).holds(now),
  );
  const rule = employee.assistant[index];
  if (!rule) return undefined;
  const afterMs = (rule.after || pbx.document.defaults.employee.ringTime) * 1000;
  return { employee, rule, number: index + 1, afterMs };
}

/**
 * The employee was not reached (no answer, busy, not registered, refused), and his assistant takes the call over: those who are to know are told, the
 * caller hears the message, then the rule's action.
 *
 * @param missed why he was not reached: what a caller who is hung up without having been answered gets
 * @param onward sends the call to somebody else
 */
export async function assist(
  call: Call,
  { employee, rule, number }: Assistance,
  {
    missed,
    signal,
    recording,
    onward,
  }: {
    readonly missed: EndReason;
    readonly signal: AbortSignal;
    readonly recording: () => void;
    readonly onward: (target: RingTarget) => Promise<ForwardResult>;
  },
): Promise<ForwardResult> {
  const { message, then } = rule;
  const state = `assistant/${employee.id}`;
  call.assisted.add(employee.id);
  call.timeline.stage('menu');
  const why = `rule ${number} of the assistant: ${endReasons[missed].text.toLowerCase()}`;
  call.trace({ state, event: 'rule', detail: { employee: employee.id, rule: number, reason: missed }, why });
  notify(call, employee, rule, state);

  if (message !== undefined) {
    call.trace({ state: `${state}:message`, event: 'play', detail: { audio: message } });
    await call.audio.play(message, signal);
    if (signal.aborted) return { outcome: 'failed', reason: missed };
  }
  const at = `${state}:then`;
  if ('hangup' in then) {
    call.trace({ state: at, event: 'hangup', detail: { reason: missed } });
    return { outcome: 'ended', reason: missed };
  }
  if ('voicemail' in then) {
    const to = employee.email ? [employee.email] : [];
    call.trace({ state: at, event: 'voicemail', detail: { to } });
    try {
      await leaveMessage(call, { to, employee: employee.id }, signal, recording);
    } catch (error) {
      call.trace({ state: at, event: 'fault', detail: { error: errorText(error) } });
      return { outcome: 'failed', reason: missed };
    }
    return { outcome: 'ended', reason: missed };
  }
  const whither = resolve(then, call.pbx);
  if (!whither) {
    call.trace({
      state: at,
      event: 'noAnswer',
      detail: { ...then, reason: 'doesNotExist' },
      why: 'nobody has this number',
    });
    return { outcome: 'failed', reason: 'doesNotExist' };
  }
  if ('scheme' in whither) return { outcome: 'scheme', scheme: whither.scheme, reason: missed };
  call.trace({ state: at, event: 'group' in whither ? 'queue' : 'ring', detail: { ...whither } });
  const result = await onward(whither);
  if (result.outcome === 'failed') {
    call.trace({ state: at, event: 'noAnswer', detail: { ...whither, reason: result.reason } });
  }
  return result;
}

function notify(call: Call, employee: Employee, { notify: { sms, email } }: AssistantRule, state: string): void {
  const { services, pbx, timeline } = call;
  for (const [way, to] of [['sms', sms] as const, ['email', email] as const]) {
    if (to === undefined) continue;
    call.trace({ state, event: 'notice', detail: { way, to }, why: 'the call is missed' });
    services.notices.send({
      kind: 'missedCall',
      way,
      to,
      pbx,
      call: call.id,
      employee: { id: employee.id, name: employee.name },
      caller: timeline.facts.from,
      at: services.clock.now(),
      timezone: employee.timezone || pbx.document.pbx.timezone,
    });
  }
}
