import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nounAfter } from '../../../../src/media/prompts/speak-ru.ts';
import type { Gender, Spoken } from '../../../../src/media/spoken.ts';
import { readRussian } from '../../../support/read-numerals.ts';
import { heard } from '../../../support/spoken-words.ts';

const says = (...spoken: Spoken[]) => heard('ru', ...spoken);

describe('cardinals', () => {
  it.each([
    [0, 'ноль'],
    [1, 'один'],
    [19, 'девятнадцать'],
    [20, 'двадцать'],
    [21, 'двадцать один'],
    [100, 'сто'],
    [101, 'сто один'],
    [112, 'сто двенадцать'],
    [200, 'двести'],
    [999, 'девятьсот девяносто девять'],
    [1000, 'одна тысяча'],
    [2000, 'две тысячи'],
    [5000, 'пять тысяч'],
    [11_000, 'одиннадцать тысяч'],
    [21_001, 'двадцать одна тысяча один'],
    [1_000_000, 'один миллион'],
    [2_002_002, 'два миллиона две тысячи два'],
    [5_000_000, 'пять миллионов'],
    [3_000_000_000, 'три миллиарда'],
    [1e12, 'одна тысяча миллиардов'],
    [1e12 + 1, 'один ноль ноль ноль ноль ноль ноль ноль ноль ноль ноль ноль один'],
    [-42, 'минус сорок два'],
    [-1e12 - 1, 'минус один ноль ноль ноль ноль ноль ноль ноль ноль ноль ноль ноль один'],
    [2.5, ''],
    [Number.NaN, ''],
    [Number.POSITIVE_INFINITY, ''],
  ])('%d', (number, words) => expect(says({ number })).toBe(words));

  it.each([
    ['feminine', 1, 'одна'],
    ['feminine', 22, 'двадцать две'],
    ['feminine', 12, 'двенадцать'],
    ['feminine', 1001, 'одна тысяча одна'],
    ['neuter', 1, 'одно'],
    ['neuter', 2, 'два'],
    ['neuter', 31, 'тридцать одно'],
  ] as const)('%s %d', (gender, number, words) => expect(says({ number, gender })).toBe(words));
});

describe('ordinals', () => {
  it.each([
    [1, undefined, 'первый'],
    [3, 'feminine', 'третья'],
    [3, 'neuter', 'третье'],
    [20, undefined, 'двадцатый'],
    [21, 'feminine', 'двадцать первая'],
    [30, 'feminine', 'тридцатая'],
    [40, 'neuter', 'сороковое'],
    [99, undefined, 'девяносто девятый'],
    [100, undefined, 'сто'],
    [0, undefined, 'ноль'],
  ] as const)('%d %s', (ordinal, gender, words) =>
    expect(says(gender ? { ordinal, gender } : { ordinal })).toBe(words),
  );
});

describe('announcements', () => {
  it.each([
    [[{ fragment: 'queue-position' }, { ordinal: 3 }], 'ваша позиция в очереди третья'],
    [[{ fragment: 'queue-position' }, { ordinal: 22 }], 'ваша позиция в очереди двадцать вторая'],
    [[{ fragment: 'queue-position' }, { number: 3 }], 'ваша позиция в очереди три'],
    [[{ fragment: 'queue-wait' }, { minutes: 1 }], 'прогнозируемое время ожидания составляет одну минуту'],
    [[{ fragment: 'queue-wait' }, { minutes: 2 }], 'прогнозируемое время ожидания составляет две минуты'],
    [[{ fragment: 'queue-wait' }, { minutes: 5 }], 'прогнозируемое время ожидания составляет пять минут'],
    [[{ fragment: 'queue-wait' }, { minutes: 21 }], 'прогнозируемое время ожидания составляет двадцать одну минуту'],
    [
      [{ fragment: 'queue-wait' }, { fragment: 'less-than' }, { minutes: 1 }],
      'прогнозируемое время ожидания составляет менее одной минуты',
    ],
    [
      [{ fragment: 'queue-wait' }, { minutes: 2, to: 5 }],
      'прогнозируемое время ожидания составляет от двух до пяти минут',
    ],
    [[{ fragment: 'less-than' }, { minutes: 22 }], 'менее двадцати двух минут'],
    [[{ fragment: 'less-than' }, { minutes: 121 }], 'менее двух часов одной минуты'],
    [[{ fragment: 'less-than' }, { number: 1100 }], 'менее одной тысячи ста'],
    [[{ fragment: 'less-than' }, { number: 0 }], 'менее нуля'],
    // A fragment rules the one thing that follows it.
    [[{ fragment: 'less-than' }, { minutes: 1 }, { minutes: 1 }], 'менее одной минуты одна минута'],
    [
      [{ fragment: 'queue-wait' }, { minutes: 1 }, { prompt: 'queue-thanks' }],
      'прогнозируемое время ожидания составляет одну минуту благодарим за терпение',
    ],
    [
      [{ fragment: 'call-from' }, { phone: '79251234567' }],
      'входящий звонок от плюс семь, девятьсот двадцать пять, сто двадцать три, сорок пять, шестьдесят семь',
    ],
  ] as [Spoken[], string][])('%j', (spoken, words) => expect(says(...spoken)).toBe(words));
});

describe('lengths of time', () => {
  it.each([
    [{ minutes: 0 }, 'ноль минут'],
    [{ minutes: 1 }, 'одна минута'],
    [{ minutes: 11 }, 'одиннадцать минут'],
    [{ minutes: 34 }, 'тридцать четыре минуты'],
    [{ minutes: 60 }, 'один час'],
    [{ minutes: 125 }, 'два часа пять минут'],
    [{ minutes: 60 * 24 }, 'двадцать четыре часа'],
    [{ minutes: 5, to: 5 }, 'пять минут'],
    [{ minutes: 1, to: 3 }, 'от одной до трёх минут'],
    [{ minutes: 0, to: 1 }, 'от нуля до одной минуты'],
    [{ minutes: 50, to: 70 }, 'от пятидесяти минут до одного часа десяти минут'],
    [{ minutes: 120, to: 180 }, 'от двух часов до трёх часов'],
    [{ minutes: -1 }, ''],
    [{ minutes: -1, to: 3 }, ''],
    [{ minutes: 1, to: Number.NaN }, ''],
    [{ minutes: 1.5 }, 'одна минута тридцать секунд'],
    [{ seconds: 0 }, 'ноль секунд'],
    [{ seconds: 1 }, 'одна секунда'],
    [{ seconds: 42 }, 'сорок две секунды'],
    [{ seconds: 125 }, 'две минуты пять секунд'],
    [{ seconds: 3601 }, 'один час одна секунда'],
    [{ seconds: 0.5 }, ''],
  ] as [Spoken, string][])('%j', (spoken, words) => expect(says(spoken)).toBe(words));
});

describe('times and dates', () => {
  it.each([
    [{ time: { hour: 9, minute: 5 } }, 'девять часов пять минут'],
    [{ time: { hour: 21, minute: 1 } }, 'двадцать один час одна минута'],
    [{ time: { hour: 22, minute: 0 } }, 'двадцать два часа'],
    [{ time: { hour: 0, minute: 0 } }, 'ноль часов'],
    [{ date: '2026-12-31' }, 'тридцать первое декабря'],
    [{ date: '2026-03-08', weekday: true }, 'воскресенье, восьмое марта'],
    [{ date: '2026-05-03', year: true }, 'третье мая две тысячи двадцать шестого года'],
    [{ date: '2040-02-29', year: true }, 'двадцать девятое февраля две тысячи сорокового года'],
    [{ date: '2000-01-20', year: true }, 'двадцатое января'],
    [{ date: '2026-02-29' }, ''],
    [{ date: 'tomorrow' }, ''],
    [{ day: 'yesterday' }, 'вчера'],
  ] as [Spoken, string][])('%j', (spoken, words) => expect(says(spoken)).toBe(words));
});

describe('phones and keys', () => {
  it.each([
    [{ phone: '74950070001' }, 'плюс семь, четыреста девяносто пять, ноль ноль семь, ноль ноль, ноль один'],
    [
      { phone: '375291234567' },
      'плюс триста семьдесят пять, двадцать девять, сто двадцать три, сорок пять, шестьдесят семь',
    ],
    [{ phone: '+7 (925) 100-20-00' }, 'плюс семь, девятьсот двадцать пять, сто, двадцать, ноль ноль'],
    [{ phone: '401' }, 'четыреста один'],
    [{ phone: '1002' }, 'десять, ноль два'],
    [{ phone: '' }, ''],
    [{ digits: '0*9#+x' }, 'ноль звёздочка девять решётка плюс'],
  ] as [Spoken, string][])('%j', (spoken, words) => expect(says(spoken)).toBe(words));
});

describe('every number', () => {
  const anyNumber = fc.oneof(
    fc.integer({ min: 0, max: 2000 }),
    fc.integer({ min: 0, max: 1e12 }),
    // Numbers with many zeros inside, where parts are easily lost.
    fc
      .array(fc.constantFrom(0, 0, 1, 2, 11, 100, 999), { minLength: 1, maxLength: 4 })
      .map((groups) => groups.reduce<number>((n, group) => n * 1000 + group, 0)),
  );

  it('can be read back from its words, in every gender and case', () => {
    const genders: Gender[] = ['masculine', 'feminine', 'neuter'];
    fc.assert(
      fc.property(anyNumber, fc.constantFrom(...genders), fc.boolean(), (number, gender, genitive) => {
        const words = says(...(genitive ? [{ fragment: 'less-than' } as const] : []), { number, gender });
        expect(readRussian(words.replace('менее ', ''))).toBe(number);
      }),
      { numRuns: 2000 },
    );
  });

  it('is followed by the form that the Unicode plural rules name', () => {
    const rules = new Intl.PluralRules('ru');
    const noun = { one: 'one', few: 'few', many: 'many' };
    fc.assert(
      fc.property(anyNumber, (n) => {
        expect(nounAfter(n, noun, 'nominative')).toBe(rules.select(n));
        expect(nounAfter(n, { ...noun, oneAccusative: 'object' }, 'accusative')).toBe(
          rules.select(n) === 'one' ? 'object' : rules.select(n),
        );
        // After a genitive numeral: its own singular after one, else the plural.
        expect(nounAfter(n, noun, 'genitive')).toBe(rules.select(n) === 'one' ? 'few' : 'many');
      }),
      { numRuns: 2000 },
    );
  });

  it('of minutes keeps all its hours and minutes, and of seconds its seconds', () => {
    const units = [
      [/(.+?) час(?:а|ов)?(?: |$)/, 3600],
      [/(.+?) минут[аы]?(?: |$)/, 60],
      [/(.+?) секунд[аы]?(?: |$)/, 1],
    ] as const;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000 }), (seconds) => {
        let words = says({ seconds });
        let total = 0;
        for (const [unit, length] of units) {
          const [said, count] = unit.exec(words) ?? ['', ''];
          if (count) total += readRussian(count) * length;
          words = words.slice(said.length);
        }
        expect([total, words]).toEqual([seconds, '']);
      }),
    );
  });

  it('of a phone keeps all digits in their order', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9]{1,15}$/), (phone) => {
        const [, plus, rest = ''] = /^(плюс )?(.*)$/.exec(says({ phone })) ?? [];
        expect(plus !== undefined).toBe(phone.length >= 7);
        const digits = rest.split(', ').map((group) => {
          const zeros = /^(ноль ?)*/.exec(group)?.[0] ?? '';
          const after = group.slice(zeros.length);
          return '0'.repeat(zeros.split('ноль').length - 1) + (after === '' ? '' : readRussian(after));
        });
        expect(digits.join('')).toBe(phone);
      }),
    );
  });
});
