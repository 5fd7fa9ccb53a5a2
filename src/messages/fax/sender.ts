import type { Logger } from 'pino';
import type { CallServices } from '../../call/call.ts';
import type { Inbound } from '../../call/inbound.ts';
import type { PbxVersion } from '../../config/version.ts';
import { Emitter } from '../../emitter.ts';
import { errorText } from '../../errors.ts';
import { noFaxYet } from '../../media/fax.ts';
import type { Clock, TimerId } from '../../time/clock.ts';
import type { Random } from '../../time/random.ts';
import { FaxCall, type FaxCallEnd } from './fax-call.ts';
import type { FaxFolder } from './folder.ts';
import { type FaxRecord, toldBy } from './record.ts';
import type { FaxStore } from './store.ts';

/** How long a fax is tried (§4.5.6.3), and how long after a failure again. */
const TRIED_MS = 3_600_000;
const AGAIN_MS = 5 * 60_000;
/** How often to look for what is due; what is new is looked for at once. */
const LOOK_MS = 5000;
/** On one node. */
const AT_ONCE = 5;

export interface FaxSenderOptions {
  readonly folder: FaxFolder;
  readonly store: FaxStore;
  readonly services: CallServices;
  readonly calls: Pick<Inbound, 'begins' | 'ends'>;
  readonly pbx: (id: string) => PbxVersion | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly node: string;
  readonly log: Logger;
}

/** Sends what is to be sent: the node that has the pages does, for an hour from when it was asked to. A job outlives the node's end. */
export class FaxSender {
  readonly events = new Emitter<{ changed: FaxRecord }>();
  readonly #options: FaxSenderOptions;
  readonly #running = new Map<string, FaxCall>();
  #timer: TimerId | undefined;
  #closed = false;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: FaxSenderOptions) {
    this.#options = options;
  }

  /** Takes up what was being done when the node ended last, and goes on. */
  start(): void {
    this.#looking = this.#resume();
    this.#arm();
  }

  /** The number of tries that are under way. */
  get size(): number {
    return this.#running.size;
  }

  /** A job from now on; its pages are in the folder. Rejects with `DatabaseDownError`. */
  async take(record: FaxRecord): Promise<void> {
    await this.#options.store.add(record);
    this.events.emit('changed', record);
    this.look();
  }

  /** Something may be due. */
  look(): void {
    this.#looking = this.#looking.then(() => this.#look());
  }

  /** Breaks off the try of this fax, if there is one. */
  breakOff(id: string): void {
    this.#running.get(id)?.breakOff({ by: 'engine', reason: 'userCommand' });
  }

  /** Begins no more. Tries that go on are calls, and end as those do. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#options.clock.clearTimeout(this.#timer);
    await this.#looking;
  }

  #arm(): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      this.look();
      this.#arm();
    }, LOOK_MS);
  }

  async #resume(): Promise<void> {
    const { store, node, clock, log } = this.#options;
    try {
      for (const record of await store.interrupted(node)) {
        if (this.#running.has(record.id)) continue;
        const error = 'the engine was stopped while the fax was sent';
        await this.#change({ ...record, state: 'waiting', nextAt: clock.now(), error });
      }
    } catch (error) {
      if (this.#closed) return;
      log.warn({ error: errorText(error) }, 'faxes that were being sent are taken up later: the database is away');
      clock.setTimeout(() => {
        if (!this.#closed) this.#looking = this.#looking.then(() => this.#resume());
      }, LOOK_MS);
    }
  }

  async #look(): Promise<void> {
    const { store, clock, node, log } = this.#options;
    const room = AT_ONCE - this.#running.size;
    if (this.#closed || room <= 0) return;
    try {
      for (const record of await store.due(node, clock.now(), room)) {
        if (this.#running.has(record.id) || this.#closed) continue;
        await this.#begin(record);
      }
    } catch (error) {
      log.debug({ error: errorText(error) }, 'faxes to be sent cannot be looked for: the database is away');
    }
  }

  async #begin(record: FaxRecord): Promise<void> {
    const { services, calls, folder, random, node, log, pbx: find } = this.#options;
    const pbx = find(record.pbx);
    // Of a PBX that is not there any more nothing is sent; it may come back.
    if (!pbx) return;
    const id = random.uuid();
    const sending: FaxRecord = { ...record, state: 'sending', nextAt: null };
    await this.#change(sending);
    const file = folder.path(record.pbx, record.id, 'tiff');
    const call = new FaxCall({ id, node, pbx, fax: record, file, services, log });
    this.#running.set(record.id, call);
    calls.begins(call);
    void this.#see(call, sending).catch((error: unknown) =>
      log.error({ err: error, fax: record.id }, `what became of a fax could not be kept: ${errorText(error)}`),
    );
  }

  async #see(call: FaxCall, record: FaxRecord): Promise<void> {
    const { calls, log, clock } = this.#options;
    const at = clock.now();
    let end: FaxCallEnd;
    try {
      end = await call.run();
    } catch (error) {
      log.error({ err: error, fax: record.id }, `a fax call failed: ${errorText(error)}`);
      end = { ...noFaxYet, reason: 'failed', error: 'internal failure', verdict: 'failed' };
    }
    try {
      await calls.ends(call, call.record());
      await this.#change(this.#after(record, { call: call.id, at, end }));
    } finally {
      this.#running.delete(record.id);
    }
    this.look();
  }

  #after(record: FaxRecord, { call, at, end }: { call: string; at: number; end: FaxCallEnd }): FaxRecord {
    const now = this.#options.clock.now();
    const error = end.verdict === 'sent' ? null : (end.error ?? 'it was broken off');
    const tried = {
      ...record,
      ...toldBy(end),
      error,
      tries: [...record.tries, { at, call, pages: end.pages, error }],
    };
    if (end.verdict === 'sent') return { ...tried, state: 'sent', nextAt: null };
    const nextAt = now + AGAIN_MS;
    const over = end.verdict === 'impossible' || nextAt > (record.giveUpAt ?? 0);
    if (over) return { ...tried, state: 'failed', nextAt: null };
    // Broken off by the end of the node: that is no try.
    return { ...tried, state: 'waiting', nextAt: this.#closed ? now : nextAt };
  }

  async #change(record: FaxRecord): Promise<void> {
    await this.#options.store.update(record);
    this.events.emit('changed', record);
  }
}

/** Until when a fax that is taken now is tried. */
export const giveUpAt = (now: number): number => now + TRIED_MS;
