import type { Logger } from 'pino';
import type { CallbackTask } from '../acd/callback-tasks.ts';
import { callbackRules } from '../acd/group-callbacks.ts';
import type { Group } from '../config/document.ts';
import type { PbxVersion } from '../config/version.ts';
import { type Attempt, attemptOutcome } from '../dial/attempt.ts';
import type { Leg } from '../dial/leg.ts';
import { type CallerIdChoice, callerIdFor } from '../dial/outgoing/caller-id.ts';
import { type RingContext, type RingResult, RingStopped, ringFirst, ringFor, ringOne, stopOf } from '../dial/ring.ts';
import type { CallRecord } from '../history/record.ts';
import type { AudioSource } from '../media/port.ts';
import { tablesOf } from '../scheme/tables.ts';
import { reasons } from '../sip/port.ts';
import type { CallEnd, CallServices } from './call.ts';
import { converse, holdMusic, reasonOfEnd } from './conversation.ts';
import type { LiveCall } from './live-calls.ts';
import { recordingCommands, type Talk, type TalkRecording } from './recording.ts';
import { Timeline } from './timeline.ts';

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

type Answered = Extract<RingResult, { outcome: 'answered' }>;

/**
 * One attempt of a group to call a client back (§4.4.6.2.1): a call of ours, with no INVITE at its beginning. It stands in the queue in the place that the
 * client had; the member to whom it is given is the caller's side from then on, and the client is dialled for him.
 */
export class Callback implements LiveCall {
  readonly id: string;
  readonly pbx: PbxVersion;
  readonly timeline: Timeline;
  readonly log: Logger;
  recording: TalkRecording | undefined;
  readonly #options: CallbackOptions;
  readonly #choice: CallerIdChoice;
  readonly #over = new AbortController();
  /** Who of the group has picked up, by his leg. */
  readonly #members = new Map<Leg, string>();
  #member: string | null = null;
  #end: CallEnd | undefined;
  #legs: readonly Leg[] = [];

  constructor(options: CallbackOptions) {
    const { id, pbx, group, task, node, services } = options;
    this.id = id;
    this.pbx = pbx;
    this.#options = options;
    this.log = options.log.child({ call: id, pbx: pbx.id, callback: task.number });
    this.#choice = shownNumber(group, task);
    this.timeline = new Timeline(
      {
        id,
        pbx: pbx.id,
        configVersion: pbx.version,
        direction: 'out',
        from: group.extension ?? '',
        fromName: group.name,
        employee: null,
        line: callerIdFor(pbx, this.#choice, task.number)?.callerId ?? null,
        to: task.number,
        node,
        arrival: null,
      },
      services.clock,
    );
  }

  /** Ends it, in whatever state it is. */
  breakOff(end: CallEnd): void {
    if (this.#end) return;
    this.#end = end;
    this.#over.abort(new RingStopped(reasons.callerGone, end.reason));
    for (const leg of this.#legs) void leg.hangup();
  }

  /** Never rejects for the network's sake. */
  async run(): Promise<CallbackOutcome> {
    const { pbx } = this;
    const { task, services } = this.#options;
    const found =
      this.#choice.callerId === null
        ? ({ ok: false, reason: 'directionBarred' } as const)
        : services.destinations.ofNumber(pbx, task.number, this.#choice);
    if (!found.ok) {
      this.log.warn({ reason: found.reason }, 'a client cannot be called back: the number cannot be dialled');
      this.#close({ by: 'engine', reason: found.reason });
      return 'failed';
    }
    const entered = this.timeline.ask({
      kind: 'group',
      id: this.#options.group.id,
      name: this.#options.group.name,
      address: '',
    });
    const member = await this.#findMember();
    if (member.outcome === 'failed') {
      entered.over(attemptOutcome(member.reason), member.reason);
      this.#close({ by: 'engine', reason: member.reason });
      return this.#over.signal.aborted ? 'broken' : 'nobody';
    }
    this.#legs = [member.leg];
    this.#member = this.#members.get(member.leg) ?? null;
    const ringing = (stop: AbortSignal) =>
      ringFirst(
        found.destinations.map((destination) => (each: AbortSignal) => ringOne(this.#context(), destination, each)),
        stop,
      );
    return this.#dial(member, entered, ringing);
  }

  /** As history keeps it. */
  record(): CallRecord {
    const { task, group } = this.#options;
    return {
      ...this.timeline.record(this.#end ?? { by: 'engine', reason: 'lost' }),
      employee: this.#member,
      callback: { call: task.call, group: group.id, attempt: task.attempts + 1 },
    };
  }

  get end(): CallEnd | undefined {
    return this.#end;
  }

  #close(end: CallEnd): void {
    this.#end ??= end;
  }

  #findMember(): Promise<RingResult> {
    const { pbx, id } = this;
    const { group, task, services } = this.#options;
    return services.groups.distribute(
      {
        pbx,
        group,
        callId: id,
        callerNumber: task.number,
        ...(task.place === undefined ? {} : { place: task.place }),
        ring: (employee, limitMs, signal, offer) => this.#ring(employee, limitMs, signal, offer?.why),
        events: { waiting: () => this.timeline.queued(group.id) },
      },
      this.#over.signal,
    );
  }

  async #ring(id: string, limitMs: number, signal: AbortSignal, why: string | undefined): Promise<RingResult> {
    const { pbx, timeline } = this;
    const { group, services, stands } = this.#options;
    if (!(await stands())) this.breakOff({ by: 'engine', reason: 'pickedUp' });
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
        context: this.#context(),
        ...(why === undefined ? {} : { why }),
      },
      signal,
    );
    if (result.outcome === 'answered') this.#members.set(result.leg, id);
    return result;
  }

  /** The member has picked up: he hears whom he is being connected to, while the client is rung. */
  async #dial(
    { leg, attempt }: Answered,
    entered: Attempt,
    ringing: (stop: AbortSignal) => Promise<RingResult>,
  ): Promise<CallbackOutcome> {
    const { timeline, pbx } = this;
    const { task, services, talking } = this.#options;
    const gone = new AbortController();
    const off = leg.on('ended', () => gone.abort());
    const stop = AbortSignal.any([gone.signal, this.#over.signal]);
    const heard = new AbortController();
    void this.#hears(leg, AbortSignal.any([stop, heard.signal]));
    const { number } = task;
    const dialled = timeline.ask({ kind: 'number', id: number, name: '', address: number, contact: { phone: number } });
    const ringMs = callbackRules(pbx, task.origin).ringTime * 1000;
    const result = await ringFor(services.clock, ringMs, stop, ringing);
    off();
    heard.abort();
    const all = [dialled, ...(attempt ? [attempt] : []), entered];
    if (result.outcome === 'failed') {
      const { reason } = result;
      dialled.over(attemptOutcome(reason), reason);
      for (const one of all) one.over('elsewhere', reason);
      this.#close({ by: gone.signal.aborted ? 'caller' : 'engine', reason });
      if (!stop.aborted) await this.#play(leg, services.sounds.audio(pbx, 'builtin:error-tone'), stop);
      await leg.hangup();
      return this.#over.signal.aborted ? 'broken' : 'failed';
    }
    dialled.answered();
    this.#legs = [leg, result.leg];
    for (const one of all) one.talking();
    talking();
    const talk = this.#talk(leg, result.leg);
    const recording = services.recorder.begin(talk);
    this.recording = recording;
    const legs = { caller: leg, callee: result.leg };
    const { by, heldMs } = await converse(leg, result.leg, {
      music: holdMusic(services.sounds, pbx),
      clock: services.clock,
      held: (held) => timeline.hold(held),
      commands: recordingCommands(talk, recording, legs, services.sounds),
    });
    this.recording = undefined;
    const recorded = recording.over();
    const reason = reasonOfEnd(by, this.#end?.reason);
    for (const one of all) one.over('answered', reason, heldMs);
    this.#close({ by, reason });
    await Promise.all([leg.hangup(), result.leg.hangup()]);
    timeline.recorded(await recorded);
    return 'talked';
  }

  #talk(member: Leg, client: Leg): Talk {
    const { direction, from, to, line } = this.timeline.facts;
    const rung = this.timeline.asking.find(({ asked }) => asked.kind === 'employee')?.asked;
    return {
      pbx: this.pbx,
      call: this.id,
      direction,
      from,
      to,
      line,
      group: this.#options.group.id,
      caller: { endpoint: member.endpoint, employee: this.#member ?? undefined, contact: rung?.address ?? '' },
      callee: { endpoint: client.endpoint, employee: undefined, contact: to },
    };
  }

  async #hears(leg: Leg, signal: AbortSignal): Promise<void> {
    const { sounds } = this.#options.services;
    const client = sounds.say(this.pbx, [{ fragment: 'call-from' }, { phone: this.#options.task.number }]);
    await this.#play(leg, client, signal);
    if (!signal.aborted) await this.#play(leg, sounds.ringBack(this.pbx), signal, true);
  }

  async #play(leg: Leg, sources: readonly AudioSource[], signal: AbortSignal, loop = false): Promise<void> {
    if (signal.aborted || sources.length === 0) return;
    const playback = leg.endpoint.play(sources, { loop });
    const stop = () => void playback.stop();
    signal.addEventListener('abort', stop, { once: true });
    await playback.ended;
    signal.removeEventListener('abort', stop);
  }

  /** Phones of ours show the client; he sees a number of ours. */
  #context(): RingContext {
    const { services, task } = this.#options;
    const host = this.pbx.document.pbx.domains[0] ?? 'invalid';
    const { line } = this.timeline.facts;
    return {
      sip: services.sip,
      media: services.media,
      clock: services.clock,
      callId: this.id,
      from: { user: task.number, host, display: '' },
      fromOrdinary: { user: line ?? 'anonymous', host, display: '' },
      callerId: this.#choice,
      onRinging: () => undefined,
    };
  }
}

/** The number that the task names; else the group's own, or the one that the client had called. */
function shownNumber({ callback }: Group, task: CallbackTask): CallerIdChoice {
  if (task.callerId !== undefined) return { callerId: task.callerId, autoCallerId: false };
  const { callerId = task.line ?? null, autoCallerId } = callback;
  return { callerId, autoCallerId };
}
