import { endReasons } from '../end-reason.ts';
import type { CallRecord } from '../history/record.ts';
import type { Simulation } from './simulator.ts';

/** What `simulate --json` prints. */
export interface SimulationResult {
  /** A conversation took place. */
  readonly answered: boolean;
  readonly ended: {
    /** Seconds since the call came in. */
    readonly t: number;
    /** Who hung up on the caller's side of the call: he, or the engine, also when the other side had hung up before. */
    readonly by: 'caller' | 'engine';
    readonly stage: CallRecord['stage'];
    /** Code of `end-reason.ts`. */
    readonly reason: number;
  };
  readonly path: readonly SimulatedStep[];
}

export interface SimulatedStep {
  /** Seconds since the call came in. */
  readonly t: number;
  readonly state: string;
  readonly event: string;
  readonly detail: Readonly<Record<string, unknown>>;
  /** Empty where there is nothing to explain. */
  readonly why: string;
}

export function resultOf({ record, lengthMs }: Simulation): SimulationResult {
  return {
    answered: record.outcome === 'answered',
    ended: {
      t: lengthMs / 1000,
      by: record.endedBy === 'caller' ? 'caller' : 'engine',
      stage: record.stage,
      reason: endReasons[record.reason].code,
    },
    path: record.path.map(({ t, state, event, detail = {}, why = '' }) => ({ t, state, event, detail, why })),
  };
}
