import type { Identity } from './identity.ts';
import type { SipResponse } from './request.ts';

/** The account that has subscribed, proved by its password. */
export type Subscriber = Extract<Identity, { kind: 'account' }>;

/** Something that phones can subscribe to: an event package of RFC 6665 §7. Whoever knows the state fills this, and tells `Subscriptions` what has changed. */
export interface EventPackage {
  readonly name: string;
  readonly contentType: string;
  /** Seconds, for phones that ask for nothing. */
  readonly defaultExpires: number;
  /** Why this subscriber may not have that; undefined: he may. @param user the user of the Request-URI, as in `Party` */
  refusal(subscriber: Subscriber, user: string): SipResponse | undefined;
  /**
   * The whole state as it is now. Undefined: this subscriber has nothing to be told any more, such as one whose account was taken away.
   * Rejects while nobody knows.
   */
  state(subscriber: Subscriber): Promise<string | undefined>;
}
