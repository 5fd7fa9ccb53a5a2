import type { FragmentName, PromptName } from './names.ts';

export type Language = 'ru' | 'en';

/**
 * A file without its extension. `digits/1` lies in the pack's directory; `./callback-offer` beside this table, in the folder named after the
 * language: recordings of ours, for what the pack does not have. Several are played one after the other.
 */
export type Recording = string | readonly string[];

/** One voice: where its files are and which of them says what. A company's own voice is another such table. */
export type PromptPack = RussianPack | EnglishPack;
export type RussianPack = Pack<'ru', RussianWords>;
export type EnglishPack = Pack<'en', EnglishWords>;

interface Pack<Of extends Language, Words extends NumberWords> {
  readonly language: Of;
  readonly directory: string;
  /** What to install when the directory is missing: completes "apt install …". */
  readonly debianPackage: string;
  /** Where `./` points. */
  readonly ownDirectory: string;
  readonly prompts: Readonly<Record<PromptName, Recording>>;
  readonly fragments: Readonly<Record<FragmentName, Recording>>;
  readonly numbers: Words;
}

/** The words that numbers, dates and durations are spoken with, as far as all languages have them. */
export interface NumberWords {
  /** 0–19; in Russian masculine nominative. */
  readonly units: readonly string[];
  /** 20, 30 … 90. */
  readonly tens: readonly string[];
  readonly minus: string;
  /** «до», “to”, between the ends of a range. */
  readonly to: string;
  /** Sunday first. */
  readonly weekdays: readonly string[];
  /** January first, as said after a day («мая»). */
  readonly months: readonly string[];
  readonly today: string;
  readonly tomorrow: string;
  readonly yesterday: string;
  /** Keys of a telephone that are no digits, and the sign before an international number. */
  readonly star: string;
  readonly pound: string;
  readonly plus: string;
}

export interface RussianWords extends NumberWords {
  /** 100, 200 … 900. */
  readonly hundreds: readonly string[];
  readonly thousand: CountedNoun;
  readonly million: CountedNoun;
  readonly billion: CountedNoun;
  readonly hour: CountedNoun;
  readonly minute: CountedNoun;
  readonly second: CountedNoun;
  /** 1 and 2 where they agree with the gender of what is counted: одна, одну, две, одно. */
  readonly feminine: { readonly one: string; readonly oneAccusative: string; readonly two: string };
  readonly neuter: { readonly one: string };
  /** «менее пяти», «от одной»: 0–19, 20 … 90, 100 … 900. */
  readonly genitive: {
    readonly units: readonly string[];
    readonly oneFeminine: string;
    readonly tens: readonly string[];
    readonly hundreds: readonly string[];
  };
  /** The nominatives of each gender, and the genitive of masculine and neuter. */
  readonly ordinals: Readonly<Record<'masculine' | 'feminine' | 'neuter' | 'genitive', OrdinalWords>>;
  /** «года», after the number of a year. */
  readonly ofYear: string;
  /** «от», before the beginning of a range. */
  readonly from: string;
}

export interface EnglishWords extends NumberWords {
  readonly hundred: string;
  readonly thousand: string;
  readonly million: string;
  readonly billion: string;
  readonly hour: SingularAndPlural;
  readonly minute: SingularAndPlural;
  readonly second: SingularAndPlural;
  readonly ordinals: OrdinalWords;
  /** The zero of “nine oh five”. */
  readonly oh: string;
  readonly am: string;
  readonly pm: string;
}

/** Forms after a number: 1 минута, 2 минуты, 5 минут. `few` is the genitive singular, `many` the genitive plural. */
export interface CountedNoun {
  readonly one: string;
  readonly few: string;
  readonly many: string;
  /** «одну минуту»: after 1 as an object, where that differs from `one`. */
  readonly oneAccusative?: string;
}

export interface SingularAndPlural {
  readonly one: string;
  readonly many: string;
}

/** 1st–20th, then 30th … 90th. */
export interface OrdinalWords {
  readonly units: readonly string[];
  readonly tens: readonly string[];
}

/** Every file that a table of number words names: what a check of the pack goes through. */
export function wordFiles(words: NumberWords): string[] {
  const files: string[] = [];
  const collect = (value: unknown): void => {
    if (typeof value === 'string') files.push(value);
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(collect);
  };
  collect(words);
  return files;
}

/** `digits/h-1` … for a series of numbers. */
export const series = (prefix: string, numbers: readonly number[]): string[] => numbers.map((n) => `${prefix}${n}`);
export const upTo = (from: number, to: number, step = 1): number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step);
