import type { PbxVersion } from '../config/version.ts';
import type { LiveCall, Registration } from './ports.ts';

/** Things of the ports in the form of the API (`schemas.ts`), for the routes and for the events that tell of the same things. */

/** Milliseconds since 1970. */
export const instant = (ms: number): string => new Date(ms).toISOString();

/** The same; null: not known. */
export const instantOrNull = (ms: number | null): string | null => (ms === null ? null : instant(ms));

export const shownCall = (call: LiveCall) => ({
  id: call.id,
  start: instant(call.start),
  direction: call.direction,
  from: call.from,
  fromName: call.fromName,
  to: call.to,
  line: call.line,
  employee: call.employee,
  stage: call.stage,
  since: instant(call.since),
  scheme: call.scheme,
  state: call.state,
  held: call.held,
  parties: call.parties.map(({ kind, id, name, address, state, since }) => ({
    kind,
    id,
    name,
    address,
    state,
    since: instant(since),
  })),
});

export function shownDevice(pbx: PbxVersion, device: Registration) {
  const { account, receivedFrom } = device;
  const at = account.lastIndexOf('@');
  const host = receivedFrom.address.includes(':') ? `[${receivedFrom.address}]` : receivedFrom.address;
  return {
    account,
    employee: pbx.account(account.slice(0, at), account.slice(at + 1))?.employee.id ?? null,
    contact: device.uri,
    address: `${receivedFrom.protocol}/${host}:${receivedFrom.port}`,
    userAgent: device.userAgent ?? null,
    since: instant(device.boundAt),
    until: instant(device.expiresAt),
    expires: device.expires,
    node: device.node,
  };
}
