import type { Logger } from 'pino';
import { Emitter } from '../emitter.ts';
import { errorText } from '../errors.ts';
import type { Binding, BindResult, NewContact, RegistrationStore } from '../redis/registrations.ts';
import type { Clock, TimerId } from '../time/clock.ts';
import type { Random } from '../time/random.ts';
import {
  type ContactRules,
  defaultContactRules,
  printContact,
  type RegisterContacts,
  readContacts,
} from './contacts.ts';
import type { Identity } from './identity.ts';
import { SipParseError } from './message.ts';
import type { SipTarget } from './port.ts';
import type { SipRequest, SipResponse } from './request.ts';
import { contactTarget } from './target.ts';

export interface RegistrarOptions {
  readonly store: RegistrationStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** This engine's id, kept with the binding. */
  readonly node: string;
  /** The PBXs whose expired bindings are swept. */
  readonly pbxs: () => readonly { readonly id: string }[];
  readonly rules?: ContactRules;
  /** Devices per account; one more pushes out the one that registered longest ago. Default 10. */
  readonly maxDevices?: number;
  /** How often expired bindings are looked for, milliseconds. Default 2000. */
  readonly sweepEveryMs?: number;
}

export interface RegistrarEvents {
  /** A device that was not there before. */
  registered: Binding;
  /** The device asked for it, or was pushed out. */
  unregistered: Binding;
  expired: Binding;
}

/** A device of an account, ready to be called. */
export interface LiveContact {
  readonly target: SipTarget;
  readonly binding: Binding;
}

/**
 * The registrar of RFC 3261 §10.3. Gets requests that the guard has let in as an account for its own address-of-record (steps 1–5); bindings
 * live in Redis, shared by all nodes, and events are told by the node that made the change.
 */
export class Registrar {
  readonly #options: RegistrarOptions;
  readonly #events = new Emitter<RegistrarEvents>();
  readonly #offs: (() => void)[];
  #timer: TimerId | undefined;
  #closed = false;

  constructor(options: RegistrarOptions) {
    this.#options = options;
    const { store } = options;
    this.#offs = [
      store.on('bound', (binding) => this.#tell('registered', binding)),
      store.on('removed', (binding) => this.#tell('unregistered', binding)),
      store.on('expired', (binding) => this.#tell('expired', binding)),
    ];
  }

  on<K extends keyof RegistrarEvents>(event: K, listener: (binding: RegistrarEvents[K]) => void): () => void {
    return this.#events.on(event, listener);
  }

  /** The devices that an account can be reached at, the most preferred first. @throws RedisDownError */
  async contacts(pbx: string, account: string): Promise<LiveContact[]> {
    const bindings = await this.#options.store.contacts(pbx, account);
    return bindings.map((binding) => ({ target: contactTarget(binding), binding }));
  }

  /**
   * Answers a REGISTER. Never rejects.
   * @param server the SIP server that it came by
   */
  async register(
    request: SipRequest,
    identity: Extract<Identity, { kind: 'account' }>,
    server: string | undefined,
  ): Promise<SipResponse> {
    let contacts: RegisterContacts;
    try {
      contacts = readContacts(request.headers, request.source, this.#options.rules ?? defaultContactRules);
    } catch (error) {
      if (error instanceof SipParseError) return { status: error.status, reason: error.message };
      throw error;
    }
    if (contacts.kind === 'tooBrief') {
      return { status: 423, headers: { 'Min-Expires': String(contacts.minExpires) } };
    }
    try {
      return this.#answer(await this.#apply(request, identity, contacts, server), request);
    } catch (error) {
      // Phones come back at different times, not all in the second in which Redis is up again.
      const seconds = 5 + this.#options.random.below(20);
      this.#options.log.debug({ account: identity.account }, `REGISTER not stored: ${errorText(error)}`);
      return { status: 503, headers: { 'Retry-After': String(seconds) } };
    }
  }

  /** Begins to look for expired bindings. */
  start(): void {
    const every = this.#options.sweepEveryMs ?? 2000;
    this.#timer = this.#options.clock.setTimeout(() => {
      void this.sweep().finally(() => {
        if (!this.#closed) this.start();
      });
    }, every);
  }

  /** Removes what has expired, and tells it. Never rejects. */
  async sweep(): Promise<void> {
    for (const { id } of this.#options.pbxs()) {
      try {
        await this.#options.store.sweep(id);
      } catch (error) {
        // The connection itself reports that Redis is away; what has expired is found when it is back.
        this.#options.log.debug({ pbx: id }, `expired registrations not swept: ${errorText(error)}`);
        return;
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.#options.clock.clearTimeout(this.#timer);
    for (const off of this.#offs) off();
    this.#events.clear();
  }

  async #apply(
    { callId, cseq, source, headers }: SipRequest,
    { pbx, account }: Extract<Identity, { kind: 'account' }>,
    contacts: Exclude<RegisterContacts, { kind: 'tooBrief' }>,
    server: string | undefined,
  ): Promise<BindResult> {
    const { store, node, maxDevices = 10 } = this.#options;
    switch (contacts.kind) {
      case 'query':
        return { outcome: 'bound', bindings: await store.contacts(pbx, account) };
      case 'removeAll':
        return store.removeAll(pbx, account, { callId, cseq });
      case 'bind': {
        const userAgent = headers.get('User-Agent')?.slice(0, 256);
        const register = {
          callId,
          cseq,
          contacts: contacts.contacts satisfies readonly NewContact[],
          ...(userAgent !== undefined && { userAgent }),
          receivedFrom: source,
          path: headers.all('Path'),
          node,
          ...(server !== undefined && { server }),
        };
        return store.bind(pbx, account, register, { max: maxDevices, beyond: 'dropOldest' });
      }
    }
  }

  #answer(result: BindResult, { headers }: SipRequest): SipResponse {
    switch (result.outcome) {
      case 'outOfOrder':
        return { status: 500, reason: 'Out of Order' };
      case 'tooMany':
        return { status: 403, reason: 'Too Many Contacts' };
      case 'bound': {
        const path = headers.all('Path');
        return {
          status: 200,
          headers: {
            Contact: result.bindings.map(printContact),
            Date: new Date(this.#options.clock.now()).toUTCString(),
            ...(path.length > 0 && { Path: path, Supported: 'path' }),
          },
        };
      }
    }
  }

  #tell<K extends keyof RegistrarEvents>(event: K, binding: RegistrarEvents[K]): void {
    try {
      this.#events.emit(event, binding);
    } catch (error) {
      this.#options.log.error({ err: error, event }, 'listener of registrations failed');
    }
  }
}
