import type { Almanac } from '../../time/almanac.ts';
import type { Issue, IssueCode, Path } from '../issue.ts';
import { issueAt } from '../issue.ts';
import type { Names } from '../names.ts';
import type { PbxDocument } from '../schema/document.ts';
import type { ReadDocument } from '../validate.ts';
import type { Directory } from './directory.ts';
import type { PlacedBranch, PlacedTarget } from './walk.ts';

/**
 * One thing that a document can be checked for, beyond what its schema and its names say. A rule is one file of this folder, and stands in
 * `index.ts`.
 */
export interface Rule {
  readonly codes: readonly IssueCode[];
  /** Must not throw, whatever the document; must be quick: a document may have 10,000 schemes. */
  check(pbx: CheckedPbx): Iterable<Finding>;
}

export interface CheckedPbx {
  readonly document: PbxDocument;
  readonly names: Pick<Names, 'used'>;
  /** Every branch, those of menu items and rules too, outer ones first. */
  readonly branches: readonly PlacedBranch[];
  readonly directory: Directory;
  /** All the times that conditions can be asked about; its `now` is that of the check. */
  readonly almanac: Almanac;
  /** Every place from which the configuration may send a call somewhere. */
  readonly targets: readonly PlacedTarget[];
}

export interface Finding {
  readonly code: IssueCode;
  /** In `document`; need not be written in the source. */
  readonly path: Path;
  readonly message: string;
  readonly hint?: string;
}

/** Where the finding's path leads in the files. A part of it that is not written there is left out. */
export function issueOf(finding: Finding, read: Pick<ReadDocument, 'locate'>): Issue {
  const { node, rest } = read.locate(finding.path);
  const key =
    node.kind === 'object' && typeof rest[0] === 'string' && node.properties.has(rest[0]) ? rest[0] : undefined;
  return issueAt(node, finding, key);
}
