import { describe, expect, it } from 'vitest';
import { RingGroup } from '../../../src/acd/ring-group.ts';
import type { RingResult } from '../../../src/dial/ring.ts';
import { systemRandom } from '../../../src/time/random.ts';
import { employee, pbxOf } from '../../support/pbx.ts';

const failed = (reason: 'noAnswer' | 'busy' | 'unavailable'): RingResult => ({ outcome: 'failed', reason });

/** Distributes a call among a (priority 2), b (1) and c (1); gives the waves in which they rang. */
async function distribute(
  algorithm: string,
  answer: (id: string) => RingResult = () => failed('noAnswer'),
): Promise<{ waves: string[][]; result: RingResult }> {
  const pbx = pbxOf({
    employees: [employee('anna', '11'), employee('boris', '12'), employee('clara', '13')],
    groups: [
      {
        id: 'g',
        algorithm,
        members: [
          { employee: 'anna', priority: 2 },
          { employee: 'boris', priority: 1 },
          { employee: 'clara', priority: 1 },
        ],
      },
    ],
  });
  const group = pbx.group('g');
  if (!group) throw new Error('no group');
  const waves: string[][] = [];
  let wave: string[] | undefined;
  const result = await new RingGroup(systemRandom).distribute(
    {
      pbx,
      group,
      callId: 'c',
      callerNumber: '',
      ring: async (id) => {
        if (!wave) {
          const opened: string[] = [];
          wave = opened;
          waves.push(opened);
        }
        wave.push(id);
        await new Promise(setImmediate);
        wave = undefined;
        return answer(id);
      },
    },
    new AbortController().signal,
  );
  return { waves, result };
}

describe('a group without a queue', () => {
  it.each([
    ['sequential', [['anna'], ['boris'], ['clara']]],
    ['all', [['anna', 'boris', 'clara']]],
    ['priorityParallel', [['boris', 'clara'], ['anna']]],
    ['longestIdleByPriority', [['boris'], ['clara'], ['anna']]],
  ])('%s', async (algorithm, waves) => {
    expect((await distribute(algorithm)).waves).toEqual(waves);
  });

  it('random: everybody once', async () => {
    expect((await distribute('random')).waves.flat().sort()).toEqual(['anna', 'boris', 'clara']);
  });

  it('tells a group that rang in vain from one with nobody to ring', async () => {
    expect((await distribute('all')).result).toEqual({ outcome: 'failed', reason: 'groupFailed' });
    expect((await distribute('all', () => failed('busy'))).result).toEqual({
      outcome: 'failed',
      reason: 'operatorsUnavailable',
    });
  });
});
