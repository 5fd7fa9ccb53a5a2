import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Issue, isError } from '../../../src/config/issue.ts';
import { type LoadedConfig, loadConfig } from '../../../src/config/load.ts';

/** File contents by path; objects are written as JSON. */
export type Files = Readonly<Record<string, string | Uint8Array | object>>;

/** A configuration folder on disk; removed by `await using`. */
export class Folder implements AsyncDisposable {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  static async with(files: Files): Promise<Folder> {
    const folder = new Folder(await mkdtemp(join(tmpdir(), 'km-config-')));
    await folder.write(files);
    return folder;
  }

  async write(files: Files): Promise<void> {
    for (const [name, content] of Object.entries(files)) {
      const path = join(this.path, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(
        path,
        typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content),
      );
    }
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.path, name), { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

/**
 * Loads the files as one configuration; issues name them relative to the folder.
 * @param now milliseconds since 1970
 */
export async function load(files: Files, now?: number): Promise<LoadedConfig & { readonly errors: readonly Issue[] }> {
  await using folder = await Folder.with(files);
  const loaded = await loadConfig(folder.path, { now });
  const issues = loaded.issues.map((issue) => ({
    ...issue,
    file: issue.file.replace(`${folder.path}/`, ''),
    message: issue.message.replaceAll(`${folder.path}/`, ''),
  }));
  return { ...loaded, issues, errors: issues.filter(isError) };
}

/** A document that is right, with the given text put into it as further keys. */
export const acme = (keys: string): string =>
  `{\n"pbx": { "id": "acme", "domains": ["acme.example"], "extensionDialing": { "enabled": false } }${keys === '' ? '' : `,\n${keys}`}\n}`;

/** The smallest WAV file with PCM: a header and nothing to hear. */
export function wav(format = 1): Uint8Array {
  const bytes = new Uint8Array(48);
  const view = new DataView(bytes.buffer);
  const ascii = (at: number, text: string) => bytes.set(new TextEncoder().encode(text), at);
  ascii(0, 'RIFF');
  view.setUint32(4, 40, true);
  ascii(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, format, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, 8000, true);
  view.setUint32(28, 16_000, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  ascii(36, 'data');
  view.setUint32(40, 4, true);
  return bytes;
}
