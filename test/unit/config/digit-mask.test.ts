import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileDigitMask } from '../../../src/config/digit-mask.ts';

/** The examples are those of §4.4.4. */

describe('what a mask is for', () => {
  it.each([
    { mask: '7495#555555', yes: ['74951555555', '74952555555', '74959555555'], no: ['7495555555', '749511555555'] },
    { mask: '7495200*', yes: ['74952000000', '74952009999', '7495200'], no: ['74952010000', '174952000000'] },
    {
      mask: '74952009000-74952009999',
      yes: ['74952009000', '74952009500', '74952009999'],
      no: ['74952008999', '74952010000', '7495200950', '749520095000', '74952009a00'],
    },
    { mask: '74951234567', yes: ['74951234567'], no: ['7495123456', '749512345670'] },
    { mask: '*', yes: ['1', '74951234567', ''], no: [] },
    { mask: '*555*', yes: ['555', '74955551', '5555'], no: ['5455', ''] },
    { mask: '#*', yes: ['1', '12'], no: [''] },
    { mask: 'ivanov@mangosip.ru', yes: ['ivanov@mangosip.ru', 'Ivanov@MangoSIP.ru'], no: ['petrov@mangosip.ru'] },
    {
      mask: '*@company.ru',
      yes: ['ivanov@company.ru', 'petrov@company.ru'],
      no: ['ivanov@sales.company.ru', 'ivanov@company.ru.example'],
    },
    { mask: 'iv*@*mpany.ru', yes: ['ivanov@company.ru'], no: ['petrov@company.ru'] },
  ])('$mask', ({ mask, yes, no }) => {
    const matches = compileDigitMask(mask);
    expect(yes.filter((text) => !matches(text))).toEqual([]);
    expect(no.filter((text) => matches(text))).toEqual([]);
  });

  it('is what a regular expression says that is written by the same rules', () => {
    const digits = (chars: string) => fc.string({ unit: fc.constantFrom(...chars), minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(digits('12#*'), digits('12'), (mask, text) => {
        const pattern = new RegExp(`^${mask.replaceAll('#', '.').replaceAll('*', '.*')}$`);
        expect(compileDigitMask(mask)(text)).toBe(pattern.test(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('is found out in steps that grow with the length alone', () => {
    // A regular expression made of this mask tries every way to share the text among the stars.
    const matches = compileDigitMask(`${'*1'.repeat(15)}2`);
    expect(matches('1'.repeat(5000))).toBe(false);
  });
});
