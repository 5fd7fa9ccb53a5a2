import { mkdirSync } from 'node:fs';
import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Folders and files here are the engine's alone: they tell of people and hold their voices. */
const FOLDER_MODE = 0o750;

/** Nothing that leads elsewhere: no separators, no leading dot. */
const PLAIN = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

/** The files of one kind of message, `<VAR_DIR>/messages/<kind>/<pbx>/<name>`. No name that it is given, wherever that came from, leads out of it. */
export class MessageFiles {
  readonly #root: string;

  /** @param varDir absolute. @param kind `recordings`, `voicemail`, `faxes` */
  constructor(varDir: string, kind: string) {
    this.#root = join(varDir, 'messages', kind);
  }

  /**
   * The folder of a PBX, made if need be.
   * @throws Error of node:fs when it cannot be made, RangeError for a name that leads elsewhere
   */
  folder(pbx: string): string {
    const folder = join(this.#root, plain(pbx));
    mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
    return folder;
  }

  /** @throws RangeError for a name that leads elsewhere */
  path(pbx: string, name: string): string {
    return join(this.#root, plain(pbx), plain(name));
  }

  /** Bytes of a plain file; undefined: it is not there, or is something else, such as a link. */
  async size(pbx: string, name: string): Promise<number | undefined> {
    try {
      const found = await lstat(this.path(pbx, name));
      return found.isFile() ? found.size : undefined;
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** Nothing happens if it is gone. */
  async remove(pbx: string, name: string): Promise<void> {
    await rm(this.path(pbx, name), { force: true });
  }

  /** The names of the files of each PBX. */
  async *all(): AsyncGenerator<{ readonly pbx: string; readonly name: string }> {
    for (const pbx of await names(this.#root)) {
      if (!PLAIN.test(pbx)) continue;
      for (const name of await names(join(this.#root, pbx))) if (PLAIN.test(name)) yield { pbx, name };
    }
  }
}

function plain(name: string): string {
  if (!PLAIN.test(name)) throw new RangeError(`not a file of ours: ${JSON.stringify(name)}`);
  return name;
}

async function names(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
