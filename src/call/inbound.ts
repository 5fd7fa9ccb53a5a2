import type { Logger } from 'pino';
import type { ConfigStore } from '../config/store.ts';
import type { PbxVersion } from '../config/version.ts';
import { Emitter } from '../emitter.ts';
import type { EndReason } from '../end-reason.ts';
import { errorText } from '../errors.ts';
import type { CallOutcome, CallRecord } from '../history/record.ts';
import { identityText } from '../sip/identity.ts';
import type { IncomingInvite } from '../sip/port.ts';
import type { Random } from '../time/random.ts';
import { arrivalOf } from './arrival.ts';
import { Call, type CallServices } from './call.ts';
import { type Decision, decide, isForNobody, type Route, routeDialled } from './decide.ts';
import { type CallOrder, decideOrder, type Ordered } from './decide-order.ts';
import { setStatus } from './feature-codes.ts';
import { bringCaller } from './first-leg.ts';
import { listen } from './listen.ts';
import { type LiveCall, LiveCalls } from './live-calls.ts';
import { answerLost, callBackMissed } from './missed.ts';
import { callOutside } from './outside.ts';
import { runSchemeOf, sendTo } from './run-scheme.ts';
import { shownTo } from './shown.ts';
import type { TimelineChange } from './timeline.ts';

export interface CallCenterOptions {
  readonly services: CallServices;
  readonly config: Pick<ConfigStore, 'current'>;
  readonly random: Random;
  readonly node: string;
  readonly log: Logger;
  /** Takes the record of each finished call. Resolves when it is safe; never rejects. */
  readonly history: (record: CallRecord) => Promise<void>;
}

export interface CallEvents {
  /** `record`: of a call that has ended; `isKept`: the history gets it. */
  changed: {
    readonly call: LiveCall;
    readonly what: TimelineChange | 'appeared' | 'ended';
    readonly record?: CallRecord;
    readonly isKept?: boolean;
  };
  /** Audio could not be played to the caller: which, and why. */
  unheard: { readonly call: LiveCall; readonly error: string };
}

/** Takes each INVITE that has passed the guard, decides what it is (2-call-behaviour §1), and sees the call through to its record. */
export class Inbound {
  readonly live = new LiveCalls();
  /** For those who watch. */
  readonly events = new Emitter<CallEvents>();
  /** Calls that have ended since the start. */
  readonly ended: Partial<Record<CallOutcome, number>> = {};
  readonly #options: CallCenterOptions;
  #stopping = false;

  constructor(options: CallCenterOptions) {
    this.#options = options;
  }

  accept(invite: IncomingInvite): void {
    const pbx = this.#options.config.current(invite.identity.pbx);
    if (!pbx) {
      invite.reject(404);
      return;
    }
    const decision = decide(pbx, invite);
    const call = this.#begin(pbx, decision, invite);
    call.log.info(
      { from: decision.from, to: decision.dialled, by: identityText(invite.identity), sipCallId: invite.id },
      'call arrived',
    );
    this.#whileBusy(call, decision.employee, () => this.#see(call, decision));
  }

  /**
   * Begins a call that was ordered: click-to-call (§4.5.7). What comes of it is told by its record and its events.
   * @returns its id
   * @throws UserError when the order cannot be understood
   */
  order(pbx: PbxVersion, order: CallOrder): string {
    const ordered = decideOrder(pbx, order);
    const { decision, first } = ordered;
    const call = this.#begin(pbx, decision);
    call.log.info({ from: decision.from, to: decision.dialled }, 'call ordered');
    // An employee who is rung is busy by that.
    this.#whileBusy(call, first.employee ? undefined : decision.employee, () => this.#see(call, decision, ordered));
    return call.id;
  }

  /** @param employee who makes the call, and is in it until it is over */
  #whileBusy(call: Call, employee: string | undefined, see: () => Promise<void>): void {
    const { occupancy } = this.#options.services;
    const occupation =
      employee === undefined ? undefined : occupancy.calls({ pbx: call.pbx.id, employee, call: call.id });
    call.timeline.changes.on('changed', (what) => what === 'talking' && occupation?.talks(false));
    // The others of a conference go on without him.
    void call.ended.then(() => occupation?.over());
    void see().finally(() => occupation?.over());
  }

  /** Ends a call by command. False: there is no such call. */
  hangup(pbx: string, id: string): boolean {
    const call = this.live.get(id);
    if (call?.pbx.id !== pbx) return false;
    call.breakOff({ by: 'engine', reason: 'userCommand' });
    return true;
  }

  /**
   * Begins or ends the recording of a conversation by command.
   * @returns whether it is recorded from now on; undefined: there is no such call, or nobody talks in it
   */
  record(pbx: string, id: string, on: boolean): boolean | undefined {
    const call = this.live.get(id);
    return call?.pbx.id === pbx ? call.recording?.set(on) : undefined;
  }

  /**
   * Transfers whom an employee talks to, blind, by command.
   * @returns false: there is no such call, or nobody talks in it
   * @throws UserError when it cannot begin
   */
  transfer(pbx: string, id: string, to: string, employee?: string): boolean {
    const call = this.live.get(id);
    if (call?.pbx.id !== pbx || !call.company) return false;
    call.company.transfer(to, employee);
    return true;
  }

  /** Takes no more calls; those that there are go on. */
  rest(): void {
    this.#stopping = true;
  }

  get isResting(): boolean {
    return this.#stopping;
  }

  /** Ends all calls. Resolves when their records have been handed over. */
  async stop(): Promise<void> {
    this.rest();
    for (const call of this.live.all()) call.breakOff({ by: 'engine', reason: 'shutdown' });
    await this.live.drained();
  }

  /** A call is there, also one of ours: it is seen by all who watch. */
  begins(call: LiveCall): void {
    this.live.add(call);
    call.timeline.changes.on('changed', (what) => this.#tell({ call, what }));
    call.timeline.changes.on('unheard', ({ error }) => this.events.emit('unheard', { call, error }));
    this.#tell({ call, what: 'appeared' });
  }

  /** A call is over. @param options.isKept false: nothing has happened in it that history is to tell */
  async ends(call: LiveCall, record: CallRecord, { isKept = true } = {}): Promise<void> {
    this.#tell({ call, what: 'ended', record, isKept });
    if (isKept) {
      this.ended[record.outcome] = (this.ended[record.outcome] ?? 0) + 1;
      const { outcome, reason, endedBy: by, wait, talk } = record;
      call.log.info({ outcome, reason, by, wait, talk }, 'call ended');
      await this.#options.history(record);
    }
    this.live.remove(call);
  }

  /** @param invite unset: a call of ours */
  #begin(pbx: PbxVersion, decision: Decision, invite?: IncomingInvite): Call {
    const { random, services, log, node } = this.#options;
    const id = random.uuid();
    const call = new Call({
      ...(invite === undefined ? {} : { invite }),
      pbx,
      services,
      facts: {
        id,
        pbx: pbx.id,
        configVersion: pbx.version,
        direction: decision.direction,
        from: decision.from,
        fromName: decision.display || null,
        employee: decision.employee ?? null,
        line: decision.line ?? null,
        to: decision.dialled,
        node,
        arrival: invite === undefined ? null : arrivalOf(invite),
      },
      shown: shownTo(pbx, decision, invite?.from.host ?? ''),
      log: log.child({ call: id, pbx: pbx.id }),
    });
    this.begins(call);
    return call;
  }

  /**
   * Lets the call in, for as long as it goes on, or says why not, before anything is done for it: a number that nobody has needs no room; then the lines of
   * the trunk, then the calls of the PBX.
   */
  async #letIn(call: Call, decision: Decision): Promise<Limit | undefined> {
    if (this.#stopping) return { reason: 'shutdown', why: 'the node stops' };
    if (isForNobody(decision)) return undefined;
    const noLine = await this.#takeLine(call, decision);
    if (noLine) return noLine;
    const goesOn = await call.services.callLimit.take(call.pbx);
    if (!goesOn) return { reason: 'tooManyCalls', why: `${call.pbx.document.pbx.maxCalls} calls go on already` };
    void call.ended.then(goesOn);
    return undefined;
  }

  /** @param ordered who is to be rung first, in a call of ours */
  async #see(call: Call, decision: Decision, ordered?: Ordered): Promise<void> {
    let reason: EndReason = 'lost';
    try {
      const refusal = await this.#letIn(call, decision);
      if (refusal) {
        reason = refusal.reason;
        await this.#refuse(call, refusal);
      } else {
        // An agent who is free has his next caller before another comes.
        await call.services.precedence.clear();
        for (const entry of decision.path) call.trace(entry);
        reason = await (ordered ? this.#routeOrdered(call, ordered) : this.#route(call, decision.route));
        for (let { onward } = call; onward && !call.end; { onward } = call) {
          call.onward = undefined;
          reason = await this.#route(call, onward);
        }
      }
    } catch (error) {
      call.log.error({ err: error }, `call failed: ${errorText(error)}`);
    }
    call.finish({ by: 'engine', reason });
    await call.ended;
    await call.conversation;
    await call.message;
    await callBackMissed(call);
    answerLost(call);
    const record = call.record();
    await call.services.precedence.clear();
    await this.ends(call, record);
  }

  /** Of the trunk that the call came in through, until its end. @returns why there is none */
  async #takeLine(call: Call, { trunk: id }: Decision): Promise<Limit | undefined> {
    const trunk = id === undefined ? undefined : call.pbx.trunk(id);
    if (!trunk) return undefined;
    const giveBack = await call.services.trunks.takeLine(call.pbx, trunk);
    if (giveBack) {
      void call.ended.then(giveBack);
      return undefined;
    }
    // 486, as §5.3.1.1 says of a trunk whose lines are all taken, and the announcement for those who can hear it.
    const why = `all ${trunk.lines} lines of the trunk are taken`;
    return { reason: 'busy', why, announcement: 'builtin:line-busy' };
  }

  async #refuse(call: Call, { reason, why, announcement }: Limit): Promise<void> {
    call.trace({ state: 'limits', event: 'hangup', detail: { reason }, why });
    if (announcement !== undefined) await call.audio.announce(announcement);
  }

  /** What goes wrong for those who watch a call is no business of the call. */
  #tell(event: CallEvents['changed']): void {
    try {
      this.events.emit('changed', event);
    } catch (error) {
      event.call.log.error({ err: error }, 'listener of calls failed');
    }
  }

  async #nobody(call: Call, route: Extract<Route, { to: 'nobody' }>): Promise<EndReason> {
    if (route.technical) call.timeline.technical(route.technical);
    if (route.announcement !== undefined) await call.audio.announce(route.announcement);
    return route.reason;
  }

  /** Who wants to call back the caller of a message dials him, as far as this phone may. */
  async #listen(call: Call, employee: string | undefined): Promise<EndReason> {
    const { reason, callBack } = await listen(call, employee);
    if (callBack === undefined) return reason;
    const { path, route } = decideCallBack(call, callBack);
    for (const entry of path) call.trace(entry);
    return this.#route(call, route);
  }

  /** Nobody is disturbed for a call that is not allowed; who has been hears that nobody was reached. */
  async #routeOrdered(call: Call, ordered: Ordered): Promise<EndReason> {
    const { route } = ordered.decision;
    if (route.to === 'nobody') return route.reason;
    const missing = await bringCaller(call, ordered);
    if (missing !== undefined) return missing;
    const reason = await this.#route(call, route);
    if (!call.end && !call.timeline.talked && reason !== 'schemeEnded') await call.audio.tellFailure();
    return reason;
  }

  #route(call: Call, route: Route): Promise<EndReason> | EndReason {
    switch (route.to) {
      case 'nobody':
        return this.#nobody(call, route);
      case 'status':
        return setStatus(call, route.employee, route.status);
      case 'mailbox':
        return this.#listen(call, route.employee);
      case 'outside':
        return callOutside(call, route.ways, route.postDial);
      case 'scheme':
        return runSchemeOf(call, route.scheme);
      case 'target':
        return sendTo(call, route.target, route.by);
    }
  }
}

/** Why a call is not let in. */
interface Limit {
  readonly reason: EndReason;
  readonly why: string;
  /** Heard before the refusal by those who can hear before an answer. */
  readonly announcement?: string;
}

/** As if his phone had dialled the number itself: with what it may call, and what it shows. */
function decideCallBack({ pbx, shown, caller, timeline }: Call, number: string): Decision {
  const { direction, from, fromName, employee } = timeline.facts;
  const dialler = pbx.employee(employee ?? '');
  const base = { direction, from, display: fromName ?? '', dialled: number, callerId: shown.callerId };
  return routeDialled(pbx, base, { dialled: number, host: caller.invite?.requestHost ?? '', dialler });
}
