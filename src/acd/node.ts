import type { Logger } from 'pino';
import type { PbxVersion } from '../config/version.ts';
import { RedisDownError } from '../redis/connection.ts';
import type { Clock, TimerId } from '../time/clock.ts';
import type { Precedence } from '../time/precedence.ts';
import { rosterOf } from './roster.ts';
import {
  type AcdStore,
  type AgentStatus,
  type Answered,
  type Enqueued,
  type Left,
  type MissedOutcome,
  nodeTtlMs,
  type Offer,
  type QueueRequest,
} from './store.ts';
import { parseTold } from './told.ts';

/** Why the wait of a caller is over without an agent. `redisAway`: for longer than a caller is to be left without a queue. */
export type OverReason = 'queueTimeout' | 'nobodyAnswered' | 'groupGone' | 'redisAway';

/** What a waiting caller is told of. */
export interface CallerEvents {
  /** Ring this agent for him now. Each offer comes once. */
  offered(offer: Offer): void;
  /** Do not ring any more for it: the offer has been taken back. */
  withdrawn(offer: Pick<Offer, 'token'>): void;
  over(reason: OverReason): void;
}

interface Waiting {
  readonly request: QueueRequest;
  readonly events: CallerEvents;
  /** By the monotonic clock, ms. */
  readonly enteredAt: number;
  place: string | undefined;
  /** Redis has not said yet that he is in. */
  isEntering: boolean;
  /** Offers whose agents have picked up: each hears an announcement before the two talk, or has asked for the caller and not been told yet whether he gets him. */
  readonly takers: Map<number, 'hears' | 'asks'>;
  /** Offers that have come, and what became of them: one that Redis brings again is told the same again. */
  readonly offers: Map<number, MissedOutcome | 'ringing' | 'withdrawn'>;
  timer: TimerId | undefined;
}

interface AgentCall {
  readonly agent: string;
  readonly call: string;
  readonly talks: boolean;
  readonly group?: string;
  readonly wrapUpMs: number;
  /** Redis has been asked whether he may have it, and has not answered yet. */
  isAsked?: boolean;
}

export interface AcdNodeOptions {
  readonly store: AcdStore;
  readonly clock: Clock;
  readonly precedence: Precedence;
  readonly log: Logger;
  readonly nodeId: string;
  /** What tells this run of the node from the one before. */
  readonly run: string;
}

/** Milliseconds. */
const beatMs = 1000;
const syncMs = 10_000;
/** How long callers wait on while Redis is away; after that they are treated as if the queue were full. */
const outageMs = 10_000;

/**
 * This node's part in the ACD of one PBX: the callers whom it has in queues, the agents whom it has in calls. It knows what it has, Redis knows what
 * all have; when the two differ, after a loss of Redis or of a message, what the node has is the truth (`sync`).
 */
export class AcdNode {
  readonly #store: AcdStore;
  readonly #clock: Clock;
  readonly #precedence: Precedence;
  readonly #log: Logger;
  readonly #nodeId: string;
  readonly #run: string;
  #pbx: PbxVersion;
  /** By account: whose registrations count for whom. */
  #agentsOf: ReadonlyMap<string, readonly string[]> = new Map();
  readonly #callers = new Map<string, Waiting>();
  readonly #calls = new Map<string, AgentCall>();
  /** Whose registrations have changed without Redis having been told. */
  readonly #toRefresh = new Set<string>();
  readonly #statuses = new Map<string, { readonly status: AgentStatus; readonly at: number }>();
  #beatTimer: TimerId | undefined;
  #outageTimer: TimerId | undefined;
  /** When last the two were made to agree, by the monotonic clock. */
  #synced = -Infinity;
  /** The version that Redis has been told of. */
  #configured: PbxVersion | undefined;
  #working: Promise<void> | undefined;
  #state: 'joining' | 'joined' | 'stopped' = 'joining';

  constructor(pbx: PbxVersion, options: AcdNodeOptions) {
    this.#pbx = pbx;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#precedence = options.precedence;
    this.#log = options.log;
    this.#nodeId = options.nodeId;
    this.#run = options.run;
    this.#agentsOf = agentsByAccount(pbx);
  }

  /** In the ACD: the channel that its offers come on. */
  get name(): string {
    return this.#store.nodeName(this.#pbx.id, this.#nodeId, this.#run);
  }

  get pbx(): PbxVersion {
    return this.#pbx;
  }

  /** Callers whom this node has in queues. */
  get waiting(): number {
    return this.#callers.size;
  }

  /** Begins to take part, as soon as Redis can be reached. */
  async start(): Promise<void> {
    await this.#beat();
  }

  /** Leaves what it has to others. Calls that still wait are given up by them, once this node counts as dead. */
  stop(): void {
    this.#state = 'stopped';
    this.#clock.clearTimeout(this.#beatTimer);
    this.#clock.clearTimeout(this.#outageTimer);
    for (const { timer } of this.#callers.values()) this.#clock.clearTimeout(timer);
  }

  /** A new version of the configuration. Callers go by the one that they came with, members by this. */
  async configure(pbx: PbxVersion): Promise<void> {
    this.#pbx = pbx;
    this.#agentsOf = agentsByAccount(pbx);
    if (this.#state === 'joined') await this.#beat();
  }

  /**
   * @throws RedisDownError: there is no queue now
   */
  async enqueue(request: QueueRequest, events: CallerEvents): Promise<Enqueued> {
    const caller: Waiting = {
      request,
      events,
      enteredAt: this.#clock.monotonic(),
      place: request.place,
      isEntering: true,
      takers: new Map(),
      offers: new Map(),
      timer: undefined,
    };
    // Before anything is sent: an offer may come before the reply does.
    this.#callers.set(request.call, caller);
    try {
      let entered = await this.#store.enqueue(this.#pbx.id, this.name, request);
      if (entered.outcome === 'unknown-group') {
        await this.#store.configure(this.#pbx);
        // He may have left meanwhile.
        if (this.#callers.get(request.call) !== caller) return { outcome: 'nobody' };
        entered = await this.#store.enqueue(this.#pbx.id, this.name, request);
      }
      if (this.#callers.get(request.call) !== caller) return entered;
      if (entered.outcome === 'offered' || entered.outcome === 'waiting') {
        caller.place = entered.place;
        caller.isEntering = false;
        this.#limitWait(caller);
      } else this.#callers.delete(request.call);
      return entered;
    } catch (error) {
      if (this.#callers.get(request.call) === caller) this.#callers.delete(request.call);
      this.#synced = -Infinity;
      throw error;
    }
  }

  /** The agent's phone has answered. `connected` for exactly one of all who answer for a caller; the others must be hung up. */
  async answer(offer: Pick<Offer, 'call' | 'agent' | 'token'>): Promise<Answered> {
    const caller = this.#callers.get(offer.call);
    if (!caller) return { outcome: 'gone' };
    caller.takers.set(offer.token, 'asks');
    let answered: Awaited<ReturnType<AcdStore['answer']>>;
    try {
      answered = await this.#store.answer(this.#pbx.id, offer);
    } catch (error) {
      if (!(error instanceof RedisDownError)) throw error;
      answered = { outcome: 'unknown' };
    }
    if (answered.outcome === 'gone') {
      caller.takers.delete(offer.token);
      return answered;
    }
    if (answered.outcome === 'unknown') {
      // Nobody else can have this caller: he is on this node. Redis is told of it with the next beat.
      this.#synced = -Infinity;
      const waitedMs = this.#clock.monotonic() - caller.enteredAt;
      answered = { outcome: 'connected', waitedMs, story: [], losers: [] };
    }
    if (this.#callers.get(offer.call) !== caller) {
      // He left, or another answered without Redis, while the reply was on its way.
      void this.#quietly(() => this.#store.endCall(this.#pbx.id, offer.agent, offer.call));
      return { outcome: 'gone' };
    }
    this.#forget(caller);
    this.#keep({
      agent: offer.agent,
      call: offer.call,
      talks: true,
      group: caller.request.group,
      wrapUpMs: caller.request.wrapUpMs,
    });
    return answered;
  }

  /** The agent's phone has answered, and he hears an announcement before he talks: then `answer` or `miss`. False: he must not get the caller. */
  async pickUp(offer: Pick<Offer, 'call' | 'agent' | 'token'>): Promise<boolean> {
    const caller = this.#callers.get(offer.call);
    if (!caller) return false;
    if (caller.takers.size > 0) {
      caller.offers.set(offer.token, 'withdrawn');
      // The one who was faster may learn that his offer is over: then this one must not stand, with nobody being rung for it.
      void this.#quietly(() => this.#store.miss(this.#pbx.id, offer, 'noAnswer', 0));
      return false;
    }
    caller.takers.set(offer.token, 'hears');
    // While Redis is away nobody else can have this caller: he is on this node.
    const isHis = (await this.#quietly(() => this.#store.pickUp(this.#pbx.id, offer))) !== 'gone';
    if (!isHis) caller.takers.delete(offer.token);
    // The others are hung up, whether Redis has heard of it or not.
    if (isHis)
      for (const token of this.#ringing(caller)) if (token !== offer.token) caller.offers.set(token, 'withdrawn');
    return isHis && this.#callers.get(offer.call) === caller;
  }

  /** The offer came to nothing. @returns `waiting` when nobody is being rung for the caller now */
  async miss(
    offer: Pick<Offer, 'call' | 'agent' | 'token'>,
    outcome: MissedOutcome,
    noAnswerMs: number,
  ): Promise<'ringing' | 'waiting' | 'over' | 'gone'> {
    const caller = this.#callers.get(offer.call);
    caller?.offers.set(offer.token, outcome);
    caller?.takers.delete(offer.token);
    const told = await this.#quietly(() => this.#store.miss(this.#pbx.id, offer, outcome, noAnswerMs));
    // While Redis is away the caller waits; what came of the offer is told with the next `sync`.
    return told ?? 'waiting';
  }

  /** The caller does not wait any more. @param keepMs for how long the same number may have the place back */
  async leave(call: string, why: 'abandoned' | 'elsewhere', keepMs: number): Promise<Left | undefined> {
    const caller = this.#callers.get(call);
    if (!caller) return undefined;
    this.#forget(caller);
    return this.#quietly(() => this.#store.leave(this.#pbx.id, call, why, keepMs));
  }

  /** Where a caller stands; undefined also while Redis is away. */
  position(call: string): Promise<{ readonly position: number; readonly size: number } | undefined> {
    return this.#quietly(() => this.#store.position(this.#pbx.id, call));
  }

  /**
   * An agent is in a call that no queue gave him: he rings, dials or talks. Once more with `talks` when he begins to talk.
   * @param how.ifFree he is to be rung. False: he is in a call already, or is being offered one, on some node
   */
  async beginCall(
    agent: string,
    call: string,
    how: { talks?: boolean; incoming?: boolean; ifFree?: boolean } = {},
  ): Promise<boolean> {
    const kept = { agent, call, talks: how.talks ?? false, wrapUpMs: 0, isAsked: how.ifFree ?? false };
    this.#keep(kept);
    const isHis = await this.#quietly(() => this.#store.beginCall(this.#pbx.id, this.name, agent, call, how));
    kept.isAsked = false;
    const key = `${agent}\n${call}`;
    if (isHis === false && this.#calls.get(key) === kept) this.#calls.delete(key);
    return isHis ?? true;
  }

  /** Whoever waits for him has him when this resolves, or a moment later. */
  async endCall(agent: string, call: string): Promise<void> {
    if (!this.#calls.delete(`${agent}\n${call}`)) return;
    const done = this.#precedence.begin();
    await this.#quietly(() => this.#store.endCall(this.#pbx.id, agent, call)).finally(done);
  }

  /** @throws RedisDownError */
  async setStatus(agent: string, status: AgentStatus): Promise<void> {
    await this.#store.setStatus(this.#pbx.id, agent, status);
    this.#statuses.set(agent, { status, at: this.#clock.monotonic() });
  }

  /** An account has registered, or is not registered any more. */
  async registrationChanged(account: string): Promise<void> {
    for (const agent of this.#agentsOf.get(account) ?? []) this.#toRefresh.add(agent);
    await this.#quietly(() => this.#refresh());
  }

  /** A message on the channel of this node. */
  told(message: string): void {
    const told = parseTold(message);
    const caller = this.#callers.get(told.call);
    if (!caller) return;
    switch (told.type) {
      case 'offer':
        return this.#offer(caller, told);
      case 'withdraw':
        return this.#withdraw(caller, told);
      case 'over':
        this.#forget(caller);
        return caller.events.over(told.reason);
    }
  }

  /** Redis went away. Who waits goes on waiting for a while: it may be back in a second. */
  redisDown(): void {
    this.#outageTimer ??= this.#clock.setTimeout(() => {
      for (const caller of [...this.#callers.values()]) {
        if (!isWaiting(caller)) continue;
        this.#forget(caller);
        caller.events.over('redisAway');
      }
    }, outageMs);
  }

  async redisUp(): Promise<void> {
    this.#clock.clearTimeout(this.#outageTimer);
    this.#outageTimer = undefined;
    await this.catchUp();
  }

  /** Messages may have been lost: what stands in Redis is read. */
  async catchUp(): Promise<void> {
    this.#synced = -Infinity;
    await this.#beat();
  }

  /** One at a time: whoever asks while one is under way gets the next. */
  async #beat(): Promise<void> {
    while (this.#working) await this.#working;
    if (this.#state === 'stopped') return;
    this.#clock.clearTimeout(this.#beatTimer);
    this.#working = this.#beatOnce().then((next) => {
      this.#working = undefined;
      if (this.#state === 'stopped') return;
      this.#beatTimer = this.#clock.setTimeout(() => void this.#beat(), Math.min(beatMs, next));
    });
    await this.#working;
  }

  /** @returns in how many ms the next is due */
  async #beatOnce(): Promise<number> {
    try {
      if (this.#state === 'joining') await this.#join();
      let next = await this.#store.beat(this.#pbx, this.name, this.#clock.now());
      if (next === undefined) {
        this.#log.warn({ pbx: this.#pbx.id }, 'Redis does not know this node any more: it is told everything anew');
        await this.#join();
        next = 0;
      }
      if (this.#configured !== this.#pbx) await this.#tellConfiguration();
      await this.#refresh();
      const since = this.#clock.monotonic();
      if (since - this.#synced >= syncMs) {
        // Before, not after: whatever happens meanwhile may ask for another.
        this.#synced = since;
        await this.#sync().catch((error: unknown) => {
          this.#synced = -Infinity;
          throw error;
        });
      }
      return next;
    } catch (error) {
      if (!(error instanceof RedisDownError))
        this.#log.error({ err: error, pbx: this.#pbx.id }, 'the ACD could not do what was due');
      return beatMs;
    }
  }

  /** What cannot be told now is told with the next beat. */
  async #refresh(): Promise<void> {
    const agents = [...this.#toRefresh];
    if (agents.length === 0) return;
    this.#toRefresh.clear();
    try {
      await this.#store.refresh(this.#pbx.id, agents);
    } catch (error) {
      for (const agent of agents) this.#toRefresh.add(agent);
      throw error;
    }
  }

  async #join(): Promise<void> {
    const pbx = this.#pbx;
    const joined = await this.#store.join(pbx, this.#nodeId, this.#run, this.#clock.now());
    if (joined === 'joined') {
      await this.#tellConfiguration();
      // Who registered while no node was there to see it.
      await this.#store.refresh(
        pbx.id,
        pbx.document.employees.map(({ id }) => id),
      );
      for (const [agent, { status, at }] of this.#statuses)
        await this.#store.setStatus(pbx.id, agent, status, this.#clock.monotonic() - at);
      this.#synced = -Infinity;
    }
    this.#state = this.#state === 'joining' ? 'joined' : this.#state;
  }

  async #tellConfiguration(): Promise<void> {
    const pbx = this.#pbx;
    await this.#store.configure(pbx);
    this.#configured = pbx;
  }

  async #sync(): Promise<void> {
    const callers = [...this.#callers.values()];
    const calls = [...this.#calls.values()];
    // Redis made these offers before it reads this: those that it does not have now it has lost.
    const ringing = callers.map((caller) => ({ caller, tokens: this.#ringing(caller) }));
    const found = await this.#store.sync(this.#pbx.id, this.name, {
      callers: callers.filter((caller) => !isAskedFor(caller)).map(({ request }) => request.call),
      calls: calls.filter(({ isAsked }) => !isAsked),
      unsure: [
        ...callers.filter(isAskedFor).map(({ request }) => request.call),
        ...calls.filter(({ isAsked }) => isAsked).map(({ call }) => call),
      ],
    });
    if (!found) return;
    const standing = new Set(found.offers.map(({ token }) => token));
    for (const { caller, tokens } of ringing) {
      if (!isWaiting(caller)) continue;
      for (const token of tokens) if (!standing.has(token)) this.#withdraw(caller, { token });
    }
    for (const offer of found.offers) {
      const caller = this.#callers.get(offer.call);
      if (caller) this.#offer(caller, offer);
    }
    for (const call of found.missing) await this.#putBack(call);
  }

  /** A caller whom Redis has lost: he gets the place that he had. */
  async #putBack(call: string): Promise<void> {
    const caller = this.#callers.get(call);
    if (!caller || !isWaiting(caller) || caller.place === undefined) return;
    const { request, place, enteredAt } = caller;
    const left = request.maxWaitMs - (this.#clock.monotonic() - enteredAt);
    const again = { ...request, place, maxWaitMs: request.maxWaitMs > 0 ? Math.max(1, left) : 0 };
    const entered = await this.#store.enqueue(this.#pbx.id, this.name, again);
    const isIn = entered.outcome === 'offered' || entered.outcome === 'waiting';
    if (this.#callers.get(call) !== caller) {
      // Redis had not lost him: that his wait was over was still on its way. Or he has been answered meanwhile.
      if (isIn) void this.#quietly(() => this.#store.leave(this.#pbx.id, call, 'elsewhere', 0));
      return;
    }
    if (isIn) return;
    this.#forget(caller);
    caller.events.over('nobodyAnswered');
  }

  #ringing = (caller: Waiting): number[] =>
    [...caller.offers].filter(([, outcome]) => outcome === 'ringing').map(([token]) => token);

  #offer(caller: Waiting, offer: Offer): void {
    const known = caller.offers.get(offer.token);
    if (known === 'ringing') return;
    if (known) {
      // Reported while Redis was away; or taken back, which Redis knows unless that was then.
      const outcome = known === 'withdrawn' ? 'noAnswer' : known;
      void this.#quietly(() => this.#store.miss(this.#pbx.id, offer, outcome, 0));
      return;
    }
    caller.offers.set(offer.token, 'ringing');
    caller.events.offered(offer);
  }

  /** Remembered also of an offer that has not come yet: a message can be overtaken. */
  #withdraw(caller: Waiting, { token }: Pick<Offer, 'token'>): void {
    const isRinging = caller.offers.get(token) === 'ringing';
    caller.offers.set(token, 'withdrawn');
    // Of one who asks for him the answer decides.
    if (caller.takers.get(token) === 'hears') caller.takers.delete(token);
    if (isRinging) caller.events.withdrawn({ token });
  }

  /** Redis ends a wait that is too long; this is for the case that it cannot. */
  #limitWait(caller: Waiting): void {
    const { maxWaitMs } = caller.request;
    if (maxWaitMs === 0) return;
    caller.timer = this.#clock.setTimeout(() => {
      if (this.#callers.get(caller.request.call) !== caller || !isWaiting(caller)) return;
      this.#forget(caller);
      void this.#quietly(() => this.#store.leave(this.#pbx.id, caller.request.call, 'elsewhere', 0));
      caller.events.over('queueTimeout');
    }, maxWaitMs + nodeTtlMs);
  }

  #forget(caller: Waiting): void {
    this.#clock.clearTimeout(caller.timer);
    if (this.#callers.get(caller.request.call) === caller) this.#callers.delete(caller.request.call);
  }

  #keep(call: AgentCall): void {
    this.#calls.set(`${call.agent}\n${call.call}`, call);
  }

  /** What Redis misses while it is away it learns with the next beat. */
  async #quietly<T>(run: () => Promise<T>): Promise<T | undefined> {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof RedisDownError)) throw error;
      this.#synced = -Infinity;
      return undefined;
    }
  }
}

/** In a queue, with nobody who has picked up for him. */
const isWaiting = ({ isEntering, takers }: Waiting): boolean => !isEntering && takers.size === 0;

/** Whether Redis may have given him to an agent by now. */
const isAskedFor = ({ takers }: Waiting): boolean => [...takers.values()].includes('asks');

function agentsByAccount(pbx: PbxVersion): ReadonlyMap<string, readonly string[]> {
  const agents = new Map<string, string[]>();
  for (const [employee, , , accounts] of rosterOf(pbx).agents) {
    for (const account of accounts) agents.set(account, [...(agents.get(account) ?? []), employee]);
  }
  return agents;
}
