import type { Logger } from 'pino';
import type { Trunk } from '../config/document.ts';
import type { ConfigStore } from '../config/store.ts';
import type { PbxVersion } from '../config/version.ts';
import type { Trunks } from '../dial/outgoing/trunks.ts';
import { trunkAddress } from '../dial/trunk-address.ts';
import { Emitter } from '../emitter.ts';
import { errorText } from '../errors.ts';
import { type IncomingInvite, InviteFailure, type SipServer } from '../sip/port.ts';
import type { Clock, TimerId } from '../time/clock.ts';
import type { Random } from '../time/random.ts';
import { wayInside } from './internal-call.ts';
import type { TrunkLines } from './lines.ts';
import { type Evidence, healthAfter, presumedUp, type TrunkHealth, type TrunkState } from './peer-health.ts';

export interface TrunkWatchOptions {
  readonly config: Pick<ConfigStore, 'all' | 'on' | 'current'>;
  readonly sip: Pick<SipServer, 'request' | 'state'>;
  readonly lines: TrunkLines;
  /** Takes a call that comes from another PBX of this installation. */
  readonly accept: (invite: IncomingInvite) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface TrunkChange {
  readonly pbx: string;
  readonly trunk: string;
  readonly state: TrunkState;
  readonly reason: string | undefined;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** How often a peer is asked, milliseconds: more often while it is away, so that it is back half a minute after it is. */
const ASK_EVERY_MS = { up: 30_000, down: 10_000 } as const;
/** An OPTIONS without an answer for so long has failed: three repetitions on UDP (RFC 3261 §17.1.2.2). */
const ANSWER_WITHIN_MS = 4_000;
/** A call that waits does not wait longer for the answer to whether its peer is there. */
const PROBE_WITHIN_MS = 400;
/** A trunk that is not watched is tried again after a call has found it away for so long. */
const RETRY_AFTER_MS = 30_000;
const CHANGES_KEPT = 50;

interface Watched {
  readonly pbx: string;
  trunk: Trunk;
  health: TrunkHealth;
  timer: TimerId | undefined;
  readonly changes: TrunkChange[];
}

/**
 * Whether the peers of trunks can be reached, as this node sees it: by OPTIONS (200 is up, anything else is down), and by what becomes of calls. Each node
 * sees for itself, since each has a network of its own.
 */
export class TrunkWatch implements Trunks {
  readonly #options: TrunkWatchOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #events = new Emitter<{ changed: TrunkChange }>();
  readonly #off: () => void;

  constructor(options: TrunkWatchOptions) {
    this.#options = options;
    this.#off = options.config.on('changed', () => this.#follow());
    this.#follow();
  }

  on(event: 'changed', listener: (change: TrunkChange) => void): () => void {
    return this.#events.on(event, listener);
  }

  /** Undefined: no such trunk. `changes`: the latest last. */
  status(pbx: string, trunk: string): { health: TrunkHealth; changes: readonly TrunkChange[] } | undefined {
    const watched = this.#watched.get(key(pbx, trunk));
    return watched && { health: watched.health, changes: watched.changes };
  }

  isUp(pbx: string, id: string): boolean {
    const watched = this.#watched.get(key(pbx, id));
    if (!watched || watched.health.state === 'up') return true;
    return !watched.trunk.options && this.#options.clock.now() - watched.health.since >= RETRY_AFTER_MS;
  }

  inside(pbx: PbxVersion, trunk: Trunk, number: string): ReturnType<Trunks['inside']> {
    return wayInside(this.#options, pbx, trunk, number);
  }

  takeLine(pbx: PbxVersion, trunk: Trunk): Promise<(() => void) | undefined> {
    return this.#options.lines.take(pbx, trunk);
  }

  async probe(_pbx: PbxVersion, trunk: Trunk): Promise<boolean> {
    if (!trunk.options || trunk.peer) return true;
    const asked = await this.#ask(trunk, PROBE_WITHIN_MS);
    return 'status' in asked;
  }

  reached(pbx: string, trunk: string): void {
    this.#learn(this.#watched.get(key(pbx, trunk)), { kind: 'reached' });
  }

  unreachable(pbx: string, trunk: string, why: string): void {
    this.#learn(this.#watched.get(key(pbx, trunk)), { kind: 'unreachable', reason: why });
  }

  close(): void {
    this.#off();
    for (const watched of this.#watched.values()) this.#ignore(watched);
    this.#watched.clear();
    this.#events.clear();
  }

  /** Takes the trunks of the configuration that is in force: what is known of those that stay is kept. */
  #follow(): void {
    const { config, clock, random } = this.#options;
    const present = new Set<string>();
    for (const { id: pbx, trunks } of config.all()) {
      for (const trunk of trunks) {
        if (trunk.kind !== 'external') continue;
        const name = key(pbx, trunk.id);
        present.add(name);
        const known = this.#watched.get(name);
        if (known && trunkAddress(known.trunk)?.uri === trunkAddress(trunk)?.uri) {
          known.trunk = trunk;
          if (!trunk.options) this.#ignore(known);
          else known.timer ??= this.#later(known, random.below(ASK_EVERY_MS.up));
          continue;
        }
        if (known) this.#ignore(known);
        const watched: Watched = { pbx, trunk, health: presumedUp(clock.now()), timer: undefined, changes: [] };
        this.#watched.set(name, watched);
        // Spread over the first seconds: a thousand trunks are not asked in one instant, then or later.
        if (trunk.options) watched.timer = this.#later(watched, random.below(SPREAD_MS));
      }
    }
    for (const [name, watched] of this.#watched) {
      if (present.has(name)) continue;
      this.#ignore(watched);
      this.#watched.delete(name);
    }
  }

  /** It is not asked any more. */
  #ignore(watched: Watched): void {
    this.#options.clock.clearTimeout(watched.timer);
    watched.timer = undefined;
  }

  #later(watched: Watched, ms: number): TimerId {
    return this.#options.clock.setTimeout(() => void this.#check(watched), ms);
  }

  async #check(watched: Watched): Promise<void> {
    watched.timer = undefined;
    const { trunk } = watched;
    if (this.#options.sip.state === 'up') {
      const asked = await this.#ask(trunk, ANSWER_WITHIN_MS);
      if (this.#watched.get(key(watched.pbx, trunk.id)) !== watched || !watched.trunk.options) return;
      // Ours is down: that says nothing of the peer.
      if (this.#options.sip.state === 'up') this.#learn(watched, evidenceOf(asked));
    }
    watched.timer ??= this.#later(watched, ASK_EVERY_MS[watched.health.state]);
  }

  async #ask(trunk: Trunk, withinMs: number): Promise<Asked> {
    const { sip, clock } = this.#options;
    const address = trunkAddress(trunk);
    if (!address) return NO_ANSWER;
    const { promise: late, resolve } = Promise.withResolvers<Asked>();
    const timer = clock.setTimeout(() => resolve(NO_ANSWER), withinMs);
    const answer = sip
      .request({
        method: 'OPTIONS',
        target: { uri: address.uri },
        from: { user: 'kommutator', host: trunk.domain ?? '', display: '' },
        to: { user: '', host: trunk.domain ?? address.host, display: '' },
      })
      .catch((error: unknown): Asked => {
        if (error instanceof InviteFailure)
          return error.cause === 'timeout' ? NO_ANSWER : { why: `OPTIONS not sent: ${error.reason}` };
        this.#options.log.error({ err: error }, `OPTIONS failed: ${errorText(error)}`);
        return NO_ANSWER;
      });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clock.clearTimeout(timer);
    }
  }

  #learn(watched: Watched | undefined, evidence: Evidence): void {
    if (!watched) return;
    const { clock, log } = this.#options;
    const { pbx, trunk, health, changes } = watched;
    watched.health = healthAfter(health, evidence, clock.now());
    const { state, reason, since } = watched.health;
    if (state === health.state) return;
    const change: TrunkChange = { pbx, trunk: trunk.id, state, reason, at: since };
    changes.push(change);
    if (changes.length > CHANGES_KEPT) changes.shift();
    if (state === 'down') log.warn({ pbx, trunk: trunk.id, reason }, `trunk ${trunk.id} is down: ${reason}`);
    else log.info({ pbx, trunk: trunk.id }, `trunk ${trunk.id} is up`);
    this.#events.emit('changed', change);
    // One that has just been found away by a call is asked at the pace of those that are.
    if (watched.timer !== undefined) {
      clock.clearTimeout(watched.timer);
      watched.timer = this.#later(watched, ASK_EVERY_MS[state]);
    }
  }
}

const SPREAD_MS = 5_000;

/** The status line of the response, or why there was none. */
type Asked = { readonly status: number; readonly reason: string } | { readonly why: string };

const NO_ANSWER: Asked = { why: 'no answer to OPTIONS' };

function evidenceOf(answer: Asked): Evidence {
  if ('why' in answer) return { kind: 'failed', reason: answer.why };
  if (answer.status === 200) return { kind: 'answered' };
  return { kind: 'failed', reason: `OPTIONS answered ${answer.status} ${answer.reason}` };
}

const key = (pbx: string, trunk: string): string => `${pbx}/${trunk}`;
