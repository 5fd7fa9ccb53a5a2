import { normalizePhone } from '../config/phone.ts';
import type { PbxVersion } from '../config/version.ts';
import { nearest } from '../config/words.ts';
import { UserError } from '../errors.ts';
import type { Identity } from '../sip/identity.ts';
import type { Party } from '../sip/port.ts';
import { employeeNamed } from './people.ts';

/** Who calls whom, as the guard and the caller's INVITE would say. */
export interface Origin {
  readonly identity: Identity;
  readonly from: Party;
  readonly to: Party;
  /** The caller does not show his number. */
  readonly anonymous: boolean;
}

const outside = 'telephone-network.invalid';

/**
 * @param from a number, a SIP address, an employee (id, extension, account: then the call is an internal one), or `anonymous` or nothing for a hidden number
 * @param to a line of the PBX; an extension; from an employee any number
 * @throws UserError `unknown-caller`, `unknown-number`
 */
export function originOf(pbx: PbxVersion, from: string, to: string): Origin {
  const caller = from === '' || from === 'anonymous' ? undefined : from;
  const employee = caller === undefined ? undefined : employeeNamed(pbx, caller);
  const { country, domains } = pbx.document.pbx;
  const [domain = ''] = domains;
  const dialled = { user: to, host: domain, display: '' };
  if (employee) {
    const account = employee.accounts[0];
    const user = account?.user ?? employee.id;
    mustExist(pbx, to, true);
    return {
      identity: {
        kind: 'account',
        pbx: pbx.id,
        employee: employee.id,
        account: `${user}@${account?.domain ?? domain}`,
      },
      from: { user, host: account?.domain ?? domain, display: employee.name },
      to: dialled,
      anonymous: false,
    };
  }
  mustExist(pbx, to, false);
  return {
    identity: identityFor(pbx, normalizePhone(to, country) ?? to),
    from: caller === undefined ? { user: 'anonymous', host: 'anonymous.invalid', display: '' } : partyOf(pbx, caller),
    to: dialled,
    anonymous: caller === undefined,
  };
}

function partyOf(pbx: PbxVersion, caller: string): Party {
  const number = normalizePhone(caller, pbx.document.pbx.country);
  if (number !== undefined) return { user: number, host: outside, display: '' };
  const [, user, host] = /^([^@\s]+)@([^@\s]+)$/.exec(caller) ?? [];
  if (user !== undefined && host !== undefined) return { user, host, display: '' };
  const names = pbx.document.employees.flatMap(({ id, extension }) => [id, ...(extension ? [extension] : [])]);
  const near = nearest(caller, names);
  throw new UserError(
    'unknown-caller',
    `--from: "${caller}" is neither a phone number nor somebody of ${pbx.id}`,
    near ? `Did you mean "${near}"?` : 'Write a number in international format, an extension, or "anonymous".',
  );
}

/** How calls to a line come in. */
function identityFor(pbx: PbxVersion, number: string): Identity {
  const line = pbx.line(number);
  const source = line?.entry?.source;
  const trunk = source && 'passive' in source ? undefined : line?.trunk?.id;
  return trunk === undefined ? { kind: 'passive', pbx: pbx.id, number } : { kind: 'trunk', pbx: pbx.id, trunk };
}

/** The engine would answer 404; whoever asks here has made a mistake. */
function mustExist(pbx: PbxVersion, to: string, internal: boolean): void {
  const number = normalizePhone(to, pbx.document.pbx.country);
  const known = pbx.extension(to) ?? (number === undefined ? undefined : pbx.line(number));
  if (known) return;
  // An employee may dial a number outside, or the name of an account.
  if (internal && (number !== undefined || employeeNamed(pbx, to))) return;
  const lines = [...pbx.lines()].map((line) => line.number);
  const near = nearest(to, [...lines, ...pbx.extensions()]);
  throw new UserError(
    'unknown-number',
    `--to: ${pbx.id} has neither a line nor an extension "${to}"`,
    near ? `Did you mean "${near}"?` : `Lines: ${lines.join(', ') || 'none'}.`,
  );
}
