import type { Logger } from 'pino';
import { errorText } from '../errors.ts';
import { type RedisConnection, RedisDownError } from '../redis/connection.ts';
import { type Clock, delay } from '../time/clock.ts';
import type { Random } from '../time/random.ts';
import { addEvents, type Entry } from './scripts.ts';

export interface EventLogLimits {
  /** About so many events of a PBX can be asked for again. Unset: `events_kept` of the scripts. */
  readonly keep?: number;
  /** Events of a PBX that wait for Redis; beyond, they are thrown away, and those who follow the log are told to begin anew. */
  readonly waiting: number;
  /** Events in one batch. */
  readonly batch: number;
  /** From one batch to the next, milliseconds: a call has several events at nearly the same time, which go together. */
  readonly gatherMs: number;
  /** The pause before a batch is tried again that Redis would not take just now, milliseconds. */
  readonly pauseMs: number;
}

const defaults: EventLogLimits = { waiting: 5000, batch: 200, gatherMs: 20, pauseMs: 200 };

/** A batch on its way to Redis. */
interface Sending {
  readonly batch: readonly Entry[];
  /** Events before it were thrown away. */
  readonly broken: boolean;
  /** It was sent before, and nobody knows whether it arrived. */
  repeated: boolean;
}

/** What one PBX's events wait in. */
interface Outbox {
  sending: Sending | undefined;
  waiting: Entry[];
  /** Events before the waiting ones were thrown away. */
  broken: boolean;
  /** Cursor of the last one that Redis has. */
  after: string;
  running: Promise<void> | undefined;
  /** When the last batch was made, by the monotonic clock. */
  sentAt: number;
}

/**
 * Writes what happens to the log of its PBX: a bounded Redis stream, so that any node can tell the events of all. Publishing costs the caller nothing: it
 * neither waits nor fails. The events of one node keep their order, and each is written once, also when Redis goes away in the
 * middle. What cannot be kept begins a new epoch of the log: nobody takes a log with a hole for a whole one.
 */
export class EventLog {
  readonly #redis: RedisConnection;
  readonly #node: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #limits: EventLogLimits;
  /** Beginning of this publisher's tags. */
  readonly #name: string;
  readonly #outboxes = new Map<string, Outbox>();
  readonly #closing = new AbortController();
  readonly #off: () => void;
  #count = 0;

  constructor(options: {
    readonly redis: RedisConnection;
    readonly node: string;
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Logger;
    readonly limits?: Partial<EventLogLimits>;
  }) {
    this.#redis = options.redis;
    this.#node = options.node;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#limits = { ...defaults, ...options.limits };
    this.#name = options.random.hex(6);
    this.#off = this.#redis.on('up', () => {
      for (const pbx of this.#outboxes.keys()) this.#send(pbx);
    });
  }

  /** @param data what JSON can say; `type`, `at` and `node` are added */
  publish(pbx: string, type: string, data: Readonly<Record<string, unknown>>): void {
    const outbox = this.#outboxes.get(pbx) ?? empty();
    this.#outboxes.set(pbx, outbox);
    const at = new Date(this.#clock.now()).toISOString();
    outbox.waiting.push({
      tag: `${this.#name}.${++this.#count}`,
      type,
      data: JSON.stringify({ type, at, node: this.#node, ...data }),
    });
    if (outbox.waiting.length > this.#limits.waiting) {
      this.#log.warn({ pbx, events: outbox.waiting.length }, 'live events thrown away: Redis does not take them');
      outbox.waiting = [];
      outbox.broken = true;
    }
    this.#send(pbx);
  }

  /** Hands over what waits, if Redis takes it now. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#off();
    await Promise.all([...this.#outboxes.values()].map(({ running }) => running));
  }

  #send(pbx: string): void {
    const outbox = this.#outboxes.get(pbx);
    if (!outbox || outbox.running || !(outbox.sending || outbox.waiting.length > 0)) return;
    outbox.running = this.#run(pbx, outbox).finally(() => {
      outbox.running = undefined;
      // Redis may have come back, or an event have come, after the last look of the run.
      if (this.#redis.up && !this.#closing.signal.aborted) this.#send(pbx);
    });
  }

  /** Until nothing waits, or Redis is away: its return begins another run. Never rejects. */
  async #run(pbx: string, outbox: Outbox): Promise<void> {
    for (;;) {
      if (!outbox.sending) await this.#gather(outbox);
      outbox.sending ??= this.#next(outbox);
      if (!outbox.sending) return;
      if (await this.#add(pbx, outbox, outbox.sending)) {
        outbox.sending = undefined;
        continue;
      }
      outbox.sending.repeated = true;
      if (!this.#redis.up || this.#closing.signal.aborted) return;
      // It is there and cannot be written to: loading, failing over.
      await delay(this.#clock, this.#limits.pauseMs, this.#closing.signal).catch(() => undefined);
    }
  }

  async #gather(outbox: Outbox): Promise<void> {
    // What happens in one go goes in one batch.
    await Promise.resolve();
    const left = outbox.sentAt + this.#limits.gatherMs - this.#clock.monotonic();
    if (left <= 0 || outbox.waiting.length >= this.#limits.batch) return;
    await delay(this.#clock, left, this.#closing.signal).catch(() => undefined);
  }

  #next(outbox: Outbox): Sending | undefined {
    const { broken } = outbox;
    const batch = outbox.waiting.splice(0, this.#limits.batch);
    if (batch.length === 0) return undefined;
    outbox.sentAt = this.#clock.monotonic();
    outbox.broken = false;
    return { batch, broken, repeated: false };
  }

  /** False: it will have to be done again. */
  async #add(pbx: string, outbox: Outbox, sending: Sending): Promise<boolean> {
    const { keep = '' } = this.#limits;
    try {
      outbox.after = await addEvents(this.#redis, pbx, { now: '', after: outbox.after, keep, ...sending });
      return true;
    } catch (error) {
      if (error instanceof RedisDownError) {
        this.#log.debug({ pbx, why: errorText(error) }, 'live events wait for Redis');
        return false;
      }
      this.#log.error({ err: error, pbx }, 'Redis refused live events');
      outbox.broken = true;
      return true;
    }
  }
}

const empty = (): Outbox => ({
  sending: undefined,
  waiting: [],
  broken: false,
  after: '',
  running: undefined,
  sentAt: -Infinity,
});
