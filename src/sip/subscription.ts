import type { Logger } from 'pino';
import { errorText } from '../errors.ts';
import { type Clock, delay, type TimerId } from '../time/clock.ts';
import type { EventPackage, Subscriber } from './event-package.ts';
import type { HeaderFields } from './port.ts';

/** What became of a NOTIFY. */
export type Notified =
  | { readonly outcome: 'taken' }
  /** Not now: the phone names the seconds after which it can be asked again (RFC 6665 §4.2.2). */
  | { readonly outcome: 'later'; readonly seconds: number }
  /** The phone does not know the subscription, or cannot be reached. */
  | { readonly outcome: 'gone'; readonly why: string };

/** Why a subscription is over, RFC 6665 §4.1.3. `retryAfter`: seconds after which the phone may come back. */
export interface SubscriptionEnd {
  readonly reason: 'timeout' | 'noresource' | 'probation';
  readonly retryAfter?: number;
}

export interface SubscriptionOptions {
  readonly subscriber: Subscriber;
  readonly package: EventPackage;
  /** Value of the Event header: the package, with the `id` that the phone gave. */
  readonly event: string;
  /** By which `send` sends: when it is lost, so is the subscription. */
  readonly connection: unknown;
  readonly send: (headers: HeaderFields, body: string | undefined) => Promise<Notified>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Once; nothing is sent afterwards. */
  readonly onOver: (subscription: Subscription) => void;
}

/** How long to wait until a state that nobody knew is asked for again, milliseconds. */
const UNKNOWN_RETRY_MS = 5000;

/**
 * One subscription of one phone (RFC 6665 §4.2), which knows the newest state and nothing of how it came about. One NOTIFY is under way at a time: what changes
 * meanwhile is told by the next, once.
 */
export class Subscription {
  readonly subscriber: Subscriber;
  readonly package: EventPackage;
  readonly connection: unknown;
  readonly #options: SubscriptionOptions;
  readonly #over = new AbortController();
  readonly #ended = Promise.withResolvers<void>();
  /** The end is to be told, or was. */
  #end: SubscriptionEnd | undefined;
  #expiresAt = 0;
  #expiry: TimerId;
  /** What the phone was told last. */
  #told: string | undefined;
  /** There may be something new. */
  #stale = false;
  /** To be told though nothing is new: a SUBSCRIBE is always answered by a NOTIFY. */
  #owed = false;
  #running = false;
  /** When the phone can be asked again that was not in the mood, milliseconds from then. */
  #later = 0;
  /** Wakes the run from a pause. */
  #pause = new AbortController();

  constructor(options: SubscriptionOptions) {
    this.subscriber = options.subscriber;
    this.package = options.package;
    this.connection = options.connection;
    this.#options = options;
  }

  /** It was made or renewed: the phone is told the state at once. @param seconds 0: it asks just this once, or wants no more */
  renew(seconds: number): void {
    if (this.#end) return;
    const { clock } = this.#options;
    clock.clearTimeout(this.#expiry);
    this.#expiresAt = clock.now() + seconds * 1000;
    this.#owed = true;
    this.#pause.abort();
    if (seconds === 0) void this.end({ reason: 'timeout' });
    else {
      this.#expiry = clock.setTimeout(() => void this.end({ reason: 'timeout' }), seconds * 1000);
      this.#go();
    }
  }

  /** The state may be another one. */
  changed(): void {
    if (this.#end) return;
    this.#stale = true;
    this.#go();
  }

  /** Tells the phone that it is over. Resolves when it is. */
  end(end: SubscriptionEnd): Promise<void> {
    if (this.#end) return this.#ended.promise;
    this.#end = end;
    this.#options.clock.clearTimeout(this.#expiry);
    this.#pause.abort();
    this.#go();
    return this.#ended.promise;
  }

  /** It is over, and there is no way to say so. */
  lose(): void {
    if (this.#over.signal.aborted) return;
    this.#end ??= { reason: 'timeout' };
    this.#options.clock.clearTimeout(this.#expiry);
    this.#over.abort();
    this.#pause.abort();
    this.#ended.resolve();
    this.#options.onOver(this);
  }

  #go(): void {
    if (this.#running || this.#over.signal.aborted) return;
    this.#running = true;
    void this.#run().finally(() => {
      this.#running = false;
    });
  }

  /** Until nothing is new. Never rejects. */
  async #run(): Promise<void> {
    while (!this.#over.signal.aborted && (this.#stale || this.#owed || this.#end)) {
      const pauseMs = this.#end ? await this.#tellEnd(this.#end) : await this.#tellState();
      if (pauseMs > 0) await this.#rest(pauseMs);
    }
  }

  /** @returns milliseconds to wait before it is tried again; 0: done */
  async #tellState(): Promise<number> {
    const owed = this.#owed;
    [this.#stale, this.#owed] = [false, false];
    const { state, known } = await this.#state();
    if (this.#end) {
      this.#owed = owed;
      return 0;
    }
    if (known && state === undefined) {
      void this.end({ reason: 'noresource' });
      return 0;
    }
    // A NOTIFY without a body keeps the phone waiting rather than guessing (RFC 6665 §4.2.1.2).
    if (!known) this.#stale = true;
    const isNews = owed || (known && state !== this.#told);
    if (isNews && !(await this.#notify(`active;expires=${this.#secondsLeft()}`, state))) return this.#later;
    return known ? 0 : UNKNOWN_RETRY_MS;
  }

  async #tellEnd({ reason, retryAfter }: SubscriptionEnd): Promise<number> {
    // Whoever asks just once, or says good-bye, is told the state as well.
    const state = this.#owed ? (await this.#state()).state : undefined;
    const again = retryAfter === undefined ? '' : `;retry-after=${retryAfter}`;
    await this.#notify(`terminated;reason=${reason}${again}`, state);
    this.lose();
    return 0;
  }

  async #state(): Promise<{ readonly known: boolean; readonly state: string | undefined }> {
    try {
      return { known: true, state: await this.package.state(this.subscriber) };
    } catch (error) {
      const { account } = this.subscriber;
      this.#options.log.debug({ account, event: this.package.name }, `state not known: ${errorText(error)}`);
      return { known: false, state: undefined };
    }
  }

  /** @returns whether the phone has it; false: it is to be tried again after `#later`, unless the phone is gone */
  async #notify(subscriptionState: string, body: string | undefined): Promise<boolean> {
    const { event, send, log } = this.#options;
    const headers = {
      Event: event,
      'Subscription-State': subscriptionState,
      ...(body !== undefined && { 'Content-Type': this.package.contentType }),
    };
    const answer = await send(headers, body);
    switch (answer.outcome) {
      case 'taken':
        this.#told = body ?? this.#told;
        return true;
      case 'later':
        this.#owed = true;
        this.#later = answer.seconds * 1000;
        return false;
      case 'gone': {
        const { account } = this.subscriber;
        log.debug({ account, event: this.package.name, why: answer.why }, 'a subscription is over');
        this.#later = 0;
        // A SIP server that keeps the dialog all the same learns from this that it is over; one that does not refuses to send it.
        if (!this.#end) void send({ Event: event, 'Subscription-State': 'terminated;reason=timeout' }, undefined);
        this.lose();
        return false;
      }
    }
  }

  #secondsLeft(): number {
    return Math.max(0, Math.round((this.#expiresAt - this.#options.clock.now()) / 1000));
  }

  async #rest(ms: number): Promise<void> {
    if (this.#end) return;
    this.#pause = new AbortController();
    await delay(this.#options.clock, ms, this.#pause.signal).catch(() => undefined);
  }
}
