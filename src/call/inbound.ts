import type { Logger } from 'pino';
import { normalizePhone } from '../config/phone.ts';
import type { ConfigStore } from '../config/store.ts';
import type { PbxVersion } from '../config/version.ts';
import { Emitter } from '../emitter.ts';
import type { EndReason } from '../end-reason.ts';
import { errorText } from '../errors.ts';
import type { CallDirection, CallOutcome, CallRecord } from '../history/record.ts';
import { identityText } from '../sip/identity.ts';
import type { IncomingInvite, Party } from '../sip/port.ts';
import type { Random } from '../time/random.ts';
import { Call, type CallServices } from './call.ts';
import { LiveCalls } from './live-calls.ts';
import { callExtension, runSchemeOf } from './run-scheme.ts';
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

/** What a call is to do: where the decisions of 2-call-behaviour §1 end. */
type Route =
  | { readonly to: 'scheme'; readonly scheme: string }
  | { readonly to: 'extension'; readonly extension: string }
  | { readonly to: 'nobody'; readonly reason: EndReason };

interface Decision {
  readonly direction: CallDirection;
  /** The caller, normalised where it is a number. */
  readonly from: string;
  readonly display: string;
  readonly employee?: string;
  readonly line?: string;
  readonly dialled: string;
  readonly trunk?: string;
  readonly route: Route;
}

export interface CallEvents {
  /** `record`: of a call that has ended. */
  changed: {
    readonly call: Call;
    readonly what: TimelineChange | 'appeared' | 'ended';
    readonly record?: CallRecord;
  };
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
    const { config, services } = this.#options;
    const pbx = config.current(invite.identity.pbx);
    if (!pbx) {
      invite.reject(404);
      return;
    }
    const decision = decide(pbx, invite);
    const call = this.#begin(pbx, invite, decision);
    const refused = this.#refusal(pbx, decision);
    const release =
      decision.employee === undefined ? () => undefined : services.occupancy.occupy(pbx.id, decision.employee);
    void this.#see(call, decision, refused).finally(release);
  }

  /** Ends a call by command. False: there is no such call. */
  hangup(pbx: string, id: string): boolean {
    const call = this.live.get(id);
    if (call?.pbx.id !== pbx) return false;
    void call.callee?.hangup();
    call.finish({ by: 'engine', reason: 'userCommand' });
    return true;
  }

  /** Ends all calls. Resolves when their records have been handed over. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const call of this.live.all()) {
      void call.callee?.hangup();
      call.finish({ by: 'engine', reason: 'shutdown' });
    }
    await this.live.drained();
  }

  #begin(pbx: PbxVersion, invite: IncomingInvite, decision: Decision): Call {
    const { random, services, log, node } = this.#options;
    const id = random.uuid();
    const call = new Call({
      invite,
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
      },
      shown: shownToEmployees(pbx, invite, decision),
      log: log.child({ call: id, pbx: pbx.id }),
    });
    this.live.add(call);
    call.timeline.changes.on('changed', (what) => this.#tell({ call, what }));
    this.#tell({ call, what: 'appeared' });
    call.log.info(
      { from: decision.from, to: decision.dialled, by: identityText(invite.identity), sipCallId: invite.id },
      'call arrived',
    );
    return call;
  }

  /** Limits, before anything is done for the call. It is among the live ones already. */
  #refusal(pbx: PbxVersion, decision: Decision): EndReason | undefined {
    if (this.#stopping) return 'shutdown';
    const { maxCalls } = pbx.document.pbx;
    if (maxCalls > 0 && this.live.count(pbx.id) > maxCalls) return 'tooManyCalls';
    const lines = decision.trunk === undefined ? 0 : (pbx.trunk(decision.trunk)?.lines ?? 0);
    if (lines > 0) {
      const onTrunk = this.live
        .of(pbx.id)
        .filter(
          ({ caller }) => caller.invite.identity.kind === 'trunk' && caller.invite.identity.trunk === decision.trunk,
        );
      // 486, as §5.3.1.1 says of a trunk whose lines are all taken.
      if (onTrunk.length > lines) return 'busy';
    }
    return undefined;
  }

  async #see(call: Call, decision: Decision, refused: EndReason | undefined): Promise<void> {
    let reason: EndReason = refused ?? 'lost';
    try {
      if (refused === undefined) reason = await this.#route(call, decision.route);
    } catch (error) {
      call.log.error({ err: error }, `call failed: ${errorText(error)}`);
    }
    call.finish({ by: 'engine', reason });
    const end = await call.ended;
    await call.conversation;
    const record = call.timeline.record(end);
    this.ended[record.outcome] = (this.ended[record.outcome] ?? 0) + 1;
    this.#tell({ call, what: 'ended', record });
    call.log.info(
      { outcome: record.outcome, reason: end.reason, by: end.by, wait: record.wait, talk: record.talk },
      'call ended',
    );
    await this.#options.history(record);
    this.live.remove(call);
  }

  /** What goes wrong for those who watch a call is no business of the call. */
  #tell(event: CallEvents['changed']): void {
    try {
      this.events.emit('changed', event);
    } catch (error) {
      event.call.log.error({ err: error }, 'listener of calls failed');
    }
  }

  #route(call: Call, route: Route): Promise<EndReason> | EndReason {
    switch (route.to) {
      case 'nobody':
        return route.reason;
      case 'scheme':
        return runSchemeOf(call, route.scheme);
      case 'extension':
        return callExtension(call, route.extension);
    }
  }
}

function decide(pbx: PbxVersion, invite: IncomingInvite): Decision {
  const { identity } = invite;
  const { country } = pbx.document.pbx;
  if (identity.kind === 'account') return decideInternal(pbx, invite, identity.employee, country);

  const hidden = invite.anonymous;
  const caller = invite.asserted ?? invite.from;
  const from = hidden ? '' : (normalizePhone(caller.user, country) ?? `${caller.user}@${caller.host}`);
  const numbers =
    identity.kind === 'passive'
      ? [identity.number]
      : [invite.requestUser, invite.to.user].map((user) => normalizePhone(user, country) ?? user);
  const line = numbers.map((number) => pbx.line(number)).find((one) => one !== undefined);
  const scheme = line?.entry?.scheme;
  return {
    direction: 'in',
    from,
    display: hidden ? '' : caller.display,
    dialled: invite.requestUser,
    ...(line === undefined ? {} : { line: line.number }),
    ...(identity.kind === 'trunk' ? { trunk: identity.trunk } : {}),
    route: scheme === undefined ? { to: 'nobody', reason: 'doesNotExist' } : { to: 'scheme', scheme },
  };
}

/** An employee's phone calls: an extension, the name of an account, or a number. */
function decideInternal(pbx: PbxVersion, invite: IncomingInvite, id: string, country: string): Decision {
  const employee = pbx.employee(id);
  const dialled = invite.requestUser;
  const base = {
    direction: 'internal',
    from: employee?.extension ?? invite.from.user,
    display: employee?.name ?? '',
    employee: id,
    dialled,
  } as const;
  if (pbx.extension(dialled)) return { ...base, route: { to: 'extension', extension: dialled } };

  const called = pbx.account(dialled, invite.requestHost)?.employee.extension;
  if (called !== undefined) return { ...base, route: { to: 'extension', extension: called } };

  const number = normalizePhone(dialled, country);
  if (number === undefined) return { ...base, route: { to: 'nobody', reason: 'doesNotExist' } };
  // A number of the PBX itself never leaves it: the call is handled as if it had come in.
  const line = pbx.line(number);
  if (line?.entry?.scheme !== undefined) {
    return { ...base, line: number, route: { to: 'scheme', scheme: line.entry.scheme } };
  }
  // Outgoing routes are not built yet; without an outgoing number he may not call out at all (§4.4.6.1).
  const barred = employee?.outgoing.callerId == null;
  return {
    ...base,
    direction: 'out',
    route: { to: 'nobody', reason: barred ? 'directionBarred' : 'serviceUnavailable' },
  };
}

/** `showOnIncoming` for SIP phones: the caller, or the line that he called. */
function shownToEmployees(
  pbx: PbxVersion,
  invite: IncomingInvite,
  { from, display, line, direction }: Decision,
): Party {
  const [domain = ''] = pbx.document.pbx.domains;
  if (pbx.document.pbx.showOnIncoming === 'line' && direction === 'in' && line !== undefined) {
    return { user: line, host: domain, display: '' };
  }
  if (from === '') return { user: 'anonymous', host: 'anonymous.invalid', display: 'Anonymous' };
  const at = from.lastIndexOf('@');
  if (at > 0) return { user: from.slice(0, at), host: from.slice(at + 1), display };
  return { user: from, host: direction === 'in' ? invite.from.host || domain : domain, display };
}
