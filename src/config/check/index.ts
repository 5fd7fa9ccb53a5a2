import { type Issue, isError } from '../issue.ts';
import type { ReadDocument } from '../validate.ts';
import { accounts } from './accounts.ts';
import { audio } from './audio.ts';
import { callerIdRegions } from './caller-id-regions.ts';
import { contacts } from './contacts.ts';
import { endlessForward } from './endless-forward.ts';
import { groups } from './groups.ts';
import { menuKeys } from './menu-keys.ts';
import { issueOf, type Rule } from './rule.ts';
import { speech } from './speech.ts';
import { trunks } from './trunks.ts';
import { unreachable } from './unreachable.ts';
import { branchesOf, targetsOf } from './walk.ts';

/** All rules about one PBX. A new one is a file beside these and a line here. */
export const rules: readonly Rule[] = [
  accounts,
  audio,
  callerIdRegions,
  contacts,
  endlessForward,
  groups,
  menuKeys,
  speech,
  trunks,
  unreachable,
];

/**
 * What the rules find. Of a document that could be read only in part they report errors alone: what looks unused there may be used by what
 * could not be read.
 */
export function check(read: ReadDocument): Issue[] {
  const { document, names } = read;
  if (!document) return [];
  const branches = branchesOf(document);
  const pbx = { document, names, branches, targets: [...targetsOf(document, branches)] };
  const found = rules.flatMap((rule) => [...rule.check(pbx)]);
  const issues = found.map((finding) => issueOf(finding, read));
  return read.whole ? issues : issues.filter(isError);
}
