import type { Logger } from 'pino';
import type { Trunk } from '../config/document.ts';
import { isOperatorLine } from '../config/operator-line.ts';
import { trunkAddress } from '../dial/trunk-address.ts';
import { errorText } from '../errors.ts';
import { type FinalResponse, InviteFailure, type OutgoingRequest, type SipServer } from '../sip/port.ts';
import type { Clock, TimerId } from '../time/clock.ts';
import type { Random } from '../time/random.ts';
import {
  nextRegisterIn,
  nothingKnown,
  type RegisterOutcome,
  type RegistrationHealth,
  registrationAfter,
} from './registration-state.ts';

/** An account at a peer that we register, so that he sends us calls: that of a trunk, or the operator's account of a number. */
export interface RegisteringTrunk extends Trunk {
  readonly host: string;
  readonly auth: { readonly user: string; readonly password: string };
}

export const isRegistering = (trunk: Trunk): trunk is RegisteringTrunk =>
  trunk.register && trunk.kind === 'external' && trunk.host !== undefined && trunk.auth !== undefined;

export interface LineRegistrationOptions {
  readonly trunk: RegisteringTrunk;
  /** Tells our Contact from those of others at the same account. */
  readonly mark: string;
  readonly sip: Pick<SipServer, 'request' | 'state'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** False: it is not certain that no other node registers this account. */
  readonly mayRegister: () => boolean;
  readonly onChange: (health: RegistrationHealth, before: RegistrationHealth) => void;
}

/** How soon to look again whether it is certain. */
const UNCERTAIN_MS = 1_000;
/** No operator's shortest time is longer than a day. */
const MOST_EXPIRES_S = 86_400;

/**
 * One account, kept registered: refreshed before it expires, tried again when that fails, taken back at the end. One REGISTER at a time, all with one Call-ID
 * (RFC 3261 §10.2).
 */
export class LineRegistration {
  readonly #options: LineRegistrationOptions;
  readonly #series: NonNullable<OutgoingRequest['series']>;
  #health: RegistrationHealth;
  /** Seconds that are asked for: more than configured where the operator has said that this was too brief. */
  #expires: number;
  #timer: TimerId | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(options: LineRegistrationOptions) {
    this.#options = options;
    this.#health = nothingKnown(options.clock.now());
    this.#expires = options.trunk.expires;
    let cseq = 0;
    this.#series = { callId: options.random.uuid(), next: () => ++cseq };
  }

  get health(): RegistrationHealth {
    return this.#health;
  }

  /** Registers `ms` from now, whatever was due. */
  registerIn(ms: number): void {
    if (this.#stopped) return;
    this.#options.clock.clearTimeout(this.#timer);
    this.#timer = this.#options.clock.setTimeout(() => this.#due(), ms);
  }

  /** Takes the registration back (§10.2.2), if there is one. Resolves when the operator has said something to it, or nothing for long enough. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#options.clock.clearTimeout(this.#timer);
    await this.#running;
    const { clock, sip } = this.#options;
    if (this.#health.until === undefined || this.#health.until <= clock.now() || sip.state !== 'up') return;
    await this.#send(0).catch((error: unknown) => this.#unlessFailure(error));
  }

  #due(): void {
    this.#timer = undefined;
    // While our own SIP server is away nothing can be said of the operator's; when it is back, all are registered anew.
    if (this.#running || this.#options.sip.state !== 'up') return;
    if (!this.#options.mayRegister()) return this.registerIn(UNCERTAIN_MS);
    this.#running = this.#register().finally(() => {
      this.#running = undefined;
    });
  }

  async #register(): Promise<void> {
    const { clock, random } = this.#options;
    const outcome = await this.#attempt();
    const before = this.#health;
    this.#health = registrationAfter(before, outcome, clock.now());
    if (this.#stopped) return;
    this.#options.onChange(this.#health, before);
    // One that was asked for meanwhile comes sooner.
    if (this.#timer === undefined) this.registerIn(nextRegisterIn(outcome, this.#health, random));
  }

  async #attempt(): Promise<RegisterOutcome> {
    try {
      const response = await this.#send(this.#expires);
      const least = response.status === 423 ? Number(response.headers['min-expires']) : Number.NaN;
      if (!(least > this.#expires && least <= MOST_EXPIRES_S)) return this.#outcomeOf(response);
      this.#expires = least;
      return this.#outcomeOf(await this.#send(least));
    } catch (error) {
      this.#unlessFailure(error);
      const noAnswer = error instanceof InviteFailure && error.cause === 'timeout';
      return { kind: 'failed', reason: noAnswer ? 'no answer to REGISTER' : `REGISTER not sent: ${errorText(error)}` };
    }
  }

  #send(expires: number): Promise<FinalResponse> {
    const { trunk, mark, sip } = this.#options;
    const { auth, host, transport, ports } = trunk;
    const domain = trunk.domain ?? host;
    const name = { user: auth.user, host: domain, display: '' };
    const address = trunkAddress(trunk);
    const port = Number.parseInt(trunk.outbound?.ports ?? ports, 10);
    const target =
      domain === host && address
        ? { uri: address.uri }
        : {
            uri: `sip:${domain}`,
            nextHop: { protocol: transport, address: trunk.outbound?.host ?? host, port },
          };
    // The server puts its own address in the place of `localhost`.
    const contact = `<sip:${contactUser(trunk)}@localhost;transport=${transport};line=${mark}>`;
    return sip.request({
      method: 'REGISTER',
      target,
      from: name,
      to: name,
      headers: { Contact: contact, Expires: String(expires) },
      auth,
      series: this.#series,
    });
  }

  #outcomeOf(response: FinalResponse): RegisterOutcome {
    const { status, reason, headers } = response;
    if (status >= 200 && status < 300) {
      const seconds = this.#granted(response);
      if (seconds > 0) return { kind: 'granted', expiresMs: seconds * 1000 };
      return { kind: 'failed', reason: `REGISTER answered ${status}, but for no time` };
    }
    const text = `REGISTER answered ${status} ${reason}`;
    if (status === 401 || status === 407) return { kind: 'refused', reason: `${text}: the password is wrong` };
    const isPassing = status >= 500 || status === 408 || status === 429 || status === 480;
    if (!isPassing || status >= 600) return { kind: 'refused', reason: text };
    const retryAfter = Number.parseInt(headers['retry-after'] ?? '', 10);
    return { kind: 'failed', reason: text, ...(retryAfter > 0 ? { retryAfterMs: retryAfter * 1000 } : {}) };
  }

  /** Seconds: of our Contact among those of the account, else of all of them, else what we asked for (§10.2.4). */
  #granted({ contacts, headers }: FinalResponse): number {
    const ours = contacts.find((contact) => contact.includes(`line=${this.#options.mark}`));
    const [only, another] = contacts;
    const expires = /;\s*expires\s*=\s*"?(\d+)/i.exec(ours ?? (another === undefined ? (only ?? '') : ''))?.[1];
    const seconds = Number.parseInt(expires ?? headers.expires ?? '', 10);
    return Number.isNaN(seconds) ? this.#expires : Math.min(seconds, MOST_EXPIRES_S);
  }

  #unlessFailure(error: unknown): void {
    if (error instanceof InviteFailure) return;
    this.#options.log.error({ err: error }, `REGISTER failed: ${errorText(error)}`);
  }
}

/** What the operator dials: our number, where the account has one. */
const contactUser = (trunk: RegisteringTrunk): string =>
  isOperatorLine(trunk) ? trunk.ownNumber : encodeURIComponent(trunk.auth.user);
