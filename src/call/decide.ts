import { compileDigitMask } from '../config/digit-mask.ts';
import type { Target, Trunk } from '../config/document.ts';
import { isOperatorLine } from '../config/operator-line.ts';
import { normalizePhone } from '../config/phone.ts';
import type { Line, PbxVersion } from '../config/version.ts';
import type { CallerIdChoice } from '../dial/outgoing/caller-id.ts';
import type { Dialler } from '../dial/outgoing/permission.ts';
import { parsePostDial } from '../dial/outgoing/post-dial.ts';
import type { Way } from '../dial/outgoing/ways.ts';
import type { EndReason } from '../end-reason.ts';
import type { CallDirection, TechnicalEnd } from '../history/record.ts';
import type { TraceEntry } from '../scheme/actors.ts';
import type { IncomingInvite } from '../sip/port.ts';
import { byTrunkPlan, type Outgoing, toNetwork, toShortNumber, transit } from './decide-outgoing.ts';
import { type DialledStatus, mailboxDialled, statusDialled } from './feature-codes.ts';

/** What the decisions are made from: the INVITE, as far as the guard vouches for it. */
export type InviteFacts = Pick<
  IncomingInvite,
  'identity' | 'from' | 'to' | 'asserted' | 'anonymous' | 'requestUser' | 'requestHost'
>;

/** Where the call goes. */
export type Route =
  | { readonly to: 'scheme'; readonly scheme: string }
  /** As a scheme of that one step would send it, so that an employee's default action (§4.4.3) is the same. `by` names that scheme. */
  | { readonly to: 'target'; readonly target: Target; readonly by: string }
  /** An employee has dialled a code that sets his status. */
  | { readonly to: 'status'; readonly employee: string; readonly status: DialledStatus }
  /** An employee listens to voice messages: to his own, or to those of whom he proves to be by a PIN. */
  | { readonly to: 'mailbox'; readonly employee: string | undefined }
  /** Out of the PBX, by the first of these ways that is up. */
  | {
      readonly to: 'outside';
      readonly ways: readonly Way[];
      /** What is dialled by tones when it has answered (§4.5.7). */
      readonly postDial?: string;
    }
  | {
      readonly to: 'nobody';
      readonly reason: EndReason;
      readonly technical?: TechnicalEnd;
      /** Heard before the refusal by those who can hear before an answer. */
      readonly announcement?: string;
    };

export interface Decision {
  readonly direction: CallDirection;
  /** The caller: a number in international format, an extension, or a SIP address; empty when hidden. */
  readonly from: string;
  readonly display: string;
  /** Who calls, if he is one of ours. */
  readonly employee?: string;
  /** Our number that was called. */
  readonly line?: string;
  readonly dialled: string;
  /** The trunk that the call came in through. */
  readonly trunk?: string;
  /** Which of our numbers is shown where the call, or a part of it, leaves the PBX. */
  readonly callerId: CallerIdChoice;
  readonly route: Route;
  /** What was decided, in order, each with its reason. */
  readonly path: readonly TraceEntry[];
}

/**
 * What becomes of a call that arrives (2-call-behaviour §1): number, screening, forwarding by the caller's number, scheme; the first that says where
 * the call goes wins. Pure: the same PBX and the same facts decide the same, in a call, a simulation and a replay. Limits (lines, `maxCalls`) are not
 * decided here, they depend on the calls that there are.
 */
export function decide(pbx: PbxVersion, facts: InviteFacts): Decision {
  const { identity } = facts;
  return identity.kind === 'account' ? decideInternal(pbx, facts, identity.employee) : decideExternal(pbx, facts);
}

/** Who calls from outside. */
interface Caller {
  /** As in `Decision.from`; empty when hidden. */
  readonly shown: string;
  /** What masks of numbers are compared with: his number, or the name of his SIP address where that is none. */
  readonly number: string;
  /** What masks with `@` are compared with. */
  readonly address: string;
}

function decideExternal(pbx: PbxVersion, facts: InviteFacts): Decision {
  const { identity, anonymous, requestUser } = facts;
  const { country } = pbx.document.pbx;
  const { user, host, display } = facts.asserted ?? facts.from;
  const hidden = anonymous || noNumber.test(user);
  const phone = normalizePhone(user, country);
  const caller: Caller | undefined = hidden
    ? undefined
    : { shown: phone ?? `${user}@${host}`, number: phone ?? user, address: `${user}@${host}` };

  const line = lineCalled(pbx, facts);
  const base = {
    direction: 'in',
    from: caller?.shown ?? '',
    display: hidden ? '' : display,
    dialled: requestUser,
    ...(line === undefined ? {} : { line: line.number }),
    ...(identity.kind === 'trunk' ? { trunk: identity.trunk } : {}),
    callerId: { callerId: line?.number ?? null, autoCallerId: false },
  } as const;

  if (!line) {
    const trunk = identity.kind === 'trunk' ? pbx.trunk(identity.trunk) : undefined;
    return (
      (trunk && decidePeers(pbx, facts, trunk, base)) ?? { ...base, ...unknown(requestUser, 'no number of this PBX') }
    );
  }
  const number = entry('number', 'rule', { number: line.number }, 'the number that was called');

  const refusal = screen(pbx, caller);
  if (refusal?.route) return { ...base, route: refusal.route, path: [number, refusal.entry] };
  const screening = refusal ? [refusal.entry] : [];

  const forwarding = forward(pbx, caller, identity.kind === 'trunk');
  if (forwarding?.route) return { ...base, route: forwarding.route, path: [number, ...screening, forwarding.entry] };
  const path = [number, ...screening, ...(forwarding ? [forwarding.entry] : [])];

  // Here the responsible employee of the caller would be asked for (2-call-behaviour §1, step 4); there is no address book that names one.

  const scheme = line.entry?.scheme;
  if (scheme === undefined) return { ...base, ...unknown(line.number, 'the number has no scheme', path) };
  const chosen = entry(scheme, 'scheme', { scheme }, `the scheme of ${line.number}`);
  return { ...base, route: { to: 'scheme', scheme }, path: [...path, chosen] };
}

/**
 * Our number that was called: the one that the Request-URI names, or the To header; of a trunk whose peer names no number at all, its only one. What comes
 * through an operator's account is for its number, however the operator writes that.
 */
function lineCalled(pbx: PbxVersion, { identity, requestUser, to }: InviteFacts): Line | undefined {
  if (identity.kind === 'passive') return pbx.line(identity.number);
  const trunk = identity.kind === 'trunk' ? pbx.trunk(identity.trunk) : undefined;
  if (trunk && isOperatorLine(trunk)) return pbx.line(trunk.ownNumber);
  // The name of the account that we registered stands for no number, whatever it looks like.
  const users = [requestUser, to.user].filter((user) => !(trunk?.register && user === trunk.auth?.user));
  for (const user of users) {
    const line = pbx.line(normalizePhone(user, pbx.document.pbx.country) ?? user);
    if (line) return line;
  }
  if (!trunk || users.some((user) => startsWithDigit.test(user))) return undefined;
  const [own, another] = [...pbx.lines()].filter((line) => line.trunk?.id === trunk.id && takesCalls(line));
  return another ? undefined : own;
}

/** An extension, or a number: a caller who asks for one that we have not gets no other. */
const startsWithDigit = /^\+?\d/;

const takesCalls = ({ number, trunk }: Line): boolean =>
  trunk?.numbers.find((one) => one.number === number)?.incoming !== false;

/** Whether the call is for a number that nobody has: what else could be decided of it does not matter. */
export const isForNobody = ({ route, line }: Decision): boolean =>
  route.to === 'nobody' && route.reason === 'doesNotExist' && line === undefined;

/** What operators and gateways write for a caller whose number they do not know. */
const noNumber = /^(?:unknown|unavailable|restricted)?$/i;

interface Verdict {
  /** Undefined: the call goes on to the next decision. */
  readonly route?: Route;
  readonly entry: TraceEntry;
}

/** §4.4.5. Undefined: it is switched off. */
function screen(pbx: PbxVersion, caller: Caller | undefined): Verdict | undefined {
  const { screening } = pbx.document;
  const { mode, acceptHidden } = screening;
  if (mode === 'off') return undefined;
  const refused = (reason: EndReason, why: string, detail: TraceEntry['detail'] = {}): Verdict => ({
    route: { to: 'nobody', reason, technical: 'blacklist' },
    entry: entry('screening', 'hangup', { ...detail, reason }, why),
  });
  const passed = (why: string, detail: TraceEntry['detail'] = {}): Verdict => ({
    entry: entry('screening', 'rule', detail, why),
  });

  if (!caller) {
    return acceptHidden
      ? passed('callers without a number are accepted')
      : refused('callerBarred', 'callers without a number are not accepted');
  }
  const { entries } = screening;
  const asked = questions(
    screening,
    entries.map(({ number }) => number),
  );
  const hit = asked.findIndex((matches) => matches(caller));
  const found = entries[hit];
  if (mode === 'blacklist') {
    if (!found) return passed('not in the blacklist');
    return refused('blacklisted', `blacklist entry ${hit + 1}`, { entry: found.number });
  }
  if (!found) return refused('notWhitelisted', 'not in the whitelist');
  return passed(`whitelist entry ${hit + 1}`, { entry: found.number });
}

/** §4.4.4. Undefined: there is no rule. */
function forward(pbx: PbxVersion, caller: Caller | undefined, throughTrunk: boolean): Verdict | undefined {
  const rules = pbx.document.forwarding;
  if (!rules.some(({ enabled }) => enabled)) return undefined;
  if (!caller) return { entry: entry('forwarding', 'rule', {}, 'a caller without a number falls under no rule') };
  const asked = questions(
    rules,
    rules.map(({ from }) => from),
  );
  const hit = rules.findIndex(
    ({ enabled, type }, index) => enabled && (type !== 'trunk' || throughTrunk) && asked[index]?.(caller) === true,
  );
  const rule = rules[hit];
  if (!rule) return { entry: entry('forwarding', 'rule', {}, 'the caller falls under no rule') };
  const detail = { from: rule.from, ...rule.to };
  return {
    route: { to: 'target', target: rule.to, by: `forwarding-${hit + 1}` },
    entry: entry('forwarding', 'rule', detail, `forwarding rule ${hit + 1}`),
  };
}

type Question = (caller: Caller) => boolean;

const compiled = new WeakMap<object, readonly Question[]>();

/**
 * The masks of a list, each as a question to a caller, in the order of the list. Compiled for the first call: lists may be long.
 * @param of whose list it is
 */
function questions(of: object, masks: readonly string[]): readonly Question[] {
  const known = compiled.get(of);
  if (known) return known;
  const made = masks.map((mask): Question => {
    const matches = compileDigitMask(mask);
    return mask.includes('@') ? ({ address }) => matches(address) : ({ number }) => matches(number);
  });
  compiled.set(of, made);
  return made;
}

/** An employee's phone calls: an extension, the name of an account, or a number. Screening and forwarding are for callers from outside. */
function decideInternal(pbx: PbxVersion, facts: InviteFacts, id: string): Decision {
  const employee = pbx.employee(id);
  const dialled = facts.requestUser;
  const base = {
    direction: 'internal',
    from: employee?.extension ?? facts.from.user,
    display: employee?.name ?? '',
    employee: id,
    dialled,
    callerId: employee?.outgoing ?? { callerId: null, autoCallerId: false },
  } as const;
  const status = statusDialled(dialled);
  if (status) {
    const path = [entry('number', 'rule', { code: dialled, status }, 'a code that sets the status of who dials it')];
    return { ...base, route: { to: 'status', employee: id, status }, path };
  }
  const mailbox = mailboxDialled(dialled);
  if (mailbox) {
    const path = [entry('number', 'rule', { code: dialled }, 'a code that opens a mailbox')];
    return { ...base, route: { to: 'mailbox', employee: mailbox === 'own' ? id : undefined }, path };
  }
  return routeDialled(pbx, base, { dialled, host: facts.requestHost, dialler: employee });
}

/**
 * Where somebody's call goes by what he has dialled: an extension, the name of an account, a number with digits to be dialled behind it.
 * @param base what is known of the call already
 */
export function routeDialled(
  pbx: PbxVersion,
  base: Omit<Decision, 'route' | 'path'>,
  how: { readonly dialled: string; readonly host: string; readonly dialler: Dialler | undefined },
): Decision {
  const { dialled, host, dialler } = how;
  const called = pbx.extension(dialled)
    ? { extension: dialled, why: 'the extension that was dialled' }
    : accountCalled(pbx, dialled, host);
  if (called) {
    const { extension, why } = called;
    const route: Route = { to: 'target', target: { extension }, by: `extension-${extension}` };
    return { ...base, route, path: [entry('number', 'rule', { extension }, why)] };
  }

  if (!dialler) return { ...base, ...unknown(dialled, 'nobody has this number') };
  const { number: first, postDial } = parsePostDial(dialled);
  const planned = byTrunkPlan(pbx, first, dialler);
  if (planned) return outside(base, planned, postDial);
  const number = normalizePhone(first, pbx.document.pbx.country);
  if (number === undefined) {
    const short = toShortNumber(pbx, first, dialler);
    return short ? outside(base, short, postDial) : { ...base, ...unknown(dialled, 'nobody has this number') };
  }
  // A number of the PBX itself never leaves it: the call is handled as if it had come in.
  const scheme = pbx.line(number)?.entry?.scheme;
  if (scheme !== undefined) {
    const path = [
      entry('number', 'rule', { number }, 'a number of this PBX'),
      entry(scheme, 'scheme', { scheme }, `the scheme of ${number}`),
    ];
    return { ...base, line: number, route: { to: 'scheme', scheme }, path };
  }
  return outside(base, toNetwork(pbx, number, dialler), postDial);
}

/**
 * What a trunk's peer calls that is no number of ours: an extension (§5.6 example 1), or a number of the telephone network (§5.3.1.3). An operator, whose
 * trunk leads to that network, has no business with extensions.
 */
function decidePeers(
  pbx: PbxVersion,
  facts: InviteFacts,
  trunk: Trunk,
  base: Omit<Decision, 'route' | 'path'>,
): Decision | undefined {
  const { requestUser } = facts;
  if (pbx.extension(requestUser) && !trunk.pstn) {
    const route: Route = { to: 'target', target: { extension: requestUser }, by: `extension-${requestUser}` };
    const path = [
      entry('number', 'rule', { extension: requestUser }, `an extension, dialled by the peer of trunk ${trunk.id}`),
    ];
    return { ...base, route, path };
  }
  const number = normalizePhone(requestUser, pbx.document.pbx.country);
  if (number === undefined || !trunk.toPstn) return undefined;
  return outside({ ...base, direction: 'out' }, transit(pbx, number, facts.asserted ?? facts.from, trunk));
}

function outside(base: Omit<Decision, 'route' | 'path'>, outgoing: Outgoing, postDial?: string): Decision {
  const { path } = outgoing;
  if (outgoing.outcome === 'refused') {
    const { reason, announcement } = outgoing;
    return { ...base, direction: 'out', route: { to: 'nobody', reason, announcement }, path };
  }
  const { ways, shown } = outgoing;
  const callerId = shown === undefined ? base.callerId : { callerId: shown, autoCallerId: false };
  return {
    ...base,
    direction: 'out',
    callerId,
    route: { to: 'outside', ways, ...(postDial === undefined ? {} : { postDial }) },
    path,
  };
}

function accountCalled(pbx: PbxVersion, user: string, host: string): { extension: string; why: string } | undefined {
  const extension = pbx.account(user, host)?.employee.extension;
  return extension === undefined ? undefined : { extension, why: 'the extension of the account that was dialled' };
}

const unknown = (number: string, why: string, before: readonly TraceEntry[] = []) => ({
  route: { to: 'nobody', reason: 'doesNotExist' } as const,
  path: [...before, entry('number', 'hangup', { number, reason: 'doesNotExist' }, why)],
});

const entry = (
  state: string,
  event: TraceEntry['event'],
  detail: NonNullable<TraceEntry['detail']>,
  why: string,
): TraceEntry => ({ state, event, detail, why });
