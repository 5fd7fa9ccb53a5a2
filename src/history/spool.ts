import { mkdirSync } from 'node:fs';
import { type FileHandle, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Random } from '../time/random.ts';
import type { CallRecord } from './record.ts';
import { parseRecord, serialised } from './stream.ts';

/**
 * Where records wait while Redis is away: files of JSON lines, synced to the disk before `append` resolves. A file is read back when it is not written
 * to any more, and removed when all of it has been handed on; so a record may be handed on twice, and never not at all.
 */
export class Spool {
  readonly #directory: string;
  readonly #random: Random;
  readonly #log: Logger;
  #current: { readonly name: string; readonly file: FileHandle } | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #lines: string[] = [];
  #waiting = 0;

  constructor(directory: string, random: Random, log: Logger) {
    this.#directory = directory;
    this.#random = random;
    this.#log = log;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** How many records were appended and have not been handed on. Those of an earlier run are not counted. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Resolves when the record is on the disk. What arrives while the disk is busy goes in one write. */
  async append(record: CallRecord): Promise<void> {
    this.#lines.push(serialised(record));
    await this.#inTurn(async () => {
      const lines = this.#lines;
      if (lines.length === 0) return;
      this.#lines = [];
      try {
        this.#current ??= await this.#open();
        await this.#current.file.appendFile(`${lines.join('\n')}\n`);
        await this.#current.file.datasync();
        this.#waiting += lines.length;
      } catch (error) {
        this.#lines = [...lines, ...this.#lines];
        throw error;
      }
    });
  }

  /**
   * Hands every record to `send`, file by file, and removes each file after its last record. Rejects as `send` does; what has not been handed on
   * stays.
   */
  async drain(send: (records: readonly CallRecord[]) => Promise<void>): Promise<number> {
    await this.#inTurn(() => this.#closeCurrent());
    const names = (await readdir(this.#directory)).filter((name) => name.endsWith('.jsonl')).sort();
    let count = 0;
    for (const name of names) {
      // Since `closeCurrent` another may have been opened.
      if (name === this.#current?.name) continue;
      const records = await this.#read(name);
      for (let i = 0; i < records.length; i += 100) await send(records.slice(i, i + 100));
      await rm(join(this.#directory, name));
      count += records.length;
      this.#waiting = Math.max(0, this.#waiting - records.length);
    }
    return count;
  }

  async close(): Promise<void> {
    await this.#inTurn(() => this.#closeCurrent());
  }

  async #read(name: string): Promise<CallRecord[]> {
    const lines = (await readFile(join(this.#directory, name), 'utf8')).split('\n').filter(Boolean);
    return lines.flatMap((line) => {
      const record = parseRecord(line);
      if (record) return [record];
      // A machine that lost its power in the middle of a write; nobody was told that this record is safe.
      this.#log.error({ file: name, line }, 'a line of the history spool is no call record and is skipped');
      return [];
    });
  }

  async #open() {
    const name = `${this.#random.uuid()}.jsonl`;
    return { name, file: await open(join(this.#directory, name), 'a', 0o600) };
  }

  async #closeCurrent(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    await current?.file.close();
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(run);
    this.#queue = result.catch(() => undefined);
    return result;
  }
}
