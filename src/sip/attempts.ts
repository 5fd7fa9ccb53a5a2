import { isIPv6 } from 'node:net';
import type { Logger } from 'pino';
import { errorText } from '../errors.ts';
import type { FailureLimits, FailureState } from '../redis/throttle.ts';
import type { Clock } from '../time/clock.ts';
import { oneLine } from './header-fields.ts';

/** Counts failures under a key, for all nodes: `redis/throttle.ts`. */
export interface FailureCounter {
  fail(pbx: string, key: string, limits: FailureLimits): Promise<FailureState>;
}

export interface AttemptLimits {
  /** Wrong passwords of one account from one address: then it is throttled, which means that nothing is checked for a while. */
  readonly account: FailureLimits;
  /** Wrong passwords from one address, whatever the account: then it is blocked. */
  readonly address: FailureLimits;
  /** How many times as patient we are with an address from which somebody has logged in: an office has many phones behind one address. */
  readonly patience: number;
  /**
   * Requests without credentials from one address: `burst` at once, `perSecond` on and on. One that is followed by the right password does
   * not count, so whole offices may come at once, when the power is back.
   */
  readonly unauthenticated: { readonly burst: number; readonly perSecond: number };
}

export const defaultLimits: AttemptLimits = {
  account: { limit: 5, window: 300, block: 300 },
  address: { limit: 30, window: 600, block: 900 },
  patience: 10,
  unauthenticated: { burst: 2000, perSecond: 200 },
};

/** Why a request was not believed, in the log line below. Peers are told nothing of it. */
export type FailureReason =
  | 'wrong-password'
  | 'unknown-account'
  | 'unknown-domain'
  | 'bad-credentials'
  | 'foreign-identity'
  | 'address-not-allowed'
  | 'throttled';

export interface FailedAttempt {
  readonly pbx: string;
  readonly address: string;
  readonly method: string;
  /** As claimed by the request. */
  readonly account: string;
  readonly reason: FailureReason;
}

/** Seconds during which a success makes us patient: phones register again within an hour. */
const GOOD_FOR = 7200;
const REMEMBERED = 50_000;

/**
 * Keeps guessers of passwords and floods away. Verdicts come from this node's memory; the counts behind them are shared by all nodes, so a
 * guesser gains at most one guess by changing the node, and nothing by a restart. While Redis is away each node counts for itself.
 *
 * Two log lines (level warn) are made for fail2ban and the like. Their text is stable; everything after `address=` on the line comes in this order:
 *
 *     SIP authentication failed: address=203.0.113.9 method=REGISTER account="ivanov@acme.example" reason=wrong-password
 *     SIP address blocked: address=203.0.113.9 seconds=900
 */
export class Attempts {
  readonly #counter: FailureCounter;
  readonly #local: LocalFailures;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #limits: AttemptLimits;
  /** Until when a key is blocked, milliseconds. */
  readonly #blocked = new Map<string, number>();
  readonly #good = new Map<string, number>();
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(options: { counter: FailureCounter; clock: Clock; log: Logger; limits?: AttemptLimits }) {
    this.#counter = options.counter;
    this.#local = new LocalFailures(options.clock);
    this.#clock = options.clock;
    this.#log = options.log;
    this.#limits = options.limits ?? defaultLimits;
  }

  /** Seconds for which nothing from this address is believed; undefined if it is not blocked. */
  blockedFor(address: string): number | undefined {
    return this.#left(networkOf(address));
  }

  /** Seconds for which this account is not checked for this address. */
  throttledFor(address: string, account: string): number | undefined {
    return this.#left(accountKey(address, account));
  }

  /** Takes one request without credentials; false when there are too many. */
  mayAsk(address: string): boolean {
    const { burst, perSecond } = this.#limits.unauthenticated;
    const key = networkOf(address);
    const now = this.#clock.monotonic();
    const bucket = this.#buckets.get(key) ?? { tokens: burst, at: now };
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * perSecond);
    bucket.at = now;
    remember(this.#buckets, key, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  succeeded(address: string): void {
    const network = networkOf(address);
    remember(this.#good, network, this.#clock.now());
    const bucket = this.#buckets.get(network);
    if (bucket) bucket.tokens += 1;
  }

  /** Notes a failure: logs it, and throttles or blocks when it was one too many. Never rejects. */
  async failed(attempt: FailedAttempt): Promise<void> {
    const { pbx, address, method, account, reason } = attempt;
    const shown = oneLine(account).slice(0, 128).replace(/["\\]/g, '');
    this.#log.warn(
      { address, method, account: shown, reason, pbx },
      `SIP authentication failed: address=${address} method=${oneLine(method)} account="${shown}" reason=${reason}`,
    );
    const network = networkOf(address);
    const { account: perAccount, address: perAddress, patience } = this.#limits;
    const limit = this.#isGood(network) ? perAddress.limit * patience : perAddress.limit;
    const [, blocked] = await Promise.all([
      reason === 'throttled' ? undefined : this.#count(pbx, accountKey(address, account), perAccount),
      this.#count(pbx, network, { ...perAddress, limit }),
    ]);
    if (!blocked) return;
    const seconds = Math.ceil((blocked.until - this.#clock.now()) / 1000);
    if (blocked.failures === limit) {
      this.#log.warn({ address, seconds }, `SIP address blocked: address=${address} seconds=${seconds}`);
    }
  }

  async #count(
    pbx: string,
    key: string,
    limits: FailureLimits,
  ): Promise<Extract<FailureState, { state: 'blocked' }> | undefined> {
    let state: FailureState;
    try {
      state = await this.#counter.fail(pbx, key, limits);
    } catch (error) {
      this.#log.debug({ err: error }, `counting failures on this node alone: ${errorText(error)}`);
      state = this.#local.count(`${pbx} ${key}`, limits);
    }
    if (state.state !== 'blocked') return undefined;
    remember(this.#blocked, key, state.until);
    return state;
  }

  #left(key: string): number | undefined {
    const until = this.#blocked.get(key);
    if (until === undefined) return undefined;
    const left = until - this.#clock.now();
    if (left > 0) return Math.ceil(left / 1000);
    this.#blocked.delete(key);
    return undefined;
  }

  #isGood(network: string): boolean {
    const at = this.#good.get(network);
    return at !== undefined && this.#clock.now() - at <= GOOD_FOR * 1000;
  }
}

/** The same counting in this node's memory: while Redis is away. */
export class LocalFailures implements FailureCounter {
  readonly #clock: Clock;
  readonly #counts = new Map<string, { failures: number; since: number; blockedUntil: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async fail(pbx: string, key: string, limits: FailureLimits): Promise<FailureState> {
    return this.count(`${pbx} ${key}`, limits);
  }

  count(key: string, { limit, window, block }: FailureLimits): FailureState {
    const now = this.#clock.now();
    const known = this.#counts.get(key);
    if (known && known.blockedUntil > now) {
      known.failures++;
      return { state: 'blocked', until: known.blockedUntil, failures: known.failures };
    }
    const isCurrent = known && known.blockedUntil === 0 && now - known.since <= window * 1000;
    const count = isCurrent ? known : { failures: 0, since: now, blockedUntil: 0 };
    count.failures++;
    if (count.failures >= limit) count.blockedUntil = now + block * 1000;
    remember(this.#counts, key, count);
    return count.blockedUntil > 0
      ? { state: 'blocked', until: count.blockedUntil, failures: count.failures }
      : { state: 'counted', failures: count.failures };
  }
}

const accountKey = (address: string, account: string): string =>
  `${networkOf(address)} ${oneLine(account).slice(0, 128)}`;

/** What one subscriber has: an IPv4 address, or a /64 of IPv6. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = !tail ? [] : tail.split(':');
  const middle = tail === undefined ? [] : Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0');
  const prefix = [...front, ...middle, ...back].slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${prefix.join(':')}::/64`;
}

/** Puts an entry at the end, and drops the oldest ones beyond the limit: memory does not grow with the number of attackers. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= REMEMBERED) return;
    map.delete(oldest);
  }
}
