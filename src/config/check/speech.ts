import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** Speech is part of the format and of the scheme machine, but nothing here recognises it. */
export const speech: Rule = {
  codes: ['inactive-speech'],
  *check({ document }: CheckedPbx): Iterable<Finding> {
    for (const [index, scheme] of document.schemes.entries()) {
      const { digits, names, topics } = scheme.speech;
      if (!digits && !names && !topics) continue;
      const message = 'Speech is not recognised: no recogniser is configured, and only digits that are pressed count';
      yield { code: 'inactive-speech', path: ['schemes', index, 'speech'], message };
    }
  },
};
