import type { Path } from '../issue.ts';
import { allowsDirection, isPremiumRate } from '../numbering-plans.ts';
import { normalizePhone } from '../phone.ts';
import type { PbxDocument } from '../schema/document.ts';
import type { Contact } from '../schema/employee.ts';
import type { Target } from '../schema/target.ts';
import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** Whoever calls makes the company call a number that costs by the minute: another way of toll fraud than DISA, or a slip of the pen. */
export const paidNumbers: Rule = {
  codes: ['paid-number'],
  *check({ document, targets }: CheckedPbx): Iterable<Finding> {
    if (document.trunks.length === 0) return;
    const judged = new Map<string, boolean>();
    for (const { target, path } of [...targets, ...contacts(document)]) {
      const number = calledBy(target, document);
      if (number === undefined) continue;
      const isPaid = judged.get(number) ?? isPremiumRate(number);
      judged.set(number, isPaid);
      if (!isPaid) continue;
      const message = `Calls are sent to ${number}, a premium-rate number: you pay for each minute of whoever calls`;
      const hint = 'Name another number, or leave its direction out of "security.outgoing".';
      yield { code: 'paid-number', path, message, hint };
    }
  },
};

function* contacts({ employees }: PbxDocument): Generator<{ readonly target: Contact; readonly path: Path }> {
  for (const [index, employee] of employees.entries()) {
    for (const [at, contact] of employee.contacts.entries()) {
      yield { target: contact, path: ['employees', index, 'contacts', at] };
    }
  }
}

/** The number of the telephone network that is called, in international format, if it may be. What a trunk is told to call is not asked about directions. */
function calledBy(target: Target | Contact, { pbx, security }: PbxDocument): string | undefined {
  if ('trunk' in target) return normalizePhone(target.number, pbx.country);
  if (!('phone' in target)) return undefined;
  return allowsDirection(security.outgoing, target.phone, pbx.country) ? target.phone : undefined;
}
