import type { Binding, RegistrationStore } from '../redis/registrations.ts';
import type { Clock } from '../time/clock.ts';

/** Milliseconds. No older than what is looked up and used at once may be on a busy node. */
const fresh = 10;

interface Ahead {
  readonly at: number;
  readonly bindings: Promise<Binding[]>;
}

/** Where accounts are registered, looked up a moment before it is asked for: a way to Redis and back less between an agent's call and his next one. */
export class LookAhead {
  readonly #registrations: Pick<RegistrationStore, 'contacts'>;
  readonly #clock: Clock;
  /** By PBX and account. One for each account at the most. */
  readonly #ahead = new Map<string, Ahead>();

  constructor(registrations: Pick<RegistrationStore, 'contacts'>, clock: Clock) {
    this.#registrations = registrations;
    this.#clock = clock;
  }

  /** The account will be asked for within milliseconds, perhaps. */
  expect(pbx: string, account: string): void {
    const bindings = this.#registrations.contacts(pbx, account);
    // Whoever asks will be told; perhaps nobody does.
    bindings.catch(() => undefined);
    this.#ahead.set(`${pbx}\n${account}`, { at: this.#clock.monotonic(), bindings });
  }

  /** As `RegistrationStore.contacts`. What has been looked up ahead serves once. */
  contacts(pbx: string, account: string): Promise<Binding[]> {
    const key = `${pbx}\n${account}`;
    const ahead = this.#ahead.get(key);
    this.#ahead.delete(key);
    const isFresh = ahead !== undefined && this.#clock.monotonic() - ahead.at <= fresh;
    return isFresh ? ahead.bindings : this.#registrations.contacts(pbx, account);
  }
}
