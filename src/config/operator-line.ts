import type { NumberEntry } from './schema/number.ts';
import { Trunk } from './schema/trunk.ts';

/**
 * An account with an operator that brings one number of ours (`source.active`, §4.2.2.2): calls come and go through it as through a trunk of that one number
 * which registers. It leads to the telephone network, but is no way there for other numbers.
 */
export interface OperatorLine extends Trunk {
  readonly ownNumber: string;
  readonly auth: { readonly user: string; readonly password: string };
  readonly domain: string;
}

export const isOperatorLine = (trunk: Trunk): trunk is OperatorLine => 'ownNumber' in trunk;

/** Not the id of any trunk of a document, which has no colon. */
const idOf = (number: string): string => `active:${number}`;

/** Undefined: the number has another source, or none. */
export function operatorLine({ number, comment, source }: NumberEntry): OperatorLine | undefined {
  if (!source || !('active' in source)) return undefined;
  const { server, user, password, domain, transport, expires } = source.active;
  const [host = server, port] = server.split(':');
  const trunk = Trunk.parse({
    id: 'line',
    name: comment || number,
    pstn: true,
    host,
    ...(port === undefined ? {} : { ports: port }),
    transport,
    lines: 0,
    auth: { user, password },
    register: true,
    expires,
    options: false,
    domain: domain ?? host,
    numbers: [{ number }],
  });
  return { ...trunk, id: idOf(number), ownNumber: number, auth: { user, password }, domain: domain ?? host };
}
