import type { Logger } from 'pino';
import { z } from 'zod';
import type { Trunk } from '../config/document.ts';
import type { PbxVersion } from '../config/version.ts';
import { errorText } from '../errors.ts';
import { type RedisConnection, RedisDownError } from '../redis/connection.ts';
import { script } from '../redis/script.ts';
import type { Clock, TimerId } from '../time/clock.ts';

const file = (name: string) => new URL(`scripts/${name}.lua`, import.meta.url);

const takeLine = script(file('take-line'), {
  keys: (k, trunk) => [k.trunkLines(trunk)],
  args: (_trunk: string, now: number | '', limit: number, line: string) => [now, limit, line, LINE_TTL_MS],
  reply: z.union([z.tuple([z.literal('taken')]), z.tuple([z.literal('none')])]),
});

const keepLines = script(file('keep-lines'), {
  keys: (k, trunk) => [k.trunkLines(trunk)],
  args: (_trunk: string, now: number | '', held: readonly string[]) => [now, LINE_TTL_MS, held.join(' ')],
  reply: z.tuple([z.literal('kept'), z.number()]),
});

const giveLine = script(file('give-line'), {
  keys: (k, trunk) => [k.trunkLines(trunk)],
  args: (_trunk: string, line: string) => [line],
  reply: z.tuple([z.literal('given')]),
});

/** The lines of a node that has died are free after this; of one that lives they are kept by saying so three times as often. */
const LINE_TTL_MS = 15_000;
const KEEP_EVERY_MS = 5_000;

export interface LinesOptions {
  readonly redis: RedisConnection;
  readonly clock: Clock;
  readonly log: Logger;
  /** Tells this run of this node from all others. */
  readonly run: string;
  /** The time in tests, as milliseconds since 1970; without it the Redis server's. */
  readonly now?: () => number;
}

/**
 * The lines of trunks (`lines`, §5.3.1.1), counted over all nodes, calls in both directions together. While Redis is away each node counts its own: calls
 * are not refused for what cannot be known.
 */
export class TrunkLines {
  readonly #options: LinesOptions;
  /** By PBX and trunk: what this node has. */
  readonly #held = new Map<string, Held>();
  #count = 0;
  #timer: TimerId | undefined;
  #closed = false;

  constructor(options: LinesOptions) {
    this.#options = options;
  }

  /** @returns gives the line back, once; undefined: all are taken */
  async take(pbx: PbxVersion, { id: trunk, lines: limit }: Trunk): Promise<(() => void) | undefined> {
    const { redis, run } = this.#options;
    const line = `${run}-${++this.#count}`;
    const held = this.#of(pbx.id, trunk);
    held.limited = limit > 0;
    // Before Redis is asked: lines that this node is about to take count when Redis is away.
    held.lines.add(line);
    if (limit > 0) {
      if (!(await this.#isFree(pbx.id, trunk, { limit, line, own: held.lines.size }))) {
        held.lines.delete(line);
        return undefined;
      }
      if (this.#closed) return () => undefined;
      this.#timer ??= this.#options.clock.setTimeout(() => void this.#keep(), KEEP_EVERY_MS);
    }
    return () => {
      if (!held.lines.delete(line) || limit === 0) return;
      giveLine(redis, pbx.id, trunk, line).catch((error: unknown) => this.#unlessAway(error));
    };
  }

  /** How many lines of a trunk this node has. */
  held(pbx: string, trunk: string): number {
    return this.#held.get(key(pbx, trunk))?.lines.size ?? 0;
  }

  close(): void {
    this.#closed = true;
    this.#options.clock.clearTimeout(this.#timer);
  }

  async #isFree(
    pbx: string,
    trunk: string,
    { limit, line, own }: { readonly limit: number; readonly line: string; readonly own: number },
  ): Promise<boolean> {
    const { redis, now } = this.#options;
    try {
      const [reply] = await takeLine(redis, pbx, trunk, now?.() ?? '', limit, line);
      return reply === 'taken';
    } catch (error) {
      this.#unlessAway(error);
      return own <= limit;
    }
  }

  /** Says which lines this node still has: Redis may have lost them, or have thought that the node had died. */
  async #keep(): Promise<void> {
    this.#timer = undefined;
    const { redis, now, clock } = this.#options;
    const all = [...this.#held.values()].filter(({ lines, limited }) => limited && lines.size > 0);
    if (all.length === 0) return;
    await Promise.all(
      all.map(({ pbx, trunk, lines }) =>
        keepLines(redis, pbx, trunk, now?.() ?? '', [...lines]).catch((error: unknown) => this.#unlessAway(error)),
      ),
    );
    if (!this.#closed) this.#timer ??= clock.setTimeout(() => void this.#keep(), KEEP_EVERY_MS);
  }

  #of(pbx: string, trunk: string): Held {
    const known = this.#held.get(key(pbx, trunk));
    if (known) return known;
    const made: Held = { pbx, trunk, lines: new Set(), limited: false };
    this.#held.set(key(pbx, trunk), made);
    return made;
  }

  #unlessAway(error: unknown): void {
    if (error instanceof RedisDownError) return;
    this.#options.log.error({ err: error }, `lines of trunks could not be counted: ${errorText(error)}`);
  }
}

interface Held {
  readonly pbx: string;
  readonly trunk: string;
  readonly lines: Set<string>;
  /** Only lines of which there are so many are counted over all nodes. */
  limited: boolean;
}

const key = (pbx: string, trunk: string): string => `${pbx}/${trunk}`;
