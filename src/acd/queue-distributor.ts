import { type RingResult, type RingStopped, stopOf, stopped } from '../dial/ring.ts';
import type { EndReason } from '../end-reason.ts';
import { RedisDownError } from '../redis/connection.ts';
import type { Clock } from '../time/clock.ts';
import type { Precedence } from '../time/precedence.ts';
import type { WaitingNow } from './announcements.ts';
import type { GroupCall, GroupDistributor } from './distributor.ts';
import type { Predicted } from './estimate-accuracy.ts';
import type { AcdNode, OverReason } from './node.ts';
import { offerReasons } from './offer-reasons.ts';
import { type Answered, type Enqueued, type MissedOutcome, type Offer, placeKeptMs } from './store.ts';
import type { WaitEstimates } from './wait-estimates.ts';

export type QueueNode = Pick<AcdNode, 'enqueue' | 'pickUp' | 'answer' | 'miss' | 'leave' | 'endCall' | 'position'>;

export interface QueueDistributorOptions {
  /** This node's part in the ACD of a PBX. */
  readonly node: (pbx: string) => QueueNode | undefined;
  readonly estimates: Pick<WaitEstimates, 'learn' | 'situation'>;
  readonly clock: Clock;
  readonly precedence: Precedence;
}

/** Callers wait in queues that all nodes share, and are offered to agents as the scripts of the ACD pair them. */
export class QueueDistributor implements GroupDistributor {
  readonly #options: QueueDistributorOptions;

  constructor(options: QueueDistributorOptions) {
    this.#options = options;
  }

  async distribute(call: GroupCall, signal: AbortSignal): Promise<RingResult> {
    const node = this.#options.node(call.pbx.id);
    if (!node) return { outcome: 'failed', reason: 'serviceUnavailable' };
    if (signal.aborted) return { outcome: 'failed', reason: stopOf(signal).endReason };
    return new QueuedCall(call, node, this.#options).run(signal);
  }
}

type Answer = Extract<RingResult, { outcome: 'answered' }>;

/** One caller in one queue, from joining to an answer or to the end of his wait. */
class QueuedCall {
  readonly #call: GroupCall;
  readonly #node: QueueNode;
  readonly #estimates: QueueDistributorOptions['estimates'];
  readonly #clock: Clock;
  readonly #precedence: Precedence;
  /** By the monotonic clock, as all lengths here. */
  readonly #enteredAt: number;
  /** Who is being rung for him, by the token of the offer. */
  readonly #ringing = new Map<number, AbortController>();
  readonly #result = Promise.withResolvers<RingResult>();
  #entered: Extract<Enqueued, { place: string }> | undefined;
  /** Why it is over, for the phones that still ring. */
  #over: RingStopped | undefined;
  /** What was predicted first. */
  #predicted: { readonly range: Predicted; readonly atMs: number } | undefined;

  constructor(call: GroupCall, node: QueueNode, { estimates, clock, precedence }: QueueDistributorOptions) {
    this.#call = call;
    this.#node = node;
    this.#estimates = estimates;
    this.#clock = clock;
    this.#precedence = precedence;
    this.#enteredAt = clock.monotonic();
  }

  async run(signal: AbortSignal): Promise<RingResult> {
    const onAbort = () => this.#abandon(signal);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await this.#enter();
      return await this.#result.promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #enter(): Promise<void> {
    const { group, callId, callerNumber, place } = this.#call;
    const { hold } = group;
    try {
      const entered = await this.#node.enqueue(
        {
          call: callId,
          group: group.id,
          number: callerNumber,
          ringMs: group.ringTime * 1000,
          maxWaitMs: hold.queue ? hold.maxWait * 1000 : 0,
          maxLength: hold.maxLength,
          wrapUpMs: group.wrapUp * 1000,
          waits: hold.queue,
          familiar: group.familiar,
          ...(place === undefined ? {} : { place }),
        },
        {
          offered: (offer) => void this.#ring(offer),
          withdrawn: ({ token }) => this.#ringing.get(token)?.abort(stopped.elsewhere()),
          over: (reason) => this.#fail(overReasons[reason]),
        },
      );
      switch (entered.outcome) {
        case 'waiting':
        case 'offered':
          this.#entered = entered;
          if (entered.outcome === 'waiting') this.#wait();
          return;
        case 'full':
          return this.#fail('queueFull');
        case 'nobody':
        case 'unknown-group':
          return this.#fail('operatorsUnavailable');
      }
    } catch (error) {
      if (!(error instanceof RedisDownError)) throw error;
      // No queue without Redis: he is treated as if it were full.
      this.#fail('serviceUnavailable');
    }
  }

  async #ring(offer: Offer): Promise<void> {
    if (this.#over) return;
    const { agent, token, ringMs, why } = offer;
    const stop = new AbortController();
    this.#ringing.set(token, stop);
    const begun = this.#clock.monotonic();
    const calling = this.#precedence.begin();
    try {
      this.#call.events?.offered?.(agent);
      const result = await this.#call.ring(agent, ringMs, stop.signal, {
        why: offerReasons[why],
        calling,
        pickUp: () => this.#pickUp(offer),
      });
      calling();
      this.#ringing.delete(token);
      if (result.outcome === 'answered') return await this.#answer(offer, result, begun);
      // Taken back, by whoever has stopped it.
      if (this.#over || stop.signal.aborted) return;
      const { excludeNoAnswer } = this.#call.pbx.document.defaults.group;
      const then = await this.#node.miss(offer, missedOutcome(result.reason), excludeNoAnswer * 1000);
      if (then === 'waiting') this.#wait();
    } catch (error) {
      // A bug in ringing: the agent must not stay reserved for it.
      calling();
      this.#ringing.delete(token);
      await this.#node.miss(offer, 'unreachable', 0);
      this.#end(stopped.noAnswer(), () => this.#result.reject(error));
    }
  }

  async #pickUp(offer: Offer): Promise<boolean> {
    if (this.#over || !(await this.#node.pickUp(offer)) || this.#over) return false;
    for (const [token, other] of this.#ringing) if (token !== offer.token) other.abort(stopped.elsewhere());
    return true;
  }

  async #answer(offer: Offer, result: Answer, begun: number): Promise<void> {
    const { leg, attempt } = result;
    const ringMs = this.#clock.monotonic() - begun;
    const answered: Answered = this.#over ? { outcome: 'gone' } : await this.#node.answer(offer);
    if (answered.outcome === 'gone' || this.#over) {
      // Another was faster, or the caller left in this very moment.
      const { sip, endReason } = this.#over ?? stopped.elsewhere();
      attempt?.over('elsewhere', endReason);
      await leg.hangup(sip);
      if (answered.outcome === 'connected') await this.#node.endCall(offer.agent, offer.call);
      return;
    }
    this.#learn((estimator) => estimator.answered(answered.waitedMs, ringMs, this.#predicted));
    leg.on('ended', () => {
      this.#learn((estimator) => estimator.handled(this.#clock.monotonic() - begun));
      void this.#node.endCall(offer.agent, offer.call);
    });
    this.#end(stopped.elsewhere(), () => this.#result.resolve(result));
  }

  /** Nobody is being rung for him: unless that has changed while it was being told. */
  #wait(): void {
    if (this.#over || !this.#entered || this.#ringing.size > 0) return;
    const { place, since } = this.#entered;
    this.#call.events?.waiting?.({ place, since, situation: () => this.#situation() });
  }

  async #situation(): Promise<WaitingNow | undefined> {
    const { pbx, group, callId } = this.#call;
    try {
      const found = await this.#node.position(callId);
      if (!found || found.position === 0) return undefined;
      const situation = await this.#estimates.situation(pbx, group, found.position);
      const { range } = situation.prediction;
      if (range) this.#predicted ??= { range, atMs: this.#clock.monotonic() - this.#enteredAt };
      return situation;
    } catch (error) {
      if (error instanceof RedisDownError) return undefined;
      throw error;
    }
  }

  #abandon(signal: AbortSignal): void {
    if (this.#over) return;
    const isGone = this.#call.gone?.aborted ?? false;
    const why = stopOf(signal);
    this.#end(why, () => this.#result.resolve({ outcome: 'failed', reason: why.endReason }));
    const waitedMs = this.#clock.monotonic() - this.#enteredAt;
    this.#learn((estimator) => (isGone ? estimator.abandoned(waitedMs) : estimator.left(waitedMs)));
    void this.#node.leave(this.#call.callId, isGone ? 'abandoned' : 'elsewhere', isGone ? placeKeptMs : 0);
  }

  #fail(reason: EndReason): void {
    this.#end(stopped.noAnswer(), () => {
      if (this.#entered) this.#learn((estimator) => estimator.left(this.#clock.monotonic() - this.#enteredAt));
      this.#result.resolve({ outcome: 'failed', reason });
    });
  }

  #end(why: RingStopped, how: () => void): void {
    if (this.#over) return;
    this.#over = why;
    for (const other of this.#ringing.values()) other.abort(why);
    how();
  }

  #learn(lesson: Parameters<WaitEstimates['learn']>[2]): void {
    this.#estimates.learn(this.#call.pbx.id, this.#call.group.id, lesson);
  }
}

const overReasons: Readonly<Record<OverReason, EndReason>> = {
  queueTimeout: 'queueTimeout',
  nobodyAnswered: 'groupFailed',
  groupGone: 'groupFailed',
  redisAway: 'serviceUnavailable',
};

/** What a failed ring means for the agent's next pause. */
export function missedOutcome(reason: EndReason): MissedOutcome {
  switch (reason) {
    case 'noAnswer':
      return 'noAnswer';
    case 'busy':
      return 'busy';
    case 'declined':
    case 'doNotDisturb':
      return 'refused';
    default:
      return 'unreachable';
  }
}
