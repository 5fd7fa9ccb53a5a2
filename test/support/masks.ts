import fc from 'fast-check';

/** Masks of §5.3.1.3.1 at random, over the digits 1, 2 and 9 and `*`, so that a number of a few keys has a chance to match. */
export const masks: fc.Arbitrary<string> = fc
  .letrec<{ mask: string; sequence: string; node: string }>((tie) => ({
    mask: fc.oneof(
      { maxDepth: 3, depthIdentifier: 'mask' },
      tie('sequence'),
      fc.tuple(tie('sequence'), tie('mask')).map(([one, rest]) => `${one}|${rest}`),
    ),
    sequence: fc.array(tie('node'), { minLength: 1, maxLength: 4 }).map((nodes) => nodes.join('')),
    node: fc.oneof(
      { maxDepth: 3, depthIdentifier: 'mask' },
      { weight: 5, arbitrary: fc.constantFrom('1', '2', '9', '\\*', '\\d', '[12]', '[0-19]') },
      { weight: 3, arbitrary: fc.constantFrom('\\d*', '\\d+', '\\d{2}', '[12]+', '[19]{3}') },
      { weight: 2, arbitrary: tie('mask').map((inside) => `(${inside})`) },
    ),
  }))
  .mask.filter((source) => (source.match(/\(/g) ?? []).length <= 9 && source.length <= 200);

/** A mask as a JavaScript regular expression, which its characters are too; only for tests, since a regular expression may take for ever. */
export const asRegExp = (mask: string): RegExp => new RegExp(`^(?:${mask})$`);

/** What may be pressed to match such masks, or not to. */
export const pressable = ['1', '2', '9', '*'] as const;
