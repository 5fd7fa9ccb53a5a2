import { arrivalOf } from '../../src/call/arrival.ts';
import { decide, type InviteFacts } from '../../src/call/decide.ts';
import type { PbxVersion } from '../../src/config/version.ts';
import { CallRecord } from '../../src/history/record.ts';
import { serialised } from '../../src/history/stream.ts';
import { someCall } from './calls.ts';
import type { SchemeCall } from './scheme-call.ts';

/** The number whose scheme the calls of these tests run. */
export const line = '74950000001';

/** The INVITE of somebody who calls it. @param caller undefined: hidden */
export const inviteFrom = (caller: string | undefined): InviteFacts => ({
  identity: { kind: 'passive', pbx: 'acme', number: line },
  from: { user: caller ?? 'anonymous', host: '127.0.0.1', display: '' },
  to: { user: 'line', host: 'acme.example', display: '' },
  asserted: undefined,
  anonymous: caller === undefined,
  requestUser: 'line',
  requestHost: 'acme.example',
});

/** The record of a call as the engine would have kept it, having been stored and read. */
export function recordOf(
  pbx: PbxVersion,
  call: SchemeCall,
  { at, caller }: { at: string; caller?: string },
): CallRecord {
  const facts = inviteFrom(caller);
  const { from, dialled, route, path: decided } = decide(pbx, facts);
  const path = [...decided.map((entry) => ({ t: 0, ...entry })), ...call.world.traces];
  const record = someCall({
    pbx: pbx.id,
    configVersion: pbx.version,
    start: new Date(at).toISOString(),
    end: new Date(Date.parse(at) + call.seconds * 1000).toISOString(),
    from,
    to: dialled,
    line,
    scheme: route.to === 'scheme' ? route.scheme : null,
    arrival: arrivalOf(facts),
    path: path.map(({ t, state, event, detail, why }) => ({
      t,
      state,
      event,
      ...(detail === undefined ? {} : { detail: { ...detail } }),
      ...(why === undefined ? {} : { why }),
    })),
    inputs: call.inputs,
  });
  return CallRecord.parse(JSON.parse(serialised(record)));
}
