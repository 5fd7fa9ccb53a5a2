import type { Logger } from 'pino';
import type { CallbackTask } from '../acd/callback-tasks.ts';
import { callbackRules } from '../acd/group-callbacks.ts';
import type { Group } from '../config/document.ts';
import type { PbxVersion } from '../config/version.ts';
import { attemptOutcome } from '../dial/attempt.ts';
import type { Found } from '../dial/destinations.ts';
import type { Leg } from '../dial/leg.ts';
import { type CallerIdChoice, callerIdFor } from '../dial/outgoing/caller-id.ts';
import { type RingResult, stopOf } from '../dial/ring.ts';
import type { CallRecord } from '../history/record.ts';
import { tablesOf } from '../scheme/tables.ts';
import { Call, type CallServices } from './call.ts';
import { connect } from './connect.ts';
import { contextOfFirst, ringContext } from './ring-context.ts';
import { ringOutside } from './ring-outside.ts';

/**
 * `talked`: the two were connected. `failed`: the client was not reached. `nobody`: no member of the group took it, so that nobody has dialled the
 * client. `broken`: it was ended from outside, or the task is not this node's any more.
 */
export type CallbackOutcome = 'talked' | 'failed' | 'nobody' | 'broken';

export interface CallbackOptions {
  readonly id: string;
  readonly node: string;
  readonly pbx: PbxVersion;
  readonly group: Group;
  readonly task: CallbackTask;
  readonly services: CallServices;
  readonly log: Logger;
  /** Whether the task still stands: asked before anybody is disturbed for it. */
  readonly stands: () => Promise<boolean>;
  /** The two talk from now on. */
  readonly talking: () => void;
}

/**
 * One attempt of a group to call a client back (§4.4.6.2.1): a call of ours. It stands in the queue in the place that the client had; the member to whom it
 * is given is the caller from then on, and the client is dialled for him.
 */
export class Callback {
  readonly call: Call;
  readonly #options: CallbackOptions;
  readonly #choice: CallerIdChoice;
  /** Who of the group has picked up, by his leg. */
  readonly #members = new Map<Leg, string>();
  #member: string | null = null;

  constructor(options: CallbackOptions) {
    const { id, pbx, group, task, node, services } = options;
    this.#options = options;
    this.#choice = shownNumber(group, task);
    const line = callerIdFor(pbx, this.#choice, task.number)?.callerId ?? null;
    const host = pbx.document.pbx.domains[0] ?? 'invalid';
    const ours = { user: line ?? 'anonymous', host, display: '' };
    this.call = new Call({
      pbx,
      services,
      facts: {
        id,
        pbx: pbx.id,
        configVersion: pbx.version,
        direction: 'out',
        from: group.extension ?? '',
        fromName: group.name,
        employee: null,
        line,
        to: task.number,
        node,
        arrival: null,
      },
      shown: { sip: ours, ordinary: ours, callerId: this.#choice },
      log: options.log.child({ call: id, pbx: pbx.id, callback: task.number }),
    });
  }

  /** Never rejects for the network's sake. */
  async run(): Promise<CallbackOutcome> {
    const { call } = this;
    const { task, group, services } = this.#options;
    const found: Found =
      this.#choice.callerId === null
        ? { ok: false, reason: 'directionBarred' }
        : services.destinations.ofNumber(call.pbx, task.number, this.#choice);
    if (!found.ok) {
      call.log.warn({ reason: found.reason }, 'a client cannot be called back: the number cannot be dialled');
      call.finish({ by: 'engine', reason: found.reason });
      return 'failed';
    }
    const entered = call.timeline.ask({ kind: 'group', id: group.id, name: group.name, address: '' });
    const member = await this.#findMember();
    if (member.outcome === 'failed') {
      entered.over(attemptOutcome(member.reason), member.reason);
      const isBroken = call.end !== undefined;
      call.finish({ by: 'engine', reason: member.reason });
      return isBroken ? 'broken' : 'nobody';
    }
    this.#member = this.#members.get(member.leg) ?? null;
    call.brought = [...(member.attempt ? [member.attempt] : []), entered];
    call.caller.pickedUp(member.leg);
    const outcome = await this.#dial(found);
    await call.conversation;
    return outcome;
  }

  /** As history keeps it. */
  record(): CallRecord {
    const { task, group } = this.#options;
    return {
      ...this.call.record(),
      employee: this.#member,
      callback: { call: task.call, group: group.id, attempt: task.attempts + 1 },
    };
  }

  #findMember(): Promise<RingResult> {
    const { pbx, id, timeline, caller } = this.call;
    const { group, task, services } = this.#options;
    return services.groups.distribute(
      {
        pbx,
        group,
        callId: id,
        callerNumber: task.number,
        ...(task.place === undefined ? {} : { place: task.place }),
        ring: (employee, limitMs, signal, offer) => this.#ring(employee, limitMs, signal, offer?.why),
        events: { waiting: () => timeline.queued(group.id) },
      },
      caller.gone,
    );
  }

  async #ring(id: string, limitMs: number, signal: AbortSignal, why: string | undefined): Promise<RingResult> {
    const { pbx, timeline } = this.call;
    const { group, services, stands, task } = this.#options;
    if (!(await stands())) this.call.breakOff({ by: 'engine', reason: 'pickedUp' });
    if (signal.aborted) return { outcome: 'failed', reason: stopOf(signal).endReason };
    const employee = pbx.employee(id);
    if (!employee) return { outcome: 'failed', reason: 'unavailable' };
    const result = await services.employees.ring(
      {
        pbx,
        timetable: tablesOf(pbx).timetable,
        employee,
        contact: group.ringContacts,
        limitMs,
        group: group.id,
        log: timeline,
        context: contextOfFirst(this.call, { user: task.number, display: '' }),
        ...(why === undefined ? {} : { why }),
      },
      signal,
    );
    if (result.outcome === 'answered') this.#members.set(result.leg, id);
    return result;
  }

  /** The member has picked up: he hears whom he is being connected to, while the client is rung. */
  async #dial(found: Found): Promise<CallbackOutcome> {
    const { call } = this;
    const { caller, audio, pbx } = call;
    const { task } = this.#options;
    const { number } = task;
    const member = this.#member === null ? {} : { employee: this.#member };
    const rung = new AbortController();
    void this.#hears(AbortSignal.any([caller.gone, rung.signal]));
    const result = await ringOutside(
      call,
      { kind: 'number', id: number, name: '', address: number, contact: { phone: number } },
      { found, context: { ...ringContext(call), ...member }, ringMs: callbackRules(pbx, task.origin).ringTime * 1000 },
      caller.gone,
    );
    rung.abort();
    audio.stop();
    if (result.outcome === 'answered') {
      await connect(call, result, this.#options.talking);
      return call.timeline.talked ? 'talked' : 'failed';
    }
    const isBroken = call.end?.by === 'engine';
    if (!call.end) await audio.tellFailure();
    call.finish({ by: 'engine', reason: result.reason });
    return isBroken ? 'broken' : 'failed';
  }

  async #hears(signal: AbortSignal): Promise<void> {
    const { audio } = this.call;
    await audio.say([{ fragment: 'call-from' }, { phone: this.#options.task.number }], signal);
    if (!signal.aborted) await audio.waitForAnswer(undefined);
  }
}

/** The number that the task names; else the group's own, or the one that the client had called. */
function shownNumber({ callback }: Group, task: CallbackTask): CallerIdChoice {
  if (task.callerId !== undefined) return { callerId: task.callerId, autoCallerId: false };
  const { callerId = task.line ?? null, autoCallerId } = callback;
  return { callerId, autoCallerId };
}
