import { open, readFile, rename, writeFile } from 'node:fs/promises';
import { MessageFiles } from '../files.ts';
import { FaxRecord } from './record.ts';

/** What a fax has on the disk: its pages, for fax machines and for people, and the document that they were made of. */
export type FaxFile = 'tiff' | 'pdf' | 'original.pdf';

/** Of those that have not come into the database: their record. */
const OPEN = '.open.json';

/**
 * The files of faxes, `<VAR_DIR>/messages/fax/<pbx>/<id>.tiff` and so on, and beside them the records of those that are being received or have not come into
 * the database yet, so that neither a crash nor a database that is away loses one.
 */
export class FaxFolder {
  readonly #files: MessageFiles;

  constructor(varDir: string) {
    this.#files = new MessageFiles(varDir, 'fax');
  }

  /**
   * Absolute; its folder is there.
   * @throws Error of node:fs if that cannot be made
   */
  path(pbx: string, id: string, kind: FaxFile): string {
    this.#files.folder(pbx);
    return this.#files.path(pbx, `${id}.${kind}`);
  }

  async has(pbx: string, id: string, kind: FaxFile): Promise<boolean> {
    return (await this.#files.size(pbx, `${id}.${kind}`)) !== undefined;
  }

  read(pbx: string, id: string, kind: FaxFile): Promise<Uint8Array> {
    return readFile(this.path(pbx, id, kind));
  }

  /** Whole or not at all, and on the disk when it resolves. */
  async write(pbx: string, id: string, kind: FaxFile, bytes: Uint8Array): Promise<void> {
    await writeWhole(this.path(pbx, id, kind), bytes);
  }

  /** All that it has. */
  async remove(pbx: string, id: string): Promise<void> {
    const names = [OPEN, '.tiff', '.pdf', '.original.pdf'] as const;
    await Promise.all(names.map((name) => this.#files.remove(pbx, `${id}${name}`)));
  }

  /** Remembers a fax until `close`. */
  async keepOpen(record: FaxRecord): Promise<void> {
    this.#files.folder(record.pbx);
    await writeWhole(this.#files.path(record.pbx, `${record.id}${OPEN}`), Buffer.from(JSON.stringify(record)));
  }

  async close({ pbx, id }: FaxRecord): Promise<void> {
    await this.#files.remove(pbx, `${id}${OPEN}`);
  }

  /** Those that were remembered; what cannot be read is passed over. */
  async stillOpen(): Promise<FaxRecord[]> {
    const found: FaxRecord[] = [];
    for await (const { pbx, name } of this.#files.all()) {
      if (!name.endsWith(OPEN)) continue;
      const record = recordIn(await readFile(this.#files.path(pbx, name), 'utf8').catch(() => ''));
      if (record) found.push(record);
    }
    return found;
  }
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const unfinished = `${path}.new`;
  await writeFile(unfinished, bytes, { mode: 0o640 });
  const file = await open(unfinished);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(unfinished, path);
}

function recordIn(text: string): FaxRecord | undefined {
  try {
    return FaxRecord.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
