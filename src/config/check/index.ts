import { Almanac } from '../../time/almanac.ts';
import { Timetable } from '../../time/when.ts';
import { type Issue, isError } from '../issue.ts';
import type { Names } from '../names.ts';
import type { PbxDocument } from '../schema/document.ts';
import type { ReadDocument } from '../validate.ts';
import { accounts } from './accounts.ts';
import { callerIdRegions } from './caller-id-regions.ts';
import { circles } from './circles.ts';
import { contacts } from './contacts.ts';
import { deadEnds } from './dead-ends.ts';
import { Directory } from './directory.ts';
import { encryption } from './encryption.ts';
import { endlessMenu } from './endless-menu.ts';
import { groups } from './groups.ts';
import { menuKeys } from './menu-keys.ts';
import { openDisa } from './open-disa.ts';
import { paidNumbers } from './paid-numbers.ts';
import { releasedMedia } from './released-media.ts';
import { robots } from './robots.ts';
import { type CheckedPbx, issueOf, type Rule } from './rule.ts';
import { schedules } from './schedules.ts';
import { shadowed } from './shadowed.ts';
import { speech } from './speech.ts';
import { times } from './times.ts';
import { trunks } from './trunks.ts';
import { unreachable } from './unreachable.ts';
import { unsendable } from './unsendable.ts';
import { unused } from './unused.ts';
import { branchesOf, targetsOf } from './walk.ts';

/** All rules about one PBX. A new one is a file beside these and a line here. */
export const rules: readonly Rule[] = [
  accounts,
  callerIdRegions,
  circles,
  contacts,
  deadEnds,
  endlessMenu,
  encryption,
  groups,
  menuKeys,
  openDisa,
  paidNumbers,
  releasedMedia,
  robots,
  schedules,
  shadowed,
  speech,
  times,
  trunks,
  unreachable,
  unsendable,
  unused,
];

/**
 * What the rules find. Of a document that could be read only in part they report errors alone: what looks unused there may be used by what
 * could not be read.
 * @param now milliseconds since 1970: conditions on time are judged for the years from then on
 */
export function check(read: ReadDocument, now: number): Issue[] {
  const { document, names } = read;
  if (!document) return [];
  const pbx = asked(document, names, now);
  const found = rules.flatMap((rule) => [...rule.check(pbx)]);
  const issues = found.map((finding) => issueOf(finding, read));
  return read.whole ? issues : issues.filter(isError);
}

/** A document with the look-ups that rules share. */
export function asked(document: PbxDocument, names: Pick<Names, 'used'>, now: number): CheckedPbx {
  const branches = branchesOf(document);
  const almanac = new Almanac(new Timetable(document.pbx), now);
  const directory = new Directory(document, almanac);
  return { document, names, branches, directory, almanac, targets: [...targetsOf(document, branches)] };
}
