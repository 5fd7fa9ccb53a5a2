import type { Contact, Employee } from '../config/document.ts';
import { normalizePhone } from '../config/phone.ts';
import type { PbxVersion } from '../config/version.ts';
import { nearest } from '../config/words.ts';
import { addressOf } from '../dial/employee.ts';
import { UserError } from '../errors.ts';
import type { Party } from '../sip/port.ts';

/** What comes of ringing somebody's phone. */
export type Reaction =
  | { readonly kind: 'rings' }
  /** Milliseconds after it has begun to ring. */
  | { readonly kind: 'answers'; readonly afterMs: number }
  | { readonly kind: 'busy' }
  | { readonly kind: 'declines' };

/** Who does what, as the command line says it: names of employees (id, extension, account), phone numbers, SIP addresses. */
export interface Roles {
  /** `ivanov` at once, `ivanov@5` after five seconds. */
  readonly answer?: readonly string[];
  readonly busy?: readonly string[];
  readonly decline?: readonly string[];
  readonly offline?: readonly string[];
}

/**
 * The people at the other ends. Whoever has no role is registered and lets his phone ring. What is said of a number or an address goes before what is
 * said of the employee whose it is.
 */
export class People {
  readonly #pbx: PbxVersion;
  /** By employee id. */
  readonly #ofEmployees = new Map<string, Reaction>();
  /** By number or SIP address. */
  readonly #ofAddresses = new Map<string, Reaction>();
  readonly #offline = new Set<string>();

  /** @throws UserError `unknown-person`, `answer-time`, `two-roles` */
  constructor(pbx: PbxVersion, roles: Roles) {
    this.#pbx = pbx;
    for (const text of roles.answer ?? []) {
      const [, name = text, seconds = '0'] = /^(.*)@(\d+(?:\.\d+)?)$/.exec(text) ?? [];
      this.#give('answer', name, { kind: 'answers', afterMs: Number(seconds) * 1000 });
    }
    for (const name of roles.busy ?? []) this.#give('busy', name, { kind: 'busy' });
    for (const name of roles.decline ?? []) this.#give('decline', name, { kind: 'declines' });
    for (const name of roles.offline ?? []) {
      const who = this.#find('offline', name);
      if (!('employee' in who)) throw unknown('offline', name, pbx, 'Only employees can be offline.');
      if (this.#ofEmployees.has(who.employee)) throw twoRoles(name);
      this.#offline.add(who.employee);
    }
  }

  /** Employees who are in another call all the time. */
  get busy(): readonly string[] {
    return [...this.#ofEmployees].flatMap(([id, { kind }]) => (kind === 'busy' ? [id] : []));
  }

  isOffline(employee: string): boolean {
    return this.#offline.has(employee);
  }

  /** What the phone that an INVITE is for does. */
  reaction(to: Party): Reaction {
    const address = `${to.user}@${to.host}`;
    const said = this.#ofAddresses.get(address) ?? this.#ofAddresses.get(to.user);
    if (said) return said;
    const owner = this.#pbx.account(to.user, to.host)?.employee ?? this.#ownerOf(address) ?? this.#ownerOf(to.user);
    return (owner && this.#ofEmployees.get(owner.id)) ?? { kind: 'rings' };
  }

  #ownerOf(address: string): Employee | undefined {
    const has = (contact: Contact) =>
      addressOf(contact) === address || ('trunk' in contact && contact.number === address);
    return this.#pbx.document.employees.find(({ contacts }) => contacts.some(has));
  }

  #give(role: keyof Roles, name: string, reaction: Reaction): void {
    const who = this.#find(role, name);
    const [roles, key] =
      'employee' in who ? ([this.#ofEmployees, who.employee] as const) : ([this.#ofAddresses, who.address] as const);
    if (roles.has(key)) throw twoRoles(name);
    roles.set(key, reaction);
  }

  #find(role: keyof Roles, name: string): { readonly employee: string } | { readonly address: string } {
    const employee = employeeNamed(this.#pbx, name);
    if (employee) return { employee: employee.id };
    const phone = normalizePhone(name, this.#pbx.document.pbx.country);
    if (phone !== undefined) return { address: phone };
    const [user = '', host = ''] = name.split('@');
    if (role === 'answer' && host !== '' && !host.includes('.') && employeeNamed(this.#pbx, user)) {
      throw new UserError(
        'answer-time',
        `--answer ${name}: "${host}" is no number of seconds`,
        `Write "${user}" for at once, "${user}@5" for after five seconds.`,
      );
    }
    // A number behind a trunk may be as short as an extension.
    const isAddress = /^[^@\s]+@[^@\s]+$/.test(name) || (/^\d+$/.test(name) && this.#pbx.document.trunks.length > 0);
    if (isAddress) return { address: name };
    throw unknown(role, name, this.#pbx);
  }
}

/** By id, extension, or account (`ivanov`, `ivanov@acme.example`). */
export function employeeNamed(pbx: PbxVersion, name: string): Employee | undefined {
  const known = pbx.employee(name);
  if (known) return known;
  const extension = pbx.extension(name);
  if (extension?.kind === 'employee') return extension.employee;
  const [user = '', domain] = name.split('@');
  const domains = domain === undefined ? pbx.document.pbx.domains : [domain];
  return domains.map((one) => pbx.account(user, one)?.employee).find((one) => one !== undefined);
}

const twoRoles = (name: string): UserError =>
  new UserError(
    'two-roles',
    `"${name}" can do only one thing`,
    'Name everybody once in --answer, --busy, --decline and --offline.',
  );

function unknown(role: keyof Roles, name: string, pbx: PbxVersion, hint?: string): UserError {
  const { employees } = pbx.document;
  const near = nearest(
    name,
    employees.map(({ id }) => id),
  );
  const all = employees.map(({ id }) => id).join(', ');
  return new UserError(
    'unknown-person',
    `--${role}: there is no employee "${name}" in ${pbx.id}`,
    near
      ? `Did you mean "${near}"?`
      : (hint ?? `Employees: ${all || 'none'}. A phone number or a SIP address will do too.`),
  );
}
