import { gravest, type RingResult, ringFirst } from '../dial/ring.ts';
import type { Random } from '../time/random.ts';
import type { GroupCall, GroupDistributor } from './distributor.ts';
import { wavesOf } from './waves.ts';

/**
 * Rings the members of a group once through, without a queue: all at once, the best priority first, or one after the other. The algorithms that
 * need statistics (`longestIdle`, `leastTalkTime`, `fewestAnswered`) go by the order of the list until the queues keep them.
 */
export class RingGroup implements GroupDistributor {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  async distribute(call: GroupCall, signal: AbortSignal): Promise<RingResult> {
    const failures: Extract<RingResult, { outcome: 'failed' }>[] = [];
    for (const wave of wavesOf(call.group, this.#random)) {
      const result = await ringFirst(
        wave.map(
          ({ employee }) =>
            (stop: AbortSignal) =>
              call.ring(employee, call.group.ringTime * 1000, stop),
        ),
        signal,
      );
      if (result.outcome === 'answered' || signal.aborted) return result;
      failures.push(result);
    }
    const reason = gravest(failures.map((failure) => failure.reason));
    const nobodyRang = reason === 'unavailable' || reason === 'employeeUnavailable' || reason === 'busy';
    return { outcome: 'failed', reason: nobodyRang ? 'operatorsUnavailable' : 'groupFailed' };
  }
}
