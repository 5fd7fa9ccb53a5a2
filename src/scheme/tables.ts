import type { Branch } from '../config/document.ts';
import type { PbxVersion } from '../config/version.ts';
import { type CompiledWhen, Timetable } from '../time/when.ts';
import { DialPlan } from './dial-plan.ts';
import type { Input } from './input.ts';

/** What all schemes of one PBX version have in common. */
export interface PbxTables {
  readonly pbx: PbxVersion;
  readonly timetable: Timetable;
  readonly dialPlan: DialPlan;
}

const made = new WeakMap<PbxVersion, PbxTables>();

export function tablesOf(pbx: PbxVersion): PbxTables {
  const known = made.get(pbx);
  if (known) return known;
  const { document } = pbx;
  const tables = {
    pbx,
    timetable: new Timetable(document.pbx),
    dialPlan: new DialPlan(pbx.extensions(), pbx.trunkPlan),
  };
  made.set(pbx, tables);
  return tables;
}

/**
 * What a machine looks up by the name of a state and that is no part of its data: compiled conditions and matchers, and the passwords, which
 * must not be printed with it.
 */
export interface SchemeTables extends PbxTables {
  /** By the path of a branch. */
  readonly branches: Map<string, Branch>;
  /** By the path of a branch. */
  readonly whens: Map<string, CompiledWhen>;
  /** By the path of a branch that takes input. */
  readonly inputs: Map<string, Input>;
  /** By the path of a menu item. */
  readonly passwords: Map<string, string>;
}
