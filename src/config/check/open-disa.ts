import type { PbxDocument } from '../schema/document.ts';
import type { Trunk } from '../schema/trunk.ts';
import { anyLength, dialableAt } from './dialling.ts';
import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** Whoever calls may dial out to the telephone network, at the cost of the company: the classic way of toll fraud. */
export const openDisa: Rule = {
  codes: ['open-disa'],
  *check({ document, branches }: CheckedPbx): Iterable<Finding> {
    const sold = document.trunks.filter((trunk) => isPaid(trunk, document));
    if (sold.length === 0) return;
    for (const { branch, block, index, guarded } of branches) {
      const { disa } = branch.rules;
      if (!disa || guarded) continue;
      const open = sold.find((trunk) => dialableAt(trunk, disa.length ?? anyLength, shortestNumber));
      if (!open) continue;
      const message = `Anybody who calls may dial out through trunk "${open.id}", at your cost: no password is asked for`;
      const hint = 'Put the rule into a menu item with a "password", or give its "length" the digits of extensions.';
      yield { code: 'open-disa', path: [...block, index, 'rules', 'disa'], message, hint };
    }
  },
};

/** It leads to the telephone network, not only to another phone system. */
const isPaid = ({ id, kind, pstn, numbers, toPstn }: Trunk, document: PbxDocument): boolean =>
  kind === 'external' &&
  (pstn ||
    // A system that calls out through us has numbers too, and is no operator.
    (numbers.length > 0 && !toPstn) ||
    document.numbers.some(({ source }) => source && 'trunk' in source && source.trunk === id));

/** Shorter ones are extensions of the peer and services; no telephone number has fewer digits. */
const shortestNumber = 5;
