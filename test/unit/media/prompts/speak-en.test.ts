import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Spoken } from '../../../../src/media/spoken.ts';
import { readEnglish } from '../../../support/read-numerals.ts';
import { heard } from '../../../support/spoken-words.ts';

const says = (...spoken: Spoken[]) => heard('en', ...spoken);

describe('cardinals and ordinals', () => {
  it.each([
    [{ number: 0 }, 'zero'],
    [{ number: 19 }, 'nineteen'],
    [{ number: 30 }, 'thirty'],
    [{ number: 42 }, 'forty two'],
    [{ number: 105 }, 'one hundred five'],
    [{ number: 1_000 }, 'one thousand'],
    [{ number: 21_300 }, 'twenty one thousand three hundred'],
    [{ number: 2_000_001 }, 'two million one'],
    [{ number: 1e12 }, 'one thousand billion'],
    [{ number: -7 }, 'minus seven'],
    [{ number: 1, gender: 'feminine' }, 'one'],
    [{ number: 0.1 }, ''],
    [{ ordinal: 1 }, 'first'],
    [{ ordinal: 12 }, 'twelfth'],
    [{ ordinal: 20 }, 'twentieth'],
    [{ ordinal: 33 }, 'thirty third'],
    [{ ordinal: 90 }, 'ninetieth'],
    [{ ordinal: 100 }, 'one hundred'],
  ] as [Spoken, string][])('%j', (spoken, words) => expect(says(spoken)).toBe(words));
});

describe('announcements', () => {
  it.each([
    // “caller number third” would be no sentence.
    [[{ fragment: 'queue-position' }, { ordinal: 3 }], 'you are currently caller number three'],
    [[{ fragment: 'queue-position' }, { number: 3 }], 'you are currently caller number three'],
    [[{ fragment: 'queue-wait' }, { minutes: 1 }], 'the estimated hold time is currently one minute'],
    [
      [{ fragment: 'queue-wait' }, { fragment: 'less-than' }, { minutes: 2 }],
      'the estimated hold time is currently less than two minutes',
    ],
    [[{ fragment: 'queue-wait' }, { minutes: 2, to: 5 }], 'the estimated hold time is currently two to five minutes'],
    [
      [{ fragment: 'call-from' }, { phone: '12125550123' }],
      'incoming call from plus one, two one two, five five five, zero one two three',
    ],
    [[{ prompt: 'queue-thanks' }, { digits: '1*#' }], 'thank you for your patience one star pound'],
  ] as [Spoken[], string][])('%j', (spoken, words) => expect(says(...spoken)).toBe(words));
});

describe('times, dates and phones', () => {
  it.each([
    [{ minutes: 0 }, 'zero minutes'],
    [{ minutes: 61 }, 'one hour one minute'],
    [{ minutes: 50, to: 70 }, 'fifty minutes to one hour ten minutes'],
    [{ minutes: 3, to: Number.NaN }, ''],
    [{ seconds: 62 }, 'one minute two seconds'],
    [{ seconds: 0 }, 'zero seconds'],
    [{ seconds: -5 }, ''],
    [{ time: { hour: 0, minute: 5 } }, 'twelve oh five a.m.'],
    [{ time: { hour: 9, minute: 0 } }, 'nine a.m.'],
    [{ time: { hour: 12, minute: 30 } }, 'twelve thirty p.m.'],
    [{ time: { hour: 23, minute: 59 } }, 'eleven fifty nine p.m.'],
    [{ date: '2026-12-31', weekday: true, year: true }, 'Thursday, December thirty first, twenty twenty six'],
    [{ date: '2005-07-04', year: true }, 'July fourth, two thousand five'],
    [{ date: '1999-07-04', year: true }, 'July fourth'],
    [{ date: '2026-04-31' }, ''],
    [{ day: 'today' }, 'today'],
    [{ phone: '442079460123' }, 'plus four four, two zero seven, nine four six, zero one two three'],
    [{ phone: '402' }, 'four zero two'],
    [{ phone: '1234567' }, 'plus one, two three, four five six seven'],
  ] as [Spoken, string][])('%j', (spoken, words) => expect(says(spoken)).toBe(words));
});

describe('every number', () => {
  it('can be read back from its words', () => {
    const anyNumber = fc.oneof(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 0, max: 1e12 }));
    fc.assert(
      fc.property(anyNumber, (number) => {
        expect(readEnglish(says({ number }))).toBe(number);
      }),
      { numRuns: 2000 },
    );
  });

  it('of a phone keeps all digits in their order', () => {
    const words = 'zero one two three four five six seven eight nine'.split(' ');
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9]{1,15}$/), (phone) => {
        const said = says({ phone }).replace('plus ', '').replaceAll(',', '').split(' ');
        expect(said.map((word) => words.indexOf(word)).join('')).toBe(phone);
      }),
    );
  });
});
