import type { Logger } from 'pino';
import { z } from 'zod';
import { errorText } from '../errors.ts';
import type { Clock, TimerId } from '../time/clock.ts';
import { type RedisCommands, RedisDownError } from './connection.ts';
import { script } from './script.ts';

/** What there is a limited number of in a PBX: calls at once, those who take part in conferences, lines of a trunk. */
export type Limited = 'calls' | 'conferences' | `trunk-lines:${string}`;

const file = (name: string) => new URL(`scripts/${name}.lua`, import.meta.url);

const take = script(file('limit-take'), {
  keys: (k, what) => [k.limit(what)],
  args: (_what: Limited, now: number | '', limit: number, one: string) => [now, limit, one, TTL_MS],
  reply: z.union([z.tuple([z.literal('taken')]), z.tuple([z.literal('none')])]),
});

const keep = script(file('limit-keep'), {
  keys: (k, what) => [k.limit(what)],
  args: (_what: Limited, now: number | '', held: readonly string[]) => [now, TTL_MS, held.join(' ')],
  reply: z.tuple([z.literal('kept'), z.number()]),
});

const give = script(file('limit-give'), {
  keys: (k, what) => [k.limit(what)],
  args: (_what: Limited, one: string) => [one],
  reply: z.tuple([z.literal('given')]),
});

/** What a node had that has died is free after this; what one has that lives is kept by saying so three times as often. */
const TTL_MS = 15_000;
const KEEP_EVERY_MS = 5_000;

export interface SharedLimitsOptions {
  readonly redis: RedisCommands;
  readonly clock: Clock;
  readonly log: Logger;
  /** Tells this run of this node from all others. */
  readonly run: string;
  /** The time in tests, as milliseconds since 1970; without it the Redis server's. */
  readonly now?: () => number;
}

/**
 * Limits that hold over all nodes together. While Redis is away each node counts its own: calls are not refused for what cannot be known.
 */
export class SharedLimits {
  readonly #options: SharedLimitsOptions;
  /** By PBX and what: what this node has. */
  readonly #held = new Map<string, Held>();
  #count = 0;
  #timer: TimerId | undefined;
  #closed = false;

  constructor(options: SharedLimitsOptions) {
    this.#options = options;
  }

  /**
   * @param limit 0: there is none
   * @returns gives it back, once; undefined: all are taken
   */
  async take(pbx: string, what: Limited, limit: number): Promise<(() => void) | undefined> {
    const { redis, run } = this.#options;
    const one = `${run}-${++this.#count}`;
    const held = this.#of(pbx, what);
    held.limited = limit > 0;
    // Before Redis is asked: what this node is about to take counts when Redis is away.
    held.all.add(one);
    if (limit > 0) {
      if (!(await this.#isFree(pbx, what, { limit, one, own: held.all.size }))) {
        held.all.delete(one);
        return undefined;
      }
      if (this.#closed) return () => undefined;
      this.#timer ??= this.#options.clock.setTimeout(() => void this.#keep(), KEEP_EVERY_MS);
    }
    return () => {
      if (!held.all.delete(one) || limit === 0) return;
      give(redis, pbx, what, one).catch((error: unknown) => this.#unlessAway(error));
    };
  }

  /** How many this node has. */
  held(pbx: string, what: Limited): number {
    return this.#held.get(key(pbx, what))?.all.size ?? 0;
  }

  close(): void {
    this.#closed = true;
    this.#options.clock.clearTimeout(this.#timer);
  }

  async #isFree(
    pbx: string,
    what: Limited,
    { limit, one, own }: { readonly limit: number; readonly one: string; readonly own: number },
  ): Promise<boolean> {
    const { redis, now } = this.#options;
    try {
      const [reply] = await take(redis, pbx, what, now?.() ?? '', limit, one);
      return reply === 'taken';
    } catch (error) {
      this.#unlessAway(error);
      return own <= limit;
    }
  }

  /** Says what this node still has: Redis may have lost it, or have thought that the node had died. */
  async #keep(): Promise<void> {
    this.#timer = undefined;
    const { redis, now, clock } = this.#options;
    const limited = [...this.#held.values()].filter((held) => held.limited && held.all.size > 0);
    if (limited.length === 0) return;
    await Promise.all(
      limited.map(({ pbx, what, all }) =>
        keep(redis, pbx, what, now?.() ?? '', [...all]).catch((error: unknown) => this.#unlessAway(error)),
      ),
    );
    if (!this.#closed) this.#timer ??= clock.setTimeout(() => void this.#keep(), KEEP_EVERY_MS);
  }

  #of(pbx: string, what: Limited): Held {
    const known = this.#held.get(key(pbx, what));
    if (known) return known;
    const made: Held = { pbx, what, all: new Set(), limited: false };
    this.#held.set(key(pbx, what), made);
    return made;
  }

  #unlessAway(error: unknown): void {
    if (error instanceof RedisDownError) return;
    this.#options.log.error({ err: error }, `what is limited could not be counted: ${errorText(error)}`);
  }
}

interface Held {
  readonly pbx: string;
  readonly what: Limited;
  readonly all: Set<string>;
  /** Only that of which there are so many is counted over all nodes. */
  limited: boolean;
}

const key = (pbx: string, what: Limited): string => `${pbx}/${what}`;
