import type { Gender } from '../spoken.ts';
import type { CountedNoun, RussianWords } from './pack.ts';
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

type Case = Agreement['case'];

/**
 * What the recordings of the fragments ask for:
 * - «Ваша позиция в очереди …» третья: nominative, and an ordinal agrees with «позиция»
 * - «Прогнозируемое время ожидания составляет …» две минуты, одну минуту: accusative
 * - «менее …» двух минут, одной минуты: genitive
 */
const agreements: Speaker['agreements'] = {
  'queue-position': { case: 'nominative', ordinal: 'feminine' },
  'queue-wait': { ...alone, case: 'accusative' },
  'less-than': { ...alone, case: 'genitive' },
  'call-from': alone,
  'unknown-caller': alone,
  'new-messages': alone,
  'saved-messages': alone,
};

const PAUSE = { silenceMs: 200 };

/** Russian numerals: their gender, their case, and the form of the noun after them. */
export function speaksRussian(words: RussianWords): Speaker {
  const nouns = {
    hour: { noun: words.hour, gender: 'masculine' },
    minute: { noun: words.minute, gender: 'feminine' },
    second: { noun: words.second, gender: 'feminine' },
  } as const;

  const say = (value: SpokenValue, agreement: Agreement): readonly Word[] => {
    if ('number' in value) return number(value.number, value.gender ?? 'masculine', agreement.case);
    if ('ordinal' in value) return place(value.ordinal, value.gender ?? agreement.ordinal);
    if ('digits' in value) return keyByKey(value.digits, words);
    if ('phone' in value) return phpick(value.phone);
    if ('minutes' in value) return minutes(value, agreement.case);
    if ('seconds' in value) return duration(value.seconds, nouns.second, agreement.case);
    if ('time' in value) return timeOfDay(value.time);
    if ('date' in value) return date(value);
    return [words[value.day]];
  };

  const number = (n: number, gender: Gender, kase: Case): readonly Word[] =>
    isSpeakable(n) ? cardinal(n, gender, kase) : longNumber(n, words);

  /** Integers of at most ±LARGEST, which is a thousand billions. */
  function cardinal(n: number, gender: Gender, kase: Case): string[] {
    if (n < 0) return [words.minus, ...cardinal(-n, gender, kase)];
    if (n === 0) return pick(kase === 'genitive' ? words.genitive.units : words.units, 0);
    const said: string[] = [];
    let rest = n;
    for (const [scale, noun, itsGender] of [
      [1e9, words.billion, 'masculine'],
      [1e6, words.million, 'masculine'],
      [1e3, words.thousand, 'feminine'],
    ] as const) {
      const many = Math.floor(rest / scale);
      if (many > 0) said.push(...counted(many, { noun, gender: itsGender }, kase));
      rest %= scale;
    }
    return [...said, ...belowThousand(rest, gender, kase)];
  }

  /** 0 is said by no word here. */
  function belowThousand(n: number, gender: Gender, kase: Case): string[] {
    const table = kase === 'genitive' ? words.genitive : words;
    const hundreds = Math.floor(n / 100);
    const rest = n % 100;
    return [
      ...(hundreds > 0 ? pick(table.hundreds, hundreds - 1) : []),
      ...(rest >= 20 ? pick(table.tens, Math.floor(rest / 10) - 2) : []),
      ...unit(rest >= 20 ? rest % 10 : rest, gender, kase),
    ];
  }

  /** 1 to 19, the first two in the gender of what is counted: одна минута, одну минуту, одной минуты, две минуты. */
  function unit(n: number, gender: Gender, kase: Case): string[] {
    if (n === 0) return [];
    if (kase === 'genitive') {
      return n === 1 && gender === 'feminine' ? [words.genitive.oneFeminine] : pick(words.genitive.units, n);
    }
    if (n === 1 && gender === 'feminine') return [words.feminine[kase === 'accusative' ? 'oneAccusative' : 'one']];
    if (n === 1 && gender === 'neuter') return [words.neuter.one];
    if (n === 2 && gender === 'feminine') return [words.feminine.two];
    return pick(words.units, n);
  }

  const counted = (n: number, { noun, gender }: Counted, kase: Case): string[] => [
    ...cardinal(n, gender, kase),
    nounAfter(n, noun, kase),
  ];

  function place(n: number, agrees: Agreement['ordinal']): readonly Word[] {
    if (agrees === 'cardinal' || !isOrdinal(n)) return number(n, 'masculine', 'nominative');
    return ordinal(n, agrees);
  }

  /** Only the last word of an ordinal is one: «двадцать первый». */
  function ordinal(n: number, form: Gender | 'genitive'): string[] {
    const { units, tens } = words.ordinals[form];
    if (n <= 20) return pick(units, n - 1);
    const ten = Math.floor(n / 10);
    return n % 10 === 0 ? pick(tens, ten - 3) : [...pick(words.tens, ten - 2), ...pick(units, (n % 10) - 1)];
  }

  function phpick(text: string): readonly Word[] {
    const { international, groups } = phoneGroups(text);
    const said = groups.flatMap((group): Word[] => [PAUSE, ...inOneGo(group)]).slice(1);
    return international ? [words.plus, ...said] : said;
  }

  /** «ноль ноль семь», «девятьсот двадцать пять». */
  function inOneGo(group: string): string[] {
    const [zeros = ''] = /^0*/.exec(group) ?? [];
    return [...keyByKey(zeros, words), ...belowThousand(Number(group), 'masculine', 'nominative')];
  }

  function minutes({ minutes: from, to }: { minutes: number; to?: number }, kase: Case): readonly string[] {
    if (to === undefined || to === from) return duration(from * 60, nouns.minute, kase);
    const end = duration(to * 60, nouns.minute, 'genitive');
    // «от двух до пяти минут»: what is counted is named once where both are minutes.
    const short = isSpeakable(from) && from >= 0 && from < 60 && to < 60;
    const begin = short ? cardinal(from, 'feminine', 'genitive') : duration(from * 60, nouns.minute, 'genitive');
    return begin.length > 0 && end.length > 0 ? [words.from, ...begin, words.to, ...end] : [];
  }

  /** @param least what there is none of when it is over at once: «ноль минут» */
  function duration(total: number, least: Counted, kase: Case): string[] {
    const parts = clockParts(total);
    if (!parts) return [];
    const said = (
      [
        ['hours', nouns.hour],
        ['minutes', nouns.minute],
        ['seconds', nouns.second],
      ] as const
    ).flatMap(([part, noun]) => (parts[part] > 0 ? counted(parts[part], noun, kase) : []));
    return said.length > 0 ? said : counted(0, least, kase);
  }

  const timeOfDay = ({ hour, minute }: { hour: number; minute: number }): string[] => [
    ...counted(hour, nouns.hour, 'nominative'),
    ...(minute > 0 ? counted(minute, nouns.minute, 'nominative') : []),
  ];

  /** «четверг, тридцать первое декабря две тысячи двадцать шестого года». */
  function date({ date: text, weekday = false, year = false }: SpokenDate): readonly Word[] {
    const parts = calendarParts(text);
    if (!parts) return [];
    return [
      ...(weekday ? [...pick(words.weekdays, parts.weekday), PAUSE] : []),
      ...ordinal(parts.day, 'neuter'),
      ...pick(words.months, parts.month),
      ...(year && isSpeakableYear(parts.year)
        ? [...cardinal(2000, 'masculine', 'nominative'), ...ordinal(parts.year - 2000, 'genitive'), words.ofYear]
        : []),
    ];
  }

  return { agreements, say };
}

interface Counted {
  readonly noun: CountedNoun;
  readonly gender: Gender;
}

type SpokenDate = Extract<SpokenValue, { readonly date: string }>;

/** The form of a noun after a number, by the number's last digits: 1, 21 минута; 2, 34 минуты; 5, 11, 112 минут. */
export function nounAfter(n: number, noun: CountedNoun, kase: Case): string {
  const last = n % 10;
  const teen = Math.floor(n / 10) % 10 === 1;
  const one = last === 1 && !teen;
  if (kase === 'genitive') return one ? noun.few : noun.many;
  if (one) return kase === 'accusative' ? (noun.oneAccusative ?? noun.one) : noun.one;
  return last >= 2 && last <= 4 && !teen ? noun.few : noun.many;
}
