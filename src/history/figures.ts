import type { CallDirection, CallOutcome, CallStage, TechnicalEnd } from './record.ts';

/**
 * The arithmetic of a call record: seconds out of timestamps (4-call-data §1.2), outcome out of what happened (§1.1). Pure.
 *
 * A call is a row of marks, each saying where it is from then on. Example: number 17:26:35 → menu → group 17:26:36 → Eugene rings, does not
 * answer → Eugene rings again 17:26:40 → they talk 17:26:41 → end 17:27:18 gives menu 1, group 4, employee 1, talk 37, duration 43.
 */
export interface Mark {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly stage: CallStage;
  /** Set while a member is rung on behalf of a group. */
  readonly group?: string;
  /** He stands in the queue of the group: nobody is available (R9). */
  readonly queued?: boolean;
}

/** Whole seconds; the names are those of `CallRecord`. */
export interface Figures {
  readonly duration: number;
  readonly wait: number;
  readonly waitMenu: number;
  readonly waitGroup: number;
  readonly waitEmployee: number;
  readonly talk: number;
  readonly queued: boolean;
  readonly stage: CallStage;
}

/**
 * @param marks in the order of time, the first at the call's start. Out of order (the wall clock was set back) counts as no time.
 * @param end milliseconds since 1970
 */
export function figures(marks: readonly Mark[], end: number): Figures {
  const spent: Record<CallStage, number> = { number: 0, menu: 0, group: 0, employee: 0, conversation: 0 };
  marks.forEach((mark, i) => {
    const next = marks[i + 1];
    spent[countsAs(mark, next)] += Math.max(0, (next?.at ?? end) - mark.at);
  });
  const menu = spent.number + spent.menu;
  const wait = seconds(menu + spent.group + spent.employee);
  const talk = seconds(spent.conversation);
  return {
    duration: wait + talk,
    wait,
    waitMenu: seconds(menu),
    waitGroup: seconds(spent.group),
    waitEmployee: seconds(spent.employee),
    talk,
    queued: marks.some((mark) => mark.queued),
    stage: marks.at(-1)?.stage ?? 'number',
  };
}

/** A member who was rung for a group in vain was part of the waiting in the group: only the attempt that ended the waiting is the employee's. */
function countsAs(mark: Mark, next: Mark | undefined): CallStage {
  const inVain =
    mark.stage === 'employee' &&
    mark.group !== undefined &&
    next !== undefined &&
    (next.stage === 'group' || next.group === mark.group) &&
    next.stage !== 'conversation';
  return inVain ? 'group' : mark.stage;
}

/** Nearest whole second, never negative: the rounding of every length in a record. */
export const seconds = (ms: number): number => Math.max(0, Math.round(ms / 1000));

/** The form of every time of day in a record. */
export const instant = (ms: number): string => new Date(ms).toISOString();

/**
 * What the call counts as. An internal call that reached nobody (no such extension, a direction barred) has failed; one that rang in vain was missed.
 * A call refused by screening is missed, although its end has a technical name of its own (R3, R4).
 */
export function outcomeOf(call: {
  readonly direction: CallDirection;
  readonly talked: boolean;
  readonly technical: TechnicalEnd | null;
  readonly stage: CallStage;
}): CallOutcome {
  if (call.talked) return 'answered';
  if (call.technical && call.technical !== 'blacklist') return 'technical';
  if (call.direction === 'in') return 'missed';
  return call.direction === 'internal' && call.stage !== 'number' ? 'missed' : 'failed';
}
