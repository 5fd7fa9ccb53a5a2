import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { errorText } from '../errors.ts';
import { type Issue, issueOfFile } from './issue.ts';

/** The files of one PBX. */
export interface PbxFiles {
  /** Of the child of `schemes/`, without `.json`. */
  readonly name: string;
  readonly files: readonly FoundFile[];
}

export interface FoundFile {
  /** As people should read it: beginning with the folder as they named it. */
  readonly name: string;
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Stands in `schemes/` and is no PBX. */
export const schemaFileName = 'schema.json';

/**
 * Finds the PBXs of a configuration folder: each child that is a `*.json` file, or a folder with `*.json` files in it at any depth. Other files
 * (audio, notes, what editors leave behind) and names that start with a dot are none of ours. Symbolic links are followed.
 */
export async function findPbxs(
  folder: string,
): Promise<{ readonly pbxs: readonly PbxFiles[]; readonly issues: readonly Issue[] }> {
  const issues: Issue[] = [];
  const pbxs: PbxFiles[] = [];
  const search = new Search(folder, issues);
  for (const child of await search.children(resolve(folder))) {
    if (child.name === schemaFileName) continue;
    const files = await search.jsonFiles(child.path);
    if (files.length > 0) pbxs.push({ name: child.name.replace(/\.json$/, ''), files });
  }
  if (pbxs.length === 0 && issues.length === 0) {
    const hint = 'Put a file such as acme.json into it, or name another folder with --config.';
    issues.push(issueOfFile(folder, { code: 'no-pbx', message: 'The folder holds no PBX', hint }));
  }
  return { pbxs, issues };
}

class Search {
  readonly #folder: string;
  readonly #issues: Issue[];
  readonly #visited = new Set<string>();

  constructor(folder: string, issues: Issue[]) {
    this.#folder = folder;
    this.#issues = issues;
  }

  /** In an order that does not depend on the file system. */
  async children(path: string): Promise<{ readonly name: string; readonly path: string }[]> {
    try {
      const names = (await readdir(path)).filter((name) => !name.startsWith('.'));
      return names.sort().map((name) => ({ name, path: join(path, name) }));
    } catch (error) {
      this.#unreadable(path, error);
      return [];
    }
  }

  async jsonFiles(path: string): Promise<FoundFile[]> {
    try {
      const found = await stat(path);
      if (found.isFile()) return path.endsWith('.json') ? [await this.#file(path)] : [];
      if (!found.isDirectory() || (await this.#seen(path))) return [];
    } catch (error) {
      this.#unreadable(path, error);
      return [];
    }
    const files: FoundFile[] = [];
    for (const child of await this.children(path)) files.push(...(await this.jsonFiles(child.path)));
    return files;
  }

  async #file(path: string): Promise<FoundFile> {
    return { name: this.#shown(path), path, bytes: await readFile(path) };
  }

  /** A link may lead back to a folder above it. */
  async #seen(path: string): Promise<boolean> {
    const real = await realpath(path);
    if (this.#visited.has(real)) return true;
    this.#visited.add(real);
    return false;
  }

  #shown(path: string): string {
    const inside = relative(resolve(this.#folder), path);
    return inside === '' ? this.#folder : join(this.#folder, inside).split(sep).join('/');
  }

  #unreadable(path: string, error: unknown): void {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const message = missing ? 'Does not exist' : `Cannot be read: ${errorText(error)}`;
    const hint =
      missing && path === resolve(this.#folder) ? 'Name the folder with --config or KOMMUTATOR_CONFIG.' : undefined;
    this.#issues.push(issueOfFile(this.#shown(path), { code: 'unreadable', message, hint }));
  }
}
