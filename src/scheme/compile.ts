import type { Scheme } from '../config/document.ts';
import type { PbxVersion } from '../config/version.ts';
import { compileBlock } from './block.ts';
import { ended, hangUp, type SchemeBuild } from './build.ts';
import type { Chart, State } from './chart.ts';
import { place, to } from './paths.ts';
import { defaultFax, hasFaxRule } from './rules/fax.ts';
import { type SchemeTables, tablesOf } from './tables.ts';
import { defaultAction, unanswered } from './unanswered.ts';
import { makeMachine, type SchemeMachine } from './vocabulary.ts';

/** A scheme of one PBX version, ready to run any number of calls. */
export class CompiledScheme {
  readonly id: string;
  readonly chart: Chart;
  readonly tables: SchemeTables;
  #machine: SchemeMachine | undefined;

  constructor(id: string, chart: Chart, tables: SchemeTables) {
    this.id = id;
    this.chart = chart;
    this.tables = tables;
  }

  /** Made for the first call: XState takes ten times as long to read a chart as we to write it, and most schemes of a reload wait long for a call. */
  get machine(): SchemeMachine {
    this.#machine ??= makeMachine(this.chart);
    return this.#machine;
  }
}

/** A scheme as one machine: its chart is data, its names are those of `vocabulary.ts`. */
export function compileScheme(pbx: PbxVersion, scheme: Scheme): CompiledScheme {
  const tables: SchemeTables = {
    ...tablesOf(pbx),
    branches: new Map(),
    whens: new Map(),
    inputs: new Map(),
    passwords: new Map(),
  };
  const build: SchemeBuild = {
    id: scheme.id,
    tables,
    menu: pbx.document.defaults.menu,
    top: scheme.id,
    states: new Map(),
  };
  compileBlock(build, scheme.id, { branches: scheme.branches, source: '', top: true });
  build.states.set(unanswered(build), defaultAction(build));
  build.states.set(ended(build), { id: ended(build), type: 'final' });

  const on: Record<string, Chart['on'][string]> = {
    callerGone: [hangUp(build, build.id, 'the caller has hung up', 'callerHungUp')],
  };
  if (pbx.document.fax.autoDetect && !scheme.branches.some(hasFaxRule)) {
    const fax = defaultFax(build);
    build.states.set(fax.path, fax.state);
    on.faxTone = fax.on;
  }
  const start = place(build.id, 'start');
  const chart: Chart = {
    id: `${pbx.id}/${scheme.id}`,
    initial: start,
    on,
    states: { [start]: starting(build, start), ...Object.fromEntries(build.states) },
  };
  return new CompiledScheme(scheme.id, chart, tables);
}

/**
 * Where a machine stands until it is told to begin: what it asks of the world it asks when the call can already answer it.
 */
function starting(build: SchemeBuild, id: string): State {
  const top = build.states.get(build.top);
  // A block that only chooses its branch is chosen in right here.
  return { id, on: { begin: top?.states ? [{ target: to(build.top) }] : (top?.always ?? []) } };
}
