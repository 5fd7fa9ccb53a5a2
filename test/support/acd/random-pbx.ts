import type { PbxVersion } from '../../../src/config/version.ts';
import { employee, pbxOf } from '../pbx.ts';
import { seededRandom } from '../seeded-random.ts';

export const algorithms = [
  ...(['sequential', 'random', 'priorityParallel', 'all'] as const),
  ...(['longestIdle', 'leastTalkTime', 'fewestAnswered', 'longestIdleByPriority'] as const),
];

/**
 * A small PBX drawn by chance, so small that its groups get into each other's way: eight employees, five groups that share them, waits and rests so short
 * that they end within a test. `version` 1 has the same groups with other members.
 */
export function randomPbx(id: string, seed: number, version: 0 | 1): PbxVersion {
  const random = seededRandom(seed * 2 + 1000);
  const ids = Array.from({ length: 8 }, (_, i) => `agent-${i}`);
  const employees = ids.map((name, i) => {
    const hasPhone = i >= 6;
    const more = {
      respectStatus: i !== 1,
      contacts: [hasPhone ? { phone: `7925000000${i}` } : { sip: `${name}@acme.example` }],
      ...(hasPhone ? { accounts: [] } : {}),
    };
    return employee(name, `10${i}`, more);
  });
  const groups = Array.from({ length: 5 }, (_, i) => ({
    id: `group-${i}`,
    name: `group-${i}`,
    extension: `50${i}`,
    algorithm: algorithms[random.below(algorithms.length)],
    ringTime: 3 + random.below(15),
    wrapUp: random.below(2) * 5,
    familiar: random.below(2) === 0,
    hold: {
      queue: random.below(5) > 0,
      maxWait: [0, 0, 30, 90][random.below(4)],
      maxLength: [0, 0, 4][random.below(3)],
    },
    members: [...ids]
      .sort(() => random.next() - 0.5)
      .slice(0, 2 + random.below(4))
      .map((name) => ({ employee: name, priority: 1 + random.below(2) })),
  }));
  if (version === 1)
    for (const group of groups) group.members = group.members.slice(1).concat(group.members.slice(0, 1));
  const last = groups.at(-1);
  if (version === 1 && last) last.members = last.members.slice(0, 1);
  return pbxOf({ pbx: { id, domains: ['acme.example'] }, employees, groups });
}
