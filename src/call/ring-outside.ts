import { type Asked, type AttemptLog, attemptOutcome } from '../dial/attempt.ts';
import type { Found } from '../dial/destinations.ts';
import type { Introduce } from '../dial/employee.ts';
import { limitText } from '../dial/outgoing/limits.ts';
import { type RingContext, type RingResult, ringFirst, ringFor, ringOne } from '../dial/ring.ts';
import type { Call } from './call.ts';

/** Rings somebody who is no employee. */
export async function ringOutside(
  call: Call,
  asked: Asked,
  how: {
    readonly found: Found;
    readonly context: RingContext;
    readonly ringMs: number;
    readonly introduce?: Introduce;
    /** Default: the call's timeline. */
    readonly log?: AttemptLog;
  },
  signal: AbortSignal,
): Promise<RingResult> {
  const { found, context, ringMs, introduce: introduced, log = call.timeline } = how;
  const attempt = log.ask(asked);
  const result: RingResult = found.ok
    ? await ringFor(call.services.clock, ringMs, signal, (stop) =>
        ringFirst(
          found.destinations.map((destination) => (each: AbortSignal) => ringOne(context, destination, each)),
          stop,
        ),
      )
    : { outcome: 'failed', reason: found.reason };
  if (result.outcome === 'answered') attempt.answered();
  const reason = result.outcome === 'answered' ? await introduced?.(result.leg, signal) : result.reason;
  if (result.outcome === 'answered' && reason === undefined) return { ...result, attempt };
  const failure = reason ?? 'noAnswer';
  attempt.over(attemptOutcome(failure), failure);
  const limit = result.outcome === 'failed' ? result.limit : undefined;
  if (limit === undefined) return { outcome: 'failed', reason: failure };
  const detail = { reason: failure, limit: limit.limit, max: limit.max };
  call.timeline.aside({ state: 'limits', event: 'rule', detail, why: limitText(limit) });
  return { outcome: 'failed', reason: failure, limit };
}
