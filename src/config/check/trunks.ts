import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** A trunk is not its own backup, and something leads to it or comes from it. */
export const trunks: Rule = {
  codes: ['self-reference', 'unused-trunk'],
  *check({ document, targets }: CheckedPbx): Iterable<Finding> {
    const used = new Set<string>();
    for (const { source } of document.numbers) if (source && 'trunk' in source) used.add(source.trunk);
    for (const { target } of targets) if ('trunk' in target) used.add(target.trunk);
    for (const { contacts } of document.employees)
      for (const contact of contacts) if ('trunk' in contact) used.add(contact.trunk);
    for (const { id, backup } of document.trunks) for (const other of backup) if (other !== id) used.add(other);

    for (const [index, trunk] of document.trunks.entries()) {
      const at = trunk.backup.indexOf(trunk.id);
      if (at >= 0) {
        const message = `Trunk "${trunk.id}" is named as its own backup`;
        yield {
          code: 'self-reference',
          path: ['trunks', index, 'backup', at],
          message,
          hint: 'Remove it from the list.',
        };
      }
      const leadsOut = trunk.pstn || trunk.prefix !== undefined || trunk.masks.length > 0;
      if (used.has(trunk.id) || leadsOut || trunk.numbers.length > 0 || trunk.toPstn || trunk.kind === 'internal')
        continue;
      const message = `No number and no rule uses trunk "${trunk.id}"`;
      const hint = 'Name it as the "source" of a number, or give it "numbers", a "prefix" or "masks".';
      yield { code: 'unused-trunk', path: ['trunks', index, 'id'], message, hint };
    }
  },
};
