/** Prints the tables of docs/expected-wait.md; with BENCH_LONG=1 from five times the days. */
import { compareWaits, type Outcome, reportSeeds, scenarios } from '../support/wait-comparison.ts';

const DAYS = process.env.BENCH_LONG === '1' ? 20 : 4;

const outcomes = scenarios.map((scenario) => compareWaits(scenario, reportSeeds(scenario, DAYS)));
const peers = outcomes[0]?.duels.map(({ peer }) => peer) ?? [];
const seconds = (value: number) => value.toFixed(value < 10 ? 1 : 0);
const percent = (value: number | undefined) => `${Math.round((value ?? 0) * 100)}`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map((_, i) => (i === 0 ? '---' : '--:')), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const duel = ({ duels }: Outcome, peer: string): string => {
  const found = duels.find((one) => one.peer === peer);
  return found && found.moments > 0 ? `**${seconds(found.oursS)}** : ${seconds(found.peerS)}` : 'silent';
};

console.log(
  table(
    ['scenario', 'mean wait, s', ...peers.map((peer) => `ours : ${peer}`)],
    outcomes.map((outcome) => [
      outcome.scenario,
      seconds(outcome.meanWaitS),
      ...peers.map((peer) => duel(outcome, peer)),
    ]),
  ),
);
console.log();
console.log(
  table(
    [
      'scenario',
      'moments',
      'range holds, %',
      'its width, s',
      ...['Kommutator', ...peers].map((name) => `${name} speaks, %`),
    ],
    outcomes.map(({ scenario, moments, coverage, rangeS, speaks }) => [
      scenario,
      `${moments}`,
      percent(coverage),
      seconds(rangeS),
      ...['Kommutator', ...peers].map((name) => percent(speaks[name])),
    ]),
  ),
);
