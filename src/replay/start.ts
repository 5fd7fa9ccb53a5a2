import { factsOf } from '../call/arrival.ts';
import { decide, type Route, routeDialled } from '../call/decide.ts';
import type { PbxVersion } from '../config/version.ts';
import type { Arrival, CallRecord } from '../history/record.ts';
import type { TraceEntry } from '../scheme/actors.ts';
import type { CompiledScheme } from '../scheme/compile.ts';
import { directScheme } from '../scheme/direct.ts';
import { schemesOf } from '../scheme/schemes.ts';
import { schemeEssence } from './course.ts';

/** What one version decides about a call that arrives. */
export interface Start {
  readonly pbx: PbxVersion;
  /** Undefined: the call comes to no scheme. */
  readonly scheme: CompiledScheme | undefined;
  /** The caller's number, as schemes see it. */
  readonly caller: string | undefined;
  readonly path: readonly TraceEntry[];
  /** What must be alike in two versions for the decision to be the same. */
  readonly essence: unknown;
}

export function startOf(pbx: PbxVersion, arrival: Arrival): Start {
  const { route, from, path } = decide(pbx, factsOf(pbx.id, arrival));
  return {
    pbx,
    scheme: schemeOf(pbx, route),
    caller: from === '' ? undefined : from,
    path,
    essence: essenceOf(pbx, route),
  };
}

/**
 * What a version has begin for a caller whom somebody who talked to him has sent on.
 * @param at milliseconds since 1970: when that began
 * @returns undefined: nothing
 */
export function schemeSentTo(pbx: PbxVersion, { transfers }: CallRecord, at: number): CompiledScheme | undefined {
  const transfer = transfers.findLast((one) => Date.parse(one.at) <= at);
  const dialler = transfer && pbx.employee(transfer.by);
  if (!dialler) return undefined;
  const { to: dialled } = transfer;
  const base = { direction: 'internal', from: '', display: '', dialled, callerId: dialler.outgoing } as const;
  return schemeOf(pbx, routeDialled(pbx, base, { dialled, host: '', dialler }).route);
}

function schemeOf(pbx: PbxVersion, route: Route): CompiledScheme | undefined {
  switch (route.to) {
    case 'scheme':
      return schemesOf(pbx).get(route.scheme);
    case 'target':
      return directScheme(pbx, route.target, route.by);
    case 'outside':
    case 'status':
    case 'mailbox':
    case 'nobody':
      return undefined;
  }
}

function essenceOf(pbx: PbxVersion, route: Route): unknown {
  switch (route.to) {
    case 'scheme':
      return schemeEssence(pbx, route.scheme);
    case 'target':
      return { target: route.target };
    case 'outside':
      return { ways: route.ways };
    case 'status':
      return { status: route.status };
    case 'mailbox':
      return { mailbox: route.employee ?? null };
    case 'nobody':
      return { reason: route.reason };
  }
}
