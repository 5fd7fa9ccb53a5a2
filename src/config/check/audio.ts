import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** An audio that nothing plays. */
export const audio: Rule = {
  codes: ['unused-audio'],
  *check({ document, names }: CheckedPbx): Iterable<Finding> {
    const used = names.used.get('audio');
    for (const [index, { id }] of document.audio.entries()) {
      if (used?.has(id)) continue;
      yield {
        code: 'unused-audio',
        path: ['audio', index, 'id'],
        message: `Nothing plays audio "${id}"`,
        hint: 'Remove it, or use it.',
      };
    }
  },
};
