import { describe, expect, it } from 'vitest';
import { compareWaits, reportSeeds, scenarios } from '../../support/wait-comparison.ts';

/** docs/expected-wait.md has the same with four times the days. */
describe('expected wait beside the formulas of app_queue, OpenSIPS, Kazoo, and position × handling time ÷ members', () => {
  it.each(scenarios.map((scenario) => [scenario.name, scenario] as const))(
    '%s: ours is nearer than each',
    (_, scenario) => {
      const { duels, coverage, moments, speaks } = compareWaits(scenario, reportSeeds(scenario, 1));
      expect(moments).toBeGreaterThan(100);
      for (const duel of duels) {
        // At a quiet group of 50, app_queue has almost nothing to say.
        if (duel.moments < 20) continue;
        expect(duel.oursS, `against ${duel.peer} at ${duel.moments} moments`).toBeLessThan(duel.peerS);
      }
      // Silence would be an easy way to be right.
      expect(speaks.Kommutator).toBeGreaterThan(0.9);
      expect(coverage).toBeGreaterThan(0.7);
      expect(coverage).toBeLessThan(0.9);
    },
    // Days of simulated calls: seconds of work on a machine that has other things to do.
    30_000,
  );
});
