import type { Account } from '../schema/employee.ts';
import { nearest } from '../words.ts';
import type { CheckedPbx, Finding, Rule } from './rule.ts';

const address = ({ user, domain }: Account): string => `${user}@${domain.toLowerCase()}`;

/** `user` alone means an account of the same domain. */
const forwardAddress = (account: Account): string | undefined => {
  const to = account.forwardTo;
  if (to === undefined) return undefined;
  const [user, domain = account.domain] = to.split('@');
  return `${user}@${domain.toLowerCase()}`;
};

/** No two accounts are the same, and their forwards lead to accounts and never in a circle. */
export const accounts: Rule = {
  codes: ['duplicate-account', 'dangling-reference', 'forward-loop'],
  *check({ document }: CheckedPbx): Iterable<Finding> {
    const known = new Map<string, Account>();
    for (const { account, path } of placed(document)) {
      const name = address(account);
      if (!known.has(name)) known.set(name, account);
      else yield { code: 'duplicate-account', path: [...path, 'user'], message: `There are two accounts "${name}"` };
    }
    for (const { account, path } of placed(document)) {
      const to = forwardAddress(account);
      if (to === undefined) continue;
      if (!known.has(to)) {
        const near = nearest(to, known.keys());
        const hint = near ? `Did you mean "${near}"?` : 'Name the "user" of another account.';
        yield {
          code: 'dangling-reference',
          path: [...path, 'forwardTo'],
          message: `There is no account "${to}"`,
          hint,
        };
        continue;
      }
      const circle = circleFrom(account, known);
      if (circle) {
        const message = `Calls would go in a circle: ${[...circle, circle[0]].join(' → ')}`;
        yield { code: 'forward-loop', path: [...path, 'forwardTo'], message };
      }
    }
  },
};

function* placed(document: CheckedPbx['document']) {
  for (const [index, employee] of document.employees.entries()) {
    for (const [at, account] of employee.accounts.entries()) {
      yield { account, path: ['employees', index, 'accounts', at] as const };
    }
  }
}

/** The accounts of the circle that this account is on, itself first. */
function circleFrom(start: Account, known: ReadonlyMap<string, Account>): string[] | undefined {
  const way = [address(start)];
  for (let to = forwardAddress(start); to !== undefined; ) {
    if (to === way[0]) return way;
    if (way.includes(to)) return undefined;
    way.push(to);
    const next = known.get(to);
    to = next && forwardAddress(next);
  }
  return undefined;
}
