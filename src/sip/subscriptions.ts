import type { Logger } from 'pino';
import { errorText } from '../errors.ts';
import type { Clock } from '../time/clock.ts';
import type { Random } from '../time/random.ts';
import { ALLOW_EVENTS, PRODUCT } from './capabilities.ts';
import type { DrachtioRequest, DrachtioResponse, DrachtioSrf } from './drachtio.ts';
import type { EventPackage, Subscriber } from './event-package.ts';
import { headerLines } from './header-fields.ts';
import { Params } from './message.ts';
import { contactForAnswer } from './own-contact.ts';
import type { HeaderFields } from './port.ts';
import type { SipRequest, SipResponse } from './request.ts';
import { type Notified, Subscription } from './subscription.ts';

export interface SubscriptionLimits {
  /** Seconds. What is shorter is refused (423), unless it is 0 (RFC 6665 §4.2.1.1). */
  readonly minExpires: number;
  /** Seconds. What is longer is cut: a phone that is gone without a word costs no more than that. */
  readonly maxExpires: number;
  /** Subscriptions of one account; one more ends the oldest: that of a phone that has restarted, as a rule. */
  readonly ofAccount: number;
  /** Of this node; beyond, 503. */
  readonly all: number;
}

export const defaultSubscriptionLimits: SubscriptionLimits = {
  minExpires: 60,
  maxExpires: 3600,
  ofAccount: 10,
  all: 20_000,
};

export interface SubscriptionsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly limits?: Partial<SubscriptionLimits>;
}

/** A SUBSCRIBE as it came in, with the way to answer it. */
export interface ArrivedSubscribe {
  readonly native: DrachtioRequest;
  readonly response: DrachtioResponse;
  readonly srf: DrachtioSrf;
  readonly request: SipRequest;
}

/**
 * The notifier of RFC 6665: takes the SUBSCRIBEs of phones whose account the guard has proved, keeps their subscriptions on this node, and tells them what
 * changes. Subscriptions are dialogs, so they end with their node and with the SIP server; phones make them anew when they are told so, or refresh in vain (481).
 *
 * The library's dialogs are not used for them: they answer every SUBSCRIBE with 202, an unsubscribing one before anybody is asked.
 */
export class Subscriptions {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Logger;
  readonly #limits: SubscriptionLimits;
  readonly #packages = new Map<string, EventPackage>();
  /** By the id of the dialog, the oldest first. */
  readonly #all = new Map<string, Subscription>();

  constructor({ clock, random, log, limits }: SubscriptionsOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#log = log;
    this.#limits = { ...defaultSubscriptionLimits, ...limits };
  }

  get size(): number {
    return this.#all.size;
  }

  /** From now on phones can subscribe to this. @returns the function that ends it */
  serve(what: EventPackage): () => void {
    this.#packages.set(what.name, what);
    return () => this.#packages.delete(what.name);
  }

  /** The state may be another one for those whom `concerns` picks. */
  changed(event: string, concerns: (subscriber: Subscriber) => boolean): void {
    for (const subscription of [...this.#all.values()]) {
      if (subscription.package.name === event && concerns(subscription.subscriber)) subscription.changed();
    }
  }

  /** A SUBSCRIBE outside of dialogs. */
  subscribe(arrived: ArrivedSubscribe, subscriber: Subscriber): void {
    const { native, request, response, srf } = arrived;
    const { headers } = request;
    const event = eventOf(headers.get('Event'));
    const found = this.#packages.get(event.name);
    // What is built and not loaded yet, just after a start.
    if (!found) return answer(response, this.#overloaded());
    const expires = this.#expires(headers.get('Expires'), found);
    const refusal =
      found.refusal(subscriber, request.requestUser) ??
      notAcceptable(headers.all('Accept'), found.contentType) ??
      (typeof expires === 'number' ? undefined : expires);
    if (refusal || typeof expires !== 'number') return answer(response, refusal ?? { status: 400 });
    if (this.#all.size >= this.#limits.all) return answer(response, this.#overloaded());

    response.send(200, undefined, { headers: accepted(expires, native) }, (error, sent) => {
      const dialog = response.stackDialogId;
      if (error || !sent || dialog === undefined) {
        this.#log.debug({ account: subscriber.account }, `SUBSCRIBE not answered: ${errorText(error)}`);
        return;
      }
      const contact = sent.get('Contact');
      const subscription = new Subscription({
        subscriber,
        package: found,
        event: event.id === undefined ? found.name : `${found.name};id=${event.id}`,
        connection: srf,
        send: (fields, body) =>
          notify(srf, dialog, { ...fields, ...(contact !== undefined && { Contact: contact }) }, body),
        clock: this.#clock,
        log: this.#log,
        onOver: (over) => {
          if (this.#all.get(dialog) === over) this.#all.delete(dialog);
        },
      });
      // The same Call-ID and tag again: the phone has forgotten the former one.
      this.#all.get(dialog)?.lose();
      this.#makeRoom(subscriber);
      this.#all.set(dialog, subscription);
      subscription.renew(expires);
    });
  }

  /**
   * A SUBSCRIBE inside a dialog: renews or ends the subscription. Who knows Call-ID and tags is believed, as with a BYE: the password was asked for when it was made.
   */
  refresh({ native, response, request }: ArrivedSubscribe): void {
    const subscription = this.#all.get(native.stackDialogId ?? '');
    if (!subscription) return answer(response, { status: 481 });
    const { headers } = request;
    if (eventOf(headers.get('Event')).name !== subscription.package.name) return answer(response, badEvent);
    const expires = this.#expires(headers.get('Expires'), subscription.package);
    if (typeof expires !== 'number') return answer(response, expires);
    // After the answer: a NOTIFY that overtakes it would find no subscription.
    response.send(200, undefined, { headers: accepted(expires, native) }, () => subscription.renew(expires));
  }

  /** The connection to a SIP server is gone, and all dialogs on it. Without a name: to every one. */
  lose(srf?: DrachtioSrf): void {
    for (const subscription of [...this.#all.values()]) {
      if (srf === undefined || subscription.connection === srf) subscription.lose();
    }
  }

  /**
   * Tells phones to come back, to this node when it has started again or to another one, and not all in the same second. Resolves when all have been told,
   * which may take as long as a phone that says nothing.
   */
  async end(): Promise<void> {
    await Promise.all(
      [...this.#all.values()].map((subscription) =>
        subscription.end({ reason: 'probation', retryAfter: 5 + this.#random.below(20) }),
      ),
    );
  }

  #makeRoom({ pbx, account }: Subscriber): void {
    const own = [...this.#all.values()].filter(
      ({ subscriber }) => subscriber.pbx === pbx && subscriber.account === account,
    );
    if (own.length >= this.#limits.ofAccount)
      void own[0]?.end({ reason: 'probation', retryAfter: this.#limits.maxExpires });
  }

  /** Seconds, or the refusal. */
  #expires(value: string | undefined, { defaultExpires }: EventPackage): number | SipResponse {
    const { minExpires, maxExpires } = this.#limits;
    if (value === undefined) return defaultExpires;
    if (!/^\d{1,10}$/.test(value.trim())) return { status: 400, reason: 'Bad Expires' };
    const seconds = Number(value);
    if (seconds > 0 && seconds < minExpires) return { status: 423, headers: { 'Min-Expires': String(minExpires) } };
    return Math.min(seconds, maxExpires);
  }

  #overloaded(): SipResponse {
    return { status: 503, headers: { 'Retry-After': String(5 + this.#random.below(20)) } };
  }
}

/** RFC 6665 §8.2.1: the package, and what tells several subscriptions of one dialog apart. */
function eventOf(value: string | undefined): { readonly name: string; readonly id: string | undefined } {
  const [name = '', ...params] = (value ?? '').split(';');
  const id = Params.parse(params.map((param) => `;${param}`).join('')).get('id');
  return { name: name.trim().toLowerCase(), id: id !== undefined && /^[\w\-.!%*+`'~]+$/.test(id) ? id : undefined };
}

/** Whether SUBSCRIBE asks for something that there is (§4.2.1.3). */
export const isKnownEvent = (value: string | undefined): boolean => eventOf(value).name === ALLOW_EVENTS;

export const badEvent: SipResponse = { status: 489, headers: { 'Allow-Events': ALLOW_EVENTS } };

/** RFC 3261 §20.1; without an Accept the package's own form is meant (RFC 6665 §3.1.3). */
function notAcceptable(accepts: readonly string[], contentType: string): SipResponse | undefined {
  if (accepts.length === 0) return undefined;
  const takes = [contentType, contentType.replace(/\/.*/, '/*'), '*/*'];
  const fits = accepts.some((accept) => takes.includes((accept.split(';')[0] ?? '').trim().toLowerCase()));
  return fits ? undefined : { status: 406, headers: { Accept: contentType } };
}

/**
 * The head of a 200. Subscription-State says nothing new to the phone: drachtio reads it of answers over TCP to know how long to remember the connection, and
 * does not survive that it is missing (doRespondToSipRequest of 0.9).
 */
const accepted = (expires: number, subscribe: DrachtioRequest): Record<string, string> =>
  headerLines({
    ...contactForAnswer(subscribe),
    Expires: String(expires),
    'Subscription-State': expires === 0 ? 'terminated;reason=timeout' : `active;expires=${expires}`,
    Server: PRODUCT,
  });

function answer(response: DrachtioResponse, { status, reason, headers }: SipResponse): void {
  response.send(status, reason, { headers: headerLines({ Server: PRODUCT, ...headers }) });
}

/** Sends a NOTIFY inside the dialog. The Contact is ours to say: drachtio adds none (RFC 6665 §8.2.1). Never rejects. */
function notify(
  srf: DrachtioSrf,
  stackDialogId: string,
  fields: HeaderFields,
  body: string | undefined,
): Promise<Notified> {
  const { promise, resolve } = Promise.withResolvers<Notified>();
  const headers = headerLines({ ...fields, 'User-Agent': PRODUCT });
  try {
    // The server knows where the dialog leads; this stands where it puts the peer's Contact.
    const options = { method: 'NOTIFY', stackDialogId, headers, ...(body !== undefined && { body }) };
    srf.request('sip:placeholder', options, (error, sent) => {
      if (error || !sent) return resolve({ outcome: 'gone', why: errorText(error) });
      sent.on('response', (response) => {
        if (response.status >= 200) resolve(outcomeOf(response));
      });
    });
  } catch (error) {
    resolve({ outcome: 'gone', why: errorText(error) });
  }
  return promise;
}

/** RFC 6665 §4.2.2: a failure that names no time to come back removes the subscription. */
function outcomeOf(response: DrachtioResponse): Notified {
  const { status, reason } = response;
  if (status < 300) return { outcome: 'taken' };
  const seconds = Number.parseInt(response.get('Retry-After') ?? '', 10);
  if (seconds > 0) return { outcome: 'later', seconds: Math.min(seconds, 3600) };
  return { outcome: 'gone', why: `${status} ${reason}` };
}
