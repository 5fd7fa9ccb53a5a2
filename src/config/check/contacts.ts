import type { Employee } from '../schema/employee.ts';
import { quoted } from '../words.ts';
import { contactName } from './directory.ts';
import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** Contacts that are named exist, and addresses in our own domains belong to an account. */
export const contacts: Rule = {
  codes: ['dangling-reference', 'unknown-account'],
  *check({ document, targets, directory }: CheckedPbx): Iterable<Finding> {
    const { employees } = directory;
    for (const { target, path } of targets) {
      if (!('employee' in target) || target.contact === 'main' || target.contact === 'asConfigured') continue;
      yield* named(employees.get(target.employee), target.contact, [...path, 'contact'], ['main', 'asConfigured']);
    }
    for (const [index, rule] of document.recording.rules.entries()) {
      if (!('employee' in rule) || rule.contact === undefined) continue;
      yield* named(employees.get(rule.employee), rule.contact, ['recording', 'rules', index, 'contact'], []);
    }
    for (const [index, employee] of document.employees.entries()) {
      for (const [at, contact] of employee.contacts.entries()) {
        if (!('sip' in contact) || !directory.isStranger(contact)) continue;
        const message = `No account of this PBX is "${contact.sip}", so it can never be registered`;
        const hint = 'Add it to the "accounts" of an employee.';
        yield { code: 'unknown-account', path: ['employees', index, 'contacts', at, 'sip'], message, hint };
      }
    }
  },
};

function* named(
  employee: Employee | undefined,
  contact: string,
  path: Finding['path'],
  others: string[],
): Iterable<Finding> {
  // A dangling employee has been reported as such.
  if (!employee || employee.contacts.some((one) => contactName(one) === contact)) return;
  const choices = [...others, ...employee.contacts.map(contactName)];
  const hint = choices.length > 0 ? `Write ${quoted(choices)}.` : `Give ${employee.name} contacts.`;
  yield { code: 'dangling-reference', path, message: `Employee "${employee.id}" has no contact "${contact}"`, hint };
}
