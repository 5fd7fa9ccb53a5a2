import type { FragmentName, PromptName } from './names.ts';

export type Language = 'ru' | 'en';

/**
 * A file without its extension. `digits/1` lies in the pack's directory; `./callback-offer` beside this table, in the folder named after the
 * language: recordings of ours, for what the pack does not have. Several are played one after the other.
 */
export type Recording = string | readonly string[];

/** One voice: where its files are and which of them says what. A company's own voice is another such table. */
export interface PromptPack {
  readonly language: Language;
  readonly directory: string;
  /** What to install when the directory is missing: completes "apt install …". */
  readonly debianPackage: string;
  /** Where `./` points. */
  readonly ownDirectory: string;
  readonly prompts: Readonly<Record<PromptName, Recording>>;
  readonly fragments: Readonly<Record<FragmentName, Recording>>;
  readonly numbers: NumberWords;
}

/** Forms after a number: 1 минута, 2 минуты, 5 минут. English has the same word for `few` and `many`. */
export interface PluralForms {
  readonly one: string;
  readonly few: string;
  readonly many: string;
  /** «через минуту»: after 1 as an object, where that differs from `one`. */
  readonly oneAccusative?: string;
}

/** The words that numbers, dates and durations are spoken with. What a language does not distinguish is absent. */
export interface NumberWords {
  /** 0–19. */
  readonly units: readonly string[];
  /** 20, 30 … 90. */
  readonly tens: readonly string[];
  /** 100, 200 … 900 where each is a word of its own; else the one word "hundred". */
  readonly hundreds: readonly string[] | string;
  readonly thousand: PluralForms;
  readonly million: PluralForms;
  readonly billion: PluralForms;
  readonly minus: string;
  /** 1 and 2 where they agree with the gender of what is counted: одна, две, одно. */
  readonly feminine?: { readonly one: string; readonly oneAccusative: string; readonly two: string };
  readonly neuter?: { readonly one: string };
  /** 1st–20th, then 30th … 90th; masculine nominative. */
  readonly ordinals: readonly string[];
  readonly ordinalTens: readonly string[];
  readonly hour: PluralForms;
  readonly minute: PluralForms;
  readonly second: PluralForms;
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
