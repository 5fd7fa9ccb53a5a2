import { createHash } from 'node:crypto';
import { systemClock } from '../time/clock.ts';
import { msPerDay } from '../time/date.ts';
import { type AudioFiles, findAudioFiles } from './audio-files.ts';
import { check } from './check/index.ts';
import { checkInstallation, type InstalledPbx } from './check/installation.ts';
import { type FoundFile, findPbxs, type PbxFiles } from './folder.ts';
import { compareIssues, type Issue, isError } from './issue.ts';
import { parseJsonFile } from './json.ts';
import { merge } from './merge.ts';
import { type DeclaredNames, withRemovals } from './removals.ts';
import type { ObjectNode, SourceFile } from './source.ts';
import { type ReadDocument, validate } from './validate.ts';
import { PbxVersion } from './version.ts';

/** What a configuration folder says, or what is wrong with it. */
export interface LoadedConfig {
  /** Empty if there is any error: a folder is taken whole or not at all. */
  readonly versions: readonly PbxVersion[];
  /** All errors and warnings of all PBXs, by file and place. */
  readonly issues: readonly Issue[];
  /** The files that were read, by name: for showing what an issue is about. */
  readonly files: ReadonlyMap<string, SourceFile>;
  /** To be given to the next load. */
  readonly cache: LoadCache;
}

/** PBXs as they were read before, by the content of their files: those that have not changed are not read again. */
export type LoadCache = ReadonlyMap<string, ReadPbx>;

interface ReadPbx {
  /** Files that could be read as JSON. */
  readonly files: readonly SourceFile[];
  readonly root: ObjectNode | undefined;
  /** Twelve hex digits of the content. */
  readonly version: string;
  readonly read: ReadDocument | undefined;
  /** Of the files' content alone. Audio files and other PBXs may change without them. */
  readonly issues: readonly Issue[];
}

export interface LoadOptions {
  /** Milliseconds since 1970; unset: what the clock shows. Says what is over already, and from which year on conditions on time are judged. */
  readonly now?: number | undefined;
  /** Of the last load. */
  readonly cache?: LoadCache | undefined;
  /** By PBX, the names in the configuration that is in force: what it had and this one lacks was removed. */
  readonly inForce?: ReadonlyMap<string, DeclaredNames> | undefined;
}

/**
 * Reads a configuration folder. Never rejects for what is in it: everything that is wrong comes back as issues, all together.
 * @param folder as the user named it: issues name files in the same way
 */
export async function loadConfig(folder: string, options: LoadOptions = {}): Promise<LoadedConfig> {
  const now = options.now ?? systemClock.now();
  const { pbxs: found, issues: folderIssues } = await findPbxs(folder);
  const issues: Issue[] = [...folderIssues];
  const cache = new Map<string, ReadPbx>();
  const files = new Map<string, SourceFile>();
  const parts: { readonly pbx: InstalledPbx; readonly version: string; readonly audio: AudioFiles }[] = [];

  for (const pbxFiles of found) {
    const key = contentKey(pbxFiles, now);
    const pbx = options.cache?.get(key) ?? (await readPbx(pbxFiles, now));
    cache.set(key, pbx);
    for (const file of pbx.files) files.set(file.name, file);
    issues.push(...issuesOf(pbx, options.inForce));
    if (!pbx.root) continue;
    const audio = await findAudioFiles(pbx.root);
    issues.push(...audio.issues);
    const { read, version } = pbx;
    if (read?.document) parts.push({ pbx: { document: read.document, read }, version, audio });
  }
  // A PBX that could not be read may be the one that another's trunk names.
  if (parts.length === found.length) issues.push(...checkInstallation(parts.map(({ pbx }) => pbx)));

  issues.sort(compareIssues);
  const versions = issues.some(isError)
    ? []
    : parts.map(({ pbx, version, audio }) => new PbxVersion(version, pbx.document, audio.paths));
  return { versions, issues, files, cache };
}

/** With what was removed since the load that is in force told apart from what never was. */
function issuesOf({ read, issues }: ReadPbx, inForce: LoadOptions['inForce']): readonly Issue[] {
  const [id] = read?.names.declared.get('pbx')?.keys() ?? [];
  const before = id === undefined ? undefined : inForce?.get(id);
  return read && before ? withRemovals(issues, read.names, before) : issues;
}

/** Names count too: issues name the files; and the day: what is over today was not yesterday. */
function contentKey({ files }: PbxFiles, now: number): string {
  const hash = createHash('sha256').update(`${Math.floor(now / msPerDay)}\0`);
  for (const { name, bytes } of files) hash.update(`${name}\0${bytes.length}\0`).update(bytes);
  return hash.digest('hex');
}

/** Wherever the folder is. */
function versionOf(files: readonly FoundFile[]): string {
  const hash = createHash('sha256');
  for (const { bytes } of files) hash.update(`${bytes.length}\0`).update(bytes);
  return hash.digest('hex').slice(0, 12);
}

async function readPbx({ files }: PbxFiles, now: number): Promise<ReadPbx> {
  const version = versionOf(files);
  const parsed = files.map(({ name, path, bytes }) => parseJsonFile(name, path, bytes));
  const syntax = parsed.flatMap(({ issues }) => issues);
  const sources = parsed.map(({ file }) => file);
  const roots = parsed.flatMap(({ root }) => root ?? []);
  // With one file unread, every reference into it would be called dangling.
  if (roots.length < files.length) return { files: sources, version, root: undefined, read: undefined, issues: syntax };
  const { root, issues: clashes } = merge(roots);
  if (!root) return { files: sources, version, root: undefined, read: undefined, issues: syntax };
  const read = await validate(root);
  return { files: sources, version, root, read, issues: [...syntax, ...clashes, ...read.issues, ...check(read, now)] };
}
