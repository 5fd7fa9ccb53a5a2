import type { Trunk } from '../config/document.ts';
import { normalizePhone } from '../config/phone.ts';
import type { PbxVersion } from '../config/version.ts';
import { type CallerIdChoice, callerIdFor } from '../dial/outgoing/caller-id.ts';
import { type Dialler, whyBarred } from '../dial/outgoing/permission.ts';
import { isPeersOwn, type Way, waysByPlan, waysToNetwork } from '../dial/outgoing/ways.ts';
import type { EndReason } from '../end-reason.ts';
import type { TraceEntry } from '../scheme/actors.ts';
import type { Party } from '../sip/port.ts';

/** What becomes of a call to somewhere outside. */
export type Outgoing =
  | {
      readonly outcome: 'goes';
      readonly ways: readonly Way[];
      /** Our number that the callee sees; unset on a call to a peer's own short number: the caller's. */
      readonly shown?: string;
      readonly path: readonly TraceEntry[];
    }
  | {
      readonly outcome: 'refused';
      readonly reason: EndReason;
      readonly announcement: string;
      readonly path: readonly TraceEntry[];
    };

/** By a trunk's prefix or masks (§5.3.1.3, §5.6 examples 2 and 7). Undefined: no trunk takes the number that way. */
export function byTrunkPlan(pbx: PbxVersion, dialled: string, dialler: Dialler): Outgoing | undefined {
  const ways = waysByPlan(pbx, dialled, { dialled: true });
  const [way] = ways;
  if (!way) return undefined;
  const trunk = pbx.trunk(way.trunk);
  if (trunk && isPeersOwn(trunk, way.number)) {
    const { callerId } = dialler.outgoing;
    return goes(ways, callerId ?? undefined, []);
  }
  const number = normalizePhone(way.number, pbx.document.pbx.country) ?? way.number;
  return permitted(pbx, number, dialler) ?? withCallerId(pbx, number, dialler.outgoing, () => ways);
}

/** Through the trunk of the number that is shown, or a `pstn` trunk (2-call-behaviour §7). @param number in international format */
export function toNetwork(pbx: PbxVersion, number: string, dialler: Dialler): Outgoing {
  return (
    permitted(pbx, number, dialler) ??
    withCallerId(pbx, number, dialler.outgoing, (shown) => waysToNetwork(pbx, number, shown))
  );
}

/**
 * A number that is too short for the telephone network of the world, and no extension: of the peer whose trunk brings the number that is shown (§5.3.3 example 2), or
 * a service of the network, such as 112. Undefined: nothing leads there, or he may not call out, so that nobody has it.
 */
export function toShortNumber(pbx: PbxVersion, number: string, dialler: Dialler): Outgoing | undefined {
  const { callerId } = dialler.outgoing;
  if (callerId == null || !/^\d{2,4}$/.test(number)) return undefined;
  const ways = waysToNetwork(pbx, number, callerId);
  const trunk = ways[0] && pbx.trunk(ways[0].trunk);
  if (!trunk) return undefined;
  const refusal = isPeersOwn(trunk, number) ? undefined : permitted(pbx, number, dialler);
  return refusal ?? goes(ways, callerId, []);
}

/**
 * A call of a trunk's peer on through us (§5.3.1.3, examples 1 to 3): shown is the number that he gives, if it is one of ours and the trunk allows
 * that, else the trunk's own. Without either it is not made.
 */
export function transit(pbx: PbxVersion, number: string, caller: Party, trunk: Pick<Trunk, 'id' | 'toPstn'>): Outgoing {
  const barred = whyBarred(pbx, number);
  if (barred !== undefined) return refused('directionBarred', barred, { number }, 'builtin:call-not-allowed');
  const given = normalizePhone(caller.user, pbx.document.pbx.country);
  // Not the peer's own numbers, which it brings through this trunk: an operator would not know them.
  const line = given === undefined ? undefined : pbx.line(given);
  const own = trunk.toPstn?.allowFrom === true && line && line.trunk?.id !== trunk.id ? line.number : undefined;
  const shown = own ?? trunk.toPstn?.callerId;
  if (shown === undefined) {
    const why = `${given === undefined ? 'the caller gives no number' : `${given} is no number of this PBX`}, and trunk ${trunk.id} has no outgoing number`;
    return refused('directionBarred', why, { number }, 'builtin:call-not-allowed');
  }
  const why =
    own === undefined ? `the outgoing number of trunk ${trunk.id}` : 'the number that the caller gives is one of ours';
  return routed(waysToNetwork(pbx, number, shown, trunk.id), number, shown, [callerIdEntry(shown, why)]);
}

function permitted(pbx: PbxVersion, number: string, dialler: Dialler): Outgoing | undefined {
  const why = dialler.outgoing.callerId == null ? 'he may not call out' : whyBarred(pbx, number, dialler);
  return why === undefined ? undefined : refused('directionBarred', why, { number }, 'builtin:call-not-allowed');
}

function withCallerId(
  pbx: PbxVersion,
  number: string,
  choice: CallerIdChoice,
  waysBy: (shown: string | undefined) => readonly Way[],
): Outgoing {
  const chosen = callerIdFor(pbx, choice, number);
  const path = chosen === undefined ? [] : [callerIdEntry(chosen.callerId, chosen.why)];
  return routed(waysBy(chosen?.callerId), number, chosen?.callerId, path);
}

function routed(
  ways: readonly Way[],
  number: string,
  shown: string | undefined,
  path: readonly TraceEntry[],
): Outgoing {
  if (ways.length === 0) {
    return refused('unavailable', 'no trunk leads there', { number }, 'builtin:number-unavailable', path);
  }
  return goes(ways, shown, path);
}

const goes = (ways: readonly Way[], shown: string | undefined, path: readonly TraceEntry[]): Outgoing => ({
  outcome: 'goes',
  ways,
  ...(shown === undefined ? {} : { shown }),
  path: [...path, ...ways.slice(0, 1).map(({ trunk, number, why }) => entry('rule', { trunk, to: number }, why))],
});

const refused = (
  reason: EndReason,
  why: string,
  detail: NonNullable<TraceEntry['detail']>,
  announcement: string,
  path: readonly TraceEntry[] = [],
): Outgoing => ({
  outcome: 'refused',
  reason,
  announcement,
  path: [...path, entry('hangup', { ...detail, reason }, why)],
});

const callerIdEntry = (callerId: string, why: string): TraceEntry => entry('rule', { callerId }, why);

const entry = (event: TraceEntry['event'], detail: NonNullable<TraceEntry['detail']>, why: string): TraceEntry => ({
  state: 'outgoing',
  event,
  detail,
  why,
});
