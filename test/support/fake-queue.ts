import type { WaitingNow } from '../../src/acd/announcements.ts';
import type { GroupCall, GroupDistributor } from '../../src/acd/distributor.ts';
import { type RingResult, stopOf } from '../../src/dial/ring.ts';
import type { EndReason } from '../../src/end-reason.ts';
import { settle } from './fake-clock.ts';

/** A queue that the test runs: it says when the caller waits, who is offered the call, and how it ends. */
export class FakeQueue implements GroupDistributor {
  readonly calls: GroupCall[] = [];
  /** What `situation` says; undefined: nothing is known. */
  situation: Omit<WaitingNow, 'now'> | undefined;
  /** What those who pick up are told: whether the caller is theirs. */
  isTheirs = true;
  /** How often somebody asked. */
  pickedUp = 0;
  now: () => number = () => 0;
  readonly #ringing: AbortController[] = [];
  #result = Promise.withResolvers<RingResult>();

  distribute(call: GroupCall, signal: AbortSignal): Promise<RingResult> {
    this.calls.push(call);
    this.#result = Promise.withResolvers();
    const result = this.#result;
    const onAbort = () => {
      for (const ringing of this.#ringing.splice(0)) ringing.abort(signal.reason);
      result.resolve({ outcome: 'failed', reason: stopOf(signal).endReason });
    };
    signal.addEventListener('abort', onAbort, { once: true });
    return result.promise;
  }

  async waits(): Promise<void> {
    const situation = this.situation;
    this.#call.events?.waiting?.({
      since: this.now(),
      place: 'the place',
      situation: async () => this.situation && { now: this.now(), ...(this.situation ?? situation) },
    });
    await settle();
  }

  /** @returns what stops the ringing */
  async offers(employee: string, why = 'because of the test'): Promise<AbortController> {
    const stop = new AbortController();
    this.#ringing.push(stop);
    const pickUp = async () => {
      this.pickedUp++;
      return this.isTheirs;
    };
    this.#call.events?.offered?.(employee);
    void this.#call.ring(employee, 20_000, stop.signal, { why, pickUp }).then((result) => {
      if (result.outcome === 'answered') this.#result.resolve(result);
    });
    await settle();
    return stop;
  }

  async fails(reason: EndReason): Promise<void> {
    this.#result.resolve({ outcome: 'failed', reason });
    await settle();
  }

  get #call(): GroupCall {
    const call = this.calls.at(-1);
    if (!call) throw new Error('nobody was sent to a group');
    return call;
  }
}
