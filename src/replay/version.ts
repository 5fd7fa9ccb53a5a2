import type { PbxDocument } from '../config/document.ts';
import { redacted } from '../config/redact.ts';
import { PbxVersion } from '../config/version.ts';

/**
 * A version as calls are run again on it: as it would come out of the database, whether it does or was read from files. It has no secrets, because kept versions
 * have none; of two that are compared, one with its passwords would differ from itself. A password is asked for all the same, and what became of it stands in
 * the record. It has no audio files, because nothing is heard.
 *
 * @param document complete, whether its secrets have been taken out or not
 */
export const replayable = (version: string, document: PbxDocument | Record<string, unknown>): PbxVersion =>
  new PbxVersion(version, JSON.parse(JSON.stringify(redacted(document as PbxDocument))), new Map());
