import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DialPlan, lengthsBetween, noLength } from '../../../src/scheme/dial-plan.ts';
import { Input, type InputOptions } from '../../../src/scheme/input.ts';

const plan = new DialPlan(
  ['451', '452', '4511', '20', '7'],
  [
    { id: 'office', prefix: '88' },
    { id: 'branch', prefix: '889' },
  ],
);

const input = (options: Partial<InputOptions>) => new Input({ keys: [], extensions: noLength, plan, ...options });

/** What becomes of the keys, pressed one by one and, if `…` follows, a pause. */
function outcome(matcher: Input, typed: string): string {
  const keys = typed.replace('…', '');
  for (let end = 1; end <= keys.length; end++) {
    const verdict = matcher.match(keys.slice(0, end));
    if (verdict.kind === 'more') continue;
    const rest = keys.slice(end);
    return `${verdict.kind} ${verdict.digits}${rest && ` then ${rest}`}`;
  }
  if (!typed.endsWith('…')) return 'more';
  const verdict = matcher.settle(keys);
  return `${verdict.kind} ${verdict.digits}`;
}

describe('Input', () => {
  it.each([
    ['1', 'key 1'],
    ['2', 'more'],
    ['2…', 'key 2'],
    ['22', 'key 22'],
    ['23', 'unknown 23'],
    ['2#', 'key 2'],
    ['9', 'unknown 9'],
    ['*', 'key *'],
    ['#', 'unknown #'],
    ['451', 'unknown 4 then 51'], // extensions are not dialled here
  ])('menu 1, 2, 22, *: %s is %s', (typed, expected) => {
    expect(outcome(input({ keys: ['1', '2', '22', '*'] }), typed)).toBe(expected);
  });

  it.each([
    ['452', 'extension 452'],
    ['451', 'more'],
    ['451…', 'extension 451'],
    ['451#', 'extension 451'],
    ['4511', 'extension 4511'],
    ['4…', 'key 4'],
    ['4#', 'key 4'],
    ['45…', 'unknown 45'],
    ['45#', 'unknown 45#'],
    ['46', 'unknown 46'],
    ['20', 'extension 20'],
    ['7', 'unknown 7'], // one digit is too short to be dialled
    ['1', 'key 1'],
  ])('menu 1, 4 and extensions of 2 to 4 digits: %s is %s', (typed, expected) => {
    expect(outcome(input({ keys: ['1', '4'], extensions: lengthsBetween(2, 4) }), typed)).toBe(expected);
  });

  it('prefers a menu key to an extension of the same digits', () => {
    expect(outcome(input({ keys: ['20'], extensions: lengthsBetween(2, 4) }), '20')).toBe('key 20');
  });

  it.each([
    ['#', 'key #'],
    ['0', 'more'],
    ['0#', 'key 0#'],
    ['0…', 'key 0'],
  ])('# may be a key, or the end of one: %s is %s', (typed, expected) => {
    expect(outcome(input({ keys: ['#', '0', '0#'] }), typed)).toBe(expected);
  });

  it.each([
    ['9', 'more'], // wrong, but the caller is heard out
    ['999', 'unknown 999'],
    ['99…', 'unknown 99'],
    ['99#', 'unknown 99#'],
    ['452', 'extension 452'],
    ['1', 'key 1'],
  ])('menu 1 and disa of 3 digits: %s is %s', (typed, expected) => {
    expect(outcome(input({ keys: ['1'], extensions: lengthsBetween(3, 3), disa: { max: 3 } }), typed)).toBe(expected);
  });

  it.each([
    ['7', 'extension 7'],
    ['88', 'more'],
    ['88…', 'unknown 88'],
    ['8874951234567#', 'trunk 8874951234567'],
    ['8874951234567…', 'trunk 8874951234567'],
    ['6', 'unknown 6'],
  ])('disa of any length, trunks behind 88 and 889: %s is %s', (typed, expected) => {
    expect(outcome(input({ extensions: lengthsBetween(1, 7), disa: {} }), typed)).toBe(expected);
  });

  it('cuts the longest prefix off what is dialled at the trunk', () => {
    const matcher = input({ disa: {} });
    expect(matcher.settle('88912345')).toEqual({ kind: 'trunk', digits: '88912345', trunk: 'branch', number: '12345' });
    expect(matcher.settle('88712345')).toMatchObject({ trunk: 'office', number: '712345' });
  });

  it('comes to a verdict after at most 32 keys, whatever is pressed', () => {
    const keys = fc.array(fc.constantFrom(...'0123456789*#'), { minLength: 32, maxLength: 32 });
    const menu = fc.uniqueArray(fc.stringMatching(/^[0-9*#]{1,3}$/), { maxLength: 12 });
    const property = fc.property(keys, menu, fc.boolean(), (pressed, all, disa) => {
      const matcher = input({ keys: all, extensions: lengthsBetween(2, 4), ...(disa ? { disa: {} } : {}) });
      const typed = pressed.join('');
      const verdicts = pressed.map((_, index) => matcher.match(typed.slice(0, index + 1)));
      expect(verdicts.some(({ kind }) => kind !== 'more')).toBe(true);
      // A verdict for less than what was pressed would lose a key.
      const first = verdicts.findIndex(({ kind }) => kind !== 'more');
      const verdict = verdicts[first];
      const entry = typed.slice(0, first + 1);
      if (verdict && verdict.kind !== 'more') expect([entry, entry.replace(/#$/, '')]).toContain(verdict.digits);
    });
    fc.assert(property, { numRuns: 1000 });
  });
});
