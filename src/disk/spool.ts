import { mkdirSync } from 'node:fs';
import { type FileHandle, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Random } from '../time/random.ts';

/** How one kind of thing stands on a line. */
export interface SpoolForm<T> {
  /** In the singular, for the log: `call record`. */
  readonly what: string;
  /** Without a line break. */
  write(item: T): string;
  /** Undefined: it is none. */
  read(line: string): T | undefined;
}

/**
 * Where things wait on the disk until somebody else keeps them: files of JSON lines, synced before `append` resolves. A file is read back when it is not
 * written to any more, and removed when all of it has been handed on; so a thing may be handed on twice, and never not at all.
 */
export class Spool<T> {
  readonly #directory: string;
  readonly #form: SpoolForm<T>;
  readonly #random: Random;
  readonly #log: Logger;
  #current: { readonly name: string; readonly file: FileHandle } | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #lines: string[] = [];
  #waiting = 0;

  constructor(directory: string, form: SpoolForm<T>, random: Random, log: Logger) {
    this.#directory = directory;
    this.#form = form;
    this.#random = random;
    this.#log = log;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** How many things were appended and have not been handed on. Those of an earlier run are not counted. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Resolves when the thing is on the disk. What arrives while the disk is busy goes in one write. */
  async append(item: T): Promise<void> {
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
   * Hands everything to `send`, file by file, and removes each file after its last line. Rejects as `send` does; what has not been handed on
   * stays.
   */
  async drain(send: (items: readonly T[]) => Promise<void>): Promise<number> {
    await this.#inTurn(() => this.#closeCurrent());
    return this.#handOn(send);
  }

  /** As `drain`, but what was appended since the last time stays until the next: it has lain here for at least as long as lies between the two. */
  async drainOlder(send: (items: readonly T[]) => Promise<void>): Promise<number> {
    const count = await this.#handOn(send);
    await this.#inTurn(() => this.#closeCurrent());
    return count;
  }

  async close(): Promise<void> {
    await this.#inTurn(() => this.#closeCurrent());
  }

  async #handOn(send: (items: readonly T[]) => Promise<void>): Promise<number> {
    const names = (await readdir(this.#directory)).filter((name) => name.endsWith('.jsonl')).sort();
    let count = 0;
    for (const name of names) {
      // It is being written to.
      if (name === this.#current?.name) continue;
      const items = await this.#read(name);
      for (let i = 0; i < items.length; i += 100) await send(items.slice(i, i + 100));
      await rm(join(this.#directory, name));
      count += items.length;
      this.#waiting = Math.max(0, this.#waiting - items.length);
    }
    return count;
  }

  async #read(name: string): Promise<T[]> {
    const lines = (await readFile(join(this.#directory, name), 'utf8')).split('\n').filter(Boolean);
    return lines.flatMap((line) => {
      const item = this.#form.read(line);
      if (item !== undefined) return [item];
      // A machine that lost its power in the middle of a write; nobody was told that this is safe.
      this.#log.error({ file: name, line }, `a line of a spool is no ${this.#form.what} and is skipped`);
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

  #inTurn<R>(run: () => Promise<R>): Promise<R> {
    const result = this.#queue.then(run);
    this.#queue = result.catch(() => undefined);
    return result;
  }
}
