import type { Logger } from 'pino';
import { z } from 'zod';
import type { PbxVersion } from '../config/version.ts';
import {
  type LimitedCall,
  type LimitedRequest,
  type LimitName,
  type LimitReached,
  type LimitValues,
  limitsOfEmployee,
  limitsOfPbx,
  limitText,
  type OutgoingLimits as OutgoingLimitsPort,
} from '../dial/outgoing/limits.ts';
import { mayBeForHelp } from '../dial/outgoing/permission.ts';
import { Emitter } from '../emitter.ts';
import { errorText } from '../errors.ts';
import { type RedisConnection, RedisDownError } from '../redis/connection.ts';
import { script } from '../redis/script.ts';
import type { Clock, TimerId } from '../time/clock.ts';
import { dayOf, isoDate } from '../time/date.ts';
import { Seldom } from '../time/seldom.ts';
import { Zone } from '../time/zone.ts';

const file = (name: string) => new URL(`scripts/${name}.lua`, import.meta.url);

const beginCall = script(file('outgoing-begin'), {
  keys: (k, employee) => [...k.outgoing(''), ...k.outgoing(employee)],
  args: (_employee: string, now: number | '', call: string, day: string, limits: string, employeeLimits: string) => [
    ...[now, call, CALL_TTL_MS, day, limits, employeeLimits],
  ],
  reply: z.union([
    z.tuple([z.literal('begun')]),
    z.tuple([
      z.literal('reached'),
      z.enum(['pbx', 'employee']),
      z.enum(['concurrent', 'callsPerMinute', 'minutesPerDay']),
    ]),
  ]),
});

const report = script(file('outgoing-report'), {
  keys: (k, account) => {
    const [calls, , talked] = k.outgoing(account);
    return [calls, talked];
  },
  args: (
    _account: string,
    now: number | '',
    day: string,
    ms: number,
    held: readonly string[],
    over: readonly string[],
  ) => [...[now, CALL_TTL_MS, day, ms, held.join(' '), over.join(' ')]],
  reply: z.tuple([z.literal('reported'), z.number()]),
});

/** Calls of a node that has died count no more after this; of those that go on a node tells three times as often. */
const CALL_TTL_MS = 15_000;
const REPORT_EVERY_MS = 5_000;
/** One and the same limit is told of so often at most: whoever dials on against it does not flood log and events. */
const TELL_EVERY_MS = 60_000;
const MINUTE_MS = 60_000;

export interface LimitsOptions {
  readonly redis: RedisConnection;
  readonly clock: Clock;
  readonly log: Logger;
  /** Tells this run of this node from all others. */
  readonly run: string;
  /** The time in tests, as milliseconds since 1970; without it the Redis server's. */
  readonly now?: () => number;
}

/** A limit was met, by a call that was refused, or that was cut off. */
export interface LimitMet extends LimitReached {
  readonly pbx: string;
  readonly number: string;
}

interface Ongoing {
  readonly id: string;
  readonly number: string;
  readonly exhausted: LimitedRequest['exhausted'];
  /** Monotonic; unset while it rings. */
  answeredAt?: number;
}

/** What this node knows of the calls of a PBX (no employee), or of one employee. */
interface Account {
  readonly pbx: string;
  /** Empty: the PBX itself. */
  readonly employee: string;
  limits: LimitValues;
  zone: Zone;
  readonly calls: Map<Ongoing, { reportedMs: number }>;
  /** When its calls began that are not a minute old, monotonic. */
  recent: number[];
  /** Of calls that are over, and not told yet. */
  unreportedMs: number;
  readonly over: Set<string>;
  /** By the last report, milliseconds of talk, of all nodes. */
  talked: { readonly day: string; readonly ms: number };
}

/**
 * The limits of calls to the telephone network (`security.limits`), counted over all nodes. While Redis is away each node goes by what it knows: its own
 * calls, and what was said last.
 */
export class OutgoingLimits implements OutgoingLimitsPort {
  readonly events = new Emitter<{ met: LimitMet }>();
  /** Calls that were refused or cut off, by PBX and limit (`acme/concurrent`). */
  readonly refused = new Map<string, number>();
  readonly #options: LimitsOptions;
  readonly #accounts = new Map<string, Account>();
  readonly #told: Seldom;
  #count = 0;
  #timer: TimerId | undefined;
  #closed = false;

  constructor(options: LimitsOptions) {
    this.#options = options;
    this.#told = new Seldom(options.clock, TELL_EVERY_MS);
  }

  async begin(request: LimitedRequest): Promise<LimitedCall | { readonly reached: LimitReached }> {
    const { pbx, number } = request;
    const accounts = this.#accountsOf(request);
    if (mayBeForHelp(number) || accounts.length === 0) return uncounted;
    const id = `${this.#options.run}-${++this.#count}`;
    const call: Ongoing = { id, number, exhausted: request.exhausted };
    // Before Redis is asked: calls that are about to begin count when it is away.
    for (const account of accounts) account.calls.set(call, { reportedMs: 0 });
    const reached = await this.#reached(request, id, accounts);
    if (reached) {
      for (const account of accounts) account.calls.delete(call);
      this.#meets(pbx.id, number, reached);
      return { reached };
    }
    for (const account of accounts) account.recent.push(this.#options.clock.monotonic());
    this.#arm();
    return {
      answered: () => {
        call.answeredAt ??= this.#options.clock.monotonic();
      },
      over: () => this.#over(call, accounts),
    };
  }

  /** What was talked by calls that go on is told once more. */
  async close(): Promise<void> {
    this.#options.clock.clearTimeout(this.#timer);
    await this.#report();
    this.#closed = true;
    this.#options.clock.clearTimeout(this.#timer);
  }

  #accountsOf({ pbx, employee }: LimitedRequest): readonly Account[] {
    const ofPbx = this.#account(pbx, '', limitsOfPbx(pbx));
    const ofEmployee =
      employee === undefined ? undefined : this.#account(pbx, employee, limitsOfEmployee(pbx, employee));
    return [ofPbx, ofEmployee].filter((one) => one !== undefined);
  }

  /** Undefined: nothing bounds it. */
  #account(pbx: PbxVersion, employee: string, limits: LimitValues): Account | undefined {
    const { concurrent, callsPerMinute, minutesPerDay } = limits;
    const bounded = { concurrent, callsPerMinute, minutesPerDay };
    if (Object.values(bounded).every((value) => value === 0)) return undefined;
    const key = `${pbx.id}/${employee}`;
    const zone = Zone.of(pbx.document.pbx.timezone);
    const known = this.#accounts.get(key);
    if (known) return Object.assign(known, { limits: bounded, zone });
    const made: Account = {
      ...{ pbx: pbx.id, employee, limits: bounded, zone },
      calls: new Map(),
      recent: [],
      unreportedMs: 0,
      over: new Set(),
      talked: { day: '', ms: 0 },
    };
    this.#accounts.set(key, made);
    return made;
  }

  async #reached(
    { pbx, employee }: LimitedRequest,
    id: string,
    accounts: readonly Account[],
  ): Promise<LimitReached | undefined> {
    const { redis, now } = this.#options;
    const day = this.#dayOf(Zone.of(pbx.document.pbx.timezone));
    const limits = limitsOfPbx(pbx);
    const own = employee === undefined ? noLimits : limitsOfEmployee(pbx, employee);
    try {
      const at = now?.() ?? '';
      const of = employee ?? NOBODY;
      const [reply, whose, limit] = await beginCall(redis, pbx.id, of, at, id, day, printed(limits), printed(own));
      if (reply === 'begun') return undefined;
      return whose === 'pbx' || employee === undefined
        ? { limit, max: limits[limit] }
        : { limit, max: own[limit], employee };
    } catch (error) {
      this.#unlessAway(error);
      return accounts.map((account) => this.#reachedHere(account)).find((one) => one !== undefined);
    }
  }

  /** By what this node knows; the call that is asked for is among the account's. */
  #reachedHere(account: Account): LimitReached | undefined {
    const since = this.#options.clock.monotonic() - MINUTE_MS;
    account.recent = account.recent.filter((at) => at > since);
    const { concurrent, callsPerMinute, minutesPerDay } = account.limits;
    if (concurrent > 0 && account.calls.size > concurrent) return reachedIn(account, 'concurrent');
    if (callsPerMinute > 0 && account.recent.length >= callsPerMinute) return reachedIn(account, 'callsPerMinute');
    const isUsed = minutesPerDay > 0 && this.#talkedToday(account) >= minutesPerDay * MINUTE_MS;
    return isUsed ? reachedIn(account, 'minutesPerDay') : undefined;
  }

  #talkedToday(account: Account): number {
    const { day, ms } = account.talked;
    const before = day === this.#dayOf(account.zone) ? ms : 0;
    return before + account.unreportedMs + this.#unreportedOfCalls(account);
  }

  #unreportedOfCalls({ calls }: Account): number {
    let ms = 0;
    for (const [call, { reportedMs }] of calls) ms += this.#talkedBy(call) - reportedMs;
    return ms;
  }

  #talkedBy = ({ answeredAt }: Ongoing): number =>
    answeredAt === undefined ? 0 : Math.round(this.#options.clock.monotonic() - answeredAt);

  #over(call: Ongoing, accounts: readonly Account[]): void {
    for (const account of accounts) {
      const counted = account.calls.get(call);
      if (!counted) continue;
      account.calls.delete(call);
      account.unreportedMs += this.#talkedBy(call) - counted.reportedMs;
      account.over.add(call.id);
      if (!this.#closed) void this.#reportOf(account);
    }
  }

  #arm(): void {
    if (!this.#closed) this.#timer ??= this.#options.clock.setTimeout(() => void this.#report(), REPORT_EVERY_MS);
  }

  /** Says what this node's calls have talked, and which it still has: Redis may have lost them, or have thought that the node had died. */
  async #report(): Promise<void> {
    this.#timer = undefined;
    await Promise.all([...this.#accounts.values()].map((account) => this.#reportOf(account)));
    for (const [key, account] of this.#accounts) {
      const isIdle = account.calls.size === 0 && account.over.size === 0 && account.unreportedMs === 0;
      if (isIdle) this.#accounts.delete(key);
    }
    if (this.#accounts.size > 0) this.#arm();
  }

  async #reportOf(account: Account): Promise<void> {
    const { redis, now } = this.#options;
    const { pbx, employee, calls } = account;
    const over = [...account.over];
    const ofOver = account.unreportedMs;
    const ofCalls = [...calls].map(([call, counted]) => ({ counted, ms: this.#talkedBy(call) }));
    if (calls.size === 0 && over.length === 0 && ofOver === 0) return;
    const told = ofOver + ofCalls.reduce((sum, { counted, ms }) => sum + ms - counted.reportedMs, 0);
    // Taken as told before it is, because others may report meanwhile. What was not is told again; if only the reply was lost it counts twice, not never.
    account.unreportedMs -= ofOver;
    const before = ofCalls.map(({ counted, ms }) => {
      const { reportedMs } = counted;
      counted.reportedMs = ms;
      return { counted, reportedMs, ms };
    });
    for (const id of over) account.over.delete(id);
    const day = this.#dayOf(account.zone);
    const held = [...calls.keys()].map(({ id }) => id);
    try {
      const [, ms] = await report(redis, pbx, employee, now?.() ?? '', day, told, held, over);
      account.talked = { day, ms };
    } catch (error) {
      this.#unlessAway(error);
      account.unreportedMs += ofOver;
      for (const { counted, reportedMs, ms } of before) counted.reportedMs -= ms - reportedMs;
      for (const id of over) account.over.add(id);
    }
    this.#cutOff(account);
  }

  /** Who talks on when the minutes of the day are used up would talk all night. */
  #cutOff(account: Account): void {
    const { minutesPerDay } = account.limits;
    if (minutesPerDay === 0 || this.#talkedToday(account) < minutesPerDay * MINUTE_MS) return;
    const reached = reachedIn(account, 'minutesPerDay');
    for (const call of [...account.calls.keys()]) {
      if (call.answeredAt === undefined) continue;
      this.#meets(account.pbx, call.number, reached);
      call.exhausted(reached);
    }
  }

  #dayOf(zone: Zone): string {
    const { clock, now } = this.#options;
    return isoDate(dayOf(zone.wallAt((now ?? clock.now)())));
  }

  #meets(pbx: string, number: string, reached: LimitReached): void {
    const { log } = this.#options;
    const { limit, employee } = reached;
    const counter = `${pbx}/${limit}`;
    this.refused.set(counter, (this.refused.get(counter) ?? 0) + 1);
    const key = `${counter}/${employee ?? ''}`;
    if (!this.#told.may(key)) return;
    log.warn(
      { pbx, employee, limit, max: reached.max, number, alarm: 'outgoing-limit' },
      `calls to the outside are refused: ${limitText(reached)}`,
    );
    this.events.emit('met', { pbx, number, ...reached });
  }

  #unlessAway(error: unknown): void {
    if (error instanceof RedisDownError) return;
    this.#options.log.error({ err: error }, `calls to the outside could not be counted: ${errorText(error)}`);
  }
}

/** No employee has this id. */
const NOBODY = '-';

const noLimits: LimitValues = { concurrent: 0, callsPerMinute: 0, minutesPerDay: 0 };

const uncounted: LimitedCall = { answered: () => undefined, over: () => undefined };

const printed = ({ concurrent, callsPerMinute, minutesPerDay }: LimitValues): string =>
  `${concurrent} ${callsPerMinute} ${minutesPerDay * MINUTE_MS}`;

const reachedIn = ({ employee, limits }: Account, limit: LimitName): LimitReached => ({
  limit,
  max: limits[limit],
  ...(employee === '' ? {} : { employee }),
});
