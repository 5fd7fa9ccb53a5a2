import type { Group, Member } from '../config/document.ts';
import type { Random } from '../time/random.ts';

/**
 * Who of a group rings together, in the order of ringing, as far as its list alone tells. The algorithms that need statistics (`longestIdle`,
 * `leastTalkTime`, `fewestAnswered`) go by the order of the list.
 */
export function wavesOf({ members, algorithm }: Group, random: Random): readonly (readonly Member[])[] {
  switch (algorithm) {
    case 'all':
      return members.length > 0 ? [members] : [];
    case 'priorityParallel': {
      const priorities = [...new Set(members.map(({ priority }) => priority))].sort((a, b) => a - b);
      return priorities.map((priority) => members.filter((member) => member.priority === priority));
    }
    case 'random':
      return shuffled(members, random).map((member) => [member]);
    case 'longestIdleByPriority':
      return members.toSorted((a, b) => a.priority - b.priority).map((member) => [member]);
    case 'sequential':
    case 'longestIdle':
    case 'leastTalkTime':
    case 'fewestAnswered':
      return members.map((member) => [member]);
  }
}

/** Fisher and Yates. */
function shuffled<T>(items: readonly T[], random: Random): T[] {
  const left = [...items];
  const drawn: T[] = [];
  while (left.length > 0) drawn.push(...left.splice(random.below(left.length), 1));
  return drawn;
}
