import type { PbxVersion } from '../config/version.ts';
import type { CallerIdChoice } from '../dial/outgoing/caller-id.ts';
import type { Party } from '../sip/port.ts';
import type { Decision } from './decide.ts';

/** Whom a rung phone shows (`showOnIncoming`, §4.4.2.2), by the kind of phone. */
export interface Shown {
  /** On a SIP phone of ours, and to a SIP address. */
  readonly sip: Party;
  /** On an ordinary phone, reached through a trunk. */
  readonly ordinary: Party;
  /** Which of our numbers a number outside is shown, where it is called by one. */
  readonly callerId: CallerIdChoice;
}

/** @param host of the caller's address, for a number without one */
export function shownTo(pbx: PbxVersion, { from, display, line, direction, callerId }: Decision, host: string): Shown {
  const { showOnIncoming, domains } = pbx.document.pbx;
  const [domain = ''] = domains;
  const caller = partyOf();
  if (direction !== 'in') {
    // An extension says nothing outside.
    const ours = callerId.callerId == null ? caller : { user: callerId.callerId, host: domain, display };
    return { sip: caller, ordinary: ours, callerId };
  }
  if (line === undefined || showOnIncoming === 'caller') return { sip: caller, ordinary: caller, callerId };
  const called = { user: line, host: domain, display: '' };
  return { sip: showOnIncoming === 'line' ? called : caller, ordinary: called, callerId };

  function partyOf(): Party {
    if (from === '') return { user: 'anonymous', host: 'anonymous.invalid', display: 'Anonymous' };
    const at = from.lastIndexOf('@');
    if (at > 0) return { user: from.slice(0, at), host: from.slice(at + 1), display };
    return { user: from, host: direction === 'in' ? host || domain : domain, display };
  }
}
