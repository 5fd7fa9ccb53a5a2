import { describe, expect, it } from 'vitest';
import { wavesOf } from '../../../src/acd/waves.ts';
import { systemRandom } from '../../../src/time/random.ts';
import { employee, pbxOf } from '../../support/pbx.ts';

/** The waves of anna (priority 2), boris (1) and clara (1). */
function waves(algorithm: string, members = ['anna:2', 'boris:1', 'clara:1']): string[][] {
  const pbx = pbxOf({
    employees: [employee('anna', '11'), employee('boris', '12'), employee('clara', '13')],
    groups: [
      {
        id: 'g',
        algorithm,
        members: members.map((member) => {
          const [id, priority] = member.split(':');
          return { employee: id, priority: Number(priority) };
        }),
      },
    ],
  });
  const group = pbx.group('g');
  if (!group) throw new Error('no group');
  return wavesOf(group, systemRandom).map((wave) => wave.map((member) => member.employee));
}

describe('who of a group rings together', () => {
  it.each([
    ['sequential', [['anna'], ['boris'], ['clara']]],
    ['longestIdle', [['anna'], ['boris'], ['clara']]],
    ['all', [['anna', 'boris', 'clara']]],
    ['priorityParallel', [['boris', 'clara'], ['anna']]],
    ['longestIdleByPriority', [['boris'], ['clara'], ['anna']]],
  ])('%s', (algorithm, expected) => {
    expect(waves(algorithm)).toEqual(expected);
  });

  it('random: everybody once, each first at some time', () => {
    const first = new Set<string | undefined>();
    for (let n = 0; n < 1000 && first.size < 3; n++) {
      const order = waves('random').flat();
      expect(order.toSorted()).toEqual(['anna', 'boris', 'clara']);
      first.add(order[0]);
    }
    expect([...first].sort()).toEqual(['anna', 'boris', 'clara']);
  });

  it('an empty group rings nobody', () => {
    expect(waves('all', [])).toEqual([]);
  });
});
