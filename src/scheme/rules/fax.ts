import type { Branch } from '../../config/document.ts';
import { type BranchBuild, type SchemeBuild, trace } from '../build.ts';
import type { State, Transitions } from '../chart.ts';
import { inner, place, to } from '../paths.ts';
import { reception } from '../steps/fax.ts';

interface Detection {
  readonly path: string;
  /** What the tone does. */
  readonly on: Transitions;
  readonly state: State;
}

/** «Обнаружение факсимильного вызова»: the calling tone, heard anywhere in the block, starts the reception at once. */
export function faxRule({ branch, path, scheme }: BranchBuild): Detection | undefined {
  const { fax } = branch.rules;
  if (!fax || !scheme.tables.pbx.document.fax.autoDetect) return undefined;
  return detection(scheme, inner(path, 'fax'), fax.to);
}

/** Of a scheme without any such rule: a tone is heard anywhere, and the fax goes to the default address. */
export const defaultFax = (scheme: SchemeBuild): Detection => detection(scheme, place(scheme.id, 'fax'), []);

function detection(scheme: SchemeBuild, path: string, recipients: readonly string[]): Detection {
  const heard = trace(path, 'rule', { rule: 'fax' }, 'the calling tone of a fax was heard');
  return { path, on: [{ target: to(path), actions: [heard] }], state: reception(scheme, path, recipients) };
}

/** Somewhere in the branch there is such a rule. */
export const hasFaxRule = ({ rules, menu }: Branch): boolean =>
  rules.fax !== undefined ||
  Object.values(menu).some(({ branches }) => branches.some(hasFaxRule)) ||
  Object.values(rules).some((rule) => 'branches' in rule && rule.branches.some(hasFaxRule));
