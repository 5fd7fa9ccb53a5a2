import { type RingResult, RingStopped, stopped } from '../dial/ring.ts';
import type { EndReason } from '../end-reason.ts';
import { RedisDownError } from '../redis/connection.ts';
import type { GroupCall, GroupDistributor } from './distributor.ts';
import type { AcdNode, OverReason } from './node.ts';
import type { Enqueued, MissedOutcome, Offer } from './store.ts';

/** For how long one who hangs up while he waits may ring again and have his place back (2-call-behaviour §4). */
const placeKeptMs = 60_000;

/** Callers wait in queues that all nodes share, and are offered to agents as the scripts of the ACD pair them. */
export class QueueDistributor implements GroupDistributor {
  readonly #node: (pbx: string) => AcdNode | undefined;

  constructor(node: (pbx: string) => AcdNode | undefined) {
    this.#node = node;
  }

  async distribute(call: GroupCall, signal: AbortSignal): Promise<RingResult> {
    const node = this.#node(call.pbx.id);
    if (!node) return { outcome: 'failed', reason: 'serviceUnavailable' };
    if (signal.aborted) return { outcome: 'failed', reason: stopReason(signal) };
    return new QueuedCall(call, node).run(signal);
  }
}

/** One caller in one queue, from joining to an answer or to the end of his wait. */
class QueuedCall {
  readonly #call: GroupCall;
  readonly #node: AcdNode;
  /** Who is being rung for him, by the token of the offer. */
  readonly #ringing = new Map<number, AbortController>();
  readonly #result = Promise.withResolvers<RingResult>();
  #entered: Extract<Enqueued, { place: string }> | undefined;
  #isOver = false;
  #hasWaited = false;

  constructor(call: GroupCall, node: AcdNode) {
    this.#call = call;
    this.#node = node;
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
          if (entered.outcome === 'waiting' && this.#ringing.size === 0) this.#wait();
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
    if (this.#isOver) return;
    const { call, agent, token, ringMs } = offer;
    const stop = new AbortController();
    this.#ringing.set(token, stop);
    try {
      this.#call.events?.offered?.(agent);
      const result = await this.#call.ring(agent, ringMs, stop.signal);
      this.#ringing.delete(token);
      if (result.outcome === 'answered') return await this.#answer(offer, result);
      if (this.#isOver || stop.signal.aborted) return;
      const { excludeNoAnswer } = this.#call.pbx.document.defaults.group;
      const then = await this.#node.miss({ call, agent, token }, missedOutcome(result.reason), excludeNoAnswer * 1000);
      if (then === 'waiting' && !this.#isOver && this.#ringing.size === 0) this.#wait();
    } catch (error) {
      // A bug in ringing: the agent must not stay reserved for it.
      this.#ringing.delete(token);
      await this.#node.miss({ call, agent, token }, 'unreachable', 0);
      this.#end(() => this.#result.reject(error));
    }
  }

  async #answer(offer: Offer, result: Extract<RingResult, { outcome: 'answered' }>): Promise<void> {
    const { leg, attempt } = result;
    const answered = this.#isOver ? undefined : await this.#node.answer(offer);
    if (answered?.outcome !== 'connected' || this.#isOver) {
      // Another was faster, or the caller left in this very moment.
      attempt?.over('elsewhere', 'pickedUp');
      await leg.hangup(stopped.elsewhere().sip);
      if (answered?.outcome === 'connected') await this.#node.endCall(offer.agent, offer.call);
      return;
    }
    const ended = () => void this.#node.endCall(offer.agent, offer.call);
    leg.on('ended', ended);
    if (leg.ended) ended();
    this.#end(() => {
      for (const other of this.#ringing.values()) other.abort(stopped.elsewhere());
      this.#call.events?.over?.(answered.story);
      this.#result.resolve(result);
    });
  }

  #wait(): void {
    if (this.#hasWaited || !this.#entered) return;
    this.#hasWaited = true;
    const { place, since } = this.#entered;
    this.#call.events?.waiting?.({ place, since, position: () => this.#node.position(this.#call.callId) });
  }

  #abandon(signal: AbortSignal): void {
    const isGone = this.#call.gone?.aborted ?? false;
    this.#end(() => {
      for (const other of this.#ringing.values()) other.abort(signal.reason);
      this.#result.resolve({ outcome: 'failed', reason: stopReason(signal) });
    });
    void this.#node
      .leave(this.#call.callId, isGone ? 'abandoned' : 'elsewhere', isGone ? placeKeptMs : 0)
      .then((left) => this.#call.events?.over?.(left?.story ?? []));
  }

  #fail(reason: EndReason): void {
    this.#end(() => {
      for (const other of this.#ringing.values()) other.abort(stopped.noAnswer());
      this.#result.resolve({ outcome: 'failed', reason });
    });
  }

  #end(how: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    how();
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

const stopReason = (signal: AbortSignal): EndReason =>
  signal.reason instanceof RingStopped ? signal.reason.endReason : 'callerHungUp';
