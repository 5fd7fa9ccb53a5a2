import type { Logger } from 'pino';
import { z } from 'zod';
import type { ConfigStore } from '../config/store.ts';
import { jsonLine } from '../database/json-line.ts';
import { type Database, DatabaseDownError } from '../database/port.ts';
import { Spool, type SpoolForm } from '../disk/spool.ts';
import { Emitter } from '../emitter.ts';
import { errorText } from '../errors.ts';
import { type Clock, delay, type TimerId } from '../time/clock.ts';
import type { Random } from '../time/random.ts';
import type { Content, Courier, Delivery, Way } from './courier.ts';
import { LaneHealth, pauseAfter } from './lane-health.ts';
import type { Letter, LetterKind, Outbox, SentLetter, SentLetters, TextMessage, TextOutbox } from './outbox.ts';
import { type Item, type Lane, OutboxStore, type Parcel, type Progress, type Recipient } from './outbox-store.ts';

/** A node that says nothing of an item for so long is dead: another takes it. Milliseconds. */
const LEASE_MS = 60_000;
const RENEW_MS = LEASE_MS / 3;
/** An attempt that takes longer is broken off. */
const ATTEMPT_MS = 10 * 60_000;
/** How often to look for what nobody told of: of dead nodes, of other nodes. What is put here is looked for at once. */
const LOOK_MS = 30_000;
/** What is put lies on the disk of this node for at least so long: what the database has forgotten in a power failure, it gets again. */
const ON_DISK_MS = 60_000;
/** What has ended is forgotten after a month. An answer is to be known for seven days. */
const KEEP_MS = 30 * 86_400_000;
const PRUNE_MS = 3_600_000;
/** Of one lane, on one node. */
const AT_ONCE = 3;
/** At the end, an attempt under way has so long. */
const GRACE_MS = 5000;

export interface DurableOutboxOptions {
  readonly database: Database;
  /** `<VAR_DIR>/outbox-spool`. */
  readonly directory: string;
  readonly config: Pick<ConfigStore, 'current' | 'on'>;
  readonly couriers: Readonly<Record<Way, Courier>>;
  readonly node: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Something that will never reach these recipients. */
export interface GivenUp {
  readonly pbx: string;
  readonly id: string;
  readonly way: Way;
  readonly to: readonly string[];
  readonly why: string;
  readonly about: Content['about'];
}

export interface OutboxEvents {
  givenUp: GivenUp;
}

/** Of all nodes, but for `givenUp`, which counts since the start of this one. */
export interface OutboxFigures {
  readonly way: Way;
  readonly waiting: number;
  /** Milliseconds that the oldest has waited. */
  readonly oldestMs: number;
  readonly givenUp: number;
}

/**
 * Letters and text messages, from the moment they are put until they have arrived or are given up: in the database, where every node finds them, and for the
 * first minute on this node's disk too. One node at a time is at one of them, by a lease.
 *
 * Sent at least once: whoever dies between the server's acceptance and its note leaves it to be sent once more, under the same name (Message-ID,
 * Idempotency-Key).
 */
export class DurableOutbox implements Outbox, SentLetters, TextOutbox {
  readonly events = new Emitter<OutboxEvents>();
  readonly #options: DurableOutboxOptions;
  readonly #store: OutboxStore;
  readonly #spool: Spool<Parcel>;
  readonly #listeners = new Map<string, (sent: SentLetter) => Promise<void>>();
  readonly #health = new Map<string, LaneHealth>();
  /** Attempts under way, by lane. */
  readonly #running = new Map<string, Set<Promise<void>>>();
  readonly #errands = new Set<Promise<void>>();
  readonly #givenUp: Record<Way, number> = { mail: 0, sms: 0 };
  /** Of this run of this node, for all that it takes. */
  readonly #lease: string;
  /** Items that it is at. */
  readonly #held = new Set<string>();
  readonly #closing = new AbortController();
  readonly #breakOff = new AbortController();
  readonly #offs: (() => void)[] = [];
  #started = false;
  #looking: Promise<void> | undefined;
  #again = false;
  #sweeping: Promise<void> | undefined;
  #lookTimer: TimerId;
  #sweepTimer: TimerId;
  #pruneAt = 0;
  #databaseAway = false;

  constructor(options: DurableOutboxOptions) {
    this.#options = options;
    this.#lease = leasesOf(options.node) + options.random.uuid();
    this.#store = new OutboxStore(options.database);
    this.#spool = new Spool(options.directory, parcelForm, options.random, options.log);
  }

  async put({ pbx, id, to, subject, text, attachments = [], about }: Letter): Promise<void> {
    const content = { subject, text, attachments, ...(about ? { about } : {}) };
    await this.#keep({ ...this.#parcel('mail', pbx, id, to, content), ...(attachments.length > 0 ? this.#here : {}) });
  }

  async putText({ pbx, id, to, text, answer }: TextMessage): Promise<void> {
    await this.#keep({ ...this.#parcel('sms', pbx, id, [to], { text }), ...(answer ? { answer } : {}) });
  }

  onSent(kind: LetterKind, listener: (sent: SentLetter) => Promise<void>): () => void {
    if (this.#listeners.has(kind)) throw new Error(`there is a listener for letters about ${kind}`);
    this.#listeners.set(kind, listener);
    return () => this.#listeners.delete(kind);
  }

  /** Begins to send, once those who want to know of it are listening. Never rejects. */
  start(): void {
    this.#started = true;
    this.#offs.push(
      this.#options.config.on('changed', ({ changed, removed }) => {
        for (const { id } of [...changed, ...removed]) this.#reconsider(id);
      }),
    );
    // What an earlier run could not do may be possible now: settings may have changed meanwhile. What it was at when it died is nobody's.
    this.#errand(this.#store.hurryAll(leasesOf(this.#options.node), this.#options.clock.now()));
    this.#sweep((send) => this.#spool.drain(send));
    this.#armSweep();
  }

  async figures(): Promise<OutboxFigures[]> {
    const now = this.#options.clock.now();
    const waiting = await this.#store.waiting();
    return ways.map((way) => {
      const { count = 0, oldest = now } = waiting.find((one) => one.way === way) ?? {};
      return { way, waiting: count, oldestMs: Math.max(0, now - oldest), givenUp: this.#givenUp[way] };
    });
  }

  /** Resolves when nothing is under way: whatever is due now has been tried. */
  async idle(): Promise<void> {
    for (;;) {
      const runs = [...this.#running.values()].flatMap((some) => [...some]);
      const busy = [this.#looking, this.#sweeping, ...this.#errands, ...runs];
      const going = busy.filter((one) => one !== undefined);
      if (going.length === 0) return;
      await Promise.all(going);
    }
  }

  /** Begins nothing more, and lets what is under way finish, for a few seconds. Close it before the database. */
  async close(): Promise<void> {
    const { clock } = this.#options;
    this.#closing.abort();
    for (const off of this.#offs.splice(0)) off();
    clock.clearTimeout(this.#lookTimer);
    clock.clearTimeout(this.#sweepTimer);
    const timer = clock.setTimeout(() => this.#breakOff.abort(), GRACE_MS);
    await this.idle();
    clock.clearTimeout(timer);
    await this.#spool.close();
  }

  get #here(): Pick<Parcel, 'home'> {
    return { home: this.#options.node };
  }

  #parcel(way: Way, pbx: string, id: string, to: readonly string[], content: Content): Parcel {
    const { clock, couriers } = this.#options;
    if (to.length === 0) throw new RangeError(`${id}: nobody to send it to`);
    const createdAt = clock.now();
    const expiresAt = createdAt + couriers[way].patience.ttl;
    return { pbx, id, way, home: null, to: [...new Set(to)], content, createdAt, expiresAt };
  }

  /** On the disk and in the database at once. One of the two is enough: the disk is read again, and the database may be all there is. */
  async #keep(parcel: Parcel): Promise<void> {
    const [onDisk, inDatabase] = await Promise.allSettled([this.#spool.append(parcel), this.#store.add([parcel])]);
    if (inDatabase.status === 'fulfilled') {
      this.#look();
      if (onDisk.status === 'rejected') {
        this.#options.log.error({ err: onDisk.reason }, 'letters cannot be kept on the disk; the database has them');
      }
      return;
    }
    if (onDisk.status === 'rejected') throw onDisk.reason;
    this.#complain(inDatabase.reason);
  }

  /** Sees to whatever is due; told again while it does, once more. Never rejects. */
  #look(): void {
    if (!this.#started || this.#closing.signal.aborted) return;
    this.#again = true;
    this.#looking ??= this.#lookAll().finally(() => {
      this.#looking = undefined;
      if (this.#again) this.#look();
    });
  }

  async #lookAll(): Promise<void> {
    const { clock, node } = this.#options;
    try {
      while (this.#again && !this.#closing.signal.aborted) {
        this.#again = false;
        const by = { node, lease: this.#lease, leaseMs: LEASE_MS, now: clock.now() };
        for (const item of await this.#store.takeExpired(by, 100)) this.#begin(item, () => this.#expire(item));
        for (const lane of await this.#store.lanes(node, by.now)) {
          const room = this.#healthOf(lane).room(AT_ONCE, by.now) - this.#runs(lane).size;
          if (room <= 0) continue;
          for (const item of await this.#store.take(lane, by, room)) this.#begin(item, () => this.#attempt(item));
        }
      }
      this.#arm(await this.#store.next(node));
      this.#databaseAway = false;
    } catch (error) {
      this.#complain(error);
      this.#again = false;
      this.#arm(undefined);
    }
  }

  /** @param next when something is due, as far as is known, ms since 1970 */
  #arm(next: number | undefined): void {
    const { clock } = this.#options;
    const now = clock.now();
    // What is due already waits for room, whose owner looks again, or for its lane.
    const moments = [next, ...[...this.#health.values()].map(({ until }) => until)].filter(
      (at) => at !== undefined && at > now,
    );
    clock.clearTimeout(this.#lookTimer);
    if (this.#closing.signal.aborted) return;
    this.#lookTimer = clock.setTimeout(() => this.#look(), Math.min(LOOK_MS, ...moments.map((at = now) => at - now)));
  }

  #armSweep(): void {
    this.#sweepTimer = this.#options.clock.setTimeout(() => {
      this.#sweep((send) => this.#spool.drainOlder(send));
      this.#armSweep();
    }, ON_DISK_MS);
  }

  /** Gives the database what lies on the disk; what it has already stays as it is. */
  #sweep(drain: (send: (parcels: readonly Parcel[]) => Promise<void>) => Promise<number>): void {
    const { clock } = this.#options;
    this.#sweeping ??= (async () => {
      const count = await drain((parcels) => this.#store.add(parcels));
      if (count > 0) this.#look();
      if (clock.now() < this.#pruneAt) return;
      this.#pruneAt = clock.now() + PRUNE_MS;
      await this.#store.prune(clock.now() - KEEP_MS);
    })()
      .catch((error) => this.#complain(error))
      .finally(() => {
        this.#sweeping = undefined;
      });
  }

  /** The configuration of a PBX has changed, or is gone. */
  #reconsider(pbx: string): void {
    const version = this.#options.config.current(pbx);
    for (const way of ways) {
      const health = this.#healthOf({ pbx, way });
      const settings = version && this.#options.couriers[way].settings(version);
      if (health.settings === settings) continue;
      health.settings = settings;
      health.forget();
      this.#errand(this.#store.hurry({ pbx, way }, this.#options.clock.now()));
    }
  }

  /** Looks again when it is done. */
  #errand(work: Promise<void>): void {
    const errand = work
      .catch((error) => this.#complain(error))
      .finally(() => {
        this.#errands.delete(errand);
        this.#look();
      });
    this.#errands.add(errand);
  }

  /** Works on an item with its lease, and looks for the next one then. */
  #begin(item: Item, work: () => Promise<void>): void {
    const key = JSON.stringify([item.pbx, item.id]);
    // A clock that was set forward, or a machine that has slept: the lease is renewed by that much.
    if (this.#held.has(key)) return;
    this.#held.add(key);
    const runs = this.#runs(item);
    const run = work()
      .catch((error) => this.#complain(error))
      .finally(() => {
        this.#held.delete(key);
        runs.delete(run);
        this.#look();
      });
    runs.add(run);
  }

  async #attempt(item: Item): Promise<void> {
    if (item.state === 'accepted') return this.#tell(item);
    const { clock } = this.#options;
    const health = this.#healthOf(item);
    const delivery = await this.#withLease(item, (signal) => this.#deliver(item, health, signal));
    const now = clock.now();
    if (delivery.kind === 'away') {
      const { why, retryAfterMs } = delivery;
      if (health.isAway(why, now, retryAfterMs)) this.#log(item).warn({ why }, `${nouns[item.way].many} wait: ${why}`);
      const { recipients, omitted, attempts } = item;
      await this.#report(item, {
        ...{ state: 'waiting', recipients, omitted, attempts, why },
        at: health.until ?? now,
      });
      return;
    }
    if (health.works()) this.#log(item).info(`${nouns[item.way].many} can be sent again`);
    const recipients = item.recipients.map((one) => afterAttempt(one, delivery));
    const omitted = [...new Set([...item.omitted, ...(delivery.omitted ?? [])])];
    await this.#settle(item, recipients, { omitted, attempts: item.attempts + 1 });
  }

  async #deliver(item: Item, health: LaneHealth, signal: AbortSignal): Promise<Delivery> {
    const { config, couriers } = this.#options;
    const { id, content, way } = item;
    const pbx = config.current(item.pbx);
    if (!pbx) return { kind: 'away', why: `the configuration has no PBX "${item.pbx}" any more` };
    const courier = couriers[way];
    health.settings = courier.settings(pbx);
    if (health.settings === undefined) return { kind: 'away', why: `the configuration has no "${way}" settings` };
    const to = item.recipients.filter(({ state }) => state === 'waiting').map((one) => one.to);
    return courier.deliver({ pbx, id, to, content, signal });
  }

  /** Renews the lease for as long as the work goes on. The signal ends the work when another node has the item, or it takes too long. */
  async #withLease<T>(item: Item, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock } = this.#options;
    const abort = new AbortController();
    const began = clock.monotonic();
    let timer: TimerId;
    const renew = () => {
      timer = clock.setTimeout(() => {
        if (clock.monotonic() - began >= ATTEMPT_MS) return abort.abort();
        renew();
        this.#store.renew(item, clock.now() + LEASE_MS).then(
          (held) => held || abort.abort(),
          // While the database is away nobody else can take it either.
          () => undefined,
        );
      }, RENEW_MS);
    };
    renew();
    try {
      return await work(AbortSignal.any([abort.signal, this.#breakOff.signal]));
    } finally {
      clock.clearTimeout(timer);
    }
  }

  /** Nobody could deliver it for as long as that makes sense. */
  async #expire(item: Item): Promise<void> {
    if (item.state === 'accepted') {
      this.#log(item).error({ about: item.content.about }, 'nobody could be told that a letter has gone');
      const { recipients, omitted, attempts, why } = item;
      await this.#report(item, { state: 'sent', recipients, omitted, attempts, why, at: this.#options.clock.now() });
      return;
    }
    const cause = item.why ?? this.#healthOf(item).why ?? 'no attempt was made';
    const recipients = item.recipients.map((one): Recipient => {
      if (one.state !== 'waiting') return one;
      return { to: one.to, state: 'refused', why: `could not be delivered in time; the last try: ${one.why ?? cause}` };
    });
    await this.#settle(item, recipients, item);
  }

  /** Notes where an item stands, and tells what follows from it. */
  async #settle(
    item: Item,
    recipients: readonly Recipient[],
    { omitted, attempts }: Pick<Item, 'omitted' | 'attempts'>,
  ): Promise<void> {
    const { clock, random, couriers } = this.#options;
    const { first, longest } = couriers[item.way].patience;
    const now = clock.now();
    const why = recipients.find((one) => one.state !== 'sent')?.why ?? null;
    const common = { recipients, omitted, attempts, why };
    const state = stateOf(item, recipients);
    const at =
      state === 'waiting'
        ? now + pauseAfter(attempts, first, longest, random)
        : now + (state === 'accepted' ? LEASE_MS : 0);
    const isOurs = await this.#report(item, { ...common, state, at });
    if (!isOurs) return;
    const arrived = recipients.filter((one) => one.state === 'sent').map((one) => one.to);
    if (state === 'waiting') this.#log(item).info({ why, attempts }, `a ${nouns[item.way].one} is to be tried again`);
    else if (arrived.length > 0) this.#log(item).info({ to: arrived, attempts }, `a ${nouns[item.way].one} was sent`);
    const before = new Set(item.recipients.filter((one) => one.state === 'refused').map((one) => one.to));
    const refused = recipients.filter((one) => one.state === 'refused' && !before.has(one.to));
    if (refused.length > 0) this.#giveUp(item, refused);
    if (state === 'accepted') await this.#tell({ ...item, ...common, state });
  }

  /** Tells those who want to know that a letter has gone, and forgets it. */
  async #tell(item: Item): Promise<void> {
    const { clock, random, couriers } = this.#options;
    const { recipients, omitted, content, pbx, id, why, attempts } = item;
    const { about } = content;
    const listener = about && this.#listeners.get(about.kind);
    const common = { recipients, omitted, why };
    try {
      await listener?.({
        ...{ pbx, id, omitted, about: about as SentLetter['about'] },
        to: recipients.filter(({ state }) => state === 'sent').map(({ to }) => to),
        refused: recipients.flatMap((one) =>
          one.state === 'refused' ? [{ to: one.to, why: one.why ?? 'refused' }] : [],
        ),
      });
    } catch (error) {
      this.#log(item).error({ err: error, about }, `a letter has gone, and what follows failed: ${errorText(error)}`);
      const { first, longest } = couriers[item.way].patience;
      const at = clock.now() + pauseAfter(attempts + 1, first, longest, random);
      await this.#report(item, { ...common, state: 'accepted', attempts: attempts + 1, at });
      return;
    }
    await this.#report(item, { ...common, state: 'sent', attempts, at: clock.now() });
  }

  /** Until the database takes it: what was sent is not to be sent again because nobody could note it. @returns false: the item is another node's now */
  async #report(item: Item, progress: Progress): Promise<boolean> {
    const { clock } = this.#options;
    for (let pause = 500; ; pause = Math.min(10_000, pause * 2)) {
      try {
        const isOurs = await this.#store.report(item, progress);
        if (!isOurs) this.#log(item).warn('another node has taken over what this one was sending');
        return isOurs;
      } catch (error) {
        if (!(error instanceof DatabaseDownError) || this.#closing.signal.aborted) throw error;
        this.#complain(error);
        await delay(clock, pause, this.#closing.signal);
      }
    }
  }

  #giveUp(item: Item, refused: readonly Recipient[]): void {
    const { pbx, id, way, content } = item;
    const to = refused.map((one) => one.to);
    const why = [...new Set(refused.map((one) => one.why ?? 'refused'))].join('; ');
    this.#givenUp[way]++;
    this.#log(item).error({ to, why, about: content.about }, `a ${nouns[way].one} was given up: ${why}`);
    try {
      this.events.emit('givenUp', { pbx, id, way, to, why, about: content.about });
    } catch (error) {
      this.#log(item).error({ err: error }, 'a listener of the outbox failed');
    }
  }

  #log({ pbx, way, ...rest }: Lane & { readonly id?: string }): Logger {
    return this.#options.log.child({ pbx, way, ...(rest.id === undefined ? {} : { message: rest.id }) });
  }

  #complain(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    if (!(error instanceof DatabaseDownError)) {
      this.#options.log.error({ err: error }, `the outbox failed: ${errorText(error)}`);
      return;
    }
    if (!this.#databaseAway) this.#options.log.warn({ err: error }, 'letters and SMS wait for the database');
    this.#databaseAway = true;
  }

  #healthOf({ pbx, way }: Lane): LaneHealth {
    const key = `${way} ${pbx}`;
    const known = this.#health.get(key);
    if (known) return known;
    const health = new LaneHealth(this.#options.couriers[way].patience, this.#options.random);
    this.#health.set(key, health);
    return health;
  }

  #runs({ pbx, way }: Lane): Set<Promise<void>> {
    const key = `${way} ${pbx}`;
    const runs = this.#running.get(key) ?? new Set();
    this.#running.set(key, runs);
    return runs;
  }
}

/** What the leases of all runs of a node begin with. */
const leasesOf = (node: string): string => `${node}/`;

const ways = ['mail', 'sms'] as const;
const nouns = { mail: { one: 'letter', many: 'letters' }, sms: { one: 'text message', many: 'text messages' } };

/** A recipient after an attempt to reach those who were waiting. */
function afterAttempt(one: Recipient, { verdicts }: Extract<Delivery, { kind: 'tried' }>): Recipient {
  const verdict = verdicts.get(one.to);
  if (one.state !== 'waiting' || !verdict) return one;
  if (verdict.state === 'sent') return { to: one.to, state: 'sent' };
  return { to: one.to, state: verdict.state === 'later' ? 'waiting' : 'refused', why: verdict.why };
}

function stateOf({ content }: Item, recipients: readonly Recipient[]): Progress['state'] {
  if (recipients.some(({ state }) => state === 'waiting')) return 'waiting';
  if (recipients.every(({ state }) => state === 'refused')) return 'failed';
  return content.about ? 'accepted' : 'sent';
}

const ParcelLine = z.object({
  pbx: z.string(),
  id: z.string(),
  way: z.enum(ways),
  home: z.string().nullable(),
  to: z.array(z.string()),
  content: z.custom<Content>((value) => typeof value === 'object' && value !== null),
  createdAt: z.number(),
  expiresAt: z.number(),
  answer: z
    .object({ notAgainForMs: z.number(), dailyLimit: z.number().nullable(), midnight: z.number() })
    .exactOptional(),
});

const parcelForm: SpoolForm<Parcel> = {
  what: 'letter',
  write: jsonLine,
  read(line) {
    try {
      return ParcelLine.safeParse(JSON.parse(line)).data;
    } catch {
      return undefined;
    }
  },
};
