import type { Almanac } from '../../time/almanac.ts';
import type { PbxDocument } from '../schema/document.ts';
import type { Contact, Employee } from '../schema/employee.ts';
import type { Group } from '../schema/group.ts';
import type { NumberEntry, RegionRules } from '../schema/number.ts';
import type { Scheme } from '../schema/scheme.ts';
import type { Target } from '../schema/target.ts';

/** Whom a target means once extensions have been looked up. */
export type Whom =
  | { readonly kind: 'scheme'; readonly scheme: Scheme }
  | { readonly kind: 'employee'; readonly employee: Employee; readonly contact: string }
  | { readonly kind: 'group'; readonly group: Group }
  /** A number of ours, reached through the telephone network. */
  | { readonly kind: 'number'; readonly number: NumberEntry }
  /** Outside, or a room: somebody may answer. */
  | { readonly kind: 'other' };

/** Look-ups of one document that several rules need, and who in it can be reached at all. */
export class Directory {
  readonly employees: ReadonlyMap<string, Employee>;
  readonly groups: ReadonlyMap<string, Group>;
  readonly schemes: ReadonlyMap<string, Scheme>;
  readonly regions: ReadonlyMap<string, RegionRules>;
  /** Of all things that can be called, in order. */
  readonly extensions: readonly string[];
  /** A caller in a menu may dial some extension, without DISA. */
  readonly dialsExtensions: boolean;
  readonly #byExtension = new Map<string, Whom>();
  readonly #numbers: ReadonlyMap<string, NumberEntry>;
  readonly #almanac: Almanac;
  readonly #domains: ReadonlySet<string>;
  readonly #accounts: ReadonlySet<string>;
  readonly #reachable = new Map<Contact, boolean>();

  constructor(document: PbxDocument, almanac: Almanac) {
    const { employees, groups, schemes, rooms } = document;
    this.#almanac = almanac;
    this.employees = new Map(employees.map((one) => [one.id, one]));
    this.groups = new Map(groups.map((one) => [one.id, one]));
    this.schemes = new Map(schemes.map((one) => [one.id, one]));
    this.regions = new Map(document.regionRules.map((one) => [one.id, one]));
    this.#numbers = new Map(document.numbers.map((one) => [one.number, one]));
    const add = (extension: string | undefined, whom: Whom) => {
      if (extension !== undefined) this.#byExtension.set(extension, whom);
    };
    for (const one of employees) add(one.extension, { kind: 'employee', employee: one, contact: 'asConfigured' });
    for (const group of groups) add(group.extension, { kind: 'group', group });
    for (const scheme of schemes) add(scheme.extension, { kind: 'scheme', scheme });
    for (const { extension } of rooms) add(extension, { kind: 'other' });
    this.extensions = [...this.#byExtension.keys()].sort();
    const { enabled, min, max } = document.pbx.extensionDialing;
    this.dialsExtensions = enabled && this.extensions.some(({ length }) => min <= length && length <= max);
    this.#domains = new Set(document.pbx.domains.map((domain) => domain.toLowerCase()));
    this.#accounts = new Set(
      employees.flatMap((one) => one.accounts.map(({ user, domain }) => `${user}@${domain}`.toLowerCase())),
    );
  }

  /** Undefined for a reference that leads nowhere, which has been reported as such. */
  whom(target: Target): Whom | undefined {
    if ('extension' in target) return this.#byExtension.get(target.extension);
    if ('scheme' in target) return wrapped(this.schemes.get(target.scheme), (scheme) => ({ kind: 'scheme', scheme }));
    if ('group' in target) return wrapped(this.groups.get(target.group), (group) => ({ kind: 'group', group }));
    if ('employee' in target)
      return wrapped(this.employees.get(target.employee), (employee) => ({
        kind: 'employee',
        employee,
        contact: target.contact,
      }));
    const number = 'phone' in target ? this.#numbers.get(target.phone) : undefined;
    return number ? { kind: 'number', number } : { kind: 'other' };
  }

  /** The scheme that a forward to this target goes on in, for good. */
  schemeOf(target: Target): Scheme | undefined {
    const whom = this.whom(target);
    return whom?.kind === 'scheme' ? whom.scheme : undefined;
  }

  /** An address in our own domain that no account has: nobody can register there. */
  isStranger(contact: Contact): boolean {
    if (!('sip' in contact)) return false;
    const address = contact.sip.toLowerCase();
    return this.#domains.has(address.slice(address.indexOf('@') + 1)) && !this.#accounts.has(address);
  }

  /** It may ring at some time. */
  isReachable(contact: Contact, { timezone }: Pick<Employee, 'timezone'>): boolean {
    const known = this.#reachable.get(contact);
    if (known !== undefined) return known;
    const zone = timezone || undefined;
    const times = [contact.when, contact.temporary ?? []].map((when) => ({ when, timezone: zone }));
    const reachable =
      contact.active &&
      !this.isStranger(contact) &&
      (contact.when === 'always' || times.some((one) => !this.#almanac.frame(times).timesOf(one).isEmpty));
    this.#reachable.set(contact, reachable);
    return reachable;
  }

  /** He may be rung at some time, by this contact of his. */
  canBeRung(employee: Employee, contact = 'asConfigured'): boolean {
    const any = contact === 'main' || contact === 'asConfigured';
    return employee.contacts.some((one) => (any || contactName(one) === contact) && this.isReachable(one, employee));
  }

  /** Members who may be rung. */
  membersInReach(group: Group): readonly Employee[] {
    return group.members.flatMap(({ employee }) => {
      const member = this.employees.get(employee);
      return member && this.canBeRung(member) ? [member] : [];
    });
  }
}

const wrapped = <T, R>(value: T | undefined, wrap: (value: T) => R): R | undefined =>
  value === undefined ? undefined : wrap(value);

/** What a target's `contact` calls a contact by. */
export const contactName = (contact: Contact): string =>
  'sip' in contact ? contact.sip : 'phone' in contact ? contact.phone : contact.number;
