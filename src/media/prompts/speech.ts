import type { Gender, Spoken } from '../spoken.ts';
import type { FragmentName, PromptName } from './names.ts';
import type { NumberWords } from './pack.ts';

/** A recording by its name in the pack, or the pause that keeps «сто» and «двадцать три» from being 123. */
export type Word = string | { readonly silenceMs: number };

/** What has to be put into words: all that is not one recording by name. */
export type SpokenValue = Exclude<Spoken, { readonly prompt: PromptName } | { readonly fragment: FragmentName }>;

/** How what follows a fragment has to be said, since it goes on with its sentence. */
export interface Agreement {
  readonly case: 'nominative' | 'accusative' | 'genitive';
  /** Of an ordinal that says nothing itself: the gender of the noun that it belongs to; `cardinal` where the sentence has no place for an ordinal. */
  readonly ordinal: Gender | 'cardinal';
}

/** One language over one voice. */
export interface Speaker {
  readonly agreements: Readonly<Record<FragmentName, Agreement>>;
  say(value: SpokenValue, agreement: Agreement): readonly Word[];
}

export const alone: Agreement = { case: 'nominative', ordinal: 'masculine' };

/** Key by key; what is no key of a telephone is passed over. */
export function keyByKey(keys: string, { units, star, pound, plus }: NumberWords): string[] {
  const words = new Map(Object.entries({ '*': star, '#': pound, '+': plus }));
  for (const [digit, word] of units.slice(0, 10).entries()) words.set(String(digit), word);
  return [...keys].flatMap((key) => words.get(key) ?? []);
}

/** Said as a cardinal: up to a thousand billions. */
export const isSpeakable = (n: number): boolean => Number.isInteger(n) && Math.abs(n) <= 1e12;

/** Larger integers, digit by digit. */
export const longNumber = (n: number, words: NumberWords): string[] =>
  Number.isInteger(n) ? [...(n < 0 ? [words.minus] : []), ...keyByKey(BigInt(Math.abs(n)).toString(), words)] : [];

/** Said as an ordinal. */
export const isOrdinal = (n: number): boolean => Number.isInteger(n) && n >= 1 && n <= 99;

/** One word of a table; none where there is none, since an announcement never stops a call. */
export const pick = (table: readonly string[], index: number): string[] => table.slice(index, index + 1);

/** Hours, minutes and seconds of a length of time; undefined for what is none. */
export function clockParts(seconds: number): { hours: number; minutes: number; seconds: number } | undefined {
  if (!isSpeakable(seconds) || seconds < 0) return undefined;
  return { hours: Math.floor(seconds / 3600), minutes: Math.floor(seconds / 60) % 60, seconds: seconds % 60 };
}

/** Year, month (0 to 11), day of the month and of the week (0: Sunday) of `2026-12-31`; undefined if there is no such day. */
export function calendarParts(date: string): { year: number; month: number; day: number; weekday: number } | undefined {
  const at = /^\d{4}-\d\d-\d\d$/.test(date) ? new Date(`${date}T00:00:00Z`) : undefined;
  // Date reads the 31st of April as the first of May.
  if (!at || Number.isNaN(at.valueOf()) || at.getUTCDate() !== Number(date.slice(8))) return undefined;
  return { year: at.getUTCFullYear(), month: at.getUTCMonth(), day: at.getUTCDate(), weekday: at.getUTCDay() };
}

/** Years that are said: those of this century that have an ordinal of two digits. */
export const isSpeakableYear = (year: number): boolean => year > 2000 && year < 2100;
