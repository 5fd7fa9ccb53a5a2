import type { Logger } from 'pino';
import type { ConfigStore } from '../config/store.ts';
import { Emitter } from '../emitter.ts';
import { errorText } from '../errors.ts';
import type { RedisCommands } from '../redis/connection.ts';
import { RedisDownError } from '../redis/connection.ts';
import type { SipServer } from '../sip/port.ts';
import { type Clock, delay, type TimerId } from '../time/clock.ts';
import type { Random } from '../time/random.ts';
import { isRegistering, LineRegistration, type RegisteringTrunk } from './line-registration.ts';
import { LEASE_MS, RegisteringLease, type ToldRegistration } from './registering-lease.ts';
import type { RegistrationHealth, RegistrationState } from './registration-state.ts';

export interface RegisteringOptions {
  readonly config: Pick<ConfigStore, 'all' | 'on'>;
  readonly sip: Pick<SipServer, 'request' | 'state' | 'on'>;
  /** What calls to our Contact are known by (`sip/line-marks.ts`). */
  readonly markOf: (pbx: string, trunk: string) => string;
  readonly redis: RedisCommands;
  /** For people: which node registers. */
  readonly node: string;
  /** Tells this run of this node from all others. */
  readonly run: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** The time of the lease in tests, as milliseconds since 1970; without it the Redis server's. */
  readonly now?: () => number;
}

const HOLD_EVERY_MS = LEASE_MS / 3;
/** Many accounts are not registered in one instant: so far apart, and all within the longest. */
const APART_MS = 20;
const SPREAD_MS = 10_000;
/** `close` does not wait longer for operators. */
const CLOSE_LIMIT_MS = 2_000;
const CHANGES_KEPT = 20;

/** What came of registering an account is another thing than before, or has another reason. */
export interface RegistrationChange {
  readonly pbx: string;
  readonly trunk: string;
  readonly state: RegistrationState;
  readonly reason: string | undefined;
}

/** One PBX with accounts at operators. */
interface Office {
  readonly pbx: string;
  wanted: readonly RegisteringTrunk[];
  /** Set while this node is the one that registers. */
  fence: number | undefined;
  /** Until when that is certain, on the monotonic clock. */
  certainUntil: number;
  /** Redis could not be asked the last time. */
  redisAway: boolean;
  readonly accounts: Map<string, Account>;
  timer: TimerId | undefined;
}

interface Account {
  readonly trunk: RegisteringTrunk;
  readonly registration: LineRegistration;
  changes: ToldRegistration['changes'];
}

/**
 * Registers our accounts at operators and peers: trunks with `register`, and numbers with an `active` source. Of several nodes one does it for a PBX, by a lease
 * in Redis; calls come to that node. While Redis is away it goes on, because calls would stay away otherwise, and nobody else can take over then.
 */
export class Registering {
  readonly #options: RegisteringOptions;
  readonly #lease: RegisteringLease;
  readonly #offices = new Map<string, Office>();
  /** Registrations that are being taken back. */
  readonly #leaving = new Set<Promise<unknown>>();
  readonly #offs: (() => void)[];
  readonly #events = new Emitter<{ changed: RegistrationChange }>();
  #closed = false;

  constructor(options: RegisteringOptions) {
    this.#options = options;
    this.#lease = new RegisteringLease(options);
    this.#offs = [
      options.config.on('changed', () => this.#follow()),
      // Another SIP server may listen elsewhere, and has no connections.
      options.sip.on('up', () => this.#registerAll()),
    ];
    this.#follow();
  }

  /** Of the accounts that this node registers. */
  on(event: 'changed', listener: (change: RegistrationChange) => void): () => void {
    return this.#events.on(event, listener);
  }

  /** The accounts of a PBX, whichever node registers them, by trunk. */
  async status(pbx: string): Promise<ReadonlyMap<string, ToldRegistration>> {
    const own = this.#offices.get(pbx);
    if (own?.fence !== undefined) {
      return new Map([...own.accounts].map(([trunk, account]) => [trunk, this.#told(account)]));
    }
    if (!own) return new Map();
    return this.#lease.told(pbx).catch((error: unknown) => {
      this.#unlessAway(error);
      return new Map();
    });
  }

  /** Those that this node registers. */
  own(): { readonly pbx: string; readonly trunk: string; readonly health: RegistrationHealth }[] {
    return [...this.#offices.values()].flatMap(({ pbx, accounts }) =>
      [...accounts].map(([trunk, { registration }]) => ({ pbx, trunk, health: registration.health })),
    );
  }

  /** Takes all registrations back, and lets another node go on. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const off of this.#offs) off();
    for (const office of this.#offices.values()) {
      this.#options.clock.clearTimeout(office.timer);
      this.#leave(office);
    }
    const limit = new AbortController();
    const late = delay(this.#options.clock, CLOSE_LIMIT_MS, limit.signal).catch(() => undefined);
    await Promise.race([Promise.all(this.#leaving), late]);
    limit.abort();
  }

  #follow(): void {
    const seen = new Set<string>();
    for (const version of this.#options.config.all()) {
      const wanted = version.trunks.filter(isRegistering);
      if (wanted.length === 0) continue;
      seen.add(version.id);
      const known = this.#offices.get(version.id);
      if (known) {
        known.wanted = wanted;
        if (known.fence !== undefined) this.#reconcile(known);
        continue;
      }
      const office: Office = {
        pbx: version.id,
        wanted,
        fence: undefined,
        certainUntil: 0,
        redisAway: false,
        accounts: new Map(),
        timer: undefined,
      };
      this.#offices.set(version.id, office);
      void this.#hold(office);
    }
    for (const [id, office] of this.#offices) {
      if (seen.has(id)) continue;
      this.#options.clock.clearTimeout(office.timer);
      office.wanted = [];
      this.#leave(office);
      this.#offices.delete(id);
    }
  }

  async #hold(office: Office): Promise<void> {
    const { clock } = this.#options;
    const asked = clock.monotonic();
    try {
      const fence = await this.#lease.hold(office.pbx);
      if (this.#closed || this.#offices.get(office.pbx) !== office) {
        if (fence !== undefined && fence !== office.fence) await this.#lease.free(office.pbx, fence);
        return;
      }
      const before = office.fence;
      const wasAway = office.redisAway;
      office.redisAway = false;
      office.certainUntil = asked + LEASE_MS;
      if (fence === undefined) {
        // Another node has taken over while this one could not say that it was there.
        if (before !== undefined) this.#leave(office);
      } else {
        office.fence = fence;
        if (before === undefined) await this.#begin(office);
        else if (before !== fence || wasAway) for (const trunk of office.accounts.keys()) this.#tell(office, trunk);
      }
    } catch (error) {
      office.redisAway = error instanceof RedisDownError;
      this.#unlessAway(error);
    }
    if (this.#closed || this.#offices.get(office.pbx) !== office) return;
    clock.clearTimeout(office.timer);
    office.timer = clock.setTimeout(() => void this.#hold(office), HOLD_EVERY_MS);
  }

  /** With the history that the node before has told. */
  async #begin(office: Office): Promise<void> {
    const told = await this.#lease.told(office.pbx).catch(() => new Map<string, ToldRegistration>());
    if (this.#closed || this.#offices.get(office.pbx) !== office) return;
    this.#reconcile(office, told);
    const wanted = new Set(office.wanted.map(({ id }) => id));
    for (const trunk of told.keys()) if (!wanted.has(trunk)) this.#tell(office, trunk);
  }

  /** Accounts that are wanted are registered, others not any more. One that has changed in anything is another. */
  #reconcile(office: Office, told: ReadonlyMap<string, ToldRegistration> = new Map()): void {
    const wanted = new Map(office.wanted.map((trunk) => [trunk.id, trunk]));
    const leaving = new Map<string, Promise<void>>();
    for (const [id, account] of [...office.accounts]) {
      const now = wanted.get(id);
      if (now && accountText(now) === accountText(account.trunk)) continue;
      office.accounts.delete(id);
      const left = account.registration.stop();
      leaving.set(id, left);
      this.#wait(left);
      if (!now) this.#tell(office, id);
    }
    const { random } = this.#options;
    const spread = Math.min(SPREAD_MS, wanted.size * APART_MS);
    for (const [id, trunk] of wanted) {
      if (office.accounts.has(id)) continue;
      const account = this.#account(office, trunk, told.get(id)?.changes ?? []);
      office.accounts.set(id, account);
      const begin = () => account.registration.registerIn(random.below(spread));
      const left = leaving.get(id);
      // The same Contact: what takes the former registration back must not come after what makes the new one.
      if (left) void left.catch(() => undefined).then(begin);
      else begin();
    }
  }

  #account(office: Office, trunk: RegisteringTrunk, changes: ToldRegistration['changes']): Account {
    const { sip, clock, random, log, markOf } = this.#options;
    const { pbx } = office;
    const account: Account = {
      trunk,
      changes,
      registration: new LineRegistration({
        trunk,
        mark: markOf(pbx, trunk.id),
        sip,
        clock,
        random,
        log,
        mayRegister: () => office.redisAway || clock.monotonic() < office.certainUntil,
        onChange: (health, before) => {
          if (health.state !== before.state || health.reason !== before.reason) this.#note(pbx, account, health);
          if (office.accounts.get(trunk.id) === account) this.#tell(office, trunk.id);
        },
      }),
    };
    return account;
  }

  #note(pbx: string, account: Account, { state, reason }: RegistrationHealth): void {
    const { log, clock } = this.#options;
    const { id, host } = account.trunk;
    account.changes = [...account.changes, { state, reason: reason ?? null, at: clock.now() }].slice(-CHANGES_KEPT);
    if (state === 'registered') log.info({ pbx, trunk: id }, `trunk ${id} is registered at ${host}`);
    else log.warn({ pbx, trunk: id, reason }, `trunk ${id} cannot be registered at ${host}: ${reason}`);
    this.#events.emit('changed', { pbx, trunk: id, state, reason });
  }

  /** This node does not register any more. */
  #leave(office: Office): void {
    const { fence, pbx } = office;
    const stops = [...office.accounts.values()].map(({ registration }) => registration.stop());
    const told = [...office.accounts].map(([trunk, { changes }]) => [trunk, changes] as const);
    office.accounts.clear();
    office.fence = undefined;
    if (fence === undefined) return;
    const { node, clock } = this.#options;
    const since = clock.now();
    this.#wait(
      Promise.all(stops).then(async () => {
        for (const [trunk, changes] of told) {
          const idle = { state: 'trying', since, until: null, reason: null, node, changes } as const;
          await this.#lease.tell(pbx, fence, trunk, office.wanted.some(({ id }) => id === trunk) ? idle : undefined);
        }
        await this.#lease.free(pbx, fence);
      }),
    );
  }

  #registerAll(): void {
    const { random } = this.#options;
    for (const { accounts } of this.#offices.values()) {
      const spread = Math.min(SPREAD_MS, accounts.size * APART_MS);
      for (const { registration } of accounts.values()) registration.registerIn(random.below(spread));
    }
  }

  /** What this node knows of an account, or that it is none any more. */
  #tell(office: Office, trunk: string): void {
    if (office.fence === undefined) return;
    const account = office.accounts.get(trunk);
    this.#wait(this.#lease.tell(office.pbx, office.fence, trunk, account && this.#told(account)));
  }

  #told({ registration, changes }: Account): ToldRegistration {
    const { state, since, until = null, reason = null } = registration.health;
    return { state, since, until, reason, node: this.#options.node, changes };
  }

  #wait(promise: Promise<unknown>): void {
    const settled: Promise<unknown> = promise
      .catch((error: unknown) => this.#unlessAway(error))
      .finally(() => this.#leaving.delete(settled));
    this.#leaving.add(settled);
  }

  #unlessAway(error: unknown): void {
    if (error instanceof RedisDownError) return;
    this.#options.log.error({ err: error }, `registrations at operators: ${errorText(error)}`);
  }
}

/** What the registration of an account depends on. */
const accountText = ({ id, host, ports, outbound, transport, auth, domain, expires }: RegisteringTrunk): string =>
  JSON.stringify([id, host, ports, outbound, transport, auth, domain, expires]);
