import type { RedisConnection } from '../redis/connection.ts';
import { Keys } from '../redis/keys.ts';
import type { RedisSubscriber } from '../redis/subscriber.ts';
import { readEvents } from './scripts.ts';

export interface LoggedEvent {
  /** Where to go on from; opaque, but for `numberOf`. */
  readonly cursor: string;
  readonly type: string;
  /** A JSON object as it was published. */
  readonly data: string;
}

export type EventBatch =
  | { readonly outcome: 'events'; readonly events: readonly LoggedEvent[] }
  /** What followed the cursor is not there any more, or may have holes. `cursor`: the newest event. */
  | { readonly outcome: 'gone'; readonly cursor: string };

/**
 * What a script has put into the log together with its change, in the form of the other events. By type; the others are told as they were published.
 * @param data JSON
 */
export type EventForms = Readonly<Record<string, (pbx: string, data: unknown) => Readonly<Record<string, unknown>>>>;

/** What `EventLog` writes, on whichever node, and scripts do. */
export class EventFeed {
  readonly #redis: RedisConnection;
  readonly #subscriber: RedisSubscriber;
  readonly #forms: EventForms;
  /** Reads under way, by PBX: all who follow a log and stand at the same place ask once. */
  readonly #reads = new Map<string, Map<string, Promise<EventBatch>>>();

  constructor(redis: RedisConnection, subscriber: RedisSubscriber, forms: EventForms = {}) {
    this.#redis = redis;
    this.#subscriber = subscriber;
    this.#forms = forms;
  }

  /**
   * At most `limit` events after the cursor, in their order; without a cursor none, but where to begin.
   * @throws RedisDownError
   */
  after(pbx: string, cursor: string | undefined, limit: number): Promise<EventBatch> {
    const reads = this.#reads.get(pbx) ?? new Map<string, Promise<EventBatch>>();
    this.#reads.set(pbx, reads);
    const key = `${cursor} ${limit}`;
    const known = reads.get(key);
    if (known) return known;
    const read = this.#read(pbx, cursor, limit).finally(() => reads.delete(key));
    reads.set(key, read);
    return read;
  }

  /** Calls back when there may be something new. */
  watch(pbx: string, wake: () => void): () => void {
    return this.#subscriber.subscribe(new Keys(pbx).events(), () => {
      // A read that was under way by now may have missed it.
      this.#reads.delete(pbx);
      wake();
    });
  }

  async #read(pbx: string, cursor: string | undefined, limit: number): Promise<EventBatch> {
    // What is no cursor is one that no log has.
    const asked = cursor === '' || (cursor !== undefined && isCursor(cursor)) ? cursor : '0-0-none';
    const [outcome, found] = await readEvents(this.#redis, pbx, asked, limit);
    if (outcome === 'events') return { outcome, events: found.map((event) => this.#formed(pbx, event)) };
    // A log that nothing was ever written to has a beginning all the same.
    return { outcome, cursor: found };
  }

  #formed(pbx: string, event: LoggedEvent): LoggedEvent {
    const form = this.#forms[event.type];
    return form
      ? { ...event, data: JSON.stringify({ type: event.type, ...form(pbx, JSON.parse(event.data)) }) }
      : event;
  }
}

const isCursor = (text: string): boolean => /^\d{1,15}-\d{1,15}-[\w.]{1,40}$/.test(text);
