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
import type { FaxKeeper } from './keeper.ts';
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
  /** Notes what became of a try. */
  readonly keeper: Pick<FaxKeeper, 'keep'>;
  readonly services: CallServices;
  readonly calls: Pick<Inbound, 'begins' | 'ends'>;
  readonly pbx: (id: string) => PbxVersion | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly node: string;
  readonly log: Logger;
}

/** A try that goes on. */
interface Trying {
  readonly call: FaxCall;
  /** Resolves when its outcome is safe; never rejects. */
  readonly over: Promise<void>;
}

/** Sends what is to be sent: the node that has the pages does, for an hour from when it was asked to. A job outlives the node's end. */
export class FaxSender {
  readonly events = new Emitter<{ changed: FaxRecord }>();
  readonly #options: FaxSenderOptions;
  readonly #trying = new Map<string, Trying>();
  #timer: TimerId | undefined;
  #resting = false;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: FaxSenderOptions) {
    this.#options = options;
  }

  /** Takes up what was being done when the node ended last, and goes on. To be called when all is filed that the last run has left on the disk. */
  start(): void {
    this.#looking = this.#resume();
    this.#arm();
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
    this.#trying.get(id)?.call.breakOff({ by: 'engine', reason: 'userCommand' });
  }

  /** Begins no more. Tries that go on are calls, and end as those do. */
  async rest(): Promise<void> {
    this.#resting = true;
    this.#options.clock.clearTimeout(this.#timer);
    await this.#looking;
  }

  /** Resolves when what became of all tries is safe: no call goes on any more. */
  async close(): Promise<void> {
    await this.rest();
    await Promise.all([...this.#trying.values()].map(({ over }) => over));
  }

  #arm(): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      this.look();
      this.#arm();
    }, LOOK_MS);
  }

  async #resume(): Promise<void> {
    const { store, folder, node, clock, log } = this.#options;
    try {
      // Of those it is known what became of them; the database will know, too.
      const known = new Set((await folder.stillOpen()).map(({ id }) => id));
      for (const record of await store.interrupted(node)) {
        if (this.#trying.has(record.id) || known.has(record.id)) continue;
        const error = 'the engine was stopped while the fax was sent';
        await this.#change({ ...record, state: 'waiting', nextAt: clock.now(), error });
      }
    } catch (error) {
      if (this.#resting) return;
      log.warn({ error: errorText(error) }, 'faxes that were being sent are taken up later: the database is away');
      clock.setTimeout(() => {
        if (!this.#resting) this.#looking = this.#looking.then(() => this.#resume());
      }, LOOK_MS);
    }
  }

  async #look(): Promise<void> {
    const { store, clock, node, log } = this.#options;
    const room = AT_ONCE - this.#trying.size;
    if (this.#resting || room <= 0) return;
    try {
      for (const record of await store.due(node, clock.now(), room)) {
        if (this.#trying.has(record.id) || this.#resting) continue;
        await this.#begin(record);
      }
    } catch (error) {
      log.warn({ error: errorText(error) }, 'faxes that are to be sent wait: the database or the disk is away');
    }
  }

  async #begin(record: FaxRecord): Promise<void> {
    const { services, calls, folder, clock, random, node, log, pbx: find } = this.#options;
    const pbx = find(record.pbx);
    // Of a PBX that is not there any more nothing is sent; it may come back.
    if (!pbx) return;
    if (clock.now() >= (record.giveUpAt ?? 0)) {
      const error = record.error ?? 'the engine did not run in the hour in which it was to be sent';
      await this.#change({ ...record, state: 'failed', nextAt: null, error });
      return;
    }
    const file = folder.path(record.pbx, record.id, 'tiff');
    const sending: FaxRecord = { ...record, state: 'sending', nextAt: null };
    if (!(await this.#change(sending))) return;
    const call = new FaxCall({ id: random.uuid(), node, pbx, fax: record, file, services, log });
    calls.begins(call);
    const over = this.#see(call, sending).catch((error: unknown) =>
      log.error({ err: error, fax: record.id }, `what became of a fax could not be kept: ${errorText(error)}`),
    );
    this.#trying.set(record.id, { call, over });
    void over.then(() => {
      this.#trying.delete(record.id);
      this.look();
    });
  }

  async #see(call: FaxCall, record: FaxRecord): Promise<void> {
    const { calls, keeper, log, clock } = this.#options;
    const at = clock.now();
    let end: FaxCallEnd;
    try {
      end = await call.run();
    } catch (error) {
      log.error({ err: error, fax: record.id }, `a fax call failed: ${errorText(error)}`);
      end = { ...noFaxYet, reason: 'failed', error: 'internal failure', verdict: 'failed' };
    }
    await keeper.keep(this.#after(record, { call: call.id, at, end }));
    await calls.ends(call, call.record());
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
    // A try that was broken off because the node ends is made up for as soon as it runs again.
    const nextAt = this.#resting ? now : now + AGAIN_MS;
    const over = end.verdict === 'impossible' || nextAt >= (record.giveUpAt ?? 0);
    return over ? { ...tried, state: 'failed', nextAt: null } : { ...tried, state: 'waiting', nextAt };
  }

  async #change(record: FaxRecord): Promise<boolean> {
    const isThere = await this.#options.store.update(record);
    if (isThere) this.events.emit('changed', record);
    return isThere;
  }
}

/** Until when a fax that is taken now is tried. */
export const giveUpAt = (now: number): number => now + TRIED_MS;
