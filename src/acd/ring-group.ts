import type { Member } from '../config/document.ts';
import { gravest, type RingResult, ringFirst } from '../dial/ring.ts';
import type { Random } from '../time/random.ts';
import type { GroupCall, GroupDistributor } from './distributor.ts';

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
    for (const wave of this.#waves(call)) {
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

  /** Those who ring together, in the order of ringing. */
  #waves({ group }: GroupCall): readonly (readonly Member[])[] {
    const { members } = group;
    switch (group.algorithm) {
      case 'all':
        return members.length > 0 ? [members] : [];
      case 'priorityParallel': {
        const priorities = [...new Set(members.map(({ priority }) => priority))].sort((a, b) => a - b);
        return priorities.map((priority) => members.filter((member) => member.priority === priority));
      }
      case 'random':
        return shuffled(members, this.#random).map((member) => [member]);
      case 'longestIdleByPriority':
        return members.toSorted((a, b) => a.priority - b.priority).map((member) => [member]);
      case 'sequential':
      case 'longestIdle':
      case 'leastTalkTime':
      case 'fewestAnswered':
        return members.map((member) => [member]);
    }
  }
}

/** Fisher and Yates. */
function shuffled<T>(items: readonly T[], random: Random): T[] {
  const left = [...items];
  const drawn: T[] = [];
  while (left.length > 0) drawn.push(...left.splice(random.below(left.length), 1));
  return drawn;
}
