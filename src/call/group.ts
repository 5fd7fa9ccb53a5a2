import type { MemberOffer } from '../acd/distributor.ts';
import type { Employee, Group } from '../config/document.ts';
import { type Attempt, attemptOutcome } from '../dial/attempt.ts';
import type { Introduce } from '../dial/employee.ts';
import { type RingResult, ringFor, stopOf, stopped } from '../dial/ring.ts';
import type { EndReason } from '../end-reason.ts';
import type { ForwardRequest, ForwardResult } from '../scheme/actors.ts';
import { tablesOf } from '../scheme/tables.ts';
import type { Call } from './call.ts';
import { connect } from './connect.ts';
import { introduce, isIntroduced } from './introduce.ts';
import { askBack, isClient, type MissedBy } from './missed.ts';
import { QueueWait, queueState } from './queue-wait.ts';
import { ringContext } from './ring-context.ts';

type GroupRequest = ForwardRequest & { readonly target: { readonly group: string } };

/**
 * Sends a call to a group (§4.4.6.2): into its queue, to the member who answers, and stays until the conversation is over. Whose turn it is the
 * distributor says; what the caller hears and may press meanwhile is here.
 */
export async function forwardToGroup(
  call: Call,
  request: GroupRequest,
  signal: AbortSignal,
  connected: () => void,
): Promise<ForwardResult> {
  const group = call.pbx.group(request.target.group);
  if (!group) return { outcome: 'failed', reason: 'schemeMisconfigured' };
  return new GroupVisit(call, group, request).run(signal, connected);
}

/** Why a caller is out of a queue who would have waited on: he hears `overflowMessage`. */
const overflows: readonly EndReason[] = ['queueFull', 'queueTimeout', 'serviceUnavailable'];

/** A call in a group. */
class GroupVisit {
  readonly #call: Call;
  readonly #group: Group;
  readonly #request: GroupRequest;
  readonly #entered: Attempt;
  /** Aborted when he has asked to be called back. */
  readonly #calledBack = new AbortController();
  #asksForCallback = false;
  /** Where he stood, and since when. */
  #stood: MissedBy;
  #wait: QueueWait | undefined;
  #hearsRinging = false;
  #isOver = false;

  constructor(call: Call, group: Group, request: GroupRequest) {
    this.#call = call;
    this.#group = group;
    this.#request = request;
    this.#stood = { group: group.id, since: call.services.clock.now() };
    this.#entered = call.timeline.ask({ kind: 'group', id: group.id, name: group.name, address: '' });
  }

  /** From now on his hanging up is one more missed call of this group: unless somebody talks to him. */
  #stands(missed: MissedBy): void {
    this.#stood = missed;
    if (this.#group.callback.onHangup && isClient(this.#call)) this.#call.missedBy.set(missed.group, missed);
  }

  async run(signal: AbortSignal, connected: () => void): Promise<ForwardResult> {
    this.#stands(this.#stood);
    const stop = AbortSignal.any([signal, this.#calledBack.signal]);
    // At once: whatever takes the place of the queue must not be talked over by what comes next in it.
    stop.addEventListener('abort', () => this.#wait?.end(), { once: true });
    const result = await this.#distribute(stop);
    this.#isOver = true;
    this.#wait?.end();
    if (result.outcome === 'answered') return this.#connect(result, connected);
    this.#call.audio.stopWaiting();
    if (this.#calledBack.signal.aborted && !signal.aborted) return this.#thank(signal);
    const { reason } = result;
    this.#entered.over(attemptOutcome(reason), reason);
    if (overflows.includes(reason) && !signal.aborted) await this.#overflow(reason, signal);
    return { outcome: 'failed', reason };
  }

  #distribute(signal: AbortSignal): Promise<RingResult> {
    const { pbx, services, caller, timeline, id } = this.#call;
    return ringFor(services.clock, (this.#request.timeout ?? 0) * 1000, signal, (stop, hold) =>
      services.groups.distribute(
        {
          pbx,
          group: this.#group,
          callId: id,
          callerNumber: timeline.facts.from,
          gone: caller.gone,
          ring: (employee, limitMs, each, offer) => this.#ring(employee, limitMs, each, { offer, hold }),
          events: {
            offered: () => {
              if (!this.#wait && !this.#hearsRinging) this.#ringing();
            },
            waiting: (place) => {
              timeline.queued(this.#group.id);
              this.#stands({
                group: this.#group.id,
                since: place.since,
                ...(place.place === undefined ? {} : { place: place.place }),
              });
              const mayAsk = this.#group.callback.onPress1 && isClient(this.#call);
              const ask = mayAsk ? () => void this.#askForCallback() : undefined;
              this.#wait ??= new QueueWait(this.#call, this.#group, place, ask);
            },
          },
        },
        stop,
      ),
    );
  }

  /** He hears ringing, or the music that stands for it. */
  #ringing(): void {
    this.#hearsRinging = true;
    void this.#call.audio.waitForAnswer(this.#request.music ?? this.#group.ringMusic ?? undefined);
  }

  async #ring(
    id: string,
    limitMs: number,
    signal: AbortSignal,
    how: { readonly offer: MemberOffer | undefined; readonly hold: () => () => void },
  ): Promise<RingResult> {
    const call = this.#call;
    const employee = call.pbx.employee(id);
    if (!employee) return { outcome: 'failed', reason: 'unavailable' };
    return call.services.employees.ring(
      {
        pbx: call.pbx,
        timetable: tablesOf(call.pbx).timetable,
        employee,
        contact: this.#group.ringContacts,
        limitMs,
        group: this.#group.id,
        log: call.timeline,
        context: { ...ringContext(call), ...(how.offer?.calling && { onCalling: how.offer.calling }) },
        introduce: this.#introduction(employee, how),
        ...(how.offer === undefined ? {} : { why: how.offer.why }),
      },
      signal,
    );
  }

  /** One who has picked up has the call, also while he is still being told whose it is: nobody else rings, and no limit is over. */
  #introduction(
    employee: Employee,
    { offer, hold }: { readonly offer: MemberOffer | undefined; readonly hold: () => () => void },
  ): Introduce {
    return async (leg, stop) => {
      if (!isIntroduced(this.#call, employee)) return undefined;
      const goOn = hold();
      const resume = this.#wait?.hush() ?? (() => this.#ringing());
      let reason: EndReason | undefined;
      if (offer && !(await offer.pickUp())) {
        const { sip, endReason } = stop.aborted ? stopOf(stop) : stopped.elsewhere();
        void leg.hangup(sip);
        reason = endReason;
      } else reason = await introduce(this.#call, leg, { employee, wait: () => undefined }, stop);
      if (reason === undefined) return undefined;
      goOn();
      if (!this.#isOver && !stop.aborted) resume();
      return reason;
    };
  }

  #connect(result: Extract<RingResult, { outcome: 'answered' }>, connected: () => void): Promise<ForwardResult> {
    const { attempt } = result;
    const both: Attempt = {
      asked: attempt?.asked ?? this.#entered.asked,
      answered: () => undefined,
      talking: () => {
        this.#entered.talking();
        attempt?.talking();
      },
      over: (outcome, reason, heldMs) => {
        attempt?.over(outcome, reason, heldMs);
        this.#entered.over(outcome, reason, heldMs);
      },
    };
    return connect(this.#call, { ...result, attempt: both }, connected);
  }

  async #overflow(reason: EndReason, signal: AbortSignal): Promise<void> {
    const { queue, overflowMessage: audio } = this.#group.hold;
    if (!queue || audio === null) return;
    const { id } = this.#group;
    this.#call.timeline.aside({ state: queueState(id), event: 'play', detail: { audio, group: id, reason } });
    await this.#call.audio.play(audio, signal);
  }

  async #askForCallback(): Promise<void> {
    if (this.#asksForCallback || this.#isOver) return;
    this.#asksForCallback = true;
    const { pbx, services, timeline, log, audio } = this.#call;
    const { from } = timeline.facts;
    const isKept = await askBack(this.#call, { ...this.#stood, origin: 'group' });
    if (this.#isOver) {
      // Somebody has answered in this very moment.
      if (isKept && timeline.talked) services.callbacks.reached(pbx, from);
      return;
    }
    if (!isKept) {
      this.#asksForCallback = false;
      log.warn({ group: this.#group.id }, 'a callback that a caller has asked for could not be kept: he waits on');
      const resume = this.#wait?.hush();
      await audio.play('builtin:error-tone', this.#call.caller.gone);
      resume?.();
      return;
    }
    const detail = { group: this.#group.id, number: from };
    timeline.aside({ state: queueState(this.#group.id), event: 'callback', detail, why: 'the caller pressed 1' });
    this.#calledBack.abort();
  }

  async #thank(signal: AbortSignal): Promise<ForwardResult> {
    const reason: EndReason = 'schemeEnded';
    this.#entered.over('elsewhere', reason);
    this.#call.missedBy.delete(this.#group.id);
    await this.#call.audio.play('builtin:callback-accepted', signal);
    return { outcome: 'ended', reason };
  }
}
