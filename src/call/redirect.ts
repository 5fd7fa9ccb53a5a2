import type { Employee } from '../config/document.ts';
import { normalizePhone } from '../config/phone.ts';
import type { PbxVersion } from '../config/version.ts';
import { whyBarred } from '../dial/outgoing/permission.ts';
import type { EndReason } from '../end-reason.ts';
import { type Whither, whitherOf } from '../scheme/targets.ts';
import type { Party } from '../sip/port.ts';
import type { Call } from './call.ts';

/** So many phones may send one call on: two that send to each other, or a chain of them, come to an end. */
const MOST = 5;

export type Redirect =
  | { readonly outcome: 'goes'; readonly whither: Whither }
  | { readonly outcome: 'refused'; readonly reason: EndReason; readonly why: string };

/**
 * An employee's phone has sent the call elsewhere (302, RFC 3261 §8.1.3.4): a forward that its user has set there. It is followed to where he himself may call:
 * an extension, or a number that is allowed to him. Elsewhere it is not: whoever has his password would call the world at our expense.
 */
export function redirected(call: Call, employee: Employee, to: Party): Redirect {
  const decided: Redirect =
    call.redirectedBy.includes(employee.id) || call.redirectedBy.length >= MOST
      ? looped
      : where(call.pbx, employee, to);
  const detail = { employee: employee.id, to: to.user };
  const state = `redirect/${employee.id}`;
  if (decided.outcome === 'refused') {
    const { reason, why } = decided;
    call.timeline.aside({ state, event: 'rule', detail: { ...detail, reason }, why });
    call.log.info({ ...detail, why }, 'a phone sends a call elsewhere, which is not followed');
    return decided;
  }
  call.redirectedBy.push(employee.id);
  call.timeline.aside({ state, event: 'rule', detail, why: 'his phone sends callers there' });
  return decided;
}

const looped = { outcome: 'refused', reason: 'loop', why: 'the call has been sent on by phones too often' } as const;

function where(pbx: PbxVersion, employee: Employee, { user, host }: Party): Redirect {
  const account = pbx.account(user, host)?.employee.id;
  if (account !== undefined) return { outcome: 'goes', whither: { employee: account, contact: 'asConfigured' } };
  const extension = pbx.extension(user);
  if (extension) return { outcome: 'goes', whither: whitherOf(extension) };
  const number = normalizePhone(user, pbx.document.pbx.country);
  if (number === undefined) return refused('doesNotExist', 'nobody has this number');
  const { security } = pbx.document;
  if (!security.transferToExternal) return refused('directionBarred', 'calls may not be passed on to numbers outside');
  if (employee.outgoing.callerId == null) return refused('directionBarred', 'he may not call out');
  const barred = whyBarred(pbx, number, employee);
  if (barred !== undefined) return refused('directionBarred', barred);
  return { outcome: 'goes', whither: { phone: number } };
}

const refused = (reason: EndReason, why: string) => ({ outcome: 'refused', reason, why }) as const;
