import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileDigitMask, digitMaskProblem } from '../../../src/config/digit-mask.ts';
import { MaskUnion } from '../../../src/config/mask-inclusion.ts';
import { digitMaskSteps, type MaskSteps, prefixSteps, regexMaskSteps } from '../../../src/config/mask-steps.ts';
import { parseRegexMask } from '../../../src/config/regex-mask.ts';
import { asRegExp, masks } from '../../support/masks.ts';

/** A mask with the question that calls ask it: what inclusion is proved against. */
interface Asked {
  readonly source: string;
  readonly steps: MaskSteps;
  readonly matches: (text: string) => boolean;
}

const regex = (source: string): Asked => {
  const parsed = parseRegexMask(source);
  if (!parsed.ok) throw new Error(`${source}: ${parsed.problem}`);
  return { source, steps: regexMaskSteps(parsed.mask), matches: (text) => asRegExp(source).test(text) };
};
const digit = (source: string): Asked => ({
  source,
  steps: digitMaskSteps(source),
  matches: compileDigitMask(source),
});
const prefix = (source: string): Asked => ({
  source,
  steps: prefixSteps(source),
  matches: (text) => text.startsWith(source),
});

const range = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.nat(999), fc.nat(999)).map(([length, one, other]) =>
  [one, other]
    .map((n) => String(n % 10 ** length).padStart(length, '0'))
    .sort()
    .join('-'),
);
const digitMasks = fc.oneof(fc.stringMatching(/^[129#*]{1,5}$/), range, fc.stringMatching(/^[1A#*]{1,2}@[a#*]{1,2}$/));
const asked = fc.oneof(
  { weight: 3, arbitrary: masks.map(regex) },
  { weight: 3, arbitrary: digitMasks.map(digit) },
  fc.stringMatching(/^[129]{1,3}$/).map(prefix),
);

/** All text up to four characters of these, which are what the masks above name, and one that they do not. */
const words = wordsOf(['1', '2', '9', '*', 'x'], 4).concat(wordsOf(['0', '5', '@', 'a'], 4));

function wordsOf(alphabet: readonly string[], longest: number): string[] {
  const all = [''];
  for (let from = 0, length = 0; length < longest; length++) {
    const to = all.length;
    for (; from < to; from++) for (const character of alphabet) all.push(all[from] + character);
  }
  return all;
}

const patience = () => ({ left: 1_000_000 });

function union(all: readonly Asked[]): MaskUnion {
  const made = new MaskUnion();
  for (const { steps } of all) made.add(steps);
  return made;
}

describe('masks that leave nothing to another one', () => {
  it('take every text that it takes, and else there is one that it takes alone', () => {
    let covered = 0;
    const property = fc.property(fc.array(asked, { maxLength: 4 }), asked, (before, own) => {
      const found = union(before).covers(own.steps, patience());
      if (found.all === undefined) return;
      if (found.all) {
        covered++;
        for (const word of words)
          if (own.matches(word) && !before.some(({ matches }) => matches(word)))
            throw new Error(`${word} is taken by ${own.source} and by none of ${before.map(({ source }) => source)}`);
        return;
      }
      const text = found.left.replaceAll('\u0000', 'x');
      expect([own.source, text, own.matches(text)]).toEqual([own.source, text, true]);
      expect(before.filter(({ matches }) => matches(text)).map(({ source }) => [source, text])).toEqual([]);
    });
    fc.assert(property, { numRuns: 3000 });
    // Both answers are tried, often.
    expect(covered).toBeGreaterThan(100);
  });

  it('are each of those that it is made of', () => {
    const property = fc.property(fc.array(asked, { minLength: 1, maxLength: 4 }), (all) => {
      for (const one of all) expect(union(all).covers(one.steps, patience())).toEqual({ all: true });
    });
    fc.assert(property, { numRuns: 300 });
  });

  it.each([
    [['7495*'], '7495123####', true],
    [['7495123####'], '7495*', false],
    [['74951230000-74951239999'], '74951234567', true],
    [['74951230000-74951239999'], '7495123####', false],
    [['100-499', '500-999'], '450-550', true],
    [['100-499', '501-999'], '450-550', false],
    [['*#', '#*'], '#', true],
    [['*@company.ru'], 'Ivanov@Company.ru', true],
  ])('%j, asked about %s: %s', (before, own, all) => {
    expect(digitMaskProblem(own)).toBeUndefined();
    expect(union(before.map(digit)).covers(digitMaskSteps(own), patience()).all).toBe(all);
  });

  it.each([
    [['\\d*'], '(1|2)\\d{30}', true],
    [['1\\d*', '[02-9]\\d*'], '\\d+', true],
    [['1\\d*', '[02-8]\\d*'], '\\d+', false],
    [['(\\d)(\\d)'], '\\d{2}', true],
  ])('%j, asked about %s: %s', (before, own, all) => {
    expect(union(before.map(regex)).covers(regex(own).steps, patience()).all).toBe(all);
  });

  it('are given up on when it takes too long', () => {
    expect(union([digit('7*')]).covers(digitMaskSteps('74951234567'), { left: 5 })).toEqual({ all: undefined });
  });

  it('are given up on for the worst that can be written', () => {
    const slow = '(\\d*1\\d{20}|\\d*2\\d{19}3\\d)';
    const work = { left: 300_000 };
    expect(union([regex(slow)]).covers(regex(`\\d*${slow}`).steps, work).all).toBeUndefined();
  });
});
