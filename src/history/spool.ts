import { mkdirSync } from 'node:fs';
import { type FileHandle, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Random } from '../time/random.ts';

/** How what waits is written, a line each. */
export interface SpoolForm<Item> {
  /** For the log: `call record`. */
  readonly name: string;
  /** One line of JSON. */
  readonly write: (item: Item) => string;
  /** Undefined: the line is none. */
  readonly read: (line: string) => Item | undefined;
}

/**
 * Where things wait while a backend is away (call records for Redis, voice messages for the database): files of JSON lines, synced to the disk before
 * `append` resolves. A file is read back when it is not written to any more, and removed when all of it has been handed on; so an item may be
 * handed on twice, and never not at all.
 */
export class Spool<Item> {
  readonly #directory: string;
  readonly #form: SpoolForm<Item>;
  readonly #random: Random;
  readonly #log: Logger;
  #current: { readonly name: string; readonly file: FileHandle } | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #lines: string[] = [];
  #waiting = 0;

  constructor(directory: string, form: SpoolForm<Item>, random: Random, log: Logger) {
    this.#directory = directory;
    this.#form = form;
    this.#random = random;
    this.#log = log;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** How many items were appended and have not been handed on. Those of an earlier run are not counted. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Resolves when the item is on the disk. What arrives while the disk is busy goes in one write. */
  async append(item: Item): Promise<void> {
    this.#lines.push(this.#form.write(item));
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
   * Hands every item to `send`, file by file, and removes each file after its last one. Rejects as `send` does; what has not been handed on
   * stays.
   */
  async drain(send: (items: readonly Item[]) => Promise<void>): Promise<number> {
    await this.#inTurn(() => this.#closeCurrent());
    const names = (await readdir(this.#directory)).filter((name) => name.endsWith('.jsonl')).sort();
    let count = 0;
    for (const name of names) {
      // Since `closeCurrent` another may have been opened.
      if (name === this.#current?.name) continue;
      const items = await this.#read(name);
      for (let i = 0; i < items.length; i += 100) await send(items.slice(i, i + 100));
      await rm(join(this.#directory, name));
      count += items.length;
      this.#waiting = Math.max(0, this.#waiting - items.length);
    }
    return count;
  }

  async close(): Promise<void> {
    await this.#inTurn(() => this.#closeCurrent());
  }

  async #read(name: string): Promise<Item[]> {
    const lines = (await readFile(join(this.#directory, name), 'utf8')).split('\n').filter(Boolean);
    return lines.flatMap((line) => {
      const item = this.#form.read(line);
      if (item) return [item];
      // A machine that lost its power in the middle of a write; nobody was told that this one is safe.
      this.#log.error({ file: name, line }, `a line of the spool is no ${this.#form.name} and is skipped`);
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
