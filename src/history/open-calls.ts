import type { Logger } from 'pino';
import { z } from 'zod';
import { jsonLine } from '../database/json-line.ts';
import { errorText } from '../errors.ts';
import { type RedisConnection, RedisDownError } from '../redis/connection.ts';
import { script } from '../redis/script.ts';
import type { Clock, TimerId } from '../time/clock.ts';
import { lostRecord, OpenCall } from './open-call.ts';
import type { CallRecord } from './record.ts';
import { serialised } from './stream.ts';

const file = (name: string) => new URL(`scripts/${name}.lua`, import.meta.url);

const keep = script(file('open-keep'), {
  keys: (k, node) => k.openCalls(node),
  args: (node: string, now: number | '', changed: Readonly<Record<string, string>>, over: readonly string[]) => [
    now,
    node,
    JSON.stringify(changed),
    JSON.stringify(over),
  ],
  reply: z.array(z.string()),
});

const left = script(file('open-left'), {
  keys: (k, node) => k.openCalls(node),
  args: (_node: string, limit: number) => [limit],
  reply: z.array(z.string()),
});

const lost = script(file('open-lost'), {
  keys: (k, node) => [...k.openCalls(node), k.history(), k.historyRejected()],
  args: (node: string, records: readonly (readonly [id: string, record: string])[]) => [node, JSON.stringify(records)],
  reply: z.array(z.string()),
});

/** Milliseconds. */
const beatMs = 1000;
/** A PBX in which this node has no calls is looked at with every so-manieth beat. */
const lookEvery = 5;
/** A node that says nothing for so long is dead. */
const silentMs = 5000;
/** After Redis has been away nobody counts as dead for so long: the others may only come back later than this node. */
const graceMs = 15_000;
const piece = 200;

export interface OpenCallsOptions {
  readonly redis: RedisConnection;
  /** NODE_ID: earlier runs of this node are dead for certain. */
  readonly node: string;
  /** `<NODE_ID>-<hexadecimal digits>`: this run of the node. */
  readonly name: string;
  /** The Redis is this engine's own: whoever else is in it is dead. */
  readonly alone: boolean;
  readonly pbxs: () => Iterable<string>;
  /** There is something on this PBX's stream. */
  readonly onAdded: (pbx: string) => void;
  /** The record of a call whose node has died has been written by this node. */
  readonly onLost?: (record: CallRecord) => void;
  readonly clock: Clock;
  readonly log: Logger;
  /** The time in tests, as milliseconds since 1970; without it the Redis server's. */
  readonly now?: () => number;
}

interface Open {
  readonly told: () => OpenCall;
  /** Redis does not have it as it is now. */
  isChanged: boolean;
  /** It has been written once. */
  isWritten: boolean;
}

/** The calls of one PBX on this node. */
interface Calls {
  readonly open: Map<string, Open>;
  readonly over: Set<string>;
  /** A write that is under way. */
  writing: Promise<void> | undefined;
}

/**
 * Calls of this node, kept in Redis as long as they go on, and the calls that other nodes have left behind: a call is in the history also when its node
 * was killed. What a call has become is written with the next beat, that it is there at once.
 */
export class OpenCalls {
  readonly #options: OpenCallsOptions;
  readonly #pbxs = new Map<string, Calls>();
  readonly #off: readonly (() => void)[];
  #timer: TimerId;
  #beats = 0;
  /** Since when Redis has been there without a break, by the monotonic clock. */
  #upSince: number;
  #closed = false;

  constructor(options: OpenCallsOptions) {
    this.#options = options;
    const { redis, clock } = options;
    this.#upSince = clock.monotonic();
    this.#off = [
      redis.on('up', () => {
        this.#upSince = clock.monotonic();
        // It may have lost what it had.
        for (const { open } of this.#pbxs.values()) for (const one of open.values()) one.isChanged = true;
      }),
    ];
    void this.#beat();
  }

  /**
   * The call is there, or has become another.
   * @param told what is to be kept of it; asked when it is written
   */
  keep(pbx: string, id: string, told: () => OpenCall): void {
    const calls = this.#of(pbx);
    const known = calls.open.get(id);
    if (known) {
      known.isChanged = true;
      return;
    }
    const one = { told, isChanged: true, isWritten: false };
    calls.open.set(id, one);
    // Not behind a write that is under way: what is given to the system now arrives, also if the process dies the next moment.
    void this.#quietly(pbx, () => this.#put(pbx, calls, [[id, one]], []));
  }

  /** The call is over, and its record is on its way: nothing more is told of it. What is kept goes when the record is safe. */
  ends(pbx: string, id: string): void {
    this.#pbxs.get(pbx)?.open.delete(id);
  }

  /** Its record is safe, or none is wanted. */
  over(pbx: string, id: string): void {
    this.ends(pbx, id);
    this.#of(pbx).over.add(id);
  }

  /** Resolves when Redis knows what there is to know, if it can be reached. */
  async settled(): Promise<void> {
    await Promise.all([...this.#pbxs].map(([pbx, calls]) => this.#write(pbx, calls)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#options.clock.clearTimeout(this.#timer);
    for (const off of this.#off) off();
    await this.settled();
  }

  #of(pbx: string): Calls {
    const known = this.#pbxs.get(pbx);
    if (known) return known;
    const made: Calls = { open: new Map(), over: new Set(), writing: undefined };
    this.#pbxs.set(pbx, made);
    return made;
  }

  async #beat(): Promise<void> {
    const looksAtAll = this.#beats++ % lookEvery === 0;
    const busy = [...this.#pbxs].filter(([, { open, over }]) => open.size + over.size > 0).map(([pbx]) => pbx);
    const due = new Set([...busy, ...(looksAtAll ? this.#options.pbxs() : [])]);
    await Promise.all([...due].map((pbx) => this.#write(pbx, this.#of(pbx))));
    if (!this.#closed) this.#timer = this.#options.clock.setTimeout(() => void this.#beat(), beatMs);
  }

  /** One at a time. Never rejects: what Redis does not take now it gets with a later beat. */
  async #write(pbx: string, calls: Calls): Promise<void> {
    while (calls.writing) await calls.writing;
    calls.writing = this.#quietly(pbx, async () => {
      const changed = [...calls.open].filter(([, { isChanged }]) => isChanged);
      const [time, ...nodes] = await this.#put(pbx, calls, changed, [...calls.over]);
      await this.#bury(pbx, Number(time), nodes);
    });
    await calls.writing;
    calls.writing = undefined;
  }

  async #quietly(pbx: string, write: () => Promise<unknown>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (error instanceof RedisDownError) return;
      this.#options.log.error({ err: error, pbx }, `calls that go on could not be kept: ${errorText(error)}`);
    }
  }

  /** @returns Redis's time, then the nodes that have calls, each with when it spoke last */
  async #put(
    pbx: string,
    calls: Calls,
    changed: readonly (readonly [id: string, call: Open])[],
    over: readonly string[],
  ): Promise<string[]> {
    const { redis, name, now } = this.#options;
    const hadBefore = [...calls.open.values()].some(({ isWritten }) => isWritten);
    for (const [, one] of changed) one.isChanged = false;
    try {
      const texts = Object.fromEntries(changed.map(([id, { told }]) => [id, jsonLine(told())]));
      const [state, ...rest] = await keep(redis, pbx, name, now?.() ?? '', texts, over);
      for (const id of over) calls.over.delete(id);
      for (const [, one] of changed) one.isWritten = true;
      // Redis has lost them, or another node took this one for dead.
      if (state === 'new' && hadBefore) for (const one of calls.open.values()) one.isChanged = true;
      return rest;
    } catch (error) {
      for (const [, one] of changed) one.isChanged = true;
      throw error;
    }
  }

  /** @param nodes name, when it spoke last, name, … */
  async #bury(pbx: string, time: number, nodes: readonly string[]): Promise<void> {
    const { name, clock, alone } = this.#options;
    const isSure = alone || clock.monotonic() - this.#upSince >= graceMs;
    for (let i = 0; i < nodes.length; i += 2) {
      const node = nodes[i] as string;
      const spoke = Number(nodes[i + 1]);
      if (node === name) continue;
      if (this.#isEarlierRun(node) || alone || (isSure && time - spoke > silentMs))
        await this.#writeLost(pbx, node, spoke);
    }
  }

  #isEarlierRun(node: string): boolean {
    const prefix = `${this.#options.node}-`;
    return node.startsWith(prefix) && /^[0-9a-f]+$/.test(node.slice(prefix.length));
  }

  async #writeLost(pbx: string, node: string, spoke: number): Promise<void> {
    const { redis, log, onAdded, onLost } = this.#options;
    for (;;) {
      const flat = await left(redis, pbx, node, piece);
      const records = new Map<string, CallRecord | undefined>();
      for (let i = 0; i < flat.length; i += 2) {
        const open = parseOpen(flat[i + 1] ?? '');
        records.set(flat[i] as string, open && lostRecord(open, spoke));
      }
      const texts = [...records].map(([id, record]) => [id, record ? serialised(record) : ''] as const);
      const written = await lost(redis, pbx, node, texts);
      if (records.size === 0) return;
      onAdded(pbx);
      if (written.length > 0)
        log.warn({ pbx, node, count: written.length }, 'calls of a node that died are in the history');
      for (const id of written) {
        const record = records.get(id);
        if (record) onLost?.(record);
      }
    }
  }
}

function parseOpen(text: string): OpenCall | undefined {
  try {
    return OpenCall.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
