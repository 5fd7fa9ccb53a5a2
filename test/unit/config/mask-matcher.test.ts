import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MaskMatcher, substituted } from '../../../src/config/mask-matcher.ts';
import { parseRegexMask, parseSubstitution } from '../../../src/config/regex-mask.ts';
import { asRegExp, masks } from '../../support/masks.ts';

function matcher(mask: string): MaskMatcher {
  const parsed = parseRegexMask(mask);
  if (!parsed.ok) throw new Error(`${mask}: ${parsed.problem}`);
  return new MaskMatcher(parsed.mask);
}

describe('a mask', () => {
  // §5.3.1.3: the examples of the manual, and what an admin may add to them.
  it.each([
    ['([1-4][0-9][0-9])', '456', '$1', '456'],
    ['([1-4][0-9][0-9])', '556', '$1', undefined],
    ['([1-4][0-9][0-9])', '4567', '$1', undefined],
    ['8(\\d{10})', '89161234567', '+33$1\\77', '+33916123456777'],
    ['(\\d{3})(\\d*)', '7495', '$2$1', '5749'],
    ['(1|2)(3)', '13', '$2$1', '31'],
    ['(12|1)(\\d+)', '1234', '$1\\0\\$2', '12034'],
    ['(1)|(2)', '2', '9$1$2', '92'],
    ['#21#', '#21#', '1', '1'],
  ])('%s makes of %s by %s: %s', (mask, number, to, expected) => {
    const brackets = matcher(mask).match(number);
    expect(brackets && substituted(parseSubstitution(to) ?? [], brackets)).toBe(expected);
  });

  it('matches what the regular expression of the same characters matches, with the same brackets', () => {
    const number = fc.stringMatching(/^[129*]{0,8}$/);
    fc.assert(
      fc.property(masks, number, (mask, digits) => {
        const [, ...brackets] = asRegExp(mask).exec(digits) ?? [];
        const expected = asRegExp(mask).test(digits) ? brackets.map((part) => part ?? '') : undefined;
        expect(matcher(mask).match(digits)).toEqual(expected);
      }),
      { numRuns: 3000 },
    );
  });

  it('takes time in proportion to the number: these take a backtracking matcher longer than the world has existed', () => {
    const slow = matcher(
      '(\\d*)(\\d*)(\\d*)(\\d*)(\\d*)(\\d*)(\\d*)(\\d*)\\d*\\d*\\d*\\d*\\d*\\d*\\d*\\d*\\d*\\d*\\d*\\d*#',
    );
    const digits = '1'.repeat(2000);
    expect(slow.match(digits)).toBeUndefined();
    expect(slow.match(`${digits}#`)).toEqual([digits, '', '', '', '', '', '', '']);
  });
});
