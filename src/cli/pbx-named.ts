import type { PbxVersion } from '../config/version.ts';
import { nearest, quoted } from '../config/words.ts';
import { UserError } from '../errors.ts';

/**
 * The PBX of a folder that a command is about.
 * @throws UserError that names those that there are
 */
export function pbxNamed(id: string, versions: readonly PbxVersion[], folder: string): PbxVersion {
  const pbx = versions.find((version) => version.id === id);
  if (pbx) return pbx;
  const ids = versions.map((version) => version.id);
  throw new UserError('unknown-pbx', `there is no PBX "${id}" in ${folder}`, thereIs(id, ids, 'The folder is empty.'));
}

/** What to say to somebody who has asked for a thing that does not exist. */
export function thereIs(wanted: string, ids: readonly string[], none: string): string {
  const near = nearest(wanted, ids);
  if (near) return `Did you mean "${near}"?`;
  return ids.length > 0 ? `There is ${quoted(ids, 'and')}.` : none;
}
