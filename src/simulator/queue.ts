import type { GroupCall, GroupDistributor } from '../acd/distributor.ts';
import { wavesOf } from '../acd/waves.ts';
import type { Hold } from '../config/document.ts';
import type { Occupancy } from '../dial/occupancy.ts';
import { type RingResult, ringFirst, ringFor, stopped } from '../dial/ring.ts';
import type { EndReason } from '../end-reason.ts';
import { type Clock, delay } from '../time/clock.ts';
import type { Random } from '../time/random.ts';

/** How long nobody is offered a call again that he was too busy for, or refused, milliseconds. */
const pauseMs = 10_000;

export interface QueueOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly occupancy: Occupancy;
}

/**
 * The queue of a group with one caller in it (2-call-behaviour §4): members are rung by the group's algorithm, round after round, until one answers or
 * `maxWait` is over; what he hears while nobody is available is the call layer's. Those who are busy or cannot be reached stay so for the whole call.
 *
 * There are no statistics of earlier calls, so algorithms that need them go by the order of the list, and nobody is waiting before him, so `maxLength`
 * is never reached, he is always the next, and no waiting time is announced.
 */
export class SimulatedQueue implements GroupDistributor {
  readonly #options: QueueOptions;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  async distribute(group: GroupCall, signal: AbortSignal): Promise<RingResult> {
    const hold = group.group.hold;
    const limitMs = hold.queue ? hold.maxWait * 1000 : 0;
    const result = await ringFor(this.#options.clock, limitMs, signal, (stop) =>
      new Service(group, hold, this.#options).serve(stop),
    );
    if (result.outcome === 'answered' || signal.aborted || !hold.queue) return result;
    return { outcome: 'failed', reason: 'queueTimeout' };
  }
}

/** One call on its way through the members. */
class Service {
  readonly #group: GroupCall;
  readonly #hold: Hold;
  readonly #options: QueueOptions;
  /** When a member may be offered the call again, milliseconds since 1970. */
  readonly #notBefore = new Map<string, number>();
  /** Who is being rung, each with what stops him. */
  readonly #ringing = new Set<AbortController>();

  constructor(group: GroupCall, hold: Hold, options: QueueOptions) {
    this.#group = group;
    this.#hold = hold;
    this.#options = options;
  }

  /** Ends without an answer only when the signal is aborted, or at once when there is no queue. */
  async serve(stop: AbortSignal): Promise<RingResult> {
    for (;;) {
      let rang = false;
      for (const wave of wavesOf(this.#group.group, this.#options.random)) {
        const offered = wave.filter(({ employee }) => this.#mayBeOffered(employee));
        if (offered.length === 0) continue;
        const before = this.#options.clock.now();
        const result = await ringFirst(
          offered.map(
            ({ employee }) =>
              (each) =>
                this.#offer(employee, each),
          ),
          stop,
        );
        if (result.outcome === 'answered' || stop.aborted) return result;
        rang ||= this.#options.clock.now() > before;
      }
      if (!this.#hold.queue) return { outcome: 'failed', reason: rang ? 'groupFailed' : 'operatorsUnavailable' };
      const next = Math.min(Number.POSITIVE_INFINITY, ...this.#notBefore.values());
      const pause = next - this.#options.clock.now();
      if (pause > 0 || this.#group.group.members.length === 0) await this.#wait(pause, stop);
      if (stop.aborted) return { outcome: 'failed', reason: 'noAnswer' };
    }
  }

  #mayBeOffered(employee: string): boolean {
    return (this.#notBefore.get(employee) ?? 0) <= this.#options.clock.now();
  }

  async #offer(employee: string, signal: AbortSignal): Promise<RingResult> {
    const inAnotherCall = this.#options.occupancy.busy(this.#group.pbx.id, employee);
    this.#group.events?.offered?.(employee);
    const own = new AbortController();
    this.#ringing.add(own);
    const pickUp = async () => {
      for (const other of this.#ringing) if (other !== own) other.abort(stopped.elsewhere());
      return true;
    };
    const result = await this.#group.ring(
      employee,
      this.#group.group.ringTime * 1000,
      AbortSignal.any([signal, own.signal]),
      { why: 'by the order of the list', pickUp },
    );
    this.#ringing.delete(own);
    if (result.outcome === 'failed') {
      const pause = inAnotherCall ? Number.POSITIVE_INFINITY : this.#pauseAfter(result.reason);
      this.#notBefore.set(employee, this.#options.clock.now() + pause);
    }
    return result;
  }

  #pauseAfter(reason: EndReason): number {
    const excluded = this.#group.pbx.document.defaults.group.excludeNoAnswer * 1000;
    switch (reason) {
      case 'noAnswer':
      case 'pickedUp':
        return excluded;
      case 'employeeUnavailable':
      case 'unavailable':
      case 'doesNotExist':
        return Number.POSITIVE_INFINITY;
      default:
        return Math.max(excluded, pauseMs);
    }
  }

  /** Nobody is available until somebody is, or the time is over. */
  async #wait(ms: number, stop: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const { events, group } = this.#group;
    const over = Number.isFinite(ms) ? delay(clock, ms, stop) : untilAborted(stop);
    const membersAtWork = group.members.length;
    events?.waiting?.({
      since: clock.now(),
      situation: async () => ({ now: clock.now(), position: 1, membersAtWork, prediction: { silent: 'noHistory' } }),
    });
    await over.catch(() => undefined);
  }
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
