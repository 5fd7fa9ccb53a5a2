import type { Algorithm, Contact, Employee } from '../config/document.ts';
import type { PbxVersion } from '../config/version.ts';

/** What the scripts need to know of a version of the configuration: who is in which group, and how he can be reached. */
export interface Roster {
  readonly groups: Readonly<Record<string, readonly [algorithm: Algorithm, members: readonly string[]]>>;
  readonly agents: readonly RosterEntry[];
}

/** Lists instead of objects: equal entries are equal bytes, so that the script sees what has changed. */
export type RosterEntry = readonly [
  employee: string,
  phone: 0 | 1,
  respectsStatus: 0 | 1,
  accounts: readonly string[],
  groups: readonly (readonly [group: string, algorithm: Algorithm, priority: number, index: number])[],
];

/** All employees, those of no group too: what they do in direct calls is to be seen as well. */
export function rosterOf(pbx: PbxVersion): Roster {
  const { employees, groups } = pbx.document;
  const places = new Map<string, [string, Algorithm, number, number][]>();
  for (const { id, algorithm, members } of groups) {
    for (const [index, { employee, priority }] of distinct(members).entries()) {
      const of = places.get(employee) ?? [];
      places.set(employee, of);
      of.push([id, algorithm, priority, index]);
    }
  }
  return {
    groups: Object.fromEntries(
      groups.map(({ id, algorithm, members }) => [id, [algorithm, distinct(members).map(({ employee }) => employee)]]),
    ),
    agents: employees.map((employee) => {
      const contacts = rungContacts(pbx, employee);
      const accounts = contacts.flatMap((contact) => accountOf(pbx, contact) ?? []);
      return [
        employee.id,
        accounts.length < contacts.length ? 1 : 0,
        employee.respectStatus ? 1 : 0,
        [...new Set(accounts)],
        places.get(employee.id) ?? [],
      ];
    }),
  };
}

const distinct = <T extends { readonly employee: string }>(members: readonly T[]): readonly T[] =>
  [...new Map(members.toReversed().map((member) => [member.employee, member])).values()].toReversed();

/**
 * The contacts that a call of a group may ring: the first, unless he has several rung and one of his groups wants it so. Schedules are not looked at: one
 * whose contacts are all off by their schedule is found out when he is rung, and then rests for a while.
 */
function rungContacts(pbx: PbxVersion, { id, contacts, ring }: Employee): readonly Contact[] {
  const active = contacts.filter((contact) => contact.active);
  const inTurn = pbx.document.groups.some(
    ({ ringContacts, members }) => ringContacts === 'asConfigured' && members.some(({ employee }) => employee === id),
  );
  return ring !== 'main' && inTurn ? active : active.slice(0, 1);
}

/** The account of ours whose registrations a contact rings; undefined for a phone, a trunk, or an address elsewhere. */
function accountOf(pbx: PbxVersion, contact: Contact): string | undefined {
  if (!('sip' in contact)) return undefined;
  const at = contact.sip.lastIndexOf('@');
  const ours = pbx.account(contact.sip.slice(0, at), contact.sip.slice(at + 1));
  if (!ours) return undefined;
  const { user, domain } = pbx.forwardedAccount(ours.account);
  return `${user}@${domain}`;
}
