import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keysBetween, MaskList, noKeys } from '../../../src/config/mask-list.ts';
import { regexMaskSteps } from '../../../src/config/mask-steps.ts';
import { parseRegexMask } from '../../../src/config/regex-mask.ts';
import { asRegExp, masks, pressable } from '../../support/masks.ts';

function list(...sources: readonly string[]): MaskList {
  return new MaskList(
    sources.map((source) => {
      const parsed = parseRegexMask(source);
      if (!parsed.ok) throw new Error(`${source}: ${parsed.problem}`);
      return regexMaskSteps(parsed.mask);
    }),
  );
}

describe('masks together', () => {
  it('say which of them take a number, in their order, as each alone would; also what was asked before', () => {
    const number = fc.stringMatching(/^[129*]{0,8}$/);
    fc.assert(
      fc.property(fc.array(masks, { maxLength: 6 }), fc.array(number, { maxLength: 8 }), (sources, numbers) => {
        const together = list(...sources);
        for (const digits of [...numbers, ...numbers]) {
          const expected = sources.flatMap((source, index) => (asRegExp(source).test(digits) ? [index] : []));
          expect([digits, together.taking(digits)]).toEqual([digits, expected]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('tell with how many more keys a beginning can match', () => {
    const beginning = fc.stringMatching(/^[129*]{0,4}$/);
    fc.assert(
      fc.property(fc.array(masks, { maxLength: 3 }), beginning, (sources, typed) => {
        const patterns = sources.map(asRegExp);
        const could = list(...sources).keysToMatch(typed);
        let endings = [''];
        for (let keys = 1; keys <= 4; keys++) {
          endings = endings.flatMap((ending) => pressable.map((key) => ending + key));
          const some = endings.some((ending) => patterns.some((pattern) => pattern.test(typed + ending)));
          expect([keys, (could & keysBetween(keys, keys)) !== noKeys]).toEqual([keys, some]);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('can be as long as a number may be, and no longer', () => {
    expect(list('\\d{32}').keysToMatch('12')).toBe(keysBetween(30, 30));
    expect(list('\\d{32}\\d').keysToMatch('')).toBe(noKeys);
    expect(list('\\d+').keysToMatch('1')).toBe(keysBetween(1, 32));
    // A caller cannot press + and ends his entry by #.
    expect(list('1\\+2|1#').keysToMatch('1')).toBe(noKeys);
    expect(list().keysToMatch('')).toBe(noKeys);
  });

  it('are right where there is more to remember than is remembered', () => {
    // After each beginning another set of places: as many as there are numbers of sixteen digits.
    const wide = list(...Array.from({ length: 12 }, (_, at) => `\\d*1\\d{${at + 3}}`));
    const random = fc.stringMatching(/^[01]{16}$/);
    fc.assert(
      fc.property(random, (digits) => {
        const expected = Array.from({ length: 12 }, (_, at) => at).filter((at) => digits.at(-(at + 4)) === '1');
        expect(wide.taking(digits)).toEqual(expected);
      }),
      { numRuns: 600 },
    );
  });

  it('take time in proportion to the number: these take a backtracking matcher longer than the world has existed', () => {
    const slow = list(`${'(\\d*)'.repeat(8)}${'\\d*'.repeat(12)}#`);
    const digits = '1'.repeat(2000);
    expect(slow.taking(digits)).toEqual([]);
    expect(slow.taking(`${digits}#`)).toEqual([0]);
    expect(slow.keysToMatch(digits)).toBe(noKeys);
  });
});
