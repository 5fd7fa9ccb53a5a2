import type { RingResult } from '../dial/ring.ts';
import type { EndReason } from '../end-reason.ts';
import { tablesOf } from '../scheme/tables.ts';
import type { Call } from './call.ts';
import type { First, Ordered } from './decide-order.ts';
import { dialBehind } from './outside.ts';
import { contextOfFirst } from './ring-context.ts';
import { ringOutside } from './ring-outside.ts';

/** Who has ordered a call has a phone at hand: it is not rung for longer, milliseconds. */
const FIRST_RING_MS = 60_000;

/**
 * Rings him who is to be the caller of a call that was ordered. Never rejects for the network's sake.
 * @returns why he is not there; undefined: he has picked up
 */
export async function bringCaller(
  call: Call,
  { first, other }: Omit<Ordered, 'decision'>,
): Promise<EndReason | undefined> {
  const result = await ring(call, first, other);
  if (result.outcome === 'failed') return result.reason;
  call.brought = result.attempt ? [result.attempt] : [];
  // An office whose exchange answers: he is behind it.
  if (!first.employee && first.postDial !== undefined) await dialBehind(call, result.leg, first.postDial);
  call.caller.pickedUp(result.leg);
  return call.end?.reason;
}

async function ring(call: Call, first: First, other: Ordered['other']): Promise<RingResult> {
  const { pbx, services, timeline, caller } = call;
  const context = contextOfFirst(call, other);
  if (first.employee) {
    const { employee, contact } = first;
    const { timetable } = tablesOf(pbx);
    return services.employees.ring(
      { pbx, timetable, employee, contact, log: timeline, context, limitMs: FIRST_RING_MS },
      caller.gone,
    );
  }
  const { number } = first;
  const found = services.destinations.ofNumber(pbx, number, call.shown.callerId);
  const asked = { kind: 'number', id: number, name: '', address: number, contact: { phone: number } } as const;
  return ringOutside(call, asked, { found, context, ringMs: FIRST_RING_MS }, caller.gone);
}
