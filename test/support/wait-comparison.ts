import type { Random } from '../../src/time/random.ts';
import { logNormal, type QueueScenario, simulateQueue } from './queue-simulation.ts';
import { seededRandom } from './seeded-random.ts';
import { AppQueue, Kazoo, OpenSips, Ours, PositionTimesHandling, type WaitPredictor } from './wait-predictors.ts';

const minute = 60_000;
const hour = 60 * minute;

/** Before this nothing is counted, so that everybody has a history. */
const WARM_UP_MS = hour;

export interface NamedScenario extends QueueScenario {
  readonly name: string;
}

const TALK = { meanMs: 180_000, variation: 1 };

const shift = {
  hours: 9,
  talk: logNormal(TALK.meanMs, TALK.variation),
  meanTalkMs: TALK.meanMs,
  wrapUpMs: 15_000,
  meanPatienceMs: 10 * minute,
  breaks: { chance: 0.03, meanMs: 10 * minute },
};

const loads = {
  quiet: [0.7],
  busy: [0.95],
  overloaded: [1.3],
  'rush hour': [0.6, 0.6, 0.8, 1.5, 1.5, 0.7, 0.5, 1.2, 0.7],
};

const sizes = [3, 10, 50].flatMap((agents) =>
  Object.entries(loads).map(([name, load]) => ({ ...shift, name: `${agents} members, ${name}`, agents, load })),
);

/** Short questions and long ones: nothing like a log-normal. */
const twoKinds = {
  ...shift,
  name: '10 members, two kinds of calls',
  agents: 10,
  load: loads.busy,
  talk: (random: Random) =>
    random.next() < 0.7 ? logNormal(70_000, 0.5)(random) : logNormal((TALK.meanMs - 0.7 * 70_000) / 0.3, 0.3)(random),
};

/** Members who also take the calls of others, which nobody tells the predictors. */
const shared = {
  ...shift,
  name: '10 members, shared with others',
  agents: 10,
  load: [0.75],
  otherCalls: { chance: 0.3, meanMs: 2 * minute },
};

export const scenarios: readonly NamedScenario[] = [...sizes, twoKinds, shared];

/** What was said at one moment, and what came of it. */
interface Moment {
  readonly at: number;
  readonly said: readonly (number | undefined)[];
  readonly range: { readonly fromMs: number; readonly toMs: number } | undefined;
}

export interface Duel {
  readonly peer: string;
  /** Moments at which both spoke to a caller who was answered later. */
  readonly moments: number;
  /** Mean absolute errors there, seconds. */
  readonly oursS: number;
  readonly peerS: number;
}

export interface Outcome {
  readonly scenario: string;
  /** Moments (entry to the queue, and each minute of waiting) of callers who were answered. */
  readonly moments: number;
  readonly meanWaitS: number;
  /** Share of all these moments at which each spoke. */
  readonly speaks: Readonly<Record<string, number>>;
  readonly duels: readonly Duel[];
  /** Share of the callers answered within the range that we gave. */
  readonly coverage: number;
  /** Mean width of these ranges, seconds. */
  readonly rangeS: number;
}

/**
 * The seeds of the report: `days` times 50 ÷ members, so that each scenario has enough callers, and none that the constants of the estimator were
 * chosen by (those were 1 to 200).
 */
export const reportSeeds = ({ agents }: NamedScenario, days: number): number[] =>
  Array.from({ length: Math.ceil((days * 50) / agents) }, (_, i) => 10_001 + i);

/** Days of one scenario, each with a seed of its own; every day begins without history. */
export function compareWaits(scenario: NamedScenario, seeds: readonly number[]): Outcome {
  const names = predictors().map(({ name }) => name);
  const [, ...peers] = names;
  const errors = peers.map(() => ({ moments: 0, ours: 0, peer: 0 }));
  const spoke = names.map(() => 0);
  let moments = 0;
  let waited = 0;
  let covered = 0;
  let width = 0;
  for (const seed of seeds) {
    runDay(scenario, seed, ({ said, range }, actual) => {
      moments++;
      waited += actual;
      const [mine] = said;
      if (range && actual >= range.fromMs && actual <= range.toMs) covered++;
      if (range) width += range.toMs - range.fromMs;
      for (const [i, value] of said.entries()) if (value !== undefined) spoke[i] = (spoke[i] ?? 0) + 1;
      for (const [i, error] of errors.entries()) {
        const theirs = said[i + 1];
        if (mine === undefined || theirs === undefined) continue;
        error.moments++;
        error.ours += Math.abs(mine - actual);
        error.peer += Math.abs(theirs - actual);
      }
    });
  }
  return {
    scenario: scenario.name,
    moments,
    meanWaitS: waited / moments / 1000,
    speaks: Object.fromEntries(names.map((name, i) => [name, (spoke[i] ?? 0) / moments])),
    duels: errors.map((error, i) => ({
      peer: peers[i] ?? '',
      moments: error.moments,
      oursS: error.ours / error.moments / 1000,
      peerS: error.peer / error.moments / 1000,
    })),
    coverage: covered / (spoke[0] ?? 1),
    rangeS: width / (spoke[0] ?? 1) / 1000,
  };
}

function predictors(): [Ours, ...WaitPredictor[]] {
  return [new Ours(), new AppQueue(), new OpenSips(), new Kazoo(), new PositionTimesHandling()];
}

function runDay(scenario: NamedScenario, seed: number, count: (moment: Moment, actualMs: number) => void): void {
  const all = predictors();
  const [ours] = all;
  const open = new Map<number, Moment[]>();
  simulateQueue(scenario, seededRandom(seed), {
    queued: (caller, view) => {
      const said = all.map((predictor) => predictor.queued(caller, view));
      open.set(caller.id, [{ at: view.now, said, range: ours.lastRange }]);
    },
    stillWaiting: (caller, view) => {
      const said = all.map((predictor) => predictor.stillWaiting?.(caller, view));
      open.get(caller.id)?.push({ at: view.now, said, range: ours.lastRange });
    },
    answered: (caller, at, ringMs) => {
      for (const moment of open.get(caller.id) ?? []) if (moment.at >= WARM_UP_MS) count(moment, at - moment.at);
      open.delete(caller.id);
      for (const predictor of all) predictor.answered?.(caller, at, ringMs);
    },
    abandoned: (caller, at) => {
      open.delete(caller.id);
      for (const predictor of all) predictor.abandoned?.(caller, at);
    },
    handled: (call) => {
      for (const predictor of all) predictor.handled?.(call);
    },
  });
}
