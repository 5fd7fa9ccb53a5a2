import { describe, expect, it } from 'vitest';
import { digitMaskProblem } from '../../../src/config/digit-mask.ts';
import { ipRangeProblem } from '../../../src/config/ip-range.ts';
import { normalizePhone } from '../../../src/config/phone.ts';
import { parseRegexMask, parseSubstitution } from '../../../src/config/regex-mask.ts';
import { nearest } from '../../../src/config/words.ts';

describe('phone numbers from SIP', () => {
  it.each([
    ['74951234567', 'RU', '74951234567'],
    ['+74951234567', 'RU', '74951234567'],
    ['84951234567', 'RU', '74951234567'],
    ['8 (495) 123-45-67', 'RU', '74951234567'],
    ['84951234567', 'KZ', '84951234567'],
    ['+84951234567', 'RU', '84951234567'],
    ['8495123456', 'RU', '8495123456'],
    ['+442071838750', 'RU', '442071838750'],
    ['810442071838750', 'RU', '442071838750'],
    ['81012345', 'RU', '81012345'],
    ['00442071838750', 'DE', '442071838750'],
    ['011442071838750', 'US', '442071838750'],
    ['12345', 'RU', '12345'],
    ['101', 'RU', undefined],
    ['+101', 'RU', undefined],
    ['1234567890123456', 'RU', undefined],
    ['anonymous', 'RU', undefined],
    ['line1', 'RU', undefined],
    ['', 'RU', undefined],
    ['++74951234567', 'RU', undefined],
  ])('%s in %s', (text, country, expected) => {
    expect(normalizePhone(text, country)).toBe(expected);
  });
});

describe('masks of callers (§4.4.4)', () => {
  it.each(['7495#555555', '7495200*', '74952009000-74952009999', '*', 'ivanov@mangosip.ru', '*@company.ru'])(
    '%s',
    (mask) => {
      expect(digitMaskProblem(mask)).toBeUndefined();
    },
  );

  it.each([
    ['749520-74952009999', /different lengths/],
    ['74952009999-74952009000', /ends before it starts/],
    ['+7495*', /must be digits/],
    ['', /must be digits/],
    ['7495 123', /must be digits/],
    ['ivanov@', /must be digits/],
  ])('%s is none', (mask, problem) => {
    expect(digitMaskProblem(mask)).toMatch(problem);
  });
});

describe('addresses (§4.6.1.3)', () => {
  it.each([
    '192.168.1.16-32',
    '192.168.1.16–32',
    '192.168.*',
    '10.*',
    '192.168.1.7',
    '203.0.113.0/24',
    '2001:db8::/32',
    '::1',
  ])('%s', (text) => {
    expect(ipRangeProblem(text)).toBeUndefined();
  });

  it.each([
    '192.168',
    '192.168.1.256',
    '192.168.1.32-16',
    '192.*.1.1',
    '203.0.113.0/33',
    '2001:db8::/129',
    '*',
    '1.2.3.4/24/8',
    'host',
    '',
  ])('%s is none', (text) => {
    expect(ipRangeProblem(text)).toBeTypeOf('string');
  });
});

describe('masks of trunks (§5.3.1.3.1)', () => {
  it.each([
    '777(\\d*)',
    '(777\\d*)',
    '([1-2][0-9][0-9]|[3-3][0-4][0-9]|350)',
    '(2\\d\\d\\d\\d\\d)',
    '(2\\d{5})',
    '(\\d*)\\d{1}',
    '350|7(\\d{8})',
    '([1-4][0-9][0-9]|500)',
    '7495\\d*|7499\\d*',
    '7495[5-6][5-6][5-6][5-6][5-6][5-6]',
    '\\*8(\\d+)',
  ])("the manual's %s", (mask) => {
    expect(parseRegexMask(mask)).toMatchObject({ ok: true });
  });

  it('is a tree that a matcher can walk', () => {
    expect(parseRegexMask('35[0-2]|7(\\d{8})')).toEqual({
      ok: true,
      mask: {
        source: '35[0-2]|7(\\d{8})',
        groups: 1,
        alternatives: [
          [
            { kind: 'digits', digits: '3', min: 1, max: 1 },
            { kind: 'digits', digits: '5', min: 1, max: 1 },
            { kind: 'digits', digits: '012', min: 1, max: 1 },
          ],
          [
            { kind: 'digits', digits: '7', min: 1, max: 1 },
            { kind: 'group', index: 1, alternatives: [[{ kind: 'digits', digits: '0123456789', min: 8, max: 8 }]] },
          ],
        ],
      },
    });
  });

  it.each([
    ['', 'it is empty', 0],
    ['(\\d+)+', 'brackets cannot be repeated', 0],
    ['(\\d*', '"(" is not closed', 0],
    ['\\d)', '")" without "("', 2],
    ['(?:7)', '"(?" is not part of the mask language', 1],
    ['(?=7)', '"(?" is not part of the mask language', 1],
    ['7+', '"7+": only "\\d" and "[0-9]" can be repeated', 0],
    ['*7', 'there is nothing for "*" to repeat', 0],
    ['7||8', 'there is nothing on one side of "|" or in "()"', 2],
    ['()', 'there is nothing on one side of "|" or in "()"', 1],
    ['\\w+', '"\\w" is not part of the mask language; "\\d" is a digit', 0],
    ['\\1', '"\\1" is not part of the mask language; "\\d" is a digit', 0],
    ['[^0]', '"[" must hold digits or a range of them, such as "[0-9]"', 0],
    ['[9-0]', '"9-0" is a range that ends before it starts', 0],
    ['\\d{1,5}', '"{" must hold a number from 1 to 32, such as "\\d{5}"', 2],
    ['\\d{999}', '"{" must hold a number from 1 to 32, such as "\\d{5}"', 2],
    ['^7.$', '"^" is not part of the mask language: digits, "\\d", "[0-9]", "( )" and "|" are', 0],
    ['7'.repeat(257), 'it is longer than 256 characters', 256],
    ['(7)'.repeat(10), 'it has more than 9 pairs of brackets', 27],
  ])('%s is none', (mask, problem, at) => {
    expect(parseRegexMask(mask)).toEqual({ ok: false, problem, at });
  });
});

describe('substitutions (§5.3.1.3.2)', () => {
  it('separates a bracket from the digits after it', () => {
    expect(parseSubstitution('+33$1\\77')).toEqual([{ text: '+33' }, { group: 1 }, { text: '77' }]);
  });

  it.each(['', '\\', '$', '$0', '$x', 'abc', '7 7'])('%j is none', (text) => {
    expect(parseSubstitution(text)).toBeUndefined();
  });
});

describe('did you mean', () => {
  it.each([
    ['employes', 'employees'],
    ['gruops', 'groups'],
    ['Schemes', 'schemes'],
    ['tunks', 'trunks'],
    ['somethingElse', undefined],
    ['', undefined],
  ])('%s', (word, expected) => {
    expect(nearest(word, ['employees', 'groups', 'schemes', 'trunks'])).toBe(expected);
  });
});
