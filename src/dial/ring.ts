import type { EndReason } from '../end-reason.ts';
import {
  type CodecName,
  type DtmfMode,
  type Endpoint,
  type EndpointOptions,
  MediaError,
  type MediaServer,
} from '../media/port.ts';
import {
  type HeaderFields,
  InviteFailure,
  type OutgoingInvite,
  type OutgoingInviteRequest,
  type Party,
  type Reason,
  reasons,
  type SipServer,
  type SipTarget,
} from '../sip/port.ts';
import type { Clock } from '../time/clock.ts';
import type { Attempt } from './attempt.ts';
import { Leg } from './leg.ts';
import type { CallerIdChoice } from './outgoing/caller-id.ts';
import { type LimitedRequest, type LimitReached, limitReasons, type OutgoingLimits } from './outgoing/limits.ts';
import { within } from './within.ts';

/** One address to ring: a phone that is registered, a trunk, a SIP address. */
export interface Destination {
  readonly target: SipTarget;
  readonly to?: Party;
  readonly auth?: { readonly user: string; readonly password: string };
  readonly codecs?: readonly CodecName[];
  readonly dtmf?: DtmfMode;
  readonly srtp?: EndpointOptions['srtp'];
  readonly webrtc?: EndpointOptions['webrtc'];
  /** Set where it is an ordinary phone behind a trunk, which may be shown another number than a SIP phone (`showOnIncoming`). */
  readonly trunk?: TrunkOfDestination;
  /** The number of ours that it is shown, instead of the one that the call shows to ordinary phones. */
  readonly shown?: string;
  /** Rung in its place when it cannot be reached: it has no line free, or says nothing, or cannot take the call, before it has rung. */
  readonly otherwise?: Destination;
}

export interface TrunkOfDestination {
  /** Of the From; unset: our own address. */
  readonly domain: string | undefined;
  /** Whether keys that are pressed behind it may be commands. */
  readonly dtmfCommands: boolean;
  /** Of the From, where the operator lets only the name of our account stand there: the number goes into P-Asserted-Identity. */
  readonly account?: string;
  /** Of an internal trunk: calls the other PBX without SIP on the wire. */
  readonly invite?: (request: OutgoingInviteRequest) => OutgoingInvite;
  /**
   * Counts the call, where it goes to the telephone network. Asked once for a destination, whatever stands in for it.
   * @param employee in whose name it is made
   * @param exhausted it is to be ended
   */
  readonly begin?: (
    employee: string | undefined,
    exhausted: LimitedRequest['exhausted'],
  ) => ReturnType<OutgoingLimits['begin']>;
  readonly takeLine: () => Promise<(() => void) | undefined>;
  readonly probe: () => Promise<boolean>;
  readonly reached: () => void;
  readonly unreachable: (why: string) => void;
}

export type RingResult =
  | {
      readonly outcome: 'answered';
      readonly leg: Leg;
      /** Of the attempt that was answered: to be told how it goes on. */
      readonly attempt?: Attempt;
      /** Set where he is behind a trunk whose keys are no commands (`dtmfCommands`). */
      readonly dtmfCommands?: false;
    }
  | {
      readonly outcome: 'failed';
      readonly reason: EndReason;
      /** One device spoke for the whole person (600, 603: RFC 3261 §21.6): his others are not to be tried. */
      readonly everywhere?: true;
      /** It did not come to ringing, and that is no word of the callee's: another way to him may be tried. */
      readonly unreached?: true;
      /** His phone sends callers there (3xx), and speaks for him with that. Only where `followsRedirects` was asked for. */
      readonly redirect?: Party;
      /** It was not made because of this. */
      readonly limit?: LimitReached;
    };

/** Why ringing is broken off: the `reason` of the abort signal, told to the phones (RFC 3326) so that they know whether they missed a call. */
export class RingStopped extends Error {
  readonly sip: Reason;
  readonly endReason: EndReason;
  constructor(sip: Reason, endReason: EndReason) {
    super(sip.text);
    this.name = 'RingStopped';
    this.sip = sip;
    this.endReason = endReason;
  }
}

export const stopped = {
  elsewhere: () => new RingStopped(reasons.completedElsewhere, 'pickedUp'),
  noAnswer: () => new RingStopped(reasons.noAnswer, 'noAnswer'),
} as const;

/** Why a signal that stops ringing was aborted; a signal that does not say: the caller is gone. */
export const stopOf = (signal: AbortSignal): RingStopped =>
  signal.reason instanceof RingStopped ? signal.reason : new RingStopped(reasons.callerGone, 'callerHungUp');

export interface RingContext {
  readonly sip: Pick<SipServer, 'invite'>;
  readonly media: MediaServer;
  readonly clock: Clock;
  readonly callId: string;
  /** Whom the phones show. */
  readonly from: Party;
  /** Whom ordinary phones show; default: the same. */
  readonly fromOrdinary?: Party;
  /** Which of our numbers a number outside is shown, and by which its way out is chosen. */
  readonly callerId: CallerIdChoice;
  /** In whose name calls to the outside are made: whose limits count beside those of the PBX. */
  readonly employee?: string;
  /** Whoever rings goes where a phone of ours sends callers. Else such a phone has refused the call. */
  readonly followsRedirects?: boolean;
  /** Of every INVITE. */
  readonly headers?: HeaderFields;
  /** Of INVITEs through trunks, beside those. */
  readonly trunkHeaders?: HeaderFields;
  /** An INVITE is on its way. May be called often. */
  readonly onCalling?: () => void;
  /** Somewhere it rings (any 18x). May be called often. */
  readonly onRinging: () => void;
  /**
   * The far end can be heard before it answers: an operator's ring-back, “this number is not in service”. Only where one alone is rung. Then this is
   * called instead of `onRinging`, once; what follows the first early media (of another fork) is not heard.
   */
  readonly onEarlyMedia?: (endpoint: Endpoint) => void;
}

/**
 * Rings one address until it answers, refuses, or the signal is aborted; one that cannot be reached is followed by the one that stands in for it. A call to
 * the telephone network counts for the limits of who makes it, until its end. Never rejects for the network's sake.
 */
export async function ringOne(
  context: RingContext,
  destination: Destination,
  signal: AbortSignal,
): Promise<RingResult> {
  const { trunk } = destination;
  if (!trunk?.begin || signal.aborted) return ringOrOtherwise(context, destination, signal);
  let leg: Leg | undefined;
  const counted = await trunk.begin(context.employee, ({ limit }) => leg?.cut(limitReasons[limit]));
  if ('reached' in counted) {
    const { reached } = counted;
    return { outcome: 'failed', reason: limitReasons[reached.limit], limit: reached };
  }
  try {
    const result = await ringOrOtherwise(context, destination, signal);
    if (result.outcome === 'answered') leg = result.leg;
    return result;
  } finally {
    if (leg) {
      counted.answered();
      leg.on('ended', () => counted.over());
    } else counted.over();
  }
}

async function ringOrOtherwise(
  context: RingContext,
  destination: Destination,
  signal: AbortSignal,
): Promise<RingResult> {
  const result = await ringOverLine(context, destination, signal);
  const { otherwise } = destination;
  const goesOn = result.outcome === 'failed' && result.unreached && otherwise && !signal.aborted;
  return goesOn ? ringOrOtherwise(context, otherwise, signal) : result;
}

/** With a line of its trunk, where it is behind one, which is given back when nothing came of it, or at the end of the leg. */
async function ringOverLine(context: RingContext, destination: Destination, signal: AbortSignal): Promise<RingResult> {
  if (signal.aborted) return { outcome: 'failed', reason: stopOf(signal).endReason };
  const { trunk } = destination;
  if (!trunk) return ringAddress(context, destination, signal);
  const giveBack = await trunk.takeLine();
  if (!giveBack) return { outcome: 'failed', reason: 'tooManyCalls', unreached: true };
  let result: RingResult | undefined;
  try {
    result = await ringAddress(context, destination, signal);
    return result.outcome === 'answered' && !trunk.dtmfCommands ? { ...result, dtmfCommands: false } : result;
  } finally {
    if (result?.outcome === 'answered') result.leg.on('ended', giveBack);
    else giveBack();
  }
}

/** How long an INVITE may be without a ringing before the peer is asked whether it is there at all, where there is another way. */
const SILENCE_MS = 400;

async function ringAddress(context: RingContext, destination: Destination, signal: AbortSignal): Promise<RingResult> {
  const { clock } = context;
  if (signal.aborted) return { outcome: 'failed', reason: stopOf(signal).endReason };
  let endpoint: Endpoint;
  try {
    endpoint = await context.media.createEndpoint({
      callId: context.callId,
      ...(destination.codecs === undefined ? {} : { codecs: destination.codecs }),
      ...(destination.dtmf === undefined ? {} : { dtmf: destination.dtmf }),
      ...(destination.srtp === undefined ? {} : { srtp: destination.srtp }),
      ...(destination.webrtc === undefined ? {} : { webrtc: destination.webrtc }),
      ...(destination.trunk?.invite === undefined ? {} : { internal: true }),
    });
  } catch (error) {
    if (!(error instanceof MediaError)) throw error;
    return { outcome: 'failed', reason: error.code === 'no-common-codec' ? 'mediaIncompatible' : 'serviceUnavailable' };
  }
  if (signal.aborted) {
    await endpoint.destroy();
    return { outcome: 'failed', reason: stopOf(signal).endReason };
  }

  const { trunk } = destination;
  const request = { ...requestOf(context, destination), sdp: endpoint.localSdp };
  const invite = trunk?.invite?.(request) ?? context.sip.invite(request);
  context.onCalling?.();
  let rang = false;
  let unreachable = false;
  const { onEarlyMedia } = context;
  let early: Promise<unknown> | undefined;
  const offRinging = invite.on('provisional', ({ status, sdp }) => {
    if (status <= 100) return;
    rang = true;
    if (sdp === undefined || !onEarlyMedia) return early ? undefined : context.onRinging();
    early ??= endpoint.negotiate(sdp).then(
      () => onEarlyMedia(endpoint),
      // No codec in common: the answer will say so, and until then he hears that it rings.
      () => context.onRinging(),
    );
  });
  const onAbort = () => invite.cancel(stopOf(signal).sip);
  signal.addEventListener('abort', onAbort, { once: true });
  const doubt = async () => {
    if (rang || (await trunk?.probe()) || rang || signal.aborted) return;
    unreachable = true;
    invite.cancel();
  };
  const silence = trunk && destination.otherwise && clock.setTimeout(() => void doubt(), SILENCE_MS);
  try {
    const { dialog, sdp } = await invite.answered;
    trunk?.reached();
    try {
      await early;
      await endpoint.negotiate(sdp);
    } catch (error) {
      await Promise.all([dialog.bye({ protocol: 'SIP', cause: 488, text: 'Not Acceptable Here' }), endpoint.destroy()]);
      if (error instanceof MediaError) return { outcome: 'failed', reason: 'mediaIncompatible' };
      throw error;
    }
    const leg = new Leg(dialog, endpoint, { isPhone: !trunk && destination.target.edge !== undefined });
    if (!signal.aborted) return { outcome: 'answered', leg };
    // Answered in the very moment in which another did, or the caller left.
    await leg.hangup(stopOf(signal).sip);
    return { outcome: 'failed', reason: stopOf(signal).endReason };
  } catch (error) {
    await endpoint.destroy();
    if (signal.aborted) return { outcome: 'failed', reason: stopOf(signal).endReason };
    if (!(error instanceof InviteFailure)) throw error;
    const noPeer = unreachable || error.cause === 'timeout' || error.cause === 'transport';
    if (noPeer) trunk?.unreachable(unreachable ? 'no response' : error.reason);
    else trunk?.reached();
    const reason = unreachable ? 'networkFailure' : reasonOf(error);
    const redirect = !trunk && context.followsRedirects ? error.redirect : undefined;
    return {
      outcome: 'failed',
      reason,
      ...(redirect === undefined ? {} : { redirect }),
      ...(error.status === 600 || error.status === 603 || redirect ? { everywhere: true } : {}),
      ...(!rang && (noPeer || failedThere(error.status)) ? { unreached: true } : {}),
    };
  } finally {
    clock.clearTimeout(silence);
    signal.removeEventListener('abort', onAbort);
    offRinging();
  }
}

/**
 * The peer failed, not the callee (2-call-behaviour §7): it says so, it does not take our codecs (415, 488), or it sends us elsewhere (3xx). A trunk has its
 * configured address, and its backups: where a peer would have our calls is not followed, because nobody here has agreed to what that costs.
 */
const failedThere = (status: number): boolean =>
  status === 408 || status === 415 || status === 488 || isRedirection(status) || (status >= 500 && status < 600);

const isRedirection = (status: number): boolean => status >= 300 && status < 400;

function requestOf(context: RingContext, destination: Destination): Omit<OutgoingInviteRequest, 'sdp'> {
  const { target, to, auth, trunk } = destination;
  const more = {
    target,
    ...(to === undefined ? {} : { to }),
    ...(auth === undefined ? {} : { auth }),
  };
  if (!trunk)
    return { ...more, from: context.from, ...(context.headers === undefined ? {} : { headers: context.headers }) };
  // Another PBX of ours is no ordinary phone: it sees who calls, as our own phones do (§5.6 example 8).
  const shown = trunk.invite ? context.from : (context.fromOrdinary ?? context.from);
  const headers = { ...context.headers, ...context.trunkHeaders };
  const { callerId } = context.callerId;
  // RFC 3325: a caller who is not shown is still known to those who are trusted to keep it to themselves.
  if (shown.user === 'anonymous') {
    return {
      ...more,
      from: shown,
      headers: { ...headers, Privacy: 'id' },
      ...(callerId == null ? {} : { asserted: { user: callerId, host: trunk.domain ?? '', display: '' } }),
    };
  }
  const asserted = { user: destination.shown ?? shown.user, host: trunk.domain ?? '', display: shown.display };
  return { ...more, from: { ...asserted, user: trunk.account ?? asserted.user }, asserted, headers };
}

/**
 * Makes several attempts at once; the first that is answered wins, the others are broken off as answered elsewhere. A phone that speaks for the
 * whole person (600, 603: RFC 3261 §21.6) ends them all when they are devices of one.
 */
export async function ringFirst(
  attempts: readonly ((signal: AbortSignal) => Promise<RingResult>)[],
  signal: AbortSignal,
  options: { readonly onePerson?: boolean } = {},
): Promise<RingResult> {
  const only = attempts[0];
  if (!only) return { outcome: 'failed', reason: 'unavailable' };
  if (attempts.length === 1) return only(signal);

  let winner: Extract<RingResult, { outcome: 'answered' }> | undefined;
  const failures: Extract<RingResult, { outcome: 'failed' }>[] = [];
  await within(signal, (losers) =>
    Promise.all(
      attempts.map(async (attempt) => {
        const result = await attempt(losers.signal);
        if (result.outcome === 'answered') {
          if (winner) {
            result.attempt?.over('elsewhere', 'pickedUp');
            return result.leg.hangup(reasons.completedElsewhere);
          }
          winner = result;
          losers.abort(stopped.elsewhere());
          return;
        }
        failures.push(result);
        if (options.onePerson && result.everywhere && !losers.signal.aborted) {
          losers.abort(new RingStopped({ protocol: 'SIP', cause: 603, text: 'Declined elsewhere' }, result.reason));
        }
      }),
    ),
  );
  if (winner) return winner;
  const reason = gravest(failures.map((failure) => failure.reason));
  const everywhere = options.onePerson && failures.some((failure) => failure.everywhere);
  const redirect = failures.find((failure) => failure.redirect)?.redirect;
  return { outcome: 'failed', reason, ...(everywhere ? { everywhere } : {}), ...(redirect ? { redirect } : {}) };
}

/**
 * Breaks an attempt off after `ms` (0: never), which then counts as not answered.
 *
 * @param attempt may call `hold` when somebody has answered who is not reached yet: the limit waits for him, until the function that it returns says that
 * nothing came of it
 */
export async function ringFor(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  attempt: (signal: AbortSignal, hold: () => () => void) => Promise<RingResult>,
): Promise<RingResult> {
  if (ms <= 0) return attempt(signal, () => () => undefined);
  return within(signal, async (limit) => {
    const end = () => limit.abort(stopped.noAnswer());
    let held = 0;
    let due = false;
    const hold = () => {
      held++;
      return () => {
        if (--held === 0 && due) end();
      };
    };
    const timer = clock.setTimeout(() => {
      due = true;
      if (held === 0) end();
    }, ms);
    try {
      return await attempt(limit.signal, hold);
    } finally {
      clock.clearTimeout(timer);
    }
  });
}

/** What several failures together mean: the one that says most about the person beats the ones that are about a device. */
const byWeight: readonly EndReason[] = [
  'declined',
  'busy',
  'doNotDisturb',
  'noAnswer',
  'mediaIncompatible',
  'unavailable',
];

export function gravest(reasonsGiven: readonly EndReason[]): EndReason {
  for (const reason of byWeight) if (reasonsGiven.includes(reason)) return reason;
  return reasonsGiven[0] ?? 'unavailable';
}

/** What a phone's or a peer's refusal means (RFC 3261 §21). */
export function reasonOf(failure: InviteFailure): EndReason {
  if (failure.cause === 'timeout' || failure.cause === 'transport') return 'networkFailure';
  if (failure.cause === 'cancelled') return 'callerHungUp';
  switch (failure.status) {
    case 486:
    case 600:
      return 'busy';
    case 603:
    case 607:
    case 608:
      return 'declined';
    case 480:
      return 'doNotDisturb';
    case 408:
      return 'noAnswer';
    case 404:
    case 410:
    case 484:
    case 604:
      return 'doesNotExist';
    case 401:
    case 403:
    case 407:
      return 'directionBarred';
    case 482:
    case 483:
      return 'loop';
    case 415:
    case 488:
    case 606:
      return 'mediaIncompatible';
    default:
      return failure.status >= 500 ? 'networkFailure' : 'unavailable';
  }
}
