import type { Arrival } from '../history/record.ts';
import type { Party } from '../sip/port.ts';
import type { InviteFacts } from './decide.ts';

/** What a call is decided from, as its record keeps it: short, because every call has one. */
export function arrivalOf({ identity, from, to, asserted, anonymous, requestUser, requestHost }: InviteFacts): Arrival {
  const { pbx: _, ...by } = identity;
  return {
    by,
    user: requestUser,
    host: requestHost,
    ...(to.user === requestUser ? {} : { to: to.user }),
    from: address(from),
    ...(asserted === undefined ? {} : { asserted: address(asserted) }),
    ...(anonymous ? { hidden: true } : {}),
  };
}

/** The other way. Of the To header, nothing but the user decides. */
export const factsOf = (pbx: string, { by, user, host, to, from, asserted, hidden }: Arrival): InviteFacts => ({
  identity: { ...by, pbx },
  requestUser: user,
  requestHost: host,
  to: { user: to ?? user, host, display: '' },
  from: party(from),
  asserted: asserted && party(asserted),
  anonymous: hidden ?? false,
});

const address = ({ user, host, display }: Party): Arrival['from'] => ({
  user,
  host,
  ...(display === '' ? {} : { display }),
});

const party = ({ user, host, display = '' }: Arrival['from']): Party => ({ user, host, display });
