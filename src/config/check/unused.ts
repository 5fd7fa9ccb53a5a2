import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** Audio, groups, region rules, schemes and numbers that lead nowhere, or that nothing leads to. Trunks are in `trunks.ts`. */
export const unused: Rule = {
  codes: ['unused-audio', 'unused-group', 'unused-region-rules', 'unused-scheme', 'number-without-scheme'],
  *check({ document, names }: CheckedPbx): Iterable<Finding> {
    const played = names.used.get('audio');
    for (const [index, { id }] of document.audio.entries()) {
      if (played?.has(id)) continue;
      const message = `Nothing plays audio "${id}"`;
      yield { code: 'unused-audio', path: ['audio', index, 'id'], message, hint: 'Remove it, or use it.' };
    }
    const asked = names.used.get('group');
    for (const [index, { id, extension }] of document.groups.entries()) {
      if (extension !== undefined || asked?.has(id)) continue;
      const message = `No call comes to group "${id}": nothing forwards to it, and it has no extension`;
      const hint = 'Forward to it, give it an "extension", or remove it.';
      yield { code: 'unused-group', path: ['groups', index, 'id'], message, hint };
    }
    const followed = names.used.get('regionRules');
    const shown = new Set(document.callerIdRules.flatMap(({ type, match }) => (type === 'region' ? [match] : [])));
    for (const [index, { id, rules }] of document.regionRules.entries()) {
      if (followed?.has(id) || rules.some(({ name }) => shown.has(name))) continue;
      const message = `No step forwards by region rules "${id}", and no caller-id rule is for a region of them`;
      const hint = 'Write { "forwardByRegion": "…" } in a scheme, or remove them.';
      yield { code: 'unused-region-rules', path: ['regionRules', index, 'id'], message, hint };
    }
    // A forward needs an extension to send calls to a scheme, so one without is reached by numbers alone.
    const called = names.used.get('scheme');
    for (const [index, { id, extension }] of document.schemes.entries()) {
      if (extension !== undefined || called?.has(id)) continue;
      yield {
        code: 'unused-scheme',
        path: ['schemes', index, 'id'],
        message: `No call comes to scheme "${id}": no number has it, and it has no extension`,
        hint: 'Name it as the "scheme" of a number, give it an "extension", or remove it.',
      };
    }
    yield* numbers({ document });
  },
};

/** Calls come in for a number, and nothing is to happen to them. */
function* numbers({ document }: Pick<CheckedPbx, 'document'>): Generator<Finding> {
  const listed = new Map(document.numbers.map((entry) => [entry.number, entry]));
  for (const [index, { number, source, scheme }] of document.numbers.entries()) {
    if (scheme !== undefined || !source) continue;
    yield {
      code: 'number-without-scheme',
      path: ['numbers', index, 'number'],
      message: `Calls to ${number} are refused with 404: it has a "source" but no "scheme"`,
      hint: 'Give it a "scheme", or remove its "source" if it is only a caller id.',
    };
  }
  for (const [index, trunk] of document.trunks.entries()) {
    for (const [at, { number, incoming }] of trunk.numbers.entries()) {
      const entry = listed.get(number);
      // With a source of its own it has been told above.
      if (!incoming || entry?.scheme !== undefined || entry?.source) continue;
      const why = entry ? 'its entry in "numbers" has no "scheme"' : '"numbers" does not list it';
      yield {
        code: 'number-without-scheme',
        path: ['trunks', index, 'numbers', at, 'number'],
        message: `Calls to ${number} through trunk "${trunk.id}" are refused with 404: ${why}`,
        hint: 'List it in "numbers" with a "scheme", or write "incoming": false.',
      };
    }
  }
}
