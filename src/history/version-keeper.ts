import type { Logger } from 'pino';
import { DatabaseDownError } from '../database/port.ts';
import { type Clock, delay, type TimerId } from '../time/clock.ts';
import type { KeptVersion, VersionStore } from './version-store.ts';

/** Milliseconds. */
const day = 24 * 3600_000;
/** A version that was not in force for so long, and that no call has used, is dropped: calls may have waited that long for the database. */
const graceDays = 8;
const longestPause = 60_000;

/**
 * Keeps every version of the configuration that calls may use. Nothing waits for it: while the database is away it tries again, with growing pauses.
 * Once a day it tells the database that the versions are still in force.
 */
export class VersionKeeper {
  readonly #store: VersionStore;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  /** By PBX and version. A version that was in force for a moment has its calls, too. */
  readonly #waiting = new Map<string, KeptVersion>();
  #inForce: readonly KeptVersion[] = [];
  #run: Promise<void> | undefined;
  #timer: TimerId;

  constructor(parts: { readonly store: VersionStore; readonly clock: Clock; readonly log: Logger }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#log = parts.log;
  }

  /** These versions are in force from now on, all of them. */
  inForce(versions: readonly KeptVersion[]): void {
    this.#inForce = versions;
    for (const one of versions) this.#waiting.set(`${one.pbx} ${one.version}`, one);
    this.#clock.clearTimeout(this.#timer);
    if (this.#stopping.signal.aborted) return;
    this.#timer = this.#clock.setTimeout(() => this.inForce(this.#inForce), day);
    this.#run ??= this.#keepAll().finally(() => {
      this.#run = undefined;
    });
  }

  /** Resolves when all is kept; not before the database is back. */
  async idle(): Promise<void> {
    await this.#run;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#clock.clearTimeout(this.#timer);
    await this.#run;
  }

  async #keepAll(): Promise<void> {
    let pause = 100;
    for (let next = this.#first(); next; next = this.#first()) {
      const [key, version] = next;
      try {
        await this.#keep(version);
        this.#waiting.delete(key);
        pause = 100;
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        this.#log[error instanceof DatabaseDownError ? 'warn' : 'error'](
          { err: error, pbx: version.pbx, version: version.version },
          'a version of the configuration waits for the database',
        );
        await delay(this.#clock, pause, this.#stopping.signal).catch(() => undefined);
        pause = Math.min(longestPause, pause * 2);
      }
    }
  }

  #first(): [string, KeptVersion] | undefined {
    return this.#stopping.signal.aborted ? undefined : this.#waiting.entries().next().value;
  }

  async #keep(version: KeptVersion): Promise<void> {
    const now = this.#clock.now();
    if (!(await this.#store.keep(version, new Date(now)))) return;
    const dropped = await this.#store.prune(version.pbx, new Date(now - graceDays * day));
    this.#log.debug({ pbx: version.pbx, version: version.version, dropped }, 'a version of the configuration is kept');
  }
}
