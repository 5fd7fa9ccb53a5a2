import type { GroupCall, GroupDistributor } from '../acd/distributor.ts';
import { wavesOf } from '../acd/waves.ts';
import type { Call } from '../call/call.ts';
import type { Hold } from '../config/document.ts';
import type { Occupancy } from '../dial/occupancy.ts';
import { type RingResult, ringFirst, ringFor } from '../dial/ring.ts';
import type { EndReason } from '../end-reason.ts';
import { type Clock, delay } from '../time/clock.ts';
import type { Random } from '../time/random.ts';

/** How long nobody is offered a call again that he was too busy for, or refused, milliseconds. */
const pauseMs = 10_000;

export interface QueueOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly occupancy: Occupancy;
  readonly call: (id: string) => Call | undefined;
}

/**
 * The queue of a group with one caller in it (2-call-behaviour §4): members are rung by the group's algorithm, round after round, until one answers or
 * `maxWait` is over; while nobody is available the caller hears the message, once, and then music. Those who are busy or cannot be reached stay so for
 * the whole call.
 *
 * There are no statistics of earlier calls, so algorithms that need them go by the order of the list, and nobody is waiting before him, so `maxLength`
 * is never reached and no position is announced.
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
    if (hold.overflowMessage !== null) await this.#overflow(group, hold.overflowMessage, signal);
    return { outcome: 'failed', reason: 'queueTimeout' };
  }

  async #overflow({ callId, group }: GroupCall, audio: string, signal: AbortSignal): Promise<void> {
    const call = this.#options.call(callId);
    if (!call) return;
    const why = `nobody took the call within ${group.hold.maxWait} s`;
    call.trace({ state: placeOf(group.id), event: 'play', detail: { audio, group: group.id }, why });
    await call.audio.play(audio, signal);
  }
}

/** One call on its way through the members. */
class Service {
  readonly #group: GroupCall;
  readonly #hold: Hold;
  readonly #options: QueueOptions;
  /** When a member may be offered the call again, milliseconds since 1970. */
  readonly #notBefore = new Map<string, number>();
  #told = false;
  #waiting = false;

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
    const result = await this.#group.ring(employee, this.#group.group.ringTime * 1000, signal);
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

  /** Nobody is available: the message, then music, until somebody is or the time is over. */
  async #wait(ms: number, stop: AbortSignal): Promise<void> {
    const call = this.#options.call(this.#group.callId);
    const { enqueueMessage, music } = this.#hold;
    const { id } = this.#group.group;
    const state = placeOf(id);
    const why = 'nobody of the group is available';
    const over = Number.isFinite(ms) ? delay(this.#options.clock, ms, stop) : untilAborted(stop);
    if (call && !this.#told) {
      this.#told = true;
      await call.audio.answer();
      if (enqueueMessage !== null && !stop.aborted) {
        call.trace({ state, event: 'play', detail: { audio: enqueueMessage, group: id }, why });
        await call.audio.play(enqueueMessage, stop);
      }
    }
    if (call && !this.#waiting && !stop.aborted) {
      this.#waiting = true;
      call.trace({ state, event: 'wait', detail: { group: id, ...(music === null ? {} : { audio: music }) }, why });
      void call.audio.waitForAnswer(music ?? undefined);
    }
    await over.catch(() => undefined);
  }
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** A place of its own: what happens in a queue is not the scheme's doing. */
const placeOf = (group: string): string => `queue/${group}`;
