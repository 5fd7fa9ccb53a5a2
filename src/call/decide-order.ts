import type { Employee, Target } from '../config/document.ts';
import { normalizePhone } from '../config/phone.ts';
import type { PbxVersion } from '../config/version.ts';
import type { Dialler } from '../dial/outgoing/permission.ts';
import { type Dialled, parsePostDial } from '../dial/outgoing/post-dial.ts';
import { UserError } from '../errors.ts';
import { type Decision, routeDialled } from './decide.ts';

/** A call that is ordered (click-to-call, §4.5.7): the first is rung, and when he answers the second is called for him. */
export interface CallOrder {
  /** Who is rung first: an extension of an employee or a number, as a person writes it; or an employee, by one of his contacts. */
  readonly from: string | { readonly employee: string; readonly contact?: string };
  /** Who is called for him: as he would dial it, with post-dial digits where they are needed; or an employee or a group by its id. */
  readonly to: string | { readonly employee: string } | { readonly group: string };
  /** In whose name a number that is rung first calls. Unset: whoever has this number as his mobile or among his contacts. */
  readonly employee?: string;
  /** The number of ours that is shown outside. Unset: that of the employee. */
  readonly callerId?: string;
}

/** Who is rung first. */
export type First =
  | { readonly employee: Employee; readonly contact: string }
  | ({ readonly employee?: undefined } & Dialled);

export interface Ordered {
  readonly first: First;
  /** What becomes of the call once the first has answered. */
  readonly decision: Decision;
  /** Whom the first one's phone shows. */
  readonly other: { readonly user: string; readonly display: string };
}

/**
 * What an order means: who is to be rung, and where his call goes then, by the rules for what he would dial himself. A call that is not allowed is decided
 * too: it becomes a call that has failed.
 * @throws UserError for what cannot be understood: `no-such-employee`, `no-such-group`, `not-a-number`, `no-such-number`, `no-caller-id`
 */
export function decideOrder(pbx: PbxVersion, order: CallOrder): Ordered {
  const first = firstOf(pbx, order.from);
  const caller = callerOf(pbx, order, first);
  const dialler = diallerOf(pbx, order, caller);
  const number = first.employee ? undefined : first.number;
  const base = {
    direction: caller ? 'internal' : 'out',
    from: caller?.extension ?? number ?? '',
    display: caller?.name ?? '',
    dialled: dialledOf(pbx, order.to),
    callerId: dialler.outgoing,
    ...(caller === undefined ? {} : { employee: caller.id }),
  } as const;
  const target = targetOf(pbx, order.to);
  const [host = ''] = pbx.document.pbx.domains;
  const decided: Decision = target
    ? { ...base, route: { to: 'target', target: target.target, by: target.by }, path: [] }
    : routeDialled(pbx, base, { dialled: base.dialled, host, dialler });
  if (decided.route.to === 'nobody' && decided.route.reason === 'doesNotExist') {
    const hint = 'Give an extension or a number as an employee would dial it, {"employee": "…"} or {"group": "…"}.';
    throw new UserError('no-such-number', `Nobody has the number "${base.dialled}"`, hint);
  }
  const asked = { state: 'order', event: 'rule', detail: { from: base.from, to: base.dialled } } as const;
  return {
    first,
    decision: { ...decided, path: [{ ...asked, why: 'the call was ordered' }, ...decided.path] },
    other: { user: base.dialled, display: target?.name ?? '' },
  };
}

function firstOf(pbx: PbxVersion, from: CallOrder['from']): First {
  if (typeof from !== 'string') {
    return { employee: knownEmployee(pbx, from.employee), contact: from.contact ?? 'asConfigured' };
  }
  const found = pbx.extension(from);
  if (found?.kind === 'employee') return { employee: found.employee, contact: 'asConfigured' };
  if (found) {
    throw new UserError('not-a-person', `${from} is a ${found.kind}: nobody can be rung first there`, 'Name a person.');
  }
  const { number, ...more } = parsePostDial(from);
  const phone = normalizePhone(number, pbx.document.pbx.country);
  if (phone !== undefined) return { number: phone, ...more };
  const hint = 'Give an extension, a number such as "74951234567", or {"employee": "…"}.';
  throw new UserError('not-a-number', `"${from}" is neither an extension nor a number`, hint);
}

function callerOf(pbx: PbxVersion, { employee }: CallOrder, first: First): Employee | undefined {
  if (employee !== undefined) return knownEmployee(pbx, employee);
  if (first.employee) return first.employee;
  return pbx.document.employees.find(
    ({ mobile, contacts }) =>
      mobile === first.number || contacts.some((one) => 'phone' in one && one.phone === first.number),
  );
}

function diallerOf(pbx: PbxVersion, { callerId }: CallOrder, caller: Employee | undefined): Dialler {
  if (callerId === undefined) {
    if (caller) return caller;
    const hint = 'Give "callerId", or "employee" in whose name the call is made.';
    throw new UserError('no-caller-id', 'It is not known which number of the PBX is to be shown', hint);
  }
  if (!pbx.line(callerId)) {
    const hint = 'GET …/config lists the numbers of the PBX.';
    throw new UserError('no-such-number', `${callerId} is no number of this PBX`, hint);
  }
  const directions = caller?.outgoing.directions ?? 'default';
  return { outgoing: { callerId, autoCallerId: false, directions } };
}

function targetOf(
  pbx: PbxVersion,
  to: CallOrder['to'],
): { readonly target: Target; readonly name: string; readonly by: string } | undefined {
  if (typeof to === 'string') return undefined;
  if ('employee' in to) {
    const { id, name } = knownEmployee(pbx, to.employee);
    return { target: { employee: id, contact: 'asConfigured' }, name, by: `employee-${id}` };
  }
  const { id, name } = knownGroup(pbx, to.group);
  return { target: { group: id }, name, by: `group-${id}` };
}

function dialledOf(pbx: PbxVersion, to: CallOrder['to']): string {
  if (typeof to === 'string') return to;
  const called = 'employee' in to ? knownEmployee(pbx, to.employee) : knownGroup(pbx, to.group);
  return called.extension ?? called.id;
}

function knownEmployee(pbx: PbxVersion, id: string): Employee {
  const found = pbx.employee(id);
  if (found) return found;
  const hint = `GET /api/pbxs/${pbx.id}/employees lists them.`;
  throw new UserError('no-such-employee', `There is no employee "${id}"`, hint);
}

function knownGroup(pbx: PbxVersion, id: string) {
  const found = pbx.group(id);
  if (found) return found;
  throw new UserError('no-such-group', `There is no group "${id}"`, `GET /api/pbxs/${pbx.id}/groups lists them.`);
}
