import { Readable } from 'node:stream';
import type { Logger } from 'pino';
import { errorText } from '../errors.ts';
import type { Clock, TimerId } from '../time/clock.ts';
import type { EventsPort, HttpPorts, LoggedEvent } from './ports.ts';

/** Milliseconds. */
const times = {
  /** After so long without events, a sign of life; it also finds what no wake-up told of. */
  heartbeat: 15_000,
  /** A client that takes nothing for so long is dropped. */
  stall: 30_000,
  /** How often a log that is away is asked again. */
  retry: 1000,
  /** How long a browser waits before it comes again. */
  reconnect: 2000,
} as const;

/** Events in one read. */
const PAGE = 100;

/** Bytes that wait for the client; beyond, nothing more is read for it. */
const WINDOW = 65_536;

export interface EventStreamOptions {
  readonly events: EventsPort;
  readonly awayBackend: HttpPorts['awayBackend'];
  /** Whose events; asked again and again, because PBXs come and go. */
  readonly pbxs: () => readonly string[];
  /** Undefined: all. */
  readonly types: ReadonlySet<string> | undefined;
  /** Where the client stopped, by PBX. */
  readonly from: Positions;
  /** Aborted when the node stops serving. */
  readonly closing: AbortSignal;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Server-sent events (HTML Living Standard §9.2) for one client. It reads the log at the client's own pace: who is slow gets everything later, or is told
 * that it is gone; nothing gathers here for him. The id of each event says how far the client is in the log of each PBX, and that is all that anybody
 * remembers of him: he may go on at any node.
 */
export class EventStream extends Readable {
  readonly #options: EventStreamOptions;
  readonly #positions = new Map<string, string | undefined>();
  readonly #watches = new Map<string, () => void>();
  readonly #left = new AbortController();
  /** PBXs that may have something new. */
  readonly #due = new Set<string>();
  #wake: () => void = () => undefined;
  #room: PromiseWithResolvers<void> | undefined;
  #paused = false;

  constructor(options: EventStreamOptions) {
    super({ highWaterMark: WINDOW });
    this.#options = options;
    const { closing } = options;
    const end = () => this.#left.abort();
    closing.addEventListener('abort', end, { once: true });
    this.once('close', () => closing.removeEventListener('abort', end));
    if (closing.aborted) end();
    void this.#run().then(
      () => this.push(null),
      (error: unknown) => {
        // Thrown at a client who has gone already, it would be told to nobody.
        if (!this.destroyed) this.destroy(error as Error);
      },
    );
    this.once('error', (error) => options.log.error({ err: error }, 'stream of events broke off'));
  }

  override _read(): void {
    this.#room?.resolve();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#left.abort();
    for (const off of this.#watches.values()) off();
    this.#watches.clear();
    callback(error);
  }

  async #run(): Promise<void> {
    await this.#write(`retry: ${times.reconnect}\n\n`);
    this.#join();
    while (!this.#left.signal.aborted) {
      const late = await this.#catchUp();
      if (await this.#woken(late ? times.retry : times.heartbeat)) continue;
      this.#join();
      if (!late) await this.#write(`: still here\n${this.#idLine()}\n`);
    }
  }

  /** Follows the PBXs that there are now, and looks at each of them. */
  #join(): void {
    if (this.#left.signal.aborted) return;
    const pbxs = this.#options.pbxs();
    for (const [pbx, off] of this.#watches) {
      if (pbxs.includes(pbx)) continue;
      off();
      this.#watches.delete(pbx);
      this.#positions.delete(pbx);
    }
    for (const pbx of pbxs) {
      this.#due.add(pbx);
      if (this.#watches.has(pbx)) continue;
      this.#positions.set(pbx, this.#options.from.get(pbx));
      const wake = () => {
        this.#due.add(pbx);
        this.#wake();
      };
      this.#watches.set(pbx, this.#options.events.watch(pbx, wake));
    }
  }

  /** Tells all that is new. True: the log is away. */
  async #catchUp(): Promise<boolean> {
    for (const pbx of this.#due) {
      this.#due.delete(pbx);
      try {
        await this.#follow(pbx);
      } catch (error) {
        const away = this.#options.awayBackend(error);
        if (away === undefined) throw error;
        this.#due.add(pbx);
        if (!this.#paused) {
          this.#options.log.debug({ pbx, why: errorText(error) }, 'stream of events waits');
          this.#paused = true;
          await this.#write(frame('paused', { why: `${away} cannot be reached now` }));
        }
        return true;
      }
    }
    return false;
  }

  async #follow(pbx: string): Promise<void> {
    const { events, types } = this.#options;
    while (!this.#left.signal.aborted) {
      const cursor = this.#positions.get(pbx);
      const batch = await events.after(pbx, cursor, PAGE);
      let text = '';
      if (this.#paused) {
        this.#paused = false;
        text += frame('resumed', {});
      }
      if (batch.outcome === 'gone') {
        this.#positions.set(pbx, batch.cursor);
        text += frame('reset', { pbx, why: cursor === undefined ? 'new' : 'gone' }, this.#idLine());
      } else {
        for (const event of batch.events) {
          this.#positions.set(pbx, event.cursor);
          if (types === undefined || types.has(event.type)) text += this.#frameOf(pbx, event);
        }
      }
      if (text !== '') await this.#write(text);
      if (batch.outcome === 'gone' || batch.events.length < PAGE) return;
    }
  }

  /** What was published, with where it stands in the log. */
  #frameOf(pbx: string, { cursor, type, data }: LoggedEvent): string {
    const place = JSON.stringify({ pbx, seq: Number(cursor.split('-')[1]) });
    return `event: ${type}\n${this.#idLine()}data: ${place.slice(0, -1)},${data.slice(1)}\n\n`;
  }

  #idLine(): string {
    return `id: ${printPositions(this.#positions)}\n`;
  }

  /** Resolves when the client has room for more. */
  async #write(text: string): Promise<void> {
    if (this.#left.signal.aborted || this.push(text)) return;
    const { clock, log } = this.#options;
    const room = Promise.withResolvers<void>();
    this.#room = room;
    let timer: TimerId;
    const stalled = new Promise<true>((resolve) => {
      timer = clock.setTimeout(() => resolve(true), times.stall);
    });
    const gone = () => room.resolve();
    this.#left.signal.addEventListener('abort', gone, { once: true });
    const isStalled = await Promise.race([room.promise, stalled]);
    clock.clearTimeout(timer);
    this.#left.signal.removeEventListener('abort', gone);
    if (isStalled !== true) return;
    log.warn({ seconds: times.stall / 1000 }, 'a client that takes no events was dropped');
    this.destroy();
  }

  /** True: there may be something new. False: nothing for so long. */
  #woken(ms: number): Promise<boolean> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      if (this.#left.signal.aborted) return resolve(true);
      const done = (woken: boolean) => {
        clock.clearTimeout(timer);
        this.#left.signal.removeEventListener('abort', gone);
        this.#wake = () => undefined;
        resolve(woken);
      };
      const gone = () => done(true);
      const timer = clock.setTimeout(() => done(false), ms);
      this.#left.signal.addEventListener('abort', gone, { once: true });
      this.#wake = () => done(true);
      // Woken while the events before were told; one that is away is asked again when the time has come.
      if (this.#due.size > 0 && !this.#paused) done(true);
    });
  }
}

const frame = (event: string, data: object, id = ''): string =>
  `event: ${event}\n${id}data: ${JSON.stringify(data)}\n\n`;

/** A cursor by PBX; undefined: nothing of it is known. */
export type Positions = ReadonlyMap<string, string | undefined>;

/** `acme=1764100000000-17-9f3c.4,demo=…`: the value of `id`, and of `Last-Event-ID`. */
const printPositions = (positions: Positions): string =>
  [...positions].flatMap(([pbx, cursor]) => (cursor === undefined ? [] : [`${pbx}=${cursor}`])).join(',');

/** What is no position of ours is read as one that nothing is known of: its reader begins anew. */
export function parsePositions(text: string): Positions {
  const positions = new Map<string, string>();
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    if (at > 0) positions.set(part.slice(0, at), part.slice(at + 1));
  }
  return positions;
}
