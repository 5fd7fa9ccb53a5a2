import type { EnglishWords, SingularAndPlural } from './pack.ts';
import { phoneGroups } from './phone-groups.ts';
import {
  type Agreement,
  alone,
  calendarParts,
  clockParts,
  isOrdinal,
  isSpeakable,
  isSpeakableYear,
  keyByKey,
  longNumber,
  pick,
  type Speaker,
  type SpokenValue,
  type Word,
} from './speech.ts';

/** “You are currently caller number …” three: that sentence has no place for “third”. */
const agreements: Speaker['agreements'] = {
  'queue-position': { ...alone, ordinal: 'cardinal' },
  'queue-wait': alone,
  'less-than': alone,
  'call-from': alone,
  'unknown-caller': alone,
  'new-messages': alone,
  'saved-messages': alone,
};

const PAUSE = { silenceMs: 200 };

/** English as it is said in North America, where the voice of the pack comes from: “one hundred five”, “nine oh five a.m.”, “December thirty first”. */
export function speaksEnglish(words: EnglishWords): Speaker {
  const say = (value: SpokenValue, agreement: Agreement): readonly Word[] => {
    if ('number' in value) return number(value.number);
    if ('ordinal' in value) return place(value.ordinal, agreement);
    if ('digits' in value) return keyByKey(value.digits, words);
    if ('phone' in value) return phone(value.phone);
    if ('minutes' in value) return minutes(value);
    if ('seconds' in value) return duration(value.seconds, words.second);
    if ('time' in value) return timeOfDay(value.time);
    if ('date' in value) return date(value);
    return [words[value.day]];
  };

  const number = (n: number): readonly Word[] => (isSpeakable(n) ? cardinal(n) : longNumber(n, words));

  /** Integers of at most ±10¹², which is a thousand billions. */
  function cardinal(n: number): string[] {
    if (n < 0) return [words.minus, ...cardinal(-n)];
    if (n < 20) return pick(words.units, n);
    if (n < 100) return [...pick(words.tens, Math.floor(n / 10) - 2), ...(n % 10 > 0 ? cardinal(n % 10) : [])];
    const [scale, word] = (
      [
        [1e9, words.billion],
        [1e6, words.million],
        [1e3, words.thousand],
        [100, words.hundred],
      ] as const
    ).find(([size]) => n >= size) ?? [100, words.hundred];
    return [...cardinal(Math.floor(n / scale)), word, ...(n % scale > 0 ? cardinal(n % scale) : [])];
  }

  const counted = (n: number, noun: SingularAndPlural): string[] => [...cardinal(n), n === 1 ? noun.one : noun.many];

  const place = (n: number, { ordinal: agrees }: Agreement): readonly Word[] =>
    agrees === 'cardinal' || !isOrdinal(n) ? number(n) : ordinal(n);

  function ordinal(n: number): string[] {
    const { units, tens } = words.ordinals;
    if (n <= 20) return pick(units, n - 1);
    const ten = Math.floor(n / 10);
    return n % 10 === 0 ? pick(tens, ten - 3) : [...pick(words.tens, ten - 2), ...pick(units, (n % 10) - 1)];
  }

  /** Digit by digit, with a pause between the groups; the last four digits are one: “two one two, five five five, zero one two three”. */
  function phone(text: string): readonly Word[] {
    const { international, groups } = phoneGroups(text);
    const inFours = groups.length > 3 ? [...groups.slice(0, -2), groups.slice(-2).join('')] : groups;
    const said = inFours.flatMap((group): Word[] => [PAUSE, ...keyByKey(group, words)]).slice(1);
    return international ? [words.plus, ...said] : said;
  }

  function minutes({ minutes: from, to }: { minutes: number; to?: number }): readonly string[] {
    const begin = duration(from * 60, words.minute);
    if (to === undefined || to === from) return begin;
    const end = duration(to * 60, words.minute);
    if (begin.length === 0 || end.length === 0) return [];
    // “two to five minutes”: what is counted is named once where both are minutes.
    return [...(from < 60 && to < 60 ? cardinal(from) : begin), words.to, ...end];
  }

  /** @param least what there is none of when it is over at once: “zero minutes” */
  function duration(total: number, least: SingularAndPlural): string[] {
    const parts = clockParts(total);
    if (!parts) return [];
    const said = (['hour', 'minute', 'second'] as const).flatMap((noun) => {
      const n = parts[`${noun}s`];
      return n > 0 ? counted(n, words[noun]) : [];
    });
    return said.length > 0 ? said : counted(0, least);
  }

  /** “nine a.m.”, “nine oh five a.m.”, “twelve thirty p.m.”. */
  const timeOfDay = ({ hour, minute }: { hour: number; minute: number }): string[] => [
    ...cardinal(hour % 12 === 0 ? 12 : hour % 12),
    ...(minute > 0 && minute < 10 ? [words.oh] : []),
    ...(minute > 0 ? cardinal(minute) : []),
    hour < 12 ? words.am : words.pm,
  ];

  /** “Thursday, December thirty first, twenty twenty six”. */
  function date({
    date: text,
    weekday = false,
    year = false,
  }: Extract<SpokenValue, { date: string }>): readonly Word[] {
    const parts = calendarParts(text);
    if (!parts) return [];
    return [
      ...(weekday ? [...pick(words.weekdays, parts.weekday), PAUSE] : []),
      ...pick(words.months, parts.month),
      ...ordinal(parts.day),
      ...(year && isSpeakableYear(parts.year) ? [PAUSE, ...yearNumber(parts.year)] : []),
    ];
  }

  /** “two thousand five”, “twenty twenty six”. */
  const yearNumber = (year: number): string[] =>
    year < 2010 ? cardinal(year) : [...cardinal(Math.floor(year / 100)), ...cardinal(year % 100)];

  return { agreements, say };
}
