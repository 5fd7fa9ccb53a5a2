import { compareWaits, reportSeeds, scenarios } from '../support/wait-comparison.ts';
import type { Figure } from './figure.ts';

/** Days of 50 members; smaller groups have more of them. */
const DAYS = process.env.BENCH_LONG === '1' ? 20 : 4;

/**
 * How wrong the predicted waits are, ours beside those of others at the same moments: the tables of docs/expected-wait.md, which `wait-table.ts` prints as
 * such. Simulated time: the machine does not matter.
 */
export function run(): Figure[] {
  return scenarios.flatMap((scenario) => {
    const { duels, coverage } = compareWaits(scenario, reportSeeds(scenario, DAYS));
    const errors = duels
      .filter(({ moments }) => moments > 0)
      .flatMap(({ peer, oursS, peerS }) => [
        { name: `${scenario.name}: ${peer} is wrong by`, value: peerS, unit: 's' },
        { name: `${scenario.name}: Kommutator at the same moments by`, value: oursS, unit: 's' },
      ]);
    return [...errors, { name: `${scenario.name}: answered within our range`, value: coverage * 100, unit: '%' }];
  });
}
